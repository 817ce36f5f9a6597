//! Reading a checkout: one strongly consistent call, so whoever was told of a write sees it.

use aws_sdk_dynamodb::types::AttributeValue;

use crate::checkout::Checkout;
use crate::id::OrderId;
use crate::ledger::Ledger;
use crate::payment::Transaction;

use super::item::{self, CHECKOUT_SORT_KEY, CheckoutItem, Item, TransactionItem, partition, string};
use super::retry::{AttemptError, classify, until_settled};
use super::{Store, StoreError};

/// A checkout with every transaction that was reported of its order.
#[derive(Debug, Clone)]
pub struct CheckoutRecord {
    /// The checkout.
    pub checkout: Checkout,
    /// The transactions, in no particular order.
    pub transactions: Vec<Transaction>,
}

/// A record with the versions at which its transactions were last written.
pub(super) struct Snapshot {
    pub(super) record: CheckoutRecord,
    pub(super) versions: Vec<u64>,
}

impl Store {
    /// The checkout of an order or of the session that the order can link to.
    pub async fn read_checkout(&self, order: OrderId) -> Result<Option<Checkout>, StoreError> {
        until_settled(|| async {
            let found = self
                .client
                .get_item()
                .table_name(&self.table)
                .key("pk", string(partition(order)))
                .key("sk", string(CHECKOUT_SORT_KEY))
                .consistent_read(true)
                .send()
                .await
                .map_err(classify)?;
            let item: Option<CheckoutItem> = found.item.map(item::from_item).transpose()?;
            Ok(item.map(Checkout::from))
        })
        .await
    }

    /// The same, with every transaction that was reported of the order.
    pub async fn read_record(&self, order: OrderId) -> Result<Option<CheckoutRecord>, StoreError> {
        let snapshot = until_settled(|| self.snapshot(order)).await?;
        Ok(snapshot.map(|snapshot| snapshot.record))
    }

    /// Reads the whole item collection.
    ///
    /// A Query is not isolated from a transaction that commits meanwhile (it reads each
    /// item committed, not all of them at one instant), so it can return a checkout without
    /// the deposit that its sum includes. The sum gives that away, and the read is repeated.
    pub(super) async fn snapshot(&self, order: OrderId) -> Result<Option<Snapshot>, AttemptError> {
        let mut items = self.query_partition(order).await?.into_iter();
        let Some(first) = items.next() else {
            return Ok(None);
        };
        let checkout: Checkout = item::from_item::<CheckoutItem>(first)?.into();
        let mut transactions = Vec::with_capacity(items.len());
        let mut versions = Vec::with_capacity(items.len());
        for item in items {
            let stored: TransactionItem = item::from_item(item)?;
            transactions.push(stored.transaction);
            versions.push(stored.version);
        }
        if let Some(order) = &checkout.order {
            let ledger = &checkout.ledger;
            if Ledger::sum(order, &transactions, ledger.failure.clone(), ledger) != *ledger {
                return Err(AttemptError::Contended("a read straddled a write".to_owned()));
            }
        }
        Ok(Some(Snapshot { record: CheckoutRecord { checkout, transactions }, versions }))
    }

    async fn query_partition(&self, order: OrderId) -> Result<Vec<Item>, AttemptError> {
        let mut items = Vec::new();
        let mut start = None;
        loop {
            let page = self
                .client
                .query()
                .table_name(&self.table)
                .key_condition_expression("pk = :pk")
                .expression_attribute_values(":pk", AttributeValue::S(partition(order)))
                .consistent_read(true)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(classify)?;
            items.extend(page.items.unwrap_or_default());
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(items);
            }
        }
    }
}

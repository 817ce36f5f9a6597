//! Reads a checkout: one strongly consistent call, so a caller that was told of a write sees it.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::chain_fact::{ChainFact, ChainTotals, with_reported};
use domain::id::OrderId;
use domain::lifecycle::Checkout;
use domain::onramp::VendorReport;
use domain::payment::{Transaction, by_transaction};
use domain::payment_state::PaymentState;
use domain::record::CheckoutRecord;
use runtime::DependencyError;

use super::Store;
use super::chain::{WORK_SORT_KEY, Work, WorkItem};
use super::item::{
    self, CHECKOUT_SORT_KEY, CheckoutItem, Item, ON_CHAIN, OnChainPage, TransactionItem, partition, string,
};
use super::retry::{AttemptError, classify, until_settled};

/// All that is stored of a checkout.
pub(super) struct Snapshot {
    pub(super) checkout: Checkout,
    /// What was reported.
    pub(super) reported: Vec<Transaction>,
    /// How that is stored, in the same order.
    pub(super) stored: Vec<StoredReport>,
    /// What the chain shows.
    pub(super) on_chain: Vec<ChainFact>,
    /// What the watcher has to do for the order.
    pub(super) work: Option<Work>,
    /// The highest block up to which the chain was read for it.
    pub(super) observed_block: Option<u64>,
    /// What the onramp vendor said last.
    pub(super) vendor_report: Option<VendorReport>,
}

/// Where a report is stored. The sort key is the one that the item has: the rule that makes it of a hash has
/// changed since some of them were written.
pub(super) struct StoredReport {
    pub(super) sort_key: String,
    /// The checkout's version when it was last written.
    pub(super) version: u64,
}

impl Snapshot {
    /// What is shown of it.
    pub(super) fn into_record(self) -> CheckoutRecord {
        let Self { checkout, reported, on_chain, vendor_report, .. } = self;
        let reported = by_transaction(&reported).into_owned();
        let Some(order) = checkout.order.as_ref().filter(|order| order.is_watched) else {
            return CheckoutRecord { checkout, transactions: reported, on_chain: None, vendor_report };
        };
        let transactions = with_reported(order, &reported, &on_chain);
        let totals = ChainTotals::of(&on_chain, &reported, checkout.deadline);
        CheckoutRecord { checkout, transactions, on_chain: Some(totals), vendor_report }
    }
}

impl Store {
    /// The checkout of an order or of the session that the order can link to.
    pub async fn read_checkout(&self, order: OrderId) -> Result<Option<Checkout>, DependencyError> {
        let item = until_settled(|| self.checkout_item(order)).await?;
        Ok(item.map(Checkout::from))
    }

    /// Reads a checkout's own item.
    pub(super) async fn checkout_item(&self, order: OrderId) -> Result<Option<CheckoutItem>, AttemptError> {
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
        Ok(found.item.map(item::from_item).transpose()?)
    }

    /// The same, with every transaction that was reported of the order.
    pub async fn read_record(&self, order: OrderId) -> Result<Option<CheckoutRecord>, DependencyError> {
        let snapshot = until_settled(|| self.snapshot(order)).await?;
        Ok(snapshot.map(Snapshot::into_record))
    }

    /// Reads the whole item collection.
    ///
    /// A Query is not isolated from a transaction that commits meanwhile (it reads each
    /// item committed, not all of them at one instant), so it can return a checkout without
    /// the deposit that its sum includes. The sum gives that away, and the read is repeated.
    pub(super) async fn snapshot(&self, order: OrderId) -> Result<Option<Snapshot>, AttemptError> {
        let mut items = self.query_partition(order).await?.into_iter();
        // A work item alone is what is left of an order that TTL removed.
        let Some(first) = items.next().filter(|first| !is_work(first)) else {
            return Ok(None);
        };
        let first: CheckoutItem = item::from_item(first)?;
        let (observed_block, vendor_report) = (first.observed_block, first.vendor_report.clone());
        let checkout = Checkout::from(first);
        let mut on_chain = Vec::new();
        let mut work = None;
        let mut reported = Vec::with_capacity(items.len());
        let mut stored = Vec::with_capacity(items.len());
        for item in items {
            if is_page(&item) {
                on_chain.extend(item::from_item::<OnChainPage>(item)?.facts);
            } else if is_work(&item) {
                work = Some(item::from_item::<WorkItem>(item)?.work);
            } else {
                let TransactionItem { sk, version, transaction, .. } = item::from_item(item)?;
                reported.push(transaction);
                stored.push(StoredReport { sort_key: sk, version });
            }
        }
        if let Some(order) = &checkout.order {
            let payment_state = &checkout.payment_state;
            if !payment_state.is_sum(&PaymentState::sum(
                order,
                &reported,
                &on_chain,
                payment_state.failure.clone(),
                payment_state,
            )) {
                return Err(AttemptError::Contended("a read straddled a write".to_owned()));
            }
        }
        Ok(Some(Snapshot { checkout, reported, stored, on_chain, work, observed_block, vendor_report }))
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

fn is_page(item: &Item) -> bool {
    matches!(item.get("sk"), Some(AttributeValue::S(sk)) if sk.starts_with(ON_CHAIN))
}

fn is_work(item: &Item) -> bool {
    matches!(item.get("sk"), Some(AttributeValue::S(sk)) if sk == WORK_SORT_KEY)
}

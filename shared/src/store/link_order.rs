//! Linking an order to its session: one conditional write to the session's own item.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};

use crate::checkout::Checkout;
use crate::id::{OrderId, SessionId, WriteId};
use crate::order::Order;
use crate::session::SessionStatus;
use crate::time::Timestamp;

use super::client::{ATTEMPT_TIMEOUT, once_within};
use super::idempotency::{Found, incomplete};
use super::item::{self, CHECKOUT_SORT_KEY, CheckoutItem, Item, number, partition, string, to_attribute};
use super::retry::{AttemptError, classify, until_settled};
use super::transact::Committed;
use super::{IdempotencyKey, Store, StoreError};

/// There is a session, it is open for long enough that no fast clock has seen it expire,
/// and its one place for an order is free. Without an order nothing can have been paid.
const CAN_LINK: &str = "attribute_exists(pk) AND attribute_not_exists(expired_at) AND deadline > :fastest \
    AND attribute_not_exists(#order)";

/// Puts the order into its place. A session with an order is a financial record, which TTL
/// must never remove.
const LINK: &str = "SET #order = :order, order_write = :write REMOVE #ttl";

/// What came of linking an order.
#[derive(Debug)]
pub enum Linking {
    /// It is linked now.
    Linked(Box<Checkout>),
    /// An earlier call with the same key and request linked it.
    Replayed(Box<Checkout>),
    /// An earlier call used the key for another request.
    KeyReused,
    /// There is no such session.
    NoSession,
    /// The session is not open.
    NotOpen(SessionStatus),
    /// The session is open and has this order.
    AlreadyLinked(OrderId),
}

impl Store {
    /// Links `order` to `session`, whose [derived id](SessionId::order) it bears.
    ///
    /// `clock` is read anew at each attempt: an order that met another writer and comes
    /// through after the deadline is too late.
    pub async fn link_order(
        &self,
        session: SessionId,
        order: &Order,
        clock: impl Fn() -> Timestamp + Sync,
        key: Option<&IdempotencyKey>,
    ) -> Result<Linking, StoreError> {
        let (order, write) = (to_attribute(order)?, WriteId::random());
        until_settled(|| async {
            let link = Link { session, order: order.clone(), now: clock(), write };
            match key {
                None => self.try_link(&link).await,
                Some(key) => self.try_link_once(&link, key).await,
            }
        })
        .await
    }

    async fn try_link(&self, link: &Link) -> Result<Linking, AttemptError> {
        let result = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", link.partition())
            .key("sk", string(CHECKOUT_SORT_KEY))
            .update_expression(LINK)
            .condition_expression(CAN_LINK)
            .expression_attribute_names("#order", "order")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":order", link.order.clone())
            .expression_attribute_values(":write", to_attribute(&link.write)?)
            .expression_attribute_values(":fastest", link.fastest())
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .customize()
            .config_override(once_within(ATTEMPT_TIMEOUT))
            .send()
            .await;
        match result {
            Ok(done) => {
                let item: CheckoutItem = item::from_item(done.attributes.unwrap_or_default())?;
                Ok(Linking::Linked(Box::new(item.into())))
            }
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(refusal)) => {
                    Ok(link.refused(refusal.item().cloned())?)
                }
                Some(_) | None => Err(classify(error).or_contended()),
            },
        }
    }

    /// Links and remembers the key in one transaction. A transaction returns nothing, so
    /// the session is read beside it: what the answer needs of it never changes.
    async fn try_link_once(&self, link: &Link, key: &IdempotencyKey) -> Result<Linking, AttemptError> {
        let update = Update::builder()
            .table_name(&self.table)
            .key("pk", link.partition())
            .key("sk", string(CHECKOUT_SORT_KEY))
            .update_expression(LINK)
            .condition_expression(CAN_LINK)
            .expression_attribute_names("#order", "order")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":order", link.order.clone())
            .expression_attribute_values(":write", to_attribute(&link.write)?)
            .expression_attribute_values(":fastest", link.fastest())
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(incomplete)?;
        let subject = link.session.order();
        let items = vec![
            self.remember(key, link.write, subject, None, link.now)?,
            TransactWriteItem::builder().update(update).build(),
        ];
        let (committed, beside) =
            tokio::join!(self.transact_once(ATTEMPT_TIMEOUT, items), self.read_checkout(subject));
        let mut refusals = match committed? {
            Committed::Yes => return link.linked(beside?),
            Committed::Refused(refusals) => refusals,
        };
        if let Some(record) = refusals.take(0).and_then(|refusal| refusal.stored) {
            return match key.read(record, link.write)? {
                Found::OwnWrite => link.linked(beside?),
                Found::KeyReused => Ok(Linking::KeyReused),
                Found::Replay(record) => Ok(Linking::Replayed(self.subject_of(&record).await?)),
            };
        }
        Ok(link.refused(refusals.take(1).and_then(|refusal| refusal.stored))?)
    }
}

/// One attempt to link.
struct Link {
    session: SessionId,
    order: AttributeValue,
    now: Timestamp,
    write: WriteId,
}

impl Link {
    fn partition(&self) -> AttributeValue {
        string(partition(self.session.order()))
    }

    fn fastest(&self) -> AttributeValue {
        number(self.now.on_the_fastest_clock().as_millis())
    }

    /// The checkout with our order, from a session that was read beside the write and may
    /// not show it yet.
    fn linked(&self, beside: Option<Checkout>) -> Result<Linking, AttemptError> {
        let order: Order = serde_dynamo::from_attribute_value(self.order.clone())
            .map_err(|error| StoreError::Broken(error.to_string()))?;
        let Some(session) = beside else {
            return Err(StoreError::Broken("a linked session is gone".to_owned()).into());
        };
        Ok(Linking::Linked(Box::new(Checkout { order: Some(order), ..session })))
    }

    /// Why the order could not be linked, by what the table holds. The rules are judged in
    /// the contract's order (*Link rules*).
    fn refused(&self, stored: Option<Item>) -> Result<Linking, StoreError> {
        let Some(stored) = stored else {
            return Ok(Linking::NoSession);
        };
        let item: CheckoutItem = item::from_item(stored)?;
        let is_own_write = item.order_write == Some(self.write);
        let checkout = Checkout::from(item);
        if is_own_write {
            return Ok(Linking::Linked(Box::new(checkout)));
        }
        let status = checkout.session_status(self.now);
        let on_the_fastest_clock = checkout.session_status(self.now.on_the_fastest_clock());
        Ok(match (status, checkout.order) {
            (SessionStatus::Open, Some(order)) => Linking::AlreadyLinked(order.id),
            // Open, but so close to its deadline that another clock may have passed it.
            (SessionStatus::Open, None) => Linking::NotOpen(on_the_fastest_clock),
            (status, _) => Linking::NotOpen(status),
        })
    }
}

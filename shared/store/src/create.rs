//! Creates a session, or an order on its own: one write, under an id that nothing else has.

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem};
use domain::id::OrderId;
use domain::idempotency_key::IdempotencyKey;
use domain::lifecycle::Checkout;
use domain::order::Order;
use domain::retention::Retention;
use domain::session::CheckoutSession;
use domain::time::Timestamp;
use runtime::DependencyError;

use super::chain::{WATCHED_FOR, watch_attributes};
use super::idempotency::{Found, Record, incomplete};
use super::item::{self, CheckoutItem, Item};
use super::list::{OrderListing, SessionListing};
use super::retry::{AttemptError, classify, until_settled};
use super::transact::Committed;
use super::write_id::WriteId;
use super::{Creation, Store};

const IS_NEW: &str = "attribute_not_exists(pk)";

impl Store {
    /// Stores a new session that is open until `deadline`. TTL may remove it at `ttl`
    /// (epoch seconds), unless an order links to it before.
    pub async fn create_session(
        &self,
        session: CheckoutSession,
        deadline: Timestamp,
        ttl: i64,
        key: Option<&IdempotencyKey>,
    ) -> Result<Creation, DependencyError> {
        let (subject, now) = (session.id.order(), session.created_at);
        let item = CheckoutItem {
            listed_session: SessionListing::of(&session),
            session: Some(session),
            ttl: Some(ttl),
            ..CheckoutItem::new(subject, deadline)
        };
        self.create(subject, item, key, now).await
    }

    /// Stores a new order that belongs to no session. TTL may remove it once the retention after its deadline
    /// is over, unless a fact is recorded about it before.
    pub async fn create_order(
        &self,
        order: Order,
        retention: Retention,
        key: Option<&IdempotencyKey>,
    ) -> Result<Creation, DependencyError> {
        let (subject, now) = (order.id, order.created_at);
        let deadline = now + order.terms.standalone_lifetime();
        let retained = deadline.as_seconds() + retention.as_seconds();
        // Late money must find a watched order, however short the retention is: for the two periods of the index.
        let watched = order.is_watched.then(|| (now + WATCHED_FOR * 2).as_seconds());
        let item = CheckoutItem {
            watch: order.is_watched.then(|| watch_attributes(&order)),
            listed_order: OrderListing::of(&order),
            order: Some(order),
            ttl: Some(retained.max(watched.unwrap_or(retained))),
            ..CheckoutItem::new(subject, deadline)
        };
        self.create(subject, item, key, now).await
    }

    async fn create(
        &self,
        subject: OrderId,
        checkout: CheckoutItem,
        key: Option<&IdempotencyKey>,
        now: Timestamp,
    ) -> Result<Creation, DependencyError> {
        let item = item::to_item(&checkout)?;
        let write = WriteId::random();
        let earlier = until_settled(|| async {
            match key {
                None => self.put_new(&item).await.map(|()| None),
                Some(key) => self.put_new_once(subject, &item, key, write, now).await,
            }
        })
        .await?;
        Ok(earlier.unwrap_or_else(|| Creation::Created(Box::new(checkout.into()))))
    }

    async fn put_new(&self, item: &Item) -> Result<(), AttemptError> {
        let result = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item.clone()))
            .condition_expression(IS_NEW)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = result else {
            return Ok(());
        };
        match error.as_service_error() {
            // Nobody else draws this id: the reply to our own first attempt was lost.
            Some(PutItemError::ConditionalCheckFailedException(refusal)) if refusal.item() == Some(item) => {
                Ok(())
            }
            Some(_) | None => Err(classify(error)),
        }
    }

    /// Puts the item and remembers the key in one transaction. Returns `None` if that succeeded, and else the outcome of
    /// the earlier call with this key.
    async fn put_new_once(
        &self,
        subject: OrderId,
        item: &Item,
        key: &IdempotencyKey,
        write: WriteId,
        now: Timestamp,
    ) -> Result<Option<Creation>, AttemptError> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item.clone()))
            .condition_expression(IS_NEW)
            .build()
            .map_err(incomplete)?;
        let items = vec![
            self.remember(key, write, subject, None, now)?,
            TransactWriteItem::builder().put(put).build(),
        ];
        let mut refusals = match self.transact(items).await? {
            Committed::Yes => return Ok(None),
            Committed::Refused(refusals) => refusals,
        };
        let Some(record) = refusals.take(0).and_then(|refusal| refusal.stored) else {
            return Err(DependencyError::Broken("a random id was taken".to_owned()).into());
        };
        match Found::read(key, record, write)? {
            Found::OwnWrite(_) => Ok(None),
            Found::KeyReused => Ok(Some(Creation::KeyReused)),
            Found::Replay(record) => Ok(Some(Creation::Replayed(self.subject_of(&record).await?))),
        }
    }

    /// What an earlier call with the same key made.
    pub(super) async fn subject_of(&self, record: &Record) -> Result<Box<Checkout>, DependencyError> {
        let subject = self.read_checkout(record.subject).await?;
        let outlived = || DependencyError::Broken("an idempotency record outlived its subject".to_owned());
        subject.map(Box::new).ok_or_else(outlived)
    }
}

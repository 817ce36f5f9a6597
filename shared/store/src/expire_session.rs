//! Expiring a session by call: one conditional write, whether or not an order is linked.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};
use domain::id::SessionId;
use domain::idempotency_key::IdempotencyKey;
use domain::lifecycle::{Checkout, ExpireRefusal};
use domain::time::Timestamp;
use runtime::DependencyError;

use super::Store;
use super::client::{ATTEMPT_TIMEOUT, once_within};
use super::item::{self, CHECKOUT_SORT_KEY, CheckoutItem, Item, number, partition, string, to_attribute};
use super::retry::{AttemptError, classify, until_settled};
use super::write_id::WriteId;

/// The session's status is `open`, and no payment that covers its order waits for its finality:
/// [`Checkout::expire`], as DynamoDB says it.
const IS_OPEN: &str = "attribute_exists(pk) AND attribute_not_exists(expired_at) AND deadline > :now \
    AND attribute_not_exists(ledger.paid_at) AND attribute_not_exists(ledger.pending_since) \
    AND attribute_not_exists(ledger.outcome)";

/// The outcome of expiring a session.
#[derive(Debug)]
pub enum Expiry {
    /// It is expired now.
    Expired(Box<Checkout>),
    /// An earlier call with the same key and request expired it.
    Replayed(Box<Checkout>),
    /// An earlier call used the key for another request.
    KeyReused,
    /// There is no such session.
    NoSession,
    /// It is not open, or is being paid.
    Refused(ExpireRefusal),
}

impl Store {
    /// Expires an open session. An idempotency key is kept with the session itself: the
    /// call can succeed only once.
    ///
    /// `clock` is read again at each attempt: a call that is repeated after the deadline must not record
    /// that the session was called off before it. If an attempt is refused by the clock alone, an earlier one may
    /// still arrive. It changes no answer, because the session is expired either way.
    pub async fn expire_session(
        &self,
        session: SessionId,
        clock: impl Fn() -> Timestamp + Sync,
        key: Option<&IdempotencyKey>,
    ) -> Result<Expiry, DependencyError> {
        let write = WriteId::random();
        until_settled(|| self.try_expire(session, clock(), key, write)).await
    }

    async fn try_expire(
        &self,
        session: SessionId,
        now: Timestamp,
        key: Option<&IdempotencyKey>,
        write: WriteId,
    ) -> Result<Expiry, AttemptError> {
        let assignments = "SET expired_at = :now, expire_write = :write, version = version + :one";
        let (update, key_value) = match key {
            None => (assignments.to_owned(), None),
            Some(key) => (format!("{assignments}, expire_key = :key"), Some(to_attribute(key)?)),
        };
        let mut call = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", string(partition(session.order())))
            .key("sk", string(CHECKOUT_SORT_KEY))
            .update_expression(update)
            .condition_expression(IS_OPEN)
            .expression_attribute_values(":now", number(now.as_millis()))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":write", to_attribute(&write)?)
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        if let Some(key_value) = key_value {
            call = call.expression_attribute_values(":key", key_value);
        }
        match call.customize().config_override(once_within(ATTEMPT_TIMEOUT)).send().await {
            Ok(done) => {
                let item: CheckoutItem = item::from_item(done.attributes.unwrap_or_default())?;
                Ok(Expiry::Expired(Box::new(item.into())))
            }
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(refusal)) => {
                    Ok(refused(refusal.item().cloned(), key, write, now)?)
                }
                Some(_) | None => Err(classify(error).or_contended()),
            },
        }
    }
}

/// Returns why the session could not be expired, by what the table holds. The domain gives the reason. If it gives none,
/// the condition and the code disagree.
fn refused(
    stored: Option<Item>,
    key: Option<&IdempotencyKey>,
    write: WriteId,
    now: Timestamp,
) -> Result<Expiry, DependencyError> {
    let Some(stored) = stored else {
        return Ok(Expiry::NoSession);
    };
    let mut item: CheckoutItem = item::from_item(stored)?;
    let is_own_write = item.expire_write == Some(write);
    let earlier = item.expire_key.take();
    let checkout = Box::new(Checkout::from(item));
    Ok(match (key, earlier) {
        _ if is_own_write => Expiry::Expired(checkout),
        (Some(key), Some(earlier)) if *key == earlier => Expiry::Replayed(checkout),
        (Some(key), Some(earlier)) if key.key_hash == earlier.key_hash => Expiry::KeyReused,
        (_, _) => match checkout.expire(now) {
            Err(refusal) => Expiry::Refused(refusal),
            Ok(_) => return Err(DependencyError::Broken("an open session was not expired".to_owned())),
        },
    })
}

//! Recording a reported fact: one read of the order, one conditional write.

use std::time::Duration;

use aws_sdk_dynamodb::types::{Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update};
use domain::id::OrderId;
use domain::idempotency_key::IdempotencyKey;
use domain::lifecycle::{Checkout, Recorded};
use domain::payment::PaymentEvent;
use domain::record::CheckoutRecord;
use domain::time::Timestamp;
use runtime::DependencyError;

use super::Store;
use super::client::ATTEMPT_TIMEOUT;
use super::idempotency::{Found, Record, incomplete};
use super::item::{self, CHECKOUT_SORT_KEY, TransactionItem, partition, string, to_attribute};
use super::read::Snapshot;
use super::retry::{AttemptError, until_settled};
use super::transact::Committed;
use super::write_id::WriteId;

/// An answer larger than this, one with more than a thousand transactions, does not fit into
/// an item of 400 KB beside the rest of its record. It is not remembered under its
/// idempotency key; its replay is made from the order as it is then.
const LARGEST_REMEMBERED_ANSWER: usize = 390 * 1024;

/// The outcome of recording a fact.
#[derive(Debug)]
pub enum Recording {
    /// The order after it, and when it was recorded.
    Recorded(Box<CheckoutRecord>, Timestamp),
    /// The answer of an attempt of this very call whose reply was lost, as its key remembers it:
    /// others may have written since, and every repetition gets this one.
    Remembered(String),
    /// The first response to the same call if it was kept, and the order as it is now.
    Replayed(Option<String>, Box<CheckoutRecord>),
    /// An earlier call used the key for another request.
    KeyReused,
    /// There is no such order.
    NoOrder,
}

impl Store {
    /// Records a fact about an order.
    ///
    /// `clock` is read again at each attempt: a payment that met another writer and succeeds after the deadline is late,
    /// even if its first attempt was in time.
    /// `answer` makes the answer that an idempotency key remembers.
    pub async fn record_event(
        &self,
        order: OrderId,
        event: &PaymentEvent,
        clock: impl Fn() -> Timestamp + Sync,
        key: Option<&IdempotencyKey>,
        answer: impl Fn(&CheckoutRecord, Timestamp) -> Option<String> + Sync,
    ) -> Result<Recording, DependencyError> {
        let write = WriteId::random();
        until_settled(|| async {
            let Some(snapshot) = self.snapshot(order).await? else {
                return Ok(Recording::NoOrder);
            };
            let now = clock();
            let Snapshot { checkout, reported, on_chain, .. } = &snapshot;
            let Some(terms) = &checkout.order else {
                return Ok(Recording::NoOrder);
            };
            let recorded = checkout.record(terms, reported, on_chain, event.clone(), now);
            let mut writes = match &recorded {
                Some(recorded) => self.writes(order, &snapshot, recorded)?,
                None => Vec::new(),
            };
            let mut after = snapshot;
            if let Some(recorded) = recorded {
                apply(recorded, &mut after);
            }
            let record = after.into_record();
            // The record goes last: the positions of the others do not depend on it.
            if let Some(key) = key {
                let answer = answer(&record, now).filter(|answer| answer.len() <= LARGEST_REMEMBERED_ANSWER);
                writes.push(self.remember(key, write, order, answer, now)?);
            }
            if writes.is_empty() {
                return Ok(Recording::Recorded(Box::new(record), now));
            }
            let last = writes.len() - 1;
            let time = valid_for(&record.checkout, now);
            let mut refusals = match self.transact_once(time, writes).await? {
                Committed::Yes => return Ok(Recording::Recorded(Box::new(record), now)),
                Committed::Refused(refusals) => refusals,
            };
            let remembered = key.and_then(|key| Some((key, refusals.take(last)?.stored?)));
            let Some((key, remembered)) = remembered else {
                return Err(AttemptError::Contended("the order changed meanwhile".to_owned()));
            };
            match Found::read(key, remembered, write)? {
                Found::OwnWrite(Record { answer: Some(answer), .. }) => Ok(Recording::Remembered(answer)),
                Found::OwnWrite(Record { answer: None, .. }) => {
                    Ok(Recording::Recorded(Box::new(record), now))
                }
                Found::KeyReused => Ok(Recording::KeyReused),
                Found::Replay(earlier) => Ok(Recording::Replayed(earlier.answer, Box::new(record))),
            }
        })
        .await
    }

    /// The writes that take a fact in. Both fail where anything was recorded since the read.
    fn writes(
        &self,
        order: OrderId,
        seen: &Snapshot,
        recorded: &Recorded,
    ) -> Result<Vec<TransactWriteItem>, DependencyError> {
        let Snapshot { checkout, reported, .. } = seen;
        let version = checkout.version + 1;
        let update = Update::builder()
            .table_name(&self.table)
            .key("pk", string(partition(order)))
            .key("sk", string(CHECKOUT_SORT_KEY))
            // With a fact about it the order is a financial record, which TTL must never remove.
            .update_expression("SET ledger = :ledger, version = :next REMOVE #ttl")
            .condition_expression("version = :seen")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":ledger", to_attribute(&recorded.payment_state)?)
            .expression_attribute_values(":next", to_attribute(&version)?)
            .expression_attribute_values(":seen", to_attribute(&checkout.version)?)
            .build()
            .map_err(incomplete)?;
        let mut writes = vec![TransactWriteItem::builder().update(update).build()];
        if let Some(transaction) = &recorded.transaction {
            let at = reported.iter().position(|stored| stored.is_same_as(transaction));
            let seen = at.and_then(|at| seen.stored.get(at));
            let mut stored = TransactionItem::new(order, transaction.clone(), version);
            if let Some(seen) = seen {
                stored.sk.clone_from(&seen.sort_key);
            }
            let put = Put::builder()
                .table_name(&self.table)
                .set_item(Some(item::to_item(&stored)?))
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::None);
            let put = match seen {
                None => put.condition_expression("attribute_not_exists(pk)"),
                Some(seen) => put
                    .condition_expression("version = :seen")
                    .expression_attribute_values(":seen", to_attribute(&seen.version)?),
            };
            let put = put.build().map_err(incomplete)?;
            writes.push(TransactWriteItem::builder().put(put).build());
        }
        Ok(writes)
    }
}

/// For how long what was decided at `now` may still be sent: until the margin before the
/// deadline begins, if it has not. A payment that was in time when it was judged must not
/// come through after a reader saw the session expire.
pub(super) fn valid_for(checkout: &Checkout, now: Timestamp) -> Duration {
    let left = checkout.deadline.since(now.on_the_fastest_clock());
    if left.is_zero() { ATTEMPT_TIMEOUT } else { left.min(ATTEMPT_TIMEOUT) }
}

/// The order as it is once the fact is written.
fn apply(recorded: Recorded, record: &mut Snapshot) {
    let Recorded { payment_state, transaction } = recorded;
    let Snapshot { checkout, reported, .. } = record;
    checkout.payment_state = payment_state;
    checkout.version += 1;
    if let Some(transaction) = transaction {
        match reported.iter_mut().find(|stored| stored.is_same_as(&transaction)) {
            Some(stored) => *stored = transaction,
            None => reported.push(transaction),
        }
    }
}

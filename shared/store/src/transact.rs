//! Transactions, and what their cancellation means.

use std::time::Duration;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::{TransactWriteItemsError, TransactWriteItemsOutput};
use aws_sdk_dynamodb::types::{CancellationReason, TransactWriteItem};
use runtime::DependencyError;

use super::Store;
use super::client::once_within;
use super::item::Item;
use super::retry::{AttemptError, classify, is_throttling};

/// The outcome of a transaction.
pub(super) enum Committed {
    /// All of it was written.
    Yes,
    /// None of it was: at least one condition failed.
    Refused(Refusals),
}

/// Which conditions of a refused transaction failed, by the position of their item.
pub(super) struct Refusals(Vec<Option<Refusal>>);

/// A failed condition, with what the table holds in its place.
pub(super) struct Refusal {
    /// The stored item; `None` if there is none.
    pub(super) stored: Option<Item>,
}

impl Refusals {
    /// The failed condition of the item at `position`, if it was among those that failed.
    pub(super) fn take(&mut self, position: usize) -> Option<Refusal> {
        self.0.get_mut(position).and_then(Option::take)
    }
}

impl Store {
    /// Writes all items or none. Its retries are safe: the SDK gives each call a token by
    /// which DynamoDB knows it again.
    pub(super) async fn transact(&self, items: Vec<TransactWriteItem>) -> Result<Committed, AttemptError> {
        let call = self.client.transact_write_items().set_transact_items(Some(items));
        committed(call.send().await)
    }

    /// The same in one attempt of at most `time` ([`once_within`]).
    pub(super) async fn transact_once(
        &self,
        time: Duration,
        items: Vec<TransactWriteItem>,
    ) -> Result<Committed, AttemptError> {
        let call = self.client.transact_write_items().set_transact_items(Some(items));
        let result = call.customize().config_override(once_within(time)).send().await;
        committed(result).map_err(AttemptError::or_contended)
    }
}

/// Names the outcome of a transaction.
fn committed(
    result: Result<TransactWriteItemsOutput, SdkError<TransactWriteItemsError>>,
) -> Result<Committed, AttemptError> {
    let Err(error) = result else {
        return Ok(Committed::Yes);
    };
    match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
            refusals(cancelled.cancellation_reasons()).map(Committed::Refused)
        }
        Some(_) | None => Err(classify(error)),
    }
}

/// Reads the reasons of a cancelled transaction. Only failed conditions are an outcome; a
/// conflict or a throttled item says nothing about what the table holds.
fn refusals(reasons: &[CancellationReason]) -> Result<Refusals, AttemptError> {
    let code = |reason: &CancellationReason| reason.code().unwrap_or("None").to_owned();
    let codes: Vec<String> = reasons.iter().map(code).collect();
    let passing = |code: &String| code == "TransactionConflict" || is_throttling(code);
    let understood = |code: &String| code == "None" || code == "ConditionalCheckFailed";
    if codes.iter().any(passing) {
        return Err(AttemptError::Contended(format!("transaction cancelled: {codes:?}")));
    }
    if !codes.iter().all(understood) || codes.iter().all(|code| code == "None") {
        return Err(DependencyError::Broken(format!("transaction cancelled: {codes:?}")).into());
    }
    let refusal = |reason: &CancellationReason| {
        (reason.code() == Some("ConditionalCheckFailed")).then(|| Refusal { stored: reason.item().cloned() })
    };
    Ok(Refusals(reasons.iter().map(refusal).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(code: &str) -> CancellationReason {
        CancellationReason::builder().code(code).build()
    }

    #[test]
    fn reasons_are_read_by_position() {
        let mut refusals = refusals(&[reason("None"), reason("ConditionalCheckFailed")]).ok().unwrap();
        assert!(refusals.take(0).is_none());
        assert!(refusals.take(1).is_some());
        assert!(refusals.take(2).is_none());
    }

    #[test]
    fn a_conflict_outweighs_failed_conditions() {
        for code in ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"] {
            let read = refusals(&[reason("ConditionalCheckFailed"), reason(code)]);
            assert!(matches!(read, Err(AttemptError::Contended(_))), "{code}");
        }
    }

    #[test]
    fn an_unknown_reason_is_no_outcome() {
        let read = refusals(&[reason("ValidationError"), reason("ConditionalCheckFailed")]);
        assert!(matches!(read, Err(AttemptError::Failed(DependencyError::Broken(_)))));
    }
}

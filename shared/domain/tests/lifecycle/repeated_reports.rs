//! Two reports of one thing: which are the same, and which of them counts.

use domain::order::OrderStatus;
use domain::payment::{Points, RefundStatus, RelayStatus, TransactionKind};
use domain::session::SessionStatus;
use domain::time::Timestamp;

use super::{
    DEADLINE, ELSEWHERE, HERE, IN_TIME, LAST, OPENED, Record, amount, deposit, deposit_on, evm, execution,
    execution_at, failure, failure_because, payment, refund, relay, transaction,
};

#[test]
fn a_repeated_fact_is_no_news() {
    for event in [
        payment(),
        deposit("a", "1"),
        deposit_on(ELSEWHERE, "a", "1"),
        relay(RelayStatus::Pending),
        execution(),
        refund(RefundStatus::Failure),
        refund(RefundStatus::Success),
        failure(),
    ] {
        for now in [IN_TIME, LAST + 1, DEADLINE] {
            let mut record = Record::new();
            assert!(record.report(event.clone(), now));
            let before = record.checkout.clone();
            assert!(!record.report(event.clone(), now));
            assert!(!record.report(event.clone(), DEADLINE + 1));
            assert_eq!(record.checkout, before);
        }
    }
}

#[test]
fn an_evm_hash_in_another_case_is_the_same_deposit() {
    let record = Record::after(["1abc", "1ABC", "1aBc"].map(|digits| deposit(&evm(digits), "60")));
    assert_eq!(record.transactions.len(), 1);
    assert_eq!(record.received(), "60");
    assert_eq!(record.session(IN_TIME), SessionStatus::Open);
}

#[test]
fn other_hashes_are_told_apart_by_case() {
    let record = Record::after([deposit("5VERv8", "60"), deposit("5verv8", "60")]);
    assert_eq!(record.transactions.len(), 2);
    assert_eq!(record.received(), "120");
}

#[test]
fn the_larger_report_of_a_deposit_counts() {
    let mut record = Record::after([deposit("a", "60")]);
    assert!(!record.report(deposit("a", "59"), IN_TIME));
    assert_eq!(record.received(), "60");
    assert!(record.report(deposit("a", "100"), IN_TIME));
    assert_eq!(record.received(), "100");
    assert_eq!(record.transactions.len(), 1);
    assert_eq!(record.session(IN_TIME), SessionStatus::Processing);
    assert!(!record.report(deposit("a", "60"), IN_TIME));
    assert_eq!(record.session(IN_TIME), SessionStatus::Processing);
}

#[test]
fn the_later_stage_of_a_relay_counts_in_either_order() {
    let stages = [RelayStatus::Pending, RelayStatus::Success];
    let forwards = Record::after(stages.map(relay));
    let mut backwards = Record::after([relay(RelayStatus::Success)]);
    assert!(!backwards.report(relay(RelayStatus::Pending), IN_TIME));
    for record in [forwards, backwards] {
        let kinds: Vec<_> = record.transactions.iter().map(|t| &t.kind).collect();
        let success = TransactionKind::Relay { status: RelayStatus::Success };
        assert_eq!(kinds, [&success]);
    }
}

#[test]
fn a_refund_that_arrived_is_not_undone_by_an_older_report() {
    let mut record = Record::after([refund(RefundStatus::Success)]);
    assert!(!record.report(refund(RefundStatus::Failure), IN_TIME));
    assert_eq!(record.order(IN_TIME), OrderStatus::Refunded);
}

#[test]
fn the_details_of_an_execution_add_up() {
    let with = |actual: Option<&str>, points: Option<&str>| {
        let kind = TransactionKind::Execution {
            actual_dst_amount: actual.map(amount),
            relay: None,
            points: points.map(|points| Points::parse(points).unwrap()),
        };
        transaction(HERE, "executed", OPENED, kind)
    };
    let parts = [with(Some("99"), None), with(None, Some("7"))];
    let whole = Record::after([with(Some("99"), Some("7"))]);
    let forwards = Record::after(parts.clone());
    let backwards = Record::after(parts.into_iter().rev());
    assert_eq!(forwards.transactions, whole.transactions);
    assert_eq!(backwards.transactions, whole.transactions);
}

#[test]
fn of_two_reports_of_one_execution_the_first_moment_counts() {
    for [one, other] in [[1, 2], [2, 1]] {
        let record = Record::after([execution_at("a", OPENED + one), execution_at("a", OPENED + other)]);
        let moments: Vec<_> = record.transactions.iter().map(|t| t.created_at).collect();
        assert_eq!(moments, [Timestamp::from_millis(OPENED + 1)]);
    }
}

#[test]
fn two_executions_are_both_kept() {
    let mut record = Record::after([execution_at("a", OPENED + 2)]);
    assert!(record.report(execution_at("b", OPENED + 1), IN_TIME));
    assert_eq!(record.transactions.len(), 2);
    assert_eq!(record.at(IN_TIME), (OrderStatus::Executed, SessionStatus::Complete));
}

#[test]
fn of_two_failures_the_same_one_is_kept_in_either_order() {
    let reasons = ["no route", "no liquidity"].map(failure_because);
    let forwards = Record::after(reasons.clone());
    let backwards = Record::after(reasons.into_iter().rev());
    assert_eq!(forwards.checkout.payment_state, backwards.checkout.payment_state);
}

//! What counts as paid: which deposits add up, and on which chain.

use domain::order::OrderStatus;
use domain::payment::{PaymentEvent, RefundStatus, RelayStatus, TransactionKind};
use domain::payment_state::covered_at;
use domain::session::SessionStatus;
use domain::time::Timestamp;

use super::{
    DEADLINE, ELSEWHERE, HERE, IN_TIME, MAX, MAX_LESS_ONE, OPENED, PRICE, Record, amount, deposit,
    deposit_on, execution_at, transaction,
};

/// One transfer of a transaction.
fn deposit_log(hash: &str, log_index: u64, text: &str) -> PaymentEvent {
    let kind = TransactionKind::DepositLog { log_index, from: None, amount: amount(text) };
    transaction(HERE, hash, OPENED, kind)
}

#[test]
fn the_transfers_of_one_transaction_add_up() {
    let mut record = Record::after([deposit_log("a", 4, "40"), deposit_log("a", 4, "40")]);
    assert_eq!(record.received(), "40");
    record.report(deposit_log("a", 7, "60"), IN_TIME);
    assert_eq!(record.received(), "100");
    assert_eq!(record.at(IN_TIME), (OrderStatus::Executing, SessionStatus::Processing));
    // The total of the same transaction is no further money.
    record.report(deposit("a", "100"), IN_TIME);
    assert_eq!(record.received(), "100");
    record.report(deposit("a", "101"), IN_TIME);
    assert_eq!(record.received(), "101");
}

#[test]
fn deposits_that_fall_short_leave_the_session_open_until_they_add_up() {
    let mut record = Record::after([deposit("a", "60"), deposit("b", "39")]);
    assert_eq!(record.received(), "99");
    assert_eq!(record.at(IN_TIME), (OrderStatus::ScanningDepositTransaction, SessionStatus::Open));
    record.report(deposit("c", "1"), IN_TIME);
    assert_eq!(record.received(), "100");
    assert_eq!(record.at(IN_TIME), (OrderStatus::Executing, SessionStatus::Processing));
}

#[test]
fn more_than_asked_for_pays_as_well() {
    let mut record = Record::after([deposit("a", "250")]);
    assert_eq!(record.session(IN_TIME), SessionStatus::Processing);
    let paid_at = record.checkout.payment_state.paid_at;
    assert!(record.report(deposit("b", "1"), DEADLINE));
    assert_eq!(record.received(), "251");
    assert_eq!(record.checkout.payment_state.paid_at, paid_at);
    assert_eq!(record.at(DEADLINE), (OrderStatus::Executing, SessionStatus::Processing));
}

#[test]
fn a_deposit_on_another_chain_is_kept_and_pays_nothing() {
    let mut record = Record::new();
    assert!(record.report(deposit_on(ELSEWHERE, "a", MAX), IN_TIME));
    assert_eq!(record.transactions.len(), 1);
    assert_eq!(record.received(), "0");
    assert_eq!(record.at(IN_TIME), (OrderStatus::ScanningDepositTransaction, SessionStatus::Open));
    assert_eq!(record.at(DEADLINE), (OrderStatus::Refunding, SessionStatus::Expired));
}

#[test]
fn one_hash_on_two_chains_is_two_deposits() {
    let record = Record::after([deposit_on(ELSEWHERE, "a", "60"), deposit("a", "60")]);
    assert_eq!(record.transactions.len(), 2);
    assert_eq!(record.received(), "60");
}

#[test]
fn one_hash_of_every_kind_is_one_transaction_of_each() {
    let refund = TransactionKind::Refund { amount: amount("1"), status: RefundStatus::Failure };
    let relay = TransactionKind::Relay { status: RelayStatus::Pending };
    let record = Record::after([
        deposit("a", "100"),
        transaction(HERE, "a", OPENED, relay),
        execution_at("a", OPENED),
        transaction(HERE, "a", OPENED, refund),
    ]);
    assert_eq!(record.transactions.len(), 4);
    assert_eq!(record.at(IN_TIME), (OrderStatus::Executed, SessionStatus::Complete));
}

#[test]
fn the_largest_amount_is_paid_exactly() {
    let mut record = Record::over(MAX);
    record.report(deposit("a", MAX_LESS_ONE), IN_TIME);
    assert_eq!(record.session(IN_TIME), SessionStatus::Open);
    record.report(deposit("b", "1"), IN_TIME);
    assert_eq!(record.received(), MAX);
    assert_eq!(record.session(IN_TIME), SessionStatus::Processing);
}

#[test]
fn a_sum_beyond_the_largest_amount_does_not_wrap() {
    for price in [PRICE, MAX] {
        let mut record = Record::over(price);
        record.report(deposit("a", MAX_LESS_ONE), IN_TIME);
        record.report(deposit("b", MAX), IN_TIME);
        record.report(deposit("c", "1"), IN_TIME);
        assert_eq!(record.received(), MAX);
        assert_eq!(record.transactions.len(), 3);
        assert_eq!(record.at(IN_TIME), (OrderStatus::Executing, SessionStatus::Processing));
    }
}

#[test]
fn the_deposits_own_times_say_when_they_covered_the_order() {
    let at = |hash: &str, text: &str, created_at: i64| {
        let kind = TransactionKind::Deposit { from: None, amount: amount(text) };
        transaction(HERE, hash, created_at, kind)
    };
    let record = Record::after([at("c", "1", 3_000), at("b", "40", 2_000), at("a", "60", 1_000)]);
    let covered = |record: &Record| covered_at(&record.order, &record.transactions);
    assert_eq!(covered(&record), Some(Timestamp::from_millis(2_000)));
    let short = Record::after([at("a", "60", 1_000), deposit_on(ELSEWHERE, "b", "40")]);
    assert_eq!(covered(&short), None);
}

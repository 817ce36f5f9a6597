//! How a session ends, by its deadline or a call, and that what has ended stays ended.

use domain::order::OrderStatus;
use domain::payment::{RefundStatus, RelayStatus};
use domain::session::SessionStatus;
use domain::time::{CLOCK_SKEW_BOUND_MS, Timestamp};

use super::{
    DEADLINE, IN_TIME, OPENED, PRICE, Record, deposit, execution, execution_at, failure, payment, refund,
    relay,
};

#[test]
fn the_deadline_is_met_to_the_millisecond() {
    let empty = Record::new();
    let short = Record::after([deposit("a", "1")]);
    for record in [&empty, &short] {
        assert_eq!(record.at(DEADLINE - 1), (OrderStatus::ScanningDepositTransaction, SessionStatus::Open));
    }
    assert_eq!(empty.at(DEADLINE), (OrderStatus::Expired, SessionStatus::Expired));
    assert_eq!(short.at(DEADLINE), (OrderStatus::Refunding, SessionStatus::Expired));
}

#[test]
fn a_payment_just_before_the_margin_is_in_time() {
    let mut record = Record::new();
    record.report(payment(), DEADLINE - 501);
    assert_eq!(record.checkout.payment_state.paid_at, Some(Timestamp::from_millis(DEADLINE - 501)));
    for now in [DEADLINE - 501, DEADLINE - 1, DEADLINE, DEADLINE + 1_000_000] {
        assert_eq!(record.at(now), (OrderStatus::Executing, SessionStatus::Processing));
    }
}

#[test]
fn a_payment_within_the_margin_is_kept_and_pays_nothing() {
    // At the first of these instants a clock ahead by the whole bound shows the deadline.
    for now in [DEADLINE - 500, DEADLINE - 499, DEADLINE - 1] {
        let mut record = Record::new();
        assert_eq!(record.session(now + CLOCK_SKEW_BOUND_MS), SessionStatus::Expired);
        assert!(record.report(payment(), now));
        assert_eq!(record.received(), PRICE);
        assert_eq!(record.checkout.payment_state.paid_at, None);
        assert_eq!(record.at(now), (OrderStatus::ScanningDepositTransaction, SessionStatus::Open));
        assert_eq!(record.at(DEADLINE), (OrderStatus::Refunding, SessionStatus::Expired));
    }
}

#[test]
fn a_late_deposit_is_kept_and_pays_nothing() {
    let mut record = Record::after([deposit("a", "99")]);
    assert!(record.report(deposit("b", "1"), DEADLINE));
    assert_eq!(record.received(), "100");
    assert_eq!(record.transactions.len(), 2);
    assert_eq!(record.at(DEADLINE), (OrderStatus::Refunding, SessionStatus::Expired));
}

#[test]
fn an_execution_just_before_the_margin_completes_an_unpaid_order() {
    let mut record = Record::new();
    record.report(execution(), DEADLINE - 501);
    for now in [DEADLINE - 501, DEADLINE] {
        assert_eq!(record.at(now), (OrderStatus::Executed, SessionStatus::Complete));
    }
}

#[test]
fn an_execution_within_the_margin_completes_no_unpaid_order() {
    for now in [DEADLINE - 500, DEADLINE - 499, DEADLINE - 1] {
        let mut record = Record::new();
        assert!(record.report(execution(), now));
        assert_eq!(record.at(now), (OrderStatus::Executed, SessionStatus::Open));
        assert_eq!(record.at(DEADLINE), (OrderStatus::Executed, SessionStatus::Expired));
    }
}

#[test]
fn an_execution_completes_a_paid_order_however_late() {
    for now in [DEADLINE - 500, DEADLINE, DEADLINE + 1_000_000] {
        let mut record = Record::after([payment()]);
        record.report(execution(), now);
        assert_eq!(record.at(now), (OrderStatus::Executed, SessionStatus::Complete));
    }
}

#[test]
fn an_execution_reported_before_its_deposit_completes_an_open_session() {
    let mut record = Record::after([execution()]);
    assert_eq!(record.at(IN_TIME), (OrderStatus::Executed, SessionStatus::Complete));
    assert!(record.report(payment(), DEADLINE));
    assert_eq!(record.received(), PRICE);
    assert_eq!(record.at(DEADLINE), (OrderStatus::Executed, SessionStatus::Complete));
}

#[test]
fn an_expire_call_ends_an_open_session_at_once() {
    let mut empty = Record::new();
    assert!(empty.expire(IN_TIME));
    assert_eq!(empty.at(IN_TIME), (OrderStatus::Expired, SessionStatus::Expired));
    let mut short = Record::after([deposit("a", "99")]);
    assert!(short.expire(IN_TIME));
    assert_eq!(short.at(IN_TIME), (OrderStatus::Refunding, SessionStatus::Expired));
}

#[test]
fn an_expire_call_ends_nothing_but_an_open_session() {
    for events in [vec![payment()], vec![execution()], vec![failure()], vec![refund(RefundStatus::Success)]] {
        assert!(!Record::after(events).expire(IN_TIME));
    }
    assert!(!Record::new().expire(DEADLINE));
    let mut twice = Record::new();
    assert!(twice.expire(IN_TIME));
    assert!(!twice.expire(IN_TIME));
}

#[test]
fn a_payment_after_an_expire_call_is_kept_and_pays_nothing() {
    let mut record = Record::new();
    record.expire(IN_TIME);
    assert!(record.report(payment(), IN_TIME));
    assert_eq!(record.received(), PRICE);
    assert_eq!(record.at(IN_TIME), (OrderStatus::Refunding, SessionStatus::Expired));
}

#[test]
fn a_relay_makes_no_late_payment_good() {
    let mut record = Record::after([relay(RelayStatus::Success)]);
    record.expire(IN_TIME);
    record.report(payment(), IN_TIME);
    assert_eq!(record.at(IN_TIME), (OrderStatus::Refunding, SessionStatus::Expired));
}

#[test]
fn an_execution_after_the_end_is_kept_and_the_session_stays_expired() {
    let expired_by_call = {
        let mut record = Record::new();
        record.expire(IN_TIME);
        record
    };
    for (mut record, now) in [
        (Record::new(), DEADLINE),
        (Record::after([deposit("a", "99")]), DEADLINE),
        (expired_by_call, IN_TIME),
        (Record::after([failure()]), IN_TIME),
        (Record::after([payment(), failure()]), IN_TIME),
        (Record::after([payment(), failure()]), DEADLINE),
        (Record::after([refund(RefundStatus::Success)]), IN_TIME),
        (Record::after([payment(), refund(RefundStatus::Success)]), IN_TIME),
    ] {
        let known = record.transactions.len();
        assert_eq!(record.session(now), SessionStatus::Expired);
        assert!(record.report(execution(), now));
        assert_eq!(record.transactions.len(), known + 1);
        assert_eq!(record.at(now), (OrderStatus::Executed, SessionStatus::Expired));
        // Nor does any other report bring it back.
        for event in [payment(), relay(RelayStatus::Success), execution_at("again", OPENED)] {
            record.report(event, now);
            assert_eq!(record.at(now), (OrderStatus::Executed, SessionStatus::Expired));
        }
    }
}

#[test]
fn a_payment_after_a_failure_is_kept_and_the_session_stays_expired() {
    let mut record = Record::after([failure(), payment()]);
    assert_eq!(record.received(), PRICE);
    assert_eq!(record.at(IN_TIME), (OrderStatus::Failure, SessionStatus::Expired));
    record.report(refund(RefundStatus::Success), IN_TIME);
    assert_eq!(record.at(IN_TIME), (OrderStatus::Refunded, SessionStatus::Expired));
}

#[test]
fn a_failure_or_refund_after_completion_leaves_the_session_complete() {
    for now in [IN_TIME, DEADLINE] {
        let mut record = Record::after([payment(), execution()]);
        for event in [failure(), refund(RefundStatus::Failure), refund(RefundStatus::Success)] {
            assert!(record.report(event, now));
            assert_eq!(record.at(now), (OrderStatus::Executed, SessionStatus::Complete));
        }
    }
}

#[test]
fn a_failure_after_the_deadline_is_kept() {
    let mut record = Record::new();
    assert!(record.report(failure(), DEADLINE));
    assert_eq!(record.at(DEADLINE), (OrderStatus::Failure, SessionStatus::Expired));
}

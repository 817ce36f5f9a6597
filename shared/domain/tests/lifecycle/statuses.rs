//! The contract's table of statuses, row by row.

use std::time::Duration;

use domain::lifecycle::ExpireRefusal;
use domain::onramp::OnrampVendor;
use domain::order::OrderStatus;
use domain::payment::{RefundStatus, RelayStatus};
use domain::session::SessionStatus;
use domain::time::Timestamp;

use super::{DEADLINE, IN_TIME, LAST, OPENED, Record, deposit, execution, failure, payment, refund, relay};

#[test]
fn an_executed_order_completes_its_session() {
    let record = Record::after([payment(), execution()]);
    assert_eq!(record.at(IN_TIME), (OrderStatus::Executed, SessionStatus::Complete));
    assert_eq!(record.at(DEADLINE), (OrderStatus::Executed, SessionStatus::Complete));
}

#[test]
fn a_session_that_is_being_paid_cannot_be_called_off() {
    let mut record = Record::new();
    let at = |millis: i64| Timestamp::from_millis(millis);
    record.checkout.payment_state.pending_since = Some(at(IN_TIME));
    assert_eq!(record.session(IN_TIME), SessionStatus::Open);
    assert_eq!(record.checkout.expire(at(IN_TIME)), Err(ExpireRefusal::PaymentPending));
    record.checkout.payment_state.pending_since = None;
    assert!(record.checkout.expire(at(IN_TIME)).is_ok());
    assert_eq!(record.checkout.expire(at(DEADLINE)), Err(ExpireRefusal::NotOpen(SessionStatus::Expired)));
}

#[test]
fn an_order_with_an_onramp_lives_an_hour_on_its_own() {
    for (vendor, minutes) in [
        (OnrampVendor::Coinbase, 60),
        (OnrampVendor::Stripe, 60),
        (OnrampVendor::StripeWeb2, 60),
        (OnrampVendor::Moonpay, 60),
        (OnrampVendor::None, 15),
    ] {
        let lifetime = Record::with_onramp(vendor).order.terms.standalone_lifetime();
        assert_eq!(lifetime, Duration::from_mins(minutes), "{vendor:?}");
    }
    assert_eq!(Record::new().order.terms.standalone_lifetime(), Duration::from_mins(15));
}

#[test]
fn a_failed_order_expires_its_session() {
    let record = Record::after([failure()]);
    assert_eq!(record.at(IN_TIME), (OrderStatus::Failure, SessionStatus::Expired));
    assert_eq!(record.at(DEADLINE), (OrderStatus::Failure, SessionStatus::Expired));
}

#[test]
fn a_failure_while_processing_expires_the_session() {
    let record = Record::after([payment(), failure()]);
    assert_eq!(record.at(IN_TIME), (OrderStatus::Failure, SessionStatus::Expired));
}

#[test]
fn a_paid_order_is_executing_and_its_session_processing() {
    let record = Record::after([payment()]);
    assert_eq!(record.at(IN_TIME), (OrderStatus::Executing, SessionStatus::Processing));
    assert_eq!(record.at(DEADLINE), (OrderStatus::Executing, SessionStatus::Processing));
}

#[test]
fn a_paid_order_with_a_relay_is_relayed_whatever_the_relay_came_to() {
    for status in [
        RelayStatus::Waiting,
        RelayStatus::Pending,
        RelayStatus::Delayed,
        RelayStatus::Refund,
        RelayStatus::Failure,
        RelayStatus::Success,
    ] {
        for events in [[payment(), relay(status)], [relay(status), payment()]] {
            let record = Record::after(events);
            assert_eq!(record.at(IN_TIME), (OrderStatus::Relay, SessionStatus::Processing));
            assert_eq!(record.at(DEADLINE), (OrderStatus::Relay, SessionStatus::Processing));
        }
    }
}

#[test]
fn a_relay_of_an_unpaid_order_moves_nothing() {
    let record = Record::after([relay(RelayStatus::Success)]);
    assert_eq!(record.at(IN_TIME), (OrderStatus::ScanningDepositTransaction, SessionStatus::Open));
    assert_eq!(record.at(DEADLINE), (OrderStatus::Expired, SessionStatus::Expired));
}

#[test]
fn past_the_deadline_a_deposit_that_fell_short_is_to_be_refunded() {
    let record = Record::after([deposit("a", "99")]);
    assert_eq!(record.at(DEADLINE), (OrderStatus::Refunding, SessionStatus::Expired));
}

#[test]
fn past_the_deadline_an_order_without_deposits_is_expired() {
    assert_eq!(Record::new().at(DEADLINE), (OrderStatus::Expired, SessionStatus::Expired));
}

#[test]
fn a_deposit_of_nothing_is_kept_and_leaves_nothing_to_refund() {
    let record = Record::after([deposit("a", "0")]);
    assert_eq!(record.transactions.len(), 1);
    assert_eq!(record.at(DEADLINE), (OrderStatus::Expired, SessionStatus::Expired));
}

#[test]
fn an_unpaid_order_waits_for_its_deposit() {
    let record = Record::new();
    assert_eq!(record.at(OPENED), (OrderStatus::ScanningDepositTransaction, SessionStatus::Open));
}

#[test]
fn only_the_card_payment_of_stripe_is_waited_for_by_name() {
    for (vendor, status) in [
        (OnrampVendor::StripeWeb2, OrderStatus::WaitingStripePayment),
        (OnrampVendor::Stripe, OrderStatus::ScanningDepositTransaction),
        (OnrampVendor::Coinbase, OrderStatus::ScanningDepositTransaction),
        (OnrampVendor::Moonpay, OrderStatus::ScanningDepositTransaction),
        (OnrampVendor::None, OrderStatus::ScanningDepositTransaction),
    ] {
        let mut record = Record::with_onramp(vendor);
        assert_eq!(record.at(IN_TIME), (status, SessionStatus::Open));
        assert_eq!(record.at(DEADLINE), (OrderStatus::Expired, SessionStatus::Expired));
        record.report(deposit("a", "99"), IN_TIME);
        assert_eq!(record.at(IN_TIME), (status, SessionStatus::Open));
        record.report(deposit("b", "1"), IN_TIME);
        assert_eq!(record.at(IN_TIME), (OrderStatus::Executing, SessionStatus::Processing));
    }
}

#[test]
fn of_the_rows_that_fit_the_first_counts() {
    let rows = [
        (execution(), OrderStatus::Executed),
        (refund(RefundStatus::Success), OrderStatus::Refunded),
        (failure(), OrderStatus::Failure),
        (relay(RelayStatus::Pending), OrderStatus::Relay),
        (payment(), OrderStatus::Executing),
    ];
    // Each row with every later one; a relay counts only beside a payment.
    for (at, (_, first)) in rows.iter().enumerate() {
        let facts = rows.iter().skip(at).map(|(event, _)| event.clone());
        let forwards = Record::after(facts.clone());
        let backwards = Record::after(facts.rev());
        for now in [IN_TIME, DEADLINE] {
            assert_eq!(forwards.order(now), *first);
            assert_eq!(backwards.order(now), *first);
        }
    }
}

#[test]
fn a_session_without_an_order_is_open_until_its_deadline() {
    let mut record = Record::new();
    record.checkout.order = None;
    assert_eq!(record.session(DEADLINE - 1), SessionStatus::Open);
    assert_eq!(record.session(DEADLINE), SessionStatus::Expired);
}

#[test]
fn an_order_on_its_own_follows_the_same_table() {
    let alone = || {
        let mut record = Record::new();
        record.checkout.session = None;
        record
    };
    assert_eq!(alone().order(DEADLINE - 1), OrderStatus::ScanningDepositTransaction);
    assert_eq!(alone().order(DEADLINE), OrderStatus::Expired);
    let mut paid = alone();
    paid.report(payment(), LAST);
    assert_eq!(paid.order(DEADLINE), OrderStatus::Executing);
    let mut late = alone();
    late.report(payment(), LAST + 1);
    assert_eq!(late.order(DEADLINE), OrderStatus::Refunding);
}

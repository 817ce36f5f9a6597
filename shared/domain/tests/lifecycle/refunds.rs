//! Refunds: which of them end a session, and which return an excess.

use domain::order::OrderStatus;
use domain::payment::{PaymentEvent, RefundStatus, TransactionKind};
use domain::session::SessionStatus;

use super::{
    DEADLINE, ELSEWHERE, HERE, IN_TIME, OPENED, Record, amount, deposit, deposit_on, execution, payment,
    refund, transaction,
};

#[test]
fn a_refunded_order_expires_its_session() {
    for before in [vec![], vec![payment()]] {
        let mut record = Record::after(before);
        record.report(refund(RefundStatus::Success), IN_TIME);
        assert_eq!(record.at(IN_TIME), (OrderStatus::Refunded, SessionStatus::Expired));
        assert_eq!(record.at(DEADLINE), (OrderStatus::Refunded, SessionStatus::Expired));
    }
}

#[test]
fn a_refund_that_failed_says_nothing_about_the_order() {
    let mut record = Record::after([payment(), refund(RefundStatus::Failure)]);
    assert_eq!(record.at(IN_TIME), (OrderStatus::Executing, SessionStatus::Processing));
    record.report(refund(RefundStatus::Success), IN_TIME);
    assert_eq!(record.at(IN_TIME), (OrderStatus::Refunded, SessionStatus::Expired));
}

/// A successful refund of so much.
fn refund_of(chain_id: u64, hash: &str, text: &str) -> PaymentEvent {
    let kind = TransactionKind::Refund { amount: amount(text), status: RefundStatus::Success };
    transaction(chain_id, hash, OPENED, kind)
}

#[test]
fn a_refund_of_the_excess_ends_no_paid_session() {
    let facts = [payment(), deposit("more", "50"), refund_of(HERE, "r", "50")];
    let record = Record::after(facts);
    assert_eq!(record.at(IN_TIME), (OrderStatus::Executing, SessionStatus::Processing));
    assert_eq!(record.at(DEADLINE), (OrderStatus::Executing, SessionStatus::Processing));
    let mut executed = record.clone();
    executed.report(execution(), DEADLINE);
    assert_eq!(executed.at(DEADLINE), (OrderStatus::Executed, SessionStatus::Complete));
    // One unit more, and the order is not paid any more.
    let mut refunded = record;
    refunded.report(refund_of(HERE, "s", "1"), IN_TIME);
    assert_eq!(refunded.at(IN_TIME), (OrderStatus::Refunded, SessionStatus::Expired));
}

#[test]
fn a_refund_of_the_excess_that_is_reported_first_ends_in_the_same_order_status() {
    let facts = [payment(), refund_of(HERE, "r", "50"), deposit("more", "50")];
    let record = Record::after(facts);
    // The session was seen `expired` in between, and stays so.
    assert_eq!(record.at(IN_TIME), (OrderStatus::Executing, SessionStatus::Expired));
}

#[test]
fn several_refunds_add_up() {
    let part = |hash: &str, text: &str| refund_of(HERE, hash, text);
    let record = Record::after([payment(), deposit("more", "50"), part("r", "20"), part("s", "30")]);
    assert_eq!(record.at(IN_TIME), (OrderStatus::Executing, SessionStatus::Processing));
    let record = Record::after([payment(), deposit("more", "50"), part("r", "20"), part("s", "31")]);
    assert_eq!(record.at(IN_TIME), (OrderStatus::Refunded, SessionStatus::Expired));
}

#[test]
fn a_refund_on_another_chain_takes_nothing_from_what_pays() {
    let astray = [payment(), deposit_on(ELSEWHERE, "b", "70"), refund_of(ELSEWHERE, "r", "70")];
    assert_eq!(Record::after(astray).at(IN_TIME), (OrderStatus::Executing, SessionStatus::Processing));
    let unpaid = [deposit_on(ELSEWHERE, "b", "70"), refund_of(ELSEWHERE, "r", "70")];
    assert_eq!(Record::after(unpaid).at(IN_TIME), (OrderStatus::Refunded, SessionStatus::Expired));
}

#[test]
fn a_late_payment_less_its_refunded_excess_is_still_to_be_refunded() {
    let mut record = Record::new();
    for event in [payment(), deposit("more", "50"), refund_of(HERE, "r", "50")] {
        record.report(event, DEADLINE);
    }
    assert_eq!(record.at(DEADLINE), (OrderStatus::Refunding, SessionStatus::Expired));
}

#[test]
fn a_payment_state_from_before_refunds_were_summed_keeps_its_status() {
    let mut record = Record::after([payment(), refund(RefundStatus::Success)]);
    record.checkout.payment_state.returned = None;
    assert_eq!(record.at(IN_TIME), (OrderStatus::Refunded, SessionStatus::Expired));
    let mut record = Record::after([payment()]);
    record.checkout.payment_state.returned = None;
    assert_eq!(record.at(IN_TIME), (OrderStatus::Executing, SessionStatus::Processing));
}

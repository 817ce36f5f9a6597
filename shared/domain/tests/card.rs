//! Card payments: which of them pay an order, and which are given back.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "the fixtures are valid")]

#[path = "model/facts.rs"]
#[expect(dead_code, reason = "the model uses the rest")]
mod facts;

use domain::amount::Amount;
use domain::card::{CardPayment, CardStatus, Standing};
use domain::lifecycle::{Checkout, Recorded};
use domain::order::OrderStatus;
use domain::payment::{PaymentEvent, Transaction};
use domain::session::SessionStatus;
use domain::time::{CLOCK_SKEW_BOUND_MS, Timestamp};
use facts::{after_the_deadline, card, deposit, execution, failure, order_of, payment};
use proptest::prelude::*;
use proptest::sample::Index;

const IN_TIME: i64 = -60_000;
/// The last instant at which a fact moves a session forward.
const LAST: i64 = -CLOCK_SKEW_BOUND_MS - 1;

/// A session with an order, and what was recorded of it.
#[derive(Clone)]
struct Record(Checkout, Vec<Transaction>);

impl Record {
    fn new() -> Self {
        Self(Checkout { order: Some(order_of(0).clone()), ..facts::session() }, Vec::new())
    }

    fn report(&mut self, event: PaymentEvent, millis: i64) -> &mut Self {
        let Self(checkout, transactions) = self;
        let recorded = checkout.record(order_of(0), transactions, &[], event, after_the_deadline(millis));
        if let Some(Recorded { payment_state, transaction }) = recorded {
            checkout.payment_state = payment_state;
            checkout.version += 1;
            transactions.extend(transaction);
        }
        self
    }

    fn look(&mut self, millis: i64, change: impl FnOnce(&mut CardPayment)) -> &mut Self {
        let PaymentEvent::Card(mut look) = card("pi_1", 0) else { unreachable!() };
        change(&mut look);
        self.report(PaymentEvent::Card(look), millis)
    }

    fn at(&self, millis: i64) -> (OrderStatus, SessionStatus) {
        let now = after_the_deadline(millis);
        (self.0.order_status(order_of(0), now), self.0.session_status(now))
    }

    fn payment(&self) -> &CardPayment {
        self.0.payment_state.card_payments.first().unwrap()
    }
}

const OPEN: (OrderStatus, SessionStatus) = (OrderStatus::ScanningDepositTransaction, SessionStatus::Open);
const COMPLETE: (OrderStatus, SessionStatus) = (OrderStatus::Executed, SessionStatus::Complete);

#[test]
fn a_card_payment_in_time_completes_the_session_for_good() {
    for at in [IN_TIME, LAST] {
        let mut record = Record::new();
        record.look(at, |_| ());
        assert_eq!(record.at(at), COMPLETE);
        assert_eq!(record.payment().standing, Some(Standing::Counts));
        // Given back or disputed later, it is shown and moves nothing.
        record.look(10, |look| look.refunded = 40).look(20, |look| look.is_disputed = true);
        assert_eq!(record.at(1_000), COMPLETE);
        assert_eq!((record.payment().refunded, record.payment().is_disputed), (40, true));
        assert_eq!(record.payment().refund_due(), 0);
    }
}

#[test]
fn what_is_not_decided_or_failed_moves_nothing() {
    let mut record = Record::new();
    for status in [CardStatus::Pending, CardStatus::Failed] {
        record.look(IN_TIME, |look| (look.status, look.paid_at) = (status, None));
        assert_eq!(record.at(IN_TIME), OPEN);
        assert_eq!(record.payment().standing, None);
    }
    assert_eq!(record.at(0), (OrderStatus::Expired, SessionStatus::Expired));
    // A look that was made earlier and comes later takes nothing back.
    record.look(IN_TIME, |_| ()).look(IN_TIME, |look| look.status = CardStatus::Pending);
    assert_eq!(record.at(IN_TIME), COMPLETE);
}

#[test]
fn late_money_is_given_back_and_the_session_stays_expired() {
    type Late = (i64, fn(&mut CardPayment));
    let cases: [Late; 3] = [
        (LAST + 1, |_| ()),
        (10, |_| ()),
        // Charged after the deadline by Stripe's clock, though known before it by ours.
        (IN_TIME, |look| look.paid_at = Some(after_the_deadline(0))),
    ];
    for (at, change) in cases {
        let mut record = Record::new();
        record.look(at, change);
        assert_eq!(record.payment().standing, Some(Standing::Late), "{at}");
        assert_eq!(record.payment().refund_due(), 100);
        assert_eq!(record.at(10), (OrderStatus::Refunding, SessionStatus::Expired), "{at}");
        record.look(20, |look| look.refunded = 60);
        assert_eq!(record.payment().refund_due(), 40);
        record.look(30, |look| look.refunded = 100);
        assert_eq!(record.at(30), (OrderStatus::Refunded, SessionStatus::Expired), "{at}");
    }
    let mut called_off = Record::new();
    called_off.0 = called_off.0.expire(after_the_deadline(IN_TIME)).unwrap();
    called_off.look(IN_TIME, |_| ());
    assert_eq!(called_off.at(IN_TIME), (OrderStatus::Refunding, SessionStatus::Expired));
}

#[test]
fn what_an_order_does_not_need_is_surplus() {
    let paid: [fn(&mut Record); 4] = [
        |record| _ = record.report(payment(), IN_TIME),
        |record| _ = record.report(execution(), IN_TIME),
        |record| _ = record.report(card("pi_0", 0), IN_TIME),
        // Not what was asked for.
        |_| (),
    ];
    for (case, pay) in paid.into_iter().enumerate() {
        let mut record = Record::new();
        pay(&mut record);
        let before = record.at(IN_TIME);
        record.look(IN_TIME, |look| look.is_as_asked = case < 3);
        let surplus = record.0.payment_state.card_payments.last().unwrap();
        assert_eq!((surplus.standing, surplus.refund_due()), (Some(Standing::Surplus), 100), "{case}");
        assert_eq!(record.at(IN_TIME), before, "{case}");
    }
}

#[test]
fn a_charge_for_the_rest_does_not_pay_if_the_other_part_is_gone() {
    let covers = |amount: &str| Amount::parse(amount).unwrap();
    for (part, standing) in
        [(Some("40"), Standing::Counts), (Some("39"), Standing::Surplus), (None, Standing::Surplus)]
    {
        let mut record = Record::new();
        if let Some(part) = part {
            record.report(deposit("a", part), IN_TIME);
        }
        record.look(IN_TIME, |look| look.covers = covers("60"));
        assert_eq!(record.payment().standing, Some(standing), "{part:?}");
    }
}

#[test]
fn a_disputed_payment_is_not_given_back_twice() {
    let mut record = Record::new();
    record.look(10, |look| look.is_disputed = true);
    assert_eq!((record.payment().standing, record.payment().refund_due()), (Some(Standing::Late), 0));
    assert_eq!(record.at(10).0, OrderStatus::Refunding);
}

#[test]
fn a_failure_that_was_told_is_not_taken_back_by_a_card() {
    let mut record = Record::new();
    record.report(failure(), IN_TIME).look(IN_TIME, |_| ());
    assert_eq!(record.payment().standing, Some(Standing::Late));
    assert_eq!(record.at(IN_TIME).1, SessionStatus::Expired);
}

proptest! {
    /// However often and in whatever order looks are told, the last word on each payment is the same.
    #[test]
    fn looks_in_any_order_come_to_the_same(
        looks in prop::collection::vec((0..3_u8, 0..3_u64, any::<bool>(), 0..2_u8), 1..8),
        order in prop::collection::vec(any::<Index>(), 1..24),
    ) {
        let looks: Vec<CardPayment> = looks
            .into_iter()
            .map(|(status, refunded, is_disputed, intent)| {
                let PaymentEvent::Card(look) = card(&format!("pi_{intent}"), 0) else { unreachable!() };
                let status = [CardStatus::Pending, CardStatus::Failed, CardStatus::Succeeded][usize::from(status)];
                let succeeded = status == CardStatus::Succeeded;
                let paid_at = look.paid_at.filter(|_| succeeded);
                CardPayment { status, paid_at, refunded: if succeeded { refunded } else { 0 }, is_disputed, ..look }
            })
            .collect();
        let tell = |looks: &mut dyn Iterator<Item = &CardPayment>| {
            let mut record = Record::new();
            for look in looks {
                record.report(PaymentEvent::Card(look.clone()), IN_TIME);
            }
            let mut known = record.0.payment_state.card_payments.clone();
            known.sort_by(|one, other| one.intent.cmp(&other.intent));
            // Which of two payments counts depends on which was first.
            for payment in &mut known {
                payment.standing = None;
            }
            (known, record.at(IN_TIME))
        };
        let once = tell(&mut looks.iter());
        let again = tell(&mut order.iter().map(|at| at.get(&looks)).chain(&looks));
        prop_assert_eq!(once, again);
    }

    /// A session that a reader could see expired is never complete, and at most one card payment counts.
    #[test]
    fn a_card_never_contradicts_what_was_seen(
        told in prop::collection::vec((-1_000..1_000_i64, 0..3_u8, -700..700_i64), 1..8),
    ) {
        let mut record = Record::new();
        let mut told = told;
        told.sort_unstable();
        let mut was_expired = false;
        for (at, intent, charged) in told {
            // A reader whose clock is as far ahead as may be.
            let seen = record.0.session_status(after_the_deadline(at + CLOCK_SKEW_BOUND_MS));
            was_expired |= seen == SessionStatus::Expired;
            let PaymentEvent::Card(look) = card(&format!("pi_{intent}"), 0) else { unreachable!() };
            let paid_at = Some(after_the_deadline(charged));
            record.report(PaymentEvent::Card(CardPayment { paid_at, ..look }), at);
            let now = record.0.session_status(after_the_deadline(at));
            prop_assert!(!(was_expired && now == SessionStatus::Complete));
        }
        let counts = |payment: &&CardPayment| payment.standing == Some(Standing::Counts);
        let counting: Vec<_> = record.0.payment_state.card_payments.iter().filter(counts).collect();
        prop_assert!(counting.len() <= 1);
        prop_assert!(counting.iter().all(|payment| payment.paid_at < Some(after_the_deadline(0))));
        let _: Timestamp = record.0.deadline;
    }
}

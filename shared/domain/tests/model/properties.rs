//! What holds in every state, and what must be reached for that to mean anything.

use domain::amount::Amount;
use domain::card::{CardPayment, Standing};
use domain::lifecycle::LinkRefusal;
use domain::order::OrderStatus;
use domain::payment::{PaymentEvent, Transaction, TransactionKind};
use domain::payment_state::{Outcome, PaymentState};
use domain::session::SessionStatus;
use domain::time::CLOCK_SKEW_BOUND_MS;
use stateright::Property;

use super::facts::{self, after_the_deadline};
use super::stored::Stored;
use super::system::{Contradiction, Expirer, INSTANTS, Payer, Report, State, System};

/// Something that must be reached, and its name.
pub(crate) type Goal = (&'static str, fn(&System, &State) -> bool);

/// What holds in every state.
pub(crate) fn always() -> Vec<Property<System>> {
    vec![
        Property::always(
            "what is told of the session moves along the arrows alone",
            |_: &System, state: &State| state.contradiction != Some(Contradiction::Status),
        ),
        Property::always(
            "no order links that is sent after somebody saw the session expire",
            |_: &System, state: &State| state.contradiction != Some(Contradiction::LinkAfterExpiry),
        ),
        Property::always("an order that is linked stays, and stays the same", |_: &System, state: &State| {
            state.contradiction != Some(Contradiction::OrderReplaced)
        }),
        Property::always("at most one order is answered, and it is the one that is kept", orders_agree),
        Property::always(
            "an order that does not pay the price is never linked",
            |_: &System, state: &State| {
                let checkout = &state.stored.checkout;
                checkout.order.as_ref().is_none_or(|order| checkout.mismatch(&order.terms).is_none())
            },
        ),
        Property::always("at most one card payment counts, and only of a complete session", cards_agree),
        Property::always("an answered expire call is never contradicted", expiries_agree),
        Property::always("what was refused changed nothing", refusals_agree),
        Property::always("no answered fact is missing, and each counts once", facts_are_kept),
        Property::always(
            "once all facts are known, the order they came in makes no difference",
            facts_decide,
        ),
    ]
}

fn orders_agree(_: &System, state: &State) -> bool {
    let linked = |payer: &&Payer| matches!(payer, Payer::Linked { .. });
    let kept = &state.stored.checkout.order;
    state.payers.iter().filter(linked).count() <= 1
        && state.payers.iter().enumerate().all(|(at, payer)| match payer {
            Payer::Linked { recognised: _ } => kept.as_ref() == Some(facts::order_of(at)),
            Payer::Refused(LinkRefusal::AlreadyLinked(id)) => {
                kept.as_ref().is_some_and(|order| order.id == *id)
            }
            Payer::Refused(LinkRefusal::TermsMismatch(field)) => at == facts::CHEAT && *field == "srcAmount",
            Payer::Refused(LinkRefusal::NotOpen(_) | LinkRefusal::AboutToExpire)
            | Payer::Idle
            | Payer::UnderWay { .. }
            | Payer::Unsure => true,
        })
}

fn cards_agree(_: &System, state: &State) -> bool {
    let payment_state = &state.stored.checkout.payment_state;
    let counts = |payment: &&CardPayment| payment.standing == Some(Standing::Counts);
    let counting = payment_state.card_payments.iter().filter(counts).count();
    counting == 0 || (counting == 1 && payment_state.outcome == Some(Outcome::Complete))
}

fn expiries_agree(_: &System, state: &State) -> bool {
    let is_answered = state.expirers.iter().any(|expirer| matches!(expirer, Expirer::Expired { .. }));
    // Even on a clock that has stood still since before the first of all instants.
    let on_any_clock = state.stored.checkout.session_status(after_the_deadline(2 * INSTANTS[0]));
    !is_answered || (state.stored.checkout.expired_at.is_some() && on_any_clock == SessionStatus::Expired)
}

fn refusals_agree(_: &System, state: &State) -> bool {
    let Stored { order_write, expire_write, .. } = *state.stored;
    let linked = order_write.and_then(|payer| state.payers.get(payer));
    let expired = expire_write.and_then(|expirer| state.expirers.get(expirer));
    !matches!(linked, Some(Payer::Refused(_))) && !matches!(expired, Some(Expirer::Refused(_)))
}

fn facts_are_kept(system: &System, state: &State) -> bool {
    let Stored { checkout, transactions, .. } = &*state.stored;
    let is_kept = |fact: &PaymentEvent| match fact {
        PaymentEvent::Transaction(transaction) => transactions.contains(transaction),
        PaymentEvent::OrderFailed(details) => checkout.payment_state.failure.as_ref() == Some(details),
        PaymentEvent::Card(look) => {
            let known = &checkout.payment_state.card_payments;
            known.iter().any(|known| known.intent == look.intent && known.refunded >= look.refunded)
        }
    };
    let amount = |transaction: &Transaction| match &transaction.kind {
        TransactionKind::Deposit { amount, .. } | TransactionKind::DepositLog { amount, .. } => Some(*amount),
        TransactionKind::Relay { .. }
        | TransactionKind::Execution { .. }
        | TransactionKind::Refund { .. } => None,
    };
    let answered = state.reports.iter().enumerate().filter(|(_, report)| **report == Report::Recorded);
    let received = transactions.iter().filter_map(amount).fold(Amount::ZERO, Amount::saturating_add);
    answered.into_iter().all(|(at, _)| is_kept(system.fact(at)))
        && checkout.payment_state.received == received
        && transactions.iter().enumerate().all(|(at, transaction)| {
            transactions.iter().skip(at + 1).all(|other| !other.is_same_as(transaction))
        })
}

fn facts_decide(system: &System, state: &State) -> bool {
    let is_known = |copies: &[Report]| copies.contains(&Report::Recorded);
    if system.facts.is_empty() || !state.reports.chunks(system.copies).all(is_known) {
        return true;
    }
    let payment_state = &state.stored.checkout.payment_state;
    let is_paid = payment_state.paid_at.is_some() || payment_state.is_paid_by_card();
    let expected = system.told_at_once(is_paid);
    let facts_of = |stored: &Stored| PaymentState {
        paid_at: None,
        outcome: None,
        // What they mean was decided when they came.
        card_payments: Vec::new(),
        ..stored.checkout.payment_state.clone()
    };
    let at_the_end = |stored: &Stored| {
        let checkout = &stored.checkout;
        let end = after_the_deadline(INSTANTS[INSTANTS.len() - 1] + CLOCK_SKEW_BOUND_MS);
        checkout.order.as_ref().map(|order| checkout.order_status(order, end))
    };
    state.stored.transactions == expected.transactions
        && facts_of(&state.stored) == facts_of(expected)
        && at_the_end(&state.stored) == at_the_end(expected)
}

fn order_status(state: &State) -> Option<OrderStatus> {
    let checkout = &state.stored.checkout;
    checkout.order.as_ref().map(|order| checkout.order_status(order, after_the_deadline(state.true_time())))
}

pub(crate) const COMPLETE: Goal =
    ("a session completes", |_, state| state.status() == SessionStatus::Complete);

pub(crate) const EXPIRED_BY_CALL: Goal = ("a session is expired by call", |_, state| {
    state.expirers.iter().any(|expirer| matches!(expirer, Expirer::Expired { .. }))
});

pub(crate) const EXPIRED_BY_DEADLINE: Goal = ("a session expires by its deadline", |_, state| {
    let checkout = &state.stored.checkout;
    let by_deadline = checkout.expired_at.is_none() && checkout.payment_state.outcome.is_none();
    by_deadline && state.status() == SessionStatus::Expired
});

pub(crate) const EXPIRED_WHILE_PROCESSING: Goal = ("a payment in time fails or is refunded", |_, state| {
    let payment_state = &state.stored.checkout.payment_state;
    payment_state.paid_at.is_some() && payment_state.outcome == Some(Outcome::Expired)
});

pub(crate) const EXCESS_RETURNED: Goal = ("an excess is refunded and the payment goes on", |_, state| {
    let payment_state = &state.stored.checkout.payment_state;
    payment_state.refunded && payment_state.paid_at.is_some() && state.status() == SessionStatus::Processing
});

pub(crate) const LATE_DEPOSIT: Goal = ("a payment that came too late is to be refunded", |_, state| {
    let payment_state = &state.stored.checkout.payment_state;
    let is_covered = payment_state.received >= facts::order_of(0).terms.src_amount;
    is_covered && order_status(state) == Some(OrderStatus::Refunding)
});

pub(crate) const LATE_CARD: Goal = ("a card payment that came too late is to be given back", |_, state| {
    order_status(state) == Some(OrderStatus::Refunding)
        && state.stored.checkout.payment_state.has_late_card_money()
});

pub(crate) const SURPLUS_CARD: Goal = ("of two card payments one counts and the other is given back", {
    |_, state| {
        let payments = &state.stored.checkout.payment_state.card_payments;
        let has = |standing| payments.iter().any(|payment| payment.standing == Some(standing));
        has(Standing::Counts) && has(Standing::Surplus)
    }
});

pub(crate) const RELAYED: Goal =
    ("a payment is relayed", |_, state| order_status(state) == Some(OrderStatus::Relay));

pub(crate) const LOST_RACE: Goal = ("of two payers one wins and the other learns whose order it is", {
    |_, state| {
        let won = |payer: &Payer| matches!(payer, Payer::Linked { .. });
        let lost = |payer: &Payer| matches!(payer, Payer::Refused(LinkRefusal::AlreadyLinked(_)));
        state.payers.iter().any(won) && state.payers.iter().any(lost)
    }
});

pub(crate) const RECOGNISED_LINK: Goal =
    ("a payer recognises its own order after a lost answer", |_, state| {
        state.payers.contains(&Payer::Linked { recognised: true })
    });

pub(crate) const RECOGNISED_EXPIRY: Goal = ("a merchant recognises its own call after a lost answer", {
    |_, state| state.expirers.contains(&Expirer::Expired { recognised: true })
});

pub(crate) const REFUSED_CHEAT: Goal = ("a payer who pays less than the price is refused", |_, state| {
    state.payers.get(facts::CHEAT) == Some(&Payer::Refused(LinkRefusal::TermsMismatch("srcAmount")))
});

pub(crate) const ABOUT_TO_EXPIRE: Goal = ("a payer is refused within the margin", |_, state| {
    state.payers.contains(&Payer::Refused(LinkRefusal::AboutToExpire))
});

/// It will be linked, and opens nothing any more.
pub(crate) const LATE_LINK: Goal = ("a link that was sent in time comes through after the deadline", {
    |_, state| {
        let checkout = &state.stored.checkout;
        let comes_through = |(at, payer): (usize, &Payer)| match payer {
            Payer::UnderWay { now, .. } => checkout.link(facts::order_of(at), *now).is_ok(),
            Payer::Idle | Payer::Unsure | Payer::Linked { .. } | Payer::Refused(_) => false,
        };
        state.true_time() >= 0 && state.payers.iter().enumerate().any(comes_through)
    }
});

pub(crate) const OUT_OF_SIGHT: Goal = ("an execution completes an order that is not paid yet", |_, state| {
    let payment_state = &state.stored.checkout.payment_state;
    payment_state.outcome == Some(Outcome::Complete) && payment_state.paid_at.is_none()
});

/// One millisecond before the margin, by the slowest clock.
pub(crate) const PAID_AT_THE_LAST_MOMENT: Goal = ("a payment comes just in time", |_, state| {
    let last = after_the_deadline(-CLOCK_SKEW_BOUND_MS - 1);
    state.stored.checkout.payment_state.paid_at == Some(last)
});

pub(crate) const SETTLED: Goal = ("everybody is answered and every fact recorded", |_, state| {
    let answered = |payer: &Payer| matches!(payer, Payer::Linked { .. } | Payer::Refused(_));
    let settled = |expirer: &Expirer| matches!(expirer, Expirer::Expired { .. } | Expirer::Refused(_));
    state.payers.iter().all(answered)
        && state.expirers.iter().all(settled)
        && state.reports.iter().all(|report| *report == Report::Recorded)
});

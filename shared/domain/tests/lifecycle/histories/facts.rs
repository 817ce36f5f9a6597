//! The facts decide both statuses, none is lost, and neither their order nor their number matters.

use std::collections::BTreeMap;

use domain::amount::Amount;
use domain::order::OrderStatus;
use domain::payment::{PaymentEvent, RefundStatus, Transaction, TransactionKind};
use domain::payment_state::{Outcome, PaymentState, covered_at};
use domain::session::SessionStatus;
use domain::text::Text;
use proptest::prelude::*;
use proptest::sample::Index;

use super::{Deed, config, fact, history};
use crate::{DEADLINE, HERE, IN_TIME, LAST, PRICE, Record, amount};

/// What all the reports say, without the code under test: each transaction once, at the larger of its largest total and
/// the sum of its transfers, each of them at its largest. The failure and what was decided are left out.
fn sum_of<'a>(reports: impl IntoIterator<Item = &'a Transaction>) -> PaymentState {
    let mut sum = PaymentState::default();
    let (mut totals, mut logs, mut refunds) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for report in reports {
        match &report.kind {
            TransactionKind::Deposit { amount, .. } => {
                let largest = totals.entry(identity(report)).or_insert(*amount);
                *largest = (*largest).max(*amount);
            }
            TransactionKind::DepositLog { log_index, amount, .. } => {
                let largest = logs.entry((identity(report), *log_index)).or_insert(*amount);
                *largest = (*largest).max(*amount);
            }
            TransactionKind::Relay { .. } => sum.relayed = true,
            TransactionKind::Execution { .. } => sum.executed = true,
            TransactionKind::Refund { status: RefundStatus::Success, amount } => {
                sum.refunded = true;
                let largest = refunds.entry(identity(report)).or_insert(*amount);
                *largest = (*largest).max(*amount);
            }
            TransactionKind::Refund { status: RefundStatus::Failure, amount: _ } => {}
        }
    }
    let mut sums: BTreeMap<_, Amount> = BTreeMap::new();
    for ((transaction, _), amount) in logs {
        let sum = sums.entry(transaction).or_insert(Amount::ZERO);
        *sum = sum.saturating_add(amount);
    }
    let mut deposits = totals;
    for (transaction, sum) in sums {
        let amount = deposits.entry(transaction).or_insert(sum);
        *amount = (*amount).max(sum);
    }
    let returned = refunds.iter().filter(|((chain, _), _)| *chain == HERE);
    sum.returned = Some(returned.fold(Amount::ZERO, |sum, (_, amount)| sum.saturating_add(*amount)));
    sum.deposited = deposits.values().any(|amount| *amount != Amount::ZERO);
    sum.received = deposits
        .iter()
        .filter(|((chain, _), _)| *chain == HERE)
        .fold(Amount::ZERO, |sum, (_, amount)| sum.saturating_add(*amount));
    sum
}

/// What tells a transaction from others of its kind.
fn identity(transaction: &Transaction) -> (u64, String) {
    let hash = transaction.hash.as_str().trim_start_matches("0x");
    let hash = if hash.len() == 64 { hash.to_lowercase() } else { hash.to_owned() };
    (transaction.chain.as_u64(), hash)
}

/// Whether the deposits less the refunds fall short.
fn is_short(sum: &PaymentState) -> bool {
    sum.received.saturating_sub(sum.returned.unwrap()) < amount(PRICE)
}

/// A history as the contract tells it: what was reported, and whether it paid in time.
#[derive(Debug, Default)]
struct Story {
    reports: Vec<Transaction>,
    failures: Vec<Text<4096>>,
    paid: bool,
    called_off: bool,
}

impl Story {
    fn hear(&mut self, event: PaymentEvent, now: i64) {
        match event {
            PaymentEvent::Transaction(report) => self.reports.push(report),
            PaymentEvent::OrderFailed(details) => self.failures.push(details),
            PaymentEvent::Card(_) => unreachable!("these stories have no card"),
        }
        let covered = sum_of(&self.reports).received >= amount(PRICE);
        self.paid |= covered && !self.called_off && now <= LAST;
    }

    /// The first row of the contract's table that fits.
    fn order_status(&self, now: i64) -> OrderStatus {
        let sum = sum_of(&self.reports);
        let over = self.called_off || now >= DEADLINE;
        let rows = [
            (sum.executed, OrderStatus::Executed),
            (sum.refunded && is_short(&sum), OrderStatus::Refunded),
            (!self.failures.is_empty(), OrderStatus::Failure),
            (self.paid && sum.relayed, OrderStatus::Relay),
            (self.paid, OrderStatus::Executing),
            (over && sum.deposited, OrderStatus::Refunding),
            (over, OrderStatus::Expired),
        ];
        rows.into_iter()
            .find_map(|(fits, status)| fits.then_some(status))
            .unwrap_or(OrderStatus::ScanningDepositTransaction)
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_facts_decide_and_none_is_lost(history in history(), any_time: i64) {
        let mut record = Record::new();
        let mut story = Story::default();
        for step in history {
            let now = step.now();
            let before = record.checkout.payment_state.clone();
            match step.deed {
                Deed::Report(event) => {
                    record.report(event.clone(), now);
                    let known = record.clone();
                    prop_assert!(!record.report(event.clone(), now), "repeated at once");
                    prop_assert!(!record.report(event.clone(), now + 1), "repeated later");
                    prop_assert_eq!(&record.checkout, &known.checkout);
                    story.hear(event, now);
                }
                Deed::Expire => story.called_off |= record.expire(now),
                Deed::Look => {}
            }
            let payment_state = &record.checkout.payment_state;

            // The payment state is the sum of what is kept, and what is kept of what was reported.
            let summed = PaymentState { failure: None, paid_at: None, outcome: None, ..payment_state.clone() };
            prop_assert_eq!(&summed, &sum_of(&record.transactions));
            prop_assert_eq!(&summed, &sum_of(&story.reports));
            prop_assert_eq!(payment_state.failure.is_some(), !story.failures.is_empty());
            prop_assert!(payment_state.failure.iter().all(|details| story.failures.contains(details)));

            // No report is lost.
            for report in &story.reports {
                let is_kept = record.transactions.iter().any(|kept| {
                    identity(kept) == identity(report) && tells_as_much(&kept.kind, &report.kind)
                });
                prop_assert!(is_kept, "{report:?} is lost");
            }

            // What was decided stays decided.
            prop_assert!(before.paid_at.is_none() || payment_state.paid_at == before.paid_at);
            prop_assert!(before.outcome.is_none() || payment_state.outcome == before.outcome);
            prop_assert_eq!(payment_state.paid_at.is_some(), story.paid);

            for now in [now, LAST, LAST + 1, DEADLINE - 1, DEADLINE, i64::MIN, i64::MAX, any_time] {
                let (order, session) = record.at(now);
                prop_assert_eq!(order, story.order_status(now));
                prop_assert!(
                    fits(&record.checkout.payment_state, order, session, now),
                    "{order:?} with {session:?}"
                );
            }
        }
    }

    #[test]
    fn the_order_and_the_number_of_reports_do_not_matter(
        (facts, again) in two_tellings(),
        now in prop_oneof![3 => Just(IN_TIME), 1 => Just(LAST), 1 => Just(LAST + 1), 1 => Just(DEADLINE)],
        called_off in proptest::bool::weighted(0.2),
    ) {
        let mut records = [Record::new(), Record::new()];
        for (record, facts) in records.iter_mut().zip([facts, again]) {
            if called_off {
                record.expire(now);
            }
            for event in facts {
                record.report(event, now);
            }
        }
        let [one, other] = records;
        prop_assert!(one.knows_the_same_as(&other), "{:?}\n{:?}", one.transactions, other.transactions);
        let covered = |record: &Record| covered_at(&record.order, &record.transactions);
        prop_assert_eq!(covered(&one), covered(&other));
        let (payment_state, other_payment_state) = (&one.checkout.payment_state, &other.checkout.payment_state);
        // A refund may end the session before the excess that it returns is reported.
        let may_have_ended = payment_state.refunded && !payment_state.is_refunded(&one.order);
        let is_contested = may_have_ended || payment_state.executed && (payment_state.refunded || payment_state.failure.is_some());
        if is_contested {
            let outcome = payment_state.outcome;
            prop_assert_eq!(payment_state, &PaymentState { outcome, ..other_payment_state.clone() });
        } else {
            prop_assert_eq!(payment_state, other_payment_state);
        }
        for later in [now, DEADLINE - 1, DEADLINE] {
            prop_assert_eq!(one.order(later), other.order(later));
            prop_assert!(is_contested || one.session(later) == other.session(later));
        }
    }
}

/// Whether a kept transaction says at least what a report of it said.
fn tells_as_much(kept: &TransactionKind, reported: &TransactionKind) -> bool {
    match (kept, reported) {
        (
            TransactionKind::Deposit { amount: kept, .. },
            TransactionKind::Deposit { amount: reported, .. },
        ) => kept >= reported,
        (
            TransactionKind::DepositLog { log_index: kept_index, amount: kept, .. },
            TransactionKind::DepositLog { log_index, amount: reported, .. },
        ) => kept_index == log_index && kept >= reported,
        (TransactionKind::Relay { status: kept }, TransactionKind::Relay { status: reported }) => {
            kept >= reported
        }
        (TransactionKind::Refund { status: kept, .. }, TransactionKind::Refund { status: reported, .. }) => {
            kept >= reported
        }
        (
            TransactionKind::Execution { actual_dst_amount: kept, .. },
            TransactionKind::Execution { actual_dst_amount: reported, .. },
        ) => kept >= reported,
        (_, _) => false,
    }
}

/// Whether a row of the contract's table holds. Two things leave the table, because they move the order
/// and the session not at all: an execution that came too late to complete its session, and a deposit that came
/// after a refund had ended the session, and of which that refund was the excess.
fn fits(payment_state: &PaymentState, order: OrderStatus, session: SessionStatus, now: i64) -> bool {
    if payment_state.refunded && payment_state.outcome == Some(Outcome::Expired) {
        return session == SessionStatus::Expired;
    }
    match order {
        OrderStatus::Executed => match payment_state.outcome {
            Some(Outcome::Complete) => session == SessionStatus::Complete,
            Some(Outcome::Expired) => session == SessionStatus::Expired,
            None => session == SessionStatus::Expired || (session == SessionStatus::Open && now < DEADLINE),
        },
        OrderStatus::Relay | OrderStatus::Executing => session == SessionStatus::Processing,
        OrderStatus::Refunded | OrderStatus::Failure | OrderStatus::Refunding | OrderStatus::Expired => {
            session == SessionStatus::Expired
        }
        OrderStatus::WaitingStripePayment | OrderStatus::ScanningDepositTransaction => {
            session == SessionStatus::Open
        }
    }
}

/// The same facts told twice: once as they come, once in another order and some repeated.
fn two_tellings() -> impl Strategy<Value = (Vec<PaymentEvent>, Vec<PaymentEvent>)> {
    let facts = prop::collection::vec(fact(), 1..8);
    let repeated = prop::collection::vec(any::<Index>(), 0..5);
    (facts, repeated).prop_flat_map(|(facts, repeated)| {
        let more = repeated.iter().map(|which| which.get(&facts).clone());
        let again: Vec<_> = facts.iter().cloned().chain(more).collect();
        (Just(facts), Just(again).prop_shuffle())
    })
}

//! What the watcher has to do for an order, and how long it waits before it tries a settlement again.

use std::time::Duration;

use crate::amount::Amount;
use crate::chain_fact::{ChainFact, ChainTotals};
use crate::lifecycle::Checkout;
use crate::order::{Order, OrderStatus};
use crate::time::Timestamp;

/// What the watcher has to do for an order. Every order that is not [`Done`](Self::Done) has a work item in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextStep {
    /// A block that holds one of its facts may still be replaced, or is not final yet: read the order again.
    Observe,
    /// Confirmed money lies at the deposit address and belongs to the recipient now: forward it.
    Sweep,
    /// A part was paid. It is forwarded once the session is over, and nothing happens before.
    AwaitDeadline,
    /// Nothing. A further deposit or sweep is found by the scan.
    Done,
}

impl NextStep {
    /// Decides from the order's state and facts. `firm_block` is the last block that is not expected ever to be
    /// replaced, and `unsettled_since` is since when money has been waiting to be forwarded.
    ///
    /// Paid orders are swept at once. All other money is swept after the session is over, and only while nothing is
    /// pending: an earlier sweep would make two transactions out of one. Pending deposits hold money back for an
    /// hour at most, because anybody can send another unit at any time.
    pub fn of(
        checkout: &Checkout,
        order: &Order,
        facts: &[ChainFact],
        firm_block: u64,
        unsettled_since: Option<Timestamp>,
        now: Timestamp,
    ) -> Self {
        let otherwise =
            if facts.iter().any(|fact| fact.block > firm_block) { Self::Observe } else { Self::Done };
        let totals = ChainTotals::of(facts, &[], checkout.deadline);
        if totals.unswept() == Amount::ZERO || is_refused_for_good(checkout, order, now) {
            return otherwise;
        }
        if is_unsettled(checkout, order, facts, now) {
            let is_overdue = unsettled_since.is_some_and(|since| now.since(since) >= LONGEST_WAIT);
            let is_paid = checkout.payment_state.paid_at.is_some();
            let is_due = is_paid || is_overdue || totals.pending() == Amount::ZERO;
            return if is_due { Self::Sweep } else { Self::Observe };
        }
        match otherwise {
            Self::Done if is_open(checkout, order, now) => Self::AwaitDeadline,
            Self::Observe | Self::Sweep | Self::AwaitDeadline | Self::Done => Self::Observe,
        }
    }
}

/// For how long pending deposits hold back the money of an order that is over.
const LONGEST_WAIT: Duration = Duration::from_hours(1);

/// Whether confirmed money lies at the deposit address that belongs to the recipient now.
pub fn is_unsettled(checkout: &Checkout, order: &Order, facts: &[ChainFact], now: Timestamp) -> bool {
    let totals = ChainTotals::of(facts, &[], checkout.deadline);
    let belongs_to_recipient = match checkout.order_status(order, now) {
        OrderStatus::WaitingStripePayment | OrderStatus::ScanningDepositTransaction => false,
        OrderStatus::Executing | OrderStatus::Relay => checkout.payment_state.paid_at.is_some(),
        OrderStatus::Executed
        | OrderStatus::Refunding
        | OrderStatus::Refunded
        | OrderStatus::Failure
        | OrderStatus::Expired => true,
    };
    totals.unswept() > Amount::ZERO && belongs_to_recipient && !is_refused_for_good(checkout, order, now)
}

/// Whether the token pays others but not this recipient. Another try would spend gas on the same refusal; anybody can
/// still sweep once the token relents, and the scan finds that.
fn is_refused_for_good(checkout: &Checkout, order: &Order, now: Timestamp) -> bool {
    let has_failed = checkout.order_status(order, now) == OrderStatus::Failure;
    has_failed && checkout.payment_state.settlement_failure.is_some()
}

/// Whether the order may still be paid in full.
fn is_open(checkout: &Checkout, order: &Order, now: Timestamp) -> bool {
    matches!(
        checkout.order_status(order, now),
        OrderStatus::WaitingStripePayment | OrderStatus::ScanningDepositTransaction
    )
}

/// The longest pause between two tries to settle an order.
const LONGEST_PAUSE: Duration = Duration::from_hours(6);

/// Returns how long a settlement waits after it had no effect so many times: a minute, doubled each time, at most six
/// hours. There is no last try, because the money belongs to the recipient whenever the cause passes.
pub fn pause_after(attempts: u32) -> Duration {
    let minutes = 1_u64.checked_shl(attempts.saturating_sub(1)).unwrap_or(u64::MAX);
    Duration::from_secs(minutes.saturating_mul(60)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_from_a_minute_to_six_hours() {
        let minutes = |attempts| pause_after(attempts).as_secs() / 60;
        let pauses: Vec<u64> = (0..12).map(minutes).collect();
        assert_eq!(pauses, [1, 1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360]);
        assert_eq!(minutes(u32::MAX), 360);
    }
}

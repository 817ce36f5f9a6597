//! An order's payment link: what a visitor finds there (docs/onramps.md).

use std::time::Duration;

use crate::amount::Amount;
use crate::order::Order;
use crate::record::CheckoutRecord;
use crate::session::SessionStatus;
use crate::time::Timestamp;

/// What a visitor of a payment link finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    /// So much is to be paid.
    Due(Amount),
    /// So much is to be paid, but a vendor would need more time than is left.
    TooLate(Amount),
    /// Enough was paid, and is not final or not settled yet.
    Confirming,
    /// The recipient was paid.
    Complete,
    /// Nothing can be paid any more.
    Expired,
}

impl LinkState {
    /// Returns what a visitor finds now. `needed` is the time that the vendor takes at least.
    pub fn of(record: &CheckoutRecord, order: &Order, needed: Duration, now: Timestamp) -> Self {
        let checkout = &record.checkout;
        match checkout.session_status(now) {
            SessionStatus::Complete => Self::Complete,
            SessionStatus::Expired => Self::Expired,
            SessionStatus::Processing => Self::Confirming,
            SessionStatus::Open => {
                // A deposit that is seen but not final counts as paid here: asked for it again, the payer would pay twice.
                let pending = record.on_chain.as_ref().map_or(Amount::ZERO, |totals| totals.pending());
                let seen = checkout.payment_state.received.saturating_add(pending);
                let due = order.terms.src_amount.saturating_sub(seen);
                if due == Amount::ZERO {
                    Self::Confirming
                } else if now + needed >= checkout.deadline {
                    Self::TooLate(due)
                } else {
                    Self::Due(due)
                }
            }
        }
    }
}

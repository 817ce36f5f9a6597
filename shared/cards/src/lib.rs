//! Card payments: at most one open Checkout Session for each order, and what was paid on them.
//!
//! Stripe decides what was paid. A webhook, a payer at the link and the clock are reasons to look at an order's Checkout
//! Sessions again. What they show is recorded as a fact of the order. Looks can run side by side and in any order.

mod checkout;
mod look;
pub mod settings;

use onramp::{OnrampError, Stripe, StripeError};
use runtime::{Clock, DependencyError};
use store::Store;

pub use checkout::{Opening, PayerUrls};

/// Reads and writes card payments.
#[derive(Debug, Clone)]
pub struct Cards {
    /// Where orders are kept.
    pub store: Store,
    /// The merchant's account.
    pub stripe: Stripe,
    /// By which lateness is judged.
    pub clock: Clock,
    /// What happens with money that came late or is not needed.
    pub late_money: LateMoney,
}

/// What happens with money that came late or is not needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LateMoney {
    /// It is given back.
    #[default]
    Refund,
    /// The merchant decides.
    Keep,
}

/// Why a card payment could not be opened or looked at.
#[derive(Debug, thiserror::Error)]
pub enum CardError {
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] DependencyError),
    /// Stripe did not do what it was asked for.
    #[error(transparent)]
    Stripe(#[from] StripeError),
    /// Other calls for the same order are under way.
    #[error("other calls for the same order are under way")]
    Busy,
    /// Stripe or the database took too long.
    #[error("it takes too long")]
    TooSlow,
    /// Stripe was asked too often for this order.
    #[error("Stripe was asked too often for this order")]
    TooOften,
}

impl From<OnrampError> for CardError {
    fn from(error: OnrampError) -> Self {
        Self::Stripe(error.into())
    }
}

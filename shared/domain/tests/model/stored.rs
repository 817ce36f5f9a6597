//! What the table holds, and what a write to it comes to.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use domain::lifecycle::{Checkout, ExpireRefusal, LinkRefusal, Recorded};
use domain::order::Order;
use domain::payment::{PaymentEvent, Transaction};
use domain::payment_state::{Outcome, PaymentState};
use domain::text::Text;
use domain::time::Timestamp;

use super::facts;

/// A checkout with its transactions, and who wrote what of it. A caller's place among its like
/// stands for the id of its write.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) checkout: Checkout,
    /// In the order of their hashes, as a Query gives them.
    pub(crate) transactions: Vec<Transaction>,
    /// The payer whose write put the order.
    pub(crate) order_write: Option<usize>,
    /// The merchant's call that expired it.
    pub(crate) expire_write: Option<usize>,
}

/// What a conditional write comes to.
pub(crate) enum Written<Refusal> {
    /// The condition held: this is stored now.
    Now(Arc<Stored>),
    /// The condition failed at the caller's own earlier write, whose answer was lost.
    Before,
    /// The condition failed.
    Refused(Refusal),
}

impl Stored {
    /// A session without an order.
    pub(crate) fn new() -> Self {
        let checkout = facts::session();
        Self { checkout, transactions: Vec::new(), order_write: None, expire_write: None }
    }

    /// A session with the first payer's order.
    pub(crate) fn linked() -> Self {
        let mut stored = Self::new();
        stored.checkout.order = Some(facts::order_of(0).clone());
        stored.order_write = Some(0);
        stored
    }

    /// What `link_order` does.
    pub(crate) fn link(&self, payer: usize, order: &Order, now: Timestamp) -> Written<LinkRefusal> {
        match self.checkout.link(order, now) {
            Ok(checkout) => {
                Written::Now(Arc::new(Self { checkout, order_write: Some(payer), ..self.clone() }))
            }
            Err(_) if self.order_write == Some(payer) => Written::Before,
            Err(refusal) => Written::Refused(refusal),
        }
    }

    /// What `expire_session` does.
    pub(crate) fn expire(&self, expirer: usize, now: Timestamp) -> Written<ExpireRefusal> {
        match self.checkout.expire(now) {
            Ok(checkout) => {
                Written::Now(Arc::new(Self { checkout, expire_write: Some(expirer), ..self.clone() }))
            }
            Err(_) if self.expire_write == Some(expirer) => Written::Before,
            Err(refusal) => Written::Refused(refusal),
        }
    }

    /// What `record_event` reads and judges. `None` where the fact is known.
    pub(crate) fn judge(&self, fact: &PaymentEvent, now: Timestamp) -> Option<Recorded> {
        let order = self.checkout.order.as_ref()?;
        self.checkout.record(order, &self.transactions, &[], fact.clone(), now)
    }

    /// What `record_event` writes, where the version is still the one that it read.
    pub(crate) fn record(&self, recorded: &Recorded, seen: u64) -> Option<Self> {
        if self.checkout.version != seen {
            return None;
        }
        let Recorded { payment_state, transaction } = recorded.clone();
        let mut next = self.clone();
        next.checkout.payment_state = payment_state;
        next.checkout.version += 1;
        if let Some(transaction) = transaction {
            next.transactions.retain(|stored| !stored.is_same_as(&transaction));
            next.transactions.push(transaction);
            next.transactions.sort_by(|one, other| one.hash.cmp(&other.hash));
        }
        Some(next)
    }
}

/// By everything that differs between two states. The session never changes, and an order is known
/// by its payer.
impl Hash for Stored {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self { checkout, transactions, order_write, expire_write } = self;
        let Checkout { session: _, order, deadline: _, expired_at, payment_state, version } = checkout;
        (order.is_some(), expired_at, version, order_write, expire_write).hash(state);
        hash_payment_state(payment_state, state);
        hash_transactions(transactions, state);
    }
}

/// By everything that differs between two judgements.
pub(crate) fn hash_recorded<H: Hasher>(recorded: &Recorded, state: &mut H) {
    let Recorded { payment_state, transaction } = recorded;
    hash_payment_state(payment_state, state);
    hash_transactions(transaction.as_slice(), state);
}

fn hash_payment_state<H: Hasher>(payment_state: &PaymentState, state: &mut H) {
    let PaymentState {
        received,
        deposited,
        relayed,
        executed,
        refunded,
        returned,
        failure,
        settlement_failure,
        paid_at,
        pending_since,
        card_payments,
        outcome,
    } = payment_state;
    received.to_string().hash(state);
    returned.map(|returned| returned.to_string()).hash(state);
    (deposited, relayed, executed, refunded, paid_at, pending_since).hash(state);
    for failure in [failure, settlement_failure] {
        failure.as_ref().map(Text::as_str).hash(state);
    }
    for payment in card_payments {
        (payment.intent.as_str(), payment.refunded, format!("{:?}", payment.standing)).hash(state);
    }
    let outcome = outcome.map(|outcome| match outcome {
        Outcome::Complete => true,
        Outcome::Expired => false,
    });
    outcome.hash(state);
}

/// No two facts of the model share a hash, and none is ever reported differently.
fn hash_transactions<H: Hasher>(transactions: &[Transaction], state: &mut H) {
    transactions.len().hash(state);
    for transaction in transactions {
        transaction.hash.as_str().hash(state);
    }
}

impl fmt::Debug for Stored {
    /// What differs between two states, for who reads a counterexample.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since_the_deadline =
            |at: Option<Timestamp>| at.map(|at| at.as_millis() - facts::after_the_deadline(0).as_millis());
        let hashes: Vec<_> = self.transactions.iter().map(|transaction| transaction.hash.as_str()).collect();
        f.debug_struct("Stored")
            .field("order_write", &self.order_write)
            .field("expire_write", &self.expire_write)
            .field("expired_at", &since_the_deadline(self.checkout.expired_at))
            .field("paid_at", &since_the_deadline(self.checkout.payment_state.paid_at))
            .field("outcome", &self.checkout.payment_state.outcome)
            .field("received", &self.checkout.payment_state.received.to_string())
            .field("failure", &self.checkout.payment_state.failure.is_some())
            .field("transactions", &hashes)
            .field("version", &self.checkout.version)
            .finish()
    }
}

//! What the reported facts about an order come to.

use serde::{Deserialize, Serialize};

use crate::amount::Amount;
use crate::card::{CardPayment, Standing};
use crate::chain_fact::{self, ChainFact};
use crate::order::Order;
use crate::payment::{RefundStatus, Transaction, TransactionKind, by_transaction};
use crate::text::Text;
use crate::time::Timestamp;

/// The sum of an order's facts, kept beside it so that its status needs none of its
/// transactions: a payer may send 5,000 of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own; any combination can be true")]
pub struct PaymentState {
    /// What was deposited on the order's own chain. A deposit on another chain is kept, and
    /// can be recovered, but pays nothing.
    pub received: Amount,
    /// Whether anything was deposited, on whatever chain.
    pub deposited: bool,
    /// Whether a relay transaction is known.
    pub relayed: bool,
    /// Whether an execute transaction is known.
    pub executed: bool,
    /// Whether a successful refund is known, on whatever chain.
    pub refunded: bool,
    /// The sum of the successful refunds on the order's own chain. `None` only in a payment state that was stored
    /// before this sum was kept: any refund then counts as a refund of everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returned: Option<Amount>,
    /// Why the settlement failed; `None` if no failure was reported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Text<4096>>,
    /// Why our own settlement on the chain failed; `None` if it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settlement_failure: Option<Text<4096>>,
    /// When it was recorded that the deposits cover the order; `None` unless that was before the deadline and before any
    /// expire call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paid_at: Option<Timestamp>,
    /// When it was recorded that deposits on the chain will cover the order once they are final; `None` unless that was
    /// before the deadline and before any expire call. It pays nothing yet, but it keeps the session from expiring.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_since: Option<Timestamp>,
    /// The card payments, as Stripe showed them last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub card_payments: Vec<CardPayment>,
    /// How the order ended; `None` if its facts did not end it. It is written once: no later report moves a terminal
    /// session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
}

/// How an order's facts ended it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was executed.
    Complete,
    /// It failed or was refunded.
    Expired,
}

impl Default for PaymentState {
    /// The payment state of an order of which nothing was reported.
    fn default() -> Self {
        Self {
            received: Amount::ZERO,
            deposited: false,
            relayed: false,
            executed: false,
            refunded: false,
            returned: Some(Amount::ZERO),
            failure: None,
            settlement_failure: None,
            paid_at: None,
            pending_since: None,
            card_payments: Vec::new(),
            outcome: None,
        }
    }
}

impl PaymentState {
    /// The sum of an order's reported transactions and failure, and of what the chain shows, with what was
    /// decided before.
    ///
    /// Everything but `paid_at`, `pending_since`, `card_payments` and `outcome` follows from these facts alone. Those say
    /// *when* something became true, or what Stripe said, so they are carried on.
    pub fn sum(
        order: &Order,
        reported: &[Transaction],
        on_chain: &[ChainFact],
        failure: Option<Text<4096>>,
        before: &Self,
    ) -> Self {
        let mut payment_state = Self {
            failure,
            settlement_failure: chain_fact::settlement_failure(on_chain),
            paid_at: before.paid_at,
            pending_since: before.pending_since,
            card_payments: before.card_payments.clone(),
            outcome: before.outcome,
            ..Self::default()
        };
        let mut returned = Amount::ZERO;
        for transaction in &chain_fact::with_reported(order, &by_transaction(reported), on_chain) {
            match &transaction.kind {
                TransactionKind::Deposit { amount, .. } | TransactionKind::DepositLog { amount, .. } => {
                    payment_state.deposited |= *amount > Amount::ZERO;
                    if transaction.chain == order.terms.src_chain {
                        payment_state.received = payment_state.received.saturating_add(*amount);
                    }
                }
                TransactionKind::Relay { status: _ } => payment_state.relayed = true,
                TransactionKind::Execution { .. } => payment_state.executed = true,
                TransactionKind::Refund { status: RefundStatus::Failure, amount: _ } => {}
                TransactionKind::Refund { status: RefundStatus::Success, amount } => {
                    payment_state.refunded = true;
                    if transaction.chain == order.terms.src_chain {
                        returned = returned.saturating_add(*amount);
                    }
                }
            }
        }
        payment_state.returned = Some(returned);
        payment_state
    }

    /// Whether this stored payment state is the sum of the facts that were read beside it.
    pub fn is_sum(&self, sum: &Self) -> bool {
        // A payment state that was stored before a failed settlement could be tried again calls the first one final.
        let failure = sum.settlement_failure.as_ref().or(self.settlement_failure.as_ref()).cloned();
        let sum = &Self { settlement_failure: failure, ..sum.clone() };
        match self.returned {
            Some(_) => self == sum,
            None => *self == Self { returned: None, ..sum.clone() },
        }
    }

    /// Whether the payer has money back and what is left does not pay the order. A refund of an excess
    /// takes nothing from what was asked for.
    pub fn is_refunded(&self, order: &Order) -> bool {
        let is_short = |returned| self.received.saturating_sub(returned) < order.terms.src_amount;
        self.refunded && self.returned.is_none_or(is_short)
    }

    /// Whether a card payment pays the order.
    pub fn is_paid_by_card(&self) -> bool {
        self.card_payments.iter().any(|payment| payment.standing == Some(Standing::Counts))
    }

    /// Whether card money came late and is not given back yet.
    pub fn has_late_card_money(&self) -> bool {
        self.card_payments.iter().any(CardPayment::is_late_money)
    }

    /// Whether card money came late and all of it was given back.
    pub fn is_late_card_money_returned(&self) -> bool {
        let is_late = |payment: &CardPayment| payment.standing == Some(Standing::Late);
        self.card_payments.iter().any(is_late) && !self.has_late_card_money()
    }

    /// Whether the deposits reach what the order asks for.
    pub fn covers(&self, order: &Order) -> bool {
        self.received >= order.terms.src_amount
    }

    /// Returns why the settlement failed, as a report or the chain says it.
    pub fn any_failure(&self) -> Option<&Text<4096>> {
        self.failure.as_ref().or(self.settlement_failure.as_ref())
    }
}

/// When the deposits came to cover the order, by the deposits' own times: a fact of the
/// payments, whatever order they were reported in. `None` while they fall short.
pub fn covered_at(order: &Order, transactions: &[Transaction]) -> Option<Timestamp> {
    let mut deposits: Vec<(Timestamp, Amount)> = transactions
        .iter()
        .filter(|transaction| transaction.chain == order.terms.src_chain)
        .filter_map(|transaction| match &transaction.kind {
            TransactionKind::Deposit { amount, .. } | TransactionKind::DepositLog { amount, .. } => {
                Some((transaction.created_at, *amount))
            }
            TransactionKind::Relay { .. }
            | TransactionKind::Execution { .. }
            | TransactionKind::Refund { .. } => None,
        })
        .collect();
    deposits.sort_unstable();
    let mut received = Amount::ZERO;
    deposits.into_iter().find_map(|(at, amount)| {
        received = received.saturating_add(amount);
        (received >= order.terms.src_amount).then_some(at)
    })
}

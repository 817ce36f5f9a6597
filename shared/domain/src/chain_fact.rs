//! What a chain itself shows of an order: deposits to its address, and sweeps of them to its recipient.
//!
//! Reported events accumulate. Chain facts do not: each observation **replaces** the order's previous facts of the blocks
//! that it read, in one conditional write. A reorganisation, an overlapping scan or a second watcher therefore cannot
//! count a deposit twice. If a payment processor reports a transaction that the chain shows as well, the chain decides,
//! and the transaction counts once.

use std::collections::HashSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::amount::Amount;
use crate::order::{ChainId, Order};
use crate::payment::{Transaction, TransactionKind, TxHash};
use crate::text::Text;
use crate::time::Timestamp;

/// A fact that the chain shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainFact {
    /// The transaction it is in.
    pub hash: TxHash,
    /// The block that the transaction is in.
    pub block: u64,
    /// The block's own timestamp: by it lateness is judged.
    pub at: Timestamp,
    /// Whether the block passed the chain's configured finality. Until then the fact pays nothing and ends nothing: a
    /// reorganisation may take it back.
    pub is_final: bool,
    /// What it is.
    #[serde(flatten)]
    pub kind: ChainFactKind,
}

/// What the chain shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ChainFactKind {
    /// The order's token came to its deposit address, all transfers of the transaction together.
    Deposit {
        /// Who sent it.
        from: Text<255>,
        /// How much came.
        amount: Amount,
    },
    /// The factory forwarded what lay at the deposit address.
    Sweep {
        /// How much left the deposit address.
        amount: Amount,
        /// How much the token's own `Transfer` shows to have reached the recipient.
        arrived: Amount,
    },
    /// The factory could not forward it, in a transaction of our own.
    SweepFailed {
        /// What the token or the recipient said.
        reason: Text<4096>,
        /// Whether the same transaction forwarded the same token to another recipient. If so, the token itself works
        /// and the gas suffices: what failed is about this recipient.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        others_were_paid: bool,
    },
}

/// What an order's chain facts come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainTotals {
    /// Deposits past finality.
    pub confirmed: Amount,
    /// Of these, what was in a block from before the deadline.
    pub confirmed_in_time: Amount,
    /// Deposits that were seen, past finality or not.
    pub seen: Amount,
    /// Of these, what was in a block from before the deadline.
    pub seen_in_time: Amount,
    /// What left the deposit address, past finality or not.
    pub swept: Amount,
}

impl ChainTotals {
    /// Adds up what the chain shows. A deposit that is not final yet and that a processor reported as well counts as the
    /// processor's.
    pub fn of(facts: &[ChainFact], reported: &[Transaction], deadline: Timestamp) -> Self {
        let is_deposit =
            |transaction: &&Transaction| matches!(transaction.kind, TransactionKind::Deposit { .. });
        let reported: HashSet<String> =
            reported.iter().filter(is_deposit).map(|transaction| transaction.hash.identity()).collect();
        let nothing = Amount::ZERO;
        let mut totals = Self {
            confirmed: nothing,
            confirmed_in_time: nothing,
            seen: nothing,
            seen_in_time: nothing,
            swept: nothing,
        };
        for fact in facts {
            match &fact.kind {
                ChainFactKind::Deposit { .. }
                    if !fact.is_final && reported.contains(&fact.hash.identity()) => {}
                ChainFactKind::Deposit { amount, from: _ } => {
                    let add = |total: &mut Amount, counts: bool| {
                        if counts {
                            *total = total.saturating_add(*amount);
                        }
                    };
                    let is_in_time = fact.at < deadline;
                    add(&mut totals.seen, true);
                    add(&mut totals.seen_in_time, is_in_time);
                    add(&mut totals.confirmed, fact.is_final);
                    add(&mut totals.confirmed_in_time, fact.is_final && is_in_time);
                }
                ChainFactKind::Sweep { amount, arrived: _ } => {
                    totals.swept = totals.swept.saturating_add(*amount);
                }
                ChainFactKind::SweepFailed { .. } => {}
            }
        }
        totals
    }

    /// Deposits that may still be taken back.
    pub fn pending(self) -> Amount {
        self.seen.saturating_sub(self.confirmed)
    }

    /// Confirmed deposits that still lie at the deposit address.
    pub fn unswept(self) -> Amount {
        self.confirmed.saturating_sub(self.swept)
    }
}

/// The transactions that the facts past finality amount to: each deposit, and the one execution that completed the
/// order.
///
/// A sweep alone executes nothing. Anybody may sweep, also when only a part was paid; who took that for an
/// execution would let a payer complete an order with one unit of its token.
pub fn transactions(order: &Order, facts: &[ChainFact]) -> Vec<Transaction> {
    let chain = order.terms.src_chain;
    let confirmed = || facts.iter().filter(|fact| fact.is_final);
    let mut transactions: Vec<Transaction> = confirmed()
        .filter_map(|fact| match &fact.kind {
            ChainFactKind::Deposit { from, amount } => Some(Transaction {
                chain,
                hash: fact.hash.clone(),
                created_at: fact.at,
                kind: TransactionKind::Deposit { from: Some(from.clone()), amount: *amount },
            }),
            ChainFactKind::Sweep { .. } | ChainFactKind::SweepFailed { .. } => None,
        })
        .collect();

    let mut sweeps: Vec<(&ChainFact, Amount, Amount)> = confirmed()
        .filter_map(|fact| match &fact.kind {
            ChainFactKind::Sweep { amount, arrived } => Some((fact, *amount, *arrived)),
            ChainFactKind::Deposit { .. } | ChainFactKind::SweepFailed { .. } => None,
        })
        .collect();
    sweeps.sort_by_key(|(fact, ..)| (fact.block, &fact.hash));
    let arrived = sweeps.iter().fold(Amount::ZERO, |sum, (_, _, arrived)| sum.saturating_add(*arrived));
    let mut left = Amount::ZERO;
    let completing = sweeps.into_iter().find(|(_, amount, _)| {
        left = left.saturating_add(*amount);
        left >= order.terms.src_amount
    });
    transactions.extend(completing.map(|(fact, ..)| Transaction {
        chain,
        hash: fact.hash.clone(),
        created_at: fact.at,
        kind: TransactionKind::Execution { actual_dst_amount: Some(arrived), relay: None, points: None },
    }));
    transactions
}

/// How often a settlement must have failed for its own recipient before the order fails.
const FAILURES_OF_THE_RECIPIENT: usize = 3;
/// Over how long these failures must be spread, by the times of their blocks.
const FAILING_FOR: Duration = Duration::from_hours(6);

/// Returns why the order's settlement failed for good: the recipient itself cannot be paid in this token.
///
/// A failed settlement alone proves nothing. An issuer pauses its token for a minute, gas runs short, a token is locked
/// during its own call: all of that passes, and an order that failed cannot be completed any more. The recipient is
/// to blame only if the same token paid other recipients in the very same transactions, at least three times over at
/// least six hours, and nothing was forwarded since.
pub fn settlement_failure(facts: &[ChainFact]) -> Option<Text<4096>> {
    let mut failures: Vec<(&ChainFact, &Text<4096>)> = failures_of_the_recipient(facts).collect();
    failures.sort_by_key(|(fact, _)| fact.at);
    let ((first, _), (last, reason)) = (failures.first()?, failures.last()?);
    let is_lasting = failures.len() >= FAILURES_OF_THE_RECIPIENT && last.at.since(first.at) >= FAILING_FOR;
    is_lasting.then(|| (*reason).clone())
}

/// The final failures that are about the recipient, after the last sweep.
fn failures_of_the_recipient(facts: &[ChainFact]) -> impl Iterator<Item = (&ChainFact, &Text<4096>)> {
    let swept_until = facts
        .iter()
        .filter(|fact| matches!(fact.kind, ChainFactKind::Sweep { .. }))
        .map(|fact| fact.block)
        .max();
    facts.iter().filter(move |fact| fact.is_final && Some(fact.block) > swept_until).filter_map(|fact| {
        match &fact.kind {
            ChainFactKind::SweepFailed { reason, others_were_paid: true } => Some((fact, reason)),
            ChainFactKind::SweepFailed { .. }
            | ChainFactKind::Deposit { .. }
            | ChainFactKind::Sweep { .. } => None,
        }
    })
}

/// What is known of an order's transactions from both sources, each of them once.
pub fn with_reported(order: &Order, reported: &[Transaction], facts: &[ChainFact]) -> Vec<Transaction> {
    let mut known = transactions(order, facts);
    let shown: HashSet<Identity> = known.iter().map(identity).collect();
    known.extend(reported.iter().filter(|transaction| !shown.contains(&identity(transaction))).cloned());
    known
}

/// What tells transactions apart ([`Transaction::is_same_as`]), as a key.
type Identity = (std::mem::Discriminant<TransactionKind>, ChainId, String);

fn identity(transaction: &Transaction) -> Identity {
    (std::mem::discriminant(&transaction.kind), transaction.chain, transaction.hash.identity())
}

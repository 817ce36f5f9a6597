//! What a chain itself shows of an order: deposits to its address, and sweeps of them to its recipient.
//!
//! Unlike a reported event, which is kept for ever, these facts **replace themselves**: each observation is all that
//! the chain shows from some block on, as of a later one, and what was known of these blocks before is gone. Reorganisations, overlapping looks and two watchers at once can then count
//! nothing twice. Where a payment processor reports a transaction that the chain shows as well, the chain's word counts,
//! and it counts once.

use std::collections::HashSet;

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
    /// Whether our own settlement failed and nothing was forwarded since, past finality or not. To try again at each
    /// look until the failure is final would spend gas on nothing.
    pub is_refused: bool,
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
            is_refused: failures_since_last_sweep(facts).next().is_some(),
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

/// Why our own settlement failed for good, where it did and nothing was forwarded since.
pub fn settlement_failure(facts: &[ChainFact]) -> Option<Text<4096>> {
    let is_final = |(fact, _): &(&ChainFact, &Text<4096>)| fact.is_final;
    failures_since_last_sweep(facts).find(is_final).map(|(_, reason)| reason.clone())
}

/// The failures of our own settlement after which nothing was forwarded, with their reasons.
fn failures_since_last_sweep(facts: &[ChainFact]) -> impl Iterator<Item = (&ChainFact, &Text<4096>)> {
    let swept_until = facts
        .iter()
        .filter(|fact| matches!(fact.kind, ChainFactKind::Sweep { .. }))
        .map(|fact| fact.block)
        .max();
    facts.iter().filter(move |fact| Some(fact.block) > swept_until).filter_map(|fact| match &fact.kind {
        ChainFactKind::SweepFailed { reason } => Some((fact, reason)),
        ChainFactKind::Deposit { .. } | ChainFactKind::Sweep { .. } => None,
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

//! What the logs of an order say: its facts.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, U256};
use domain::amount::Amount;
use domain::chain_fact::{ChainFact, ChainFactKind};
use domain::invalid::Invalid;
use domain::payment::TxHash;
use domain::text::Text;
use domain::time::Timestamp;
use evm::abi::{SweepLog, SweepOutcome, Transfer};
use evm::log::Log;

/// An order as the chain knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OrderOnChain {
    /// Its id, as the factory's events name it.
    pub(crate) word: B256,
    pub(crate) deposit: Address,
    pub(crate) recipient: Address,
    pub(crate) token: Address,
    /// The factory from which its deposit address derives.
    pub(crate) factory: Address,
}

/// The logs that were read for some orders.
#[derive(Debug, Default)]
pub(crate) struct OrderLogs {
    /// Transfers to deposit addresses.
    pub(crate) deposits: Vec<Transfer>,
    /// Transfers from deposit addresses.
    pub(crate) forwarded: Vec<Transfer>,
    /// What the factories wrote, each with the factory that did.
    pub(crate) sweeps: Vec<(Address, SweepLog)>,
    /// Our own transactions among those with failed sweeps, and whom they paid in which token. A transaction of anybody
    /// else counts for nothing: its sender can choose a moment at which the token refuses.
    pub(crate) own: BTreeMap<B256, Vec<Payment>>,
    /// When each block was made.
    pub(crate) times: BTreeMap<u64, Timestamp>,
    /// The last block whose facts count.
    pub(crate) final_block: u64,
}

/// A sweep that a transaction made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Payment {
    pub(crate) token: Address,
    pub(crate) recipient: Address,
}

/// Where the transaction of some facts stands: its block first, so that facts sort in the chain's order.
type Position = (u64, B256);

impl OrderLogs {
    /// Reads the logs of receipts: deposits and sweeps alone.
    pub(crate) fn of_receipts<'a>(logs: impl Iterator<Item = &'a Log>) -> Self {
        let mut read = Self::default();
        for log in logs {
            read.deposits.extend(Transfer::read(log));
            read.sweeps.extend(sweep_log(log));
        }
        read
    }

    /// Whether they show a fact of this kind about an order, in the fact's transaction.
    pub(crate) fn show(&self, order: &OrderOnChain, fact: &ChainFact) -> bool {
        let is_its = |(_, hash): &Position| fact.hash.as_str() == format!("{hash:#x}");
        match fact.kind {
            ChainFactKind::Deposit { .. } => self.deposits_of(order).keys().any(is_its),
            ChainFactKind::Sweep { .. } => self.sweeps_of(order).keys().any(is_its),
            ChainFactKind::SweepFailed { .. } => false,
        }
    }

    /// All facts about an order, in the chain's order.
    pub(crate) fn facts(&self, order: &OrderOnChain) -> Result<Vec<ChainFact>, Invalid> {
        let mut facts = Vec::new();
        for ((block, hash), (from, amount)) in self.deposits_of(order) {
            let from = Text::parse(format!("{from:#x}"))?;
            let kind = ChainFactKind::Deposit { from, amount: Amount::from_word(amount) };
            facts.push(self.fact(block, hash, kind)?);
        }
        for ((block, hash), amount) in self.sweeps_of(order) {
            let arrived = self
                .forwarded
                .iter()
                .filter(|transfer| {
                    transfer.position.transaction_hash == hash
                        && transfer.token == order.token
                        && transfer.from == order.deposit
                        && transfer.to == order.recipient
                })
                .fold(U256::ZERO, |sum, transfer| sum.saturating_add(transfer.amount));
            let kind = ChainFactKind::Sweep {
                amount: Amount::from_word(amount),
                arrived: Amount::from_word(arrived),
            };
            facts.push(self.fact(block, hash, kind)?);
        }
        for (_, sweep) in self.sweeps.iter().filter(|(factory, sweep)| is_of(*factory, sweep, order)) {
            if let SweepOutcome::Failed(reason) = &sweep.outcome
                && let Some(paid) = self.own.get(&sweep.position.transaction_hash)
            {
                let reason =
                    Text::parse(format!("the token refused to forward the deposit: {}", told(reason)))?;
                let is_another =
                    |paid: &Payment| paid.token == order.token && paid.recipient != order.recipient;
                let kind =
                    ChainFactKind::SweepFailed { reason, others_were_paid: paid.iter().any(is_another) };
                facts.push(self.fact(sweep.position.block_number, sweep.position.transaction_hash, kind)?);
            }
        }
        facts.sort_by_key(|fact| fact.block);
        Ok(facts)
    }

    /// All transfers of a transaction are one deposit: a transaction is known by its hash.
    fn deposits_of(&self, order: &OrderOnChain) -> BTreeMap<Position, (Address, U256)> {
        let mut deposits = BTreeMap::new();
        for transfer in &self.deposits {
            // A transfer of nothing is no deposit: anybody can send one in anybody's name.
            if transfer.to == order.deposit && transfer.token == order.token && !transfer.amount.is_zero() {
                let position = (transfer.position.block_number, transfer.position.transaction_hash);
                let (_, amount) = deposits.entry(position).or_insert((transfer.from, U256::ZERO));
                *amount = amount.saturating_add(transfer.amount);
            }
        }
        deposits
    }

    fn sweeps_of(&self, order: &OrderOnChain) -> BTreeMap<Position, U256> {
        let mut sweeps = BTreeMap::new();
        for (_, sweep) in self.sweeps.iter().filter(|(factory, sweep)| is_of(*factory, sweep, order)) {
            if let SweepOutcome::Swept(swept) = sweep.outcome {
                let position = (sweep.position.block_number, sweep.position.transaction_hash);
                let amount = sweeps.entry(position).or_insert(U256::ZERO);
                *amount = amount.saturating_add(swept);
            }
        }
        sweeps
    }

    fn fact(&self, block: u64, hash: B256, kind: ChainFactKind) -> Result<ChainFact, Invalid> {
        let at = self.times.get(&block).copied();
        let at = at.ok_or_else(|| Invalid::expected("the time of each block that was read"))?;
        let hash = TxHash::parse(format!("{hash:#x}"))?;
        Ok(ChainFact { hash, block, at, is_final: block <= self.final_block, kind })
    }
}

/// Reads a factory's log, whichever factory it is of. Anybody can write one, so the caller compares the factory.
pub(crate) fn sweep_log(log: &Log) -> Option<(Address, SweepLog)> {
    Some((log.address, SweepLog::read(log, log.address)?))
}

fn is_of(factory: Address, sweep: &SweepLog, order: &OrderOnChain) -> bool {
    factory == order.factory
        && sweep.order == order.word
        && sweep.deposit == order.deposit
        && sweep.recipient == order.recipient
        && sweep.token == order.token
}

/// A token's reason, as far as it can be shown. It is whatever a contract wrote.
fn told(reason: &[u8]) -> String {
    // `Error(string)`: four bytes of selector, two words, and the text.
    let text = reason.strip_prefix(&[0x08, 0xc3, 0x79, 0xa0]).and_then(|rest| rest.get(64..));
    let text: String = String::from_utf8_lossy(text.unwrap_or_default())
        .chars()
        .filter(|character| !character.is_control() && *character != '\u{fffd}')
        .collect();
    if text.is_empty() { alloy_primitives::hex::encode_prefixed(reason) } else { text }
}

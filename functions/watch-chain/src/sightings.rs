//! What an order's logs come to: its facts.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, U256};
use checkout::amount::Amount;
use checkout::chain_fact::{ChainFact, ChainFactKind};
use checkout::invalid::Invalid;
use checkout::payment::TxHash;
use checkout::text::Text;
use checkout::time::Timestamp;
use evm::abi::{SweepLog, SweepOutcome, Transfer};
use evm::log::Log;

/// Whose logs are told apart: an order as the chain knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OnChainOrder {
    pub(crate) word: B256,
    pub(crate) deposit: Address,
    pub(crate) recipient: Address,
    pub(crate) token: Address,
}

/// The logs that were read for some orders.
#[derive(Debug, Default)]
pub(crate) struct Logs {
    /// Transfers to deposit addresses.
    pub(crate) deposits: Vec<Transfer>,
    /// Transfers from deposit addresses.
    pub(crate) forwarded: Vec<Transfer>,
    /// What the factory wrote.
    pub(crate) sweeps: Vec<SweepLog>,
    /// The failed sweeps among them that are our own: anybody can make a sweep fail at a chosen moment.
    pub(crate) own_failures: Vec<B256>,
    /// When each block was made.
    pub(crate) times: BTreeMap<u64, Timestamp>,
    /// The last block that counts.
    pub(crate) final_block: u64,
}

/// The transaction of some facts: its place first, so that facts are in the chain's order.
type At = (u64, B256);

impl Logs {
    /// What receipts tell, unlike a search for logs: of deposits and sweeps alone.
    pub(crate) fn read<'a>(logs: impl Iterator<Item = &'a Log>, factory: Address) -> Self {
        let mut read = Self::default();
        for log in logs {
            read.deposits.extend(Transfer::read(log));
            read.sweeps.extend(SweepLog::read(log, factory));
        }
        read
    }

    /// Whether such a fact about an order is among them, of the same transaction.
    pub(crate) fn show(&self, order: &OnChainOrder, fact: &ChainFact) -> bool {
        let is_its = |(_, hash): &At| fact.hash.as_str() == format!("{hash:#x}");
        match fact.kind {
            ChainFactKind::Deposit { .. } => self.deposits_of(order).keys().any(is_its),
            ChainFactKind::Sweep { .. } => self.sweeps_of(order).keys().any(is_its),
            ChainFactKind::SweepFailed { .. } => false,
        }
    }

    /// All facts about an order, in the chain's order.
    pub(crate) fn facts(&self, order: &OnChainOrder) -> Result<Vec<ChainFact>, Invalid> {
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
                    transfer.place.transaction_hash == hash
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
        for sweep in self.sweeps.iter().filter(|sweep| is_of(sweep, order)) {
            if let SweepOutcome::Failed(reason) = &sweep.outcome
                && self.own_failures.contains(&sweep.place.transaction_hash)
            {
                let reason =
                    Text::parse(format!("the token refused to forward the deposit: {}", told(reason)))?;
                let kind = ChainFactKind::SweepFailed { reason };
                facts.push(self.fact(sweep.place.block_number, sweep.place.transaction_hash, kind)?);
            }
        }
        facts.sort_by_key(|fact| fact.block);
        Ok(facts)
    }

    /// All transfers of a transaction are one deposit: a transaction is known by its hash.
    fn deposits_of(&self, order: &OnChainOrder) -> BTreeMap<At, (Address, U256)> {
        let mut deposits = BTreeMap::new();
        for transfer in &self.deposits {
            // Nothing is no deposit: anybody can transfer nothing in anybody's name.
            if transfer.to == order.deposit && transfer.token == order.token && !transfer.amount.is_zero() {
                let at = (transfer.place.block_number, transfer.place.transaction_hash);
                let (_, amount) = deposits.entry(at).or_insert((transfer.from, U256::ZERO));
                *amount = amount.saturating_add(transfer.amount);
            }
        }
        deposits
    }

    fn sweeps_of(&self, order: &OnChainOrder) -> BTreeMap<At, U256> {
        let mut sweeps = BTreeMap::new();
        for sweep in self.sweeps.iter().filter(|sweep| is_of(sweep, order)) {
            if let SweepOutcome::Swept(swept) = sweep.outcome {
                let at = (sweep.place.block_number, sweep.place.transaction_hash);
                let amount = sweeps.entry(at).or_insert(U256::ZERO);
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

fn is_of(sweep: &SweepLog, order: &OnChainOrder) -> bool {
    sweep.order == order.word
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

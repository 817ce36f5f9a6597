//! Observing orders: everything that the chain shows of them is read anew, and replaces what was known.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, B256};
use checkout::chain_fact::{ChainFact, ChainFactKind};
use checkout::id::OrderId;
use checkout::store::{CheckoutRecord, Observation, Sighting, StoreError, Watched};
use checkout::time::Timestamp;
use evm::RpcError;
use evm::abi::{SweepLog, SweepOutcome, Transfer, order_word};
use evm::filter::{LogFilter, OneOf};
use evm::log::Log;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use crate::WatchError;
use crate::sightings::{Logs, OnChainOrder};
use crate::watcher::{ChainWatcher, Head, time_of};

/// How many orders are written at once.
const AT_ONCE: usize = 8;
/// How many blocks' headers are asked for at once.
const HEADERS_AT_ONCE: usize = 100;

/// The orders that could not be looked at, and why.
pub(crate) type Failures = BTreeMap<OrderId, String>;

/// Tells what is wrong with one order alone from what is wrong with the database: that is not waited for order by order.
pub(crate) fn alone<T>(
    order: OrderId,
    result: Result<T, StoreError>,
) -> Result<(OrderId, Result<T, String>), StoreError> {
    match result {
        Ok(value) => Ok((order, Ok(value))),
        Err(StoreError::Broken(cause)) => Ok((order, Err(cause))),
        Err(error @ StoreError::Unavailable(_)) => Err(error),
    }
}

impl ChainWatcher {
    /// Reads everything about these orders anew, and records it. What fails of one order alone is among the failures.
    pub(crate) async fn observe(
        &mut self,
        orders: &[Watched],
        scanned_from: u64,
        head: &Head,
        failures: &mut Failures,
    ) -> Result<Vec<CheckoutRecord>, WatchError> {
        let orders: Vec<(OnChainOrder, &Watched, u64)> = orders
            .iter()
            .filter_map(|watched| {
                let from = watched.from_block.unwrap_or(scanned_from).min(head.block.number);
                Some((on_chain_order(watched)?, watched, from))
            })
            .collect();
        let Some(from) = orders.iter().map(|(.., from)| *from).min() else {
            return Ok(Vec::new());
        };
        let known: Vec<OnChainOrder> = orders.iter().map(|(order, ..)| *order).collect();
        let logs = self.logs_of(&known, from, head).await?;
        let (mut sightings, mut gone) = (Vec::new(), Vec::<(OnChainOrder, &ChainFact)>::new());
        let to_block = head.block.number;
        let firm_block = head.final_block.min(to_block.saturating_sub(self.chain.overlap));
        let settles = self.payer.address().is_some();
        for (order, watched, from_block) in orders {
            let facts = match logs.facts(&order) {
                Ok(facts) => facts,
                Err(error) => {
                    failures.insert(watched.order.id, error.to_string());
                    continue;
                }
            };
            let facts: Vec<ChainFact> = facts.into_iter().filter(|fact| fact.block >= from_block).collect();
            let is_shown = |known: &&ChainFact| facts.iter().any(|fact| fact.hash == known.hash);
            // A failure counts only as long as the key is ours that paid for it: with another one it is no lie of the node's.
            let is_of_the_node = |fact: &&ChainFact| !matches!(fact.kind, ChainFactKind::SweepFailed { .. });
            let known = watched.facts.iter().filter(|fact| fact.block >= from_block).filter(is_of_the_node);
            gone.extend(known.filter(|known| !is_shown(known)).map(|fact| (order, fact)));
            let reread_from = (firm_block + 1).saturating_sub(self.chain.overlap);
            let sighting = Sighting { from_block, to_block, firm_block, reread_from, facts, settles };
            sightings.push((watched.order.id, sighting));
        }
        self.check_gone(&gone).await?;
        let (store, clock) = (&self.store, &self.clock);
        let observed: Vec<(OrderId, Result<Observation, String>)> = stream::iter(&sightings)
            .map(|(id, sighting)| async { alone(*id, store.observe(*id, sighting, || clock.now()).await) })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        let mut records = Vec::new();
        for (id, observed) in observed {
            match observed {
                Ok(Observation::Observed(record, _)) => records.push(*record),
                Ok(Observation::Outdated | Observation::NotWatched) => {}
                Err(cause) => drop(failures.insert(id, cause)),
            }
        }
        Ok(records)
    }

    /// Whether facts that the logs show no more are truly gone. A node whose receipt of the transaction still has them
    /// contradicts itself (its index of logs is late, say): what it leaves out must not take a payment back. A transaction
    /// that came back after a reorganisation and does something else now, or nothing, is no contradiction.
    async fn check_gone(&self, gone: &[(OnChainOrder, &ChainFact)]) -> Result<(), WatchError> {
        let hashes: BTreeSet<B256> =
            gone.iter().filter_map(|(_, fact)| fact.hash.as_str().parse().ok()).collect();
        if hashes.is_empty() {
            return Ok(());
        }
        let hashes: Vec<B256> = hashes.into_iter().collect();
        let receipts = self.node.receipts(&hashes).await?;
        let written =
            receipts.iter().flatten().filter(|receipt| receipt.succeeded).flat_map(|receipt| &receipt.logs);
        let logs = Logs::read(written, self.factory.address());
        if gone.iter().any(|(order, fact)| logs.show(order, fact)) {
            return Err(WatchError::Contradiction);
        }
        Ok(())
    }

    /// Everything that the chain shows of these orders, up to its head.
    async fn logs_of(&mut self, orders: &[OnChainOrder], from: u64, head: &Head) -> Result<Logs, WatchError> {
        let none = |_| RpcError::Malformed("was not asked: there is no order");
        let blocks = from..=head.block.number;
        let addresses = || OneOf::new(orders.iter().map(|order| order.deposit)).map_err(none);
        let words = OneOf::new(orders.iter().map(|order| order.word)).map_err(none)?;
        let factory = self.factory.address();
        // The orders' own: one that is not configured any more has open orders still.
        let tokens: BTreeSet<Address> = orders.iter().map(|order| order.token).collect();
        let tokens = OneOf::new(tokens).map_err(none)?;

        let to = LogFilter::transfers(tokens.clone(), Some(addresses()?));
        let to = self.reader.read(blocks.clone(), &to).await?;
        let sweeps = self.reader.read(blocks.clone(), &LogFilter::sweeps(factory, Some(words))).await?;
        let forwarded = LogFilter::transfers_from(tokens, addresses()?);
        let forwarded = self.reader.read(blocks, &forwarded).await?;
        if [to.last, sweeps.last, forwarded.last].iter().any(|last| *last != head.block.hash) {
            return Err(WatchError::Reorganised);
        }
        let times = self.times(to.logs.iter().chain(&sweeps.logs)).await?;
        let sweeps: Vec<SweepLog> =
            sweeps.logs.iter().filter_map(|log| SweepLog::read(log, factory)).collect();
        Ok(Logs {
            deposits: to.logs.iter().filter_map(Transfer::read).collect(),
            forwarded: forwarded.logs.iter().filter_map(Transfer::read).collect(),
            own_failures: self.own_failures(&sweeps).await?,
            sweeps,
            times,
            final_block: head.final_block,
        })
    }

    /// When the blocks of these logs were made.
    async fn times(&self, logs: impl Iterator<Item = &Log>) -> Result<BTreeMap<u64, Timestamp>, WatchError> {
        let hashes: BTreeMap<u64, B256> =
            logs.map(|log| (log.place.block_number, log.place.block_hash)).collect();
        let numbers: Vec<u64> = hashes.keys().copied().collect();
        let mut times = BTreeMap::new();
        for numbers in numbers.chunks(HEADERS_AT_ONCE) {
            for block in self.node.blocks(numbers).await? {
                let block = block.ok_or(WatchError::Reorganised)?;
                if hashes.get(&block.number) != Some(&block.hash) {
                    return Err(WatchError::Reorganised);
                }
                times.insert(block.number, time_of(&block));
            }
        }
        Ok(times)
    }

    /// The transactions among those with failed sweeps that our own key paid for.
    async fn own_failures(&self, sweeps: &[SweepLog]) -> Result<Vec<B256>, WatchError> {
        let failed = sweeps.iter().filter(|sweep| matches!(sweep.outcome, SweepOutcome::Failed(_)));
        let failed: BTreeSet<B256> = failed.map(|sweep| sweep.place.transaction_hash).collect();
        let Some(payer) = self.payer.address().filter(|_| !failed.is_empty()) else {
            return Ok(Vec::new());
        };
        let failed: Vec<B256> = failed.into_iter().collect();
        let mut own = Vec::new();
        for receipt in self.node.receipts(&failed).await? {
            // Its log was there a moment ago. Taken for a stranger's, our own failure would be tried again.
            let receipt = receipt.ok_or(WatchError::Reorganised)?;
            own.extend((receipt.from == payer).then_some(receipt.transaction_hash));
        }
        Ok(own)
    }
}

fn on_chain_order(watched: &Watched) -> Option<OnChainOrder> {
    let order = &watched.order;
    Some(OnChainOrder {
        word: order_word(*order.id.as_bytes()),
        deposit: order.deposit_address.parse().ok()?,
        recipient: Address::from(order.terms.recipient.to_bytes()),
        token: Address::from(order.terms.src_token.to_bytes()),
    })
}

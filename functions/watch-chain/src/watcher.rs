//! Watching one chain, a step at a time.
//!
//! A step finds which watched orders something happened to, and has these [observed](crate::observer) and
//! [settled](crate::settler). Only when all of it is recorded does the cursor move: a step that fails anywhere is simply
//! made again.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use alloy_primitives::{Address, B256};
use checkout::api::Clock;
use checkout::chain_config::{Chain, Finality};
use checkout::deposit_address::ForwarderFactory;
use checkout::id::OrderId;
use checkout::store::{
    Attention, CheckoutRecord, Cursor, Progress, SHARDS, Store, StoreError, Watched, WatchedOrder,
};
use checkout::time::Timestamp;
use evm::abi::{SweepLog, Transfer, order_word};
use evm::block::{Block, BlockTag};
use evm::filter::{LogFilter, OneOf};
use evm::{Node, RpcError, Signer};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use lambda_http::tracing;

use crate::WatchError;
use crate::agenda::{Agenda, Hits};
use crate::observer::{Failures, alone};
use crate::reader::Reader;

/// How far back the index of watched orders is read again: it follows the table with a delay.
const INDEX_DELAY: Duration = Duration::from_mins(1);
/// How far a payer's block may be before the order that it pays, by their clocks.
const CLOCKS_APART: Duration = Duration::from_mins(2);
/// How many questions of one step go over the same ground before the cursor moves.
const RANGES_PER_STEP: u64 = 50;
/// How many orders a step looks at. At 256 MB that takes 7 s: a run ends its last step in time.
const MOST_AT_A_STEP: usize = 2_000;
/// How many orders are read at once.
const AT_ONCE: usize = 8;

/// A chain that is watched.
#[derive(Debug)]
pub struct ChainWatcher {
    pub(crate) chain: Chain,
    pub(crate) node: Node,
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) factory: ForwarderFactory,
    pub(crate) payer: Signer,
    pub(crate) reader: Reader,
    agenda: Agenda,
    is_right_chain: bool,
    cursor: Option<Cursor>,
    /// The watched orders that this run has met, by their address.
    watched: HashMap<Address, WatchedOrder>,
    /// Until when these were read from the index.
    indexed_until: Option<Timestamp>,
}

/// What a step did.
#[derive(Debug, Clone, Default)]
pub struct Step {
    /// How many orders are watched.
    pub watched: usize,
    /// The orders that were looked at.
    pub observed: Vec<OrderId>,
    /// Whether there are blocks left that were not read yet, or orders that were not looked at.
    pub is_behind: bool,
    /// The settlement that was sent.
    pub sent: Option<B256>,
}

/// The chain's end, as one look at it shows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head {
    pub(crate) block: Block,
    pub(crate) final_block: u64,
}

impl ChainWatcher {
    /// A watcher of a chain.
    pub fn new(
        chain: Chain,
        node: Node,
        store: Store,
        clock: Clock,
        factory: ForwarderFactory,
        payer: Signer,
    ) -> Self {
        let reader = Reader::new(node.clone(), chain.block_range);
        Self {
            chain,
            node,
            store,
            clock,
            factory,
            payer,
            reader,
            agenda: Agenda::new(MOST_AT_A_STEP),
            is_right_chain: false,
            cursor: None,
            watched: HashMap::new(),
            indexed_until: None,
        }
    }

    /// The same, looking at no more orders in a step.
    #[must_use]
    pub fn at_most(mut self, orders: usize) -> Self {
        self.agenda = Agenda::new(orders);
        self
    }

    /// The chain's id.
    pub fn chain_id(&self) -> u64 {
        self.chain.id.as_u64()
    }

    /// Begins a run: forgets what an earlier one, perhaps minutes ago, knew of the table.
    pub async fn begin(&mut self) -> Result<(), WatchError> {
        self.cursor = self.store.cursor(self.chain.id).await?;
        self.watched.clear();
        self.indexed_until = None;
        Ok(())
    }

    /// One look at the chain.
    pub async fn step(&mut self) -> Result<Step, WatchError> {
        let due = self.read_index().await?;
        if self.watched.is_empty() {
            return Ok(Step::default());
        }
        self.check_chain().await?;
        let head = self.head().await?;
        let (from, to) = self.unread(&head).await?;

        let mut step = Step { watched: self.watched.len(), ..Step::default() };
        let mut due: BTreeSet<OrderId> = due.into_iter().map(|order| order.id).collect();
        if from <= to {
            let (cursor, hits) = self.scan(from, to).await?;
            due.extend(hits.keys());
            let chosen = self.agenda.next(due.clone());
            Box::pin(self.observe_all(chosen, from, &head, &hits, &mut step)).await?;
            let is_all_seen = self.agenda.has_seen(&hits);
            step.is_behind = to < head.block.number || !is_all_seen;
            // Past a log that was not looked at, the cursor would leave a deposit behind for good.
            if is_all_seen {
                self.move_cursor(cursor).await?;
            }
            if !step.is_behind {
                self.stop_watching(&due).await?;
            }
        } else {
            let chosen = self.agenda.next(due);
            Box::pin(self.observe_all(chosen, from, &head, &Hits::new(), &mut step)).await?;
        }
        Ok(step)
    }

    /// Reads the index: what waits as far as it is new, and what is due anew.
    async fn read_index(&mut self) -> Result<Vec<WatchedOrder>, WatchError> {
        let now = self.clock.now();
        let since = self.indexed_until.map(|until| until - INDEX_DELAY);
        // Strictly in this order: an order that becomes busy meanwhile is then seen as both, and never as neither.
        let mut met = self.indexed(Attention::Idle, (since, None)).await?;
        if since.is_none() {
            met.extend(self.indexed(Attention::Short, (None, None)).await?);
        }
        self.indexed_until = Some(now);
        let mut due = self.indexed(Attention::Short, (None, Some(now))).await?;
        due.extend(self.indexed(Attention::Busy, (None, None)).await?);
        // Once nothing is outstanding they wait again, and are too old to be read as new.
        for order in met.into_iter().chain(due.iter().cloned()) {
            if let Ok(address) = order.address.parse() {
                self.watched.insert(address, order);
            }
        }
        if since.is_none() {
            self.agenda.retain(&self.watched.values().map(|order| order.id).collect());
        }
        Ok(due)
    }

    async fn indexed(
        &self,
        attention: Attention,
        within: (Option<Timestamp>, Option<Timestamp>),
    ) -> Result<Vec<WatchedOrder>, StoreError> {
        let shard = |shard| self.store.watched_orders(self.chain.id, shard, attention, within);
        stream::iter(0..SHARDS).map(shard).buffered(SHARDS.into()).try_concat().await
    }

    /// Takes out of the index what was watched for long enough. Only once the chain is read up to its head: after a
    /// long outage there may be deposits to them in what was not read yet.
    async fn stop_watching(&mut self, due: &BTreeSet<OrderId>) -> Result<(), WatchError> {
        let now = self.clock.now();
        let over = |order: &WatchedOrder| order.is_over(now) && !due.contains(&order.id);
        for (_, order) in self.watched.extract_if(|_, order| over(order)) {
            self.store.stop_watching(&order).await?;
        }
        Ok(())
    }

    /// With another chain's endpoint every deposit would be missed.
    async fn check_chain(&mut self) -> Result<(), WatchError> {
        if !self.is_right_chain {
            let id = self.node.chain_id().await?;
            if id != self.chain_id() {
                return Err(WatchError::AnotherChain(id));
            }
            self.is_right_chain = true;
        }
        Ok(())
    }

    async fn head(&self) -> Result<Head, WatchError> {
        let block = self.node.block(BlockTag::Latest).await?.ok_or(RpcError::Behind(0))?;
        let tagged = |tag| async move {
            // Before the chain has such a block, nothing counts.
            Ok::<_, RpcError>(self.node.block(tag).await?.map_or(0, |block| block.number))
        };
        let final_block = match self.chain.finality {
            Finality::Blocks(blocks) => block.number.saturating_sub(blocks),
            Finality::Safe => tagged(BlockTag::Safe).await?,
            Finality::Finalized => tagged(BlockTag::Finalized).await?,
        };
        Ok(Head { block, final_block })
    }

    /// The blocks that this step has to read, both included; none where the first is after the last.
    async fn unread(&self, head: &Head) -> Result<(u64, u64), WatchError> {
        let overlap = self.chain.overlap;
        let end = head.block.number;
        let next = self.cursor.as_ref().map_or(0, |cursor| (cursor.block + 1).saturating_sub(overlap));
        if self.cursor.as_ref().is_some_and(|cursor| cursor.block > end) {
            // This node is behind the one that was asked before.
            return Ok((next, 0));
        }
        // A chain that nobody watched for a while is not read from there on, but from when the oldest order was made.
        let from = if end.saturating_sub(next) > overlap.saturating_mul(4).max(1_000) || self.cursor.is_none()
        {
            let oldest = self.watched.values().map(|order| order.created_at).min();
            let oldest = oldest.map_or_else(|| self.clock.now(), |at| at - CLOCKS_APART);
            self.block_at(oldest, next, end).await?
        } else {
            next
        };
        let most = self.chain.block_range.saturating_mul(RANGES_PER_STEP);
        Ok((from, end.min(from.saturating_add(most - 1))))
    }

    /// The first block that was made at an instant or after it, between two blocks.
    async fn block_at(&self, instant: Timestamp, mut low: u64, mut high: u64) -> Result<u64, WatchError> {
        while low < high {
            let middle = low + (high - low) / 2;
            let block = self.node.block(BlockTag::Number(middle)).await?.ok_or(RpcError::Behind(middle))?;
            if time_of(&block) < instant {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    /// Finds the orders that something happened to, and how far the cursor may go once these were looked at.
    async fn scan(&mut self, from: u64, to: u64) -> Result<(Cursor, Hits), WatchError> {
        let mut hits = Hits::new();
        let order_of_word: HashMap<B256, OrderId> =
            self.watched.values().map(|order| (order_word(*order.id.as_bytes()), order.id)).collect();
        // Beyond a thousand the node is asked for all transfers, and ours are found here.
        let recipients = OneOf::new(self.watched.keys().copied()).ok();
        let transfers = LogFilter::transfers(self.tokens()?, recipients);
        let deposits = self.reader.read(from..=to, &transfers).await?;
        for transfer in deposits.logs.iter().filter_map(Transfer::read) {
            if let Some(order) = self.watched.get(&transfer.to) {
                hits.entry(order.id).or_default().insert(transfer.place.into());
            }
        }
        let factory = self.factory.address();
        let sweeps = self.reader.read(from..=to, &LogFilter::sweeps(factory, None)).await?;
        if sweeps.last != deposits.last {
            return Err(WatchError::Reorganised);
        }
        for sweep in sweeps.logs.iter().filter_map(|log| SweepLog::read(log, factory)) {
            if let Some(order) = order_of_word.get(&sweep.order) {
                hits.entry(*order).or_default().insert(sweep.place.into());
            }
        }
        Ok((Cursor { block: deposits.to, block_hash: format!("{:#x}", deposits.last) }, hits))
    }

    fn tokens(&self) -> Result<OneOf<Address>, WatchError> {
        let tokens = self.chain.tokens.iter().map(|token| Address::from(token.to_bytes()));
        Ok(OneOf::new(tokens)
            .map_err(|_| RpcError::Malformed("was not asked: too many tokens are configured"))?)
    }

    /// Reads everything about these orders anew, records it, and settles what is to be settled. One of which that fails
    /// keeps no other from it; but the cursor must not move, so in the end the step fails.
    async fn observe_all(
        &mut self,
        mut chosen: BTreeSet<OrderId>,
        scanned_from: u64,
        head: &Head,
        hits: &Hits,
        step: &mut Step,
    ) -> Result<(), WatchError> {
        let store = &self.store;
        let found: Vec<(OrderId, Result<Option<Watched>, String>)> = stream::iter(&chosen)
            .map(|id| async { alone(*id, store.watched(*id).await) })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        let (mut watched, mut failures) = (Vec::new(), Failures::new());
        for (id, found) in found {
            match found {
                Ok(found) => watched.extend(found),
                Err(cause) => drop(failures.insert(id, cause)),
            }
        }
        let mut records = Vec::new();
        for orders in watched.chunks(OneOf::<Address>::MOST / 2) {
            records.extend(self.observe(orders, scanned_from, head, &mut failures).await?);
        }
        for record in &records {
            self.log_failure(record);
        }
        chosen.retain(|id| !failures.contains_key(id));
        self.agenda.note(&chosen, hits);
        step.observed = watched.iter().map(|watched| watched.order.id).collect();
        step.sent = match self.settle(&records).await {
            Ok(sent) => sent,
            // Trouble with paying is no reason not to watch.
            Err(error @ (WatchError::Rpc(RpcError::Node(_)) | WatchError::Sign(_))) => {
                tracing::error!(chain = self.chain_id(), cause = %error, "a settlement cannot be made");
                None
            }
            Err(error @ WatchError::Rpc(_)) => {
                tracing::warn!(chain = self.chain_id(), cause = %error, "a settlement cannot be made for now");
                None
            }
            Err(error) => return Err(error),
        };
        // Some of them: what is wrong with all of them is told by the first.
        for (order, cause) in failures.iter().take(10) {
            tracing::error!(chain = self.chain_id(), %order, cause, "an order cannot be looked at");
        }
        match failures.into_values().next() {
            None => Ok(()),
            Some(cause) => Err(StoreError::Broken(cause).into()),
        }
    }

    async fn move_cursor(&mut self, to: Cursor) -> Result<(), WatchError> {
        if self.cursor.as_ref() == Some(&to) {
            return Ok(());
        }
        match self.store.move_cursor(self.chain.id, self.cursor.as_ref(), &to).await? {
            Progress::Made => self.cursor = Some(to),
            Progress::Overtaken => {
                self.cursor = self.store.cursor(self.chain.id).await?;
                return Err(WatchError::Overtaken);
            }
        }
        Ok(())
    }

    /// Says what an alarm listens for.
    fn log_failure(&self, record: &CheckoutRecord) {
        if let (Some(order), Some(_)) = (&record.checkout.order, &record.checkout.ledger.settlement_failure) {
            tracing::error!(chain = self.chain_id(), order = %order.id, "a settlement failed");
        }
    }
}

/// A block's own time: whole seconds.
pub(crate) fn time_of(block: &Block) -> Timestamp {
    Timestamp::from_millis(i64::try_from(block.timestamp).unwrap_or(i64::MAX / 1000).saturating_mul(1000))
}

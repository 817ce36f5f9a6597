//! The scanner: which blocks a step reads, which orders their logs concern, and how far the cursor may go.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use alloy_primitives::Address;
use domain::chain_config::{Chain, Finality};
use domain::id::OrderId;
use domain::time::Timestamp;
use evm::abi::{Transfer, order_of};
use evm::block::{Block, BlockTag};
use evm::filter::{LogFilter, OneOf};
use evm::{LogReader, Node, RpcError};
use lambda_http::tracing;
use store::{ChainWrite, Cursor, Store, WATCHED_FOR};

use crate::WatchError;
use crate::backlog::MatchedLogs;
use crate::index::Index;
use crate::order_logs::sweep_log;

/// By how much the clock of the service and that of a block's producer may differ.
const CLOCKS_APART: Duration = Duration::from_mins(2);
/// How old a head may be without the other endpoints being asked for theirs.
const FRESH_FOR: Duration = Duration::from_mins(1);
/// How many requests for logs a scan makes, besides those for the overlap. What is left is read at the next step.
const MOST_READS: u32 = 50;
/// How many requests for logs the overlap takes at most. If the node takes fewer blocks at once than configured, the
/// overlap is shortened: otherwise a scan would read nothing else, and the cursor would never move.
const MOST_OVERLAP_READS: u32 = 100;
/// How many recipients a scan looks up. A scan of a busy token ends at the block that has more. Those that are remembered
/// do not count: the overlap alone may have more.
const MOST_LOOKUPS: usize = 2_000;
/// How many blocks a node may be behind another one of the same chain, for a cursor that does not say its block's time.
const MOST_BEHIND: u64 = 64;

/// The chain's end, as one node shows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head {
    pub(crate) block: Block,
    /// The last block whose facts count.
    pub(crate) final_block: u64,
}

/// The blocks that a step reads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) from: u64,
    /// The last block that was read, whole.
    pub(crate) last: Block,
}

/// What a scan found.
#[derive(Debug)]
pub(crate) struct Scan {
    pub(crate) window: Window,
    /// The orders whose logs were found.
    pub(crate) matched: MatchedLogs,
    /// Where the cursor belongs once these logs were part of a visit; `None` if no block was new.
    pub(crate) cursor: Option<Cursor>,
}

/// What is known of the cursor's block in this run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CursorState {
    Unchecked,
    OnChain,
    /// The block does not belong to this chain.
    Wrong,
}

/// Reads a chain's logs block by block.
#[derive(Debug)]
pub(crate) struct Scanner {
    chain: Chain,
    node: Node,
    reader: LogReader,
    store: Store,
    cursor: Option<Cursor>,
    cursor_state: CursorState,
    /// When no order was watched and nothing was outstanding: earlier blocks concern no order.
    idle_at: Option<Timestamp>,
    /// The last block that was called safe or final, by whichever node.
    final_block: u64,
    /// The tokens whose transfers are read: those that are configured, and those that were.
    tokens: BTreeSet<Address>,
    /// The factories whose sweeps are read.
    factories: BTreeSet<Address>,
}

impl Scanner {
    pub(crate) fn new(chain: Chain, node: Node, store: Store, factories: BTreeSet<Address>) -> Self {
        let tokens = chain.tokens.iter().map(|token| Address::from(token.address.to_bytes())).collect();
        let reader = LogReader::new(node.clone(), chain.block_range);
        Self {
            chain,
            node,
            reader,
            store,
            cursor: None,
            cursor_state: CursorState::Unchecked,
            idle_at: None,
            final_block: 0,
            tokens,
            factories,
        }
    }

    /// Begins a run: another one may have moved the cursor.
    pub(crate) async fn begin(&mut self) -> Result<(), WatchError> {
        self.cursor = self.store.cursor(self.chain.id).await?;
        self.cursor_state = CursorState::Unchecked;
        let remembered = |of: fn(&Cursor) -> &Vec<String>| {
            let texts = self.cursor.iter().flat_map(of);
            texts.filter_map(|text| text.parse::<Address>().ok()).collect::<Vec<_>>()
        };
        let (factories, tokens) =
            (remembered(|cursor| &cursor.factories), remembered(|cursor| &cursor.tokens));
        self.factories.extend(factories);
        // An order outlives the configuration it was created under. The configured tokens come first.
        let room = OneOf::<Address>::MOST.saturating_sub(self.tokens.len());
        self.tokens.extend(tokens.into_iter().take(room));
        Ok(())
    }

    pub(crate) fn cursor(&self) -> Option<&Cursor> {
        self.cursor.as_ref()
    }

    pub(crate) fn reader(&self) -> &LogReader {
        &self.reader
    }

    /// Reads the sweeps of one more factory from here on. The cursor remembers it.
    pub(crate) fn add_factory(&mut self, factory: Address) {
        self.factories.insert(factory);
    }

    /// From which instant on blocks are still to be read.
    pub(crate) fn unread_since(&self, now: Timestamp) -> Timestamp {
        let scanned = self.cursor.as_ref().and_then(|cursor| cursor.block_time);
        scanned.max(self.idle_at).map_or(now, |at| at.min(now)) - CLOCKS_APART
    }

    /// Notes that no order is watched and nothing is outstanding.
    pub(crate) fn note_idle(&mut self, now: Timestamp) {
        self.idle_at = Some(now);
    }

    /// Asks for the chain's end.
    ///
    /// A node that was restarted does not know for a while what is safe or final. What was final before stays so; before
    /// the chain has such a block, nothing counts.
    pub(crate) async fn head(&mut self, now: Timestamp) -> Result<Head, WatchError> {
        let fresh_since = u64::try_from((now - FRESH_FOR).as_seconds()).unwrap_or_default();
        let block = self.node.head(fresh_since).await?;
        let tag = match self.chain.finality {
            Finality::Blocks(blocks) => {
                return Ok(Head { block, final_block: block.number.saturating_sub(blocks) });
            }
            Finality::Safe => BlockTag::Safe,
            Finality::Finalized => BlockTag::Finalized,
        };
        let tagged = self.node.block(tag).await?.map_or(0, |block| block.number);
        self.final_block = self.final_block.max(tagged);
        Ok(Head { block, final_block: self.final_block.min(block.number) })
    }

    /// Reads the next blocks, and finds the orders that their logs concern. `may_skip` says that nothing is outstanding
    /// but the listed orders: blocks from before the oldest of them are then passed over.
    pub(crate) async fn scan(
        &mut self,
        head: &Head,
        index: &mut Index,
        may_skip: bool,
        now: Timestamp,
    ) -> Result<Scan, WatchError> {
        self.check_cursor(head, now).await?;
        let from = self.first_unread(head, index, may_skip, now).await?;
        let end = head.block.number;
        if from > end {
            // Nothing is new, or this node is behind the one that was asked before.
            let window = Window { from, last: head.block };
            return Ok(Scan { window, matched: MatchedLogs::new(), cursor: None });
        }
        let between = (self.unread_since(now), now);
        // A scan that ended within the overlap would be the same each time.
        let at_least = self.valid_cursor().map_or(from, |cursor| cursor.block + 1).min(end);
        let mut reads = MOST_READS + self.overlap_reads();
        let mut found = Vec::new();
        let mut until = end;
        if let Some(transfers) = self.transfers(index)? {
            let read = self.reader.read(from..=end, &transfers, at_least, &mut reads).await?;
            let transfers: Vec<Transfer> = read.logs.iter().filter_map(Transfer::read).collect();
            let (complete, recipients) =
                recipients(&transfers, at_least, |address| index.needs_lookup(address, now));
            until = complete.min(read.last.number);
            let orders = index.orders_at(recipients, between).await?;
            let matched =
                transfers.iter().filter_map(|transfer| Some((*orders.get(&transfer.to)?, transfer.position)));
            found.extend(matched);
            reads = u32::MAX;
        }
        let factories = OneOf::new(self.factories.iter().copied())
            .map_err(|_| RpcError::Malformed("was not asked: no factory is known"))?;
        let sweeps = LogFilter::sweeps(factories, None);
        let sweeps = self.reader.read(from..=until, &sweeps, at_least.min(until), &mut reads).await?;
        let ids = sweeps.logs.iter().filter_map(sweep_log).filter_map(|(_, sweep)| {
            let order = order_of(sweep.order)?;
            Some((OrderId::from_bytes(order), sweep.position))
        });
        found.extend(ids);
        // Either reading may have ended early. What lies after the earlier end is found by the next scan.
        let last = sweeps.last;
        let mut matched = MatchedLogs::new();
        for (order, position) in
            found.into_iter().filter(|(_, position)| position.block_number <= last.number)
        {
            matched.entry(order).or_default().insert(position.into());
        }
        let window = Window { from, last };
        Ok(Scan { window, matched, cursor: Some(self.cursor_at(&last)) })
    }

    /// Moves the cursor to where a scan may put it. It never moves back, unless it was found to be wrong. Returns whether
    /// it moved.
    pub(crate) async fn move_cursor(&mut self, to: Cursor) -> Result<bool, WatchError> {
        let is_back = self.cursor.as_ref().is_some_and(|cursor| to.block < cursor.block);
        if self.cursor.as_ref() == Some(&to) || (is_back && self.cursor_state != CursorState::Wrong) {
            return Ok(false);
        }
        match self.store.move_cursor(self.chain.id, self.cursor.as_ref(), &to).await? {
            ChainWrite::Written => {
                self.cursor = Some(to);
                self.cursor_state = CursorState::OnChain;
                Ok(true)
            }
            ChainWrite::Superseded => {
                self.begin().await?;
                Err(WatchError::Superseded)
            }
        }
    }

    fn cursor_at(&self, block: &Block) -> Cursor {
        Cursor {
            block: block.number,
            block_hash: format!("{:#x}", block.hash),
            block_time: Some(time_of(block)),
            factories: self.factories.iter().map(|factory| format!("{factory:#x}")).collect(),
            tokens: self.tokens.iter().map(|token| format!("{token:#x}")).collect(),
        }
    }

    /// Finds out whether the cursor's block is on this chain. It is not if an endpoint of another chain moved the cursor,
    /// or if the chain started again. Then the cursor is given up, and the blocks are read from the oldest order on.
    async fn check_cursor(&mut self, head: &Head, now: Timestamp) -> Result<(), WatchError> {
        let Some(cursor) = self.cursor.as_ref().filter(|_| self.cursor_state != CursorState::Wrong) else {
            return Ok(());
        };
        let (end, end_time) = (head.block.number, time_of(&head.block));
        let is_fresh = now.since(end_time).as_secs() <= self.chain.max_head_age_seconds;
        let is_far = || is_fresh && cursor.block - end > self.chain.overlap.max(MOST_BEHIND);
        // A node that is behind shows an older block. A higher number with an earlier time, or with one that has not come
        // yet, is another chain's.
        let is_alien = |at| at < end_time || at > now + CLOCKS_APART;
        let is_ahead = cursor.block > end && cursor.block_time.map_or_else(is_far, is_alien);
        let is_deep = cursor.block.saturating_add(self.chain.overlap) < end;
        let is_other = self.cursor_state == CursorState::Unchecked && is_deep && {
            let block = self.block(cursor.block).await?;
            // A reorganisation replaces a block by one of about the same time. That it reaches no further back than the
            // overlap is relied on anyway.
            let made_at = time_of(&block);
            let is_same_time = |at: Timestamp| at.since(made_at).max(made_at.since(at)) <= CLOCKS_APART;
            format!("{:#x}", block.hash) != cursor.block_hash && !cursor.block_time.is_some_and(is_same_time)
        };
        if is_ahead || is_other {
            tracing::error!(
                chain = self.chain.id.as_u64(),
                cursor = cursor.block,
                head = end,
                "the cursor is not on this chain"
            );
            self.cursor_state = CursorState::Wrong;
        } else if is_deep || cursor.block <= end {
            self.cursor_state = CursorState::OnChain;
        }
        Ok(())
    }

    /// The first block that this step has to read.
    async fn first_unread(
        &self,
        head: &Head,
        index: &Index,
        may_skip: bool,
        now: Timestamp,
    ) -> Result<u64, WatchError> {
        let (overlap, end) = (self.overlap(), head.block.number);
        let Some(cursor) = self.valid_cursor() else {
            let oldest = index.oldest().unwrap_or(now - WATCHED_FOR);
            return self.block_at(oldest - CLOCKS_APART, 0, end).await;
        };
        let next = (cursor.block + 1).saturating_sub(overlap);
        let is_far = end.saturating_sub(next) > overlap.saturating_mul(4).max(1_000);
        match index.oldest() {
            Some(oldest) if is_far && may_skip => self.block_at(oldest - CLOCKS_APART, next, end).await,
            Some(_) | None => Ok(next),
        }
    }

    /// The cursor, unless it was found to be wrong.
    fn valid_cursor(&self) -> Option<&Cursor> {
        self.cursor.as_ref().filter(|_| self.cursor_state != CursorState::Wrong)
    }

    /// How many blocks before the cursor are read again.
    fn overlap(&self) -> u64 {
        self.chain.overlap.min(self.reader.width().saturating_mul(u64::from(MOST_OVERLAP_READS)))
    }

    /// How many requests for logs that takes.
    fn overlap_reads(&self) -> u32 {
        let reads = self.overlap().div_ceil(self.reader.width());
        u32::try_from(reads).unwrap_or(MOST_OVERLAP_READS)
    }

    /// The first block between two that was made at an instant or after it.
    async fn block_at(&self, instant: Timestamp, mut low: u64, mut high: u64) -> Result<u64, WatchError> {
        while low < high {
            let middle = low + (high - low) / 2;
            if time_of(&self.block(middle).await?) < instant {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    async fn block(&self, number: u64) -> Result<Block, WatchError> {
        Ok(self.node.block(BlockTag::Number(number)).await?.ok_or(RpcError::Behind(number))?)
    }

    /// Which transfers are asked for; `None` if no order is watched.
    fn transfers(&self, index: &Index) -> Result<Option<LogFilter>, WatchError> {
        let tokens = OneOf::new(self.tokens.iter().copied())
            .map_err(|_| RpcError::Malformed("was not asked: a filter takes 1 to 1,000 tokens"))?;
        Ok(match index.addresses() {
            None => Some(LogFilter::transfers(tokens, None)),
            Some(addresses) => OneOf::new(addresses).ok().map(|to| LogFilter::transfers(tokens, Some(to))),
        })
    }
}

/// The recipients of these transfers, and up to which block they are complete. A block is taken as a whole, and so are all
/// blocks up to `at_least`.
fn recipients(
    transfers: &[Transfer],
    at_least: u64,
    needs_lookup: impl Fn(Address) -> bool,
) -> (u64, HashSet<Address>) {
    let mut recipients = HashSet::new();
    let mut lookups = 0;
    for block in transfers.chunk_by(|one, next| one.position.block_number == next.position.block_number) {
        let number = block.first().map_or(u64::MAX, |transfer| transfer.position.block_number);
        if lookups > MOST_LOOKUPS && number > at_least {
            return (number - 1, recipients);
        }
        let new = block.iter().map(|transfer| transfer.to).filter(|to| recipients.insert(*to));
        lookups += new.filter(|to| needs_lookup(*to)).count();
    }
    (u64::MAX, recipients)
}

/// A block's own time: whole seconds.
pub(crate) fn time_of(block: &Block) -> Timestamp {
    Timestamp::from_millis(i64::try_from(block.timestamp).unwrap_or(i64::MAX / 1000).saturating_mul(1000))
}

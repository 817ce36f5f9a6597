//! The logs of a range of blocks, with the proof that the node has seen the whole range.

use std::collections::{BTreeSet, HashMap};
use std::ops::RangeInclusive;

use alloy_primitives::B256;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use crate::block::{Block, BlockTag};
use crate::error::RpcError;
use crate::filter::LogFilter;
use crate::log::Log;
use crate::node::{Node, ask_block, block_by_number, block_in};
use crate::receipt::Receipt;
use crate::rpc::Call;
use crate::session::{Failure, Of, Session, read};

/// The logs of a range of blocks, with the last of these as the proof that the node has seen them all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogsUpTo {
    /// The last block of the range.
    pub last: Block,
    /// The logs, in the chain's order.
    pub logs: Vec<Log>,
}

impl Node {
    /// Returns the logs of all these blocks, with the last block from the same endpoint at the same time.
    ///
    /// A node that has not seen the last block may respond with "no logs" instead of an error. If the node
    /// does not return the block, its logs are not trusted: the result is [`RpcError::Behind`].
    ///
    /// If more than one block is asked for, an error that [may pass with fewer
    /// blocks](RpcError::may_pass_if_smaller) is returned at once, and the endpoint is not left. A single block
    /// fails over like any other call.
    ///
    /// Logs are read one at a time. A log that is removed, malformed or was not asked for never fails the
    /// others.
    pub async fn logs_up_to(
        &self,
        blocks: RangeInclusive<u64>,
        filter: &LogFilter,
    ) -> Result<LogsUpTo, RpcError> {
        let question = &LogQuestion::new(blocks, filter);
        self.rpc().on_one(|session| question.ask(session)).await
    }
}

impl Node {
    /// Returns the logs of one block from the receipts of its transactions.
    ///
    /// It takes a request for each hundred transactions, and no limit on the number of logs in a response.
    pub(crate) async fn logs_of_receipts(
        &self,
        block: u64,
        filter: &LogFilter,
    ) -> Result<LogsUpTo, RpcError> {
        let question =
            &Call::new("eth_getBlockByNumber", json!([BlockTag::Number(block).parameter(), false]));
        self.rpc()
            .on_one(|session| async move {
                let found: Option<BlockTransactions> = session.call(question).await?;
                let found = found.filter(|found| found.block.number == block);
                let BlockTransactions { block: last, transactions } =
                    found.ok_or_else(|| Failure::of_call(RpcError::Behind(block)))?;
                let receipts: Vec<Call> = transactions
                    .iter()
                    .map(|hash| Call::new("eth_getTransactionReceipt", json!([hash])))
                    .collect();
                let mut logs = Vec::new();
                for receipt in session.batch(&receipts).await? {
                    let receipt: Option<Receipt> = read(&receipt?)?;
                    let receipt = receipt.filter(|receipt| receipt.block_hash == last.hash);
                    let receipt = receipt.ok_or_else(|| Failure::of_call(RpcError::Replaced(block)))?;
                    logs.extend(receipt.logs.into_iter().filter(|log| !log.removed && filter.matches(log)));
                }
                logs.sort_unstable_by_key(|log: &Log| {
                    (log.position.log_index, log.position.transaction_hash)
                });
                Ok(LogsUpTo { last, logs })
            })
            .await
    }
}

/// A block with the hashes of its transactions.
#[derive(Deserialize)]
struct BlockTransactions {
    #[serde(flatten)]
    block: Block,
    transactions: Vec<B256>,
}

/// A question for logs.
struct LogQuestion<'a> {
    blocks: RangeInclusive<u64>,
    filter: &'a LogFilter,
    /// The last block, then the logs.
    calls: [Call; 2],
}

impl<'a> LogQuestion<'a> {
    fn new(blocks: RangeInclusive<u64>, filter: &'a LogFilter) -> Self {
        let (from, to) = (BlockTag::Number(*blocks.start()), BlockTag::Number(*blocks.end()));
        let parameter = filter.parameter(&from.parameter(), &to.parameter());
        let calls = [block_by_number(to), Call::new("eth_getLogs", json!([parameter]))];
        Self { blocks, filter, calls }
    }

    fn last(&self) -> u64 {
        *self.blocks.end()
    }

    async fn ask(&self, session: Session<'_>) -> Result<LogsUpTo, Failure> {
        let (last, listed) = self.proven(session).await?;
        let (mut logs, mut dropped) = self.read(&listed.unwrap_or_default());
        let contested = contested(&logs, &last);
        if !contested.is_empty() {
            let hashes = self.hashes(session, &contested, &last).await?;
            let all = logs.len();
            logs.retain(|log| {
                hashes.get(&log.position.block_number).is_none_or(|hash| *hash == log.position.block_hash)
            });
            dropped.replaced = all - logs.len();
        }
        // Two logs with one index but different transactions are both kept: some chains count per transaction.
        logs.sort_unstable_by_key(|log| {
            (log.position.block_number, log.position.log_index, log.position.transaction_hash)
        });
        // Counted twice, one deposit would be two.
        let id =
            |log: &Log| (log.position.block_number, log.position.transaction_hash, log.position.log_index);
        logs.dedup_by(|one, other| id(one) == id(other));
        dropped.report(session.position);
        Ok(LogsUpTo { last, logs })
    }

    /// Asks for the last block and the logs in one batch. If the endpoint does not take that, asks for the block,
    /// the logs, and the block again.
    async fn proven(&self, session: Session<'_>) -> Result<(Block, RawLogs), Failure> {
        let tag = BlockTag::Number(self.last());
        let behind = || Failure::of_call(RpcError::Behind(self.last()));
        let limit = session.health.batch_limit();
        if let Some(answers) = session.together(&self.calls).await.map_err(|failure| self.sized(failure))? {
            let mut answers = answers.into_iter();
            let (Some(block), Some(logs)) = (answers.next(), answers.next()) else {
                return Err(RpcError::Malformed("lacks the block or the logs").into());
            };
            // The block first: a node that has not seen it may refuse the logs for this reason.
            let last = block_in(block, tag)?.ok_or_else(behind)?;
            let logs = logs.map_err(|error| self.sized(error.into()))?;
            return Ok((last, read(&logs)?));
        }
        let [_, logs] = &self.calls;
        let before = ask_block(session, tag).await?.ok_or_else(behind)?;
        let logs = session.call(logs).await.map_err(|failure| {
            if failure.error.may_pass_if_smaller() {
                // The node refuses the range, so the batch was not the reason.
                session.health.restore_batch_limit(limit);
            }
            self.sized(failure)
        })?;
        let after = ask_block(session, tag).await?.ok_or_else(behind)?;
        if before.hash == after.hash { Ok((after, logs)) } else { Err(self.replaced()) }
    }

    /// Decides what a failure is about. Over several blocks the caller may ask for fewer of them; a single block
    /// has to be had from another endpoint.
    fn sized(&self, Failure { error, of }: Failure) -> Failure {
        let is_range = self.blocks.start() < self.blocks.end();
        let of = if is_range && error.may_pass_if_smaller() {
            Of::Call
        } else if of == Of::Call {
            Of::Endpoint
        } else {
            of
        };
        Failure { error, of }
    }

    fn replaced(&self) -> Failure {
        Failure::of_call(RpcError::Replaced(self.last()))
    }

    /// Reads the logs that can be read and were asked for.
    fn read(&self, listed: &[Box<RawValue>]) -> (Vec<Log>, Dropped) {
        let (mut logs, mut dropped) = (Vec::with_capacity(listed.len()), Dropped::default());
        for listed in listed {
            // First of all: a removed log may lack what others have, and often stands beside its successor.
            if serde_json::from_str(listed.get()).is_ok_and(|Removed { removed }| removed == Some(true)) {
                continue;
            }
            match serde_json::from_str::<Log>(listed.get()) {
                Err(_) => dropped.unreadable += 1,
                Ok(log) if !self.is_asked_for(&log) => dropped.foreign += 1,
                Ok(log) => logs.push(log),
            }
        }
        (logs, dropped)
    }

    fn is_asked_for(&self, log: &Log) -> bool {
        self.blocks.contains(&log.position.block_number) && self.filter.matches(log)
    }

    /// Returns the hashes of these blocks from the endpoint's own headers.
    async fn hashes(
        &self,
        session: Session<'_>,
        blocks: &BTreeSet<u64>,
        last: &Block,
    ) -> Result<HashMap<u64, B256>, Failure> {
        let tags = || blocks.iter().map(|number| BlockTag::Number(*number));
        let calls: Vec<Call> = tags().map(block_by_number).collect();
        let mut hashes = HashMap::new();
        for ((number, tag), answer) in blocks.iter().zip(tags()).zip(session.batch(&calls).await?) {
            let block = block_in(answer, tag)?.ok_or_else(|| Failure::of_call(RpcError::Behind(*number)))?;
            hashes.insert(*number, block.hash);
        }
        // The proof does not hold any more: the logs are of another version of the chain.
        if hashes.get(&last.number).is_some_and(|hash| *hash != last.hash) {
            return Err(self.replaced());
        }
        Ok(hashes)
    }
}

/// What `eth_getLogs` returns. Some nodes return `null` instead of an empty list.
type RawLogs = Option<Vec<Box<RawValue>>>;

/// Whether a log was removed; in a log that is read for nothing else.
#[derive(Deserialize)]
struct Removed {
    removed: Option<bool>,
}

/// How many logs were dropped, and why.
#[derive(Debug, Default)]
struct Dropped {
    /// They are not of the form of a log.
    unreadable: usize,
    /// They are outside the range, or do not match the filter.
    foreign: usize,
    /// They name a block that is not in the endpoint's chain.
    replaced: usize,
}

impl Dropped {
    fn report(&self, endpoint: usize) {
        let Self { unreadable, foreign, replaced } = *self;
        if unreadable + foreign + replaced > 0 {
            tracing::warn!(endpoint, unreadable, foreign, replaced, "logs dropped");
        }
    }
}

/// Returns the blocks of which logs contradict each other: they name two hashes, or not the hash of the last
/// block, or the same transaction is in two of them. A reorganisation leaves such logs in a node's index.
fn contested(logs: &[Log], last: &Block) -> BTreeSet<u64> {
    let mut hashes = HashMap::from([(last.number, last.hash)]);
    let mut blocks = HashMap::new();
    let mut contested = BTreeSet::new();
    for position in logs.iter().map(|log| log.position) {
        let number = position.block_number;
        if *hashes.entry(number).or_insert(position.block_hash) != position.block_hash {
            contested.insert(number);
        }
        let other = *blocks.entry(position.transaction_hash).or_insert(number);
        if other != number {
            contested.extend([number, other]);
        }
    }
    contested
}

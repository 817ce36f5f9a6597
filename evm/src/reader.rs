//! Reads logs over any range of blocks, in as many questions as the endpoint wants.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::block::Block;
use crate::error::RpcError;
use crate::filter::LogFilter;
use crate::log::Log;
use crate::node::Node;

/// After how many logs a reading ends: some ten megabytes. A range with millions of transfers is read in several readings.
const MOST_LOGS: usize = 20_000;
/// How many reads of the full width succeed until a wider one is tried.
const WIDEN_AFTER: u32 = 50;

/// Reads logs, and remembers how many blocks each endpoint answers for at once.
#[derive(Debug)]
pub struct LogReader {
    node: Node,
    most: u64,
    /// By the endpoint's position: a fast endpoint must not suffer from what a slow one refused.
    widths: Mutex<HashMap<usize, Width>>,
}

/// The logs of the first blocks of a range, or of all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The logs, in the chain's order.
    pub logs: Vec<Log>,
    /// The last block that was read.
    pub last: Block,
}

impl LogReader {
    /// Creates a reader that asks for no more than `most` blocks at once.
    pub fn new(node: Node, most: u64) -> Self {
        Self { node, most: most.max(1), widths: Mutex::default() }
    }

    /// Reads the logs of these blocks. Each range that is asked for takes one of `calls`. When these are used
    /// up, or 20,000 logs were read, the reading ends early, but not before the block `at_least`: a caller that reads the
    /// same blocks again each time would otherwise never come further. [`Reading::last`] is the last block that was read.
    ///
    /// A range that the node refuses, whatever its words, is halved, and quartered after a timeout. The width
    /// stays lowered, so that the same refusal or timeout does not come back at each step.
    ///
    /// If a single block is refused, its logs are read from the receipts of its transactions: providers limit how many
    /// logs a response lists, and anybody can write more into one block.
    pub async fn read(
        &self,
        blocks: RangeInclusive<u64>,
        filter: &LogFilter,
        at_least: u64,
        calls: &mut u32,
    ) -> Result<Reading, RpcError> {
        let (mut from, end) = blocks.into_inner();
        let mut logs = Vec::new();
        let mut read_up_to: Option<Block> = None;
        loop {
            if let Some(last) = read_up_to.filter(|last| last.number >= at_least)
                && (*calls == 0 || logs.len() >= MOST_LOGS)
            {
                return Ok(Reading { logs, last });
            }
            *calls = calls.saturating_sub(1);
            let endpoint = self.node.rpc().preferred();
            let to = end.min(from.saturating_add(self.width_of(endpoint) - 1));
            let asked = to.saturating_sub(from).saturating_add(1);
            match self.node.logs_up_to(from..=to, filter).await {
                Ok(read) => {
                    self.update(endpoint, |width| width.succeeded(asked, self.most));
                    logs.extend(read.logs);
                    if to >= end {
                        return Ok(Reading { logs, last: read.last });
                    }
                    read_up_to = Some(read.last);
                    from = to + 1;
                }
                Err(error) if asked > 1 && error.may_pass_if_smaller() => {
                    let parts = if error.is_timeout() { 4 } else { 2 };
                    let blocks = (asked / parts).max(1);
                    self.update(endpoint, |width| width.lower(blocks));
                    tracing::warn!(endpoint, blocks, cause = %error, "block range lowered");
                }
                Err(error) if error.may_pass_if_smaller() => {
                    tracing::warn!(block = from, cause = %error, "block is read from its receipts");
                    let read = self.node.logs_of_receipts(from, filter).await?;
                    logs.extend(read.logs);
                    if to >= end {
                        return Ok(Reading { logs, last: read.last });
                    }
                    read_up_to = Some(read.last);
                    from = to + 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Returns how many blocks the current endpoint is asked for at once, as far as that is known.
    pub fn width(&self) -> u64 {
        self.width_of(self.node.rpc().preferred())
    }

    fn width_of(&self, endpoint: usize) -> u64 {
        self.widths().get(&endpoint).map_or(self.most, |width| width.blocks)
    }

    fn update(&self, endpoint: usize, change: impl FnOnce(&mut Width)) {
        change(self.widths().entry(endpoint).or_insert(Width { blocks: self.most, successes: 0 }));
    }

    /// A thread that panicked left nothing half done: only plain values are set.
    fn widths(&self) -> MutexGuard<'_, HashMap<usize, Width>> {
        self.widths.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many blocks an endpoint is asked for at once.
#[derive(Debug, Clone, Copy)]
struct Width {
    blocks: u64,
    successes: u32,
}

impl Width {
    fn lower(&mut self, blocks: u64) {
        *self = Self { blocks, successes: 0 };
    }

    /// Notes that this many blocks were read. Only reads of the full width say that more may fit.
    fn succeeded(&mut self, blocks: u64, most: u64) {
        if blocks < self.blocks || self.blocks >= most {
            return;
        }
        self.successes += 1;
        if self.successes >= WIDEN_AFTER {
            *self = Self { blocks: self.blocks.saturating_mul(2).min(most), successes: 0 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_width_doubles_after_fifty_reads_of_the_full_width() {
        let mut width = Width { blocks: 500, successes: 0 };
        width.lower(31);
        for _ in 0..1_000 {
            width.succeeded(30, 500);
        }
        assert_eq!(width.blocks, 31);
        for _ in 0..WIDEN_AFTER {
            width.succeeded(31, 500);
        }
        assert_eq!(width.blocks, 62);
    }

    #[test]
    fn the_width_is_never_above_the_most() {
        let mut width = Width { blocks: 300, successes: 0 };
        for _ in 0..WIDEN_AFTER {
            width.succeeded(300, 500);
        }
        assert_eq!(width.blocks, 500);
    }
}

//! Reading logs over any range, in as many questions as the node wants.

use std::ops::RangeInclusive;

use alloy_primitives::B256;
use evm::filter::LogFilter;
use evm::log::Log;
use evm::{Node, RpcError};

/// Reads logs, and remembers how many blocks the node answers for at once.
#[derive(Debug)]
pub(crate) struct Reader {
    node: Node,
    range: u64,
    most: u64,
}

/// Logs up to a block, by one node's word or several that agree.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) logs: Vec<Log>,
    /// The last block's hash.
    pub(crate) last: B256,
    /// The last block's number.
    pub(crate) to: u64,
}

impl Reader {
    pub(crate) fn new(node: Node, most: u64) -> Self {
        Self { node, range: most, most }
    }

    /// The logs of all these blocks. A range that is too large for the node is halved; each success doubles it again, up
    /// to what is configured.
    pub(crate) async fn read(
        &mut self,
        blocks: RangeInclusive<u64>,
        filter: &LogFilter,
    ) -> Result<Reading, RpcError> {
        let (mut from, end) = blocks.into_inner();
        let mut reading = Reading { logs: Vec::new(), last: B256::ZERO, to: end };
        loop {
            let to = end.min(from.saturating_add(self.range - 1));
            match self.node.logs_up_to(from..=to, filter).await {
                Ok(read) => {
                    reading.logs.extend(read.logs);
                    reading.last = read.last.hash;
                    self.range = self.range.saturating_mul(2).min(self.most);
                    if to >= end {
                        return Ok(reading);
                    }
                    from = to + 1;
                }
                Err(error) if error.may_pass_if_smaller() && self.range > 1 => {
                    self.range = (self.range / 2).max(1);
                }
                Err(error) => return Err(error),
            }
        }
    }
}

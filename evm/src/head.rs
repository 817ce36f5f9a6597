//! The latest block, from the endpoint that is furthest ahead.
//!
//! A node that lost its peers responds to every call, and its chain simply stops. No error tells, so its head
//! is compared with those of the other endpoints.

use std::iter;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::block::{Block, BlockTag};
use crate::error::RpcError;
use crate::node::{Node, ask_block};
use crate::rpc::Rpc;

/// By how many blocks another endpoint has to be ahead. Endpoints of one provider differ by one or two.
const BLOCKS_AHEAD: u64 = 2;
/// By how many seconds another endpoint's block has to be newer.
const SECONDS_AHEAD: u64 = 30;
/// How long the other endpoints are waited for if the current one has a head.
const PATIENCE: Duration = Duration::from_secs(3);
/// How many endpoints are asked at once.
const AT_ONCE: usize = 8;

impl Node {
    /// Returns the latest block of the current endpoint. If that has not moved since the last call, is older than
    /// `fresh_since` (in seconds since 1970), is missing or cannot be had, the other endpoints are asked too, and the one
    /// that is clearly ahead becomes the current one. An endpoint that synchronises moves at each call, far behind.
    ///
    /// Fails with [`RpcError::Behind`] if no endpoint has a block.
    pub async fn head(&self, fresh_since: u64) -> Result<Block, RpcError> {
        let rpc = self.rpc();
        let mut order = rpc.order().into_iter();
        let current = order.next().ok_or(RpcError::Unavailable("is not configured".into()))?;
        let own = latest(rpc, current).await;
        if let Ok(Some(Head { block, has_grown: true })) = own
            && block.timestamp >= fresh_since
        {
            rpc.prefer(current);
            return Ok(block);
        }
        let has_own = matches!(own, Ok(Some(_)));
        // If there is a head already, it is not worth waiting for endpoints that failed lately.
        let others: Vec<usize> = order.filter(|other| !has_own || !rpc.is_resting(*other)).collect();
        let others = latest_of(rpc, &others, has_own.then_some(PATIENCE)).await;

        let own_block = own.as_ref().ok().and_then(|head| head.map(|head| head.block));
        let found: Vec<(usize, Block)> = others
            .iter()
            .filter_map(|(position, head)| Some((*position, head.as_ref().ok()?.as_ref()?.block)))
            .collect();
        if let Some((position, block)) = ahead(own_block, &found) {
            if own.is_ok() {
                rpc.leave(current, &RpcError::Behind(block.number));
            }
            rpc.prefer(position);
            return Ok(block);
        }
        if let Some(block) = own_block {
            rpc.prefer(current);
            return Ok(block);
        }
        let outcomes = others.into_iter().map(|(_, outcome)| outcome);
        let failures: Option<Vec<RpcError>> = iter::once(own).chain(outcomes).map(Result::err).collect();
        // An endpoint that responded without a block says more than those that failed.
        let failure = failures.and_then(|failures| failures.into_iter().reduce(RpcError::or_later));
        Err(failure.unwrap_or(RpcError::Behind(0)))
    }
}

/// An endpoint's latest block.
#[derive(Debug, Clone, Copy)]
struct Head {
    block: Block,
    /// Whether its number is larger than when the endpoint was last asked.
    has_grown: bool,
}

/// Asks one endpoint for its latest block.
async fn latest(rpc: &Rpc, position: usize) -> Result<Option<Head>, RpcError> {
    let ask = |session| ask_block(session, BlockTag::Latest);
    let block = rpc.at(position, ask).await.map_err(|failure| failure.error)?;
    Ok(block.map(|block| {
        let has_grown = rpc.health(position).is_some_and(|health| health.head_seen(block.number));
        Head { block, has_grown }
    }))
}

type Outcome = (usize, Result<Option<Head>, RpcError>);

/// Asks several endpoints at once, and returns what they responded in the order of the configuration.
async fn latest_of(rpc: &Rpc, positions: &[usize], patience: Option<Duration>) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for positions in positions.chunks(AT_ONCE) {
        let mut asked = JoinSet::new();
        for position in positions.iter().copied() {
            let rpc = rpc.clone();
            asked.spawn(async move { (position, latest_within(&rpc, position, patience).await) });
        }
        while let Some(outcome) = asked.join_next().await {
            outcomes.extend(outcome);
        }
    }
    outcomes.sort_unstable_by_key(|(position, _)| *position);
    outcomes
}

/// Asks one endpoint for its latest block, and leaves it if that takes longer than `patience`.
async fn latest_within(
    rpc: &Rpc,
    position: usize,
    patience: Option<Duration>,
) -> Result<Option<Head>, RpcError> {
    let asking = latest(rpc, position);
    let Some(patience) = patience else { return asking.await };
    tokio::time::timeout(patience, asking).await.unwrap_or_else(|_elapsed| {
        rpc.leave(position, &RpcError::TimedOut);
        Err(RpcError::TimedOut)
    })
}

/// Returns the first of the endpoints that are furthest ahead, if they are clearly ahead of the current one.
fn ahead(own: Option<Block>, others: &[(usize, Block)]) -> Option<(usize, Block)> {
    let is_ahead = |other: &Block| {
        own.is_none_or(|own| {
            other.number > own.number.saturating_add(BLOCKS_AHEAD)
                || other.timestamp > own.timestamp.saturating_add(SECONDS_AHEAD)
        })
    };
    let ahead = || others.iter().filter(|(_, block)| is_ahead(block));
    let furthest = ahead().map(|(_, block)| block.number).max()?;
    ahead().find(|(_, block)| block.number.saturating_add(BLOCKS_AHEAD) >= furthest).copied()
}

#[cfg(test)]
mod tests {
    use alloy_primitives::B256;

    use super::*;

    fn block(number: u64, timestamp: u64) -> Block {
        Block { number, hash: B256::ZERO, parent_hash: B256::ZERO, timestamp }
    }

    #[test]
    fn an_endpoint_is_ahead_by_more_than_two_blocks_or_thirty_seconds() {
        let own = Some(block(100, 1_000));
        assert_eq!(ahead(own, &[(1, block(102, 1_030))]), None);
        assert_eq!(ahead(own, &[(1, block(103, 1_000))]), Some((1, block(103, 1_000))));
        assert_eq!(ahead(own, &[(1, block(101, 1_031))]), Some((1, block(101, 1_031))));
        assert_eq!(ahead(own, &[]), None);
    }

    #[test]
    fn of_the_endpoints_that_are_furthest_ahead_the_first_configured_one_is_chosen() {
        let others = [(0, block(104, 0)), (1, block(109, 0)), (2, block(111, 0))];
        assert_eq!(ahead(Some(block(100, 0)), &others), Some((1, block(109, 0))));
        assert_eq!(ahead(None, &others), Some((1, block(109, 0))));
    }
}

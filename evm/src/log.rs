//! Logs: what contracts wrote down, before anybody has judged it.

use alloy_primitives::{Address, B256, Bytes};
use serde::Deserialize;

use crate::quantity;

/// A log in a block. Any contract can write any topics and data: see [`abi`](crate::abi) for what it means.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Log {
    /// The contract that wrote it.
    pub address: Address,
    /// What it can be found by, up to four words.
    pub topics: Vec<B256>,
    /// The rest.
    pub data: Bytes,
    /// Where it stands.
    #[serde(flatten)]
    pub place: Place,
    /// Whether its block has been replaced since. Such a log is as good as never written.
    #[serde(default)]
    pub removed: bool,
}

/// Where a log stands in the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// The number of its block.
    #[serde(deserialize_with = "quantity::read")]
    pub block_number: u64,
    /// Its index among all logs of the block.
    #[serde(deserialize_with = "quantity::read")]
    pub log_index: u64,
    /// The hash of its block.
    pub block_hash: B256,
    /// Its transaction.
    pub transaction_hash: B256,
}

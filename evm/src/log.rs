//! Logs: what contracts wrote, before it is interpreted.

use alloy_primitives::{Address, B256, Bytes};
use serde::{Deserialize, Deserializer};

use crate::quantity;

/// A log in a block. Any contract can write any topics and data: [`abi`](crate::abi) interprets them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Log {
    /// The contract that wrote it.
    pub address: Address,
    /// The words that it can be found by, up to four.
    pub topics: Vec<B256>,
    /// Its other bytes.
    pub data: Bytes,
    /// Its position in the chain.
    #[serde(flatten)]
    pub position: LogPosition,
    /// Whether its block was replaced since. Such a log counts as never written. Some nodes leave this out or
    /// write `null`, which means false.
    #[serde(default, deserialize_with = "or_false")]
    pub removed: bool,
}

/// The position of a log in the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogPosition {
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

fn or_false<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

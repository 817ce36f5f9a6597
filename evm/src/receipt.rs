//! Receipts: what became of a transaction.

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Deserializer, de};

use crate::log::Log;
use crate::quantity;

/// What became of a transaction that stands in a block.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// The transaction.
    pub transaction_hash: B256,
    /// The number of its block.
    #[serde(deserialize_with = "quantity::read")]
    pub block_number: u64,
    /// The hash of its block.
    pub block_hash: B256,
    /// Who paid for it.
    pub from: Address,
    /// Whether it did what it should. One that failed has used its nonce and its gas all the same.
    #[serde(rename = "status", deserialize_with = "succeeded")]
    pub succeeded: bool,
    /// The gas it took.
    #[serde(deserialize_with = "quantity::read")]
    pub gas_used: u64,
    /// What each unit of it cost, in wei.
    #[serde(deserialize_with = "quantity::read")]
    pub effective_gas_price: u128,
    /// What it wrote down.
    pub logs: Vec<Log>,
}

fn succeeded<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    match quantity::read(deserializer)? {
        0_u64 => Ok(false),
        1 => Ok(true),
        _ => Err(de::Error::custom("expected 0x0 or 0x1")),
    }
}

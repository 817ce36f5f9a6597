//! Receipts of transactions.

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Deserializer, de};

use crate::log::Log;
use crate::quantity;

/// The receipt of a transaction in a block.
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
    /// The account that paid for it.
    pub from: Address,
    /// Whether it succeeded. A transaction that failed has used its nonce and its gas too.
    #[serde(rename = "status", deserialize_with = "succeeded")]
    pub succeeded: bool,
    /// The gas that it used.
    #[serde(deserialize_with = "quantity::read")]
    pub gas_used: u64,
    /// The price of each unit of gas, in wei.
    #[serde(deserialize_with = "quantity::read")]
    pub effective_gas_price: u128,
    /// The logs that it wrote.
    pub logs: Vec<Log>,
}

fn succeeded<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    match quantity::read(deserializer)? {
        0_u64 => Ok(false),
        1 => Ok(true),
        _ => Err(de::Error::custom("expected 0x0 or 0x1")),
    }
}

//! Blocks and logs of a chain, as nodes write them.

use alloy_primitives::{Address, B256, U256};
use evm::abi;
use evm::filter::{LogFilter, OneOf};
use serde_json::{Value, json};

pub const TOKEN: Address = Address::repeat_byte(0xaa);
pub const PAYEE: Address = Address::repeat_byte(0xbb);

/// Transfers of the token to the payee.
pub fn filter() -> LogFilter {
    LogFilter::transfers(OneOf::only(TOKEN), Some(OneOf::only(PAYEE)))
}

pub fn hash_of(number: u64) -> B256 {
    B256::from(U256::from(number))
}

pub fn block(number: u64) -> Value {
    json!({
        "number": format!("{number:#x}"),
        "hash": hash_of(number),
        "parentHash": hash_of(number.saturating_sub(1)),
        "timestamp": "0x6553f100",
        "transactions": [],
    })
}

/// A log that the filter matches, of a transaction of its block.
pub fn log(number: u64, index: u64) -> Value {
    json!({
        "address": TOKEN,
        "topics": [abi::TRANSFER, TOKEN.into_word(), PAYEE.into_word()],
        "data": B256::with_last_byte(5),
        "blockNumber": format!("{number:#x}"),
        "blockHash": hash_of(number),
        "transactionHash": transaction_in(number),
        "transactionIndex": "0x0",
        "logIndex": format!("{index:#x}"),
        "removed": false,
    })
}

pub fn transaction_in(number: u64) -> B256 {
    hash_of(1_000_000 + number)
}

/// A value with other fields.
pub fn with(mut value: Value, fields: &Value) -> Value {
    for (field, other) in fields.as_object().unwrap().clone() {
        value[field] = other;
    }
    value
}

/// The number of the block that a call of `eth_getBlockByNumber` asks for.
pub fn number_in(params: &Value) -> u64 {
    u64::from_str_radix(params[0].as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
}

/// The first and last block of a call of `eth_getLogs`.
pub fn range_in(params: &Value) -> (u64, u64) {
    let bound = |bound: &str| {
        u64::from_str_radix(params[0][bound].as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
    };
    (bound("fromBlock"), bound("toBlock"))
}

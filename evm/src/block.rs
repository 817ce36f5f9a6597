//! Blocks and the tags that name them.

use alloy_primitives::B256;
use serde::Deserialize;

use crate::quantity;

/// The block that a question is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockTag {
    /// The block with this number.
    Number(u64),
    /// The latest block. It may still be replaced.
    Latest,
    /// The last block that only a grave failure of the chain would replace.
    Safe,
    /// The last block that is never replaced.
    Finalized,
    /// The latest block and the pending transactions.
    Pending,
}

impl BlockTag {
    /// Returns the parameter for this block.
    pub(crate) fn parameter(self) -> String {
        match self {
            Self::Number(number) => format!("{number:#x}"),
            Self::Latest => "latest".to_owned(),
            Self::Safe => "safe".to_owned(),
            Self::Finalized => "finalized".to_owned(),
            Self::Pending => "pending".to_owned(),
        }
    }
}

/// The header of a block, as far as it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Block {
    /// Its number.
    #[serde(deserialize_with = "quantity::read")]
    pub number: u64,
    /// Its hash.
    pub hash: B256,
    /// The hash of the block before it. If another hash was seen, the chain was reorganised.
    pub parent_hash: B256,
    /// Its time, in seconds since 1970.
    #[serde(deserialize_with = "quantity::read")]
    pub timestamp: u64,
}

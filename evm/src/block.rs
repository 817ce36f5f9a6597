//! Blocks: which one is meant, and what is read of it.

use alloy_primitives::B256;
use serde::Deserialize;

use crate::quantity;

/// Which block a question is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockTag {
    /// The one with this number.
    Number(u64),
    /// The head. It may still be replaced.
    Latest,
    /// The last one that only a grave failure of the chain would replace.
    Safe,
    /// The last one that nothing replaces.
    Finalized,
    /// The head and what waits to follow it.
    Pending,
}

impl BlockTag {
    /// The parameter that says so.
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

/// What a block says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Block {
    /// Its place in the chain.
    #[serde(deserialize_with = "quantity::read")]
    pub number: u64,
    /// Its name.
    pub hash: B256,
    /// The name of the one before it: where it is another than was seen, the chain was reorganised.
    pub parent_hash: B256,
    /// When it was made, in seconds since 1970.
    #[serde(deserialize_with = "quantity::read")]
    pub timestamp: u64,
}

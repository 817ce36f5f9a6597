//! The cursor of a chain: up to which block its logs were matched against the watched orders.

use domain::order::ChainId;
use domain::time::Timestamp;
use runtime::DependencyError;
use serde::{Deserialize, Serialize};

use super::super::Store;
use super::super::item::string;
use super::ChainWrite;

/// How far a chain was scanned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The last block whose logs were read and matched.
    pub block: u64,
    /// Its hash, in lower-case hex.
    pub block_hash: String,
    /// When the block was made. `None` in a cursor of an earlier version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_time: Option<Timestamp>,
    /// The forwarder factories whose sweeps are read, in lower-case hex: the configured one, and those of older orders.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub factories: Vec<String>,
    /// The tokens whose transfers are read, in lower-case hex: the configured ones, and those of older orders.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tokens: Vec<String>,
}

const CURSOR: &str = "cursor";

impl Store {
    /// Reads how far a chain was scanned; `None` if it never was.
    pub async fn cursor(&self, chain: ChainId) -> Result<Option<Cursor>, DependencyError> {
        self.chain_item(chain, CURSOR).await
    }

    /// Moves the cursor from where it was seen.
    pub async fn move_cursor(
        &self,
        chain: ChainId,
        seen: Option<&Cursor>,
        to: &Cursor,
    ) -> Result<ChainWrite, DependencyError> {
        let condition = match seen {
            None => ("attribute_not_exists(pk)", Vec::new()),
            // The hash alone identifies the block, and `block` is a reserved word.
            Some(seen) => ("block_hash = :hash", vec![(":hash", string(&seen.block_hash))]),
        };
        self.put_chain_item(chain, CURSOR, to, condition).await
    }
}

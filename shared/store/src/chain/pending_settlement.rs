//! The settlement that is under way on a chain.

use domain::id::OrderId;
use domain::order::ChainId;
use domain::time::Timestamp;
use runtime::DependencyError;
use serde::{Deserialize, Serialize};

use super::super::Store;
use super::super::item::{string, to_attribute};
use super::super::retry::{classify, until_settled};
use super::{ChainWrite, chain_partition};

/// The settlement that is under way on a chain: one transaction, stored before it is sent, until it is known what became
/// of its orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingSettlement {
    /// The nonce that all its versions share. At most one of them can ever be mined.
    pub nonce: u64,
    /// The most gas it may take.
    pub gas_limit: u64,
    /// The factory that is called, in lower-case hex. `None` in an item of an earlier version: the configured one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factory: Option<String>,
    /// The call, in lower-case hex.
    pub input: String,
    /// Its versions, each with higher fees than the one before.
    pub versions: Vec<SignedVersion>,
    /// The orders that it settles.
    pub orders: Vec<OrderId>,
    /// The head of the chain when its nonce was seen to be used. From then on nothing is sent for it; its orders are
    /// checked for the effect at a head that is not older.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved_at: Option<u64>,
    /// Counts the writes.
    pub version: u64,
}

/// A signed transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedVersion {
    /// Its hash, in lower-case hex.
    pub hash: String,
    /// Its bytes, in lower-case hex; empty once it was replaced.
    pub raw: String,
    /// The most that it pays for a unit of gas, in wei.
    #[serde(with = "decimal")]
    pub max_fee_per_gas: u128,
    /// What of that goes to the block's producer.
    #[serde(with = "decimal")]
    pub max_priority_fee_per_gas: u128,
    /// When it was signed.
    pub signed_at: Timestamp,
}

/// A number that may have more digits than DynamoDB's 38: as a decimal string.
mod decimal {
    use serde::{Deserialize as _, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(number: &u128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(number)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u128, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

const SETTLEMENT: &str = "settlement";

impl Store {
    /// Reads the settlement under way, if there is one.
    pub async fn settlement(&self, chain: ChainId) -> Result<Option<PendingSettlement>, DependencyError> {
        self.chain_item(chain, SETTLEMENT).await
    }

    /// Stores a settlement before it is sent: a new one, or the next version of the one that was seen.
    pub async fn keep_settlement(
        &self,
        chain: ChainId,
        seen: Option<&PendingSettlement>,
        settlement: &PendingSettlement,
    ) -> Result<ChainWrite, DependencyError> {
        let condition = match seen {
            None => ("attribute_not_exists(pk)", Vec::new()),
            Some(seen) => ("version = :seen", vec![(":seen", to_attribute(&seen.version)?)]),
        };
        self.put_chain_item(chain, SETTLEMENT, settlement, condition).await
    }

    /// Removes a settlement whose orders were checked for its effect.
    pub async fn forget_settlement(
        &self,
        chain: ChainId,
        seen: &PendingSettlement,
    ) -> Result<ChainWrite, DependencyError> {
        until_settled(|| async {
            let result = self
                .client
                .delete_item()
                .table_name(&self.table)
                .key("pk", string(chain_partition(chain)))
                .key("sk", string(SETTLEMENT))
                .condition_expression("attribute_not_exists(pk) OR version = :seen")
                .expression_attribute_values(":seen", to_attribute(&seen.version)?)
                .send()
                .await;
            match result {
                Ok(_) => Ok(ChainWrite::Written),
                Err(error) => match error.as_service_error() {
                    Some(refusal) if refusal.is_conditional_check_failed_exception() => {
                        Ok(ChainWrite::Superseded)
                    }
                    Some(_) | None => Err(classify(error)),
                },
            }
        })
        .await
    }
}

//! How far a chain was watched, and what is under way on it: two items of the chain's own.

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::id::OrderId;
use crate::order::ChainId;
use crate::time::Timestamp;

use super::item::{self, string, to_attribute};
use super::retry::{classify, until_settled};
use super::{Store, StoreError};

/// How far a chain was watched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The last block that was read whole.
    pub block: u64,
    /// Its hash, as the node that proved to have it said.
    pub block_hash: String,
}

/// The settlement that is under way on a chain: one transaction, kept before it is sent, until the chain has one of its
/// versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingSettlement {
    /// The nonce that all its versions have: at most one of them can ever be mined.
    pub nonce: u64,
    /// The most gas it may take.
    pub gas_limit: u64,
    /// The call, in lower-case hex.
    pub input: String,
    /// Its versions, each with higher fees than the one before.
    pub versions: Vec<SignedVersion>,
    /// The orders that it settles.
    pub orders: Vec<OrderId>,
    /// Counts the writes.
    pub version: u64,
}

/// A signed transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedVersion {
    /// Its hash, in lower-case hex.
    pub hash: String,
    /// Its bytes, in lower-case hex; none once it was replaced.
    pub raw: String,
    /// The most that it pays for a unit of gas, in wei.
    #[serde(with = "decimal")]
    pub max_fee_per_gas: u128,
    /// What of it goes to the block's producer.
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

/// What came of a conditional write of a chain's own items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It was written.
    Made,
    /// Another run was there first: this one must stop.
    Overtaken,
}

const CURSOR: &str = "cursor";
const SETTLEMENT: &str = "settlement";

#[derive(Serialize, Deserialize)]
struct ChainItem<T> {
    pk: String,
    sk: String,
    #[serde(flatten)]
    content: T,
}

impl Store {
    /// How far a chain was watched; `None` where it never was.
    pub async fn cursor(&self, chain: ChainId) -> Result<Option<Cursor>, StoreError> {
        self.chain_item(chain, CURSOR).await
    }

    /// Moves the cursor from where it was seen.
    pub async fn move_cursor(
        &self,
        chain: ChainId,
        seen: Option<&Cursor>,
        to: &Cursor,
    ) -> Result<Progress, StoreError> {
        let condition = match seen {
            None => ("attribute_not_exists(pk)", Vec::new()),
            // The hash alone: it is the block's, and `block` is a word that no expression may hold.
            Some(seen) => ("block_hash = :hash", vec![(":hash", string(&seen.block_hash))]),
        };
        self.put_chain_item(chain, CURSOR, to, condition).await
    }

    /// The settlement under way, if there is one.
    pub async fn settlement(&self, chain: ChainId) -> Result<Option<PendingSettlement>, StoreError> {
        self.chain_item(chain, SETTLEMENT).await
    }

    /// Keeps a settlement before it is sent: a new one, or the next version of the one that was seen.
    pub async fn keep_settlement(
        &self,
        chain: ChainId,
        seen: Option<&PendingSettlement>,
        settlement: &PendingSettlement,
    ) -> Result<Progress, StoreError> {
        let condition = match seen {
            None => ("attribute_not_exists(pk)", Vec::new()),
            Some(seen) => ("version = :seen", vec![(":seen", to_attribute(&seen.version)?)]),
        };
        self.put_chain_item(chain, SETTLEMENT, settlement, condition).await
    }

    /// Forgets a settlement of which the chain has a version, or whose nonce the chain gave to another transaction.
    pub async fn forget_settlement(
        &self,
        chain: ChainId,
        seen: &PendingSettlement,
    ) -> Result<Progress, StoreError> {
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
                Ok(_) => Ok(Progress::Made),
                Err(error) => match error.as_service_error() {
                    Some(refusal) if refusal.is_conditional_check_failed_exception() => {
                        Ok(Progress::Overtaken)
                    }
                    Some(_) | None => Err(classify(error)),
                },
            }
        })
        .await
    }

    async fn chain_item<T: DeserializeOwned>(
        &self,
        chain: ChainId,
        name: &str,
    ) -> Result<Option<T>, StoreError> {
        until_settled(|| async {
            let found = self
                .client
                .get_item()
                .table_name(&self.table)
                .key("pk", string(chain_partition(chain)))
                .key("sk", string(name))
                .consistent_read(true)
                .send()
                .await
                .map_err(classify)?;
            let item: Option<ChainItem<T>> = found.item.map(item::from_item).transpose()?;
            Ok(item.map(|item| item.content))
        })
        .await
    }

    async fn put_chain_item<T: Serialize>(
        &self,
        chain: ChainId,
        name: &str,
        content: &T,
        (condition, values): (&str, Vec<(&str, AttributeValue)>),
    ) -> Result<Progress, StoreError> {
        let item = ChainItem { pk: chain_partition(chain), sk: name.to_owned(), content };
        let item = item::to_item(&item)?;
        until_settled(|| async {
            let mut put = self
                .client
                .put_item()
                .table_name(&self.table)
                .set_item(Some(item.clone()))
                .condition_expression(condition)
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
            for (name, value) in &values {
                put = put.expression_attribute_values(*name, value.clone());
            }
            let Err(error) = put.send().await else {
                return Ok(Progress::Made);
            };
            match error.as_service_error() {
                // Our own earlier attempt wrote it; its reply was lost.
                Some(PutItemError::ConditionalCheckFailedException(refusal))
                    if refusal.item() == Some(&item) =>
                {
                    Ok(Progress::Made)
                }
                Some(PutItemError::ConditionalCheckFailedException(_)) => Ok(Progress::Overtaken),
                Some(_) | None => Err(classify(error)),
            }
        })
        .await
    }
}

fn chain_partition(chain: ChainId) -> String {
    format!("chain#{}", chain.as_u64())
}

//! The watched orders of a chain, and how far the chain was watched.
//!
//! An order that waits for money on a watched chain is in a sparse index under its chain and one of some shards; nobody
//! ever scans the table for it. What the index shows of it is its id and its deposit address; all else is read where a
//! deposit came.

use std::time::Duration;

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};

use crate::id::OrderId;
use crate::order::{ChainId, Order};
use crate::time::Timestamp;

use super::item::{self, CHECKOUT_SORT_KEY, Item, WatchAttributes, partition, string, to_attribute};
use super::retry::{classify, until_settled};
use super::{Store, StoreError};

/// The index's name in the template.
pub const WATCHED_ORDERS: &str = "watched-orders";

/// Over how many partitions of the index the orders of one chain are spread: DynamoDB takes 1,000 writes a second into
/// each.
pub const SHARDS: u8 = 8;

/// How much attention a watched order needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Attention {
    /// Something may still be replaced, or is to be swept: it is read anew at each step.
    Busy,
    /// It was paid in part, and waits for the rest. Nothing is to be done before its deadline: whoever pays thousands of orders
    /// one unit each must not have all of them read all the time.
    Short,
    /// It waits for a deposit.
    Idle,
}

impl Attention {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Short => "short",
            Self::Idle => "idle",
        }
    }
}

/// A watched order, as the index shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchedOrder {
    /// Its id.
    pub id: OrderId,
    /// Its deposit address, in lower-case hex.
    pub address: String,
    /// When it was made.
    pub created_at: Timestamp,
    position: String,
}

/// For how long an order's deposits are looked for: the longest life of a session, and a day more for what comes late.
/// What comes later still is not seen any more; anybody can sweep it to its recipient.
const WATCHED_FOR: Duration = Duration::from_hours(48);

impl WatchedOrder {
    /// Whether it was watched for long enough.
    pub fn is_over(&self, now: Timestamp) -> bool {
        is_over(self.created_at, now)
    }
}

/// Whether an order that was made at `created_at` was watched for long enough.
pub(super) fn is_over(created_at: Timestamp, now: Timestamp) -> bool {
    now >= created_at + WATCHED_FOR
}

/// Where an order stands in the index.
pub(super) fn watch_attributes(order: &Order, attention: Attention, deadline: Timestamp) -> WatchAttributes {
    let at = match attention {
        Attention::Busy | Attention::Idle => order.created_at,
        Attention::Short => deadline,
    };
    let shard = order.id.as_bytes().last().copied().unwrap_or_default() % SHARDS;
    WatchAttributes {
        shard: shard_name(order.terms.src_chain, shard),
        // Digits of one width, so that text sorts as time does.
        order: format!(
            "{}#{:015}#{}#{}",
            attention.as_str(),
            at.as_millis(),
            order.created_at.as_millis(),
            order.id
        ),
        address: order.deposit_address.clone(),
    }
}

fn shard_name(chain: ChainId, shard: u8) -> String {
    format!("{}#{shard}", chain.as_u64())
}

impl Store {
    /// Takes an order out of the index, unless it moved there meanwhile.
    pub async fn stop_watching(&self, order: &WatchedOrder) -> Result<(), StoreError> {
        until_settled(|| async {
            let result = self
                .client
                .update_item()
                .table_name(&self.table)
                .key("pk", string(partition(order.id)))
                .key("sk", string(CHECKOUT_SORT_KEY))
                .update_expression("REMOVE watch_shard, watch_order, watch_address")
                .condition_expression("watch_order = :seen")
                .expression_attribute_values(":seen", string(&order.position))
                .send()
                .await;
            match result {
                Ok(_) => Ok(()),
                Err(error) => match error.as_service_error() {
                    Some(refusal) if refusal.is_conditional_check_failed_exception() => Ok(()),
                    Some(_) | None => Err(classify(error)),
                },
            }
        })
        .await
    }

    /// The orders in one of a chain's shards that need this much attention; all of them, or those within a time: when they
    /// were made, or, where they are [`Short`](Attention::Short), their deadline. The index follows the table with
    /// some delay.
    pub async fn watched_orders(
        &self,
        chain: ChainId,
        shard: u8,
        attention: Attention,
        (since, until): (Option<Timestamp>, Option<Timestamp>),
    ) -> Result<Vec<WatchedOrder>, StoreError> {
        let kind = attention.as_str();
        let from = format!("{kind}#{:015}", since.map_or(0, Timestamp::as_millis));
        // `$` is the character after `#`.
        let to =
            until.map_or_else(|| format!("{kind}$"), |until| format!("{kind}#{:015}$", until.as_millis()));
        let shard = shard_name(chain, shard);
        let mut orders = Vec::new();
        let mut start: Option<Item> = None;
        loop {
            let page = until_settled(|| async {
                self.client
                    .query()
                    .table_name(&self.table)
                    .index_name(WATCHED_ORDERS)
                    .key_condition_expression("watch_shard = :shard AND watch_order BETWEEN :from AND :to")
                    .expression_attribute_values(":shard", string(&shard))
                    .expression_attribute_values(":from", string(&from))
                    .expression_attribute_values(":to", string(&to))
                    .set_exclusive_start_key(start.clone())
                    .send()
                    .await
                    .map_err(classify)
            })
            .await?;
            for item in page.items.unwrap_or_default() {
                orders.push(watched_order(item)?);
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(orders);
            }
        }
    }
}

fn watched_order(item: Item) -> Result<WatchedOrder, StoreError> {
    #[derive(Deserialize)]
    struct Indexed {
        pk: String,
        watch_order: String,
        watch_address: String,
    }
    let indexed: Indexed = item::from_item(item)?;
    let id = indexed.pk.strip_prefix("checkout#").and_then(OrderId::parse);
    let created_at = indexed.watch_order.split('#').nth(2).and_then(|millis| millis.parse().ok());
    let (id, created_at) =
        id.zip(created_at).ok_or_else(|| StoreError::Broken("what is watched is no order".to_owned()))?;
    let created_at = Timestamp::from_millis(created_at);
    Ok(WatchedOrder { id, address: indexed.watch_address, created_at, position: indexed.watch_order })
}

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

    async fn chain_item<T: serde::de::DeserializeOwned>(
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
                .return_values_on_condition_check_failure(
                    aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure::AllOld,
                );
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

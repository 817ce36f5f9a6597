//! The watched orders of a chain.
//!
//! An order that waits for money on a watched chain is in a sparse index under its chain and one of some shards; nobody
//! ever scans the table for it. What the index shows of it is its id and its deposit address; all else is read where a
//! deposit came.

use std::time::Duration;

use serde::Deserialize;

use crate::id::OrderId;
use crate::order::{ChainId, Order};
use crate::time::Timestamp;

use super::item::{self, CHECKOUT_SORT_KEY, Item, WatchAttributes, partition, string};
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

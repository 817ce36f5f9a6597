//! Orders that need something done, by the time at which it is due.
//!
//! A work item lies in its order's partition and in the index `watched-orders`, in partitions of their own. It is written
//! together with the order's facts and removed once nothing is left to do. An order that cannot be read gets one as
//! well, so that the cursor may pass its logs without losing them.

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use domain::id::OrderId;
use domain::order::ChainId;
use domain::time::Timestamp;
use futures::future::try_join_all;
use runtime::DependencyError;
use serde::{Deserialize, Serialize};

use super::super::Store;
use super::super::item::{self, Item, number, partition, string};
use super::super::retry::{classify, until_settled};
use super::WATCHED_ORDERS;

/// The sort key of a work item. It sorts after everything else of the order.
pub(crate) const WORK_SORT_KEY: &str = "work";

/// Over how many partitions of the index the work of one chain is spread.
const SHARDS: u8 = 4;

/// How many work items the search for the oldest one reads of each shard.
const MOST_UNSETTLED_READ: i32 = 1_000;

/// What is to be done for an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// When.
    pub due: Timestamp,
    /// The first block from which on the order must be read again, whatever the cursor says: blocks that may still be
    /// replaced, or that the cursor passed while the order could not be read. `None` if the scan's range is enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_block: Option<u64>,
    /// Since when confirmed money waits to be forwarded; `None` if none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsettled_since: Option<Timestamp>,
    /// How many settlements had no effect since then.
    #[serde(default)]
    pub attempts: u32,
    /// Before this time no settlement of it is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settle_after: Option<Timestamp>,
}

/// What the work items of a chain say of the time that settlements take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OldestUnsettled {
    /// Since when the oldest unsettled money waits; `None` if none does.
    pub since: Option<Timestamp>,
}

/// A work item as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct WorkItem {
    pk: String,
    sk: String,
    watch_shard: String,
    watch_order: String,
    #[serde(flatten)]
    pub(crate) work: Work,
}

impl WorkItem {
    pub(crate) fn new(order: OrderId, chain: ChainId, work: Work) -> Self {
        Self {
            pk: partition(order),
            sk: WORK_SORT_KEY.to_owned(),
            watch_shard: partition_name(chain, shard_of(order)),
            watch_order: position(order, work.due, work.unsettled_since),
            work,
        }
    }
}

fn partition_name(chain: ChainId, shard: u8) -> String {
    format!("{}#work#{shard}", chain.as_u64())
}

fn shard_of(order: OrderId) -> u8 {
    order.as_bytes().last().copied().unwrap_or_default() % SHARDS
}

/// Digits of one width, so that text sorts as time does.
fn position(order: OrderId, due: Timestamp, unsettled_since: Option<Timestamp>) -> String {
    let since = unsettled_since.map_or(0, Timestamp::as_millis);
    format!("{:015}#{since:015}#{order}", due.as_millis().max(0))
}

impl Store {
    /// Lists the orders whose work is due, those that have been due for longest first, at most `most`.
    pub async fn due_work(
        &self,
        chain: ChainId,
        now: Timestamp,
        most: usize,
    ) -> Result<Vec<OrderId>, DependencyError> {
        // `$` is the character after `#`.
        let until = format!("{:015}$", now.as_millis());
        let pages = (0..SHARDS).map(|shard| self.work_in(chain, shard, Some(until.clone()), most));
        let mut due: Vec<(String, OrderId)> = try_join_all(pages).await?.into_iter().flatten().collect();
        due.sort_unstable();
        Ok(due.into_iter().take(most).map(|(_, order)| order).collect())
    }

    /// Whether anything is to be done on a chain, now or later.
    pub async fn has_work(&self, chain: ChainId) -> Result<bool, DependencyError> {
        let pages = (0..SHARDS).map(|shard| self.work_in(chain, shard, None, 1));
        Ok(try_join_all(pages).await?.iter().any(|page| !page.is_empty()))
    }

    /// Finds the money that has been waiting for longest, among the first thousand work items of each shard.
    pub async fn oldest_unsettled(&self, chain: ChainId) -> Result<OldestUnsettled, DependencyError> {
        let most = usize::try_from(MOST_UNSETTLED_READ).unwrap_or_default();
        let pages = (0..SHARDS).map(|shard| self.work_in(chain, shard, None, most));
        let since = |(position, _): &(String, OrderId)| position.split('#').nth(1)?.parse().ok();
        let all = try_join_all(pages).await?;
        let oldest = all.iter().flatten().filter_map(since).filter(|since| *since > 0).min();
        Ok(OldestUnsettled { since: oldest.map(Timestamp::from_millis) })
    }

    /// Keeps an order that cannot be processed for later: its logs from this block on are read again then. An earlier
    /// block that is still owed stays. The order's own item is neither read nor changed, so this works whatever is
    /// wrong with it.
    pub async fn park(
        &self,
        order: OrderId,
        chain: ChainId,
        from_block: u64,
        due: Timestamp,
    ) -> Result<(), DependencyError> {
        let update = "SET watch_shard = :shard, watch_order = :order, due = :due, \
            from_block = if_not_exists(from_block, :from)";
        self.update_work(order, |call| {
            call.update_expression(update)
                .expression_attribute_values(":shard", string(partition_name(chain, shard_of(order))))
                .expression_attribute_values(":order", string(position(order, due, None)))
                .expression_attribute_values(":due", number(due.as_millis()))
                .expression_attribute_values(":from", number(i64::try_from(from_block).unwrap_or(i64::MAX)))
        })
        .await
    }

    /// Records how many settlements of an order had no effect, and when the next one may be sent. Blocks that are owed to
    /// the order are read meanwhile. An order that has no work any more stays without.
    pub async fn defer_settlement(
        &self,
        order: OrderId,
        work: &Work,
        attempts: u32,
        settle_after: Timestamp,
    ) -> Result<(), DependencyError> {
        let due = if work.from_block.is_some() { work.due } else { settle_after };
        let update = "SET watch_order = :order, due = :due, settle_after = :after, attempts = :attempts";
        self.update_work(order, |call| {
            call.update_expression(update)
                .condition_expression("attribute_exists(pk)")
                .expression_attribute_values(":order", string(position(order, due, work.unsettled_since)))
                .expression_attribute_values(":due", number(due.as_millis()))
                .expression_attribute_values(":after", number(settle_after.as_millis()))
                .expression_attribute_values(":attempts", number(i64::from(attempts)))
        })
        .await
    }

    /// Removes the work of an order that does not exist any more.
    pub async fn remove_work(&self, order: OrderId) -> Result<(), DependencyError> {
        until_settled(|| async {
            let call = self
                .client
                .delete_item()
                .table_name(&self.table)
                .key("pk", string(partition(order)))
                .key("sk", string(WORK_SORT_KEY));
            call.send().await.map(drop).map_err(classify)
        })
        .await
    }

    async fn update_work(
        &self,
        order: OrderId,
        change: impl Fn(UpdateItemFluentBuilder) -> UpdateItemFluentBuilder,
    ) -> Result<(), DependencyError> {
        until_settled(|| async {
            let call = self
                .client
                .update_item()
                .table_name(&self.table)
                .key("pk", string(partition(order)))
                .key("sk", string(WORK_SORT_KEY));
            match change(call).send().await {
                Ok(_) => Ok(()),
                Err(error) => match error.as_service_error() {
                    Some(refusal) if refusal.is_conditional_check_failed_exception() => Ok(()),
                    Some(_) | None => Err(classify(error)),
                },
            }
        })
        .await
    }

    /// Reads one shard's work in the order in which it is due.
    async fn work_in(
        &self,
        chain: ChainId,
        shard: u8,
        until: Option<String>,
        most: usize,
    ) -> Result<Vec<(String, OrderId)>, DependencyError> {
        let mut work = Vec::new();
        let mut start: Option<Item> = None;
        loop {
            let limit = i32::try_from(most - work.len()).unwrap_or(i32::MAX);
            let page = until_settled(|| async {
                let mut call = self
                    .client
                    .query()
                    .table_name(&self.table)
                    .index_name(WATCHED_ORDERS)
                    .key_condition_expression("watch_shard = :shard")
                    .expression_attribute_values(":shard", string(partition_name(chain, shard)))
                    .limit(limit)
                    .set_exclusive_start_key(start.clone());
                if let Some(until) = &until {
                    call = call
                        .key_condition_expression("watch_shard = :shard AND watch_order <= :until")
                        .expression_attribute_values(":until", string(until));
                }
                call.send().await.map_err(classify)
            })
            .await?;
            for entry in page.items.unwrap_or_default() {
                work.push(work_entry(entry)?);
            }
            start = page.last_evaluated_key;
            if start.is_none() || work.len() >= most {
                return Ok(work);
            }
        }
    }
}

fn work_entry(entry: Item) -> Result<(String, OrderId), DependencyError> {
    #[derive(Deserialize)]
    struct Entry {
        pk: String,
        watch_order: String,
    }
    let entry: Entry = item::from_item(entry)?;
    let order = entry.pk.strip_prefix("checkout#").and_then(OrderId::parse);
    let order = order.ok_or_else(|| DependencyError::Broken("a work item belongs to no order".to_owned()))?;
    Ok((entry.watch_order, order))
}

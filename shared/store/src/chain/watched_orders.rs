//! Finding an order by its deposit address.
//!
//! An order on a watched chain is in the sparse index `watched-orders` from the write that creates it, under its deposit
//! address. The entry is never written again. Its partition names the chain, a period of two days and a shard. A
//! period is not read any more once all its orders are too old: unpaid orders cost no write to forget them,
//! and no run reads them.

use std::ops::RangeInclusive;
use std::time::Duration;

use domain::id::OrderId;
use domain::order::{ChainId, Order};
use domain::time::Timestamp;
use futures::future::try_join_all;
use runtime::DependencyError;
use serde::Deserialize;

use super::super::Store;
use super::super::item::{self, Item, WatchAttributes, string};
use super::super::retry::{classify, until_settled};

/// The index's name in the template.
pub const WATCHED_ORDERS: &str = "watched-orders";

/// For how long at least a deposit to an order's address is found, from the order's creation: a session's longest life,
/// and a day for late money.
pub const WATCHED_FOR: Duration = Duration::from_hours(48);

/// Over how many partitions of the index the orders of one chain and period are spread: DynamoDB takes 1,000 writes a
/// second into each.
const SHARDS: u8 = 4;

/// An order, as the index shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchedOrder {
    /// Its id.
    pub id: OrderId,
    /// Its deposit address, in lower-case hex.
    pub address: String,
    /// When it was created.
    pub created_at: Timestamp,
}

/// The deposit addresses that a chain's logs are matched against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DepositAddresses {
    /// All of them.
    Listed(Vec<WatchedOrder>),
    /// There are more than were asked for. Each recipient is to be looked up.
    TooMany,
}

/// Returns what puts an order into the index.
pub(crate) fn watch_attributes(order: &Order) -> WatchAttributes {
    let address = &order.deposit_address;
    WatchAttributes {
        shard: partition_name(order.terms.src_chain, period_of(order.created_at), shard_of(address)),
        order: format!("{address}#{}", order.created_at.as_millis()),
        address: address.clone(),
    }
}

fn partition_name(chain: ChainId, period: i64, shard: u8) -> String {
    format!("{}#{period}#{shard}", chain.as_u64())
}

/// The shard of an address follows from the address, so that one query finds it.
fn shard_of(address: &str) -> u8 {
    address.bytes().last().unwrap_or_default() % SHARDS
}

/// The period in which an order created at an instant is found: as long as an order is watched, so that at most two
/// periods matter at a time.
fn period_of(created_at: Timestamp) -> i64 {
    let length = i64::try_from(WATCHED_FOR.as_millis()).unwrap_or(i64::MAX);
    created_at.as_millis().div_euclid(length)
}

/// The periods of the orders that are watched at some instant between two.
fn periods(from: Timestamp, to: Timestamp) -> RangeInclusive<i64> {
    period_of(from - WATCHED_FOR)..=period_of(to)
}

impl Store {
    /// Lists the orders whose deposits may be in blocks made between two instants, up to about `most`.
    ///
    /// The index follows the table with some delay, usually below a second. Of each partition at most half as many
    /// entries are read: addresses are spread evenly, so a partition with more belongs to a list that is too long.
    pub async fn deposit_addresses(
        &self,
        chain: ChainId,
        (from, to): (Timestamp, Timestamp),
        most: usize,
    ) -> Result<DepositAddresses, DependencyError> {
        let partitions = periods(from, to)
            .flat_map(|period| (0..SHARDS).map(move |shard| partition_name(chain, period, shard)));
        let most_each = most.div_ceil(2);
        let pages = partitions.map(|partition| self.addresses_in(partition, most_each + 1));
        let pages = try_join_all(pages).await?;
        if pages.iter().any(|page| page.len() > most_each) {
            return Ok(DepositAddresses::TooMany);
        }
        let is_watched = |order: &WatchedOrder| order.created_at >= from - WATCHED_FOR;
        let orders: Vec<WatchedOrder> = pages.into_iter().flatten().filter(is_watched).collect();
        Ok(if orders.len() > most { DepositAddresses::TooMany } else { DepositAddresses::Listed(orders) })
    }

    /// Finds the order with this deposit address among those that were watched between two instants.
    pub async fn order_at(
        &self,
        chain: ChainId,
        (from, to): (Timestamp, Timestamp),
        address: &str,
    ) -> Result<Option<OrderId>, DependencyError> {
        let found = periods(from, to).map(|period| {
            let partition = partition_name(chain, period, shard_of(address));
            self.address_entry(partition, address)
        });
        Ok(try_join_all(found).await?.into_iter().flatten().next().map(|order| order.id))
    }

    async fn addresses_in(
        &self,
        partition: String,
        most: usize,
    ) -> Result<Vec<WatchedOrder>, DependencyError> {
        let mut orders = Vec::new();
        let mut start: Option<Item> = None;
        loop {
            let limit = i32::try_from(most - orders.len()).unwrap_or(i32::MAX);
            let page = until_settled(|| async {
                self.client
                    .query()
                    .table_name(&self.table)
                    .index_name(WATCHED_ORDERS)
                    .key_condition_expression("watch_shard = :partition")
                    .expression_attribute_values(":partition", string(&partition))
                    .limit(limit)
                    .set_exclusive_start_key(start.clone())
                    .send()
                    .await
                    .map_err(classify)
            })
            .await?;
            for entry in page.items.unwrap_or_default() {
                orders.push(watched_order(entry)?);
            }
            start = page.last_evaluated_key;
            if start.is_none() || orders.len() >= most {
                return Ok(orders);
            }
        }
    }

    async fn address_entry(
        &self,
        partition: String,
        address: &str,
    ) -> Result<Option<WatchedOrder>, DependencyError> {
        let page = until_settled(|| async {
            self.client
                .query()
                .table_name(&self.table)
                .index_name(WATCHED_ORDERS)
                .key_condition_expression("watch_shard = :partition AND begins_with(watch_order, :address)")
                .expression_attribute_values(":partition", string(&partition))
                .expression_attribute_values(":address", string(format!("{address}#")))
                .send()
                .await
                .map_err(classify)
        })
        .await?;
        page.items.unwrap_or_default().into_iter().next().map(watched_order).transpose()
    }
}

fn watched_order(entry: Item) -> Result<WatchedOrder, DependencyError> {
    #[derive(Deserialize)]
    struct Entry {
        pk: String,
        watch_order: String,
        watch_address: String,
    }
    let entry: Entry = item::from_item(entry)?;
    let id = entry.pk.strip_prefix("checkout#").and_then(OrderId::parse);
    let created_at = entry.watch_order.rsplit('#').next().and_then(|millis| millis.parse().ok());
    let (id, created_at) =
        id.zip(created_at).ok_or_else(|| DependencyError::Broken("an index entry is no order".to_owned()))?;
    Ok(WatchedOrder { id, address: entry.watch_address, created_at: Timestamp::from_millis(created_at) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_found_for_two_days_and_in_at_most_two_periods() {
        for created in [0, 1, 172_799_999, 172_800_000, 1_800_000_000_000] {
            let created_at = Timestamp::from_millis(created);
            for later in [Duration::ZERO, Duration::from_hours(25), WATCHED_FOR] {
                let now = created_at + later;
                assert!(periods(now, now).contains(&period_of(created_at)), "{created} {later:?}");
                assert!(periods(now, now).count() <= 2);
            }
        }
    }
}

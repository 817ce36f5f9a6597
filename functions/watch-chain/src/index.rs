//! The index: which orders the transfers of a scan are matched against.
//!
//! Up to about a thousand watched orders are listed again at each step, and the node is asked for their transfers alone.
//! Beyond that nothing is listed: the node is asked for all transfers of the configured tokens, and each recipient is
//! looked up in the table. A flood of unpaid orders then costs neither memory nor time.

use std::collections::HashMap;
use std::time::Duration;

use alloy_primitives::Address;
use domain::id::OrderId;
use domain::order::ChainId;
use domain::time::Timestamp;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use lambda_http::tracing;
use runtime::DependencyError;
use store::{DepositAddresses, Store, WatchedOrder};

/// The most orders that are listed: a node's filter takes a thousand addresses.
const MOST_LISTED: usize = 1_000;
/// By how much the index may follow the table. A recipient that is no order's is looked up once more after that.
const INDEX_DELAY: Duration = Duration::from_mins(1);
/// For how long a recipient is remembered. One that is no order's cannot become one later: an order that does not
/// exist yet cannot be paid. But a transfer that comes back after a reorganisation is a new one.
const REMEMBERED_FOR: Duration = Duration::from_mins(10);
/// How many recipients are remembered: four megabytes. With more, all are forgotten and looked up again.
const MOST_REMEMBERED: usize = 50_000;
/// After how long orders that were too many to be listed are counted again.
const RECOUNT: Duration = Duration::from_mins(1);
/// How many recipients are looked up at once.
const AT_ONCE: usize = 16;

/// The watched orders of a chain.
#[derive(Debug)]
pub(crate) struct Index {
    store: Store,
    chain: ChainId,
    most_listed: usize,
    /// The listed orders, by their address; `None` if there are too many.
    listed: Option<HashMap<Address, OrderId>>,
    /// When there were found to be too many.
    too_many_at: Option<Timestamp>,
    /// When the oldest of the listed orders was created.
    oldest: Option<Timestamp>,
    /// Recipients that were looked up. Those in the overlap occur at each step.
    recipients: HashMap<Address, Recipient>,
}

/// A recipient that was looked up.
#[derive(Debug, Clone, Copy)]
struct Recipient {
    /// The order whose deposit address it is, if it is one.
    order: Option<OrderId>,
    first_seen: Timestamp,
    looked_up: Timestamp,
}

impl Index {
    pub(crate) fn new(store: Store, chain: ChainId) -> Self {
        let (most_listed, listed, too_many_at, oldest) = (MOST_LISTED, None, None, None);
        let recipients = HashMap::new();
        Self { store, chain, most_listed, listed, too_many_at, oldest, recipients }
    }

    /// The same, listing no more orders than this.
    pub(crate) fn listing_at_most(mut self, orders: usize) -> Self {
        self.most_listed = orders;
        self
    }

    /// Reads which orders are watched in blocks made between two instants. What was known before is replaced only if
    /// the reading is complete.
    pub(crate) async fn refresh(&mut self, between: (Timestamp, Timestamp)) -> Result<(), DependencyError> {
        let now = between.1;
        if self.too_many_at.is_some_and(|at| now.since(at) < RECOUNT) {
            return Ok(());
        }
        match self.store.deposit_addresses(self.chain, between, self.most_listed).await? {
            DepositAddresses::Listed(orders) => {
                let address = |order: &WatchedOrder| Some((order.address.parse().ok()?, order.id));
                self.oldest = orders.iter().map(|order| order.created_at).min();
                self.listed = Some(orders.iter().filter_map(address).collect());
                self.too_many_at = None;
            }
            DepositAddresses::TooMany => {
                if self.too_many_at.is_none() {
                    let (chain, most) = (self.chain.as_u64(), self.most_listed);
                    tracing::warn!(chain, most, "more orders are watched than can be listed");
                }
                (self.oldest, self.listed, self.too_many_at) = (None, None, Some(now));
            }
        }
        Ok(())
    }

    /// How many orders are listed; `None` if there are too many.
    pub(crate) fn listed(&self) -> Option<usize> {
        self.listed.as_ref().map(HashMap::len)
    }

    /// The deposit addresses, for a node's filter; `None` if there are too many.
    pub(crate) fn addresses(&self) -> Option<Vec<Address>> {
        self.listed.as_ref().map(|listed| listed.keys().copied().collect())
    }

    /// When the oldest watched order was created, as far as that is known.
    pub(crate) fn oldest(&self) -> Option<Timestamp> {
        self.oldest
    }

    /// Finds the orders that these addresses belong to.
    pub(crate) async fn orders_at(
        &mut self,
        addresses: impl IntoIterator<Item = Address>,
        between: (Timestamp, Timestamp),
    ) -> Result<HashMap<Address, OrderId>, DependencyError> {
        if let Some(listed) = &self.listed {
            let order = |address: Address| Some((address, *listed.get(&address)?));
            return Ok(addresses.into_iter().filter_map(order).collect());
        }
        let now = between.1;
        self.forget_old(now);
        let addresses: Vec<Address> = addresses.into_iter().collect();
        let unknown: Vec<Address> =
            addresses.iter().copied().filter(|address| self.needs_lookup(*address, now)).collect();
        let (store, chain) = (&self.store, self.chain);
        let found: Vec<(Address, Option<OrderId>)> = stream::iter(unknown)
            .map(|address| async move {
                let order = store.order_at(chain, between, &format!("{address:#x}")).await?;
                Ok::<_, DependencyError>((address, order))
            })
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        for (address, order) in found {
            let new = Recipient { order, first_seen: now, looked_up: now };
            let recipient = self.recipients.entry(address).or_insert(new);
            *recipient = Recipient { first_seen: recipient.first_seen, ..new };
        }
        let order = |address: Address| Some((address, self.recipients.get(&address)?.order?));
        Ok(addresses.into_iter().filter_map(order).collect())
    }

    /// Whether [`Self::orders_at`] queries the table for an address.
    pub(crate) fn needs_lookup(&self, address: Address, now: Timestamp) -> bool {
        self.listed.is_none()
            && self.recipients.get(&address).is_none_or(|recipient| {
                let settled_at = recipient.first_seen + INDEX_DELAY;
                recipient.order.is_none() && recipient.looked_up < settled_at && now >= settled_at
            })
    }

    fn forget_old(&mut self, now: Timestamp) {
        if self.recipients.len() > MOST_REMEMBERED {
            self.recipients.clear();
        }
        self.recipients.retain(|_, recipient| now.since(recipient.first_seen) < REMEMBERED_FOR);
    }
}

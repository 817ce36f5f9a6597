//! Lists: keys from an index, items from the table.
//!
//! An index holds keys alone, and its keys never change. What is shown is read from the table itself, strongly
//! consistent, so a page never shows an outdated status. The index lags behind by moments: a session that was just
//! created may be missing.

use std::collections::{HashMap, VecDeque};

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use domain::id::OrderId;
use domain::lifecycle::Checkout;
use domain::listing::{self, MOST_EXAMINED, Place, SHARDS, SessionFilter, Start};
use domain::order::Order;
use domain::record::CheckoutRecord;
use domain::session::CheckoutSession;
use domain::time::Timestamp;
use futures::future::try_join_all;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use runtime::DependencyError;
use serde::{Deserialize, Serialize};

use super::Store;
use super::idempotency::incomplete;
use super::item::{self, CHECKOUT_SORT_KEY, CheckoutItem, Item, string};
use super::retry::{AttemptError, classify, until_settled};

/// The most keys of one `BatchGetItem`.
const BATCH: usize = 100;

/// How many orders are looked at in one read, at least: some may not be the caller's.
const FEWEST_AT_ONCE: usize = 25;

/// How many orders are read side by side.
const READS_AT_ONCE: usize = 20;

/// An index of lists: its name, and those of its keys.
#[derive(Debug, Clone, Copy)]
struct Index {
    name: &'static str,
    hash: &'static str,
    range: &'static str,
}

const LISTED_SESSIONS: Index = Index { name: "listed-sessions", hash: "list_shard", range: "list_at" };
const BY_REFERENCE: Index = Index { name: "sessions-by-reference", hash: "list_reference", range: "list_at" };
const BY_CREATOR: Index = Index { name: "orders-by-creator", hash: "list_creator", range: "order_at" };

/// A page of a list.
#[derive(Debug)]
pub struct Page<T> {
    /// What is shown, newest first.
    pub shown: Vec<T>,
    /// Where the list goes on; `None` at its end.
    pub next: Option<Start>,
}

impl Store {
    /// Returns up to `limit` sessions before a place, newest first. `is_shown` judges each as it is now.
    pub async fn list_sessions(
        &self,
        filter: &SessionFilter,
        before: Option<&Place>,
        limit: usize,
        now: Timestamp,
        is_shown: impl Fn(&Checkout) -> bool,
    ) -> Result<Page<Checkout>, DependencyError> {
        let low = Place::start_of(filter.earliest(now));
        let high = filter.until.map_or_else(Place::last, Place::start_of);
        let high = before.filter(|before| **before < high).unwrap_or(&high);
        let (index, partitions) = if let Some(reference) = &filter.reference {
            (BY_REFERENCE, vec![listing::by_reference(&filter.merchant, reference)])
        } else {
            (LISTED_SESSIONS, (0..SHARDS).map(|number| listing::shard(&filter.merchant, number)).collect())
        };
        // Without a filter by status, all that is read is shown.
        let at_once = if filter.status.is_some() { BATCH } else { limit };
        let merged = Merged::new(self, index, partitions, &low, high, limit.max(at_once / 8) + 1);
        self.page(merged, 0, limit, at_once, is_shown).await
    }

    /// Returns up to `limit` orders of a creator with their transactions, newest first. `is_shown` judges each: an order
    /// names any creator it likes, so some may be none of the caller's business.
    pub async fn list_orders(
        &self,
        creator: &str,
        start: &Start,
        limit: usize,
        is_shown: impl Fn(&Checkout) -> bool,
    ) -> Result<Page<CheckoutRecord>, DependencyError> {
        let (low, last) = (Place::start_of(Timestamp::from_millis(0)), Place::last());
        let high = start.before.as_ref().unwrap_or(&last);
        let at_once = limit.max(FEWEST_AT_ONCE);
        let merged = Merged::new(self, BY_CREATOR, vec![creator.to_lowercase()], &low, high, at_once);
        // Of what is not shown, the item alone is read: a stranger's order may have thousands of deposits.
        let page = self.page(merged, start.skip, limit, at_once, is_shown).await?;
        let orders: Vec<OrderId> = page.shown.into_iter().filter_map(|shown| Some(shown.order?.id)).collect();
        let reads = orders.into_iter().map(|order| self.read_record(order));
        let records = stream::iter(reads).buffered(READS_AT_ONCE);
        let records: Vec<Option<CheckoutRecord>> = records.try_collect().await?;
        Ok(Page { shown: records.into_iter().flatten().collect(), next: page.next })
    }

    /// Reads on until `limit` are shown after the first `skip`, or as many were looked at as one call may. It reads the
    /// items of at least `at_once` keys at a time.
    async fn page(
        &self,
        mut merged: Merged<'_>,
        mut skip: usize,
        limit: usize,
        at_once: usize,
        is_shown: impl Fn(&Checkout) -> bool,
    ) -> Result<Page<Checkout>, DependencyError> {
        let mut shown = Vec::new();
        let (mut examined, mut last, most_examined) = (0, None, MOST_EXAMINED + skip);
        while examined < most_examined && shown.len() < limit {
            let wanted = at_once.max(limit - shown.len());
            let keys = merged.take(wanted.min(most_examined - examined)).await?;
            if keys.is_empty() {
                return Ok(Page { shown, next: None });
            }
            let mut found = self.checkouts(&keys).await?;
            let mut keys = VecDeque::from(keys);
            while shown.len() < limit
                && let Some(Key { place, partition }) = keys.pop_front()
            {
                examined += 1;
                last = Some(place);
                match found.remove(&partition).filter(&is_shown) {
                    Some(_) if skip > 0 => skip -= 1,
                    checkout => shown.extend(checkout),
                }
            }
            merged.give_back(keys);
        }
        // An index says only how far it was read: whether anything follows may not be known yet.
        let goes_on = merged.has_more() && (merged.is_certain() || !merged.take(1).await?.is_empty());
        Ok(Page { shown, next: last.filter(|_| goes_on).map(|place| Start { before: Some(place), skip }) })
    }

    /// Reads the items of these keys, by their partition.
    async fn checkouts(&self, keys: &[Key]) -> Result<HashMap<String, Checkout>, DependencyError> {
        let batches = keys.chunks(BATCH).map(|keys| async move {
            let mut found = Vec::with_capacity(keys.len());
            let mut left: Vec<Item> = keys.iter().map(Key::item).collect();
            // DynamoDB may return a part, and the keys of the rest.
            while !left.is_empty() {
                let (items, rest) = until_settled(|| self.batch(&left)).await?;
                found.extend(items);
                left = rest;
            }
            Ok::<_, DependencyError>(found)
        });
        let items = try_join_all(batches).await?.into_iter().flatten();
        items
            .map(|item| {
                let item: CheckoutItem = item::from_item(item)?;
                Ok((item.pk.clone(), item.into()))
            })
            .collect()
    }

    /// Reads some of these items; returns them and the keys of the rest.
    async fn batch(&self, keys: &[Item]) -> Result<(Vec<Item>, Vec<Item>), AttemptError> {
        let wanted = KeysAndAttributes::builder().consistent_read(true).set_keys(Some(keys.to_vec()));
        let wanted = wanted.build().map_err(incomplete)?;
        let read = self.client.batch_get_item().request_items(&self.table, wanted).send().await;
        let read = read.map_err(classify)?;
        let items = read.responses.and_then(|mut tables| tables.remove(&self.table)).unwrap_or_default();
        let rest = read.unprocessed_keys.and_then(|mut tables| tables.remove(&self.table));
        let rest = rest.map(|rest| rest.keys).unwrap_or_default();
        if items.is_empty() && !rest.is_empty() {
            return Err(AttemptError::Contended("DynamoDB returned nothing of a batch".to_owned()));
        }
        Ok((items, rest))
    }
}

/// A key of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Key {
    place: Place,
    /// The partition of the item in the table.
    partition: String,
}

impl Key {
    /// The key of the item in the table.
    fn item(&self) -> Item {
        Item::from([
            ("pk".to_owned(), string(self.partition.clone())),
            ("sk".to_owned(), string(CHECKOUT_SORT_KEY)),
        ])
    }
}

/// Partitions of an index as one list, newest first.
struct Merged<'a> {
    store: &'a Store,
    index: Index,
    low: &'a Place,
    high: &'a Place,
    /// How many keys are read of each partition at once.
    page: usize,
    parts: Vec<Part>,
    /// Keys that were taken and not used.
    returned: VecDeque<Key>,
}

/// A partition of an index, as far as it was read.
struct Part {
    partition: String,
    keys: VecDeque<Key>,
    /// Where the next read begins.
    start: Option<Item>,
    is_done: bool,
}

impl<'a> Merged<'a> {
    fn new(
        store: &'a Store,
        index: Index,
        partitions: Vec<String>,
        low: &'a Place,
        high: &'a Place,
        page: usize,
    ) -> Self {
        let part = |partition| Part { partition, keys: VecDeque::new(), start: None, is_done: low >= high };
        let parts = partitions.into_iter().map(part).collect();
        Self { store, index, low, high, page, parts, returned: VecDeque::new() }
    }

    /// Returns the next keys: as many as are wanted, unless the list ends.
    async fn take(&mut self, wanted: usize) -> Result<Vec<Key>, DependencyError> {
        let mut taken = Vec::with_capacity(wanted);
        while taken.len() < wanted {
            if let Some(key) = self.returned.pop_front() {
                taken.push(key);
                continue;
            }
            // The newest key is known once each partition has shown its own.
            if self.parts.iter().any(Part::is_open) {
                self.read().await?;
            }
            let newest = self.parts.iter_mut().filter(|part| !part.keys.is_empty());
            let newest = newest.max_by(|one, other| one.first().cmp(&other.first()));
            match newest.and_then(|part| part.keys.pop_front()) {
                Some(key) => taken.push(key),
                None => break,
            }
        }
        Ok(taken)
    }

    /// Puts keys back that are first in the list.
    fn give_back(&mut self, keys: VecDeque<Key>) {
        for key in keys.into_iter().rev() {
            self.returned.push_front(key);
        }
    }

    /// Returns whether the list goes on, as far as that is known.
    fn has_more(&self) -> bool {
        !self.is_certain() || self.has_keys()
    }

    /// Returns whether it is known that the list goes on, or that it ends.
    fn is_certain(&self) -> bool {
        self.has_keys() || self.parts.iter().all(|part| part.is_done)
    }

    fn has_keys(&self) -> bool {
        !self.returned.is_empty() || self.parts.iter().any(|part| !part.keys.is_empty())
    }

    /// Reads on in each partition of which no key is left, side by side.
    async fn read(&mut self) -> Result<(), DependencyError> {
        let (store, index, low, high, page) = (self.store, self.index, self.low, self.high, self.page);
        let reads = self.parts.iter_mut().filter(|part| part.is_open()).map(|part| async move {
            while part.is_open() {
                let range = (low, high, page);
                let start = part.start.take();
                let read = || store.read_index(index, &part.partition, range, start.clone());
                let (keys, start) = until_settled(read).await?;
                part.is_done = start.is_none();
                part.start = start;
                part.keys.extend(keys);
            }
            Ok::<_, DependencyError>(())
        });
        try_join_all(reads).await.map(|_| ())
    }
}

impl Part {
    fn is_open(&self) -> bool {
        self.keys.is_empty() && !self.is_done
    }

    fn first(&self) -> Option<&Place> {
        self.keys.front().map(|key| &key.place)
    }
}

impl Store {
    /// Reads keys of a partition of an index from `low` to `high` (without that itself), the last first. Returns them, and
    /// where to go on.
    async fn read_index(
        &self,
        index: Index,
        partition: &str,
        (low, high, most): (&Place, &Place, usize),
        start: Option<Item>,
    ) -> Result<(Vec<Key>, Option<Item>), AttemptError> {
        let query = self.client.query().table_name(&self.table).index_name(index.name);
        let query = query
            .key_condition_expression("#hash = :hash AND #range BETWEEN :low AND :high")
            .expression_attribute_names("#hash", index.hash)
            .expression_attribute_names("#range", index.range)
            .expression_attribute_values(":hash", string(partition))
            .expression_attribute_values(":low", string(low.as_str()))
            .expression_attribute_values(":high", string(high.as_str()))
            .scan_index_forward(false)
            .limit(i32::try_from(most).unwrap_or(i32::MAX))
            .set_exclusive_start_key(start);
        let read = query.send().await.map_err(classify)?;
        let keys = read.items.unwrap_or_default().into_iter().map(|item| key(&item, index));
        let keys: Vec<Key> = keys.collect::<Result<_, _>>()?;
        Ok((keys.into_iter().filter(|key| key.place != *high).collect(), read.last_evaluated_key))
    }
}

fn key(item: &Item, index: Index) -> Result<Key, DependencyError> {
    let text = |name: &str| match item.get(name) {
        Some(AttributeValue::S(text)) => Some(text.as_str()),
        Some(_) | None => None,
    };
    let key = text("pk").zip(text(index.range).and_then(Place::parse));
    let key = key.map(|(partition, place)| Key { place, partition: partition.to_owned() });
    key.ok_or_else(|| DependencyError::Broken(format!("a key of index {} is malformed", index.name)))
}

/// What puts a session into its merchant's lists. An item without these attributes is in none. They are written when the
/// session is created and never change.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct SessionListing {
    #[serde(rename = "list_shard")]
    shard: String,
    #[serde(rename = "list_at")]
    at: Place,
    #[serde(rename = "list_reference", skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
}

impl SessionListing {
    /// Returns the attributes of a session; `None` if it belongs to no merchant.
    pub(super) fn of(session: &CheckoutSession) -> Option<Self> {
        let merchant = &session.merchant.as_ref()?.name;
        let reference = session.terms.client_reference_id.as_ref();
        Some(Self {
            shard: listing::shard_of(merchant, session.id),
            at: Place::of_session(session.created_at, session.id),
            reference: reference.map(|text| listing::by_reference(merchant, text.as_str())),
        })
    }
}

/// What puts an order into its creator's list.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct OrderListing {
    #[serde(rename = "list_creator")]
    pub(super) creator: String,
    #[serde(rename = "order_at")]
    pub(super) at: Place,
}

impl OrderListing {
    /// Returns the attributes of an order; `None` if it names no creator.
    pub(super) fn of(order: &Order) -> Option<Self> {
        let creator = order.terms.creator_address.as_ref()?;
        let creator = creator.as_str().to_lowercase();
        Some(Self { creator, at: Place::of_order(order.created_at, order.id) })
    }
}

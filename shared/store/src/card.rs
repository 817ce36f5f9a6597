//! The Checkout Sessions that were asked for to pay an order by card. What was paid on them is a fact of the order.
//!
//! One item for each order. Each write replaces it, if nothing else was written since the read, so at most one Checkout
//! Session is asked for at a time. As long as something is open, the item is in the index of watched orders.

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::amount::Amount;
use domain::card::Charge;
use domain::id::OrderId;
use domain::time::Timestamp;
use runtime::DependencyError;
use serde::{Deserialize, Serialize};

use super::Store;
use super::item::{self, string, to_attribute};
use super::retry::{classify, until_settled};

const SORT_KEY: &str = "card";
const INDEX: &str = "watched-orders";
/// Over how many partitions of the index open card payments are spread.
pub const CARD_SHARDS: u8 = 8;

/// What was asked of Stripe for an order.
#[derive(Debug, Clone)]
pub struct CardRecord {
    /// The order.
    pub order: OrderId,
    /// The attempts, the newest last.
    pub attempts: Vec<CardAttempt>,
    version: u64,
}

/// A Checkout Session that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardAttempt {
    /// What of the order it is to pay.
    pub due: Amount,
    /// What the card is charged.
    pub charge: Charge,
    /// When Stripe ends it, in epoch seconds.
    pub expires_at: i64,
    /// Where the payer goes afterwards.
    pub success_url: String,
    /// Where the payer goes without a payment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancel_url: Option<String>,
    /// Stripe's id of it, once it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Its page, once it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Whether it can be paid no more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_over: bool,
    /// Whether it has a payment. It is looked at again, because a payment can be given back or disputed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_payment: bool,
}

#[derive(Serialize, Deserialize)]
struct CardItem {
    pk: String,
    sk: String,
    version: u64,
    attempts: Vec<CardAttempt>,
    #[serde(skip_serializing_if = "Option::is_none")]
    watch_shard: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    watch_order: Option<String>,
}

impl CardAttempt {
    /// Notes that it can be paid no more. Its addresses are needed no longer, and would only fill the item.
    pub fn end(&mut self) {
        self.is_over = true;
        self.success_url.clear();
        (self.cancel_url, self.url) = (None, None);
    }
}

impl CardRecord {
    /// Returns the record of an order for which nothing was asked yet.
    pub const fn new(order: OrderId) -> Self {
        Self { order, attempts: Vec::new(), version: 0 }
    }
}

impl Store {
    /// Reads what was asked of Stripe for an order.
    pub async fn read_card(&self, order: OrderId) -> Result<Option<CardRecord>, DependencyError> {
        let read = || async {
            let read = self.client.get_item().table_name(&self.table).consistent_read(true);
            let read = read.key("pk", string(partition(order))).key("sk", string(SORT_KEY));
            read.send().await.map_err(classify)
        };
        let item = until_settled(read).await?.item;
        let item: Option<CardItem> = item.map(item::from_item).transpose()?;
        Ok(item.map(|CardItem { attempts, version, .. }| CardRecord { order, attempts, version }))
    }

    /// Writes what was asked, if nothing was written since it was read; returns whether it was. `watched_from` is when it is
    /// looked at again, if anything is open.
    pub async fn write_card(
        &self,
        card: &mut CardRecord,
        watched_from: Option<Timestamp>,
    ) -> Result<bool, DependencyError> {
        let order = card.order;
        let place = |from: Timestamp| format!("{:015}#{order}", from.as_millis().max(0));
        let stored = CardItem {
            pk: partition(order),
            sk: SORT_KEY.to_owned(),
            version: card.version + 1,
            attempts: card.attempts.clone(),
            watch_shard: watched_from.map(|_| shard_of(order)),
            watch_order: watched_from.map(place),
        };
        let (stored, seen) = (item::to_item(&stored)?, to_attribute(&card.version)?);
        let written = until_settled(|| async {
            let put = self.client.put_item().table_name(&self.table).set_item(Some(stored.clone()));
            let put = put
                .condition_expression("version = :seen OR (attribute_not_exists(pk) AND :seen = :none)")
                .expression_attribute_values(":seen", seen.clone())
                .expression_attribute_values(":none", AttributeValue::N("0".to_owned()));
            match put.send().await {
                Ok(_) => Ok(true),
                Err(error) => match error.as_service_error() {
                    Some(PutItemError::ConditionalCheckFailedException(_)) => Ok(false),
                    Some(_) | None => Err(classify(error)),
                },
            }
        })
        .await?;
        if written {
            card.version += 1;
        }
        Ok(written)
    }

    /// Returns the orders of a shard for which something is open, those that were not looked at for longest first.
    pub async fn open_cards(&self, shard: u8, most: i32) -> Result<Vec<OrderId>, DependencyError> {
        let read = || async {
            let query = self.client.query().table_name(&self.table).index_name(INDEX);
            let query = query
                .key_condition_expression("watch_shard = :shard")
                .expression_attribute_values(":shard", string(format!("card#{shard}")))
                .limit(most);
            query.send().await.map_err(classify)
        };
        let found = until_settled(read).await?.items.unwrap_or_default();
        let order = |item: item::Item| match item.get("watch_order") {
            Some(AttributeValue::S(place)) => OrderId::parse(place.rsplit('#').next()?),
            Some(_) | None => None,
        };
        Ok(found.into_iter().filter_map(order).collect())
    }
}

fn partition(order: OrderId) -> String {
    format!("card#{order}")
}

fn shard_of(order: OrderId) -> String {
    // The last hex digit of an id is as good as random.
    let digit =
        order.to_string().chars().next_back().and_then(|digit| digit.to_digit(16)).unwrap_or_default();
    format!("card#{}", digit % u32::from(CARD_SHARDS))
}

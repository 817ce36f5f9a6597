//! The items of the table, and what they stand for.
//!
//! | `pk` | `sk` | what |
//! |---|---|---|
//! | `checkout#<order id>` | `checkout` | a session, its order and their state |
//! | `checkout#<order id>` | `on-chain#<page>` | what the chain shows of the order |
//! | `checkout#<order id>` | `transaction#<kind>#<chain>#<hash>` | a reported transaction of the order |
//! | `checkout#<order id>` | `work` | what the watcher has to do for the order, and when |
//! | `checkout#<order id>` | `transaction#deposit-log#<chain>#<hash>#<log>` | a reported transfer of such a transaction |
//! | `card#<order id>` | `card` | the Checkout Sessions that Stripe was asked for |
//! | `chain#<chain id>` | `cursor` | how far a chain was watched |
//! | `chain#<chain id>` | `settlement` | the settlement under way on a chain |
//! | `config` | `chains#<revision>` | a revision of the chains' configuration |
//! | `idempotency#<hash>` | `idempotency` | a used idempotency key |
//! | `key#<hash>` | `key` | an API key, found by its hash |
//! | `merchant#<name>` | `key#<key id>` | the same key, listed with its merchant |
//! | `visits#<order id>#<hour>` | `visits` | how often an order's payment link was opened |
//!
//! A session's `pk` names the order that can link to it ([`SessionId::order`]), so one
//! Query finds everything from either id.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::chain_fact::ChainFact;
use domain::id::OrderId;
use domain::idempotency_key::IdempotencyKey;
use domain::lifecycle::Checkout;
use domain::onramp::VendorReport;
use domain::order::Order;
use domain::payment::{Transaction, TransactionKind};
use domain::payment_state::PaymentState;
use domain::session::CheckoutSession;
use domain::time::Timestamp;
use runtime::DependencyError;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::list::{OrderListing, SessionListing};
use super::write_id::WriteId;

pub(super) type Item = HashMap<String, AttributeValue>;

/// The sort key of a checkout's own item. It sorts before every transaction's.
pub(super) const CHECKOUT_SORT_KEY: &str = "checkout";

/// The partition of an order, its session and its transactions.
pub(super) fn partition(order: OrderId) -> String {
    format!("checkout#{order}")
}

/// A checkout as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct CheckoutItem {
    pub(super) pk: String,
    pub(super) sk: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) session: Option<CheckoutSession>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) order: Option<Order>,
    pub(super) deadline: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expired_at: Option<Timestamp>,
    /// Absent until the first fact is recorded.
    #[serde(default, rename = "ledger", skip_serializing_if = "Option::is_none")]
    pub(super) payment_state: Option<PaymentState>,
    pub(super) version: u64,
    /// When TTL may remove it, in epoch seconds. Absent once an order is linked to the session or a fact is
    /// recorded about the order: a financial record must stay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ttl: Option<i64>,
    /// Which write put the order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) order_write: Option<WriteId>,
    /// Which write expired it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expire_write: Option<WriteId>,
    /// The idempotency key of the call that expired it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expire_key: Option<IdempotencyKey>,
    /// Its place in the index of deposit addresses; absent if its chain is not watched for it. Written once.
    #[serde(flatten)]
    pub(super) watch: Option<WatchAttributes>,
    /// Its place in its merchant's lists; absent if it belongs to none. Written once.
    #[serde(flatten)]
    pub(super) listed_session: Option<SessionListing>,
    /// The order's place in its creator's list; absent if it names none. Written once.
    #[serde(flatten)]
    pub(super) listed_order: Option<OrderListing>,
    /// The highest block up to which the chain was read for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) observed_block: Option<u64>,
    /// What the onramp vendor said last of a purchase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) vendor_report: Option<VendorReport>,
}

/// What puts an order into the index of watched orders. The index is sparse: an item without these attributes is not in
/// it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct WatchAttributes {
    /// The index's partition: chain, period and shard.
    #[serde(rename = "watch_shard")]
    pub(super) shard: String,
    /// The index's order: the deposit address, then the time of creation.
    #[serde(rename = "watch_order")]
    pub(super) order: String,
    /// The deposit address.
    #[serde(rename = "watch_address")]
    pub(super) address: String,
}

impl CheckoutItem {
    /// An item with nothing in it yet.
    pub(super) fn new(order: OrderId, deadline: Timestamp) -> Self {
        Self {
            pk: partition(order),
            sk: CHECKOUT_SORT_KEY.to_owned(),
            session: None,
            order: None,
            deadline,
            expired_at: None,
            payment_state: None,
            version: 0,
            ttl: None,
            order_write: None,
            expire_write: None,
            expire_key: None,
            watch: None,
            listed_session: None,
            listed_order: None,
            observed_block: None,
            vendor_report: None,
        }
    }
}

impl From<CheckoutItem> for Checkout {
    fn from(item: CheckoutItem) -> Self {
        Self {
            session: item.session,
            order: item.order,
            deadline: item.deadline,
            expired_at: item.expired_at,
            payment_state: item.payment_state.unwrap_or_default(),
            version: item.version,
        }
    }
}

/// A transaction as it is stored.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TransactionItem {
    pub(super) pk: String,
    pub(super) sk: String,
    /// The checkout's version when it was last written.
    pub(super) version: u64,
    #[serde(flatten)]
    pub(super) transaction: Transaction,
}

impl TransactionItem {
    pub(super) fn new(order: OrderId, transaction: Transaction, version: u64) -> Self {
        let kind = match transaction.kind {
            TransactionKind::Deposit { .. } => "deposit",
            TransactionKind::DepositLog { .. } => "deposit-log",
            TransactionKind::Relay { .. } => "relay",
            TransactionKind::Execution { .. } => "execution",
            TransactionKind::Refund { .. } => "refund",
        };
        let (chain, hash) = (transaction.chain.as_u64(), transaction.hash.identity());
        let mut sk = format!("transaction#{kind}#{chain}#{hash}");
        if let TransactionKind::DepositLog { log_index, .. } = transaction.kind {
            sk = format!("{sk}#{log_index}");
        }
        Self { pk: partition(order), sk, version, transaction }
    }
}

/// Some of what the chain shows of an order, as it is stored. Pages are written together with the checkout, under its
/// version, and are only read with it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct OnChainPage {
    pub(super) pk: String,
    pub(super) sk: String,
    pub(super) facts: Vec<ChainFact>,
}

/// How the sort keys of such pages begin.
pub(super) const ON_CHAIN: &str = "on-chain#";

impl OnChainPage {
    pub(super) fn new(order: OrderId, page: usize, facts: &[ChainFact]) -> Self {
        Self { pk: partition(order), sk: Self::sort_key(page), facts: facts.to_vec() }
    }

    pub(super) fn sort_key(page: usize) -> String {
        format!("{ON_CHAIN}{page:04}")
    }
}

/// What to store.
pub(super) fn to_item(value: &impl Serialize) -> Result<Item, DependencyError> {
    serde_dynamo::to_item(value)
        .map_err(|error| DependencyError::Broken(format!("an item cannot be written: {error}")))
}

/// What to store as one attribute.
pub(super) fn to_attribute(value: &impl Serialize) -> Result<AttributeValue, DependencyError> {
    serde_dynamo::to_attribute_value(value)
        .map_err(|error| DependencyError::Broken(format!("an attribute cannot be written: {error}")))
}

/// What is stored.
pub(super) fn from_item<T: DeserializeOwned>(item: Item) -> Result<T, DependencyError> {
    serde_dynamo::from_item(item)
        .map_err(|error| DependencyError::Broken(format!("an item cannot be read: {error}")))
}

/// A number attribute.
pub(super) fn number(value: impl Into<i64>) -> AttributeValue {
    AttributeValue::N(value.into().to_string())
}

/// A string attribute.
pub(super) fn string(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

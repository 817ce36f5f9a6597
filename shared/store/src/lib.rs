//! The DynamoDB store: one table, one item for each checkout, one for each transaction.
//!
//! A session and the order that links to it share one item (`item::CheckoutItem`), so every
//! transition (link, expire, record) is one atomic conditional write, and "at most one order
//! per session" is not a rule that code keeps but a slot that exists once. Each operation
//! has a file of its own; what a failed condition means is an outcome with a name, read
//! from the item that DynamoDB returns with the failure and never from a second look.

mod api_keys;
mod card;
mod chain;
mod chain_settings;
mod client;
mod create;
mod expire_session;
mod idempotency;
mod item;
mod key_ring;
mod link_order;
mod list;
mod read;
mod record_event;
mod retry;
mod transact;
mod vendor_report;
mod visits;
mod write_id;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use domain::lifecycle::Checkout;

pub use card::{CARD_SHARDS, CardAttempt, CardRecord};
pub use chain::{
    ChainObservation, ChainWrite, Cursor, DepositAddresses, Observation, ObservedOrder, OldestUnsettled,
    OrderState, PendingSettlement, SignedVersion, WATCHED_FOR, WATCHED_ORDERS, WatchedOrder, Work,
};
pub use expire_session::Expiry;
pub use key_ring::{Admission, KeyRing};
pub use link_order::Linking;
pub use list::Page;
pub use record_event::Recording;

/// The table of checkouts.
#[derive(Debug, Clone)]
pub struct Store {
    client: Client,
    table: String,
}

impl Store {
    /// A store over `table`, with our own time limits on whatever `config` says.
    pub fn new(config: &SdkConfig, table: impl Into<String>) -> Self {
        Self { client: Client::from_conf(client::with_limits(config)), table: table.into() }
    }
}

/// The outcome of creating something that a caller may ask for twice under one idempotency key (docs/api.md, *Idempotency
/// keys*).
#[derive(Debug)]
pub enum Creation {
    /// It was made by this call.
    Created(Box<Checkout>),
    /// An earlier call with the same key and request made this.
    Replayed(Box<Checkout>),
    /// An earlier call used the key for another request.
    KeyReused,
}

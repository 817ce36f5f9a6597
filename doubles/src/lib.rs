//! Test doubles of payment vendors, for the tests and the local run.
//!
//! A double listens on this machine and does what the vendor's documents say: it checks requests as strictly, serves a
//! payment page, sends crypto and webhooks. No money moves, and every page says so.

use std::sync::Arc;

use futures::future::BoxFuture;

mod address;
mod amount;
pub mod coinbase;
mod outcome;
mod page;
pub mod stripe;

pub use outcome::Outcome;

/// The double's clock, in milliseconds since 1970.
pub type Now = Arc<dyn Fn() -> i64 + Send + Sync>;

/// How a double sends crypto: to the local chain, or to a list in a test. Returns the transaction's hash.
pub type Deliver = Arc<dyn Fn(Delivery) -> BoxFuture<'static, anyhow::Result<String>> + Send + Sync>;

/// One transfer of crypto to a payer's destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The vendor's name of the network, such as `base`.
    pub network: String,
    /// The vendor's symbol of the asset, such as `USDC`.
    pub asset: String,
    /// The recipient's address.
    pub to: String,
    /// The amount as decimal text, such as `93.354`.
    pub amount: String,
}

/// Where a double sends its webhooks, and the secrets that sign them.
#[derive(Debug, Clone)]
pub struct WebhookTarget {
    /// The URL that receives them.
    pub url: String,
    /// The secrets that sign them.
    pub secrets: Vec<String>,
}

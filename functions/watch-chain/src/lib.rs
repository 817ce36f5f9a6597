//! Watching chains: deposits are seen on the chain itself, recorded with their orders, and forwarded to whom they are
//! for.
//!
//! One function watches **and** settles. What is to be settled is what was just seen; two functions would each read
//! the same orders and ask the same nodes, and the gas key opens nothing but the gas balance. A run takes a minute and the
//! next one begins: there is no server.

mod agenda;
mod observer;
mod reader;
mod settings;
mod settler;
mod sightings;
mod watcher;

use std::time::Duration;

use checkout::api::Clock;
use checkout::chain_config::Chains;
use checkout::deposit_address::ForwarderFactory;
use checkout::store::{Store, StoreError};
use evm::signer::SignError;
use evm::{Node, RpcError};
use futures::future::join_all;
use lambda_http::tracing;
use tokio::time::{Instant, sleep};

pub use settings::{Settings, SettingsError};
pub use watcher::{ChainWatcher, Step};

/// How long a run polls.
const RUN: Duration = Duration::from_secs(50);
/// Between two looks at a chain.
const POLL: Duration = Duration::from_secs(3);

/// Why a step came to nothing. The next one begins where this one did.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The chain's node did not, or not in a way that can be used.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// No settlement could be signed.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// What was read belongs to different versions of the chain.
    #[error("the chain was reorganised while it was read")]
    Reorganised,
    /// A node shows a transaction, but not the logs that it wrote.
    #[error("the node leaves out logs of transactions that it has")]
    Contradiction,
    /// The endpoint is another chain's.
    #[error("the endpoint is of chain {0}")]
    AnotherChain(u64),
    /// Another run is at work on this chain.
    #[error("another run is at work on this chain")]
    Overtaken,
}

/// All configured chains.
#[derive(Debug)]
pub struct WatchChains {
    watchers: Vec<ChainWatcher>,
}

impl WatchChains {
    /// Watchers over the configured chains.
    pub fn new(
        store: &Store,
        clock: &Clock,
        factory: ForwarderFactory,
        chains: &Chains,
        settings: &Settings,
    ) -> Result<Self, SettingsError> {
        let mut watchers = Vec::new();
        for chain in chains.iter() {
            let node = Node::new(settings.rpc(chain.id)?);
            let (store, clock, payer) = (store.clone(), clock.clone(), settings.payer.clone());
            watchers.push(ChainWatcher::new(chain.clone(), node, store, clock, factory, payer));
        }
        Ok(Self { watchers })
    }

    /// Watches all chains for the length of a run. Fails, so that an alarm hears of it, where a chain could not be watched
    /// even once.
    pub async fn run(&mut self) -> Result<(), WatchError> {
        let until = Instant::now() + RUN;
        let runs = self.watchers.iter_mut().map(|watcher| run(watcher, until));
        join_all(runs).await.into_iter().collect()
    }
}

async fn run(watcher: &mut ChainWatcher, until: Instant) -> Result<(), WatchError> {
    watcher.begin().await?;
    let mut first_failure = None;
    let mut succeeded = false;
    while Instant::now() < until {
        match watcher.step().await {
            Ok(step) => {
                succeeded = true;
                if step.is_behind {
                    continue;
                }
            }
            Err(error) => {
                tracing::warn!(chain = watcher.chain_id(), cause = %error, "a look at the chain came to nothing");
                first_failure.get_or_insert(error);
            }
        }
        sleep(POLL).await;
    }
    match first_failure {
        Some(error) if !succeeded => Err(error),
        Some(_) | None => Ok(()),
    }
}

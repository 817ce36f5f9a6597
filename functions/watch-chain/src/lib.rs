//! Watching chains: deposits are seen on the chain itself, recorded with their orders, and forwarded to their recipients.
//!
//! A [`ChainWatcher`] repeats one step. The index lists the orders that are watched, the scanner reads new blocks and
//! finds the orders that their logs concern, the backlog chooses how many of them are visited, the reconciler reads each
//! visited order again and records it, and the settler forwards what belongs to recipients. Only then the cursor moves.
//!
//! One function watches **and** settles. What is to be settled is what was just seen; two functions would read the same
//! orders and ask the same nodes, and the gas key opens nothing but the gas balance. A run takes a minute and the next
//! one begins: there is no server.

mod backlog;
mod index;
mod metrics;
mod node_settings;
mod order_logs;
mod reconciler;
mod scanner;
mod settler;
mod token_check;
mod watcher;

use std::time::Duration;

use domain::chain_config::Chains;
use domain::deposit_address::ForwarderFactory;
use evm::signer::SignError;
use evm::{Node, RpcError, Signer};
use futures::future::join_all;
use lambda_http::tracing;
use runtime::{Clock, DependencyError, config};
use store::Store;
use tokio::time::{Instant, sleep};

pub use metrics::RunMetrics;
pub use node_settings::{NodeSettings, SettingsError};

/// The namespace of the CloudWatch metrics; no metrics are written if it is not set.
pub const METRICS_NAMESPACE: &str = "METRICS_NAMESPACE";

/// The settings that the function reads.
pub const SETTINGS: &[&str] = &[
    config::CHAINS,
    node_settings::SECRET.value,
    node_settings::SECRET.arn,
    config::FORWARDER_FACTORY,
    node_settings::KMS_KEY,
    METRICS_NAMESPACE,
    config::TABLE_NAME,
];
pub use watcher::{ChainHealth, ChainWatcher, Step};

/// How long a run polls.
const RUN: Duration = Duration::from_secs(50);
/// The pause between two steps.
const POLL: Duration = Duration::from_secs(3);

/// Why a step failed. The next one begins where this one did.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] DependencyError),
    /// No node of the chain answered in a way that can be used.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// No settlement could be signed.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// What was read belongs to different versions of the chain.
    #[error("the chain was reorganised while it was read")]
    Reorganised,
    /// Another run is at work on this chain.
    #[error("another run is at work on this chain")]
    Superseded,
    /// The newest block that any endpoint shows is too old.
    #[error("the newest block that any endpoint shows is {0} s old")]
    StaleHead(u64),
    /// There are blocks to be read, and none was.
    #[error("the run read no new block although there are some")]
    NoProgress,
}

/// All configured chains.
#[derive(Debug)]
pub struct WatchChains {
    watchers: Vec<ChainWatcher>,
    settings: NodeSettings,
}

impl WatchChains {
    /// Watchers over the configured chains.
    pub fn new(
        store: &Store,
        clock: &Clock,
        factory: ForwarderFactory,
        chains: &Chains,
        settings: NodeSettings,
    ) -> Result<Self, SettingsError> {
        let mut watchers = Vec::new();
        for chain in chains.iter() {
            let node = Node::new(settings.rpc(chain.id)?);
            let (store, clock, payer) = (store.clone(), clock.clone(), settings.payer.clone());
            watchers.push(ChainWatcher::new(chain.clone(), node, store, clock, factory, payer));
        }
        Ok(Self { watchers, settings })
    }

    /// Watches all chains for the length of a run. Returns the first chain's error if a chain made no progress, so that
    /// an alarm tells.
    pub async fn run(&mut self) -> Result<(), WatchError> {
        let until = Instant::now() + RUN;
        if matches!(self.settings.payer, Signer::None) {
            self.open_gas_key().await;
        }
        let runs = self.watchers.iter_mut().map(|watcher| run(watcher, until));
        join_all(runs).await.into_iter().collect()
    }

    /// Opens the gas key, if KMS was unavailable when the function started.
    async fn open_gas_key(&mut self) {
        if let Err(error) = self.settings.open_kms_key().await {
            tracing::error!(cause = %error, "the gas key cannot be opened");
        }
        for watcher in &mut self.watchers {
            watcher.pay_with(&self.settings.payer);
        }
    }

    /// Returns the metrics of the last run.
    pub fn metrics(&self) -> RunMetrics {
        RunMetrics::of(self.watchers.iter().map(ChainWatcher::health))
    }
}

async fn run(watcher: &mut ChainWatcher, until: Instant) -> Result<(), WatchError> {
    let outcome = poll(watcher, until).await;
    if let Err(error) = watcher.end().await {
        tracing::warn!(chain = watcher.chain_id(), cause = %error, "unsettled orders cannot be read");
    }
    if let Err(error) = &outcome {
        tracing::error!(chain = watcher.chain_id(), cause = %error, "chain run failed");
    }
    outcome
}

/// Repeats steps until the run is over. Succeeds only if the chain is read up to a fresh head, or on its way there.
async fn poll(watcher: &mut ChainWatcher, until: Instant) -> Result<(), WatchError> {
    let mut has_begun = false;
    let mut has_moved = false;
    let mut last = Err(WatchError::NoProgress);
    while Instant::now() < until {
        if !has_begun {
            match watcher.begin().await {
                Ok(()) => has_begun = true,
                Err(error) => {
                    tracing::warn!(chain = watcher.chain_id(), cause = %error, "chain run cannot begin");
                    last = Err(error);
                    sleep(POLL).await;
                    continue;
                }
            }
        }
        match watcher.step().await {
            Ok(step) => {
                has_moved |= step.has_moved;
                let goes_on = step.is_behind && (step.has_moved || !step.observed.is_empty());
                last = Ok(step);
                if goes_on {
                    continue;
                }
            }
            Err(error) => {
                tracing::warn!(chain = watcher.chain_id(), cause = %error, "chain step failed");
                if last.is_err() {
                    last = Err(error);
                }
            }
        }
        sleep(POLL).await;
    }
    match last? {
        Step { stale_for: Some(age), .. } => Err(WatchError::StaleHead(age.as_secs())),
        step if step.is_behind && !has_moved => Err(WatchError::NoProgress),
        _ => Ok(()),
    }
}

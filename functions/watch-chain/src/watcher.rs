//! One chain's watcher: a step scans, reconciles, settles, and moves the cursor.

use std::collections::BTreeSet;
use std::time::Duration;

use alloy_primitives::B256;
use domain::chain_config::Chain;
use domain::deposit_address::ForwarderFactory;
use domain::id::OrderId;
use domain::time::Timestamp;
use evm::{Node, RpcError, Signer};
use lambda_http::tracing;
use runtime::Clock;
use runtime::DependencyError;
use store::Store;

use crate::WatchError;
use crate::backlog::Backlog;
use crate::index::Index;
use crate::reconciler::{Failure, Reconciled, Reconciler};
use crate::scanner::{Head, Scanner, time_of};
use crate::settler::Settler;
use crate::token_check::TokenCheck;

/// How many orders a step visits. At 256 MB that takes 7 s, so a run ends its last step in time.
const MOST_ORDERS: usize = 2_000;
/// How many times as many orders with due work a step reads from the index as it visits. Orders are due at each step until
/// their blocks are firm; without a choice among more than a step's worth, the first ones would be all that is visited.
const DUE_READ_FACTOR: usize = 10;
/// How many failed orders a step logs by name.
const MOST_LOGGED: usize = 10;

/// A chain that is watched.
#[derive(Debug)]
pub struct ChainWatcher {
    chain: Chain,
    node: Node,
    store: Store,
    clock: Clock,
    index: Index,
    scanner: Scanner,
    backlog: Backlog,
    reconciler: Reconciler,
    settler: Settler,
    health: ChainHealth,
    tokens: TokenCheck,
    /// How old the head was when it was last asked for, if that was more than configured.
    stale_for: Option<Duration>,
}

/// What a step did.
#[derive(Debug, Clone, Default)]
pub struct Step {
    /// How many orders' deposit addresses are listed; `None` if there are too many to list.
    pub watched: Option<usize>,
    /// The orders that were visited and recorded.
    pub observed: Vec<OrderId>,
    /// The orders that could not be processed. They are tried again later.
    pub failed: Vec<OrderId>,
    /// Whether there are blocks left that were not read yet, or orders that were not visited.
    pub is_behind: bool,
    /// Whether the cursor moved.
    pub has_moved: bool,
    /// The settlement that was sent.
    pub sent: Option<B256>,
    /// How old the chosen head is, if that is more than configured.
    pub stale_for: Option<Duration>,
}

/// What is known of a chain's health, for metrics and log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ChainHealth {
    /// The age of the chain's head when it was last asked for.
    pub head_age: Option<Duration>,
    /// The age of the last scanned block; nothing if no order is watched.
    pub cursor_lag: Option<Duration>,
    /// For how long the oldest confirmed money has been waiting for its settlement.
    pub oldest_unsettled: Duration,
    /// The balance that pays for settlements, in gwei; `None` without a key.
    pub gas_balance: Option<u64>,
    /// How many orders settlements did not move.
    pub without_effect: u64,
    /// How many orders could not be processed in a step, at most.
    pub orders_in_trouble: usize,
    /// How many tokens have other decimals than the configuration says.
    pub tokens_misconfigured: usize,
}

impl ChainWatcher {
    /// A watcher of a chain.
    pub fn new(
        chain: Chain,
        node: Node,
        store: Store,
        clock: Clock,
        factory: ForwarderFactory,
        payer: Signer,
    ) -> Self {
        let factories = vec![factory, ForwarderFactory::default()];
        let addresses = factories.iter().map(ForwarderFactory::address).collect();
        Self {
            index: Index::new(store.clone(), chain.id),
            scanner: Scanner::new(chain.clone(), node.clone(), store.clone(), addresses),
            backlog: Backlog::new(MOST_ORDERS),
            reconciler: Reconciler {
                chain: chain.clone(),
                node: node.clone(),
                store: store.clone(),
                clock: clock.clone(),
                factories,
                payer: payer.address(),
            },
            settler: Settler::new(chain.clone(), node.clone(), store.clone(), clock.clone(), factory, payer),
            health: ChainHealth::default(),
            tokens: TokenCheck::of(&chain),
            stale_for: None,
            chain,
            node,
            store,
            clock,
        }
    }

    /// The same, visiting no more orders in a step.
    #[must_use]
    pub fn at_most(mut self, orders: usize) -> Self {
        self.backlog = Backlog::new(orders);
        self
    }

    /// The same, listing no more orders' deposit addresses: if there are more, recipients are looked up.
    #[must_use]
    pub fn listing_at_most(mut self, orders: usize) -> Self {
        self.index = self.index.listing_at_most(orders);
        self
    }

    /// From here on this key pays for settlements.
    pub fn pay_with(&mut self, payer: &Signer) {
        self.reconciler.payer = payer.address();
        self.settler.pay_with(payer.clone());
    }

    /// The chain's id.
    pub fn chain_id(&self) -> u64 {
        self.chain.id.as_u64()
    }

    /// What is known of the chain's health.
    pub fn health(&self) -> ChainHealth {
        self.health
    }

    /// Begins a run: what another one may have changed is read again, and the chain is checked whether or not an order
    /// waits. An operator learns about a dead endpoint before the first payer does.
    pub async fn begin(&mut self) -> Result<(), WatchError> {
        self.health = ChainHealth::default();
        self.scanner.begin().await?;
        let now = self.clock.now();
        let head = self.scanner.head(now).await?;
        self.note_head(&head, now);
        self.health.gas_balance = self.settler.begin().await;
        self.health.tokens_misconfigured = self.tokens.check(&self.node, self.chain.id).await;
        Ok(())
    }

    /// Takes one look at the chain.
    pub async fn step(&mut self) -> Result<Step, WatchError> {
        let step = self.try_step().await;
        if let Err(WatchError::Rpc(error @ (RpcError::Behind(_) | RpcError::Malformed(_)))) = &step {
            self.node.distrust(&error.to_string());
        }
        step
    }

    async fn try_step(&mut self) -> Result<Step, WatchError> {
        let now = self.clock.now();
        let between = (self.scanner.unread_since(now), now);
        self.index.refresh(between).await?;
        let due = self.store.due_work(self.chain.id, now, self.backlog.most() * DUE_READ_FACTOR).await?;
        let has_work = !due.is_empty() || self.store.has_work(self.chain.id).await?;
        let mut step = Step { watched: self.index.listed(), ..Step::default() };
        if self.index.listed() == Some(0) && !has_work {
            self.scanner.note_idle(now);
            self.health.cursor_lag = Some(Duration::ZERO);
            // The run asked for the head when it began.
            step.stale_for = self.stale_for;
            return Ok(step);
        }
        let head = self.scanner.head(now).await?;
        self.note_head(&head, now);
        step.stale_for = self.stale_for;
        let scan = self.scanner.scan(&head, &mut self.index, !has_work, now).await?;

        let mut visited = self.backlog.next(due.iter().copied(), &scan.matched);
        visited.extend(self.settler.orders_to_check().await?);
        let sweep_due = self.settler.recheck_at(visited.len(), now);
        let reader = self.scanner.reader();
        let reconciled =
            Box::pin(self.reconciler.reconcile(&visited, &scan.window, &head, reader, sweep_due)).await?;
        let unparked = self.park(&reconciled, scan.window.from, now).await?;
        // What was read at an earlier head than before is read again. Without work, nothing else would have it read.
        for order in reconciled.outdated.iter().filter(|order| self.backlog.has_unseen(order, &scan.matched))
        {
            self.store.park(*order, self.chain.id, scan.window.from, now).await?;
        }
        visited.retain(|order| !unparked.contains(order) && !reconciled.unread.contains(order));
        self.backlog.note(&visited, &scan.matched);
        for order in due.iter().filter(|order| reconciled.unknown.contains(order)) {
            self.store.remove_work(*order).await?;
        }
        self.remember_factories(&reconciled);
        step.observed = reconciled.orders.iter().map(|order| order.observed.id).collect();
        step.failed = reconciled.failures.keys().copied().collect();
        self.health.orders_in_trouble = self.health.orders_in_trouble.max(step.failed.len());

        step.sent = Box::pin(self.settler.settle(&reconciled, scan.window.last.number)).await?;
        self.health.without_effect += self.settler.take_without_effect();
        if let Some(cursor) = scan.cursor {
            let are_all_seen = self.backlog.has_seen(&scan.matched);
            step.is_behind = scan.window.last.number < head.block.number || !are_all_seen;
            // Past a log that was part of no visit, the cursor would leave a deposit behind for good.
            if are_all_seen {
                step.has_moved = self.scanner.move_cursor(cursor).await?;
            }
        }
        self.note_cursor(now);
        Ok(step)
    }

    /// Ends a run: reads what only operators ask for.
    pub async fn end(&mut self) -> Result<(), WatchError> {
        let now = self.clock.now();
        let oldest = self.store.oldest_unsettled(self.chain.id).await?;
        self.health.oldest_unsettled = oldest.since.map_or(Duration::ZERO, |since| now.since(since));
        Ok(())
    }

    /// Keeps orders that failed for later, so that they do not hold up the cursor. Returns those that could not be kept.
    async fn park(
        &self,
        reconciled: &Reconciled,
        from: u64,
        now: Timestamp,
    ) -> Result<BTreeSet<OrderId>, WatchError> {
        let mut unparked = BTreeSet::new();
        for (at, (order, Failure { cause, retry_after })) in reconciled.failures.iter().enumerate() {
            if at < MOST_LOGGED {
                tracing::error!(chain = self.chain_id(), %order, cause, "order cannot be processed");
            }
            match self.store.park(*order, self.chain.id, from, now + *retry_after).await {
                Ok(()) => {}
                Err(DependencyError::Broken(cause)) => {
                    tracing::error!(chain = self.chain_id(), %order, cause, "order cannot be parked");
                    unparked.insert(*order);
                }
                Err(error) => return Err(error.into()),
            }
        }
        if reconciled.is_contradicted {
            self.node.distrust("it left out logs of transactions that it has");
        }
        Ok(unparked)
    }

    /// From here on the sweeps of these orders' factories are read.
    fn remember_factories(&mut self, reconciled: &Reconciled) {
        for order in &reconciled.orders {
            self.scanner.add_factory(order.factory.address());
        }
    }

    /// Notes how old the head is, and whether that is more than configured: the chain stands still, or the endpoint does not
    /// follow it. One that synchronises moves at each call and is hours behind, so the next one is asked next.
    fn note_head(&mut self, head: &Head, now: Timestamp) {
        let age = now.since(time_of(&head.block));
        let is_stale = age.as_secs() > self.chain.max_head_age_seconds;
        if is_stale {
            self.node.distrust("its newest block is too old");
        }
        self.health.head_age = Some(age);
        self.stale_for = is_stale.then_some(age);
    }

    fn note_cursor(&mut self, now: Timestamp) {
        let scanned = self.scanner.cursor().and_then(|cursor| cursor.block_time);
        self.health.cursor_lag = scanned.map(|at| now.since(at));
    }
}

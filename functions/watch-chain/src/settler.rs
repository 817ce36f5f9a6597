//! The settler: money that belongs to its recipient is forwarded.
//!
//! One settlement at a time is under way on a chain, under one nonce. It is signed, stored, and only then sent. What is
//! lost after that is sent again, and what is not mined is replaced under the same nonce with higher fees. Once its nonce
//! is used, its orders are checked for the effect: an order that it did not move backs off and is tried again later, for
//! as long as the money lies there. Sweeping twice moves nothing twice, so nothing here has to happen exactly once.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use alloy_primitives::{Address, B256, Bytes, U256, hex};
use domain::chain_config::Chain;
use domain::chain_fact::ChainFactKind;
use domain::deposit_address::ForwarderFactory;
use domain::id::OrderId;
use domain::settlement::{NextStep, pause_after};
use domain::time::Timestamp;
use evm::abi::{self, Sweep};
use evm::block::BlockTag;
use evm::fees::Fees;
use evm::transaction::Transaction;
use evm::{Node, RpcError, Signer};
use lambda_http::tracing;
use runtime::Clock;
use runtime::DependencyError;
use store::{ChainWrite, ObservedOrder, PendingSettlement, SignedVersion, Store};

use crate::WatchError;
use crate::reconciler::{Reconciled, ReconciledOrder};

/// The most orders in one transaction: at some 60,000 gas each, a fifth of the smallest block among the chains in use.
const MOST_ORDERS: usize = 100;
/// After how long an unmined settlement is replaced.
const PATIENCE: Duration = Duration::from_secs(30);
/// How many times the usual fee a replacement may offer. A settlement that waits at such a price waits for something
/// else, for a balance to pay with, say. Raised on and on, it would take all of that balance once there is some.
const MOST_OVER_USUAL: u128 = 4;
/// How often orders are looked at that only wait for a settlement, if none can be made and many wait.
const RECHECK: Duration = Duration::from_mins(5);

/// Forwards what was paid on a chain.
#[derive(Debug)]
pub(crate) struct Settler {
    chain: Chain,
    node: Node,
    store: Store,
    clock: Clock,
    payer: Signer,
    configured: ForwarderFactory,
    /// Whether a factory has code, as found in this run.
    placed: BTreeMap<Address, bool>,
    /// How many orders the next settlement takes at most. It is halved if the node refuses a batch.
    most_orders: usize,
    /// Whether the last try to settle found that nothing can be settled now.
    is_blocked: bool,
    /// The settlement that is under way, as the step read it.
    pending: Option<PendingSettlement>,
    /// How many orders a settlement did not move, since this was taken.
    without_effect: u64,
}

/// What became of sending a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sent {
    Taken,
    /// For now: the next step sends it again.
    NotTaken,
    /// The same bytes are refused each time.
    RefusedForGood,
}

/// An order to be settled.
#[derive(Debug, Clone, Copy)]
struct Due<'a> {
    order: &'a ObservedOrder,
    factory: ForwarderFactory,
    sweep: Sweep,
    /// Whether a payer waits for it, and not only the recipient for late money.
    is_paid: bool,
    since: Timestamp,
}

impl Settler {
    pub(crate) fn new(
        chain: Chain,
        node: Node,
        store: Store,
        clock: Clock,
        configured: ForwarderFactory,
        payer: Signer,
    ) -> Self {
        Self {
            chain,
            node,
            store,
            clock,
            payer,
            configured,
            placed: BTreeMap::new(),
            most_orders: MOST_ORDERS,
            is_blocked: false,
            pending: None,
            without_effect: 0,
        }
    }

    /// From here on this key pays.
    pub(crate) fn pay_with(&mut self, payer: Signer) {
        self.payer = payer;
    }

    /// Begins a run: checks that the configured factory exists, because without it nothing can be settled, and returns the
    /// balance that pays for settlements, in gwei. Without a key nothing is asked and nothing returned.
    ///
    /// Trouble with settling is logged and is no reason not to watch.
    pub(crate) async fn begin(&mut self) -> Option<u64> {
        self.placed.clear();
        self.is_blocked = false;
        let payer = self.payer.address()?;
        match self.preconditions(payer).await {
            Ok(balance) => Some(balance),
            Err(error) => {
                self.is_blocked = true;
                tracing::error!(chain = self.chain_id(), cause = %error, "settlement cannot be prepared");
                None
            }
        }
    }

    async fn preconditions(&mut self, payer: Address) -> Result<u64, WatchError> {
        self.is_placed(self.configured.address()).await?;
        let wei = self.node.native_balance(payer, BlockTag::Latest).await?;
        Ok((wei / U256::from(1_000_000_000_u64)).saturating_to())
    }

    /// When to look again at orders that only wait for a settlement; `None` if they are looked at in each step. That is
    /// so if settlements can be made, and while only a few orders wait for the end of a passing trouble.
    pub(crate) fn recheck_at(&self, visited: usize, now: Timestamp) -> Option<Timestamp> {
        let is_long_queue = self.is_blocked && visited > MOST_ORDERS;
        (is_long_queue || self.payer.address().is_none()).then(|| now + RECHECK)
    }

    /// Reads the settlement that is under way. Returns its orders if it was mined: this step has to visit them, to see what
    /// it did.
    pub(crate) async fn orders_to_check(&mut self) -> Result<Vec<OrderId>, WatchError> {
        self.pending = match self.payer.address() {
            Some(_) => self.store.settlement(self.chain.id).await?,
            None => None,
        };
        let resolved = self.pending.iter().filter(|pending| pending.resolved_at.is_some());
        Ok(resolved.flat_map(|pending| pending.orders.clone()).collect())
    }

    /// Takes the number of orders that settlements did not move.
    pub(crate) fn take_without_effect(&mut self) -> u64 {
        std::mem::take(&mut self.without_effect)
    }

    /// Sees to the settlement that is under way, or sends one for the orders that are due. Returns its hash.
    ///
    /// Trouble with settling is logged and is no reason not to watch: only the database's errors are returned.
    pub(crate) async fn settle(
        &mut self,
        reconciled: &Reconciled,
        scanned: u64,
    ) -> Result<Option<B256>, WatchError> {
        match self.try_settle(reconciled, scanned).await {
            Ok(sent) => Ok(sent),
            Err(error @ (WatchError::Rpc(_) | WatchError::Sign(_))) => {
                self.is_blocked = true;
                tracing::error!(chain = self.chain_id(), cause = %error, "settlement failed");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    async fn try_settle(
        &mut self,
        reconciled: &Reconciled,
        scanned: u64,
    ) -> Result<Option<B256>, WatchError> {
        let Some(payer) = self.payer.address() else {
            return Ok(None);
        };
        let mut deferred = HashSet::new();
        if let Some(pending) = self.pending.take() {
            match pending.resolved_at {
                None if self.is_resolved(&pending, payer, scanned).await? => return Ok(None),
                None => return self.rebroadcast_or_bump(&pending).await,
                Some(_) => match self.check_effect(&pending, reconciled, scanned).await? {
                    Some(without_effect) => deferred = without_effect,
                    None => return Ok(None),
                },
            }
        }
        let now = self.clock.now();
        let due = due(&reconciled.orders, now);
        let due = due.into_iter().filter(|due| !deferred.contains(&due.order.id));
        let due = self.of_one_factory(due.collect()).await?;
        let Some(factory) = due.first().map(|due| due.factory.address()) else {
            return Ok(None);
        };
        let nonce = self.node.nonce(payer, BlockTag::Latest).await?;
        let fees = self.node.fees().await?;
        if self.exceeds_fee_cap(fees) {
            return Ok(None);
        }
        let input = abi::sweep_many(&due.iter().map(|due| due.sweep).collect::<Vec<_>>());
        let gas = match self.node.estimate_gas(payer, factory, &input).await {
            Ok(gas) => gas,
            Err(error) if error.is_failed_execution() => {
                return self.estimate_refused(&due, &error).await;
            }
            Err(error) => return Err(error.into()),
        };
        self.most_orders = self.most_orders.saturating_mul(2).min(MOST_ORDERS);
        let mut settlement = PendingSettlement {
            nonce,
            // An estimate leaves out the money that comes to an address until then.
            gas_limit: gas.saturating_add(gas / 4),
            factory: Some(format!("{factory:#x}")),
            input: hex::encode_prefixed(&input),
            versions: Vec::new(),
            orders: due.iter().map(|due| due.order.id).collect(),
            resolved_at: None,
            version: 1,
        };
        let version = self.sign(&settlement, fees).await?;
        settlement.versions.push(version);
        self.keep_and_send(None, settlement).await
    }

    /// The orders of one factory that go into the next settlement: paid ones first, then those whose money waits for longest,
    /// of a factory that exists.
    async fn of_one_factory<'a>(&mut self, mut due: Vec<Due<'a>>) -> Result<Vec<Due<'a>>, WatchError> {
        due.sort_by_key(|due| (!due.is_paid, due.since));
        let factories: Vec<Address> = due.iter().map(|due| due.factory.address()).collect();
        let mut chosen = None;
        for factory in factories {
            if chosen.is_none() && self.is_placed(factory).await? {
                chosen = Some(factory);
            }
        }
        self.is_blocked = chosen.is_none() && !due.is_empty();
        due.retain(|due| Some(due.factory.address()) == chosen);
        due.truncate(self.most_orders);
        Ok(due)
    }

    /// Whether a factory exists. A call of an address without code succeeds and moves nothing.
    async fn is_placed(&mut self, factory: Address) -> Result<bool, WatchError> {
        if let Some(is_placed) = self.placed.get(&factory) {
            return Ok(*is_placed);
        }
        let is_placed = !self.node.code(factory).await?.is_empty();
        if !is_placed {
            tracing::error!(chain = self.chain_id(), %factory, "the forwarder factory has no code on this chain");
        }
        self.placed.insert(factory, is_placed);
        Ok(is_placed)
    }

    /// Puts off what the node refuses to estimate: a batch is tried with half as many orders, and an order that is
    /// refused alone backs off.
    async fn estimate_refused(
        &mut self,
        due: &[Due<'_>],
        error: &RpcError,
    ) -> Result<Option<B256>, WatchError> {
        tracing::error!(chain = self.chain_id(), orders = due.len(), cause = %error, "settlement was refused");
        if let [alone] = due {
            self.defer_failed(alone.order).await?;
            self.most_orders = MOST_ORDERS;
        } else {
            self.most_orders = (due.len() / 2).max(1);
        }
        Ok(None)
    }

    /// Checks what a mined settlement did. An order that it did not move backs off. Returns these orders, or `None` if the
    /// chain was not read far enough yet for each of its orders. A settlement that a reorganisation took back did nothing
    /// yet, and is made again at once.
    async fn check_effect(
        &mut self,
        pending: &PendingSettlement,
        reconciled: &Reconciled,
        scanned: u64,
    ) -> Result<Option<HashSet<OrderId>>, WatchError> {
        let is_own = |hash: &str| pending.versions.iter().any(|version| version.hash == hash);
        let was_moved = |order: &ObservedOrder| {
            order
                .facts
                .iter()
                .any(|fact| matches!(fact.kind, ChainFactKind::Sweep { .. }) && is_own(fact.hash.as_str()))
        };
        let versions: Vec<B256> =
            pending.versions.iter().filter_map(|version| version.hash.parse().ok()).collect();
        let receipts = self.node.receipts(&versions).await?;
        let mined = receipts.iter().flatten().map(|receipt| receipt.block_number).max();
        if mined > Some(scanned) || pending.orders.iter().any(|order| reconciled.unread.contains(order)) {
            return Ok(None);
        }
        let mut deferred = HashSet::new();
        for ReconciledOrder { observed: order, read_until, .. } in
            reconciled.orders.iter().filter(|_| mined.is_some())
        {
            if order.next != NextStep::Sweep || !pending.orders.contains(&order.id) || was_moved(order) {
                continue;
            }
            deferred.insert(order.id);
            if Some(*read_until) < mined {
                // It was not read that far. Sent again at once, a settlement would most likely find nothing.
                self.defer(order, pause_after(0), 0).await?;
                continue;
            }
            let reason = order.facts.iter().rev().find_map(|fact| match &fact.kind {
                ChainFactKind::SweepFailed { reason, .. } if is_own(fact.hash.as_str()) => {
                    Some(reason.as_str())
                }
                ChainFactKind::SweepFailed { .. }
                | ChainFactKind::Deposit { .. }
                | ChainFactKind::Sweep { .. } => None,
            });
            tracing::error!(
                chain = self.chain_id(),
                order = %order.id,
                attempts = order.work.as_ref().map_or(0, |work| work.attempts) + 1,
                reason = reason.unwrap_or("the factory logged nothing"),
                "settlement had no effect"
            );
            self.defer_failed(order).await?;
            self.without_effect += 1;
        }
        match self.store.forget_settlement(self.chain.id, pending).await? {
            ChainWrite::Written => Ok(Some(deferred)),
            ChainWrite::Superseded => Err(WatchError::Superseded),
        }
    }

    /// Puts off the next settlement of an order that one did not move.
    async fn defer_failed(&self, order: &ObservedOrder) -> Result<(), WatchError> {
        let attempts = order.work.as_ref().map_or(0, |work| work.attempts);
        self.defer(order, pause_after(attempts + 1), 1).await
    }

    /// Puts an order's next settlement off, and counts failed attempts.
    async fn defer(&self, order: &ObservedOrder, pause: Duration, failed: u32) -> Result<(), WatchError> {
        if let Some(work) = &order.work {
            let attempts = work.attempts + failed;
            self.store.defer_settlement(order.id, work, attempts, self.clock.now() + pause).await?;
        }
        Ok(())
    }

    /// Signs a settlement's next version.
    async fn sign(&self, settlement: &PendingSettlement, fees: Fees) -> Result<SignedVersion, WatchError> {
        let input = hex::decode(&settlement.input)
            .map_err(|_| DependencyError::Broken("a settlement's call is no hex".to_owned()))?;
        let factory = settlement.factory.as_ref().and_then(|factory| factory.parse().ok());
        let transaction = Transaction {
            chain_id: self.chain_id(),
            nonce: settlement.nonce,
            fees,
            gas_limit: settlement.gas_limit,
            to: factory.unwrap_or(self.configured.address()),
            value: U256::ZERO,
            input: input.into(),
        };
        let signed = self.payer.sign_transaction(&transaction).await?;
        Ok(SignedVersion {
            hash: format!("{:#x}", signed.hash),
            raw: hex::encode_prefixed(&signed.raw),
            max_fee_per_gas: fees.max,
            max_priority_fee_per_gas: fees.priority,
            signed_at: self.clock.now(),
        })
    }

    /// Whether fees are above the configured cap: a node that lies about them must not burn the gas balance.
    fn exceeds_fee_cap(&mut self, fees: Fees) -> bool {
        let most = u128::from(self.chain.max_fee_gwei) * 1_000_000_000;
        let exceeds = fees.max > most;
        if exceeds {
            self.is_blocked = true;
            tracing::error!(
                chain = self.chain_id(),
                max_fee_per_gas = fees.max,
                most,
                "gas exceeds the fee cap"
            );
        }
        exceeds
    }

    /// Whether the chain has used the settlement's nonce. That is stored, so that its orders are checked at a head at
    /// which they show the effect, by whichever run comes then.
    async fn is_resolved(
        &mut self,
        pending: &PendingSettlement,
        payer: Address,
        scanned: u64,
    ) -> Result<bool, WatchError> {
        let next = self.node.nonce(payer, BlockTag::Latest).await?;
        let written = if next > pending.nonce {
            let resolved = PendingSettlement {
                resolved_at: Some(scanned),
                version: pending.version + 1,
                ..pending.clone()
            };
            self.store.keep_settlement(self.chain.id, Some(pending), &resolved).await?
        } else if next < pending.nonce && self.has_waited(pending) {
            // A reorganisation took back the settlements before it, and its turn may never come. Not at once: a node that
            // is behind says the same.
            self.store.forget_settlement(self.chain.id, pending).await?
        } else {
            return Ok(false);
        };
        match written {
            ChainWrite::Written => Ok(true),
            ChainWrite::Superseded => Err(WatchError::Superseded),
        }
    }

    /// Whether a settlement's newest version should have been mined by now.
    fn has_waited(&self, pending: &PendingSettlement) -> bool {
        let now = self.clock.now();
        pending.versions.last().is_some_and(|last| now.since(last.signed_at) >= PATIENCE)
    }

    /// Sends the settlement under way again, and with higher fees once it has waited for long.
    async fn rebroadcast_or_bump(&mut self, pending: &PendingSettlement) -> Result<Option<B256>, WatchError> {
        let Some(last) = pending.versions.last() else {
            return Ok(None);
        };
        if !self.has_waited(pending) {
            self.send(last).await;
            return Ok(None);
        }
        if self.send(last).await == Sent::RefusedForGood {
            return self.give_up(pending).await;
        }
        let usual = self.node.fees().await?;
        let fees = Fees { max: last.max_fee_per_gas, priority: last.max_priority_fee_per_gas };
        let fees = fees.raised().or_more(usual);
        let is_unusual =
            fees.max / MOST_OVER_USUAL > usual.max || fees.priority / MOST_OVER_USUAL > usual.priority;
        if is_unusual || self.exceeds_fee_cap(fees) {
            self.is_blocked = true;
            return Ok(None);
        }
        let version = self.sign(pending, fees).await?;
        tracing::warn!(
            chain = self.chain_id(),
            nonce = pending.nonce,
            "settlement is replaced with higher fees"
        );
        let mut replaced = pending.clone();
        // Only the newest is ever sent again. With all their bytes the versions of a large settlement would soon not fit
        // into an item, and nothing would be settled any more.
        replaced.versions.iter_mut().for_each(|version| version.raw.clear());
        replaced.versions.push(version);
        replaced.version += 1;
        self.keep_and_send(Some(pending), replaced).await
    }

    async fn keep_and_send(
        &mut self,
        seen: Option<&PendingSettlement>,
        settlement: PendingSettlement,
    ) -> Result<Option<B256>, WatchError> {
        match self.store.keep_settlement(self.chain.id, seen, &settlement).await? {
            ChainWrite::Written => {}
            ChainWrite::Superseded => return Err(WatchError::Superseded),
        }
        let Some(version) = settlement.versions.last() else {
            return Ok(None);
        };
        self.send(version).await;
        Ok(version.hash.parse().ok())
    }

    /// Gives up a settlement that the node refuses whatever its fees are: too much gas, too high a fee for the node's own
    /// limit, an input that it does not take. The next one has half as many orders and a new estimate. Should a version of
    /// this one be mined after all, sweeping twice moves nothing twice.
    async fn give_up(&mut self, pending: &PendingSettlement) -> Result<Option<B256>, WatchError> {
        self.most_orders = (pending.orders.len() / 2).max(1);
        match self.store.forget_settlement(self.chain.id, pending).await? {
            ChainWrite::Written => Ok(None),
            ChainWrite::Superseded => Err(WatchError::Superseded),
        }
    }

    /// Hands a version in. That the node has it already is as good as that it takes it.
    async fn send(&mut self, version: &SignedVersion) -> Sent {
        let Ok(raw) = hex::decode(&version.raw) else {
            return Sent::RefusedForGood;
        };
        let error = match self.node.send_raw_transaction(&Bytes::from(raw)).await {
            Ok(()) => return Sent::Taken,
            Err(error) if error.is_already_known() => return Sent::Taken,
            Err(error) => error,
        };
        self.is_blocked = true;
        tracing::error!(
            chain = self.chain_id(),
            hash = version.hash,
            cause = %error,
            "settlement was not taken"
        );
        if matches!(error, RpcError::Node(_)) && !error.is_about_fees() {
            Sent::RefusedForGood
        } else {
            Sent::NotTaken
        }
    }

    fn chain_id(&self) -> u64 {
        self.chain.id.as_u64()
    }
}

/// The orders whose money is to be forwarded now.
fn due(orders: &[ReconciledOrder], now: Timestamp) -> Vec<Due<'_>> {
    let due = |ReconciledOrder { observed: order, factory, .. }: &'_ ReconciledOrder| {
        let work = order.work.as_ref().filter(|_| order.next == NextStep::Sweep)?;
        let is_due = work.settle_after.is_none_or(|after| after <= now);
        let terms = &order.record.checkout.order.as_ref().filter(|_| is_due)?.terms;
        let sweep = Sweep {
            recipient: Address::from(terms.recipient.to_bytes()),
            order: abi::order_word(*order.id.as_bytes()),
            token: Address::from(terms.src_token.to_bytes()),
        };
        Some((*factory, sweep, work.unsettled_since.unwrap_or(now)))
    };
    orders
        .iter()
        .filter_map(|one| {
            let (factory, sweep, since) = due(one)?;
            let is_paid = one.observed.record.checkout.payment_state.paid_at.is_some();
            Some(Due { order: &one.observed, factory, sweep, is_paid, since })
        })
        .collect()
}

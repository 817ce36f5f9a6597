//! The reconciler: everything that the chain shows of an order is read again, and replaces what was known.
//!
//! What concerns one order alone (its item cannot be read, its logs contradict its receipts, its address fits no known
//! factory) fails that order and no other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use alloy_primitives::{Address, B256};
use domain::chain_config::Chain;
use domain::chain_fact::{ChainFact, ChainFactKind};
use domain::deposit_address::ForwarderFactory;
use domain::id::OrderId;
use domain::order::Order;
use domain::time::Timestamp;
use evm::abi::{SweepLog, SweepOutcome, Transfer, order_word};
use evm::filter::{LogFilter, OneOf};
use evm::log::Log;
use evm::{LogReader, Node, RpcError};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use runtime::Clock;
use runtime::DependencyError;
use store::{ChainObservation, Observation, ObservedOrder, OrderState, Store};
use tokio::time::Instant;

use crate::WatchError;
use crate::order_logs::{OrderLogs, OrderOnChain, Payment, sweep_log};
use crate::scanner::{Head, Window, time_of};

/// How many orders are read or written at once.
const AT_ONCE: usize = 8;
/// How many orders' logs are asked for at once.
const ORDERS_PER_READ: usize = 500;
/// How many ranges are read for orders whose logs lie in the window or shortly before it, and for those whose logs are owed
/// from far back. What is left is read at the next step.
const MOST_READS_NEAR: u32 = 150;
const MOST_READS_FAR_BACK: u32 = 24;
/// How many orders are read from far back in a step, each by itself: one whose blocks a node does not have must not keep
/// the others from being read.
const MOST_FAR_BACK: usize = 10;
/// After how long a step begins no further reading. A run must end before the function times out, which would lose what
/// it remembers of its visits.
const TIME_TO_BEGIN: Duration = Duration::from_secs(8);
/// How many orders may be contended in the database until that is taken for an outage.
const MOST_CONTENDED: usize = 16;
/// When an order is tried again whose own data is wrong: a person has to mend it.
const RETRY_BROKEN: Duration = Duration::from_mins(1);
/// When an order is tried again whose blocks no node returned.
const RETRY_FAR_BACK: Duration = Duration::from_mins(5);

/// What became of the orders that a step visited.
#[derive(Debug, Default)]
pub(crate) struct Reconciled {
    /// The orders that were recorded.
    pub(crate) orders: Vec<ReconciledOrder>,
    /// The orders that failed.
    pub(crate) failures: BTreeMap<OrderId, Failure>,
    /// Whether the node contradicted itself about one of them.
    pub(crate) is_contradicted: bool,
    /// The orders that this step did not read, and whose logs nothing but the cursor keeps.
    pub(crate) unread: BTreeSet<OrderId>,
    /// The orders that were read at a later head before. Nothing was recorded of them.
    pub(crate) outdated: BTreeSet<OrderId>,
    /// The ids under which there is no order that this chain is watched for.
    pub(crate) unknown: BTreeSet<OrderId>,
}

/// An order that was read and recorded.
#[derive(Debug)]
pub(crate) struct ReconciledOrder {
    pub(crate) observed: ObservedOrder,
    /// The factory from which its deposit address derives.
    pub(crate) factory: ForwarderFactory,
    /// The last block that was read for it. Of an order that is owed from far back, it may be long before the head.
    pub(crate) read_until: u64,
}

/// Why an order could not be processed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) cause: String,
    /// After how long it is tried again.
    pub(crate) retry_after: Duration,
}

/// An order that is being reconciled.
#[derive(Debug)]
struct Subject {
    state: OrderState,
    on_chain: OrderOnChain,
    factory: ForwarderFactory,
    /// The first block to be read for it.
    from: u64,
}

impl Subject {
    /// Whether a work item says from which block on the order must be read.
    fn is_owed(&self) -> bool {
        self.state.work.as_ref().is_some_and(|work| work.from_block.is_some())
    }
}

/// Reads orders again.
#[derive(Debug)]
pub(crate) struct Reconciler {
    pub(crate) chain: Chain,
    pub(crate) node: Node,
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    /// The factories from which deposit addresses may derive, the configured one first.
    pub(crate) factories: Vec<ForwarderFactory>,
    /// Whose failed settlements are our own.
    pub(crate) payer: Option<Address>,
}

impl Reconciler {
    /// Reads everything about these orders again and records it. `sweep_due` is when to look again at an order that only
    /// waits for its settlement, if nothing can be settled now.
    pub(crate) async fn reconcile(
        &self,
        orders: &BTreeSet<OrderId>,
        window: &Window,
        head: &Head,
        reader: &LogReader,
        sweep_due: Option<Timestamp>,
    ) -> Result<Reconciled, WatchError> {
        let mut reconciled = Reconciled::default();
        let subjects = self.subjects(orders, window, &mut reconciled).await?;
        // Blocks that are read in any case, or nearly so. What is owed from further back takes a part of the time.
        let reach = reader.width().max(self.chain.overlap).saturating_mul(2);
        let (near, mut far): (Vec<Subject>, Vec<Subject>) =
            subjects.into_iter().partition(|subject| subject.from >= window.from.saturating_sub(reach));
        let contended = AtomicUsize::new(0);
        let contended = &contended;
        let look = Look { window, head, reader, sweep_due, contended, retry_contradicted: Duration::ZERO };
        let began = Instant::now();
        for subjects in near.chunks(ORDERS_PER_READ) {
            if began.elapsed() < TIME_TO_BEGIN {
                self.observe(subjects, &look, &mut MOST_READS_NEAR.clone(), &mut reconciled).await?;
            } else {
                reconciled.unread.extend(subjects.iter().map(|subject| subject.state.order.id));
            }
        }
        far.sort_by_key(|subject| subject.from);
        // Tried at each step, one of them would use up the time of all others.
        let look = Look { retry_contradicted: RETRY_BROKEN, ..look };
        let mut reads = MOST_READS_FAR_BACK;
        for subject in far.iter().take(MOST_FAR_BACK) {
            if reads == 0 || began.elapsed() >= TIME_TO_BEGIN {
                break;
            }
            let subjects = std::slice::from_ref(subject);
            match self.observe(subjects, &look, &mut reads, &mut reconciled).await {
                Err(WatchError::Rpc(error)) => {
                    let cause = format!("its blocks from {} on cannot be read: {error}", subject.from);
                    let failure = Failure { cause, retry_after: RETRY_FAR_BACK };
                    reconciled.failures.insert(subject.state.order.id, failure);
                }
                done => done?,
            }
        }
        Ok(reconciled)
    }

    /// Reads what is known of these orders.
    async fn subjects(
        &self,
        orders: &BTreeSet<OrderId>,
        window: &Window,
        reconciled: &mut Reconciled,
    ) -> Result<Vec<Subject>, WatchError> {
        let (store, contended) = (&self.store, &AtomicUsize::new(0));
        let found: Vec<(OrderId, Result<Option<OrderState>, Failure>)> = stream::iter(orders)
            .map(|id| async { isolate_order_error(*id, store.order_state(*id).await, contended) })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        let mut subjects = Vec::new();
        for (id, found) in found {
            // Anybody can sweep in the name of an order that does not exist, or that another chain is watched for.
            let subject = found.map(|state| {
                let state = state.filter(|state| state.order.terms.src_chain == self.chain.id);
                if state.is_none() {
                    reconciled.unknown.insert(id);
                }
                state.map(|state| self.subject(state, window)).transpose()
            });
            match subject {
                Ok(Ok(subject)) => subjects.extend(subject),
                Ok(Err(failure)) | Err(failure) => drop(reconciled.failures.insert(id, failure)),
            }
        }
        Ok(subjects)
    }

    fn subject(&self, state: OrderState, window: &Window) -> Result<Subject, Failure> {
        let factory = self.factory_of(&state.order).ok_or_else(|| Failure {
            cause: "its deposit address derives from no known factory".to_owned(),
            retry_after: RETRY_BROKEN,
        })?;
        let order = &state.order;
        let on_chain = OrderOnChain {
            word: order_word(*order.id.as_bytes()),
            deposit: order.deposit_address.parse().unwrap_or_default(),
            recipient: Address::from(order.terms.recipient.to_bytes()),
            token: Address::from(order.terms.src_token.to_bytes()),
            factory: factory.address(),
        };
        let owed = state.work.as_ref().and_then(|work| work.from_block);
        let from = owed.map_or(window.from, |owed| owed.min(window.from)).min(window.last.number);
        Ok(Subject { state, on_chain, factory, from })
    }

    /// The factory from which an order's deposit address derives.
    fn factory_of(&self, order: &Order) -> Option<ForwarderFactory> {
        let own =
            order.factory.as_ref().map(|factory| ForwarderFactory::at(Address::from(factory.to_bytes())));
        let known = self.factories.iter().copied().chain(own);
        known.into_iter().find(|factory| {
            factory.deposit_address(order.id, &order.terms.recipient) == order.deposit_address
        })
    }

    /// Reads the logs of these orders and records what they say, up to the block to which `reads` suffices.
    async fn observe(
        &self,
        subjects: &[Subject],
        look: &Look<'_>,
        reads: &mut u32,
        reconciled: &mut Reconciled,
    ) -> Result<(), WatchError> {
        let Some(from) = subjects.iter().map(|subject| subject.from).min() else {
            return Ok(());
        };
        let (logs, reached) = self.logs_of(subjects, from, look, reads).await?;
        let unread = subjects.iter().filter(|subject| subject.from > reached && !subject.is_owed());
        reconciled.unread.extend(unread.map(|subject| subject.state.order.id));
        let read = || subjects.iter().filter(|subject| subject.from <= reached);
        let (mut observations, mut gone) = (Vec::new(), Vec::new());
        for subject in read() {
            match self.observation(subject, &logs, reached, look) {
                Ok(observation) => {
                    let is_shown =
                        |known: &&ChainFact| observation.facts.iter().any(|fact| fact.hash == known.hash);
                    let known = subject.state.facts.iter().filter(|fact| {
                        // A failure counts only as long as the key that paid for it is ours. With another key it is
                        // gone, and the node has not lied.
                        let is_of_the_node = !matches!(fact.kind, ChainFactKind::SweepFailed { .. });
                        (subject.from..=reached).contains(&fact.block) && is_of_the_node
                    });
                    gone.extend(known.filter(|known| !is_shown(known)).map(|fact| (subject, fact)));
                    observations.push((subject, observation));
                }
                Err(failure) => drop(reconciled.failures.insert(subject.state.order.id, failure)),
            }
        }
        for order in self.contradicted(&gone).await? {
            reconciled.is_contradicted = true;
            let cause = "the node leaves out logs of transactions that it has".to_owned();
            reconciled.failures.insert(order, Failure { cause, retry_after: look.retry_contradicted });
        }
        observations.retain(|(subject, _)| !reconciled.failures.contains_key(&subject.state.order.id));
        let (store, clock) = (&self.store, &self.clock);
        let recorded: Vec<(OrderId, Result<Observation, Failure>)> = stream::iter(&observations)
            .map(|(subject, observation)| async {
                let id = subject.state.order.id;
                let observed = store.observe(id, observation, || clock.now()).await;
                isolate_order_error(id, observed, look.contended)
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        for ((id, recorded), (subject, _)) in recorded.into_iter().zip(&observations) {
            match recorded {
                Ok(Observation::Recorded(order)) => reconciled.orders.push(ReconciledOrder {
                    observed: *order,
                    factory: subject.factory,
                    read_until: reached,
                }),
                Ok(Observation::Outdated) => drop(reconciled.outdated.insert(id)),
                Ok(Observation::NotWatched) => {}
                Err(failure) => drop(reconciled.failures.insert(id, failure)),
            }
        }
        Ok(())
    }

    fn observation(
        &self,
        subject: &Subject,
        logs: &OrderLogs,
        reached: u64,
        look: &Look<'_>,
    ) -> Result<ChainObservation, Failure> {
        let facts = logs
            .facts(&subject.on_chain)
            .map_err(|error| Failure { cause: error.to_string(), retry_after: RETRY_BROKEN })?;
        let (overlap, end) = (self.chain.overlap, look.head.block.number);
        Ok(ChainObservation {
            from_block: subject.from,
            to_block: reached,
            firm_block: look.head.final_block.min(end.saturating_sub(overlap)),
            margin: overlap,
            facts: facts.into_iter().filter(|fact| fact.block >= subject.from).collect(),
            owed_from: (reached < look.window.last.number).then_some(reached + 1),
            sweep_due: look.sweep_due,
        })
    }

    /// The orders whose facts the logs show no more, although the receipt of the transaction still has them: the node
    /// contradicts itself (its index of logs is late, say), and what it leaves out must not take a payment back. A
    /// transaction that came back after a reorganisation and does something else now, or nothing, is no contradiction.
    async fn contradicted(&self, gone: &[(&Subject, &ChainFact)]) -> Result<BTreeSet<OrderId>, WatchError> {
        let hashes: BTreeSet<B256> =
            gone.iter().filter_map(|(_, fact)| fact.hash.as_str().parse().ok()).collect();
        if hashes.is_empty() {
            return Ok(BTreeSet::new());
        }
        let hashes: Vec<B256> = hashes.into_iter().collect();
        let receipts = self.node.receipts(&hashes).await?;
        let written =
            receipts.iter().flatten().filter(|receipt| receipt.succeeded).flat_map(|receipt| &receipt.logs);
        let logs = OrderLogs::of_receipts(written);
        let is_shown = |(subject, fact): &&(&Subject, &ChainFact)| logs.show(&subject.on_chain, fact);
        Ok(gone.iter().filter(is_shown).map(|(subject, _)| subject.state.order.id).collect())
    }

    /// Everything that the chain shows of these orders from a block on, and up to which block.
    async fn logs_of(
        &self,
        subjects: &[Subject],
        from: u64,
        look: &Look<'_>,
        reads: &mut u32,
    ) -> Result<(OrderLogs, u64), WatchError> {
        let none = |_| RpcError::Malformed("was not asked: there is no order");
        let orders = || subjects.iter().map(|subject| &subject.on_chain);
        let addresses = || OneOf::new(orders().map(|order| order.deposit)).map_err(none);
        let words = OneOf::new(orders().map(|order| order.word)).map_err(none)?;
        let distinct = |of: fn(&OrderOnChain) -> Address| {
            OneOf::new(orders().map(of).collect::<BTreeSet<Address>>()).map_err(none)
        };
        // The orders' own: a token that is not configured any more has open orders still.
        let tokens = distinct(|order| order.token)?;
        let filters = [
            LogFilter::transfers(tokens.clone(), Some(addresses()?)),
            LogFilter::sweeps(distinct(|order| order.factory)?, Some(words)),
            LogFilter::transfers_from(tokens, addresses()?),
        ];
        // Each reading may end earlier than the one before, and the last one's end is that of all.
        let mut last = look.window.last;
        let mut logs = Vec::new();
        let mut unlimited = u32::MAX;
        let mut reads = reads;
        for filter in &filters {
            // Those who owe nothing from before it come further in any case.
            let at_least = look.window.from.min(last.number);
            let at_least = if subjects.iter().all(Subject::is_owed) { from } else { at_least };
            let read = look.reader.read(from..=last.number, filter, at_least, reads).await?;
            if read.last.number == last.number && read.last.hash != last.hash {
                return Err(WatchError::Reorganised);
            }
            last = read.last;
            logs.push(read.logs);
            reads = &mut unlimited;
        }
        for logs in &mut logs {
            logs.retain(|log| log.position.block_number <= last.number);
        }
        let mut logs = logs.into_iter();
        let mut next = || logs.next().unwrap_or_default();
        let (mut deposits, mut sweeps, forwarded) = (next(), next(), next());
        let times = self.times(&mut deposits, &mut sweeps).await?;
        let sweeps: Vec<(Address, SweepLog)> = sweeps.iter().filter_map(sweep_log).collect();
        let logs = OrderLogs {
            deposits: deposits.iter().filter_map(Transfer::read).collect(),
            forwarded: forwarded.iter().filter_map(Transfer::read).collect(),
            own: self.own_failures(&sweeps).await?,
            sweeps,
            times,
            final_block: look.head.final_block,
        };
        Ok((logs, last.number))
    }

    /// When the blocks of these logs were made. Logs of blocks that are not on the chain are dropped: should they be
    /// facts after all, their receipts say so.
    async fn times(
        &self,
        deposits: &mut Vec<Log>,
        sweeps: &mut Vec<Log>,
    ) -> Result<BTreeMap<u64, Timestamp>, WatchError> {
        let numbers: BTreeSet<u64> =
            deposits.iter().chain(sweeps.iter()).map(|log| log.position.block_number).collect();
        let numbers: Vec<u64> = numbers.into_iter().collect();
        let mut blocks = BTreeMap::new();
        for (block, number) in self.node.blocks(&numbers).await?.into_iter().zip(&numbers) {
            let block = block.ok_or(RpcError::Behind(*number))?;
            blocks.insert(block.number, block);
        }
        let is_on_chain = |log: &Log| {
            blocks.get(&log.position.block_number).is_some_and(|block| block.hash == log.position.block_hash)
        };
        deposits.retain(is_on_chain);
        sweeps.retain(is_on_chain);
        Ok(blocks.into_iter().map(|(number, block)| (number, time_of(&block))).collect())
    }

    /// Our own transactions among those with failed sweeps, and whom they paid.
    async fn own_failures(
        &self,
        sweeps: &[(Address, SweepLog)],
    ) -> Result<BTreeMap<B256, Vec<Payment>>, WatchError> {
        let failed = sweeps.iter().filter(|(_, sweep)| matches!(sweep.outcome, SweepOutcome::Failed(_)));
        let failed: BTreeSet<B256> = failed.map(|(_, sweep)| sweep.position.transaction_hash).collect();
        let Some(payer) = self.payer.filter(|_| !failed.is_empty()) else {
            return Ok(BTreeMap::new());
        };
        let failed: Vec<B256> = failed.into_iter().collect();
        let mut own = BTreeMap::new();
        for receipt in self.node.receipts(&failed).await? {
            // Its log was there a moment ago. Taken for somebody else's, the failure would be forgotten.
            let receipt = receipt.ok_or(WatchError::Reorganised)?;
            if receipt.from == payer {
                let swept = receipt.logs.iter().filter_map(sweep_log).filter_map(|(_, sweep)| {
                    let moved = matches!(sweep.outcome, SweepOutcome::Swept(amount) if !amount.is_zero());
                    moved.then_some(Payment { token: sweep.token, recipient: sweep.recipient })
                });
                own.insert(receipt.transaction_hash, swept.collect());
            }
        }
        Ok(own)
    }
}

/// What all orders of a step share.
#[derive(Debug, Clone, Copy)]
struct Look<'a> {
    window: &'a Window,
    head: &'a Head,
    reader: &'a LogReader,
    sweep_due: Option<Timestamp>,
    contended: &'a AtomicUsize,
    /// When an order is tried again about which the node contradicts itself.
    retry_contradicted: Duration,
}

/// Tells what is wrong with one order from what is wrong with the database: the latter is not waited for order by order.
fn isolate_order_error<T>(
    order: OrderId,
    result: Result<T, DependencyError>,
    contended: &AtomicUsize,
) -> Result<(OrderId, Result<T, Failure>), DependencyError> {
    let failed = |cause| Ok((order, Err(Failure { cause, retry_after: RETRY_BROKEN })));
    match result {
        Ok(value) => Ok((order, Ok(value))),
        Err(DependencyError::Broken(cause)) => failed(cause),
        Err(DependencyError::Contended(cause))
            if contended.fetch_add(1, Ordering::Relaxed) < MOST_CONTENDED =>
        {
            failed(cause)
        }
        Err(error @ (DependencyError::Contended(_) | DependencyError::Unavailable(_))) => Err(error),
    }
}

//! Recording what the chain shows of an order: it replaces what the chain showed before, in one conditional write.

use std::collections::HashSet;

use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem, Update};
use domain::chain_fact::ChainFact;
use domain::id::OrderId;
use domain::lifecycle::Checkout;
use domain::order::Order;
use domain::payment_state::PaymentState;
use domain::record::CheckoutRecord;
use domain::settlement::{NextStep, is_unsettled};
use domain::time::Timestamp;
use runtime::DependencyError;

use super::super::Store;
use super::super::idempotency::incomplete;
use super::super::item::{self, CHECKOUT_SORT_KEY, OnChainPage, partition, string, to_attribute};
use super::super::read::Snapshot;
use super::super::record_event::valid_for;
use super::super::retry::{AttemptError, until_settled};
use super::super::transact::Committed;
use super::{WORK_SORT_KEY, Work, WorkItem};

/// How many facts share an item: some 50 KB. Old pages stay as they are while new facts come, so that thousands of tiny
/// deposits cost little more than the writes of the last pages.
const FACTS_PER_PAGE: usize = 200;

/// How many pages one write changes: a megabyte. A transaction of DynamoDB takes four, and must come back in time. More
/// is recorded piece by piece.
const PAGES_PER_WRITE: usize = 20;

/// How many blocks a node may be behind another one of the same chain. An observation further ahead was of another chain,
/// or of one that was reset, and does not count.
const MOST_BEHIND: u64 = 1_000;

/// What a chain shows of an order in a range of blocks.
#[derive(Debug, Clone)]
pub struct ChainObservation {
    /// The first block that was read.
    pub from_block: u64,
    /// The last block that was read.
    pub to_block: u64,
    /// The last block that is not expected ever to be replaced. While the order has facts after it, the order is read
    /// again.
    pub firm_block: u64,
    /// How far before the oldest fact that may still change the order is read again. A replacement that reaches further
    /// back than expected is then still noticed.
    pub margin: u64,
    /// All facts in the range. They replace what was known of these blocks; facts before and after stay.
    pub facts: Vec<ChainFact>,
    /// The first block that is still owed to the order, if the range ends before the scan does.
    pub owed_from: Option<u64>,
    /// When to look again at an order that only waits for its settlement, if nothing can be settled now.
    pub sweep_due: Option<Timestamp>,
}

/// The outcome of recording an observation.
#[derive(Debug)]
pub enum Observation {
    /// The order as it stands now.
    Recorded(Box<ObservedOrder>),
    /// An observation of a later head is recorded already, by a node that is further on.
    Outdated,
    /// There is no such order, or its chain is not watched for it.
    NotWatched,
}

/// An order after an observation of it was recorded.
#[derive(Debug, Clone)]
pub struct ObservedOrder {
    /// Its id.
    pub id: OrderId,
    /// The order with its transactions.
    pub record: CheckoutRecord,
    /// What the chain shows of it.
    pub facts: Vec<ChainFact>,
    /// What is to be done next.
    pub next: NextStep,
    /// The work item that says so.
    pub work: Option<Work>,
}

/// What is known of a watched order before the chain is read again for it.
#[derive(Debug, Clone)]
pub struct OrderState {
    /// The order.
    pub order: Order,
    /// What the chain showed so far.
    pub facts: Vec<ChainFact>,
    /// What is to be done for it.
    pub work: Option<Work>,
}

impl ChainObservation {
    /// Whether a node that is further on was observed before.
    fn is_behind(&self, observed_block: Option<u64>) -> bool {
        let ahead = observed_block.map_or(0, |block| block.saturating_sub(self.to_block));
        (1..=MOST_BEHIND).contains(&ahead)
    }

    /// All that is known of the order with it. A fact that was final stays final: another node may be behind in what it
    /// calls safe, and a payment that counted must not stop counting for that.
    fn beside(&self, known: &[ChainFact]) -> Vec<ChainFact> {
        let before = known.iter().filter(|fact| fact.block < self.from_block);
        let after = known.iter().filter(|fact| fact.block > self.to_block);
        let was_final: HashSet<(u64, &str)> =
            known.iter().filter(|fact| fact.is_final).map(|fact| (fact.block, fact.hash.as_str())).collect();
        let observed = self.facts.iter().map(|fact| {
            let is_final = fact.is_final || was_final.contains(&(fact.block, fact.hash.as_str()));
            ChainFact { is_final, ..fact.clone() }
        });
        before.cloned().chain(observed).chain(after.cloned()).collect()
    }

    /// The same, up to a block.
    fn until(&self, block: u64) -> Self {
        let facts = self.facts.iter().filter(|fact| fact.block <= block).cloned().collect();
        Self { to_block: block, owed_from: Some(block + 1), facts, ..self.clone() }
    }

    /// The work that remains, or none.
    fn work(
        &self,
        next: NextStep,
        is_unsettled: bool,
        deadline: Timestamp,
        facts: &[ChainFact],
        before: Option<&Work>,
        now: Timestamp,
    ) -> Option<Work> {
        let unfirm = facts.iter().map(|fact| fact.block).filter(|block| *block > self.firm_block).min();
        // What is known of later blocks was not read, and may be gone: the scan would not tell, because it finds logs only.
        let unread = facts.iter().any(|fact| fact.block > self.to_block).then_some(self.to_block + 1);
        let unfirm = unfirm.map(|block| block.saturating_sub(self.margin));
        let from_block = [unfirm, self.owed_from, unread].into_iter().flatten().min();
        let unsettled = before.filter(|work| is_unsettled && work.unsettled_since.is_some());
        let settle_after = unsettled.and_then(|work| work.settle_after);
        let due = match next {
            NextStep::Done if from_block.is_none() => return None,
            NextStep::AwaitDeadline if from_block.is_none() => deadline,
            // What may still be replaced is read at each step, whatever the settlement waits for.
            NextStep::Sweep if from_block.is_none() => settle_after.max(self.sweep_due).unwrap_or(now),
            NextStep::Sweep | NextStep::AwaitDeadline | NextStep::Observe | NextStep::Done => now,
        };
        // An order that was due already keeps its place in the queue, and no write is spent on moving it.
        let due = before.map(|work| work.due).filter(|before| *before <= now && due <= now).unwrap_or(due);
        Some(Work {
            due,
            from_block,
            unsettled_since: is_unsettled
                .then(|| unsettled.and_then(|work| work.unsettled_since).unwrap_or(now)),
            attempts: unsettled.map_or(0, |work| work.attempts),
            settle_after,
        })
    }
}

impl Store {
    /// Reads a watched order; `None` if there is none under this id, or its chain is not watched for it.
    pub async fn order_state(&self, order: OrderId) -> Result<Option<OrderState>, DependencyError> {
        until_settled(|| async {
            let Some(snapshot) = self.snapshot(order).await? else {
                return Ok(None);
            };
            let Snapshot { checkout, on_chain: facts, work, .. } = snapshot;
            let order = checkout.order.filter(|order| order.is_watched);
            Ok(order.map(|order| OrderState { order, facts, work }))
        })
        .await
    }

    /// Records what the chain shows of an order.
    ///
    /// As with a reported event, `clock` is read again at each attempt, and a write that was judged by it is not sent
    /// later. An observation with more facts than one transaction takes is recorded in pieces, each up to a block.
    pub async fn observe(
        &self,
        order: OrderId,
        observation: &ChainObservation,
        clock: impl Fn() -> Timestamp + Sync,
    ) -> Result<Observation, DependencyError> {
        loop {
            let (recorded, is_whole) =
                until_settled(|| self.try_observe(order, observation, clock())).await?;
            if is_whole {
                return Ok(recorded);
            }
        }
    }

    /// Records an observation, or as much of it as one write takes: then the second value is false.
    async fn try_observe(
        &self,
        order: OrderId,
        observation: &ChainObservation,
        now: Timestamp,
    ) -> Result<(Observation, bool), AttemptError> {
        let Some(mut snapshot) = self.snapshot(order).await? else {
            return Ok((Observation::NotWatched, true));
        };
        let Some(terms) = snapshot.checkout.order.clone().filter(|order| order.is_watched) else {
            return Ok((Observation::NotWatched, true));
        };
        // Of blocks that nothing replaces any more, every node shows the same.
        let is_firm = observation.to_block <= observation.firm_block;
        if observation.is_behind(snapshot.observed_block) && !is_firm {
            return Ok((Observation::Outdated, true));
        }
        let piece = first_piece(observation, &snapshot.on_chain);
        let (observation, is_whole) = piece.as_ref().map_or((observation, true), |piece| (piece, false));

        let facts = observation.beside(&snapshot.on_chain);
        let payment_state = snapshot.checkout.observe(&terms, &snapshot.reported, &facts, now);
        let after = Checkout { payment_state: payment_state.clone(), ..snapshot.checkout.clone() };
        let since = snapshot.work.as_ref().and_then(|work| work.unsettled_since);
        let next = NextStep::of(&after, &terms, &facts, observation.firm_block, since, now);
        let is_unsettled = is_unsettled(&after, &terms, &facts, now);
        let before = snapshot.work.as_ref();
        let work = observation.work(next, is_unsettled, after.deadline, &facts, before, now);
        let is_news = payment_state != snapshot.checkout.payment_state
            || facts != snapshot.on_chain
            || work != snapshot.work;
        if is_news {
            let writes = self.observation_writes(
                &terms,
                &snapshot,
                observation,
                &facts,
                &payment_state,
                work.as_ref(),
            )?;
            let time = valid_for(&snapshot.checkout, now);
            if let Committed::Refused(_) = self.transact_once(time, writes).await? {
                return Err(AttemptError::Contended("the order changed meanwhile".to_owned()));
            }
            snapshot.checkout.payment_state = payment_state;
            snapshot.checkout.version += 1;
            snapshot.on_chain = facts;
        }
        let facts = snapshot.on_chain.clone();
        let observed = ObservedOrder { id: order, record: snapshot.into_record(), facts, next, work };
        Ok((Observation::Recorded(Box::new(observed)), is_whole))
    }

    /// The writes that replace what the chain showed before. All fail if anything was recorded since the read.
    fn observation_writes(
        &self,
        order: &Order,
        seen: &Snapshot,
        observation: &ChainObservation,
        facts: &[ChainFact],
        payment_state: &PaymentState,
        work: Option<&Work>,
    ) -> Result<Vec<TransactWriteItem>, DependencyError> {
        let later = seen.observed_block.filter(|_| observation.is_behind(seen.observed_block));
        let observed_block = later.unwrap_or(observation.to_block);
        let update = Update::builder()
            .table_name(&self.table)
            .key("pk", string(partition(order.id)))
            .key("sk", string(CHECKOUT_SORT_KEY))
            // With money in it, an order is a financial record, which TTL must never remove.
            .update_expression("SET ledger = :ledger, version = :next, observed_block = :block REMOVE #ttl")
            .condition_expression("version = :seen")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":ledger", to_attribute(payment_state)?)
            .expression_attribute_values(":next", to_attribute(&(seen.checkout.version + 1))?)
            .expression_attribute_values(":block", to_attribute(&observed_block)?)
            .expression_attribute_values(":seen", to_attribute(&seen.checkout.version)?)
            .build()
            .map_err(incomplete)?;
        let mut writes = vec![TransactWriteItem::builder().update(update).build()];
        if work != seen.work.as_ref() {
            writes.push(match work {
                Some(work) => {
                    self.put(item::to_item(&WorkItem::new(order.id, order.terms.src_chain, work.clone()))?)?
                }
                None => self.delete(order.id, WORK_SORT_KEY)?,
            });
        }
        for page in changed_pages(&seen.on_chain, facts) {
            let facts = facts.chunks(FACTS_PER_PAGE).nth(page);
            writes.push(match facts {
                Some(facts) => self.put(item::to_item(&OnChainPage::new(order.id, page, facts))?)?,
                None => self.delete(order.id, &OnChainPage::sort_key(page))?,
            });
        }
        Ok(writes)
    }

    fn put(&self, stored: item::Item) -> Result<TransactWriteItem, DependencyError> {
        let put =
            Put::builder().table_name(&self.table).set_item(Some(stored)).build().map_err(incomplete)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    fn delete(&self, order: OrderId, sort_key: &str) -> Result<TransactWriteItem, DependencyError> {
        let delete = Delete::builder()
            .table_name(&self.table)
            .key("pk", string(partition(order)))
            .key("sk", string(sort_key))
            .build()
            .map_err(incomplete)?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }
}

/// The pages that differ, by their number.
fn changed_pages(before: &[ChainFact], after: &[ChainFact]) -> Vec<usize> {
    let mut old = before.chunks(FACTS_PER_PAGE);
    let mut new = after.chunks(FACTS_PER_PAGE);
    let pages = before.len().max(after.len()).div_ceil(FACTS_PER_PAGE);
    (0..pages).filter(|_| old.next() != new.next()).collect()
}

/// The beginning of an observation, if all of it is too much for one write: up to the block in which the last page that
/// fits begins.
///
/// `None` if it fits, or if no block boundary makes it fit. The write is then tried as it is, and what DynamoDB refuses
/// of it is an error of this order alone.
fn first_piece(observation: &ChainObservation, known: &[ChainFact]) -> Option<ChainObservation> {
    let facts = observation.beside(known);
    let last_page = *changed_pages(known, &facts).get(PAGES_PER_WRITE)?;
    let block = facts.get(last_page * FACTS_PER_PAGE)?.block;
    let until = observation.facts.iter().map(|fact| fact.block).filter(|other| *other < block).max()?;
    let piece = observation.until(until);
    let is_smaller =
        piece.beside(known) != known && changed_pages(known, &piece.beside(known)).len() <= PAGES_PER_WRITE;
    is_smaller.then_some(piece)
}

//! Recording what the chain shows of an order: it replaces what the chain showed before, in one conditional write.

use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem, Update};

use crate::amount::Amount;
use crate::chain_fact::{ChainFact, ChainTotals};
use crate::checkout::Checkout;
use crate::id::OrderId;
use crate::ledger::Ledger;
use crate::order::{Order, OrderStatus};
use crate::time::Timestamp;

use super::idempotency::incomplete;
use super::item::{self, CHECKOUT_SORT_KEY, OnChainPage, WatchAttributes, partition, string, to_attribute};
use super::read::Snapshot;
use super::record_event::valid_for;
use super::retry::{AttemptError, until_settled};
use super::transact::Committed;
use super::watch::{Attention, is_over, watch_attributes};
use super::{CheckoutRecord, Store, StoreError};

/// How many facts share an item: some 50 KB. Old pages stay as they are while new facts come, so that somebody who sends
/// thousands of tiny deposits makes us write little more than those.
const FACTS_PER_PAGE: usize = 200;

/// What a chain shows of an order.
#[derive(Debug, Clone)]
pub struct Sighting {
    /// The first block that was read.
    pub from_block: u64,
    /// The last one.
    pub to_block: u64,
    /// The last block that is not expected ever to be replaced. As long as the chain shows something after it, the
    /// order is looked at again each time: what vanishes leaves nothing behind that would bring the order back.
    pub firm_block: u64,
    /// The block from which the chain is to be read next time, where that is not before `from_block`. Well below what is
    /// firm: should that be replaced all the same, the next look at the order still finds out.
    pub reread_from: u64,
    /// Everything that concerns the order between them. What was known of blocks before them stays.
    pub facts: Vec<ChainFact>,
    /// Whether somebody here forwards what was paid. Otherwise a stranger does, and his sweep is seen by itself.
    pub settles: bool,
}

/// What came of recording a sighting.
#[derive(Debug)]
pub enum Observation {
    /// The order as it stands now, and how much attention it needs from here on; `None` where it needs none.
    Observed(Box<CheckoutRecord>, Option<Attention>),
    /// A later sighting is recorded already, of a node that is further on.
    Outdated,
    /// There is no such order, or its chain is not watched for it.
    NotWatched,
}

/// What is known of a watched order before it is looked at again.
#[derive(Debug, Clone)]
pub struct Watched {
    /// The order.
    pub order: Order,
    /// The block from which on the chain is to be read again for it; `None` until something was seen.
    pub from_block: Option<u64>,
    /// What the chain showed so far.
    pub facts: Vec<ChainFact>,
}

impl Sighting {
    /// All that is known of the order with it: what it read replaces what was known of these blocks.
    fn beside(&self, known: &[ChainFact]) -> Vec<ChainFact> {
        let before = known.iter().filter(|fact| fact.block < self.from_block).cloned();
        before.chain(self.facts.iter().cloned()).collect()
    }

    /// From where the chain is to be read next time: not from the order's beginning, which may be a day ago.
    fn next_from(&self) -> u64 {
        self.from_block.max(self.reread_from)
    }

    /// How much attention the order needs; `None` where it needs none any more.
    fn attention(
        &self,
        checkout: &Checkout,
        order: &Order,
        facts: &[ChainFact],
        now: Timestamp,
    ) -> Option<Attention> {
        let totals = ChainTotals::of(facts, &[], checkout.deadline);
        // What the token refuses to forward stays where it is, until somebody sees to it.
        let is_to_be_swept =
            self.settles && totals.unswept() > Amount::ZERO && checkout.ledger.settlement_failure.is_none();
        let is_open = match checkout.order_status(order, now) {
            OrderStatus::WaitingStripePayment | OrderStatus::ScanningDepositTransaction => true,
            OrderStatus::Executing
            | OrderStatus::Relay
            | OrderStatus::Executed
            | OrderStatus::Refunding
            | OrderStatus::Refunded
            | OrderStatus::Failure
            | OrderStatus::Expired => false,
        };
        if facts.iter().any(|fact| fact.block > self.firm_block) || (is_to_be_swept && !is_open) {
            Some(Attention::Busy)
        } else if is_to_be_swept {
            Some(Attention::Short)
        } else {
            (!is_over(order.created_at, now)).then_some(Attention::Idle)
        }
    }
}

impl Store {
    /// A watched order; `None` where it is not, or no longer, watched.
    pub async fn watched(&self, order: OrderId) -> Result<Option<Watched>, StoreError> {
        until_settled(|| async {
            let Some(snapshot) = self.snapshot(order).await? else {
                return Ok(None);
            };
            let order = snapshot.checkout.order.filter(|order| order.is_watched);
            let (from_block, facts) = (snapshot.watched_from, snapshot.on_chain);
            Ok(order.map(|order| Watched { order, from_block, facts }))
        })
        .await
    }

    /// Records a sighting of an order.
    ///
    /// As with a reported event, `clock` is read anew at each attempt, and what is judged by it is not sent later.
    pub async fn observe(
        &self,
        order: OrderId,
        sighting: &Sighting,
        clock: impl Fn() -> Timestamp + Sync,
    ) -> Result<Observation, StoreError> {
        until_settled(|| async {
            let Some(mut snapshot) = self.snapshot(order).await? else {
                return Ok(Observation::NotWatched);
            };
            let Some(terms) = snapshot.checkout.order.clone().filter(|order| order.is_watched) else {
                return Ok(Observation::NotWatched);
            };
            if snapshot.observed_block > Some(sighting.to_block) {
                return Ok(Observation::Outdated);
            }
            let now = clock();
            let facts = sighting.beside(&snapshot.on_chain);
            let ledger = snapshot.checkout.observe(&terms, &snapshot.reported, &facts, now);
            let after = Checkout { ledger: ledger.clone(), ..snapshot.checkout.clone() };
            let attention = sighting.attention(&after, &terms, &facts, now);
            let deadline = snapshot.checkout.deadline;
            let watch = attention.map(|attention| watch_attributes(&terms, attention, deadline));
            let is_news =
                ledger != snapshot.checkout.ledger || facts != snapshot.on_chain || watch != snapshot.watch;
            if is_news {
                let writes = self.observation(order, &snapshot, sighting, &facts, &ledger, watch.as_ref())?;
                let time = valid_for(&snapshot.checkout, now);
                if let Committed::Refused(_) = self.transact_once(time, writes).await? {
                    return Err(AttemptError::Contended("the order changed meanwhile".to_owned()));
                }
                snapshot.checkout.ledger = ledger;
                snapshot.checkout.version += 1;
                snapshot.on_chain = facts;
            }
            Ok(Observation::Observed(Box::new(snapshot.into_record()), attention))
        })
        .await
    }

    /// The writes that replace what the chain showed before. All fail where anything was recorded since the read.
    fn observation(
        &self,
        order: OrderId,
        seen: &Snapshot,
        sighting: &Sighting,
        facts: &[ChainFact],
        ledger: &Ledger,
        watch: Option<&WatchAttributes>,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let set = "SET ledger = :ledger, version = :next, watched_from = :from, observed_block = :block";
        let update = Update::builder()
            .table_name(&self.table)
            .key("pk", string(partition(order)))
            .key("sk", string(CHECKOUT_SORT_KEY))
            .condition_expression("version = :seen")
            .expression_attribute_values(":ledger", to_attribute(ledger)?)
            .expression_attribute_values(":next", to_attribute(&(seen.checkout.version + 1))?)
            .expression_attribute_values(":from", to_attribute(&sighting.next_from())?)
            .expression_attribute_values(":block", to_attribute(&sighting.to_block)?)
            .expression_attribute_values(":seen", to_attribute(&seen.checkout.version)?);
        let update = match watch {
            Some(watch) => update
                .update_expression(format!(
                    "{set}, watch_shard = :shard, watch_order = :order, watch_address = :address"
                ))
                .expression_attribute_values(":shard", string(&watch.shard))
                .expression_attribute_values(":order", string(&watch.order))
                .expression_attribute_values(":address", string(&watch.address)),
            None => update.update_expression(format!("{set} REMOVE watch_shard, watch_order, watch_address")),
        };
        let update = update.build().map_err(incomplete)?;
        let mut writes = vec![TransactWriteItem::builder().update(update).build()];

        let before: Vec<&[ChainFact]> = seen.on_chain.chunks(FACTS_PER_PAGE).collect();
        let after: Vec<&[ChainFact]> = facts.chunks(FACTS_PER_PAGE).collect();
        for (page, facts) in after.iter().enumerate().filter(|(page, facts)| before.get(*page) != Some(facts))
        {
            let stored = item::to_item(&OnChainPage::new(order, page, facts))?;
            let put = Put::builder().table_name(&self.table).set_item(Some(stored));
            writes.push(TransactWriteItem::builder().put(put.build().map_err(incomplete)?).build());
        }
        for page in after.len()..before.len() {
            let delete = Delete::builder()
                .table_name(&self.table)
                .key("pk", string(partition(order)))
                .key("sk", string(OnChainPage::sort_key(page)));
            writes.push(TransactWriteItem::builder().delete(delete.build().map_err(incomplete)?).build());
        }
        Ok(writes)
    }
}

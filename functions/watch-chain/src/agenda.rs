//! Which orders a step looks at, when there are more than it has time for.
//!
//! Anybody can pay one unit each to thousands of orders. A step that had to look at all of them would never end in
//! time, the cursor would stand still for good, and with it everybody's payments. So a step looks at some, those first
//! that it has not looked at for longest, and the cursor waits until each log that was read has been looked at once.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use alloy_primitives::B256;
use checkout::id::OrderId;
use evm::log::Place;

/// Where the logs of a scan stand, for each order that they are of.
pub(crate) type Hits = BTreeMap<OrderId, BTreeSet<Spot>>;

/// A log's block and transaction. The block's hash, and not its number: after a reorganisation it is another log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Spot {
    block: B256,
    transaction: B256,
}

impl From<Place> for Spot {
    fn from(place: Place) -> Self {
        Self { block: place.block_hash, transaction: place.transaction_hash }
    }
}

/// What was looked at, and when. It outlives a run: what was recorded then is recorded still.
#[derive(Debug)]
pub(crate) struct Agenda {
    most: usize,
    turn: u64,
    looks: HashMap<OrderId, Look>,
}

#[derive(Debug)]
struct Look {
    turn: u64,
    /// The logs that it knew of.
    spots: BTreeSet<Spot>,
}

impl Agenda {
    /// For steps that look at so many orders at most.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, turn: 0, looks: HashMap::new() }
    }

    /// What the next step looks at: of what is due, what was never looked at or not for longest.
    pub(crate) fn next(&self, due: BTreeSet<OrderId>) -> BTreeSet<OrderId> {
        if due.len() <= self.most {
            return due;
        }
        let mut due: Vec<OrderId> = due.into_iter().collect();
        due.sort_by_key(|order| self.looks.get(order).map(|look| look.turn));
        due.truncate(self.most);
        due.into_iter().collect()
    }

    /// Notes that a step has looked at these orders, and knew of these logs.
    pub(crate) fn note(&mut self, orders: &BTreeSet<OrderId>, hits: &Hits) {
        self.turn += 1;
        for order in orders {
            let spots = hits.get(order).cloned().unwrap_or_default();
            self.looks.insert(*order, Look { turn: self.turn, spots });
        }
    }

    /// Whether each of these logs was known when its order was last looked at.
    pub(crate) fn has_seen(&self, hits: &Hits) -> bool {
        hits.iter()
            .all(|(order, spots)| self.looks.get(order).is_some_and(|look| spots.is_subset(&look.spots)))
    }

    /// Forgets all orders but these.
    pub(crate) fn retain(&mut self, watched: &BTreeSet<OrderId>) {
        self.looks.retain(|order, _| watched.contains(order));
    }
}

#[cfg(test)]
mod tests {
    use checkout::id::SessionId;

    use super::*;

    fn orders(count: usize) -> BTreeSet<OrderId> {
        std::iter::repeat_with(|| SessionId::random().order()).take(count).collect()
    }

    fn hits(orders: &BTreeSet<OrderId>, block: u8) -> Hits {
        let spot = Spot { block: B256::repeat_byte(block), transaction: B256::ZERO };
        orders.iter().map(|order| (*order, BTreeSet::from([spot]))).collect()
    }

    #[test]
    fn everything_gets_its_turn_before_anything_gets_another() {
        let due = orders(10);
        let mut agenda = Agenda::new(4);
        let mut seen = BTreeSet::new();
        for count in [4, 8, 10] {
            let next = agenda.next(due.clone());
            assert_eq!(next.len(), 4);
            agenda.note(&next, &Hits::new());
            seen.extend(next);
            assert_eq!(seen.len(), count);
        }
    }

    #[test]
    fn what_was_never_looked_at_comes_first() {
        let mut due = orders(10);
        let mut agenda = Agenda::new(4);
        agenda.note(&due, &Hits::new());
        let new = orders(1);
        due.extend(&new);
        assert!(agenda.next(due).is_superset(&new));
    }

    #[test]
    fn logs_are_seen_once_their_orders_were_looked_at_with_them() {
        let due = orders(6);
        let hits_before = hits(&due, 1);
        let mut agenda = Agenda::new(4);
        agenda.note(&agenda.next(due.clone()), &hits_before);
        assert!(!agenda.has_seen(&hits_before));
        agenda.note(&agenda.next(due.clone()), &hits_before);
        assert!(agenda.has_seen(&hits_before));
        // The same payments in other blocks.
        assert!(!agenda.has_seen(&hits(&due, 2)));
        agenda.retain(&orders(1));
        assert!(!agenda.has_seen(&hits_before));
    }
}

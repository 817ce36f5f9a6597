//! The backlog: which orders a step processes, if there are more than it has time for.
//!
//! Anybody can pay one unit each to thousands of orders. A step that had to process all of them would never end in
//! time, and the cursor would never move. So a step processes a bounded number, those first that it has not visited for
//! longest, and the cursor waits until each matched log was part of a visit once.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use alloy_primitives::B256;
use domain::id::OrderId;
use evm::log::LogPosition;

/// The logs that a scan found, for each order that they concern.
pub(crate) type MatchedLogs = BTreeMap<OrderId, BTreeSet<LogId>>;

/// How many visits are remembered. With more, all are forgotten, and logs in the overlap are visited once more.
const MOST_REMEMBERED: usize = 100_000;

/// A log's block and transaction. It holds the block's hash and not its number: after a reorganisation the same
/// transaction in another block is another log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LogId {
    block: B256,
    transaction: B256,
}

impl From<LogPosition> for LogId {
    fn from(position: LogPosition) -> Self {
        Self { block: position.block_hash, transaction: position.transaction_hash }
    }
}

/// Which orders were visited in which round. It outlives a run: what was recorded then is recorded still.
#[derive(Debug)]
pub(crate) struct Backlog {
    most: usize,
    round: u64,
    visits: HashMap<OrderId, Visit>,
}

#[derive(Debug)]
struct Visit {
    round: u64,
    /// The logs that it included.
    logs: BTreeSet<LogId>,
}

impl Backlog {
    /// A backlog for steps that visit at most so many orders.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, round: 0, visits: HashMap::new() }
    }

    /// The most orders that a step visits.
    pub(crate) fn most(&self) -> usize {
        self.most
    }

    /// Chooses what the next step visits: orders with a log that no visit included, and orders with work that is due.
    /// If these are too many, those come first that were never visited, or not for longest.
    pub(crate) fn next(
        &self,
        due: impl IntoIterator<Item = OrderId>,
        matched: &MatchedLogs,
    ) -> BTreeSet<OrderId> {
        let unseen = matched.iter().filter(|(order, logs)| !self.includes(order, logs));
        let mut orders: BTreeSet<OrderId> = unseen.map(|(order, _)| *order).collect();
        orders.extend(due);
        if orders.len() <= self.most {
            return orders;
        }
        let mut orders: Vec<OrderId> = orders.into_iter().collect();
        orders.sort_by_key(|order| self.visits.get(order).map(|visit| visit.round));
        orders.truncate(self.most);
        orders.into_iter().collect()
    }

    /// Notes that a step has visited these orders, with these logs.
    pub(crate) fn note(&mut self, orders: &BTreeSet<OrderId>, matched: &MatchedLogs) {
        if self.visits.len() > MOST_REMEMBERED {
            self.visits.clear();
        }
        self.round += 1;
        for order in orders {
            let logs = matched.get(order).cloned().unwrap_or_default();
            self.visits.insert(*order, Visit { round: self.round, logs });
        }
    }

    /// Whether one of an order's logs was not part of its last visit.
    pub(crate) fn has_unseen(&self, order: &OrderId, matched: &MatchedLogs) -> bool {
        matched.get(order).is_some_and(|logs| !self.includes(order, logs))
    }

    /// Whether each of these logs was part of its order's last visit.
    pub(crate) fn has_seen(&self, matched: &MatchedLogs) -> bool {
        matched.iter().all(|(order, logs)| self.includes(order, logs))
    }

    fn includes(&self, order: &OrderId, logs: &BTreeSet<LogId>) -> bool {
        self.visits.get(order).is_some_and(|visit| logs.is_subset(&visit.logs))
    }
}

#[cfg(test)]
mod tests {

    use super::*;

    fn orders(count: usize) -> BTreeSet<OrderId> {
        std::iter::repeat_with(|| runtime::random::session_id().order()).take(count).collect()
    }

    fn matched(orders: &BTreeSet<OrderId>, block: u8) -> MatchedLogs {
        let log = LogId { block: B256::repeat_byte(block), transaction: B256::ZERO };
        orders.iter().map(|order| (*order, BTreeSet::from([log]))).collect()
    }

    #[test]
    fn every_order_is_visited_before_any_is_visited_again() {
        let due = orders(10);
        let mut backlog = Backlog::new(4);
        let mut seen = BTreeSet::new();
        for count in [4, 8, 10] {
            let next = backlog.next(due.clone(), &MatchedLogs::new());
            assert_eq!(next.len(), 4);
            backlog.note(&next, &MatchedLogs::new());
            seen.extend(next);
            assert_eq!(seen.len(), count);
        }
    }

    #[test]
    fn an_order_that_was_never_visited_comes_first() {
        let mut due = orders(10);
        let mut backlog = Backlog::new(4);
        backlog.note(&due, &MatchedLogs::new());
        let new = orders(1);
        due.extend(&new);
        assert!(backlog.next(due, &MatchedLogs::new()).is_superset(&new));
    }

    #[test]
    fn a_log_that_a_visit_included_needs_no_other() {
        let orders = orders(3);
        let logs = matched(&orders, 1);
        let mut backlog = Backlog::new(10);
        assert_eq!(backlog.next([], &logs), orders);
        backlog.note(&orders, &logs);
        assert!(backlog.next([], &logs).is_empty());
        // The same transactions in another block.
        assert_eq!(backlog.next([], &matched(&orders, 2)), orders);
    }

    #[test]
    fn logs_are_seen_once_their_orders_were_visited_with_them() {
        let due = orders(6);
        let before = matched(&due, 1);
        let mut backlog = Backlog::new(4);
        backlog.note(&backlog.next(due.clone(), &before), &before);
        assert!(!backlog.has_seen(&before));
        backlog.note(&backlog.next(due.clone(), &before), &before);
        assert!(backlog.has_seen(&before));
        assert!(!backlog.has_seen(&matched(&due, 2)));
    }
}

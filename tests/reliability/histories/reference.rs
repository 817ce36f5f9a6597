//! What a session is supposed to do, as one small sequential machine: the contract once more,
//! independent of the service's own code.
//!
//! Where clocks differ the contract leaves room: within their bound of the deadline a call may be
//! judged either way. So a step leads to every state that its answer allows, or to none.

use std::collections::BTreeMap;

use domain::time::{CLOCK_SKEW_BOUND_MS, Timestamp};

use super::history::{CHEAP, Call, Fact, Operation, Outcome, Sight};
use super::world::FARTHEST;

/// What a deposit must come to.
pub(super) const PRICE: u32 = 1_000_000;

/// What the one refund returns.
pub(super) const REFUND: u32 = 1;

/// A session and its order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own; any combination can be true")]
pub(super) struct Reference {
    linked: bool,
    called_off: bool,
    /// A client has been told that the deadline is over.
    seen_over: bool,
    deposits: BTreeMap<u8, u32>,
    relayed: bool,
    executed: bool,
    refunded: bool,
    failed: bool,
    cards: BTreeMap<u8, Card>,
    /// Paid in time.
    paid: bool,
    ended: Option<End>,
    keys: BTreeMap<(Endpoint, u8), Remembered>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum End {
    Complete,
    Expired,
}

/// A card payment that was charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Card {
    standing: Standing,
    refunded: bool,
}

/// What it means, decided when it is first known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Standing {
    Counts,
    Late,
    Surplus,
}

/// Keys of different endpoints are apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Endpoint {
    Link,
    Expire,
    Report,
}

/// The first call under a key, with what it was told, where anybody heard that.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Remembered {
    operation: Operation,
    sight: Option<Sight>,
}

/// What the clocks may show while a call is judged.
#[derive(Debug, Clone, Copy)]
struct Instant {
    /// The deadline is over.
    over: bool,
    /// It is over, or will be within the bound.
    late: bool,
}

/// How a call may be judged at a session with this deadline, if it happens by `latest`; `None` is any time.
fn instants(call: &Call, latest: Option<Timestamp>, deadline: Timestamp) -> Vec<Instant> {
    let deadline = deadline.as_millis();
    let slowest = call.start.as_millis() - FARTHEST;
    let fastest = latest.map_or(i64::MAX / 2, |latest| latest.as_millis() + FARTHEST);
    let mut possible = Vec::new();
    if slowest + CLOCK_SKEW_BOUND_MS < deadline {
        possible.push(Instant { over: false, late: false });
    }
    if slowest < deadline && fastest + CLOCK_SKEW_BOUND_MS >= deadline {
        possible.push(Instant { over: false, late: true });
    }
    if fastest >= deadline {
        possible.push(Instant { over: true, late: true });
    }
    possible
}

impl Reference {
    /// Every state that a call can lead to, if it happens now, by `latest`, and is answered as it was.
    pub(super) fn steps(&self, call: &Call, latest: Option<Timestamp>, deadline: Timestamp) -> Vec<Self> {
        instants(call, latest, deadline).into_iter().filter_map(|at| self.step(call, at)).collect()
    }

    fn step(&self, call: &Call, at: Instant) -> Option<Self> {
        let operation = call.operation;
        let endpoint = match operation {
            Operation::GetSession | Operation::GetSessionWithOrder | Operation::GetOrder => {
                return self.read(operation, &call.outcome, at);
            }
            Operation::Link(_) => Endpoint::Link,
            Operation::Expire => Endpoint::Expire,
            Operation::Report(_) => Endpoint::Report,
        };
        let remembered = call.key.and_then(|key| self.keys.get(&(endpoint, key)));
        if let Some(first) = remembered {
            return self.repeat(first, operation, &call.outcome);
        }
        let (mut next, told) = match operation {
            Operation::Link(variant) => self.link(variant, at),
            Operation::Expire => self.expire(at),
            Operation::Report(fact) => self.report(fact, at),
            Operation::GetSession | Operation::GetSessionWithOrder | Operation::GetOrder => return None,
        };
        let heard = call.outcome != Outcome::Unavailable;
        if heard && told != call.outcome {
            return None;
        }
        let took_effect =
            matches!(told, Outcome::Linked { .. } | Outcome::Expired { .. } | Outcome::Recorded { .. });
        if let Some(key) = call.key.filter(|_| took_effect) {
            let sight =
                if let Outcome::Recorded { sight, .. } = told { heard.then_some(sight) } else { None };
            next.keys.insert((endpoint, key), Remembered { operation, sight });
        }
        Some(next)
    }

    fn read(&self, operation: Operation, told: &Outcome, at: Instant) -> Option<Self> {
        let shows = if operation == Operation::GetOrder {
            if self.linked { Outcome::Seen(self.order_sight(at)) } else { Outcome::NoOrder }
        } else {
            let with_order = self.linked && operation == Operation::GetSessionWithOrder;
            Outcome::Seen(Sight {
                session: Some(self.session_status(at).to_owned()),
                has_order: Some(self.linked),
                ..if with_order { self.order_sight(at) } else { Sight::default() }
            })
        };
        if *told == Outcome::Unavailable {
            // A read that failed changes nothing.
            return Some(self.clone());
        }
        (*told == shows).then(|| self.witnessed(at))
    }

    fn order_sight(&self, at: Instant) -> Sight {
        let cards = self
            .cards
            .iter()
            .map(|(intent, card)| (*intent, card.standing == Standing::Counts, card.refunded));
        Sight {
            order: Some(self.order_status(at).to_owned()),
            deposits: Some(self.deposits.iter().map(|(hash, amount)| (*hash, *amount)).collect()),
            cards: Some(cards.collect()),
            ..Sight::default()
        }
    }

    /// The same, for a client that is told what the clock shows.
    fn witnessed(&self, at: Instant) -> Self {
        Self { seen_over: self.seen_over || at.over, ..self.clone() }
    }

    fn repeat(&self, first: &Remembered, operation: Operation, told: &Outcome) -> Option<Self> {
        let same = first.operation == operation;
        let right = match told {
            Outcome::Unavailable => true,
            Outcome::KeyConflict => !same,
            Outcome::Linked { replayed } | Outcome::Expired { replayed } => same && *replayed,
            Outcome::Recorded { replayed, sight } => {
                same && *replayed && first.sight.as_ref().is_none_or(|first| first == sight)
            }
            Outcome::Seen(_)
            | Outcome::AlreadyLinked
            | Outcome::NotOpen
            | Outcome::TermsMismatch
            | Outcome::NoOrder => false,
        };
        right.then(|| self.clone())
    }

    fn is_open(&self, at: Instant) -> bool {
        self.session_status(at) == "open"
    }

    /// An order is judged when it is sent, and may arrive when a fast clock has passed the deadline:
    /// it moves no status, and cannot be paid any more.
    fn link(&self, variant: u8, at: Instant) -> (Self, Outcome) {
        if !self.is_open(at) {
            (self.witnessed(at), Outcome::NotOpen)
        } else if self.linked {
            (self.clone(), Outcome::AlreadyLinked)
        } else if at.late {
            (self.clone(), Outcome::NotOpen)
        } else if variant == CHEAP {
            (self.clone(), Outcome::TermsMismatch)
        } else {
            (Self { linked: true, ..self.clone() }, Outcome::Linked { replayed: false })
        }
    }

    fn expire(&self, at: Instant) -> (Self, Outcome) {
        if self.is_open(at) {
            (Self { called_off: true, ..self.clone() }, Outcome::Expired { replayed: false })
        } else {
            (self.witnessed(at), Outcome::NotOpen)
        }
    }

    fn report(&self, fact: Fact, at: Instant) -> (Self, Outcome) {
        if !self.linked {
            return (self.clone(), Outcome::NoOrder);
        }
        let mut next = self.clone();
        let in_time = !at.late && !self.seen_over && !self.called_off;
        match fact {
            Fact::Deposit { hash, amount } => {
                let known = next.deposits.entry(hash).or_default();
                *known = amount.max(*known);
            }
            Fact::Relay => next.relayed = true,
            Fact::Execution => next.executed = true,
            Fact::Failure => next.failed = true,
            Fact::Refund => next.refunded = true,
            Fact::Card { intent, refunded } => {
                let standing = self.standing(in_time);
                let card = next.cards.entry(intent).or_insert(Card { standing, refunded });
                card.refunded |= refunded;
            }
        }
        if in_time && next.deposits.values().sum::<u32>() >= PRICE {
            next.paid = true;
        }
        if next.ended.is_none() {
            if (next.executed && (next.paid || in_time)) || next.is_paid_by_card() {
                next.ended = Some(End::Complete);
            } else if next.is_refunded() || next.failed {
                next.ended = Some(End::Expired);
            }
        }
        let next = next.witnessed(at);
        let sight = next.order_sight(at);
        (next, Outcome::Recorded { replayed: false, sight })
    }

    /// What a card payment means that is known from now on.
    fn standing(&self, in_time: bool) -> Standing {
        let is_paid = self.deposits.values().sum::<u32>() >= PRICE;
        if self.executed || is_paid || self.is_paid_by_card() {
            Standing::Surplus
        } else if in_time && self.ended.is_none() {
            Standing::Counts
        } else {
            Standing::Late
        }
    }

    fn is_paid_by_card(&self) -> bool {
        self.cards.values().any(|card| card.standing == Standing::Counts)
    }

    fn late_cards(&self) -> impl Iterator<Item = &Card> {
        self.cards.values().filter(|card| card.standing == Standing::Late)
    }

    fn session_status(&self, at: Instant) -> &'static str {
        match self.ended {
            Some(End::Complete) => "complete",
            Some(End::Expired) => "expired",
            None if self.paid => "processing",
            None if self.called_off || at.over => "expired",
            None => "open",
        }
    }

    /// Whether something was refunded, and what is left does not pay the order.
    fn is_refunded(&self) -> bool {
        let received: u32 = self.deposits.values().sum();
        self.refunded && received.saturating_sub(REFUND) < PRICE
    }

    fn order_status(&self, at: Instant) -> &'static str {
        let has_deposit = self.deposits.values().any(|amount| *amount > 0);
        let has_late_card = self.late_cards().any(|card| !card.refunded);
        let is_late_card_returned = self.late_cards().count() > 0 && !has_late_card;
        if self.executed || self.is_paid_by_card() {
            "executed"
        } else if self.is_refunded() || (is_late_card_returned && !has_deposit) {
            "refunded"
        } else if self.failed {
            "failure"
        } else if self.paid {
            if self.relayed { "relay" } else { "executing" }
        } else if self.called_off || at.over {
            if has_deposit || has_late_card { "refunding" } else { "expired" }
        } else {
            "scanning_deposit_transaction"
        }
    }
}

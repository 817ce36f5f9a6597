//! What happened to one session: every call with its answer, and when.

use std::fmt;

use domain::time::Timestamp;
use harness::Answer;
use serde_json::Value;

use super::reference::PRICE;

/// A call and its outcome.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) operation: Operation,
    /// Its idempotency key, if it has one; keys of different operations are apart.
    pub(super) key: Option<u8>,
    /// When it was sent, in true time.
    pub(super) start: Timestamp,
    /// When it was answered.
    pub(super) end: Timestamp,
    pub(super) outcome: Outcome,
    /// Who called, and on which instance.
    pub(super) client: usize,
    pub(super) instance: usize,
}

/// What is asked of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Operation {
    GetSession,
    GetSessionWithOrder,
    GetOrder,
    /// Links an order of this variant; another one is another body. [`CHEAP`] does not pay the session's price.
    Link(u8),
    Expire,
    Report(Fact),
}

/// The variant of an order that asks for less than the price.
pub(super) const CHEAP: u8 = 2;

/// A fact about the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Fact {
    Deposit {
        hash: u8,
        amount: u32,
    },
    Relay,
    Execution,
    Failure,
    Refund,
    /// What a look at Stripe shows of a card payment that was charged in time: whether it was given back. No route reports
    /// it; functions record it themselves.
    Card {
        intent: u8,
        refunded: bool,
    },
}

/// What the caller was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    Seen(Sight),
    Linked {
        replayed: bool,
    },
    Expired {
        replayed: bool,
    },
    Recorded {
        replayed: bool,
        sight: Sight,
    },
    /// 409 `session_already_has_order`.
    AlreadyLinked,
    /// 400 `invalid_status_transition`.
    NotOpen,
    /// 400 `order_terms_mismatch`.
    TermsMismatch,
    /// 404.
    NoOrder,
    /// 409 `idempotency_conflict`.
    KeyConflict,
    /// 503: it may have happened, and may yet happen.
    Unavailable,
}

/// What an answer shows.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Sight {
    pub(super) session: Option<String>,
    pub(super) has_order: Option<bool>,
    pub(super) order: Option<String>,
    /// Hash and amount of each deposit, in the order of their hashes.
    pub(super) deposits: Option<Vec<(u8, u32)>>,
    /// Of each card payment, in the order of their intents: whether it counts, and whether it was given back.
    pub(super) cards: Option<Vec<(u8, bool, bool)>>,
}

impl Operation {
    /// Reads an answer to this operation. `order` is the id that every answer must name.
    pub(super) fn read(self, answer: &Answer, order: &str) -> Outcome {
        if answer.status == 503 {
            return Outcome::Unavailable;
        }
        let replayed = answer.is_replay();
        if answer.status != 200 {
            return match answer.failure() {
                (409, "session_already_has_order", _) => {
                    assert_eq!(answer.body["error"]["order_id"], order, "two orders at one session");
                    Outcome::AlreadyLinked
                }
                (400, "invalid_status_transition", _) => Outcome::NotOpen,
                (400, "order_terms_mismatch", Some("srcAmount")) => Outcome::TermsMismatch,
                (404, "resource_not_found", _) => Outcome::NoOrder,
                (409, "idempotency_conflict", _) => Outcome::KeyConflict,
                other => panic!("no answer to {self:?}: {other:?} {}", answer.text),
            };
        }
        let data = answer.ok();
        match self {
            Self::GetSession => Outcome::Seen(session_sight(data, order)),
            Self::GetSessionWithOrder => {
                let session = session_sight(data, order);
                let record = &data["order"];
                assert_eq!(record.is_null(), session.has_order == Some(false), "{data}");
                let shown = if record.is_null() { Sight::default() } else { order_sight(record, order) };
                Outcome::Seen(Sight { session: session.session, has_order: session.has_order, ..shown })
            }
            Self::GetOrder => Outcome::Seen(order_sight(data, order)),
            Self::Link(_) => {
                assert_eq!(data["id"], order, "two orders at one session");
                assert_eq!(data["srcAmount"], PRICE.to_string(), "an order that does not pay the price");
                Outcome::Linked { replayed }
            }
            Self::Expire => {
                assert_eq!(data["status"], "expired");
                Outcome::Expired { replayed }
            }
            Self::Report(_) => Outcome::Recorded { replayed, sight: order_sight(data, order) },
        }
    }

    /// Whether it is a request, which may have an idempotency key.
    pub(super) fn has_route(self) -> bool {
        !matches!(self, Self::Report(Fact::Card { .. }))
    }

    pub(super) fn is_read(self) -> bool {
        match self {
            Self::GetSession | Self::GetSessionWithOrder | Self::GetOrder => true,
            Self::Link(_) | Self::Expire | Self::Report(_) => false,
        }
    }
}

fn session_sight(session: &Value, order: &str) -> Sight {
    let linked = &session["order_id"];
    assert!(linked.is_null() || linked == order, "two orders at one session: {session}");
    Sight {
        session: session["status"].as_str().map(ToOwned::to_owned),
        has_order: Some(!linked.is_null()),
        ..Sight::default()
    }
}

pub(super) fn order_sight(record: &Value, order: &str) -> Sight {
    assert_eq!(record["order"]["id"], order);
    let mut deposits: Vec<(u8, u32)> = record["depositTxs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|deposit| {
            let hash = deposit["txHash"].as_str().unwrap().trim_start_matches("0x");
            (hash.parse().unwrap(), deposit["amount"].as_str().unwrap().parse().unwrap())
        })
        .collect();
    deposits.sort_unstable();
    let mut cards: Vec<(u8, bool, bool)> = record["cardPayments"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|payment| {
            let intent = payment["paymentIntentId"].as_str().unwrap().trim_start_matches("pi_");
            let refunded = payment["refundedAmount"].as_u64().unwrap() > 0;
            (intent.parse().unwrap(), payment["counts"].as_bool().unwrap(), refunded)
        })
        .collect();
    cards.sort_unstable();
    Sight {
        order: record["order"]["status"].as_str().map(ToOwned::to_owned),
        deposits: Some(deposits),
        cards: Some(cards),
        ..Sight::default()
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operation, key, start, end, outcome, client, instance } = self;
        let (start, end) = (start.as_millis() % 1_000_000, end.as_millis() % 1_000_000);
        write!(f, "{start:>6}..{end:>6} client {client} at {instance}: {operation:?}")?;
        if let Some(key) = key {
            write!(f, " with key {key}")?;
        }
        write!(f, " → {outcome:?}")
    }
}

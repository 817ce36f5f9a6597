//! Payment events: facts about the money that a payment processor reports.
//!
//! Facts arrive late, twice and in any order. Each kind therefore has a rule for two
//! reports of one transaction that does not ask which came first ([`Transaction::merge`]):
//! any permutation and any duplication of the same facts ends in the same order.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use crate::amount::Amount;
use crate::card::CardPayment;
use crate::invalid::Invalid;
use crate::json_object::JsonObject;
use crate::order::ChainId;
use crate::text::Text;
use crate::time::Timestamp;

/// A reported fact (docs/api.md, *Order events*).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaymentEvent {
    /// `deposit.detected`, `relay.updated`, `order.executed` and `refund.updated`: a
    /// transaction is known.
    Transaction(Transaction),
    /// `order.failed`: the settlement failed, and why.
    OrderFailed(Text<4096>),
    /// A look at a card payment. No route reports one: the service itself asks Stripe.
    Card(CardPayment),
}

/// A transaction's hash: 1 to 128 of `[0-9A-Za-z]`; not every chain's is `0x` and 64 hex
/// digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TxHash(String);

impl TxHash {
    /// Takes the hash where every character is allowed.
    pub fn parse(text: String) -> Result<Self, Invalid> {
        if (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric()) {
            Ok(Self(text))
        } else {
            Err(Invalid::expected("1 to 128 characters of 0-9, A-Z and a-z"))
        }
    }

    /// The hash as it was reported.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns what tells this hash from others.
    ///
    /// 64 hex digits are one hash with or without `0x`, in any case: libraries differ in both, and
    /// a deposit that is reported in two spellings must count once. Any other hash is told apart by
    /// every character, because case matters on other chains.
    pub fn identity(&self) -> String {
        let digits = self.0.strip_prefix("0x").or_else(|| self.0.strip_prefix("0X")).unwrap_or(&self.0);
        let is_evm = digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_hexdigit());
        if is_evm { format!("0x{}", digits.to_ascii_lowercase()) } else { self.0.clone() }
    }
}

/// A transaction that concerns an order, known by its kind, chain and hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transaction {
    /// The chain it is on.
    pub chain: ChainId,
    /// Its hash.
    pub hash: TxHash,
    /// When it was made, as its reporter says.
    pub created_at: Timestamp,
    /// What it did.
    #[serde(flatten)]
    pub kind: TransactionKind,
}

/// What a transaction did for its order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TransactionKind {
    /// The payer sent money to the deposit address.
    Deposit {
        /// The sender; `None` if it is not known.
        #[serde(skip_serializing_if = "Option::is_none")]
        from: Option<Text<255>>,
        /// How much: the total of the transaction.
        amount: Amount,
    },
    /// One transfer of a transaction in which the payer sent money to the deposit address, as a report with
    /// a `logIndex` names it. It is stored as its own report and counts as part of its transaction
    /// ([`by_transaction`]).
    DepositLog {
        /// The position of the transfer's log.
        log_index: u64,
        /// Who sent it, if that is known.
        #[serde(skip_serializing_if = "Option::is_none")]
        from: Option<Text<255>>,
        /// How much.
        amount: Amount,
    },
    /// A relay moves the money to another chain.
    Relay {
        /// How far it got.
        status: RelayStatus,
    },
    /// The recipient was paid.
    Execution {
        /// How much the recipient received.
        #[serde(skip_serializing_if = "Option::is_none")]
        actual_dst_amount: Option<Amount>,
        /// The relay provider's own account of it.
        #[serde(skip_serializing_if = "Option::is_none")]
        relay: Option<JsonObject>,
        /// Loyalty points that the payer earned.
        #[serde(skip_serializing_if = "Option::is_none")]
        points: Option<Points>,
    },
    /// Money went back to the payer.
    Refund {
        /// How much.
        amount: Amount,
        /// Whether it arrived.
        status: RefundStatus,
    },
}

/// How far a relay got, from the least to the most telling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RelayStatus {
    /// Not taken up yet.
    Waiting,
    /// Under way.
    Pending,
    /// Under way, slower than usual.
    Delayed,
    /// It sends the money back.
    Refund,
    /// It failed.
    Failure,
    /// It arrived.
    Success,
}

impl RelayStatus {
    /// Reads a status.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        match text {
            "waiting" => Ok(Self::Waiting),
            "pending" => Ok(Self::Pending),
            "delayed" => Ok(Self::Delayed),
            "refund" => Ok(Self::Refund),
            "failure" => Ok(Self::Failure),
            "success" => Ok(Self::Success),
            _ => Err(Invalid::expected("one of pending, success, failure, refund, delayed, waiting")),
        }
    }
}

/// Whether a refund arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundStatus {
    /// It failed.
    Failure,
    /// It arrived.
    Success,
}

impl RefundStatus {
    /// Reads a status.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        match text {
            "success" => Ok(Self::Success),
            "failure" => Ok(Self::Failure),
            _ => Err(Invalid::expected("one of success, failure")),
        }
    }
}

/// Loyalty points: a JSON number, zero or more, kept with the digits it was written with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Points(String);

impl Points {
    /// Reads the text of a JSON value, which must be such a number.
    pub fn parse(json: &str) -> Result<Self, Invalid> {
        match json.parse::<f64>() {
            Ok(number) if json.len() <= 64 && number.is_finite() && number >= 0.0 => {
                Ok(Self(json.to_owned()))
            }
            Ok(_) | Err(_) => Err(Invalid::expected("a number, zero or more")),
        }
    }

    /// The number as JSON text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Transaction {
    /// Whether both are reports of one transaction, or of one transfer in it.
    pub fn is_same_as(&self, other: &Self) -> bool {
        std::mem::discriminant(&self.kind) == std::mem::discriminant(&other.kind)
            && self.log_index() == other.log_index()
            && self.chain == other.chain
            && self.hash.identity() == other.hash.identity()
    }

    /// Returns the position of the log, if this is a report of one transfer.
    const fn log_index(&self) -> Option<u64> {
        match self.kind {
            TransactionKind::DepositLog { log_index, .. } => Some(log_index),
            TransactionKind::Deposit { .. }
            | TransactionKind::Relay { .. }
            | TransactionKind::Execution { .. }
            | TransactionKind::Refund { .. } => None,
        }
    }

    /// What is known from two reports of one transaction, whichever came first.
    ///
    /// The more telling report wins: the larger amount, the later stage. An amount that was
    /// once reported never shrinks, because a payment that counted as complete must not
    /// become incomplete. Details that only one report has are kept.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        let (mut winner, loser) = if self.weight() >= other.weight() { (self, other) } else { (other, self) };
        match (&mut winner.kind, loser.kind) {
            (TransactionKind::Deposit { from, .. }, TransactionKind::Deposit { from: other, .. })
            | (TransactionKind::DepositLog { from, .. }, TransactionKind::DepositLog { from: other, .. }) => {
                *from = from.take().max(other);
            }
            (
                TransactionKind::Execution { actual_dst_amount, relay, points },
                TransactionKind::Execution {
                    actual_dst_amount: other_amount,
                    relay: other_relay,
                    points: other_points,
                },
            ) => {
                *actual_dst_amount = (*actual_dst_amount).max(other_amount);
                *relay = relay.take().max(other_relay);
                *points = points.take().max(other_points);
            }
            // A relay and a refund have no details beside those that decide.
            (_, _) => {}
        }
        winner
    }

    /// Orders the reports of one transaction from the least to the most telling, by every
    /// field that [`merge`](Self::merge) takes from the winner alone: reports of equal weight
    /// are equal in those fields.
    fn weight(&self) -> impl Ord + '_ {
        let stage = match &self.kind {
            TransactionKind::Deposit { amount, .. } | TransactionKind::DepositLog { amount, .. } => {
                (0, Some(*amount))
            }
            TransactionKind::Relay { status } => (*status as u8, None),
            TransactionKind::Execution { .. } => (0, None),
            TransactionKind::Refund { amount, status } => (*status as u8, Some(*amount)),
        };
        // Of a relay the latest report tells most; of everything else the first moment counts.
        let moment = match &self.kind {
            TransactionKind::Relay { .. } => (Some(self.created_at), None),
            TransactionKind::Deposit { .. }
            | TransactionKind::DepositLog { .. }
            | TransactionKind::Execution { .. }
            | TransactionKind::Refund { .. } => (None, Some(Reverse(self.created_at))),
        };
        (stage, moment, self.hash.as_str())
    }
}

/// Returns each reported transaction once: the reports of single transfers become their transaction.
///
/// A transaction's amount is the larger of the total that was reported of it and the sum of its
/// reported transfers. Two reporters, one of which names the transfers and one the total, then count
/// no money twice, and the result depends on no order.
pub fn by_transaction(reports: &[Transaction]) -> Cow<'_, [Transaction]> {
    let is_log = |report: &Transaction| report.log_index().is_some();
    if !reports.iter().any(is_log) {
        return Cow::Borrowed(reports);
    }
    let mut transactions: Vec<Transaction> =
        reports.iter().filter(|report| !is_log(report)).cloned().collect();
    let totals = transactions.iter().enumerate();
    let totals = totals.filter(|(_, report)| matches!(report.kind, TransactionKind::Deposit { .. }));
    let places: HashMap<(ChainId, String), usize> =
        totals.map(|(at, total)| ((total.chain, total.hash.identity()), at)).collect();
    let mut sums: BTreeMap<(ChainId, String), Transaction> = BTreeMap::new();
    for log in reports {
        let TransactionKind::DepositLog { from, amount, log_index: _ } = &log.kind else { continue };
        let kind = TransactionKind::Deposit { from: from.clone(), amount: *amount };
        let transfer = Transaction { kind, ..log.clone() };
        let sum = sums.remove(&(log.chain, log.hash.identity()));
        let sum = match sum {
            Some(sum) => sum.plus(transfer),
            None => transfer,
        };
        sums.insert((log.chain, log.hash.identity()), sum);
    }
    for (transaction, sum) in sums {
        match places.get(&transaction).and_then(|at| transactions.get_mut(*at)) {
            Some(total) => *total = total.clone().merge(sum),
            None => transactions.push(sum),
        }
    }
    Cow::Owned(transactions)
}

impl Transaction {
    /// Adds another transfer of the same transaction. Both have the transaction's time, so the earlier
    /// one is the better known.
    fn plus(self, other: Self) -> Self {
        let created_at = self.created_at.min(other.created_at);
        let hash = self.hash.max(other.hash);
        let kind = match (self.kind, other.kind) {
            (
                TransactionKind::Deposit { from, amount },
                TransactionKind::Deposit { from: other_from, amount: other_amount },
            ) => TransactionKind::Deposit {
                from: from.max(other_from),
                amount: amount.saturating_add(other_amount),
            },
            (kind, _) => kind,
        };
        Self { chain: self.chain, hash, created_at, kind }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Three reports of one transaction.
    fn reports() -> impl Strategy<Value = [Transaction; 3]> {
        let sent = || (0..3u8, proptest::option::of("[ab]"));
        let deposit = sent().prop_map(|(amount, from)| TransactionKind::Deposit {
            from: from.map(|from| Text::parse(from).unwrap()),
            amount: Amount::parse(&amount.to_string()).unwrap(),
        });
        let log = sent().prop_map(|(amount, from)| TransactionKind::DepositLog {
            log_index: 7,
            from: from.map(|from| Text::parse(from).unwrap()),
            amount: Amount::parse(&amount.to_string()).unwrap(),
        });
        let relay = proptest::sample::select(vec![
            RelayStatus::Waiting,
            RelayStatus::Pending,
            RelayStatus::Failure,
            RelayStatus::Success,
        ])
        .prop_map(|status| TransactionKind::Relay { status });
        let execution =
            (proptest::option::of(0..3u8), proptest::option::of(0..3u8)).prop_map(|(amount, points)| {
                TransactionKind::Execution {
                    actual_dst_amount: amount.map(|a| Amount::parse(&a.to_string()).unwrap()),
                    relay: None,
                    points: points.map(|p| Points::parse(&p.to_string()).unwrap()),
                }
            });
        let refund = (0..3u8, any::<bool>()).prop_map(|(amount, arrived)| TransactionKind::Refund {
            amount: Amount::parse(&amount.to_string()).unwrap(),
            status: if arrived { RefundStatus::Success } else { RefundStatus::Failure },
        });
        let three = |kind: BoxedStrategy<TransactionKind>| {
            let report = (kind, 0..3i64).prop_map(|(kind, created_at)| Transaction {
                chain: ChainId::parse(1).unwrap(),
                hash: TxHash::parse("a".to_owned()).unwrap(),
                created_at: Timestamp::from_millis(created_at),
                kind,
            });
            proptest::array::uniform3(report)
        };
        prop_oneof![
            three(deposit.boxed()),
            three(log.boxed()),
            three(relay.boxed()),
            three(execution.boxed()),
            three(refund.boxed())
        ]
    }

    proptest! {
        #[test]
        fn merging_ignores_order_and_repetition([a, b, c] in reports()) {
            prop_assert_eq!(a.clone().merge(a.clone()), a.clone());
            prop_assert_eq!(a.clone().merge(b.clone()), b.clone().merge(a.clone()));
            prop_assert_eq!(a.clone().merge(b.clone()).merge(c.clone()), a.merge(b.merge(c)));
        }
    }

    #[test]
    fn sixty_four_hex_digits_are_one_hash_in_every_spelling() {
        let hash = |text: &str| TxHash::parse(text.to_owned()).unwrap();
        let digits = "aB3".repeat(21) + "f";
        let identity = format!("0x{}", digits.to_lowercase());
        for spelled in [
            format!("0x{digits}"),
            digits.clone(),
            digits.to_uppercase(),
            digits.to_lowercase(),
            format!("0x{}", digits.to_uppercase()),
            format!("0X{}", digits.to_uppercase()),
        ] {
            assert_eq!(hash(&spelled).identity(), identity, "{spelled}");
        }
    }

    #[test]
    fn any_other_hash_is_told_apart_by_every_character() {
        let hash = |text: String| TxHash::parse(text).unwrap().identity();
        for (one, other) in [
            ("5VERv8".to_owned(), "5verv8".to_owned()),
            ("a".repeat(63), "A".repeat(63)),
            ("a".repeat(63), format!("0x{}", "a".repeat(63))),
            ("a".repeat(65), "A".repeat(65)),
            (format!("0x{}", "g".repeat(64)), format!("0x{}", "G".repeat(64))),
            (format!("0x{}", "a".repeat(62)), "a".repeat(64)),
        ] {
            assert_ne!(hash(one), hash(other));
        }
    }

    fn report(hash: &str, log_index: Option<u64>, units: u64) -> Transaction {
        let amount = Amount::parse(&units.to_string()).unwrap();
        Transaction {
            chain: ChainId::parse(1).unwrap(),
            hash: TxHash::parse(hash.to_owned()).unwrap(),
            created_at: Timestamp::from_millis(1),
            kind: match log_index {
                Some(log_index) => TransactionKind::DepositLog { log_index, from: None, amount },
                None => TransactionKind::Deposit { from: None, amount },
            },
        }
    }

    #[test]
    fn a_transaction_counts_the_larger_of_its_total_and_the_sum_of_its_transfers() {
        for (reports, expected) in [
            (vec![report("a", Some(4), 2), report("a", Some(7), 3)], vec![report("a", None, 5)]),
            (
                vec![report("a", Some(4), 2), report("a", None, 6), report("a", Some(7), 3)],
                vec![report("a", None, 6)],
            ),
            (vec![report("a", Some(4), 2), report("a", None, 1)], vec![report("a", None, 2)]),
            (
                vec![report("a", None, 1), report("b", Some(0), 2)],
                vec![report("a", None, 1), report("b", None, 2)],
            ),
            (vec![report("a", None, 1)], vec![report("a", None, 1)]),
        ] {
            assert_eq!(*by_transaction(&reports), expected);
        }
    }

    #[test]
    fn points_are_numbers() {
        for json in ["0", "12.50", "1e3"] {
            assert_eq!(Points::parse(json).unwrap().as_str(), json);
        }
        for json in ["-1", "\"1\"", "1e999", "null", "true", "[]"] {
            assert!(Points::parse(json).is_err(), "{json}");
        }
    }
}

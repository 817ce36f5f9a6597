//! Random histories: what readers see, and what becomes of the facts.
//!
//! The clocks of the random histories: every writer and every reader has a clock of its own,
//! none further than half of [`CLOCK_SKEW_BOUND_MS`] from the true time, so that no two
//! differ by more than the bound. A writer may have another clock at each write; a reader
//! keeps its own. A write takes effect at the instant its clock is read, and what readers
//! answer is put in the order of the true time.

mod facts;
mod readers;

use domain::json_object::JsonObject;
use domain::payment::{PaymentEvent, Points, RefundStatus, RelayStatus, TransactionKind};
use domain::text::Text;
use domain::time::CLOCK_SKEW_BOUND_MS;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::Config;

use super::{
    DEADLINE, ELSEWHERE, HERE, MAX, MAX_LESS_ONE, OPENED, amount, evm, failure_because, transaction,
};

/// Half the bound: how far a clock may be from the true time.
const SKEW: i64 = CLOCK_SKEW_BOUND_MS / 2;

/// What happens to a checkout at one instant of the true time.
#[derive(Debug, Clone)]
struct Step {
    at: i64,
    /// How far the writer's clock is ahead.
    ahead: i64,
    deed: Deed,
}

impl Step {
    /// What the writer's clock shows.
    fn now(&self) -> i64 {
        self.at + self.ahead
    }
}

#[derive(Debug, Clone)]
enum Deed {
    Report(PaymentEvent),
    Expire,
    /// Nothing but reading.
    Look,
}

fn config() -> Config {
    Config { cases: 2_000, failure_persistence: None, ..Config::default() }
}

/// A fact; few distinct ones, so that they meet.
fn fact() -> impl Strategy<Value = PaymentEvent> {
    let bare = evm("1aBc").replace("0x", "");
    let hashes = [&evm("1abc"), &evm("1ABC"), &bare, "5VERv8", "5verv8"].map(ToOwned::to_owned);
    let amounts = vec!["0", "1", "40", "60", "99", "100", "101", MAX_LESS_ONE, MAX];
    let amounts = select(amounts).prop_map(amount);
    let from = proptest::option::of(select(vec!["alice", "bob"]))
        .prop_map(|from| from.map(|from| Text::parse(from.to_owned()).unwrap()));
    let deposit =
        (from.clone(), amounts.clone()).prop_map(|(from, amount)| TransactionKind::Deposit { from, amount });
    let log = (0..3u64, from, amounts.clone())
        .prop_map(|(log_index, from, amount)| TransactionKind::DepositLog { log_index, from, amount });
    let relay = select(vec![
        RelayStatus::Waiting,
        RelayStatus::Pending,
        RelayStatus::Delayed,
        RelayStatus::Refund,
        RelayStatus::Failure,
        RelayStatus::Success,
    ])
    .prop_map(|status| TransactionKind::Relay { status });
    let details = (
        proptest::option::of(amounts.clone()),
        any::<bool>(),
        proptest::option::of(select(vec!["0", "7", "12.5"])),
    );
    let execution = details.prop_map(|(actual_dst_amount, relay, points)| TransactionKind::Execution {
        actual_dst_amount,
        relay: relay.then(JsonObject::empty),
        points: points.map(|points| Points::parse(points).unwrap()),
    });
    let refund = (amounts, select(vec![RefundStatus::Failure, RefundStatus::Success]))
        .prop_map(|(amount, status)| TransactionKind::Refund { amount, status });
    let kind = prop_oneof![6 => deposit, 4 => log, 2 => relay, 2 => execution, 2 => refund];
    let chains = prop_oneof![4 => Just(HERE), 1 => Just(ELSEWHERE)];
    let transaction = (chains, select(hashes.to_vec()), 0..3i64, kind)
        .prop_map(|(chain, hash, created_at, kind)| transaction(chain, &hash, OPENED + created_at, kind));
    let failure = select(vec!["no route", "no liquidity"]).prop_map(failure_because);
    prop_oneof![14 => transaction, 1 => failure]
}

/// An instant of the true time; those around the deadline are the telling ones.
fn instant() -> impl Strategy<Value = i64> {
    prop_oneof![
        3 => OPENED + SKEW..DEADLINE - 1_000,
        2 => DEADLINE - 1_000..DEADLINE + 1_000,
        // When the fastest clock passes the deadline.
        1 => DEADLINE - SKEW - 1..=DEADLINE - SKEW + 1,
        1 => DEADLINE + 1_000..DEADLINE + 10_000_000,
    ]
}

fn ahead() -> impl Strategy<Value = i64> {
    prop_oneof![1 => Just(-SKEW), 1 => Just(SKEW), 2 => -SKEW..=SKEW]
}

/// What happens to a checkout, in the order of the true time: facts, some of them more than
/// once, an expire call or none, and readers who look at the instants that tell most.
fn history() -> impl Strategy<Value = Vec<Step>> {
    let reports = prop::collection::vec((any::<Index>(), instant(), ahead()), 0..12);
    let expire = proptest::option::weighted(0.4, (instant(), ahead()));
    let looks = prop::collection::vec(instant(), 0..4);
    (prop::collection::vec(fact(), 1..8), reports, expire, looks).prop_map(
        |(facts, reports, expire, looks)| {
            let reports = reports.into_iter().map(|(fact, at, ahead)| Step {
                at,
                ahead,
                deed: Deed::Report(fact.get(&facts).clone()),
            });
            let expire = expire.map(|(at, ahead)| Step { at, ahead, deed: Deed::Expire });
            // The instants at which the fastest, the true and the slowest clock pass the deadline.
            let telling =
                [-SKEW - 1, -SKEW, -1, 0, SKEW - 1, SKEW, 100_000_000].map(|after| DEADLINE + after);
            let looks = looks.into_iter().chain(telling).map(|at| Step { at, ahead: 0, deed: Deed::Look });
            let mut steps: Vec<Step> = reports.chain(expire).chain(looks).collect();
            steps.sort_by_key(|step| step.at);
            steps
        },
    )
}

//! The lifecycle as a model, explored to its last state: who calls, what arrives, what is lost and
//! what time it is, in every order that there is.
//!
//! Every decision is the domain's own (`Checkout::link`, `Checkout::expire`,
//! `Checkout::record`, `Checkout::session_status`); the model adds only what happens around
//! them. The store's conditions are held to the same functions by `tests/system/conditions.rs`.
//!
//! - **Time.** True time passes in steps around the deadline. Each function has a clock of its own,
//!   none further than half of [`CLOCK_SKEW_BOUND_MS`] from the true time, so that no two differ by
//!   more than the bound. The steps are the milliseconds at which a verdict changes for such a clock.
//! - **Calls.** A call is judged by a clock when it is sent, and takes effect at any later moment,
//!   or never. Its answer arrives, or is lost; then the caller tries again. A link and an expire
//!   call are conditional writes, so they are judged by the item that they find and the clock that
//!   they were sent by. Each attempt reads the clock again.
//! - **Reports.** A fact is reported more than once and in any order, by functions that read the
//!   order, judge, and write only if nothing else was written since. A read and its judgement
//!   are one step: had anything been written between the two, the write would be refused, and
//!   nothing that was known is ever forgotten.
//! - **Readers.** One at each end of the allowed clocks and one between look at every state. Reading
//!   changes nothing, so a reader that reads less often sees no more.
//!
//! One thing is assumed: what its sender has given up does not arrive any more. The store gives a
//! judged fact up when the margin before the deadline begins on the sender's clock (`valid_for` in
//! `store/record_event.rs`), because a condition cannot ask DynamoDB for the time. What is on its way
//! at that very moment has to arrive before a reader's clock can show the deadline. If no two
//! clocks differ by the whole bound, the rest of the bound is the time that it has for that.
//!
//! `CHECKOUT_MODEL=large cargo test --test model` explores ten times as many states, with more callers and
//! more reports of each fact.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "the model's own parts are there")]

mod facts;
mod properties;
mod readers;
mod stored;
mod system;

use std::io::{self, Write as _};

use domain::time::CLOCK_SKEW_BOUND_MS;
use facts::{card, deposit, execution, failure, payment, refund, refund_of, relay};
use properties::{
    ABOUT_TO_EXPIRE, COMPLETE, EXCESS_RETURNED, EXPIRED_BY_CALL, EXPIRED_BY_DEADLINE,
    EXPIRED_WHILE_PROCESSING, LATE_CARD, LATE_DEPOSIT, LATE_LINK, LOST_RACE, OUT_OF_SIGHT,
    PAID_AT_THE_LAST_MOMENT, RECOGNISED_EXPIRY, RECOGNISED_LINK, REFUSED_CHEAT, RELAYED, SETTLED,
    SURPLUS_CARD,
};
use stateright::{Checker, HasDiscoveries, Model};
use system::System;

/// Functions whose clocks are as far apart as they may be.
const EXTREMES: [i64; 2] = [-CLOCK_SKEW_BOUND_MS / 2, CLOCK_SKEW_BOUND_MS / 2];

/// Explores every state, checks every property in each, and says how many states there were.
fn explore(name: &str, system: System) {
    let checker = system.checker().threads(2).finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    // Not by `println!`, which a passing test keeps to itself.
    let (states, depth) = (checker.unique_state_count(), checker.max_depth());
    let mut output = io::stdout();
    writeln!(output, "{name}: {states} states, {depth} steps deep").unwrap();
    checker.assert_properties();
}

/// Whether more is to be explored than a run of all tests has time for.
#[expect(clippy::disallowed_methods, reason = "the domain does not depend on the crate that reads settings")]
fn is_large() -> bool {
    std::env::var("CHECKOUT_MODEL").is_ok_and(|size| size == "large")
}

#[test]
fn payers_and_expire_calls_race_for_one_session() {
    let system = System {
        payers: 2,
        expirers: if is_large() { 2 } else { 1 },
        clocks: vec![EXTREMES[0], 0, EXTREMES[1]],
        goals: vec![
            EXPIRED_BY_CALL,
            EXPIRED_BY_DEADLINE,
            LOST_RACE,
            RECOGNISED_LINK,
            RECOGNISED_EXPIRY,
            ABOUT_TO_EXPIRE,
            LATE_LINK,
            SETTLED,
        ],
        ..System::empty()
    };
    explore("payers and expire calls", system);
}

#[test]
fn a_payer_who_pays_less_than_the_price_never_wins() {
    let system = System {
        payers: 3,
        clocks: EXTREMES.to_vec(),
        goals: vec![EXPIRED_BY_DEADLINE, LOST_RACE, REFUSED_CHEAT, SETTLED],
        ..System::empty()
    };
    explore("payers and a cheat", system);
}

#[test]
fn payers_race_and_the_order_that_won_is_paid() {
    let system = System {
        payers: 2,
        facts: vec![payment(), execution()],
        reporters: 1,
        clocks: EXTREMES.to_vec(),
        goals: vec![COMPLETE, EXPIRED_BY_DEADLINE, LOST_RACE, LATE_DEPOSIT, SETTLED],
        ..System::empty()
    };
    explore("payers and a payment", system);
}

#[test]
fn deposits_that_add_up_race_with_the_deadline_and_an_expire_call() {
    let system = System {
        is_linked: true,
        expirers: 1,
        facts: vec![deposit("a", "60"), deposit("b", "40"), execution()],
        copies: if is_large() { 2 } else { 1 },
        reporters: 2,
        clocks: EXTREMES.to_vec(),
        goals: vec![
            COMPLETE,
            EXPIRED_BY_CALL,
            EXPIRED_BY_DEADLINE,
            LATE_DEPOSIT,
            OUT_OF_SIGHT,
            PAID_AT_THE_LAST_MOMENT,
            SETTLED,
        ],
        ..System::empty()
    };
    explore("deposits that add up", system);
}

#[test]
fn an_execution_a_failure_and_a_refund_contradict_each_other() {
    let system = System {
        is_linked: true,
        facts: vec![payment(), execution(), failure(), refund()],
        copies: if is_large() { 2 } else { 1 },
        reporters: 2,
        clocks: EXTREMES.to_vec(),
        goals: vec![COMPLETE, EXPIRED_WHILE_PROCESSING, EXPIRED_BY_DEADLINE, SETTLED],
        ..System::empty()
    };
    explore("facts that contradict each other", system);
}

#[test]
fn the_excess_of_a_paid_order_is_refunded_and_the_session_goes_on() {
    let system = System {
        is_linked: true,
        facts: vec![payment(), deposit("b", "40"), refund_of("40"), execution()],
        copies: if is_large() { 2 } else { 1 },
        reporters: 2,
        clocks: EXTREMES.to_vec(),
        goals: vec![COMPLETE, EXCESS_RETURNED, EXPIRED_BY_DEADLINE, LATE_DEPOSIT, SETTLED],
        ..System::empty()
    };
    explore("a refund of an excess", system);
}

#[test]
fn card_payments_race_with_the_deadline_an_expire_call_and_each_other() {
    let system = System {
        is_linked: true,
        expirers: 1,
        facts: vec![card("a", 0), card("b", 0)],
        copies: 2,
        reporters: 2,
        clocks: EXTREMES.to_vec(),
        goals: vec![COMPLETE, EXPIRED_BY_CALL, EXPIRED_BY_DEADLINE, LATE_CARD, SURPLUS_CARD],
        ..System::empty()
    };
    explore("card payments", system);
}

#[test]
fn a_relayed_payment_is_refunded() {
    let system = System {
        is_linked: true,
        expirers: usize::from(is_large()),
        facts: vec![payment(), relay(), refund()],
        copies: 2,
        reporters: 2,
        clocks: EXTREMES.to_vec(),
        goals: vec![RELAYED, EXPIRED_WHILE_PROCESSING, EXPIRED_BY_DEADLINE, LATE_DEPOSIT, SETTLED],
        ..System::empty()
    };
    explore("a relay and a refund", system);
}

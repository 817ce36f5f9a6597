//! Nodes as they are: limits in any wording, small batches, odd answers. None of it costs a payment or stops the watcher.

use std::time::Duration;

use evm::Limits;
use serde_json::json;
use watch_chain::ChainWatcher;

use crate::log_capture::{LogCapture, assert_logged};
use crate::node_double::{Batches, Habits, LogFault, RangeRefusal};
use crate::world::{ASKED, Deal, FINALITY, Setup, World};

/// Pays orders in blocks of their own, and settles them with a watcher that begins only then.
async fn assert_pays_and_settles(world: &World, case: &str) {
    let mut watcher = world.watch().await;
    let deals = [world.deal().await, world.deal().await, world.deal().await];
    for deal in &deals {
        world.pay(deal, ASKED / 2).await;
        world.pay(deal, ASKED / 2).await;
        world.mine(7).await;
    }
    for _ in 0..10 * FINALITY {
        let step = watcher.step().await;
        assert!(step.is_ok(), "{case}: {step:?}");
        if world.shown(&deals[2]).await.session == "complete" {
            break;
        }
        world.mine(1).await;
    }
    for deal in &deals {
        let shown = world.shown(deal).await;
        assert_eq!(shown.session, "complete", "{case}: {shown:?}");
        world.assert_settled(deal, ASKED).await;
    }
}

async fn pay_and_see(world: &World, watcher: &mut ChainWatcher) -> Deal {
    let deal = world.deal().await;
    world.pay(&deal, ASKED).await;
    world.mine(1).await;
    world.step(watcher).await;
    deal
}

#[tokio::test]
async fn payments_are_settled_if_batches_are_small_or_refused() {
    let world = World::new().await;
    let batches = [
        Batches::AtMost(10),
        Batches::AtMost(3),
        Batches::AtMost(1),
        Batches::AnswersAtMost(10),
        Batches::AnswersAtMost(1),
        Batches::Refused,
    ];
    for batches in batches {
        world.double.limit_batches(batches);
        assert_pays_and_settles(&world, &format!("{batches:?}")).await;
    }
}

#[tokio::test]
async fn payments_are_settled_if_ranges_are_refused_in_any_wording() {
    let world = World::new().await;
    let statuses = [400, 413, 500, 503].map(RangeRefusal::Status);
    for refusal in RangeRefusal::WORDS.into_iter().chain(statuses) {
        world.double.refuse_ranges(20, refusal);
        assert_pays_and_settles(&world, &format!("{refusal:?}")).await;
    }
}

/// The overlap has more blocks than a step makes requests.
#[tokio::test]
async fn payments_are_settled_if_the_node_takes_one_block_at_a_time() {
    let world = World::new().await;
    world.mine(100).await;
    world.double.refuse_ranges(1, RangeRefusal::WORDS[0]);
    assert_pays_and_settles(&world, "one block").await;
    world.double.limit_batches(Batches::Refused);
    assert_pays_and_settles(&world, "one block, no batch").await;
}

#[tokio::test]
async fn payments_are_settled_if_small_batches_and_refused_ranges_come_together() {
    let world = World::new().await;
    let batches = [Batches::AtMost(3), Batches::AnswersAtMost(1), Batches::Refused];
    for (batches, refusal) in batches.into_iter().zip(RangeRefusal::WORDS) {
        world.double.limit_batches(batches);
        world.double.refuse_ranges(20, refusal);
        assert_pays_and_settles(&world, &format!("{batches:?} {refusal:?}")).await;
    }
}

#[tokio::test]
async fn payments_are_settled_if_wide_ranges_time_out() {
    let limits = Limits { answer: Duration::from_millis(1_500), ..Limits::default() };
    let world = World::set_up(json!({ "blockRange": 100 }), Setup { limits, ..Setup::default() }).await;
    world.double.refuse_ranges(10, RangeRefusal::Silence);
    assert_pays_and_settles(&world, "silence").await;
}

#[tokio::test]
async fn payments_are_settled_if_wide_ranges_exceed_the_response_limit() {
    let limits = Limits { body: 100_000, ..Limits::default() };
    let world = World::set_up(json!({}), Setup { limits, ..Setup::default() }).await;
    world.double.refuse_ranges(10, RangeRefusal::Bytes(200_000));
    assert_pays_and_settles(&world, "200,000 bytes").await;
}

#[tokio::test]
async fn payments_count_once_whatever_the_habits_of_the_node() {
    let world = World::new().await;
    let none = Habits::default();
    for habits in [
        Habits { null_logs: true, ..none },
        Habits { null_removed: true, ..none },
        Habits { shows_removed: true, ..none },
        Habits { repeats: true, ..none },
        Habits { index_per_transaction: true, ..none },
        Habits {
            null_logs: true,
            null_removed: true,
            shows_removed: true,
            repeats: true,
            index_per_transaction: true,
        },
    ] {
        world.double.set_habits(habits);
        assert_pays_and_settles(&world, &format!("{habits:?}")).await;
    }
}

/// After a restart, nodes do not know `safe` until their consensus client tells them.
#[tokio::test]
async fn payments_stay_pending_while_safe_is_an_error_and_count_afterwards() {
    for finality in ["safe", "finalized"] {
        let world = World::with(json!({ "finality": finality })).await;
        let mut watcher = world.watch().await;
        world.double.fail_tags(true);
        let deal = world.deal().await;
        world.pay(&deal, ASKED).await;
        world.go_on(&mut watcher, 6).await;
        let shown = world.shown(&deal).await;
        assert_eq!((shown.session.as_str(), shown.pending), ("open", ASKED), "{finality}: {shown:?}");
        world.double.heal();
        world.go_on(&mut watcher, 8).await;
        world.assert_settled(&deal, ASKED).await;
    }
}

/// What a node says of one order's logs never stops the others.
#[tokio::test]
async fn wrong_logs_of_one_order_stop_no_other_and_are_read_again() {
    for fault in [LogFault::Foreign, LogFault::UnreadableBeside, LogFault::Unreadable, LogFault::WrongBlock] {
        let world = World::new().await;
        let mut watcher = world.watch().await;
        let wronged = pay_and_see(&world, &mut watcher).await;
        world.double.spoil_logs(Some((wronged.deposit, fault)));
        let other = pay_and_see(&world, &mut watcher).await;
        world.go_on(&mut watcher, 8).await;
        world.assert_settled(&other, ASKED).await;
        let shown = world.shown(&wronged).await;
        // What was seen of it stays.
        assert_eq!(shown.deposits.iter().sum::<u64>() + shown.pending, ASKED, "{fault:?}: {shown:?}");
        let cursor = world.store.cursor(world.chain()).await.unwrap().unwrap();
        assert_eq!(cursor.block, world.evm.head().await.number, "{fault:?}");
        world.double.heal();
        world.mine(1).await;
        world.go_on(&mut watcher, 10).await;
        world.assert_settled(&wronged, ASKED).await;
    }
}

/// The node never had right logs of it. Once it has, within the overlap, the payment is found.
#[tokio::test]
async fn payment_whose_logs_were_wrong_from_the_start_is_found_within_the_overlap() {
    for fault in [LogFault::Unreadable, LogFault::WrongBlock] {
        let world = World::new().await;
        let mut watcher = world.watch().await;
        let deal = world.deal().await;
        world.double.spoil_logs(Some((deal.deposit, fault)));
        world.pay(&deal, ASKED).await;
        world.mine(1).await;
        world.go_on(&mut watcher, 20).await;
        world.double.heal();
        world.go_on(&mut watcher, 8).await;
        world.assert_settled(&deal, ASKED).await;
    }
}

#[tokio::test]
async fn step_fails_with_an_error_in_the_log_if_the_only_endpoint_answers_nothing_but_errors() {
    let world = World::new().await;
    let mut watcher = world.watch().await;
    let deal = world.deal().await;
    world.pay(&deal, ASKED).await;
    world.mine(1).await;
    let log = LogCapture::start();
    world.double.break_with(Some((-32_603, "Internal error")));
    assert!(world.try_step(&mut watcher).await.is_err());
    assert_logged(&log.take(), "endpoint left");
    world.double.heal();
    world.go_on(&mut watcher, 8).await;
    world.assert_settled(&deal, ASKED).await;
}

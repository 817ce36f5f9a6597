//! Two endpoints: the first one fails in a way of its own, and the payments are seen and settled through the second.

use std::time::Duration;

use serde_json::json;
use watch_chain::ChainWatcher;

use crate::log_capture::{LogCapture, assert_logged};
use crate::node_double::{LogFault, NodeFault};
use crate::world::{ASKED, FINALITY, World};

/// Pays an order, and settles it although the first endpoint is in trouble.
async fn assert_settles(world: &World, watcher: &mut ChainWatcher, case: &str) {
    let deal = world.deal().await;
    world.pay(&deal, ASKED).await;
    for _ in 0..4 * FINALITY {
        world.mine(1).await;
        // A single step may fail: it begins anew with the other endpoint.
        let _outcome = world.try_step(watcher).await;
    }
    let shown = world.shown(&deal).await;
    assert_eq!(shown.session, "complete", "{case}: {shown:?}");
    world.assert_settled(&deal, ASKED).await;
}

#[tokio::test]
async fn second_endpoint_is_used_if_the_head_of_the_first_stands_still() {
    let world = World::with_two_endpoints().await;
    let mut watcher = world.watch().await;
    world.double.stick_at(Some(world.evm.head().await.number));
    let log = LogCapture::start();
    assert_settles(&world, &mut watcher, "stuck head").await;
    assert_logged(&log.take(), "endpoint left");
    assert!(!world.second.take_methods().is_empty());
}

#[tokio::test]
async fn second_endpoint_is_used_by_a_new_run_if_the_head_of_the_first_stands_still() {
    let world = World::with_two_endpoints().await;
    world.double.stick_at(Some(world.evm.head().await.number));
    let mut watcher = world.watch().await;
    assert_settles(&world, &mut watcher, "stuck head").await;
}

#[tokio::test]
async fn second_endpoint_is_used_if_the_first_answers_every_call_with_an_error() {
    for error in [
        (-32_603, "Internal error"),
        (-32_601, "the method does not exist/is not available"),
        (-32_005, "daily request count exceeded, request rate limited"),
        (-32_001, "monthly quota reached"),
        (0, ""),
    ] {
        let world = World::with_two_endpoints().await;
        world.double.break_with(Some(error));
        let mut watcher = world.watch().await;
        let log = LogCapture::start();
        assert_settles(&world, &mut watcher, error.1).await;
        world.double.heal();
        assert_settles(&world, &mut watcher, "healed").await;
        drop(log);
    }
}

#[tokio::test]
async fn second_endpoint_is_used_if_the_first_only_refuses_logs() {
    let world = World::with_two_endpoints().await;
    world.double.fail(|methods| {
        methods
            .iter()
            .any(|method| method == "eth_getLogs")
            .then_some(NodeFault::Refuses("no logs on this plan"))
    });
    let mut watcher = world.watch().await;
    assert_settles(&world, &mut watcher, "no logs").await;
}

#[tokio::test]
async fn second_endpoint_is_used_and_an_error_logged_if_the_first_is_of_another_chain() {
    let world = World::with_two_endpoints().await;
    world.double.claim_chain(Some(1));
    let log = LogCapture::start();
    let mut watcher = world.watch().await;
    assert_logged(&log.take_errors(), "endpoint is of another chain");
    assert_settles(&world, &mut watcher, "another chain").await;
    let asked = world.double.take_methods();
    assert!(asked.iter().all(|method| method == "eth_chainId"), "{asked:?}");
}

/// The first endpoint is right until it fails; then the only other one is of another chain.
#[tokio::test]
async fn cursor_stays_if_the_only_endpoint_left_is_of_another_chain() {
    let world = World::with_two_endpoints().await;
    world.second.claim_chain(Some(1));
    let mut watcher = world.watch().await;
    let deal = world.deal().await;
    world.mine(1).await;
    world.step(&mut watcher).await;
    let before = world.store.cursor(world.chain()).await.unwrap();
    world.double.break_with(Some((-32_603, "Internal error")));
    world.pay(&deal, ASKED).await;
    world.mine(1).await;
    let log = LogCapture::start();
    assert!(world.try_step(&mut watcher).await.is_err());
    assert_logged(&log.take_errors(), "endpoint is of another chain");
    assert_eq!(world.store.cursor(world.chain()).await.unwrap(), before);
    world.double.heal();
    world.go_on(&mut watcher, 8).await;
    world.assert_settled(&deal, ASKED).await;
}

#[tokio::test]
async fn second_endpoint_is_used_if_the_first_contradicts_itself() {
    for fault in [None, Some(LogFault::WrongBlock), Some(LogFault::Unreadable)] {
        let world = World::with_two_endpoints().await;
        let mut watcher = world.watch().await;
        let deal = world.deal().await;
        world.pay(&deal, ASKED).await;
        world.mine(1).await;
        world.step(&mut watcher).await;
        assert_eq!(world.shown(&deal).await.pending, ASKED);
        match fault {
            // It has the transactions, but not their logs.
            None => world.double.omit_logs(true),
            Some(_) => world.double.spoil_logs(fault.map(|fault| (deal.deposit, fault))),
        }
        let log = LogCapture::start();
        world.go_on(&mut watcher, 8).await;
        assert_logged(&log.take(), "endpoint distrusted");
        world.assert_settled(&deal, ASKED).await;
    }
}

/// An endpoint that synchronises moves at each call, and is hours behind all the same.
#[tokio::test]
async fn second_endpoint_is_used_if_the_first_moves_but_is_behind_the_configured_age() {
    let world = World::with_two_endpoints().await;
    world.mine(400).await;
    // 800 seconds.
    world.double.lag(&[400]);
    let log = LogCapture::start();
    let mut watcher = world.watch().await;
    assert_settles(&world, &mut watcher, "far behind").await;
    assert_logged(&log.take(), "endpoint left");
}

#[tokio::test]
async fn stale_head_is_told_if_no_endpoint_has_a_newer_one() {
    let world = World::with_two_endpoints().await;
    let mut watcher = world.watch().await;
    world.deal().await;
    world.mine(1).await;
    assert_eq!(world.step(&mut watcher).await.stale_for, None);
    world.service.clock.advance(Duration::from_mins(6));
    let step = world.step(&mut watcher).await;
    // The default of the configuration is five minutes.
    assert!(step.stale_for.is_some_and(|age| age > Duration::from_mins(5)), "{step:?}");
    assert_eq!(watcher.health().head_age, step.stale_for);
}

/// The head is fresh enough, but many blocks behind another endpoint's, after which the cursor went.
#[tokio::test]
async fn cursor_never_moves_back_if_the_endpoint_is_many_blocks_behind() {
    let world = World::with(json!({ "overlap": 8 })).await;
    let mut watcher = world.watch().await;
    let deal = world.deal().await;
    world.mine(200).await;
    world.step(&mut watcher).await;
    let before = world.store.cursor(world.chain()).await.unwrap().unwrap();
    // 200 seconds, below the configured age.
    world.double.lag(&[100]);
    let log = LogCapture::start();
    let mut other = world.watch().await;
    for _ in 0..3 {
        for watcher in [&mut watcher, &mut other] {
            let _outcome = world.try_step(watcher).await;
            let cursor = world.store.cursor(world.chain()).await.unwrap().unwrap();
            assert!(cursor.block >= before.block, "{} after {}", cursor.block, before.block);
        }
        world.mine(1).await;
    }
    assert_eq!(log.take_errors(), Vec::<String>::new());
    world.double.heal();
    world.pay(&deal, ASKED).await;
    world.mine(1).await;
    world.go_on(&mut watcher, 8).await;
    world.assert_settled(&deal, ASKED).await;
}

//! A payment processor reports what the watcher sees as well.

use alloy_primitives::B256;
use harness::{deposit, execution, with};
use serde_json::json;

use crate::world::{ASKED, Deal, FINALITY, World};

async fn report(world: &World, deal: &Deal, transaction: B256, amount: u64) {
    let data = deposit(&format!("{transaction:#x}"), &amount.to_string());
    world.service.record_event(&deal.order, "deposit.detected", data).await.ok();
}

#[tokio::test]
async fn a_deposit_that_is_reported_first_and_seen_later_counts_once() {
    let world = World::new().await;
    let mut watcher = world.watch().await;
    let deal = world.deal().await;
    let payment = world.pay(&deal, ASKED).await;
    report(&world, &deal, payment, ASKED).await;
    assert_eq!(world.shown(&deal).await.session, "processing", "the processor's word counts at once");
    world.mine(1).await;
    for _ in 0..8 {
        world.step(&mut watcher).await;
        let shown = world.shown(&deal).await;
        assert_eq!((shown.deposits.as_slice(), shown.pending), ([ASKED].as_slice(), 0), "{shown:?}");
        world.mine(1).await;
    }
    world.step(&mut watcher).await;
    world.assert_settled(&deal, ASKED).await;
}

#[tokio::test]
async fn a_deposit_that_is_seen_first_and_reported_later_counts_once() {
    let world = World::new().await;
    let mut watcher = world.watch().await;
    for blocks_before_the_report in [1, 1 + FINALITY, 2 * FINALITY + 3] {
        let deal = world.deal().await;
        let payment = world.pay(&deal, ASKED).await;
        world.go_on(&mut watcher, blocks_before_the_report).await;
        // In capitals: it is the same transaction.
        let hash = format!("{payment:#x}").to_uppercase().replace("0X", "0x");
        world
            .service
            .record_event(&deal.order, "deposit.detected", deposit(&hash, &ASKED.to_string()))
            .await
            .ok();
        let shown = world.shown(&deal).await;
        assert_eq!((shown.deposits.as_slice(), shown.pending), ([ASKED].as_slice(), 0), "{shown:?}");
        world.go_on(&mut watcher, 10).await;
        world.assert_settled(&deal, ASKED).await;
        assert_eq!(world.shown(&deal).await.deposits, [ASKED]);
    }
}

#[tokio::test]
async fn where_a_report_and_the_chain_differ_the_chain_is_right() {
    let world = World::new().await;
    let mut watcher = world.watch().await;
    let deal = world.deal().await;
    let payment = world.pay(&deal, 5).await;
    report(&world, &deal, payment, ASKED).await;
    assert_eq!(world.shown(&deal).await.session, "processing");
    world.go_on(&mut watcher, 8).await;
    let shown = world.shown(&deal).await;
    assert_eq!((shown.session.as_str(), shown.deposits.as_slice()), ("open", [5].as_slice()), "{shown:?}");
    assert_eq!(world.received(&deal).await, 0);
    world.pay(&deal, ASKED - 5).await;
    world.go_on(&mut watcher, 10).await;
    world.assert_settled(&deal, ASKED).await;
}

#[tokio::test]
async fn a_reported_deposit_on_another_chain_and_a_seen_one_are_two() {
    let world = World::new().await;
    let mut watcher = world.watch().await;
    let deal = world.deal().await;
    let elsewhere = with(deposit(&"7".repeat(64), "3"), json!({ "chain": 1 }));
    world.service.record_event(&deal.order, "deposit.detected", elsewhere).await.ok();
    world.pay(&deal, ASKED).await;
    world.go_on(&mut watcher, 10).await;
    let mut shown = world.shown(&deal).await;
    shown.deposits.sort_unstable();
    assert_eq!((shown.session.as_str(), shown.deposits.as_slice()), ("complete", [3, ASKED].as_slice()));
    assert_eq!((shown.arrived, world.received(&deal).await), (Some(ASKED), ASKED));
}

#[tokio::test]
async fn a_settlement_that_is_reported_and_seen_is_one() {
    let world = World::new().await;
    let mut watcher = world.watch().await;
    let deal = world.deal().await;
    world.pay(&deal, ASKED).await;
    world.mine(1 + FINALITY).await;
    let sent = world.step(&mut watcher).await.sent.unwrap();
    world.mine(1).await;
    let data = execution(&format!("{sent:#x}"));
    world.service.record_event(&deal.order, "order.executed", data).await.ok();
    assert_eq!(world.shown(&deal).await.session, "complete");
    world.go_on(&mut watcher, 6).await;
    world.assert_settled(&deal, ASKED).await;
    assert_eq!(world.shown(&deal).await.execution, Some(sent));
}

//! An operator's mistakes: a wrong factory, no gas, no key, a wrong endpoint. While they last, errors tell; once they are
//! mended, everything is settled.

use std::time::Duration;

use alloy_primitives::{Address, U256};
use domain::deposit_address::ForwarderFactory;
use serde_json::json;
use store::Cursor;

use crate::log_capture::{LogCapture, assert_logged};
use crate::world::{ASKED, FINALITY, World};

/// An address without a contract.
const NOWHERE: Address = Address::repeat_byte(0x11);

#[tokio::test]
async fn nothing_is_sent_while_the_factory_has_no_code_and_all_is_settled_once_it_has() {
    let mut world = World::new().await;
    world.configure_factory(ForwarderFactory::at(NOWHERE)).await;
    let log = LogCapture::start();
    let mut watcher = world.watch().await;
    assert_logged(&log.take_errors(), "the forwarder factory has no code on this chain");
    let lost = world.deal().await;
    world.pay(&lost, ASKED).await;
    for _ in 0..3 * FINALITY {
        world.mine(1).await;
        assert_eq!(world.step(&mut watcher).await.sent, None);
    }
    assert_eq!(world.shown(&lost).await.session, "processing");
    assert_eq!(world.evm.sent_by(world.gas_payer()).await, 0);
    watcher.end().await.unwrap();
    assert!(!watcher.health().oldest_unsettled.is_zero());

    // The right factory again. The order's address derives from the wrong one, and nothing of it can be moved until that
    // one is placed; all others are settled.
    world.configure_factory(ForwarderFactory::default()).await;
    let mut watcher = world.watch().await;
    let deal = world.deal().await;
    world.pay(&deal, ASKED).await;
    world.go_on(&mut watcher, 10).await;
    world.assert_settled(&deal, ASKED).await;
    assert_eq!(world.shown(&lost).await.session, "processing");
    let code =
        world.evm.rpc("eth_getCode", json!([format!("{:#x}", ForwarderFactory::DEPLOYED), "latest"])).await;
    // Its code has the address of what it clones, so a copy elsewhere serves orders of its own only.
    assert!(code.as_str().unwrap().len() > 2);
}

#[tokio::test]
async fn orders_of_a_factory_that_is_placed_late_are_settled_once_it_is() {
    let mut world = World::new().await;
    let factory = contracts::DEPLOYER.create2_from_code(
        alloy_primitives::B256::repeat_byte(3),
        contracts::creation_code(contracts::FORWARDER_FACTORY).unwrap(),
    );
    world.configure_factory(ForwarderFactory::at(factory)).await;
    let log = LogCapture::start();
    let mut watcher = world.watch().await;
    let deals = [world.deal().await, world.deal().await];
    for deal in &deals {
        world.pay(deal, ASKED).await;
    }
    for _ in 0..3 * FINALITY {
        world.mine(1).await;
        assert_eq!(world.step(&mut watcher).await.sent, None);
    }
    assert_logged(&log.take_errors(), "the forwarder factory has no code on this chain");
    assert_eq!(world.evm.place_factory(3).await, factory);
    world.mine(1).await;
    let mut watcher = world.watch().await;
    assert_eq!(log.take_errors(), Vec::<String>::new());
    world.go_on(&mut watcher, 10).await;
    for deal in &deals {
        world.assert_settled(deal, ASKED).await;
    }
}

#[tokio::test]
async fn old_orders_are_settled_through_the_old_factory_after_the_configured_one_changed() {
    let mut world = World::new().await;
    let [first, second] = [world.evm.place_factory(1).await, world.evm.place_factory(2).await];
    world.mine(1).await;
    let mut deals = Vec::new();
    for factory in [ForwarderFactory::DEPLOYED, first, second] {
        world.configure_factory(ForwarderFactory::at(factory)).await;
        // One is paid before the change and one after it.
        let [paid, unpaid] = [world.deal().await, world.deal().await];
        world.pay(&paid, ASKED).await;
        world.mine(1).await;
        let mut watcher = world.watch().await;
        world.step(&mut watcher).await;
        deals.extend([(factory, paid, true), (factory, unpaid, false)]);
    }
    for (_, deal, _) in deals.iter().filter(|(.., is_paid)| !is_paid) {
        world.pay(deal, ASKED).await;
    }
    world.mine(1).await;
    let mut watcher = world.watch().await;
    world.go_on(&mut watcher, 30).await;
    for (factory, deal, is_paid) in &deals {
        let shown = world.shown(deal).await;
        assert_eq!(shown.session, "complete", "{factory} {is_paid}: {shown:?}");
        world.assert_settled(deal, ASKED).await;
        let receipt = world
            .evm
            .rpc("eth_getTransactionReceipt", json!([format!("{:#x}", shown.execution.unwrap())]))
            .await;
        assert_eq!(receipt["to"], format!("{factory:#x}"));
    }
    assert_eq!(watcher.health().without_effect, 0);
}

/// The merchant sweeps through a factory that is configured no more.
#[tokio::test]
async fn sweep_through_an_earlier_factory_is_seen_after_the_configured_one_changed() {
    let mut world = World::new().await;
    let [old, new] = [world.evm.place_factory(1).await, world.evm.place_factory(2).await];
    world.mine(1).await;
    world.configure_factory(ForwarderFactory::at(old)).await;
    let deal = world.deal().await;
    let mut watcher = world.watch_only().await;
    world.pay(&deal, ASKED).await;
    world.mine(1).await;
    world.go_on(&mut watcher, FINALITY + 1).await;
    world.configure_factory(ForwarderFactory::at(new)).await;
    let mut watcher = world.watch_only().await;
    world.mine(200).await;
    world.step(&mut watcher).await;
    world.sweep_through(&deal, old).await;
    world.mine(1).await;
    world.go_on(&mut watcher, FINALITY + 1).await;
    world.assert_settled(&deal, ASKED).await;
}

#[tokio::test]
async fn paid_order_is_watched_without_a_gas_key_for_72_hours_until_the_merchant_sweeps() {
    let world = World::new().await;
    let mut watcher = world.watch_only().await;
    let deal = world.deal().await;
    world.pay(&deal, ASKED).await;
    world.go_on(&mut watcher, FINALITY + 1).await;
    for _ in 0..12 {
        world.service.clock.advance(Duration::from_hours(6));
        world.mine(1).await;
        let mut watcher = world.watch_only().await;
        world.step(&mut watcher).await;
        watcher.end().await.unwrap();
        assert!(watcher.health().oldest_unsettled >= Duration::from_hours(5));
        assert_eq!(world.shown(&deal).await.session, "processing");
    }
    let sweep = world.sweep(&deal).await;
    world.mine(1).await;
    let mut watcher = world.watch_only().await;
    world.go_on(&mut watcher, FINALITY + 2).await;
    world.assert_settled(&deal, ASKED).await;
    assert_eq!(world.shown(&deal).await.execution, Some(sweep));
    watcher.end().await.unwrap();
    assert_eq!(watcher.health().oldest_unsettled, Duration::ZERO);
}

#[tokio::test]
async fn paid_orders_are_settled_once_an_empty_gas_balance_is_refilled() {
    let world = World::new().await;
    let log = LogCapture::start();
    world.evm.endow(world.gas_payer(), U256::ZERO).await;
    let mut watcher = world.watch().await;
    assert_eq!(watcher.health().gas_balance, Some(0));
    let deals = [world.deal().await, world.deal().await];
    for deal in &deals {
        world.pay(deal, ASKED).await;
    }
    for _ in 0..12 {
        world.mine(1).await;
        world.step(&mut watcher).await;
    }
    assert!(log.take_errors().iter().any(|line| line.contains("settlement")));
    for hours in [1, 24, 48] {
        world.service.clock.advance(Duration::from_hours(hours));
        world.mine(1).await;
        let mut watcher = world.watch().await;
        world.step(&mut watcher).await;
        watcher.end().await.unwrap();
        assert!(watcher.health().oldest_unsettled >= Duration::from_hours(hours));
    }
    for deal in &deals {
        assert_eq!(world.shown(deal).await.session, "processing");
    }
    world.evm.endow(world.gas_payer(), U256::from(10_u128.pow(21))).await;
    let mut watcher = world.watch().await;
    world.mine(1).await;
    world.go_on(&mut watcher, 10).await;
    for deal in &deals {
        world.assert_settled(deal, ASKED).await;
    }
}

/// An issuer pauses its token for two days.
#[tokio::test]
async fn sessions_stay_processing_while_the_token_is_paused_and_complete_afterwards() {
    let world = World::new().await;
    let mut watcher = world.watch().await;
    let deals = [world.deal().await, world.deal().await];
    for deal in &deals {
        world.evm.block(deal.recipient, true).await;
        world.pay(deal, ASKED).await;
    }
    let log = LogCapture::start();
    for _ in 0..16 {
        world.go_on(&mut watcher, FINALITY + 3).await;
        world.service.clock.advance(Duration::from_hours(3));
        world.mine(1).await;
    }
    assert_logged(&log.take_errors(), "settlement had no effect");
    let sent = world.evm.sent_by(world.gas_payer()).await;
    assert!(sent <= 20, "{sent} settlements in 48 hours");
    for deal in &deals {
        let shown = world.shown(deal).await;
        assert_eq!((shown.session.as_str(), shown.order.as_str()), ("processing", "executing"), "{shown:?}");
        world.evm.block(deal.recipient, false).await;
    }
    world.service.clock.advance(Duration::from_hours(6));
    world.mine(1).await;
    world.go_on(&mut watcher, 10).await;
    for deal in &deals {
        world.assert_settled(deal, ASKED).await;
    }
}

/// An endpoint of another chain moved the cursor far ahead, before each endpoint's chain was verified.
#[tokio::test]
async fn cursor_ahead_of_the_chain_is_an_error_and_heals_without_losing_a_payment() {
    for block_time in [None, Some(Duration::ZERO), Some(Duration::from_hours(2))] {
        let world = World::new().await;
        let mut watcher = world.watch().await;
        let [before, after] = [world.deal().await, world.deal().await];
        world.mine(1).await;
        world.step(&mut watcher).await;
        let right = world.store.cursor(world.chain()).await.unwrap();
        let wrong = Cursor {
            tokens: Vec::new(),
            block: 5_000,
            block_hash: format!("0x{}", "ab".repeat(32)),
            block_time: block_time.map(|ahead| world.service.clock.now() + ahead),
            factories: Vec::new(),
        };
        world.store.move_cursor(world.chain(), right.as_ref(), &wrong).await.unwrap();
        world.pay(&before, ASKED).await;
        world.mine(70).await;
        world.pay(&after, ASKED).await;
        world.mine(1).await;
        let log = LogCapture::start();
        let mut watcher = world.watch().await;
        world.go_on(&mut watcher, 10).await;
        assert_logged(&log.take_errors(), "the cursor is not on this chain");
        for deal in [&before, &after] {
            world.assert_settled(deal, ASKED).await;
        }
        let cursor = world.store.cursor(world.chain()).await.unwrap().unwrap();
        assert_eq!(cursor.block, world.evm.head().await.number);
    }
}

/// A6: the index cannot be read, at the start of a run or in a step.
#[tokio::test]
async fn nothing_is_forgotten_and_the_cursor_stays_if_an_index_query_fails() {
    let world = World::new().await;
    let mut watcher = world.watch().await;
    let deal = world.deal().await;
    world.mine(1).await;
    world.step(&mut watcher).await;
    let before = world.store.cursor(world.chain()).await.unwrap().unwrap();
    world.pay(&deal, ASKED).await;
    world.mine(1).await;
    // Each query by itself, whichever of a step it is.
    for answered in 0..12 {
        world.fuse.refuse_query_after(answered);
        assert!(world.try_step(&mut watcher).await.is_err(), "query {answered}");
        let mut new = world.watch().await;
        world.fuse.refuse_query_after(answered);
        assert!(world.try_step(&mut new).await.is_err(), "query {answered}, in a new run");
        assert_eq!(world.store.cursor(world.chain()).await.unwrap().unwrap(), before);
    }
    world.mine(100).await;
    world.go_on(&mut watcher, 10).await;
    world.assert_settled(&deal, ASKED).await;
}

#[tokio::test]
async fn token_with_other_decimals_than_configured_is_told_and_is_paid_all_the_same() {
    let world = World::new().await;
    let token = format!("{:#x}", world.evm.token);
    let log = LogCapture::start();
    // Of a token whose decimals nobody named, nothing is asked.
    let watcher = world.watch().await;
    assert_eq!(watcher.health().tokens_misconfigured, 0);
    assert!(log.take_errors().is_empty());

    // This contract returns none.
    let mut watcher = world.watch_with(json!({ "tokens": [{ "address": token, "decimals": 6 }] })).await;
    assert_eq!(watcher.health().tokens_misconfigured, 1);
    assert_logged(&log.take_errors(), "token decimals differ");
    let deal = world.deal().await;
    world.pay(&deal, ASKED).await;
    world.go_on(&mut watcher, 10).await;
    world.assert_settled(&deal, ASKED).await;
    // It is compared once, and told with each run.
    watcher.begin().await.unwrap();
    assert_eq!(watcher.health().tokens_misconfigured, 1);
    assert!(log.take_errors().is_empty());
}

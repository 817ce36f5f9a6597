//! A node that is behind, errs, forgets, mixes up its answers, or is asked by two watchers at once.

use std::time::Duration;

use alloy_primitives::Address;
use evm::RpcError;
use futures::future::join_all;
use harness::BASE;
use serde_json::json;
use watch_chain::WatchError;

use crate::node_double::NodeFault;
use crate::world::{ASKED, World};

#[tokio::test]
async fn behind_a_balancer_whose_nodes_lag_nothing_is_lost() {
    // No block is read twice: what one look loses, no later one finds.
    let world = World::with(json!({ "overlap": 0 })).await;
    let mut watcher = world.watch().await;
    world.double.lag(&[0, 5, 2, 9, 0, 1, 0, 3, 7]);
    let (mut deals, mut failures) = (Vec::new(), 0);
    for round in 0..40 {
        if round % 4 == 0 {
            let deal = world.deal().await;
            world.pay(&deal, ASKED).await;
            deals.push(deal);
        }
        failures += usize::from(world.try_step(&mut watcher).await.is_err());
        world.mine(1).await;
    }
    // Or nothing was proved.
    assert!(world.double.short_answers() > 0 && failures > 0);
    world.double.heal();
    world.go_on(&mut watcher, 12).await;
    for deal in &deals {
        world.assert_settled(deal, ASKED).await;
    }
}

#[tokio::test]
async fn a_node_that_fell_far_behind_takes_nothing_back() {
    let world = World::new().await;
    let mut watcher = world.watch().await;
    let deal = world.deal().await;
    world.mine(5).await;
    world.pay(&deal, ASKED).await;
    world.go_on(&mut watcher, 5).await;
    assert_eq!(world.shown(&deal).await.session, "processing");
    world.double.lag(&[20]);
    for _ in 0..3 {
        // Whether or not it comes to something, what was known stays known.
        let _as_may_be = world.try_step(&mut watcher).await;
        let shown = world.shown(&deal).await;
        assert_eq!((shown.session.as_str(), shown.deposits.as_slice()), ("processing", [ASKED].as_slice()));
        world.mine(1).await;
    }
    world.double.heal();
    world.go_on(&mut watcher, 10).await;
    world.assert_settled(&deal, ASKED).await;
}

#[tokio::test]
async fn a_node_that_leaves_out_logs_takes_no_payment_back() {
    let world = World::new().await;
    let mut watcher = world.watch_only().await;
    let deal = world.deal_in(&world.service.session_for(300).await).await;
    world.pay(&deal, ASKED).await;
    world.go_on(&mut watcher, 5).await;
    assert_eq!(world.shown(&deal).await.session, "processing");
    world.service.clock.advance(Duration::from_mins(10));
    world.double.omit_logs(true);
    for _ in 0..3 {
        // What the node says of this order is not believed. It stops no other.
        let step = world.try_step(&mut watcher).await.unwrap();
        assert_eq!((step.observed.len(), step.failed.len()), (0, 1), "{step:?}");
        let shown = world.shown(&deal).await;
        assert_eq!((shown.session.as_str(), shown.deposits.as_slice()), ("processing", [ASKED].as_slice()));
        world.mine(1).await;
    }
    world.double.heal();
    let mut watcher = world.watch().await;
    world.go_on(&mut watcher, 10).await;
    world.assert_settled(&deal, ASKED).await;
}

#[tokio::test]
async fn a_node_whose_index_of_logs_is_late_is_read_again() {
    let world = World::new().await;
    let mut watcher = world.watch().await;
    let deal = world.deal().await;
    world.pay(&deal, ASKED).await;
    world.mine(1).await;
    world.double.omit_logs(true);
    for _ in 0..20 {
        world.step(&mut watcher).await;
        assert_eq!(world.shown(&deal).await.pending, 0);
        world.mine(1).await;
    }
    world.double.omit_logs(false);
    world.go_on(&mut watcher, 10).await;
    world.assert_settled(&deal, ASKED).await;
}

#[tokio::test]
async fn each_kind_of_call_may_fail_in_each_way() {
    let world = World::with(json!({ "finality": "blocks:1" })).await;
    world.double.reorder();
    let mut watcher = world.watch().await;
    for fault in NodeFault::ALL {
        let deal = world.deal().await;
        world.pay(&deal, ASKED).await;
        world.mine(1).await;
        // Each method once by itself, and once more after it was answered.
        let mut met = std::collections::HashMap::<Vec<String>, usize>::new();
        world.double.fail(move |methods| {
            let times = met.entry(methods.to_vec()).or_default();
            *times += 1;
            (*times == 1 || *times == 3).then_some(fault)
        });
        let mut failures = 0;
        for _ in 0..40 {
            failures += usize::from(world.try_step(&mut watcher).await.is_err());
            world.mine(1).await;
            if world.shown(&deal).await.session == "complete" {
                break;
            }
        }
        assert!(failures > 0, "{fault:?}");
        world.assert_settled(&deal, ASKED).await;
    }
}

#[tokio::test]
async fn a_node_that_looks_through_few_blocks_at_once_is_asked_in_parts() {
    let world = World::new().await;
    world.double.limit_range(5);
    let deals = [world.deal().await, world.deal().await, world.deal().await];
    for deal in &deals {
        world.pay(deal, ASKED).await;
        world.mine(9).await;
    }
    let mut watcher = world.watch().await;
    world.go_on(&mut watcher, 10).await;
    for deal in &deals {
        world.assert_settled(deal, ASKED).await;
    }
}

#[tokio::test]
async fn a_long_way_is_gone_in_several_steps() {
    let world = World::with(json!({ "blockRange": 1, "overlap": 8 })).await;
    let deal = world.deal().await;
    world.mine(60).await;
    world.pay(&deal, ASKED).await;
    world.mine(1).await;
    let mut watcher = world.watch().await;
    assert!(world.step(&mut watcher).await.is_behind);
    assert_eq!(world.shown(&deal).await.pending, 0);
    assert!(!world.step(&mut watcher).await.is_behind);
    assert_eq!(world.shown(&deal).await.pending, ASKED);
    world.go_on(&mut watcher, 10).await;
    world.assert_settled(&deal, ASKED).await;
}

#[tokio::test]
async fn a_chain_that_nobody_watched_for_long_is_read_from_the_oldest_order_on() {
    let world = World::new().await;
    let first = world.deal().await;
    let mut watcher = world.watch().await;
    world.step(&mut watcher).await;
    world.mine(1_200).await;
    let deal = world.deal_in(&world.service.session_for(300).await).await;
    world.pay(&deal, ASKED).await;
    world.pay(&first, ASKED).await;
    world.mine(1).await;
    let mut watcher = world.watch().await;
    world.step(&mut watcher).await;
    world.go_on(&mut watcher, 10).await;
    world.assert_settled(&deal, ASKED).await;
    world.assert_forwarded(&first, ASKED).await;
}

#[tokio::test]
async fn with_more_open_orders_than_a_filter_takes_every_deposit_is_found() {
    let world = World::new().await;
    let token = format!("{:#x}", world.evm.token);
    let order =
        harness::with(harness::order(), json!({ "srcTokenAddress": token, "dstTokenAddress": token }));
    let mut addresses = Vec::new();
    for _ in 0..24 {
        let made = (0..50).map(|_| async {
            let order = world.service.create_order(order.clone()).await;
            order.ok()["globalAddress"].as_str().unwrap().parse::<Address>().unwrap()
        });
        addresses.extend(join_all(made).await);
    }
    // Of so many that a filter with only a thousand of all would leave some out.
    let paid = addresses.iter().step_by(40);
    for deposit in paid.clone() {
        world.evm.transfer(world.evm.token, *deposit, 1).await;
    }
    world.mine(1).await;
    let mut watcher = world.watch().await;
    let step = world.step(&mut watcher).await;
    assert_eq!((step.watched, step.observed.len()), (None, paid.len()));
}

#[tokio::test]
async fn two_watchers_at_once_count_and_forward_everything_once() {
    let world = World::new().await;
    let (mut one, mut other) = (world.watch().await, world.watch().await);
    let mut deals = Vec::new();
    for round in 0..20 {
        if round < 6 {
            let deal = world.deal().await;
            world.pay(&deal, ASKED).await;
            deals.push(deal);
        }
        // Either may find that the other was faster.
        let _as_may_be = tokio::join!(one.step(), other.step());
        world.mine(1).await;
    }
    for deal in &deals {
        world.assert_settled(deal, ASKED).await;
    }
}

#[tokio::test]
async fn an_endpoint_of_another_chain_is_refused() {
    let world = World::with(json!({ "chainId": 1 })).await;
    let order = json!({
        "checkoutSessionId": world.service.session().await,
        "srcChain": 1, "dstChain": 1,
        "srcTokenAddress": format!("{:#x}", world.evm.token),
        "dstTokenAddress": format!("{:#x}", world.evm.token),
    });
    world.service.create_order(harness::with(harness::order(), order)).await.ok();
    let refused = world.watcher(world.signer()).begin().await.unwrap_err();
    assert!(matches!(refused, WatchError::Rpc(RpcError::AnotherChain { found: BASE })), "{refused}");
}

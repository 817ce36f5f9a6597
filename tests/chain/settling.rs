//! Settlements that do not go as they should.

use std::time::Duration;

use alloy_primitives::U256;
use serde_json::json;

use crate::node_double::NodeFault;
use crate::world::{ASKED, FINALITY, World};

/// After this long an unmined settlement is replaced.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_settlement_that_is_too_cheap_is_replaced_and_mined_once() {
    let world = World::new().await;
    let mut watcher = world.watch().await;
    let deal = world.deal().await;
    world.pay(&deal, ASKED).await;
    world.mine(1 + FINALITY).await;
    let first = world.step(&mut watcher).await.sent.unwrap();
    // From now on everything costs a hundred times as much.
    world.evm.set_base_fee_in_gwei(100).await;
    world.mine(1).await;
    assert_eq!(world.step(&mut watcher).await.sent, None, "it is given some time");
    assert_eq!(world.received(&deal).await, 0);

    world.service.clock.advance(PATIENCE);
    let second = world.step(&mut watcher).await.sent.unwrap();
    assert_ne!(first, second);
    let kept = world.store.settlement(world.chain()).await.unwrap().unwrap();
    let hashes: Vec<String> = kept.versions.iter().map(|version| version.hash.clone()).collect();
    assert_eq!(hashes, [format!("{first:#x}"), format!("{second:#x}")], "all are kept");
    let [before, after] = kept.versions.as_slice() else { panic!("{kept:?}") };
    assert!(after.max_fee_per_gas * 8 >= before.max_fee_per_gas * 9);
    assert!(after.max_priority_fee_per_gas * 8 >= before.max_priority_fee_per_gas * 9);

    world.mine(1).await;
    assert_eq!(world.received(&deal).await, ASKED);
    world.go_on(&mut watcher, FINALITY + 1).await;
    world.assert_settled(&deal, ASKED).await;
    assert_eq!(world.shown(&deal).await.execution, Some(second));
    assert_eq!(world.evm.sent_by(world.gas_payer()).await, 1, "both had one nonce");
    assert!(world.store.settlement(world.chain()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_gas_payer_without_money_offers_no_fortune_and_settles_once_it_has_some() {
    let world = World::new().await;
    let mut watcher = world.watch().await;
    let deal = world.deal().await;
    world.pay(&deal, ASKED).await;
    world.mine(1 + FINALITY).await;
    world.evm.endow(world.gas_payer(), U256::ZERO).await;
    for _ in 0..30 {
        world.step(&mut watcher).await;
        world.service.clock.advance(PATIENCE);
    }
    let kept = world.store.settlement(world.chain()).await.unwrap().unwrap();
    let [first, .., last] = kept.versions.as_slice() else { panic!("{kept:?}") };
    // The market stood still. Thirty raises of an eighth would be thirty times as much.
    assert!(
        last.max_fee_per_gas <= 8 * first.max_fee_per_gas,
        "{} {}",
        first.max_fee_per_gas,
        last.max_fee_per_gas
    );
    assert!(last.max_priority_fee_per_gas <= 8 * first.max_priority_fee_per_gas);

    world.evm.endow(world.gas_payer(), U256::from(10_u128.pow(21))).await;
    world.go_on(&mut watcher, 6).await;
    world.assert_settled(&deal, ASKED).await;
}

#[tokio::test]
async fn nothing_is_settled_while_gas_costs_more_than_is_configured() {
    let world = World::with(json!({ "maxFeeGwei": 50 })).await;
    let mut watcher = world.watch().await;
    let deal = world.deal().await;
    world.pay(&deal, ASKED).await;
    world.mine(FINALITY).await;
    world.evm.set_base_fee_in_gwei(100).await;
    world.mine(1).await;
    assert_eq!(world.step(&mut watcher).await.sent, None);
    assert!(world.store.settlement(world.chain()).await.unwrap().is_none());
    assert_eq!(world.shown(&deal).await.session, "processing");
    world.evm.set_base_fee_in_gwei(1).await;
    world.mine(1).await;
    world.go_on(&mut watcher, 8).await;
    world.assert_settled(&deal, ASKED).await;
}

/// An issuer pauses its token for some seconds, and the one settlement of a hundred orders is mined just then.
#[tokio::test]
async fn a_token_that_refuses_everybody_for_a_while_fails_no_order() {
    let world = World::new().await;
    let mut watcher = world.watch().await;
    let deals = [world.deal().await, world.deal().await, world.deal().await];
    for deal in &deals {
        world.pay(deal, ASKED).await;
    }
    world.mine(1 + FINALITY).await;
    for deal in &deals {
        world.evm.block(deal.recipient, true).await;
    }
    assert!(world.step(&mut watcher).await.sent.is_some());
    world.go_on(&mut watcher, FINALITY + 2).await;
    for deal in &deals {
        let shown = world.shown(deal).await;
        assert_eq!((shown.session.as_str(), shown.order.as_str()), ("processing", "executing"), "{shown:?}");
    }
    assert_eq!(watcher.health().without_effect, 3);
    assert_eq!(world.evm.sent_by(world.gas_payer()).await, 1, "no gas is spent at each step");

    for deal in &deals {
        world.evm.block(deal.recipient, false).await;
    }
    world.mine(1).await;
    world.service.clock.advance(Duration::from_mins(1));
    world.go_on(&mut watcher, 10).await;
    for deal in &deals {
        world.assert_settled(deal, ASKED).await;
    }
}

#[tokio::test]
async fn a_recipient_that_alone_is_refused_over_hours_fails_alone() {
    let world = World::new().await;
    let mut watcher = world.watch().await;
    let refused = world.deal().await;
    world.evm.block(refused.recipient, true).await;
    world.pay(&refused, ASKED).await;
    for _ in 0..9 {
        // Somebody else is paid in the same token, in the same transaction whenever it is the refused order's turn.
        let other = world.deal().await;
        world.pay(&other, ASKED).await;
        world.mine(1 + FINALITY).await;
        world.go_on(&mut watcher, 8).await;
        world.assert_settled(&other, ASKED).await;
        if world.shown(&refused).await.order == "failure" {
            break;
        }
        assert_eq!(world.shown(&refused).await.session, "processing");
        world.service.clock.advance(Duration::from_hours(3));
        world.mine(1).await;
    }
    let shown = world.shown(&refused).await;
    assert_eq!((shown.session.as_str(), shown.order.as_str()), ("expired", "failure"), "{shown:?}");
    assert!(shown.failure.as_ref().unwrap().contains("the account is blocked"), "{shown:?}");
    let sent = world.evm.sent_by(world.gas_payer()).await;
    world.service.clock.advance(Duration::from_hours(48));
    world.mine(1).await;
    world.go_on(&mut watcher, 4).await;
    assert_eq!(world.evm.sent_by(world.gas_payer()).await, sent, "no gas is spent on it again");

    // Once the token relents, anybody can forward it.
    world.evm.block(refused.recipient, false).await;
    world.mine(1).await;
    world.sweep(&refused).await;
    // Something else is watched, so the chain is read.
    world.deal().await;
    world.go_on(&mut watcher, FINALITY + 2).await;
    let shown = world.shown(&refused).await;
    assert_eq!((shown.session.as_str(), shown.order.as_str()), ("expired", "executed"), "{shown:?}");
    assert_eq!(shown.failure, None);
    world.assert_forwarded(&refused, ASKED).await;
}

#[tokio::test]
async fn a_strangers_failed_sweep_fails_no_order() {
    let world = World::new().await;
    let mut watcher = world.watch_only().await;
    let deal = world.deal().await;
    world.pay(&deal, ASKED).await;
    world.go_on(&mut watcher, FINALITY + 1).await;
    // Anybody can choose a moment at which the token refuses.
    world.evm.block(deal.recipient, true).await;
    world.mine(1).await;
    world.sweep_many(&deal).await;
    world.mine(1).await;
    world.evm.block(deal.recipient, false).await;
    world.go_on(&mut watcher, FINALITY + 2).await;
    assert_eq!(world.shown(&deal).await.session, "processing");
    let mut watcher = world.watch().await;
    world.service.clock.advance(Duration::from_mins(5));
    world.mine(1).await;
    world.go_on(&mut watcher, 8).await;
    world.assert_settled(&deal, ASKED).await;
}

#[tokio::test]
async fn a_settlement_whose_reply_is_lost_is_mined_once() {
    let world = World::new().await;
    let mut watcher = world.watch().await;
    let deal = world.deal().await;
    world.pay(&deal, ASKED).await;
    world.double.fail(|methods| {
        methods.iter().any(|method| method == "eth_sendRawTransaction").then_some(NodeFault::LosesTheAnswer)
    });
    world.go_on(&mut watcher, 10).await;
    world.assert_settled(&deal, ASKED).await;
    assert_eq!(world.evm.sent_by(world.gas_payer()).await, 1);
}

#[tokio::test]
async fn who_cannot_settle_still_watches() {
    let world = World::new().await;
    let mut watcher = world.watch().await;
    let settled = world.deal().await;
    world.pay(&settled, ASKED).await;
    world.double.fail(|methods| {
        methods
            .iter()
            .any(|method| method == "eth_estimateGas")
            .then_some(NodeFault::Refuses("execution reverted"))
    });
    for _ in 0..6 {
        world.mine(1).await;
        world.step(&mut watcher).await;
    }
    let cursor = world.store.cursor(world.chain()).await.unwrap().unwrap();
    assert_eq!(cursor.block, world.evm.head().await.number, "what was recorded is not read again and again");
    assert_eq!(world.shown(&settled).await.session, "processing");
    let deal = world.deal().await;
    world.pay(&deal, ASKED).await;
    world.mine(1).await;
    world.step(&mut watcher).await;
    assert_eq!(world.shown(&deal).await.pending, ASKED);
    world.double.heal();
    // What was refused backs off.
    world.service.clock.advance(Duration::from_mins(10));
    world.mine(1).await;
    world.go_on(&mut watcher, 10).await;
    world.assert_settled(&settled, ASKED).await;
    world.assert_settled(&deal, ASKED).await;
}

/// A failure is believed of our own key's transactions alone. With another key it is as if it had never been, and no
/// contradiction of the node's that would keep every order from being recorded.
#[tokio::test]
async fn another_gas_key_does_not_stop_the_watcher_over_an_earlier_failure() {
    let world = World::new().await;
    let mut watcher = world.watch().await;
    let refused = world.deal().await;
    world.evm.block(refused.recipient, true).await;
    world.pay(&refused, ASKED).await;
    world.go_on(&mut watcher, 8).await;
    assert_eq!(world.shown(&refused).await.session, "processing");

    let mut watcher = world.watch_only().await;
    let other = world.deal().await;
    world.pay(&refused, 1).await;
    world.pay(&other, ASKED).await;
    world.go_on(&mut watcher, FINALITY + 2).await;
    assert_eq!(world.shown(&refused).await.deposits, [ASKED, 1]);
    assert_eq!(world.shown(&other).await.session, "processing");
}

/// An order outlives the configuration it was made under. Its money is not a node's lie, either.
#[tokio::test]
async fn what_was_seen_of_a_token_that_is_not_configured_any_more_is_settled() {
    let world = World::new().await;
    let mut watcher = world.watch().await;
    let deal = world.deal().await;
    world.pay(&deal, ASKED).await;
    world.mine(1).await;
    world.step(&mut watcher).await;
    assert_eq!(world.shown(&deal).await.pending, ASKED);

    let other = format!("{:#x}", world.evm.other_token);
    let mut watcher = world.watch_with(json!({ "tokens": [other] })).await;
    world.go_on(&mut watcher, 10).await;
    world.assert_settled(&deal, ASKED).await;
}

/// One order that cannot be read needs a person, and holds up nothing else.
#[tokio::test]
async fn an_order_that_cannot_be_read_holds_up_nothing_and_is_settled_once_it_can() {
    let world = World::with(json!({ "blockRange": 3, "overlap": 4 })).await;
    let mut watcher = world.watch().await;
    let [broken, other] = [world.deal().await, world.deal().await];
    let whole = world.spoil(&broken).await;
    for deal in [&broken, &other] {
        world.pay(deal, ASKED).await;
    }
    world.mine(1).await;
    assert_eq!(world.step(&mut watcher).await.failed.len(), 1);
    world.go_on(&mut watcher, 10).await;
    world.assert_settled(&other, ASKED).await;
    let cursor = world.store.cursor(world.chain()).await.unwrap().unwrap();
    assert_eq!(cursor.block, world.evm.head().await.number, "the cursor goes on");

    // Far more blocks than one step reads, and a watcher that knows nothing of it.
    for _ in 0..8 {
        world.mine(50).await;
        world.try_step(&mut watcher).await.unwrap();
    }
    let mut watcher = world.watch().await;
    world.restore(whole).await;
    world.service.clock.advance(Duration::from_mins(1));
    world.mine(1).await;
    world.go_on(&mut watcher, 12).await;
    world.assert_settled(&broken, ASKED).await;
}

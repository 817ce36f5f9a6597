//! How an order is paid: at once, in parts, too much, and not at all.

use std::time::Duration;

use serde_json::json;

use crate::world::{ASKED, FINALITY, World};

#[tokio::test]
async fn a_deposit_is_seen_counts_once_it_is_final_is_swept_and_completes_the_session() {
    let world = World::new().await;
    let mut watcher = world.watch().await;
    let deal = world.deal().await;
    let payment = world.pay(&deal, ASKED).await;
    world.mine(1).await;

    // Seen, and until it is final worth nothing.
    for _ in 0..FINALITY {
        let step = world.step(&mut watcher).await;
        assert_eq!((step.observed.len(), step.sent), (1, None));
        let shown = world.shown(&deal).await;
        assert_eq!((shown.session.as_str(), shown.pending), ("open", ASKED), "{shown:?}");
        assert!(shown.deposits.is_empty(), "{shown:?}");
        world.mine(1).await;
    }
    let sent = world.step(&mut watcher).await.sent.unwrap();
    let shown = world.shown(&deal).await;
    assert_eq!((shown.session.as_str(), shown.order.as_str()), ("processing", "executing"));
    assert_eq!((shown.deposits.as_slice(), shown.pending), ([ASKED].as_slice(), 0));
    let paid = world.service.get_order(&deal.order).await;
    assert_eq!(paid.ok()["depositTxs"][0]["txHash"], format!("{payment:#x}"));
    assert_eq!(paid.ok()["depositTxs"][0]["from"], format!("{:#x}", world.evm.payer));

    // Swept, and until that is final not executed.
    world.mine(1).await;
    assert_eq!(world.received(&deal).await, ASKED);
    for _ in 0..FINALITY {
        world.step(&mut watcher).await;
        assert_eq!(world.shown(&deal).await.session, "processing");
        world.mine(1).await;
    }
    world.step(&mut watcher).await;
    world.assert_settled(&deal, ASKED).await;
    assert_eq!(world.shown(&deal).await.execution, Some(sent));
    assert_eq!(world.evm.sent_by(world.gas_payer()).await, 1);
}

#[tokio::test]
async fn a_node_is_asked_nothing_while_no_order_waits() {
    let world = World::new().await;
    let mut watcher = world.watch().await;
    world.double.take_methods();
    assert_eq!(world.step(&mut watcher).await.watched, Some(0));
    assert!(world.double.take_methods().is_empty());
    world.deal().await;
    assert_eq!(world.step(&mut watcher).await.watched, Some(1));
    assert!(!world.double.take_methods().is_empty());
    // Nobody waits for ever; but first all is read that may hold a deposit.
    world.service.clock.advance(Duration::from_hours(49));
    world.mine(1).await;
    let mut watcher = world.watch().await;
    world.step(&mut watcher).await;
    world.double.take_methods();
    assert_eq!(world.step(&mut watcher).await.watched, Some(0));
    assert!(world.double.take_methods().is_empty());
}

#[tokio::test]
async fn a_deposit_that_falls_short_waits_for_the_rest() {
    let world = World::new().await;
    let mut watcher = world.watch().await;
    let deal = world.deal().await;
    world.pay(&deal, ASKED - 1).await;
    world.go_on(&mut watcher, 10).await;
    let shown = world.shown(&deal).await;
    assert_eq!((shown.session.as_str(), shown.order.as_str()), ("open", "scanning_deposit_transaction"));
    assert_eq!(shown.deposits, [ASKED - 1]);
    let answer = world.service.get_order(&deal.order).await;
    assert_eq!(answer.ok()["payment"]["dueAmount"], "1");
    assert_eq!(world.received(&deal).await, 0, "it is not forwarded while the rest may come");

    world.pay(&deal, 1).await;
    world.go_on(&mut watcher, 10).await;
    world.assert_settled(&deal, ASKED).await;
    assert_eq!(world.shown(&deal).await.deposits.len(), 2);
}

#[tokio::test]
async fn two_deposits_in_one_block_and_more_than_was_asked_for_are_forwarded_together() {
    let world = World::new().await;
    let mut watcher = world.watch().await;
    let deal = world.deal().await;
    world.pay(&deal, ASKED).await;
    world.pay(&deal, ASKED / 2).await;
    world.go_on(&mut watcher, 10).await;
    world.assert_settled(&deal, ASKED + ASKED / 2).await;
    let answer = world.service.get_order(&deal.order).await;
    assert_eq!(answer.ok()["payment"]["excessAmount"], (ASKED / 2).to_string());
    assert_eq!(world.evm.sent_by(world.gas_payer()).await, 1);
}

#[tokio::test]
async fn what_comes_after_the_settlement_is_forwarded_too_and_the_session_stays_complete() {
    let world = World::new().await;
    let mut watcher = world.watch().await;
    let deal = world.deal().await;
    world.pay(&deal, ASKED).await;
    world.go_on(&mut watcher, 10).await;
    let execution = world.shown(&deal).await.execution;
    world.pay(&deal, 7).await;
    world.go_on(&mut watcher, 10).await;
    world.assert_settled(&deal, ASKED + 7).await;
    assert_eq!(world.shown(&deal).await.execution, execution, "the first sweep completed it");
}

#[tokio::test]
async fn another_token_and_a_transfer_of_nothing_count_nothing() {
    let world = World::new().await;
    let mut watcher = world.watch().await;
    let deal = world.deal().await;
    world.evm.transfer(world.evm.other_token, deal.deposit, ASKED).await;
    world.pay(&deal, 0).await;
    world.go_on(&mut watcher, 10).await;
    let shown = world.shown(&deal).await;
    assert_eq!((shown.session.as_str(), shown.pending), ("open", 0), "{shown:?}");
    assert!(shown.deposits.is_empty(), "{shown:?}");

    world.pay(&deal, ASKED).await;
    world.go_on(&mut watcher, 10).await;
    world.assert_settled(&deal, ASKED).await;
    // It stays where only the recipient can get it.
    assert_eq!(world.evm.holds(world.evm.other_token, deal.deposit).await, ASKED);
}

#[tokio::test]
async fn many_orders_are_settled_in_one_transaction() {
    let world = World::new().await;
    let mut watcher = world.watch().await;
    let mut deals = Vec::new();
    for _ in 0..12 {
        let deal = world.deal().await;
        world.pay(&deal, ASKED).await;
        deals.push(deal);
    }
    world.go_on(&mut watcher, 10).await;
    for deal in &deals {
        world.assert_settled(deal, ASKED).await;
    }
    assert_eq!(world.evm.sent_by(world.gas_payer()).await, 1);
}

#[tokio::test]
async fn the_chains_own_word_of_what_is_safe_or_final_counts() {
    // The node says `safe` of one block below its head, and `finalized` of two.
    for (finality, below) in [("safe", 1), ("finalized", 2)] {
        let world = World::with(json!({ "finality": finality })).await;
        let mut watcher = world.watch().await;
        let deal = world.deal().await;
        world.pay(&deal, ASKED).await;
        world.mine(below).await;
        world.step(&mut watcher).await;
        assert_eq!(world.shown(&deal).await.session, "open", "{finality}");
        world.mine(1).await;
        world.step(&mut watcher).await;
        assert_eq!(world.shown(&deal).await.session, "processing", "{finality}");
        world.go_on(&mut watcher, below + 2).await;
        world.assert_settled(&deal, ASKED).await;
    }
}

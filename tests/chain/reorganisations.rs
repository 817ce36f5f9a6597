//! The chain takes back what it showed, one block of it or sixty-four, before anything was reported of it and after.

use std::time::Duration;

use serde_json::json;
use store::Cursor;
use watch_chain::ChainWatcher;

use crate::log_capture::LogCapture;
use crate::world::{ASKED, Deal, FINALITY, World};

const DEPTHS: [u64; 3] = [1, 3, 64];

/// Takes blocks back and puts as many others in their place, and one more: a chain is left for a longer one.
async fn reorganise(world: &World, depth: u64) {
    world.evm.roll_back(depth).await;
    world.mine(depth + 1).await;
}

async fn until_complete(world: &World, watcher: &mut ChainWatcher, deal: &Deal) {
    for _ in 0..12 {
        world.step(watcher).await;
        if world.shown(deal).await.session == "complete" && world.received(deal).await > 0 {
            return;
        }
        world.mine(1).await;
    }
    panic!("{:?}", world.shown(deal).await);
}

#[tokio::test]
async fn a_payment_that_vanishes_before_it_is_final_counts_nothing_and_once_if_it_comes_back() {
    for depth in DEPTHS {
        let world = World::with(json!({ "finality": "blocks:70" })).await;
        let mut watcher = world.watch().await;
        let deal = world.deal().await;
        let payment = world.pay(&deal, ASKED).await;
        world.mine(depth).await;
        world.step(&mut watcher).await;
        assert_eq!(world.shown(&deal).await.pending, ASKED, "{depth}");

        reorganise(&world, depth).await;
        world.step(&mut watcher).await;
        let shown = world.shown(&deal).await;
        assert_eq!((shown.session.as_str(), shown.pending), ("open", 0), "{depth}: {shown:?}");

        // The same transaction, in another block.
        assert_eq!(world.pay(&deal, ASKED).await, payment);
        world.mine(1).await;
        world.step(&mut watcher).await;
        assert_eq!(world.shown(&deal).await.pending, ASKED, "{depth}: in the very same run");
        world.mine(70).await;
        world.step(&mut watcher).await;
        world.mine(71).await;
        world.step(&mut watcher).await;
        world.assert_settled(&deal, ASKED).await;
    }
}

#[tokio::test]
async fn a_payment_that_moves_to_another_block_counts_once() {
    for depth in DEPTHS {
        let world = World::with(json!({ "finality": "blocks:2" })).await;
        let mut watcher = world.watch().await;
        let deal = world.deal().await;
        let payment = world.pay(&deal, ASKED).await;
        world.mine(depth).await;
        // It is final where that means two blocks, and the settlement waits.
        world.step(&mut watcher).await;
        world.evm.roll_back(depth).await;
        assert_eq!(world.pay(&deal, ASKED).await, payment);
        world.mine(depth + 1).await;
        until_complete(&world, &mut watcher, &deal).await;
        world.assert_settled(&deal, ASKED).await;
        assert_eq!(world.shown(&deal).await.deposits, [ASKED], "{depth}");
    }
}

#[tokio::test]
async fn a_payment_that_vanishes_after_it_counted_pays_nothing_any_more() {
    for depth in DEPTHS {
        let world = World::with(json!({ "finality": "blocks:0" })).await;
        let mut watcher = world.watch_only().await;
        let deal = world.deal().await;
        world.pay(&deal, ASKED).await;
        world.mine(depth).await;
        world.step(&mut watcher).await;
        assert_eq!(world.shown(&deal).await.session, "processing", "{depth}");
        reorganise(&world, depth).await;
        // Whoever begins anew has only the table to go by.
        let mut watcher = world.watch().await;
        world.step(&mut watcher).await;
        let shown = world.shown(&deal).await;
        assert_eq!((shown.session.as_str(), shown.deposits.len()), ("open", 0), "{depth}: {shown:?}");
        world.pay(&deal, ASKED).await;
        world.mine(1).await;
        until_complete(&world, &mut watcher, &deal).await;
        world.assert_settled(&deal, ASKED).await;
    }
}

#[tokio::test]
async fn a_settlement_that_vanishes_is_made_again_and_the_session_stays_complete() {
    for depth in DEPTHS {
        let world = World::with(json!({ "finality": "blocks:0" })).await;
        let mut watcher = world.watch().await;
        let deal = world.deal().await;
        world.pay(&deal, ASKED).await;
        world.mine(1).await;
        assert!(world.step(&mut watcher).await.sent.is_some());
        world.mine(depth).await;
        world.step(&mut watcher).await;
        world.assert_settled(&deal, ASKED).await;

        reorganise(&world, depth).await;
        assert_eq!(world.received(&deal).await, 0, "{depth}: the sweep is gone");
        until_complete(&world, &mut watcher, &deal).await;
        world.assert_settled(&deal, ASKED).await;
    }
}

#[tokio::test]
async fn payment_and_settlement_that_both_vanish_leave_the_session_complete() {
    for depth in [2, 3, 64] {
        let world = World::with(json!({ "finality": "blocks:0" })).await;
        let mut watcher = world.watch().await;
        let deal = world.deal().await;
        world.pay(&deal, ASKED).await;
        world.mine(1).await;
        assert!(world.step(&mut watcher).await.sent.is_some());
        world.mine(depth - 1).await;
        world.step(&mut watcher).await;
        world.assert_settled(&deal, ASKED).await;

        reorganise(&world, depth).await;
        world.step(&mut watcher).await;
        let shown = world.shown(&deal).await;
        assert_eq!((shown.session.as_str(), shown.deposits.len()), ("complete", 0), "{depth}: {shown:?}");
        world.pay(&deal, ASKED).await;
        world.mine(1).await;
        until_complete(&world, &mut watcher, &deal).await;
        world.assert_settled(&deal, ASKED).await;
    }
}

#[tokio::test]
async fn a_session_held_by_a_payment_that_vanishes_expires_and_stays_expired() {
    let world = World::new().await;
    let mut watcher = world.watch().await;
    let deal = world.deal_in(&world.service.session_for(300).await).await;
    world.pay(&deal, ASKED).await;
    world.mine(1).await;
    world.step(&mut watcher).await;
    world.service.clock.advance(Duration::from_mins(5));
    assert_eq!(world.shown(&deal).await.session, "processing");
    reorganise(&world, 1).await;
    world.step(&mut watcher).await;
    assert_eq!(world.shown(&deal).await.session, "expired");
    world.pay(&deal, ASKED).await;
    world.mine(1).await;
    world.go_on(&mut watcher, 10).await;
    assert_eq!(world.shown(&deal).await.session, "expired");
    world.assert_forwarded(&deal, ASKED).await;
}

#[tokio::test]
async fn a_payment_that_moves_to_a_block_after_the_deadline_is_late() {
    let world = World::new().await;
    let mut watcher = world.watch().await;
    let deal = world.deal_in(&world.service.session_for(300).await).await;
    let payment = world.pay(&deal, ASKED).await;
    world.mine(1).await;
    world.step(&mut watcher).await;
    world.service.clock.advance(Duration::from_mins(5));
    assert_eq!(world.shown(&deal).await.session, "processing");
    world.evm.roll_back(1).await;
    assert_eq!(world.pay(&deal, ASKED).await, payment);
    world.mine(2).await;
    world.go_on(&mut watcher, 10).await;
    let shown = world.shown(&deal).await;
    assert_eq!((shown.session.as_str(), shown.is_late), ("expired", true), "{shown:?}");
    world.assert_forwarded(&deal, ASKED).await;
}

#[tokio::test]
async fn a_settlement_that_waits_for_others_which_vanished_is_given_up_and_signed_anew() {
    let world = World::with(json!({ "finality": "blocks:0" })).await;
    let mut watcher = world.watch().await;
    let (first, second) = (world.deal().await, world.deal().await);
    world.pay(&first, ASKED).await;
    world.mine(1).await;
    assert!(world.step(&mut watcher).await.sent.is_some());
    world.mine(1).await;
    world.pay(&second, ASKED).await;
    world.mine(1).await;
    // That the first is over, and then the second.
    assert!(world.step(&mut watcher).await.sent.is_none());
    assert!(world.step(&mut watcher).await.sent.is_some());
    // The first settlement is gone, so the second one's turn never comes.
    world.evm.rpc("anvil_dropAllTransactions", json!([])).await;
    reorganise(&world, 2).await;
    assert_eq!(world.evm.sent_by(world.gas_payer()).await, 0);
    world.pay(&second, ASKED).await;
    world.mine(1).await;
    world.step(&mut watcher).await;
    world.service.clock.advance(Duration::from_mins(1));
    for _ in 0..4 {
        world.step(&mut watcher).await;
        world.mine(1).await;
    }
    world.step(&mut watcher).await;
    world.assert_settled(&first, ASKED).await;
    world.assert_settled(&second, ASKED).await;
}

/// Anybody's transaction may do something else in another block, or nothing. Were that taken for a contradiction of the
/// node's, one such order would keep all others from being recorded for good.
#[tokio::test]
async fn a_sweep_that_comes_back_without_effect_is_gone_and_stops_nobody() {
    let world = World::new().await;
    let mut watcher = world.watch_only().await;
    let deal = world.deal().await;
    world.pay(&deal, ASKED).await;
    world.mine(1).await;
    let sweep = world.sweep_many(&deal).await;
    world.mine(1).await;
    world.step(&mut watcher).await;
    assert_eq!(world.shown(&deal).await.pending, ASKED);
    assert_eq!(world.received(&deal).await, ASKED);

    // Of both, the sweep alone comes back.
    world.evm.roll_back(2).await;
    assert_eq!(world.sweep_many(&deal).await, sweep);
    let other = world.deal().await;
    world.pay(&other, ASKED).await;
    world.mine(2).await;
    assert_eq!(world.received(&deal).await, 0);
    world.go_on(&mut watcher, FINALITY + 1).await;
    let shown = world.shown(&deal).await;
    assert_eq!((shown.session.as_str(), shown.pending), ("open", 0), "{shown:?}");
    assert!(shown.deposits.is_empty(), "{shown:?}");
    assert_eq!(world.shown(&other).await.session, "processing");
}

/// The scan begins again far back, because the cursor is of another chain, and reads in small parts. What is known of later
/// blocks is then not read at first.
#[tokio::test]
async fn settlement_that_vanished_is_made_again_although_the_scan_began_anew_before_it() {
    let world = World::with(json!({ "blockRange": 7 })).await;
    let mut watcher = world.watch().await;
    let deal = world.deal_in(&world.service.session_for(86_400).await).await;
    world.pay(&deal, ASKED).await;
    world.mine(500).await;
    world.go_on(&mut watcher, 2 * FINALITY + 4).await;
    world.assert_settled(&deal, ASKED).await;
    // The sweep goes, and the payment stays.
    world.evm.roll_back(2 * FINALITY + 4).await;
    world.mine(80).await;
    assert_eq!(world.received(&deal).await, 0);
    let seen = world.store.cursor(world.chain()).await.unwrap().unwrap();
    let wrong = Cursor { block: 5_000, block_hash: format!("0x{}", "ab".repeat(32)), ..seen.clone() };
    world.store.move_cursor(world.chain(), Some(&seen), &wrong).await.unwrap();
    let mut watcher = world.watch().await;
    for _ in 0..10 {
        world.step(&mut watcher).await;
        world.mine(1).await;
    }
    world.go_on(&mut watcher, 8).await;
    world.assert_settled(&deal, ASKED).await;
}

#[tokio::test]
async fn cursor_is_kept_if_its_block_was_replaced_while_nobody_watched() {
    let world = World::new().await;
    let mut watcher = world.watch().await;
    let deal = world.deal().await;
    world.mine(80).await;
    world.step(&mut watcher).await;
    reorganise(&world, 2).await;
    world.pay(&deal, ASKED).await;
    world.mine(100).await;
    let log = LogCapture::start();
    let mut watcher = world.watch().await;
    world.go_on(&mut watcher, 8).await;
    assert_eq!(log.take_errors(), Vec::<String>::new());
    world.assert_settled(&deal, ASKED).await;
}

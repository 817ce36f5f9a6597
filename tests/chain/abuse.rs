//! Cheap abuse: what a stranger can do for a few cents neither stops the watcher nor delays the payments of others.

use std::time::Duration;

use alloy_primitives::Address;
use domain::amount::Amount;
use domain::chain_fact::{ChainFact, ChainFactKind};
use domain::id::OrderId;
use domain::payment::TxHash;
use domain::text::Text;
use futures::future::join_all;
use serde_json::json;
use store::{ChainObservation, Observation};

use crate::node_double::LogFault;
use crate::world::{ASKED, Deal, FINALITY, World};

/// The most requests of a step, whatever happened before it.
const MOST_CALLS: usize = 150;

async fn deals(world: &World, count: usize) -> Vec<Deal> {
    let mut deals = Vec::new();
    while deals.len() < count {
        deals.extend(join_all((0..count.min(50)).map(|_| world.deal())).await);
    }
    deals.truncate(count);
    deals
}

/// A second payment long after the first: the blocks between them were read already.
#[tokio::test]
async fn step_makes_few_requests_if_an_order_is_paid_again_thousands_of_blocks_later() {
    let world = World::with(json!({ "blockRange": 10 })).await;
    let mut watcher = world.watch().await;
    let underpaid = world.deal_in(&world.service.session_for(86_400).await).await;
    world.pay(&underpaid, 1).await;
    world.mine(1).await;
    world.go_on(&mut watcher, FINALITY + 1).await;
    // Four hours, at 500 blocks a step.
    world.mine(7_200).await;
    while world.step(&mut watcher).await.is_behind {}
    let other = world.deal().await;
    world.pay(&underpaid, ASKED - 1).await;
    world.pay(&other, ASKED).await;
    world.mine(1).await;
    for _ in 0..2 * FINALITY {
        world.double.take_methods();
        world.step(&mut watcher).await;
        let calls = world.double.take_methods();
        assert!(calls.len() < MOST_CALLS, "{} calls: {calls:?}", calls.len());
        world.mine(1).await;
    }
    world.go_on(&mut watcher, 6).await;
    world.assert_settled(&underpaid, ASKED).await;
    world.assert_settled(&other, ASKED).await;
}

#[tokio::test]
async fn dust_to_many_orders_over_hours_delays_no_payment() {
    const AT_MOST: usize = 4;
    let world = World::with(json!({ "blockRange": 10 })).await;
    let mut watcher = world.watch().await.at_most(AT_MOST);
    let dusted = deals(&world, 12).await;
    for round in 0..3 {
        for deal in &dusted {
            world.pay(deal, 1).await;
        }
        let honest = world.deal().await;
        world.pay(&honest, ASKED).await;
        world.mine(1).await;
        // 17 orders by four, for each block until both payments and settlement are final.
        for _ in 0..5 * (2 * FINALITY + 4) {
            world.double.take_methods();
            world.step(&mut watcher).await;
            let calls = world.double.take_methods();
            // After a gap, what may have changed in the blocks before it is read in bounded parts.
            assert!(calls.len() < 2 * MOST_CALLS, "{} calls in round {round}", calls.len());
            world.mine(1).await;
        }
        world.assert_settled(&honest, ASKED).await;
        world.mine(900).await;
        while world.step(&mut watcher).await.is_behind {}
    }
    // Their sessions are over, and what was paid is the recipients'.
    for _ in 0..40 {
        world.step(&mut watcher).await;
        world.mine(1).await;
    }
    for deal in &dusted {
        world.assert_forwarded(deal, 3).await;
    }
}

#[tokio::test]
async fn payments_are_found_by_address_if_more_orders_are_unpaid_than_can_be_listed() {
    const UNPAID: usize = 300;
    let world = World::new().await;
    let mut watcher = world.watch().await.listing_at_most(10);
    deals(&world, UNPAID).await;
    let short = world.deal_in(&world.service.session_for(300).await).await;
    let honest = world.deal().await;
    world.pay(&honest, ASKED).await;
    world.mine(1).await;
    let step = world.step(&mut watcher).await;
    assert_eq!((step.watched, step.observed.len()), (None, 1));
    world.go_on(&mut watcher, 9).await;
    world.assert_settled(&honest, ASKED).await;

    // Late money, and a process that begins then.
    world.service.clock.advance(Duration::from_hours(20));
    world.pay(&short, ASKED).await;
    world.mine(1).await;
    let mut watcher = world.watch().await.listing_at_most(10);
    world.go_on(&mut watcher, 10).await;
    assert_eq!(world.shown(&short).await.session, "expired");
    world.assert_forwarded(&short, ASKED).await;
}

/// With too many orders to list, all transfers of a token are read, and a busy token has thousands within the overlap.
#[tokio::test]
async fn cursor_moves_if_the_overlap_alone_has_more_recipients_than_a_scan_looks_up() {
    let world = World::new().await;
    world.mine(80).await;
    let mut watcher = world.watch().await.listing_at_most(0);
    world.double.add_transfers(35);
    let deal = world.deal().await;
    for round in 0..6 {
        if round == 3 {
            world.pay(&deal, ASKED).await;
        }
        world.mine(1).await;
        world.step(&mut watcher).await;
    }
    let cursor = world.store.cursor(world.chain()).await.unwrap().unwrap();
    assert_eq!(cursor.block, world.evm.head().await.number);
    world.go_on(&mut watcher, 10).await;
    world.assert_settled(&deal, ASKED).await;
    // Another process knows none of the recipients.
    let mut watcher = world.watch().await.listing_at_most(0);
    world.mine(1).await;
    for _ in 0..4 {
        world.step(&mut watcher).await;
    }
    let cursor = world.store.cursor(world.chain()).await.unwrap().unwrap();
    assert_eq!(cursor.block, world.evm.head().await.number);
}

/// Each is a transaction of its own, all of them in blocks that may still be replaced.
#[tokio::test]
async fn thousands_of_deposits_to_one_order_are_all_recorded() {
    const BLOCKS: usize = 32;
    const PER_BLOCK: usize = 100;
    let world = World::new().await;
    let mut watcher = world.watch().await;
    let flooded = world.deal().await;
    let other = world.deal().await;
    for _ in 0..BLOCKS {
        world.evm.transfer_many(flooded.deposit, PER_BLOCK).await;
        world.mine(1).await;
    }
    world.pay(&other, ASKED).await;
    world.mine(1).await;
    world.step(&mut watcher).await;
    let deposited = u64::try_from(BLOCKS * PER_BLOCK).unwrap();
    let shown = world.shown(&flooded).await;
    assert_eq!(shown.deposits.iter().sum::<u64>() + shown.pending, deposited);
    world.go_on(&mut watcher, 9).await;
    world.assert_settled(&other, ASKED).await;
    world.service.clock.advance(Duration::from_hours(1));
    world.mine(1).await;
    world.go_on(&mut watcher, 6).await;
    world.assert_forwarded(&flooded, deposited).await;
}

#[tokio::test]
async fn observation_with_25000_facts_is_recorded_in_pieces_and_later_ones_add_to_it() {
    let world = World::new().await;
    let deal = world.deal().await;
    let id = OrderId::parse(&deal.order).unwrap();
    let now = world.service.clock.now();
    let facts = |blocks: std::ops::Range<u64>| -> Vec<ChainFact> {
        let fact = |number: u64| ChainFact {
            hash: TxHash::parse(format!("0x{number:064x}")).unwrap(),
            block: number / 25,
            at: now,
            is_final: true,
            kind: ChainFactKind::Deposit {
                from: Text::parse(format!("{:#x}", Address::repeat_byte(7))).unwrap(),
                amount: Amount::parse("1").unwrap(),
            },
        };
        (blocks.start * 25..blocks.end * 25).map(fact).collect()
    };
    let observation = |blocks: std::ops::Range<u64>| ChainObservation {
        from_block: blocks.start,
        to_block: blocks.end - 1,
        firm_block: blocks.end - 1,
        margin: 0,
        facts: facts(blocks),
        owed_from: None,
        sweep_due: None,
    };
    for (blocks, total) in [(0..1_000, 25_000), (1_000..1_200, 30_000)] {
        let recorded = world.store.observe(id, &observation(blocks), || now).await.unwrap();
        let Observation::Recorded(order) = recorded else { panic!("{recorded:?}") };
        assert_eq!(order.facts.len(), total);
        let received = order.record.on_chain.unwrap().confirmed;
        assert_eq!(received.to_string(), total.to_string());
        let answer = world.service.get_order(&deal.order).await;
        let text = answer.ok().to_string();
        assert!(text.len() < 6_000_000, "{} bytes", text.len());
        assert_eq!(answer.ok()["payment"]["receivedAmount"], total.to_string());
    }
}

/// An order that can never be read right must not use up the requests of the others that are owed from far back.
#[tokio::test]
async fn order_that_the_node_contradicts_does_not_starve_others_that_are_owed_from_far_back() {
    let world = World::with(json!({ "blockRange": 10 })).await;
    let mut watcher = world.watch().await;
    let contradicted = world.deal_in(&world.service.session_for(86_400).await).await;
    let other = world.deal_in(&world.service.session_for(86_400).await).await;
    world.pay(&contradicted, ASKED).await;
    world.mine(1).await;
    world.step(&mut watcher).await;
    world.double.spoil_logs(Some((contradicted.deposit, LogFault::Unreadable)));
    world.mine(1_000).await;
    while world.step(&mut watcher).await.is_behind {}
    // The other cannot be read for a while. It is then owed from far back, but from later blocks.
    let whole = world.spoil(&other).await;
    world.pay(&other, ASKED).await;
    world.mine(1).await;
    assert!(world.step(&mut watcher).await.failed.contains(&OrderId::parse(&other.order).unwrap()));
    world.mine(1_000).await;
    while world.step(&mut watcher).await.is_behind {}
    world.restore(whole).await;
    world.service.clock.advance(Duration::from_mins(1));
    for _ in 0..20 {
        world.step(&mut watcher).await;
        world.mine(1).await;
    }
    world.assert_settled(&other, ASKED).await;
    assert_eq!(watcher.health().without_effect, 0, "the settlement was read late, and had its effect");
    world.double.heal();
    world.service.clock.advance(Duration::from_mins(1));
    world.mine(1).await;
    world.go_on(&mut watcher, 20).await;
    world.assert_forwarded(&contradicted, ASKED).await;
}

/// A chain that is replaced by a shorter one for a moment: what the shorter one shows is read again later.
#[tokio::test]
async fn payment_on_a_shorter_chain_is_seen_although_the_order_was_read_at_a_later_head() {
    let world = World::new().await;
    let mut watcher = world.watch().await;
    let deal = world.deal().await;
    world.pay(&deal, ASKED).await;
    world.mine(3).await;
    world.step(&mut watcher).await;
    assert_eq!(world.shown(&deal).await.pending, ASKED);
    // The payment is gone. The order is read at this head, and nothing is left to do for it.
    world.evm.roll_back(3).await;
    world.mine(6).await;
    world.step(&mut watcher).await;
    assert_eq!(world.shown(&deal).await.pending, 0);
    // It comes back, on a chain that has not come so far.
    world.evm.roll_back(5).await;
    world.pay(&deal, ASKED).await;
    world.mine(1).await;
    let _outcome = world.try_step(&mut watcher).await;
    for _ in 0..12 {
        world.mine(1).await;
        let _outcome = world.try_step(&mut watcher).await;
    }
    world.go_on(&mut watcher, 6).await;
    world.assert_settled(&deal, ASKED).await;
}

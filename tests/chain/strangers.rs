//! Any account can sweep any deposit at any moment. No account gains anything by it.

use alloy_primitives::Address;
use domain::address::EvmAddress;
use domain::deposit_address::ForwarderFactory;
use domain::id::OrderId;
use evm::abi::{self, Sweep};

use crate::world::{ASKED, FINALITY, World};

#[tokio::test]
async fn a_strangers_sweep_of_one_unit_completes_no_order() {
    let world = World::new().await;
    let mut watcher = world.watch().await;
    let deal = world.deal().await;
    world.pay(&deal, 1).await;
    world.mine(1).await;
    world.sweep(&deal).await;
    world.go_on(&mut watcher, 10).await;
    assert_eq!(world.received(&deal).await, 1, "the stranger did sweep");
    let shown = world.shown(&deal).await;
    assert_eq!((shown.session.as_str(), shown.order.as_str()), ("open", "scanning_deposit_transaction"));
    assert_eq!((shown.execution, shown.arrived), (None, None));

    // The rest completes it, and both sweeps together are what arrived.
    world.pay(&deal, ASKED - 1).await;
    world.go_on(&mut watcher, 10).await;
    world.assert_settled(&deal, ASKED).await;
}

#[tokio::test]
async fn a_strangers_sweep_of_the_full_amount_completes_the_order() {
    let world = World::new().await;
    let mut watcher = world.watch_only().await;
    let deal = world.deal().await;
    world.pay(&deal, ASKED).await;
    world.go_on(&mut watcher, FINALITY + 1).await;
    assert_eq!(world.shown(&deal).await.session, "processing");
    let sweep = world.sweep(&deal).await;
    world.mine(1).await;
    world.step(&mut watcher).await;
    assert_eq!(world.shown(&deal).await.session, "processing", "not before it is final");
    world.go_on(&mut watcher, FINALITY + 1).await;
    world.assert_settled(&deal, ASKED).await;
    assert_eq!(world.shown(&deal).await.execution, Some(sweep));
}

#[tokio::test]
async fn a_stranger_may_sweep_before_the_deposit_is_final() {
    let world = World::new().await;
    let mut watcher = world.watch().await;
    let deal = world.deal().await;
    world.pay(&deal, ASKED).await;
    world.mine(1).await;
    let sweep = world.sweep(&deal).await;
    world.mine(1).await;
    world.go_on(&mut watcher, 10).await;
    world.assert_settled(&deal, ASKED).await;
    assert_eq!(world.shown(&deal).await.execution, Some(sweep));
    assert_eq!(world.evm.sent_by(world.gas_payer()).await, 0, "nothing was left to do");
}

#[tokio::test]
async fn a_strangers_sweep_in_the_same_block_as_ours_is_no_harm() {
    let world = World::new().await;
    let mut watcher = world.watch().await;
    let deal = world.deal().await;
    world.pay(&deal, ASKED).await;
    world.mine(1 + FINALITY).await;
    assert!(world.step(&mut watcher).await.sent.is_some());
    world.sweep(&deal).await;
    world.mine(1).await;
    world.go_on(&mut watcher, 10).await;
    world.assert_settled(&deal, ASKED).await;
}

#[tokio::test]
async fn a_sweep_of_another_token_or_to_another_recipient_under_the_orders_name_completes_nothing() {
    let world = World::new().await;
    let mut watcher = world.watch_only().await;
    let deal = world.deal().await;
    world.pay(&deal, ASKED).await;
    world.go_on(&mut watcher, FINALITY + 1).await;
    assert_eq!(world.shown(&deal).await.session, "processing");

    // The same order's name, but his own recipient: another deposit address.
    let order = OrderId::parse(&deal.order).unwrap();
    let name = abi::order_word(*order.as_bytes());
    let recipient = EvmAddress::parse(&format!("{:#x}", world.evm.stranger)).unwrap();
    let elsewhere: Address = ForwarderFactory::default().deposit_address(order, &recipient).parse().unwrap();
    world.evm.transfer(world.evm.token, elsewhere, ASKED).await;
    world.evm.transfer(world.evm.other_token, deal.deposit, ASKED).await;
    world.mine(1).await;
    for sweep in [
        Sweep { recipient: world.evm.stranger, order: name, token: world.evm.token },
        Sweep { recipient: deal.recipient, order: name, token: world.evm.other_token },
    ] {
        world.evm.send(world.evm.stranger, Some(ForwarderFactory::DEPLOYED), &abi::sweep(sweep)).await;
    }
    world.go_on(&mut watcher, FINALITY + 2).await;
    assert_eq!(
        world.evm.holds(world.evm.token, world.evm.stranger).await,
        ASKED,
        "the first sweep went through"
    );
    assert_eq!(world.evm.holds(world.evm.other_token, deal.recipient).await, ASKED, "and the second");
    let shown = world.shown(&deal).await;
    assert_eq!((shown.session.as_str(), shown.execution), ("processing", None), "{shown:?}");

    world.sweep(&deal).await;
    world.go_on(&mut watcher, FINALITY + 2).await;
    world.assert_settled(&deal, ASKED).await;
}

/// One unit each costs next to nothing. If each step had to read all of these orders, none would end in time, and an
/// honest payer would wait without end.
#[tokio::test]
async fn one_unit_to_each_of_many_orders_stops_nobody() {
    const AT_MOST: usize = 4;
    let world = World::new().await;
    let mut watcher = world.watch().await.at_most(AT_MOST);
    let mut strangers = Vec::new();
    for _ in 0..20 {
        let deal = world.deal().await;
        world.pay(&deal, 1).await;
        strangers.push(deal);
    }
    let honest = world.deal().await;
    world.mine(1).await;
    for _ in 0..2 {
        assert_eq!(world.step(&mut watcher).await.observed.len(), AT_MOST);
        assert!(world.store.cursor(world.chain()).await.unwrap().is_none(), "there is more to be looked at");
    }

    world.pay(&honest, ASKED).await;
    world.mine(1).await;
    for _ in 0..4 {
        let step = world.step(&mut watcher).await;
        assert!(step.observed.len() <= AT_MOST, "{step:?}");
    }
    assert_eq!(world.shown(&honest).await.pending, ASKED);
    let cursor = world.store.cursor(world.chain()).await.unwrap().unwrap();
    assert_eq!(cursor.block, world.evm.head().await.number);

    // Another run, of another instance, which knows of none of this.
    let mut watcher = world.watch().await.at_most(AT_MOST);
    world.go_on(&mut watcher, 8 * (FINALITY + 2)).await;
    world.assert_settled(&honest, ASKED).await;
    for deal in &strangers {
        assert_eq!(world.shown(deal).await.deposits, [1]);
    }
    world.mine(1).await;
    for _ in 0..6 {
        world.step(&mut watcher).await;
    }
    let cursor = world.store.cursor(world.chain()).await.unwrap().unwrap();
    assert_eq!(cursor.block, world.evm.head().await.number);
}

//! Money around the deadline: a session that could be seen expired stays so, and the recipient gets the money all the
//! same.

use std::time::Duration;

use crate::world::{ASKED, Deal, FINALITY, World};

const LIFETIME: Duration = Duration::from_mins(5);

async fn short_deal(world: &World) -> Deal {
    world.deal_in(&world.service.session_for(LIFETIME.as_secs()).await).await
}

#[tokio::test]
async fn a_late_deposit_is_forwarded_and_the_session_stays_expired() {
    let world = World::new().await;
    let mut watcher = world.watch().await;
    let deal = short_deal(&world).await;
    world.service.clock.advance(LIFETIME);
    assert_eq!(world.shown(&deal).await.session, "expired");
    world.pay(&deal, ASKED).await;
    world.mine(1 + FINALITY).await;
    world.step(&mut watcher).await;
    let shown = world.shown(&deal).await;
    assert_eq!((shown.session.as_str(), shown.order.as_str(), shown.is_late), ("expired", "refunding", true));

    world.mine(1).await;
    world.go_on(&mut watcher, 6).await;
    let shown = world.shown(&deal).await;
    assert_eq!((shown.session.as_str(), shown.order.as_str(), shown.is_late), ("expired", "executed", true));
    world.assert_forwarded(&deal, ASKED).await;
}

#[tokio::test]
async fn a_deposit_seen_before_the_deadline_and_final_after_it_completes_the_session() {
    let world = World::new().await;
    let mut watcher = world.watch().await;
    let deal = short_deal(&world).await;
    world.pay(&deal, ASKED).await;
    world.mine(1).await;
    world.step(&mut watcher).await;
    world.service.clock.advance(LIFETIME);
    let shown = world.shown(&deal).await;
    assert_eq!((shown.session.as_str(), shown.order.as_str()), ("processing", "executing"));
    assert!(shown.deposits.is_empty(), "nothing of it counts yet");
    world.go_on(&mut watcher, 10).await;
    world.assert_settled(&deal, ASKED).await;
    assert!(!world.shown(&deal).await.is_late);
}

#[tokio::test]
async fn a_deposit_from_before_the_deadline_that_nobody_saw_until_after_it_is_late() {
    let world = World::new().await;
    let mut watcher = world.watch().await;
    let deal = short_deal(&world).await;
    world.pay(&deal, ASKED).await;
    world.mine(1).await;
    world.service.clock.advance(LIFETIME);
    assert_eq!(world.shown(&deal).await.session, "expired");
    world.go_on(&mut watcher, 10).await;
    let shown = world.shown(&deal).await;
    assert_eq!((shown.session.as_str(), shown.order.as_str(), shown.is_late), ("expired", "executed", true));
    world.assert_forwarded(&deal, ASKED).await;
}

#[tokio::test]
async fn a_part_that_is_pending_at_the_deadline_does_not_hold_the_session() {
    let world = World::new().await;
    let mut watcher = world.watch().await;
    let deal = short_deal(&world).await;
    world.pay(&deal, ASKED - 1).await;
    world.mine(1).await;
    world.step(&mut watcher).await;
    world.service.clock.advance(LIFETIME);
    assert_eq!(world.shown(&deal).await.session, "expired");
    // The rest comes too late.
    world.pay(&deal, 1).await;
    world.mine(1).await;
    world.go_on(&mut watcher, 10).await;
    let shown = world.shown(&deal).await;
    assert_eq!((shown.session.as_str(), shown.is_late), ("expired", true));
    world.assert_forwarded(&deal, ASKED).await;
}

#[tokio::test]
async fn a_part_alone_goes_to_the_recipient_once_the_session_is_over() {
    let world = World::new().await;
    let mut watcher = world.watch().await;
    let deal = short_deal(&world).await;
    world.pay(&deal, 5).await;
    world.go_on(&mut watcher, 6).await;
    assert_eq!(world.received(&deal).await, 0);
    world.service.clock.advance(LIFETIME);
    world.go_on(&mut watcher, 6).await;
    let shown = world.shown(&deal).await;
    // Less than the order than asks for was forwarded: nothing was executed.
    assert_eq!((shown.session.as_str(), shown.order.as_str()), ("expired", "refunding"));
    world.assert_forwarded(&deal, 5).await;
}

#[tokio::test]
async fn expire_call_is_refused_while_the_deposit_that_covers_the_order_is_pending() {
    let world = World::new().await;
    let mut watcher = world.watch().await;
    let deal = world.deal().await;
    world.pay(&deal, ASKED).await;
    world.mine(1).await;
    world.step(&mut watcher).await;
    assert_eq!(world.shown(&deal).await.pending, ASKED);
    let refused = world.service.expire_session(&deal.session).await;
    assert_eq!(refused.failure(), (400, "invalid_status_transition", Some("sessionId")));
    world.go_on(&mut watcher, 10).await;
    world.assert_settled(&deal, ASKED).await;
}

#[tokio::test]
async fn expire_call_while_a_part_is_pending_wins_and_the_recipient_gets_the_part() {
    let world = World::new().await;
    let mut watcher = world.watch().await;
    let deal = world.deal().await;
    world.pay(&deal, ASKED - 1).await;
    world.mine(1).await;
    world.step(&mut watcher).await;
    assert_eq!(world.shown(&deal).await.pending, ASKED - 1);
    world.service.expire_session(&deal.session).await.ok();
    assert_eq!(world.shown(&deal).await.session, "expired");
    world.go_on(&mut watcher, 10).await;
    let shown = world.shown(&deal).await;
    assert_eq!((shown.session.as_str(), shown.order.as_str()), ("expired", "refunding"));
    world.assert_forwarded(&deal, ASKED - 1).await;
}

#[tokio::test]
async fn a_session_whose_pending_deposit_is_final_cannot_be_called_off() {
    let world = World::new().await;
    let mut watcher = world.watch().await;
    let deal = world.deal().await;
    world.pay(&deal, ASKED).await;
    world.mine(1 + FINALITY).await;
    world.step(&mut watcher).await;
    let refused = world.service.expire_session(&deal.session).await;
    assert_eq!(refused.failure(), (400, "invalid_status_transition", Some("sessionId")));
    world.mine(1).await;
    world.go_on(&mut watcher, 6).await;
    world.assert_settled(&deal, ASKED).await;
}

/// A payer of thousands of orders, one unit each, must not keep the watcher from its other work.
#[tokio::test]
async fn a_part_that_waits_for_its_deadline_is_not_read_at_each_step() {
    let world = World::new().await;
    let mut watcher = world.watch().await;
    let deal = world.deal().await;
    world.pay(&deal, 1).await;
    world.mine(1).await;
    world.step(&mut watcher).await;
    for _ in 0..3 {
        world.mine(80).await;
        world.step(&mut watcher).await;
    }
    assert!(world.step(&mut watcher).await.observed.is_empty());

    world.service.clock.advance(Duration::from_hours(1));
    assert_eq!(world.step(&mut watcher).await.observed.len(), 1);
    world.go_on(&mut watcher, FINALITY + 3).await;
    world.assert_forwarded(&deal, 1).await;
}

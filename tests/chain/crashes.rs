//! A watcher ends between any two of its calls, to the node or to the database: signed and not stored, stored and not
//! sent, sent and not recorded. Another begins, with nothing to go by but the table and the chain.

use serde_json::json;

use crate::world::{ASKED, Deal, World};

/// How many blocks a payment takes to be settled, at most.
const BLOCKS: usize = 10;

/// A whole run: until this order is settled.
async fn live(world: &World, deal: &Deal) {
    let mut watcher = world.watcher(world.signer());
    watcher.begin().await.unwrap();
    for _ in 0..BLOCKS {
        watcher.step().await.unwrap();
        if world.shown(deal).await.session == "complete" {
            return;
        }
        world.mine(1).await;
    }
    panic!("{:?}", world.shown(deal).await);
}

#[tokio::test]
async fn a_crash_between_any_two_calls_loses_nothing_and_doubles_nothing() {
    // No block is read twice: what one run loses, no later one finds.
    let world = World::with(json!({ "finality": "blocks:0", "overlap": 0 })).await;
    // At the first call, at the second, and so on, until a run gets through.
    for crash in 0.. {
        let deal = world.deal().await;
        world.pay(&deal, ASKED).await;
        world.mine(1).await;
        world.fuse.arm(crash);
        let survived = world.fuse.survives(Box::pin(live(&world, &deal))).await.is_some();
        world.fuse.disarm();
        if !survived {
            // The next one may come at once, or when the chain has gone on.
            world.mine(u64::try_from(crash % 3).unwrap()).await;
            Box::pin(live(&world, &deal)).await;
        }
        world.assert_settled(&deal, ASKED).await;
        if survived {
            // Fewer, and some calls were not counted.
            assert!(crash > 20, "{crash}");
            return;
        }
    }
}

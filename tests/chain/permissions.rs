//! `template.yaml` held to the watcher: it may do what it was seen to do, and nothing else.

use std::collections::BTreeSet;
use std::time::Duration;

use harness::permissions::{granted, needed};

use crate::world::{ASKED, World};

#[tokio::test]
async fn the_watcher_is_granted_exactly_the_actions_that_it_uses() {
    let world = World::new().await;
    let mut watcher = world.watch().await;
    let deal = world.deal().await;
    world.pay(&deal, ASKED).await;
    world.go_on(&mut watcher, 10).await;
    world.assert_settled(&deal, ASKED).await;
    // And until it is watched no more.
    world.service.clock.advance(Duration::from_hours(48));
    let mut watcher = world.watch().await;
    world.go_on(&mut watcher, 1).await;
    let mut granted = granted("watch-chain");
    let needed = needed(&world.calls.take(), &granted);
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(granted.remove("ChainSecretArn"), Some(names(&["secretsmanager:GetSecretValue"])));
    assert_eq!(granted.remove("GasKmsKeyArn"), Some(names(&["kms:GetPublicKey", "kms:Sign"])));
    // Read once at the start, if the configuration is in the table.
    assert_eq!(granted.remove("Table.Arn config"), Some(names(&["dynamodb:GetItem"])));
    assert_eq!(granted, needed);
}

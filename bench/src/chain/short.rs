//! Orders that are paid in part. Each is read at every step for as long as its deposit is in blocks that are read again,
//! and then no more until its deadline: a payer of one unit each must not keep the watcher busy.

use alloy_primitives::Address;
use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use crate::chain::Cli;
use crate::chain::backstage::Backstage;
use crate::chain::fill;
use crate::chain::step::Cost;
use crate::chain::watcher::Watcher;
use crate::chain::world::World;

/// More blocks than a step reads again.
const BLOCKS: u32 = 70;

/// What was measured.
#[derive(Debug, Deserialize, Serialize)]
pub struct Short {
    /// How many orders there are.
    pub orders: u32,
    /// A step soon after the deposits, when nothing is new any more.
    pub soon: Cost,
    /// A step so many blocks later.
    pub later: Cost,
}

/// Pays too little, and looks at it soon and late.
pub async fn measure(backstage: &Backstage, cli: &Cli) -> Result<Short> {
    let world = World::new(backstage, cli.traffic).await?;
    let orders = fill::orders(&world, cli.short, || Address::repeat_byte(0xb3)).await?;
    let mut watcher = world.watcher()?;
    world.first_step(&mut watcher)?;
    let addresses: Vec<Address> = orders.iter().map(|order| order.address).collect();
    world.blocks.pay(&addresses, 1).await?;
    while world.step(&mut watcher)?.1.has_news() {
        world.blocks.make().await?;
    }
    let soon = looks(&world, &mut watcher, cli, orders.len()).await?;
    world.blocks.skip(BLOCKS).await?;
    // This step reads the blocks that were not read yet.
    world.step(&mut watcher)?;
    let later = looks(&world, &mut watcher, cli, 0).await?;
    Ok(Short { orders: cli.short, soon, later })
}

/// Steps, each of which must look at so many of the orders.
async fn looks(world: &World, watcher: &mut Watcher, cli: &Cli, expected: usize) -> Result<Cost> {
    let mut costs = Vec::new();
    for _ in 0..cli.repeats {
        world.blocks.make().await?;
        let (step, cost) = world.step(watcher)?;
        let observed = step.observed;
        ensure!(observed == expected, "of orders paid in part {observed} are looked at, and not {expected}");
        costs.push(cost);
    }
    Ok(Cost::median(costs))
}

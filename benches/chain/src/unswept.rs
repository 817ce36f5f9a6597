//! A deposit that falls short of its order. It lies at its address until the session ends, and is looked at in each step.

use alloy_primitives::Address;
use anyhow::{Context as _, Result, ensure};
use serde::Serialize;

use crate::Cli;
use crate::backstage::Backstage;
use crate::fill;
use crate::step::Cost;
use crate::world::World;

/// What was measured.
#[derive(Debug, Serialize)]
pub struct Unswept {
    /// How many blocks there were since.
    pub blocks: u32,
    /// A step soon after the deposit.
    pub soon: Cost,
    /// A step so many blocks later.
    pub later: Cost,
}

/// Pays too little, and looks at it soon and late.
pub async fn measure(backstage: &Backstage, cli: &Cli) -> Result<Unswept> {
    let world = World::new(backstage, cli.traffic).await?;
    let orders = fill::orders(&world, 1, || Address::repeat_byte(0xb3)).await?;
    let mut watcher = world.watcher()?;
    world.first_step(&mut watcher).await?;
    let address = orders.first().context("no order")?.address;
    world.blocks.pay(&[address], 1).await?;
    world.step(&mut watcher).await?;
    let mut costs = Vec::new();
    for blocks in [0, cli.unswept] {
        world.blocks.skip(blocks).await?;
        // This step reads the blocks that were not read yet.
        world.step(&mut watcher).await?;
        let mut repeated = Vec::new();
        for _ in 0..cli.repeats {
            world.blocks.make().await?;
            let (step, cost) = world.step(&mut watcher).await?;
            ensure!(step.observed.len() == 1, "a deposit that falls short is no longer looked at");
            repeated.push(cost);
        }
        costs.push(Cost::median(repeated));
    }
    let [soon, later] = <[Cost; 2]>::try_from(costs).ok().context("two looks")?;
    Ok(Unswept { blocks: cli.unswept, soon, later })
}

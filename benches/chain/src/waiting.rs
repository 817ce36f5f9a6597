//! A step with so many open orders: the first of a run, a later one with no news, and one that finds deposits.

use alloy_primitives::Address;
use anyhow::{Result, ensure};
use serde::Serialize;

use crate::Cli;
use crate::backstage::Backstage;
use crate::fill::{self, ASKED};
use crate::step::Cost;
use crate::world::World;

/// How many blocks there are before the first look: as many as a step reads again, and some.
const BLOCKS: u32 = 70;
/// How many deposits one step finds.
const DEPOSITS: usize = 10;

/// What is measured with so many open orders.
#[derive(Debug, Serialize)]
pub struct Waiting {
    /// How many orders are watched.
    pub size: u32,
    /// Steps, one kind after the other.
    pub steps: Vec<Row>,
}

/// A kind of step.
#[derive(Debug, Serialize)]
pub struct Row {
    /// What it comes upon.
    pub what: String,
    /// What it costs.
    pub cost: Cost,
}

/// Measures with so many open orders.
pub async fn measure(backstage: &Backstage, cli: &Cli, size: u32) -> Result<Waiting> {
    let world = World::new(backstage, cli.traffic).await?;
    let orders = fill::orders(&world, size, || Address::repeat_byte(0xb3)).await?;
    for _ in 0..BLOCKS {
        world.blocks.make().await?;
    }
    let mut watcher = world.watcher()?;
    // The very first look at a chain finds out from where on it is to be read.
    let (step, _) = world.first_step(&mut watcher).await?;
    ensure!(step.watched == orders.len(), "of {size} orders {} are watched", step.watched);

    let mut steps = Vec::new();
    let mut costs = Vec::new();
    for _ in 0..cli.repeats {
        world.blocks.make().await?;
        costs.push(world.first_step(&mut watcher).await?.1);
    }
    steps.push(Row { what: "first of a run".to_owned(), cost: Cost::median(costs) });
    let mut costs = Vec::new();
    for _ in 0..cli.repeats {
        world.blocks.make().await?;
        costs.push(world.step(&mut watcher).await?.1);
    }
    steps.push(Row { what: "later, no deposit".to_owned(), cost: Cost::median(costs) });

    let paid: Vec<Address> = orders.iter().take(DEPOSITS).map(|order| order.address).collect();
    if paid.is_empty() {
        return Ok(Waiting { size, steps });
    }
    world.blocks.pay(&paid, ASKED).await?;
    loop {
        let (step, cost) = world.step(&mut watcher).await?;
        let (deposits, seen) = (paid.len(), step.observed.len());
        ensure!(seen == deposits, "of {deposits} deposits {seen} are seen");
        let has_news = cost.has_news();
        let what = match (has_news, step.sent) {
            (true, None) => "news of",
            (_, Some(_)) => "news of, and sweeps,",
            (false, None) => "no more news of",
        };
        steps.push(Row { what: format!("later, {what} {deposits} deposits"), cost });
        if !has_news {
            return Ok(Waiting { size, steps });
        }
        world.blocks.make().await?;
    }
}

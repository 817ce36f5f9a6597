//! Steps with a number of unpaid orders: the first of a run, later ones without news, those after payments, and those
//! after blocks that were not read yet.

use alloy_primitives::Address;
use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use crate::chain::Cli;
use crate::chain::backstage::Backstage;
use crate::chain::fill::{self, ASKED, Open};
use crate::chain::step::Cost;
use crate::chain::watcher::{Step, Watcher};
use crate::chain::world::World;

/// How many blocks there are before the first step: more than a step reads again.
const BLOCKS: u32 = 70;
/// How many orders are paid at once.
const PAYMENTS: usize = 10;
/// The most orders that the watcher lists. With more, it looks recipients up.
const MOST_LISTED: usize = 1_000;
/// How many steps payments or unread blocks are waited for.
pub const MOST_STEPS: u32 = 50;
/// How many steps a run makes at most: one each 3 s for 50 s.
const STEPS_OF_A_RUN: u32 = 17;
/// How much of a core Lambda gives to a function of 256 MB: 256 of 1,769 parts.
const SHARE: f64 = 256.0 / 1_769.0;

/// What is measured with so many unpaid orders.
#[derive(Debug, Deserialize, Serialize)]
pub struct Waiting {
    /// How many unpaid orders there are.
    pub size: u32,
    /// Steps, one kind after the other.
    pub steps: Vec<Row>,
    /// How many orders are paid.
    pub payments: usize,
    /// How many steps it takes until each of the payments is recorded; `None` if [`MOST_STEPS`] are not enough.
    pub recorded_after: Option<u32>,
    /// What a run without payments takes.
    pub run: Run,
}

/// A kind of step.
#[derive(Debug, Deserialize, Serialize)]
pub struct Row {
    /// What the step finds.
    pub what: String,
    /// What it costs.
    pub cost: Cost,
}

/// What a run without payments takes: a first step and as many later ones as fit into it.
#[derive(Debug, Deserialize, Serialize)]
pub struct Run {
    /// The CPU time on this machine, in seconds.
    pub cpu_s: f64,
    /// How long that is at a 256 MB function's share of a core, in seconds.
    pub of_256_mb_s: f64,
    /// The read units.
    pub read_units: f64,
    /// The peak of the memory that the watcher adds, in KiB.
    pub memory_kib: u64,
}

impl Run {
    fn of(first: &Cost, later: &Cost) -> Self {
        let more = STEPS_OF_A_RUN - 1;
        let cpu_s = (first.cpu + later.cpu * more).as_secs_f64();
        Self {
            cpu_s,
            of_256_mb_s: cpu_s / SHARE,
            read_units: first.table.read_units + later.table.read_units * f64::from(more),
            memory_kib: first.memory_kib.max(later.memory_kib),
        }
    }
}

/// Measures with so many unpaid orders.
pub async fn measure(backstage: &Backstage, cli: &Cli, size: u32) -> Result<Waiting> {
    let world = World::new(backstage, cli.traffic).await?;
    let orders = fill::orders(&world, size, || Address::repeat_byte(0xb3)).await?;
    for _ in 0..BLOCKS {
        world.blocks.make().await?;
    }
    let mut watcher = world.watcher()?;
    // The very first step of a chain finds out from where on the chain is to be read.
    let (step, cost) = world.first_step(&mut watcher)?;
    let expected = Some(orders.len()).filter(|count| *count <= MOST_LISTED);
    ensure!(step.watched == expected, "of {size} orders {:?} are listed", step.watched);
    let mut steps = vec![Row { what: "first of all".to_owned(), cost }];

    let first = repeated(&world, cli, || world.first_step(&mut watcher)).await?;
    let later = repeated(&world, cli, || world.step(&mut watcher)).await?;
    let run = Run::of(&first, &later);
    steps.push(Row { what: "first of a run".to_owned(), cost: first });
    steps.push(Row { what: "later, no payment".to_owned(), cost: later });
    let payments = orders.len().min(PAYMENTS);
    let mut recorded_after = None;
    if payments > 0 {
        recorded_after = pay(&world, &mut watcher, &orders, &mut steps).await?;
    }
    if payments > 0 && cli.unread > 0 {
        steps.push(catch_up(&world, &mut watcher, cli.unread).await?);
    }
    Ok(Waiting { size, steps, payments, recorded_after, run })
}

/// The median of steps that each have one new block to read.
async fn repeated(world: &World, cli: &Cli, mut step: impl FnMut() -> Result<(Step, Cost)>) -> Result<Cost> {
    let mut costs = Vec::new();
    for _ in 0..cli.repeats {
        world.blocks.make().await?;
        costs.push(step()?.1);
    }
    Ok(Cost::median(costs))
}

/// Pays some of the orders, and makes steps until nothing is new. Returns in how many steps the payments were recorded.
async fn pay(
    world: &World,
    watcher: &mut Watcher,
    orders: &[Open],
    steps: &mut Vec<Row>,
) -> Result<Option<u32>> {
    let paid: Vec<&Open> = orders.iter().take(PAYMENTS).collect();
    let addresses: Vec<Address> = paid.iter().map(|open| open.address).collect();
    let count = paid.len();
    world.blocks.pay(&addresses, ASKED).await?;
    let mut recorded_after = None;
    for number in 1..=MOST_STEPS {
        let (step, cost) = world.step(watcher)?;
        if recorded_after.is_none() && are_recorded(world, &paid).await? {
            recorded_after = Some(number);
        }
        let is_quiet = !cost.has_news() && step.sent.is_none();
        let what = match (cost.has_news(), step.sent) {
            (true, None) => "news of",
            (_, Some(_)) => "news of, and sweeps,",
            (false, None) if recorded_after.is_some() => "no more news of",
            (false, None) => "no news yet of",
        };
        steps.push(Row { what: format!("later, {what} {count} payments"), cost });
        if is_quiet && recorded_after.is_some() {
            break;
        }
        world.blocks.make().await?;
    }
    Ok(recorded_after)
}

async fn are_recorded(world: &World, paid: &[&Open]) -> Result<bool> {
    for open in paid {
        let state = world.store.order_state(open.order).await?;
        if state.is_none_or(|state| state.facts.is_empty()) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Makes blocks that no step reads, as in an outage, and then steps until all of them are read.
async fn catch_up(world: &World, watcher: &mut Watcher, blocks: u32) -> Result<Row> {
    for _ in 0..blocks {
        world.blocks.make().await?;
    }
    let (mut step, mut cost) = world.first_step(watcher)?;
    let mut count = 1;
    while step.is_behind && count < MOST_STEPS {
        let (next, of_step) = world.step(watcher)?;
        (step, count) = (next, count + 1);
        cost += of_step;
    }
    let outcome = if step.is_behind { "not all read" } else { "all read" };
    Ok(Row { what: format!("{count} steps, {blocks} unread blocks: {outcome}"), cost })
}

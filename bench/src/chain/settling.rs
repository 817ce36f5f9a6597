//! Many orders that are paid at once, until all are settled.

use alloy_primitives::{Address, B256, U256};
use anyhow::{Context as _, Result, ensure};
use domain::order::OrderStatus;
use runtime::Clock;
use serde::{Deserialize, Serialize};

use crate::chain::Cli;
use crate::chain::backstage::Backstage;
use crate::chain::fill::{self, ASKED, Open};
use crate::chain::step::Cost;
use crate::chain::world::World;

/// To whom the orders are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Recipients {
    /// One recipient that has some of the token already: a merchant.
    One,
    /// Another recipient for each order, which never had any of it.
    Each,
}

impl Recipients {
    /// Both.
    pub const ALL: [Self; 2] = [Self::One, Self::Each];

    /// How a report names them.
    pub const fn description(self) -> &'static str {
        match self {
            Self::One => "one recipient",
            Self::Each => "a new recipient each",
        }
    }
}

/// What was measured.
#[derive(Debug, Deserialize, Serialize)]
pub struct Settling {
    /// To whom the orders were.
    pub recipients: Recipients,
    /// How many there were.
    pub orders: u32,
    /// In how many steps all was settled, and known to be final.
    pub steps: u32,
    /// How many transactions that took.
    pub transactions: usize,
    /// The gas of these.
    pub gas: u64,
    /// What all these steps cost.
    pub cost: Cost,
    /// What each step after them costs, for as long as the sweeps are in blocks that are read again.
    pub again: Cost,
}

/// Pays orders all at once, and settles them.
pub async fn measure(backstage: &Backstage, cli: &Cli, recipients: Recipients) -> Result<Settling> {
    let world = World::new(backstage, cli.traffic).await?;
    let merchant = Address::repeat_byte(0xb3);
    world.blocks.pay(&[merchant], 1).await?;
    let recipient = || match recipients {
        Recipients::One => merchant,
        Recipients::Each => Address::from(std::array::from_fn(|_| fastrand::u8(..))),
    };
    let orders = fill::orders(&world, cli.paid, recipient).await?;
    let mut watcher = world.watcher()?;
    world.first_step(&mut watcher)?;
    let addresses: Vec<Address> = orders.iter().map(|order| order.address).collect();
    world.blocks.pay(&addresses, ASKED).await?;

    let (mut steps, mut cost, mut sent): (u32, Cost, Vec<B256>) = Default::default();
    let mut is_quiet = false;
    let again = loop {
        let (step, of_step) = world.step(&mut watcher)?;
        // Between two settlements there may be a step without news.
        if !of_step.has_news() && step.sent.is_none() && is_quiet {
            break of_step;
        }
        is_quiet = !of_step.has_news() && step.sent.is_none();
        steps += 1;
        cost += of_step;
        sent.extend(step.sent);
        world.blocks.make().await?;
    };
    are_settled(&world, &orders).await?;
    let receipts = world.blocks.receipts(&sent).await?;
    ensure!(receipts.iter().all(|receipt| receipt.succeeded), "a settlement failed");
    let gas = receipts.iter().map(|receipt| receipt.gas_used).sum();
    Ok(Settling { recipients, orders: cli.paid, steps, transactions: receipts.len(), gas, cost, again })
}

/// Whether each order is executed, and its deposit gone to its recipient.
async fn are_settled(world: &World, orders: &[Open]) -> Result<()> {
    let now = Clock::system().now();
    for open in orders {
        let record = world.store.read_record(open.order).await?.context("an order is gone")?;
        let order = record.checkout.order.as_ref().context("a checkout lost its order")?;
        let status = record.checkout.order_status(order, now);
        ensure!(status == OrderStatus::Executed, "order {} is {status:?} in the end", open.order);
        ensure!(world.blocks.holds(open.address).await?.is_zero(), "order {} was not swept", open.order);
        ensure!(world.blocks.holds(open.recipient).await? >= U256::from(ASKED), "a recipient was not paid");
    }
    Ok(())
}

//! `cargo chain-scale`: what it costs to watch a chain and to settle its orders, as the orders grow.
//!
//! The watcher runs in a process of its own, on one thread as it is deployed, against a node and the embedded engine. A
//! meter stands before each of the two. What is asked of node and database is exact, gas too. CPU time and memory are
//! those of the watcher's process on this machine. How long a step waits depends on the ways to node and database, which
//! are short here.

mod asked;
mod backstage;
mod blocks;
mod engine_meter;
mod fill;
mod node_meter;
mod report;
mod settling;
mod short;
mod step;
mod waiting;
mod watcher;
mod world;

use anyhow::Result;
use clap::Args;
use tokio::runtime::Builder;

use crate::chain::backstage::Backstage;
pub use crate::chain::report::Report;
use crate::figures::Output;

/// Measures what it costs to watch a chain and to settle its orders.
#[derive(Args)]
pub struct Cli {
    /// How many unpaid orders are watched, one size after the other
    #[arg(long, value_delimiter = ',', default_value = "0,10,1000,100000,1000000")]
    sizes: Vec<u32>,
    /// How many orders are paid and settled; no more than one step looks at
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=2_000))]
    paid: u32,
    /// How many transfers of strangers are in each block, each to another recipient
    #[arg(long, default_value_t = 20)]
    traffic: u32,
    /// How many orders are paid in part; no more than one step looks at
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=2_000))]
    short: u32,
    /// How many blocks are made while no step reads them, after the payments
    #[arg(long, default_value_t = 300)]
    unread: u32,
    /// How often a step is made whose time is told
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    repeats: u32,
    #[command(flatten)]
    output: Output,
    /// Only watch: what the program calls itself with
    #[arg(long, hide = true, num_args = 2, value_names = ["NODE", "ENGINE"])]
    watch: Option<Vec<String>>,
}

/// Measures, or watches if this is the process that the measurement started for that.
pub fn run(cli: &Cli) -> Result<()> {
    if let Some([node, engine]) = cli.watch.as_deref() {
        return watcher::serve(node, engine);
    }
    let backstage = Backstage::open()?;
    let report = Builder::new_current_thread().enable_all().build()?.block_on(measure(cli, &backstage))?;
    cli.output.write("chain", &report)
}

async fn measure(cli: &Cli, backstage: &Backstage) -> Result<Report> {
    let mut waiting = Vec::new();
    for size in &cli.sizes {
        waiting.push(Box::pin(waiting::measure(backstage, cli, *size)).await?);
    }
    let mut settling = Vec::new();
    for recipients in settling::Recipients::ALL {
        settling.push(Box::pin(settling::measure(backstage, cli, recipients)).await?);
    }
    let short = Box::pin(short::measure(backstage, cli)).await?;
    Ok(Report { waiting, settling, short })
}

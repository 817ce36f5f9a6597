//! `cargo chain-scale`: what it costs to watch a chain and to settle its orders, as the orders grow.
//!
//! The watcher runs as it is deployed, on one thread, against a node and the embedded engine on threads of their own; a
//! meter stands before each. What is asked of node and database is exact, gas too. CPU time is this machine's; how long a
//! step waits depends on the ways to node and database, which are short here.
#![expect(clippy::print_stdout, reason = "a command-line program talks to its terminal")]

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
mod world;

use std::fs;
use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;
use tokio::runtime::Builder;

use crate::backstage::Backstage;
use crate::report::Report;

/// Measures what it costs to watch a chain and to settle its orders.
#[derive(Parser)]
#[command(name = "cargo chain-scale")]
pub(crate) struct Cli {
    /// How many orders are watched, one size after the other
    #[arg(long, value_delimiter = ',', default_value = "0,10,1000,100000")]
    sizes: Vec<u32>,
    /// How many orders are paid and settled; no more than one step looks at
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=2_000))]
    paid: u32,
    /// How many transfers of strangers are in each block
    #[arg(long, default_value_t = 20)]
    traffic: u32,
    /// How many orders are paid in part; no more than one step looks at
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=2_000))]
    short: u32,
    /// How often a step is made whose time is told
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    repeats: u32,
    /// Write the report to this file as JSON, too
    #[arg(long)]
    json: Option<PathBuf>,
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    let backstage = Backstage::open()?;
    // One thread, as in the function, whose CPU time is then a step's.
    let report = Builder::new_current_thread().enable_all().build()?.block_on(measure(&cli, &backstage))?;
    println!("{report}");
    if let Some(file) = &cli.json {
        fs::write(file, serde_json::to_string_pretty(&report)?)?;
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What it copies and expects of the service is the service's own, so it is tried with every change of that.
    #[test]
    fn all_of_it_can_be_measured() {
        let cli = Cli::parse_from([
            "chain-scale",
            "--sizes",
            "0,3",
            "--paid",
            "3",
            "--short",
            "3",
            "--repeats",
            "1",
        ]);
        let backstage = Backstage::open().unwrap();
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let report = runtime.block_on(measure(&cli, &backstage)).unwrap();
        let [nobody, three] = report.waiting.as_slice() else { panic!("{report}") };
        let calls =
            |waiting: &waiting::Waiting| waiting.steps.iter().map(|row| row.cost.node.requests).sum::<u64>();
        assert_eq!(calls(nobody), 0, "{report}");
        assert!(calls(three) > 0, "{report}");
        assert!(report.settling.iter().all(|settling| settling.transactions == 1), "{report}");
    }
}

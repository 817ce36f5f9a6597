//! `cargo growth`: what a call costs as the table grows, and as an order does.
//!
//! The six functions run over the embedded engine within one process. What DynamoDB would bill are the units, and how
//! long a call waits follows from how many calls it makes: both are exact, and must not depend on how much is stored.
//! CPU time is this machine's; only its ratios mean much beyond it, and nothing here tells DynamoDB's own time.
#![expect(clippy::print_stdout, reason = "a command-line program talks to its terminal")]

mod call;
mod cost;
mod deposits;
// The events that the other benchmark sends.
#[path = "../../cold-start/src/event.rs"]
mod event;
mod fill;
mod meter;
mod report;
mod service;
mod sessions;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use crate::report::Report;
use crate::service::Service;

/// Measures what a call costs as the table grows, and as an order does.
#[derive(Parser)]
#[command(name = "cargo growth")]
struct Cli {
    /// How many sessions the table holds in the end
    #[arg(long, default_value_t = 1_000_000)]
    sessions: u32,
    /// How many deposits an order has in the end
    #[arg(long, default_value_t = 5_000)]
    deposits: u32,
    /// How often each call is made at each size
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    repeats: u32,
    /// Fail, too, where recording a deposit costs more the more there are
    #[arg(long)]
    strict: bool,
    /// Write the report to this file as JSON, too
    #[arg(long)]
    json: Option<PathBuf>,
}

/// On one thread, whose CPU time is then a call's.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode> {
    let cli = Cli::parse();
    let report = measure(&cli).await?;
    println!("{report}");
    if let Some(file) = &cli.json {
        fs::write(file, serde_json::to_string_pretty(&report)?)?;
    }
    Ok(if report.holds(cli.strict) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn measure(cli: &Cli) -> Result<Report> {
    let folder = tempfile::tempdir()?;
    // A table each: the deposits are measured in one that holds little else.
    let service = Service::open(&folder.path().join("deposits.db")).await?;
    let deposits =
        deposits::measure(&service, &steps(&[0, 10, 100, 1_000], cli.deposits), cli.repeats).await?;
    let service = Service::open(&folder.path().join("sessions.db")).await?;
    let sizes = steps(&[0, 1_000, 10_000, 100_000], cli.sessions);
    let sessions = sessions::measure(&service, &sizes, cli.repeats).await?;
    Ok(Report::new(sessions, deposits))
}

/// The usual sizes below the last one, and that.
fn steps(usual: &[u32], last: u32) -> Vec<u32> {
    usual.iter().copied().filter(|size| *size < last).chain([last]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What it copies and expects of the service is the service's own, so it is tried with every change of that.
    #[tokio::test]
    async fn all_of_it_can_be_measured() {
        let cli = Cli::parse_from(["growth", "--sessions", "1100", "--deposits", "12", "--repeats", "2"]);
        let report = measure(&cli).await.unwrap();
        assert!(report.holds(false), "{report}");
    }

    #[test]
    fn the_last_size_is_the_one_that_was_asked_for() {
        assert_eq!(steps(&[0, 10, 100], 5_000), [0, 10, 100, 5_000]);
        assert_eq!(steps(&[0, 10, 100], 50), [0, 10, 50]);
        assert_eq!(steps(&[0, 10, 100], 0), [0]);
    }
}

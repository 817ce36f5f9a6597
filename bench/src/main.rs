//! What the service costs: time, memory, calls, units and gas.
//!
//! `cargo cold-start`, `cargo load` and `cargo chain-scale` are its subcommands. Each prints tables. With `--figures` it
//! also writes them to `docs/figures`, where the documents point.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line program talks to its terminal"
)]

mod cargo_build;
mod chain;
mod cold_start;
mod figures;
mod load;
mod machine;
mod table;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Measures what the service costs.
#[derive(Parser)]
#[command(name = "bench")]
struct Cli {
    #[command(subcommand)]
    measurement: Measurement,
}

#[derive(Subcommand)]
enum Measurement {
    ColdStart(cold_start::Cli),
    Load(load::Cli),
    Chain(chain::Cli),
}

fn main() -> ExitCode {
    let done = match Cli::parse().measurement {
        Measurement::ColdStart(cli) => cold_start::run(&cli),
        Measurement::Load(cli) => load::run(&cli),
        Measurement::Chain(cli) => chain::run(&cli),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One plain line, without the backtrace that `main` would add.
            eprintln!("Error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

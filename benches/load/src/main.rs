//! `cargo load`: `cargo dev` on one core, under the load generator [`rlt`] on another.
//!
//! Each endpoint alone at growing concurrency, then a mix like real traffic: requests a second, percentiles, and the
//! CPU time of the service's process. Each run has a service of its own with an empty database, so that none is
//! measured in what another has left. Only the ratios mean much beyond this machine.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line program talks to its terminal"
)]

mod call;
mod cores;
mod cpu_time;
mod generator;
mod program;
mod report;
mod run;
mod service;
mod stock;
mod traffic;

use std::fs;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use clap::Parser;

use crate::cores::Cores;
use crate::report::{Report, Settings};
use crate::run::{Run, Surroundings};
use crate::service::Engine;
use crate::traffic::Traffic;

/// How many requests are under way at once while the engine has a process of its own: enough to keep a core busy.
const BUSY: NonZeroU32 = NonZeroU32::new(16).unwrap();

/// Measures the local run under load: each endpoint alone at growing concurrency, then a mix like real traffic.
#[derive(Parser)]
#[command(name = "cargo load")]
struct Cli {
    /// How many seconds each run lasts, once what it needs is prepared
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=120))]
    seconds: u32,
    /// How many requests are under way at once, from run to run
    #[arg(long, value_delimiter = ',', default_value = "1,4,16,64")]
    concurrency: Vec<NonZeroU32>,
    /// Measure this alone: an endpoint, `unknown-route` or `mix`; may be given several times
    #[arg(long)]
    endpoint: Vec<Traffic>,
    /// Measure what was built earlier
    #[arg(long)]
    no_build: bool,
    /// Write the report to this file as JSON, too
    #[arg(long)]
    json: Option<PathBuf>,
    /// Where cargo builds
    #[arg(long, env = "CARGO_TARGET_DIR", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target"))]
    target_dir: PathBuf,
}

/// On one thread, which is all that the generator's core has.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    // The generator listens for Ctrl-C by itself, and only its own run would end.
    let done = tokio::select! {
        done = measure(&cli) => done,
        _ = tokio::signal::ctrl_c() => Err(anyhow!("interrupted")),
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

async fn measure(cli: &Cli) -> Result<()> {
    if !cli.no_build {
        program::build(&cli.target_dir)?;
    }
    let folder = tempfile::tempdir()?;
    let surroundings = Surroundings {
        program: program::path(&cli.target_dir)?,
        cores: Cores::part()?,
        folder: folder.path().to_owned(),
        time: Duration::from_secs(cli.seconds.into()),
    };
    let chosen = if cli.endpoint.is_empty() { Traffic::ALL.to_vec() } else { cli.endpoint.clone() };

    let (mut runs, mut apart) = (Vec::new(), Vec::new());
    for traffic in chosen {
        for concurrency in &cli.concurrency {
            runs.push(measured(traffic, *concurrency, Engine::Within, &surroundings).await?);
        }
        if traffic != Traffic::UnknownRoute {
            apart.push(measured(traffic, BUSY, Engine::Apart, &surroundings).await?);
        }
    }

    let report = Report { settings: settings(cli, &surroundings)?, runs, apart };
    println!("{report}");
    if let Some(file) = &cli.json {
        fs::write(file, serde_json::to_string_pretty(&report)?)?;
    }
    Ok(())
}

async fn measured(
    traffic: Traffic,
    concurrency: NonZeroU32,
    engine: Engine,
    surroundings: &Surroundings,
) -> Result<Run> {
    let run = Run::of(traffic, concurrency, engine, surroundings).await;
    let run = run.with_context(|| format!("{} at concurrency {concurrency}", traffic.name()))?;
    eprintln!("{run}");
    Ok(run)
}

fn settings(cli: &Cli, surroundings: &Surroundings) -> Result<Settings> {
    let cpu = fs::read_to_string("/proc/cpuinfo")?;
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    Ok(Settings {
        seconds: cli.seconds,
        cpus: surroundings.cores.count,
        cpu: model.map_or("an unnamed CPU", |(_, model)| model).to_owned(),
    })
}

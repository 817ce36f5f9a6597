//! `cargo load`: `cargo dev` on one core, under the load generator [`rlt`] on another.
//!
//! Each endpoint alone at growing concurrency, then a mix like real traffic: requests a second, percentiles, and the
//! CPU time of the service's process. Each run has a service of its own with an empty database, so that none is
//! measured in what another has left. Only the ratios mean much beyond this machine.

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

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use clap::Args;
use tokio::runtime::Builder;

use crate::figures::Output;
use crate::load::cores::Cores;
pub use crate::load::report::Report;
use crate::load::report::Settings;
use crate::load::run::{Run, Surroundings};
use crate::load::service::Engine;
use crate::load::traffic::Traffic;
use crate::machine::cpu_model;

/// How many requests are under way at once while the engine has a process of its own: enough to keep a core busy.
const BUSY: NonZeroU32 = NonZeroU32::new(16).unwrap();

/// Measures the local run under load: each endpoint alone at growing concurrency, then a mix like real traffic.
#[derive(Args)]
pub struct Cli {
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
    /// Measure this program, and build none
    #[arg(long)]
    program: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
    /// Where cargo builds
    #[arg(long, env = "CARGO_TARGET_DIR", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../target"))]
    target_dir: PathBuf,
}

/// Measures on one thread, which is all that the generator's core has.
pub fn run(cli: &Cli) -> Result<()> {
    Builder::new_current_thread().enable_all().build()?.block_on(async {
        // The generator listens for Ctrl-C by itself, and only its own run would end.
        tokio::select! {
            done = measure(cli) => done,
            _ = tokio::signal::ctrl_c() => Err(anyhow!("interrupted")),
        }
    })
}

async fn measure(cli: &Cli) -> Result<()> {
    if !cli.no_build && cli.program.is_none() {
        program::build(&cli.target_dir)?;
    }
    let folder = tempfile::tempdir()?;
    let surroundings = Surroundings {
        program: cli.program.clone().map_or_else(|| program::path(&cli.target_dir), Ok)?,
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
    cli.output.write("load", &report)
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
    Ok(Settings { seconds: cli.seconds, cpus: surroundings.cores.count, cpu: cpu_model()? })
}

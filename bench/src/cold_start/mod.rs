//! `cargo cold-start`: measures the six functions beside a bare one, as Lambda would run them.
//!
//! It plays Lambda's Runtime API and DynamoDB, which is the embedded engine behind TLS. Programs are started in
//! turns, so that whatever slows this machine down for a while slows down all of them; only the ratios mean much
//! beyond it.

mod certificate;
mod consumption;
mod cpu_share;
mod cpus;
mod dynamodb;
mod event;
mod instance;
mod measure;
mod process;
mod program;
mod report;
mod runtime_api;
mod stage;
mod summary;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Args;
use tokio::runtime::Builder;

use crate::cold_start::certificate::Certificates;
use crate::cold_start::cpu_share::CpuShare;
use crate::cold_start::cpus::{Cpus, Load};
use crate::cold_start::dynamodb::DynamoDb;
use crate::cold_start::instance::Surroundings;
use crate::cold_start::measure::Sample;
use crate::cold_start::program::{BARE, Binaries, Program, USUAL};
pub use crate::cold_start::report::Report;
use crate::cold_start::report::Settings;
use crate::cold_start::stage::{Call, Stage};
use crate::figures::Output;
use crate::machine::cpu_model;

/// Measures the functions beside a bare one: cold start, warm calls, size, memory, DynamoDB calls and units.
#[derive(Args)]
pub struct Cli {
    /// How often each program is started
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    repeats: u32,
    /// How many invocations of each instance count as warm
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    warm: u32,
    /// Measure this function alone; may be given several times
    #[arg(long)]
    function: Vec<String>,
    /// Limit instances from their first event on to this part of a CPU; a 128 MB function has 0.0723
    #[arg(long, value_parser = share)]
    cpu_share: Option<f64>,
    /// Milliseconds that DynamoDB takes to answer, at least
    #[arg(long, default_value_t = 0)]
    round_trip_ms: u64,
    /// Read the events' secret from Secrets Manager, as a deployed function does
    #[arg(long)]
    secrets_manager: bool,
    /// Measure what was built earlier
    #[arg(long)]
    no_build: bool,
    /// Measure the binaries in this folder (NAME or NAME/bootstrap), and build none
    #[arg(long)]
    bin_dir: Option<PathBuf>,
    /// Compare with the binaries in this folder
    #[arg(long)]
    against: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
    /// Where cargo builds
    #[arg(long, env = "CARGO_TARGET_DIR", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../target"))]
    target_dir: PathBuf,
}

fn share(text: &str) -> Result<f64> {
    let share = text.parse()?;
    // Less than this is less than the kernel's least quota.
    ensure!((0.05..=1.0).contains(&share), "expected a number from 0.05 to 1");
    Ok(share)
}

/// Measures on one thread, so that the measured program has the other cores to itself.
pub fn run(cli: &Cli) -> Result<()> {
    Builder::new_current_thread().enable_all().build()?.block_on(measure_all(cli))
}

async fn measure_all(cli: &Cli) -> Result<()> {
    if !cli.no_build && cli.bin_dir.is_none() {
        program::build(&cli.target_dir)?;
    }
    let built = Binaries(cli.target_dir.join("release"));
    let binaries = cli.bin_dir.clone().map_or_else(|| built.clone(), Binaries);
    let programs = programs(cli, &binaries, &built)?;

    cpus::go_first();
    let folder = tempfile::tempdir()?;
    let certificates = Certificates::new(folder.path())?;
    let mut surroundings = Surroundings {
        dynamodb: DynamoDb::start(&certificates, event::SECRET).await?,
        certificates,
        cpu_share: cli.cpu_share.and_then(limited),
        round_trip: Duration::from_millis(cli.round_trip_ms),
        secrets_manager: cli.secrets_manager,
        cpus: Cpus::part()?,
        folder: folder.path().to_owned(),
    };
    let mut stage = Stage::set(&binaries, &surroundings).await?;

    let before = Load::now()?;
    let samples = samples(cli, programs, &mut stage, &mut surroundings).await?;
    let settings = settings(cli, &surroundings, Load::now()?.of_others_since(&before))?;
    let mut calls = Vec::new();
    for call in Call::ALL.into_iter().filter(|call| cli.measures(call.function())) {
        calls.push(consumption::consumption(call, &binaries, &mut stage, &mut surroundings).await?);
    }

    let programs = report::measured(&samples)?;
    let report = Report { settings, programs, comparisons: report::comparisons(&samples), calls };
    cli.output.write(if cli.cpu_share.is_some() { "cold-start-128-mb" } else { "cold-start" }, &report)
}

impl Cli {
    fn measures(&self, function: &str) -> bool {
        self.function.is_empty() || self.function.iter().any(|chosen| chosen == function)
    }
}

/// The bare programs, then the functions, each beside the one that it is compared with.
fn programs(cli: &Cli, binaries: &Binaries, built: &Binaries) -> Result<Vec<Program>> {
    let mut programs = Vec::new();
    for name in [BARE, USUAL] {
        let path = binaries.path(name).or_else(|_| built.path(name))?;
        programs.push(Program { name, against: false, path, call: Call::OpenSession });
    }
    for call in Call::TIMED.into_iter().filter(|call| cli.measures(call.function())) {
        let name = call.function();
        programs.push(Program { name, against: false, path: binaries.path(name)?, call });
        if let Some(folder) = &cli.against {
            let path = Binaries(folder.clone()).path(name)?;
            programs.push(Program { name, against: true, path, call });
        }
    }
    ensure!(programs.len() > 2, "none of the six functions has such a name");
    Ok(programs)
}

/// If no CPU share can be set, the figures are without it.
fn limited(share: f64) -> Option<CpuShare> {
    match CpuShare::new(share) {
        Ok(share) => Some(share),
        Err(error) => {
            eprintln!("The CPU share cannot be limited, so everything is measured without: {error}");
            None
        }
    }
}

/// Starts all programs in turns, time and again.
async fn samples(
    cli: &Cli,
    programs: Vec<Program>,
    stage: &mut Stage,
    surroundings: &mut Surroundings,
) -> Result<Vec<(Program, Vec<Sample>)>> {
    let mut samples: Vec<_> = programs.into_iter().map(|program| (program, Vec::new())).collect();
    // The first round is for the page cache, into which the binaries must come once.
    for round in 0..=cli.repeats {
        for (program, samples) in &mut samples {
            let sample = measure::measure(program, stage, surroundings, cli.warm).await?;
            if round > 0 {
                samples.push(sample);
            }
        }
        if round % 10 == 0 {
            eprintln!("{round} of {} rounds", cli.repeats);
        }
    }
    Ok(samples)
}

fn settings(cli: &Cli, surroundings: &Surroundings, others: f64) -> Result<Settings> {
    let throttled = surroundings.cpu_share.as_ref().map(CpuShare::times_throttled).transpose();
    Ok(Settings {
        repeats: cli.repeats,
        warm: cli.warm,
        cpu_share: cli.cpu_share,
        times_throttled: throttled.context("the control group's figures")?,
        round_trip_ms: cli.round_trip_ms,
        secrets_manager: cli.secrets_manager,
        cpus: surroundings.cpus.count,
        cpu: cpu_model()?,
        others,
    })
}

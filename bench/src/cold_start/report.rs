//! The report: tables for people, JSON for programs.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use anyhow::Result;
use comfy_table::Table;
use serde::{Deserialize, Serialize};

use crate::cold_start::consumption::Consumption;
use crate::cold_start::measure::{Sample, millis};
use crate::cold_start::program::Program;
use crate::cold_start::summary::Summary;
use crate::table::table;

/// How much others may use of all CPUs before times mean nothing: they lie far apart then, CPU times less so.
const QUIET: f64 = 0.1;

/// Everything that a run found.
#[derive(Deserialize, Serialize)]
pub struct Report {
    /// What was asked for, and where.
    pub settings: Settings,
    /// The programs; the first is the bare one.
    pub programs: Vec<Measured>,
    /// How the functions compare with those that they were to be compared with.
    pub comparisons: Vec<Comparison>,
    /// What calls ask of DynamoDB.
    pub calls: Vec<Consumption>,
}

/// What was asked for, and where.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Settings {
    /// How often each program was started.
    pub repeats: u32,
    /// How many of the invocations of each instance count as warm.
    pub warm: u32,
    /// The part of a CPU that an instance had from its first event on.
    pub cpu_share: Option<f64>,
    /// How often an instance had used that up before a period was over.
    pub times_throttled: Option<u64>,
    /// How long each answer of the database took at least, in milliseconds.
    pub round_trip_ms: u64,
    /// Whether the events' secret came from Secrets Manager.
    pub secrets_manager: bool,
    /// How many CPUs there are.
    pub cpus: u32,
    /// What CPU it is.
    pub cpu: String,
    /// The part of all CPUs that other programs used meanwhile.
    pub others: f64,
}

/// What was found of a program.
#[derive(Deserialize, Serialize)]
pub struct Measured {
    /// Its name.
    pub program: String,
    /// Each figure by its name.
    pub figures: BTreeMap<String, Figure>,
}

/// A figure of a program.
#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
pub struct Figure {
    #[serde(flatten)]
    summary: Summary,
    /// The median as a multiple of the bare program's.
    times_bare: f64,
}

/// A function against the other of its name.
#[derive(Deserialize, Serialize)]
pub struct Comparison {
    /// The function.
    pub function: String,
    /// For each figure, how many times the other's it is. Instances are compared in pairs, each with the one that was
    /// started next, so that what slows the machine down for a while slows down both.
    pub ratios: BTreeMap<String, Summary>,
}

/// A figure that each instance shows.
struct Metric {
    name: &'static str,
    title: &'static str,
    of: fn(&Sample) -> f64,
}

/// Those that the table of cold starts shows.
const COLD: [Metric; 4] = [
    Metric { name: "cold_start_ms", title: "cold start, ms", of: |sample| millis(sample.cold_start()) },
    Metric { name: "init_ms", title: "its init, ms", of: |sample| millis(sample.init) },
    Metric { name: "first_own_ms", title: "first request, own, ms", of: |sample| millis(sample.first_own) },
    Metric { name: "first_cpu_ms", title: "its CPU, ms", of: |sample| millis(sample.first_cpu) },
];

/// Those that the table of warm calls shows.
const WARM: [Metric; 3] = [
    Metric { name: "warm_ms", title: "warm call, ms", of: |sample| millis(sample.warm) },
    Metric { name: "warm_own_ms", title: "own, ms", of: |sample| millis(sample.warm_own) },
    Metric { name: "warm_cpu_ms", title: "its CPU, ms", of: |sample| millis(sample.warm_cpu) },
];

/// Memory, for the table of sizes.
const MEMORY: [Metric; 1] = [Metric {
    name: "peak_rss_mib",
    title: "peak RSS, MiB",
    of: |sample| f64::from(sample.peak_memory) / 1024.0,
}];

/// What only the JSON has.
const MORE: [Metric; 2] = [
    Metric { name: "init_cpu_ms", title: "CPU of init, ms", of: |sample| millis(sample.init_cpu) },
    Metric { name: "first_ms", title: "first request, ms", of: |sample| millis(sample.first) },
];

/// The sizes of a program: names and titles of the binary's, and of the deployed archive's.
const SIZES: [(&str, &str); 2] = [("binary_mib", "binary, MiB"), ("zipped_mib", "zipped, MiB")];

fn metrics() -> impl Iterator<Item = &'static Metric> {
    COLD.iter().chain(&WARM).chain(&MEMORY).chain(&MORE)
}

/// Puts the samples of all programs together, the bare one's first.
pub fn measured(samples: &[(Program, Vec<Sample>)]) -> Result<Vec<Measured>> {
    let mut all: Vec<Measured> = Vec::new();
    for (program, samples) in samples {
        let (binary, zipped) = program.size()?;
        let sizes = SIZES.map(|(name, _)| name).into_iter().zip([binary, zipped]);
        let mut summaries: Vec<_> =
            metrics().map(|metric| (metric.name, Summary::of(samples.iter().map(metric.of)))).collect();
        for (name, size) in sizes {
            summaries.push((name, Summary::of([f64::from(size) / f64::from(1 << 20)])));
        }
        let figures = summaries.into_iter().map(|(name, summary)| {
            let bare = all.first().and_then(|bare| bare.figures.get(name));
            let bare = bare.map_or(summary.median, |bare| bare.summary.median);
            (name.to_owned(), Figure { summary, times_bare: summary.median / bare })
        });
        let figures = figures.collect();
        all.push(Measured { program: program.title(), figures });
    }
    Ok(all)
}

/// Compares each function with the other one of its name, if there is one.
pub fn comparisons(samples: &[(Program, Vec<Sample>)]) -> Vec<Comparison> {
    let mut comparisons = Vec::new();
    for (program, own) in samples.iter().filter(|(program, _)| !program.against) {
        let other = samples.iter().find(|(other, _)| other.against && other.name == program.name);
        if let Some((_, others)) = other {
            let ratio = |metric: &'static Metric| {
                let pairs = own.iter().zip(others);
                (
                    metric.name.to_owned(),
                    Summary::of(pairs.map(|(own, other)| (metric.of)(own) / (metric.of)(other))),
                )
            };
            comparisons.push(Comparison {
                function: program.name.to_owned(),
                ratios: metrics().map(ratio).collect(),
            });
        }
    }
    comparisons
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n", self.settings)?;
        writeln!(f, "{}\n", self.figures(&titles(&COLD)))?;
        writeln!(f, "{}\n", self.figures(&titles(&WARM)))?;
        writeln!(f, "{}\n", self.figures(&[&SIZES[..], &titles(&MEMORY)[..]].concat()))?;
        if !self.comparisons.is_empty() {
            writeln!(f, "Each function as a multiple of the one it is compared with:\n")?;
            writeln!(f, "{}\n", self.compared())?;
        }
        write!(f, "{}", self.consumed())
    }
}

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            repeats,
            warm,
            cpu_share,
            times_throttled,
            round_trip_ms,
            secrets_manager,
            cpus,
            cpu,
            others,
        } = self;
        write!(f, "{repeats} starts of each program, in turns, and {warm} warm calls of each instance. ")?;
        write!(f, "Medians, in brackets the quartiles; × is the multiple of the bare function's. ")?;
        write!(f, "What DynamoDB took is in a call, but not in what is its own. ")?;
        match (cpu_share, times_throttled) {
            (Some(share), Some(times)) => {
                write!(
                    f,
                    "From its first event on an instance has {share} of a CPU; {times} times it had to wait. "
                )?;
            }
            (Some(share), None) => write!(f, "NOT LIMITED to {share} of a CPU: that is not possible here. ")?,
            (None, _) => {}
        }
        if *round_trip_ms > 0 {
            write!(f, "DynamoDB takes {round_trip_ms} ms to answer. ")?;
        }
        if *secrets_manager {
            write!(f, "The events' secret comes from Secrets Manager. ")?;
        }
        write!(f, "{cpus} × {cpu}, of which others used {:.0} % meanwhile.", others * 100.0)?;
        if *others > QUIET {
            write!(f, " THAT IS TOO MUCH: what takes time here is not the programs'; measure again.")?;
        }
        Ok(())
    }
}

fn titles(metrics: &[Metric]) -> Vec<(&'static str, &'static str)> {
    metrics.iter().map(|metric| (metric.name, metric.title)).collect()
}

impl Report {
    /// A table of these figures of all programs.
    fn figures(&self, columns: &[(&'static str, &'static str)]) -> Table {
        let titles = columns.iter().flat_map(|(_, title)| [*title, "×"]);
        let mut table = table(std::iter::once("program").chain(titles), 1);
        for measured in &self.programs {
            let mut row = vec![measured.program.clone()];
            for (name, _) in columns {
                let Some(Figure { summary, times_bare }) = measured.figures.get(*name) else { continue };
                row.extend([spread(summary), format!("{times_bare:.2}")]);
            }
            table.add_row(row);
        }
        table
    }

    fn compared(&self) -> Table {
        let metrics: Vec<_> = COLD.iter().chain(&WARM).chain(&MEMORY).collect();
        let mut table =
            table(std::iter::once("function").chain(metrics.iter().map(|metric| metric.title)), 1);
        for Comparison { function, ratios } in &self.comparisons {
            let ratios = metrics.iter().filter_map(|metric| ratios.get(metric.name)).map(spread);
            table.add_row(std::iter::once(function.clone()).chain(ratios));
        }
        table
    }

    fn consumed(&self) -> Table {
        let titles = ["call", "operations", "at start", "first call", "deep", "later", "deep", "RCU", "WCU"];
        let mut table = table(titles, 2);
        for Consumption { function: _, call, at_start, first, later } in &self.calls {
            table.add_row([
                call.clone(),
                later.operations.clone(),
                at_start.count.to_string(),
                first.count.to_string(),
                first.depth.to_string(),
                later.count.to_string(),
                later.depth.to_string(),
                later.read_units.to_string(),
                later.write_units.to_string(),
            ]);
        }
        table
    }
}

/// A median, and the quartiles if they differ from it.
fn spread(summary: &Summary) -> String {
    let [median, lower, upper] =
        [summary.median, summary.lower_quartile, summary.upper_quartile].map(|figure| format!("{figure:.2}"));
    let mut text = median.clone();
    if lower != median || upper != median {
        // Writing to text does not fail.
        let _written = write!(text, " ({lower}–{upper})");
    }
    text
}

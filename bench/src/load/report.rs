//! The report: tables for people, JSON for programs.

use std::fmt;

use comfy_table::Table;
use serde::{Deserialize, Serialize};

use crate::load::run::Run;
use crate::load::traffic::Traffic;
use crate::table::table;

/// How much others may use of all CPUs before a run says little of the service.
const QUIET: f64 = 0.1;

/// How much of its core the generator may use before it is what was measured.
const FREE: f64 = 0.9;

/// Everything that was found.
#[derive(Deserialize, Serialize)]
pub struct Report {
    /// What was asked for, and where.
    pub settings: Settings,
    /// The runs of the service as it is, by traffic and then by concurrency.
    pub runs: Vec<Run>,
    /// The runs with the engine in a process of its own.
    pub apart: Vec<Run>,
}

/// What was asked for, and where.
#[derive(Deserialize, Serialize)]
pub struct Settings {
    /// How long each run lasted.
    pub seconds: u32,
    /// How many CPUs there are.
    pub cpus: u32,
    /// What CPU it is.
    pub cpu: String,
}

impl Report {
    /// The run that this one is a multiple of: the first of its traffic.
    fn first_of(&self, traffic: Traffic) -> Option<&Run> {
        self.runs.iter().find(|run| run.traffic == traffic)
    }

    fn under_load(&self) -> Table {
        let titles =
            ["", "at once", "requests/s", "×", "p50, ms", "×", "p99, ms", "×", "CPU, ms", "core used"];
        let mut table = table(titles, 1);
        for run in &self.runs {
            let first = self.first_of(run.traffic).unwrap_or(run);
            let multiple = |of: fn(&Run) -> f64| format!("{:.2}", of(run) / of(first));
            table.add_row([
                run.traffic.name().to_owned(),
                run.concurrency.to_string(),
                format!("{:.0}", run.requests_per_second),
                multiple(|run| run.requests_per_second),
                format!("{:.2}", run.p50_ms),
                multiple(|run| run.p50_ms),
                format!("{:.2}", run.p99_ms),
                multiple(|run| run.p99_ms),
                format!("{:.3}", run.cpu_ms),
                format!("{:.0} %", run.core_used * 100.0),
            ]);
        }
        table
    }

    /// Where the CPU time goes: what the engine takes, what the gateway takes before any function, and the rest.
    fn taken_apart(&self) -> Table {
        let floor = self.runs.iter().rfind(|run| run.traffic == Traffic::UnknownRoute);
        let titles = ["", "CPU, ms", "engine", "functions and gateway", "of that, the gateway's floor"];
        let mut table = table(titles, 1);
        for run in &self.apart {
            table.add_row([
                run.traffic.name().to_owned(),
                format!("{:.3}", run.cpu_ms),
                format!("{:.3}", run.engine_cpu_ms),
                format!("{:.3}", run.cpu_ms - run.engine_cpu_ms),
                floor.map_or_else(|| "not measured".to_owned(), |floor| format!("{:.3}", floor.cpu_ms)),
            ]);
        }
        table
    }

    /// What makes a run mean less than it seems to.
    fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.settings.cpus < 2 {
            warnings.push("ONE CPU for both: the generator's work is in each figure.".to_owned());
        }
        let all = || self.runs.iter().chain(&self.apart);
        let most = |of: fn(&Run) -> f64| all().map(of).fold(0.0, f64::max) * 100.0;
        let busy = all().filter(|run| run.others > QUIET).count();
        if busy > 0 {
            let most = most(|run| run.others);
            warnings.push(format!(
                "OTHERS USED up to {most:.0} % of all CPUs, and too much in {busy} of {} runs; measure again.",
                all().count()
            ));
        }
        for run in all().filter(|run| self.settings.cpus > 1 && run.generator_used > FREE) {
            let (name, concurrency, used) = (run.traffic.name(), run.concurrency, run.generator_used * 100.0);
            warnings.push(format!(
                "{name} × {concurrency}: the generator used {used:.0} % of its core; the service can do more."
            ));
        }
        warnings
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Settings { seconds, cpus, cpu } = &self.settings;
        let requests: u32 = self.runs.iter().chain(&self.apart).map(|run| run.requests).sum();
        write!(
            f,
            "{seconds} s each, the service on one core and the generator on another of {cpus} × {cpu}. "
        )?;
        write!(
            f,
            "× is the multiple of the first line of its kind. CPU is the service's for each request. "
        )?;
        writeln!(f, "All {requests} requests were answered as expected.\n")?;
        writeln!(f, "{}", self.under_load())?;
        if !self.apart.is_empty() {
            writeln!(f, "\nThe same with the engine in a process of its own on that core:\n")?;
            writeln!(f, "{}", self.taken_apart())?;
        }
        for warning in self.warnings() {
            write!(f, "\n{warning}")?;
        }
        Ok(())
    }
}

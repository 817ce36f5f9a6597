//! The report: tables for people, JSON for programs.

use std::fmt;

use comfy_table::Table;
use serde::{Deserialize, Serialize};

use crate::chain::settling::Settling;
use crate::chain::short::Short;
use crate::chain::step::Cost;
use crate::chain::waiting::{MOST_STEPS, Waiting};
use crate::table::table;

/// Everything that a run found.
#[derive(Debug, Deserialize, Serialize)]
pub struct Report {
    /// Steps, with so many open orders.
    pub waiting: Vec<Waiting>,
    /// Many orders paid at once.
    pub settling: Vec<Settling>,
    /// Orders that were paid in part.
    pub short: Short,
}

/// What is told of a cost.
const COST: [&str; 9] = [
    "CPU, ms",
    "wall, ms",
    "peak memory added, MiB",
    "HTTP requests",
    "node calls",
    "KiB from the node",
    "DynamoDB calls",
    "RCU",
    "WCU",
];

/// What is told of a run.
const RUN: [&str; 6] = [
    "unpaid orders",
    "steps until payments are recorded",
    "peak memory added, MiB",
    "CPU, s",
    "of a 256 MB function's time, s",
    "RCU",
];

impl Report {
    fn waiting(&self) -> Table {
        let mut table = table(["unpaid orders", "step"].into_iter().chain(COST), 1);
        for waiting in &self.waiting {
            for row in &waiting.steps {
                let name = [waiting.size.to_string(), row.what.clone()];
                table.add_row(name.into_iter().chain(cost(&row.cost)));
            }
        }
        table
    }

    fn runs(&self) -> Table {
        let mut table = table(RUN, 1);
        for Waiting { size, payments, recorded_after, run, .. } in &self.waiting {
            let recorded = match recorded_after {
                Some(steps) => steps.to_string(),
                None if *payments == 0 => String::new(),
                None => format!("not within {MOST_STEPS}"),
            };
            table.add_row([
                size.to_string(),
                recorded,
                mebibytes(run.memory_kib),
                format!("{:.2}", run.cpu_s),
                format!("{:.1}", run.of_256_mb_s),
                run.read_units.to_string(),
            ]);
        }
        table
    }

    fn settling(&self) -> Table {
        let titles = ["orders", "steps", "transactions", "gas", "gas an order"];
        let mut table = table(std::iter::once("to").chain(titles).chain(COST), 1);
        for settling in &self.settling {
            let Settling { recipients, orders, steps, transactions, gas, cost: all, again } = settling;
            let figures = [
                recipients.description().to_owned(),
                orders.to_string(),
                steps.to_string(),
                transactions.to_string(),
                gas.to_string(),
                (gas / u64::from(*orders).max(1)).to_string(),
            ];
            table.add_row(figures.into_iter().chain(cost(all)));
            let each_after =
                [format!("{}: a step after these", recipients.description()), orders.to_string()];
            table.add_row(each_after.into_iter().chain([const { String::new() }; 4]).chain(cost(again)));
        }
        table
    }

    fn short(&self) -> Table {
        let mut table = table(["orders", "step"].into_iter().chain(COST), 1);
        let Short { orders, soon, later } = &self.short;
        for (when, look) in [("soon", soon), ("later", later)] {
            table.add_row([orders.to_string(), when.to_owned()].into_iter().chain(cost(look)));
        }
        table
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "A step:\n\n{}\n", self.waiting())?;
        writeln!(f, "A run without payments:\n\n{}\n", self.runs())?;
        writeln!(
            f,
            "Orders that were paid at once, until each is settled and final:\n\n{}\n",
            self.settling()
        )?;
        writeln!(
            f,
            "A step with orders that were paid in part, soon after that and later:\n\n{}",
            self.short()
        )
    }
}

fn cost(cost: &Cost) -> [String; 9] {
    let Cost { wall, cpu, memory_kib, node, table } = cost;
    [
        format!("{:.1}", cpu.as_secs_f64() * 1e3),
        format!("{:.0}", wall.as_secs_f64() * 1e3),
        mebibytes(*memory_kib),
        node.requests.to_string(),
        node.call_count().to_string(),
        node.bytes.div_ceil(1024).to_string(),
        table.call_count().to_string(),
        table.read_units.to_string(),
        table.write_units.to_string(),
    ]
}

fn mebibytes(kib: u64) -> String {
    let tenths = (kib * 10).div_ceil(1024);
    format!("{}.{}", tenths / 10, tenths % 10)
}

//! The report: tables for people, JSON for programs.

use std::fmt;

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use crate::cost::{Asked, Measured};
use crate::deposits;
use crate::sessions;

/// Everything that a run found.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Each call, as the table grows.
    pub sessions: Vec<sessions::Row>,
    /// An order, as it grows.
    pub deposits: Vec<deposits::Row>,
    /// What was found not to hold.
    pub findings: Vec<Finding>,
}

/// Something that does not hold.
#[derive(Debug, Serialize)]
pub struct Finding {
    /// What it is.
    pub text: String,
    /// Whether it fails only a strict run.
    pub is_warning: bool,
}

impl Report {
    /// Judges what was measured.
    pub fn new(sessions: Vec<sessions::Row>, deposits: Vec<deposits::Row>) -> Self {
        let mut findings = Vec::new();
        for row in sessions.iter().filter(|row| !row.is_flat()) {
            let asked: Vec<_> = row.sizes.iter().map(|at| format!("{} at {}", at.asked, at.size)).collect();
            let text = format!("{} does not cost the same at every size: {}", row.call, asked.join("; "));
            findings.push(Finding { text, is_warning: false });
        }
        if !deposits::is_linear(&deposits) {
            let text = "reading an order costs more for each deposit the more there are".to_owned();
            findings.push(Finding { text, is_warning: false });
        }
        if !deposits::is_flat(&deposits) {
            let text = "recording a deposit costs more the more there are".to_owned();
            findings.push(Finding { text, is_warning: true });
        }
        Self { sessions, deposits, findings }
    }

    /// Whether everything holds that must.
    pub fn holds(&self, strict: bool) -> bool {
        self.findings.iter().all(|finding| finding.is_warning && !strict)
    }

    /// What each call asks for, once.
    fn asked(&self) -> Table {
        let mut table = table(["call", "DynamoDB calls", "RCU", "WCU", "at every size"]);
        for row in &self.sessions {
            if let Some(first) = row.sizes.first() {
                let Asked { calls, read_units, write_units } = &first.asked;
                let calls: Vec<_> = calls.keys().cloned().collect();
                let same = if row.is_flat() { "the same" } else { "NOT THE SAME" };
                let (reads, writes) = (read_units.to_string(), write_units.to_string());
                table.add_row([row.call.to_owned(), calls.join(", "), reads, writes, same.to_owned()]);
            }
        }
        table
    }

    /// A CPU time of each call at the first size, and as a multiple of that at the others.
    fn times(&self, of: fn(&Measured) -> f64) -> Table {
        let sizes = self.sessions.first().map_or(&[][..], |row| &row.sizes);
        let titles = sizes.iter().enumerate().map(|(place, at)| {
            let unit = if place == 0 { ", µs" } else { "" };
            format!("{} sessions{unit}", at.size)
        });
        let mut table = table(std::iter::once("call".to_owned()).chain(titles));
        for row in &self.sessions {
            let first = row.sizes.first().map_or(1.0, of);
            let figures = row.sizes.iter().enumerate().map(|(place, at)| match place {
                0 => format!("{first:.0}"),
                _ => format!("× {:.2}", of(at) / first),
            });
            table.add_row(std::iter::once(row.call.to_owned()).chain(figures));
        }
        table
    }

    fn reads(&self) -> Table {
        let mut table = table([
            "deposits",
            "calls",
            "RCU",
            "RCU a deposit",
            "answer, bytes",
            "bytes a deposit",
            "own, µs",
            "own a deposit, µs",
            "engine, µs",
        ]);
        let none = self.deposits.first().map(|row| &row.read);
        for read in self.deposits.iter().map(|row| &row.read) {
            let each = |of: fn(&Measured) -> f64| match none {
                Some(none) if read.size > none.size => {
                    format!("{:.3}", (of(read) - of(none)) / f64::from(read.size - none.size))
                }
                Some(_) | None => String::new(),
            };
            table.add_row([
                read.size.to_string(),
                read.asked.calls.values().sum::<u32>().to_string(),
                read.asked.read_units.to_string(),
                each(|at| at.asked.read_units),
                read.answer_bytes.to_string(),
                each(|at| f64::from(at.answer_bytes)),
                format!("{:.0}", read.own_us),
                each(|at| at.own_us),
                format!("{:.0}", read.engine_us),
            ]);
        }
        table
    }

    fn records(&self) -> Table {
        let mut table = table(["deposits before", "DynamoDB calls", "RCU", "WCU", "own, µs", "engine, µs"]);
        for record in self.deposits.iter().map(|row| &row.record) {
            let calls: Vec<_> = record
                .asked
                .calls
                .iter()
                .map(|(operation, count)| format!("{count} × {operation}"))
                .collect();
            table.add_row([
                record.size.to_string(),
                calls.join(", "),
                record.asked.read_units.to_string(),
                record.asked.write_units.to_string(),
                format!("{:.0}", record.own_us),
                format!("{:.0}", record.engine_us),
            ]);
        }
        table
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "What each call asks of DynamoDB:\n\n{}\n", self.asked())?;
        writeln!(f, "CPU time of the function and its SDK, medians:\n\n{}\n", self.times(|at| at.own_us))?;
        writeln!(f, "CPU time of the embedded engine, medians:\n\n{}\n", self.times(|at| at.engine_us))?;
        writeln!(f, "Reading an order:\n\n{}\n", self.reads())?;
        writeln!(f, "Recording one more deposit:\n\n{}\n", self.records())?;
        for Finding { text, is_warning } in &self.findings {
            writeln!(f, "{}: {text}.", if *is_warning { "WARNING" } else { "FAILED" })?;
        }
        if self.findings.is_empty() {
            writeln!(f, "Sessions: flat. Reading an order: linear. Recording a deposit: flat.")?;
        }
        Ok(())
    }
}

/// A table whose columns after the first hold figures.
fn table<T: Into<comfy_table::Cell>>(titles: impl IntoIterator<Item = T>) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::ASCII_MARKDOWN)
        .set_header(titles.into_iter().map(Into::into).collect::<Vec<_>>());
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_fails_only_a_strict_run() {
        let report = |findings: &[bool]| {
            let finding = |is_warning: &bool| Finding { text: String::new(), is_warning: *is_warning };
            Report { sessions: vec![], deposits: vec![], findings: findings.iter().map(finding).collect() }
        };
        assert!(report(&[]).holds(true));
        assert!(report(&[true]).holds(false) && !report(&[true]).holds(true));
        assert!(!report(&[true, false]).holds(false));
    }
}

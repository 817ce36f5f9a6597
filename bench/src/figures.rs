//! Where a report goes: to the terminal, to a file for programs, to the figures that the documents point to.

use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use serde::Serialize;

use crate::machine::ROOT;

/// Where the report goes beside the terminal.
#[derive(Args)]
pub struct Output {
    /// Write the report to this file as JSON, too
    #[arg(long)]
    json: Option<PathBuf>,
    /// Write the report to `docs/figures` as well: JSON, and the tables made of it
    #[arg(long)]
    figures: bool,
}

impl Output {
    /// Prints the report, and writes it to where else it is wanted. `name` is that of the files in `docs/figures`.
    pub fn write(&self, name: &str, report: &(impl Display + Serialize)) -> Result<()> {
        println!("{report}");
        let json = format!("{}\n", serde_json::to_string_pretty(report)?);
        if let Some(file) = &self.json {
            fs::write(file, &json).with_context(|| file.display().to_string())?;
        }
        if self.figures {
            let folder = folder();
            fs::create_dir_all(&folder)?;
            fs::write(folder.join(name).with_extension("json"), &json)?;
            fs::write(folder.join(name).with_extension("md"), page(name, report))?;
        }
        Ok(())
    }
}

fn folder() -> PathBuf {
    Path::new(ROOT).join("docs/figures")
}

/// The page of a report.
fn page(name: &str, report: &impl Display) -> String {
    let text = report.to_string();
    let lines: Vec<_> = text.lines().map(str::trim_end).collect();
    format!(
        "# Figures: {name}\n\nMade of `{name}.json` by `--figures`; do not edit.\n\n{}\n",
        lines.join("\n")
    )
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;

    use super::*;
    use crate::{chain, cold_start, load};

    #[test]
    fn pages_say_what_their_json_says() {
        says::<cold_start::Report>("cold-start");
        says::<cold_start::Report>("cold-start-128-mb");
        says::<load::Report>("load");
        says::<chain::Report>("chain");
    }

    #[track_caller]
    fn says<Report: Display + DeserializeOwned>(name: &str) {
        let file = folder().join(name);
        let json = fs::read_to_string(file.with_extension("json")).unwrap();
        let report: Report = serde_json::from_str(&json).unwrap();
        assert_eq!(fs::read_to_string(file.with_extension("md")).unwrap(), page(name, &report));
    }
}

//! Builds what is measured.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// How the names of the variables begin by which cargo describes a crate to itself.
const OF_THIS_CRATE: [&str; 2] = ["CARGO_MANIFEST_", "CARGO_PKG_"];

/// Runs `cargo build` with these options in this folder.
pub fn build(folder: &Path, target_dir: &Path, options: &[&str]) -> Result<()> {
    let mut cargo = Command::new("cargo");
    // What `cargo run` says of this crate. A build script that looks at it (ring's does) would run again each time that
    // the program is built from here and from a shell in turns, and minutes of building with it.
    for (variable, _) in std::env::vars_os() {
        if variable.to_str().is_some_and(|name| OF_THIS_CRATE.iter().any(|prefix| name.starts_with(prefix))) {
            cargo.env_remove(variable);
        }
    }
    let status = cargo
        .args(["build", "--locked", "--target-dir"])
        .arg(target_dir)
        .args(options)
        .current_dir(folder)
        .status()
        .context("cargo cannot be started")?;
    ensure!(status.success(), "cargo build {} failed", options.join(" "));
    Ok(())
}

//! The program under load: `cargo dev`, optimised.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Where the workspace is.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Optimised, without the optimisation across crates that takes minutes.
const PROFILE: &str = "cold-start";

/// How the names of variables begin by which cargo describes a crate to itself.
const OF_THIS_CRATE: [&str; 2] = ["CARGO_MANIFEST_", "CARGO_PKG_"];

/// Builds it. By itself: what is built together with this crate would share its features.
pub fn build(target_dir: &Path) -> Result<()> {
    let mut cargo = Command::new("cargo");
    // What `cargo run` says of this crate. A build script that looks at it (ring's does) would run again each time that
    // the service is built from here and from a shell in turns, and minutes of building with it.
    for (variable, _) in std::env::vars_os() {
        if variable.to_str().is_some_and(|name| OF_THIS_CRATE.iter().any(|prefix| name.starts_with(prefix))) {
            cargo.env_remove(variable);
        }
    }
    let status = cargo
        .args(["build", "--profile", PROFILE, "--locked", "--package", "dev", "--bin", "dev", "--target-dir"])
        .arg(target_dir)
        .current_dir(ROOT)
        .status()
        .context("cargo cannot be started")?;
    ensure!(status.success(), "the local run does not compile");
    Ok(())
}

/// Its path.
pub fn path(target_dir: &Path) -> Result<PathBuf> {
    let path = target_dir.join(PROFILE).join("dev");
    ensure!(path.is_file(), "there is no {}; build it first", path.display());
    Ok(path)
}

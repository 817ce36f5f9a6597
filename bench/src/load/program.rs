//! The program under load: `cargo dev`, optimised.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use crate::cargo_build;
use crate::machine::ROOT;

/// Optimised, without the optimisation across crates that takes minutes.
const PROFILE: &str = "cold-start";

/// Builds it. By itself: what is built together with this crate would share its features.
pub fn build(target_dir: &Path) -> Result<()> {
    cargo_build::build(
        Path::new(ROOT),
        target_dir,
        &["--profile", PROFILE, "--package", "dev", "--bin", "dev"],
    )
}

/// Its path.
pub fn path(target_dir: &Path) -> Result<PathBuf> {
    let path = target_dir.join(PROFILE).join("dev");
    ensure!(path.is_file(), "there is no {}; build it first", path.display());
    Ok(path)
}

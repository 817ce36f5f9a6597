//! The programs that are measured: their builds, their paths and their sizes.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use flate2::Compression;
use flate2::write::DeflateEncoder;

use crate::cargo_build;
use crate::cold_start::stage::Call;
use crate::machine::ROOT;

/// The bare function.
pub const BARE: &str = "bare";
/// The bare function as it is usually written.
pub const USUAL: &str = "usual";

/// Builds the functions and the bare one. Each alone and from its own folder, as `sam build` does it: what one command
/// builds together shares its features, and then something else is measured than what is deployed.
pub fn build(target_dir: &Path) -> Result<()> {
    let functions =
        Call::TIMED.map(|call| (call.function(), format!("{ROOT}/functions/{}", call.function())));
    let bare = [BARE, USUAL].map(|name| (name, format!("{ROOT}/bench/{name}")));
    for (name, folder) in functions.into_iter().chain(bare) {
        cargo_build::build(Path::new(&folder), target_dir, &["--release", "--bin", name])?;
    }
    Ok(())
}

/// A folder with binaries.
#[derive(Debug, Clone)]
pub struct Binaries(pub PathBuf);

impl Binaries {
    /// Where the program of this name is: a file, or `bootstrap` in a folder, as cargo-lambda leaves it.
    pub fn path(&self, name: &str) -> Result<PathBuf> {
        let path = self.0.join(name);
        let path = if path.is_dir() { path.join("bootstrap") } else { path };
        ensure!(path.is_file(), "there is no {}; build it first", path.display());
        Ok(path)
    }
}

/// A program and what it is asked.
pub struct Program {
    /// Its binary's name.
    pub name: &'static str,
    /// Whether it is of those that the others are compared with.
    pub against: bool,
    /// Its path.
    pub path: PathBuf,
    /// What it is asked.
    pub call: Call,
}

impl Program {
    /// Its name in the report.
    pub fn title(&self) -> String {
        if self.against { format!("{} (against)", self.name) } else { self.name.to_owned() }
    }

    /// What it says to every success: the bare ones nothing.
    pub fn message(&self) -> Option<&'static str> {
        (self.name != BARE && self.name != USUAL).then(|| self.call.message())
    }

    /// Its size in bytes, and that of the deployed archive, less some hundred bytes for the archive's own structure.
    pub fn size(&self) -> Result<(u32, u32)> {
        let binary = fs::read(&self.path)?;
        let mut deflated = DeflateEncoder::new(Vec::new(), Compression::default());
        deflated.write_all(&binary)?;
        Ok((binary.len().try_into()?, deflated.finish()?.len().try_into()?))
    }
}

//! The machine that a measurement runs on.

use std::fs;

use anyhow::Result;

/// The workspace's root.
pub const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The CPU's model, as the kernel names it.
pub fn cpu_model() -> Result<String> {
    let cpu = fs::read_to_string("/proc/cpuinfo")?;
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    Ok(model.map_or("an unnamed CPU", |(_, model)| model).to_owned())
}

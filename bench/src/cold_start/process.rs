//! What the kernel knows of a process, finer than its usual ticks of 10 ms.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};

/// The CPU time of each thread of a process.
#[derive(Debug, Clone, Default)]
pub struct CpuTime(HashMap<String, Duration>);

impl CpuTime {
    /// What the process has used so far.
    pub fn of(id: u32) -> Result<Self> {
        let mut threads = HashMap::new();
        for thread in fs::read_dir(folder(id).join("task"))? {
            let thread = thread?;
            // A thread that has just ended is no longer there to be read.
            let Ok(stat) = fs::read_to_string(thread.path().join("schedstat")) else { continue };
            let nanos = stat.split_whitespace().next().and_then(|nanos| nanos.parse().ok());
            let nanos = nanos.context("this kernel keeps no schedstat")?;
            threads.insert(thread.file_name().to_string_lossy().into_owned(), Duration::from_nanos(nanos));
        }
        Ok(Self(threads))
    }

    /// All of it.
    pub fn total(&self) -> Duration {
        self.0.values().sum()
    }

    /// What was used since `earlier`, by the threads that are still there.
    pub fn since(&self, earlier: &Self) -> Duration {
        let before = |thread| earlier.0.get(thread).copied().unwrap_or_default();
        self.0.iter().map(|(thread, time)| time.saturating_sub(before(thread))).sum()
    }
}

/// The most memory that the process ever had in use, in KiB.
pub fn peak_memory(id: u32) -> Result<u32> {
    let status = fs::read_to_string(folder(id).join("status"))?;
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:")?.strip_suffix("kB")?.trim().parse().ok())
        .context("this kernel does not say what a process used at most")
}

fn folder(id: u32) -> PathBuf {
    PathBuf::from(format!("/proc/{id}"))
}

//! Who runs where, and who goes first.
#![expect(clippy::print_stderr, reason = "a command-line program talks to its terminal")]

use std::fs;
use std::io;

use anyhow::{Context, Result};
use rustix::process::setpriority_process;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The CPUs that are left to the programs.
///
/// Where the kernel chooses, the two sides of a connection share a CPU in one run and not in the next, and a program
/// that does little takes twice as long in one as in the other.
pub struct Cpus {
    programs: CpuSet,
    /// How many there are, the benchmark's own included.
    pub count: u32,
}

impl Cpus {
    /// Keeps the first CPU for the calling thread and returns the others, or the same CPU if it is the only one.
    pub fn part() -> io::Result<Self> {
        let mut all = sched_getaffinity(None)?;
        let count = all.count();
        if count > 1
            && let Some(first) = (0..CpuSet::MAX_CPU).find(|cpu| all.is_set(*cpu))
        {
            let mut own = CpuSet::new();
            own.set(first);
            sched_setaffinity(None, &own)?;
            all.unset(first);
        }
        Ok(Self { programs: all, count })
    }

    /// Moves the calling thread to them, and so every process that it starts.
    pub fn enter(&self) -> io::Result<()> {
        Ok(sched_setaffinity(None, &self.programs)?)
    }
}

/// Goes before whatever else runs on this machine, and so does each program, which inherits it. Otherwise who wakes up
/// waits for a tick of 4 ms where another program is busy, and that is longer than a cold start.
pub fn go_first() {
    if let Err(error) = setpriority_process(None, -20) {
        eprintln!("This run cannot go first, so nothing else should be busy on this machine: {error}");
    }
}

/// How much the CPUs have had to do, in the kernel's ticks.
pub struct Load {
    /// All that there was time for.
    possible: u32,
    /// What was done.
    done: u32,
    /// How much of that was this run's, all programs that have ended included.
    own: u32,
}

impl Load {
    /// Until now.
    pub fn now() -> Result<Self> {
        let all = fs::read_to_string("/proc/stat")?;
        let all = ticks(all.lines().next().context("an empty /proc/stat")?, 1);
        let idle = all.iter().skip(3).take(2).sum::<u32>();
        let possible = all.iter().take(8).sum::<u32>();
        let own = fs::read_to_string("/proc/self/stat")?;
        // The name of the program, in brackets, may hold anything.
        let (_, own) = own.rsplit_once(')').context("an empty /proc/self/stat")?;
        Ok(Self { possible, done: possible - idle, own: ticks(own, 11).iter().take(4).sum() })
    }

    /// The part of all CPUs that others have used since `earlier`.
    pub fn of_others_since(&self, earlier: &Self) -> f64 {
        let own = self.own - earlier.own;
        let others = (self.done - earlier.done).saturating_sub(own);
        f64::from(others) / f64::from((self.possible - earlier.possible).max(1))
    }
}

/// The figures in a line, after so many other fields.
fn ticks(line: &str, skipped: usize) -> Vec<u32> {
    line.split_whitespace().skip(skipped).map_while(|figure| figure.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_run_did_itself_is_no_load_of_others() {
        let earlier = Load { possible: 1000, done: 500, own: 100 };
        let later = Load { possible: 1200, done: 600, own: 150 };
        assert!((later.of_others_since(&earlier) - 0.25).abs() < 1e-9);
        let rounded = Load { possible: 1200, done: 510, own: 150 };
        assert!(rounded.of_others_since(&earlier).abs() < 1e-9);
    }

    #[test]
    fn figures_are_read_up_to_the_first_that_is_none() {
        assert_eq!(ticks("cpu  1 2 x 4", 1), [1, 2]);
    }
}

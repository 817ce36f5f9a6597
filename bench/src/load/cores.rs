//! Who runs where: the service on one core, the generator on another.

use std::io;
use std::process::{Child, Command};

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The two cores. Where the kernel chose, the service would have one core in one run and a part of both in the next,
/// and nothing could be said of what one core does.
pub struct Cores {
    generator: CpuSet,
    service: CpuSet,
    /// How many CPUs there are.
    pub count: u32,
}

impl Cores {
    /// The first is the calling thread's from now on, the second the service's. A single one is for both.
    pub fn part() -> io::Result<Self> {
        let all = sched_getaffinity(None)?;
        let mut singles = (0..CpuSet::MAX_CPU).filter(|cpu| all.is_set(*cpu)).map(|cpu| {
            let mut single = CpuSet::new();
            single.set(cpu);
            single
        });
        let generator = singles.next().unwrap_or(all);
        let service = singles.next().unwrap_or(generator);
        sched_setaffinity(None, &generator)?;
        Ok(Self { generator, service, count: all.count() })
    }

    /// Starts a program on the service's core.
    pub fn start(&self, program: &mut Command) -> io::Result<Child> {
        // A program begins where the thread is that starts it, and so does each of its threads.
        sched_setaffinity(None, &self.service)?;
        let child = program.spawn();
        sched_setaffinity(None, &self.generator)?;
        child
    }
}

//! CPU time, as the kernel counts it: in ticks, usually of 10 ms.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::param::clock_ticks_per_second;

/// What a process has used until now, all its threads together, those that have ended included.
pub fn of_process(id: u32) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
    Ok(time(used(&stat).context("a process without CPU times")?))
}

/// What all CPUs have done until now, and what they had time for.
pub fn of_machine() -> Result<(Duration, Duration)> {
    let stat = fs::read_to_string("/proc/stat")?;
    let (done, possible) = stat.lines().next().and_then(done).context("an empty /proc/stat")?;
    Ok((time(done), time(possible)))
}

fn time(ticks: u64) -> Duration {
    Duration::from_secs(ticks) / u32::try_from(clock_ticks_per_second()).unwrap_or(100)
}

/// User and system time, the 14th and 15th field.
fn used(stat: &str) -> Option<u64> {
    // The name of the program, in brackets, may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = ticks(fields).skip(11);
    Some(times.next()?? + times.next()??)
}

/// The first line of `/proc/stat`: what was done, and what there was time for.
fn done(line: &str) -> Option<(u64, u64)> {
    // What comes later is in the first two already.
    let all: Vec<u64> = ticks(line).skip(1).take(8).collect::<Option<_>>()?;
    let idle: u64 = all.iter().skip(3).take(2).sum();
    let possible = all.iter().sum::<u64>();
    Some((possible - idle, possible))
}

fn ticks(line: &str) -> impl Iterator<Item = Option<u64>> {
    line.split_whitespace().map(|field| field.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_blanks_moves_no_field() {
        let stat = "42 (a ) b 1) S 1 2 3 4 5 6 7 8 9 10 70 30 5 5 20 0 1 0 9000";
        assert_eq!(used(stat), Some(100));
    }

    #[test]
    fn waiting_is_not_doing() {
        let line = "cpu  10 0 20 600 100 3 4 5 7 7";
        assert_eq!(done(line), Some((42, 742)));
    }
}

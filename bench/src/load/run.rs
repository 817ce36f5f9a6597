//! One run: a new service, what it needs, and the load.

use std::fmt;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::load::call::Calls;
use crate::load::cores::Cores;
use crate::load::cpu_time;
use crate::load::generator::{Load, Suite, Until};
use crate::load::service::{CpuTime, Engine, SECRET, Service};
use crate::load::stock::Stock;
use crate::load::traffic::Traffic;

/// How many requests come first and are not counted: connections to the database, caches, the allocator's memory.
const WARM_UP: usize = 500;

/// What all runs share.
pub struct Surroundings {
    /// The service's program.
    pub program: PathBuf,
    /// Who runs where.
    pub cores: Cores,
    /// Where temporary files may be.
    pub folder: PathBuf,
    /// How long a run lasts.
    pub time: Duration,
}

/// What one run found.
#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
pub struct Run {
    /// What was sent.
    pub traffic: Traffic,
    /// How many requests were under way at once.
    pub concurrency: NonZeroU32,
    /// How many were answered as expected; with any other answer there is no report.
    pub requests: u32,
    /// How many a second.
    pub requests_per_second: f64,
    /// Half of all answers took at most this.
    pub p50_ms: f64,
    /// 99 of 100 answers took at most this.
    pub p99_ms: f64,
    /// The CPU time of the service for each request.
    pub cpu_ms: f64,
    /// The engine's part of that; zero if it had no process of its own.
    pub engine_cpu_ms: f64,
    /// The part of the service's core that it used.
    pub core_used: f64,
    /// The part of its core that the generator used. Near one, the generator was measured.
    pub generator_used: f64,
    /// The part of all CPUs that others used meanwhile.
    pub others: f64,
}

impl Run {
    /// Measures this traffic, on a service of its own.
    pub async fn of(
        traffic: Traffic,
        concurrency: NonZeroU32,
        engine: Engine,
        surroundings: &Surroundings,
    ) -> Result<Self> {
        let Surroundings { program, cores, folder, time } = surroundings;
        let service = Service::start(program, engine, cores, folder).await?;
        let calls = Arc::new(Calls::new(&service.base, SECRET)?);
        let stock = Arc::new(Stock::for_traffic(traffic, &calls, *time).await?);
        let suite = Suite::new(traffic, calls, stock);
        suite.run(concurrency, Until::Requests(WARM_UP), folder).await?;

        let before = Times::now(&service)?;
        let load = suite.run(concurrency, Until::Time(*time), folder).await?;
        let after = Times::now(&service)?;
        Ok(Self::between(traffic, concurrency, &load, &before, &after))
    }

    fn between(
        traffic: Traffic,
        concurrency: NonZeroU32,
        load: &Load,
        before: &Times,
        after: &Times,
    ) -> Self {
        let since = |of: fn(&Times) -> Duration| of(after).saturating_sub(of(before));
        let (service, engine) = (since(|times| times.service.total), since(|times| times.service.engine));
        let (own, possible) = (since(|times| times.own), since(|times| times.possible));
        let others = since(|times| times.done).saturating_sub(service + own);
        let elapsed = f64::from(load.requests) / load.rate;
        let per_request = |time: Duration| time.as_secs_f64() * 1000.0 / f64::from(load.requests);
        Self {
            traffic,
            concurrency,
            requests: load.requests,
            requests_per_second: load.rate,
            p50_ms: load.p50 * 1000.0,
            p99_ms: load.p99 * 1000.0,
            cpu_ms: per_request(service),
            engine_cpu_ms: per_request(engine),
            core_used: service.as_secs_f64() / elapsed,
            generator_used: own.as_secs_f64() / elapsed,
            others: others.as_secs_f64() / possible.as_secs_f64().max(f64::EPSILON),
        }
    }
}

/// The CPU times at one moment.
struct Times {
    service: CpuTime,
    /// This process, the generator.
    own: Duration,
    /// All that was done.
    done: Duration,
    /// All that there was time for.
    possible: Duration,
}

impl Times {
    fn now(service: &Service) -> Result<Self> {
        let (done, possible) = cpu_time::of_machine()?;
        let own = cpu_time::of_process(std::process::id())?;
        Ok(Self { service: service.cpu_time()?, own, done, possible })
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { traffic, concurrency, requests_per_second, p50_ms, p99_ms, .. } = self;
        let name = traffic.name();
        write!(
            f,
            "{name} × {concurrency}: {requests_per_second:.0}/s, p50 {p50_ms:.2} ms, p99 {p99_ms:.2} ms"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(seconds: [u64; 5]) -> Times {
        let [total, engine, own, done, possible] = seconds.map(Duration::from_secs);
        Times { service: CpuTime { total, engine }, own, done, possible }
    }

    #[test]
    fn what_generator_and_service_do_is_no_load_of_others() {
        let load = Load { requests: 8000, rate: 800.0, p50: 0.001, p99: 0.002 };
        let one = NonZeroU32::MIN;
        let run =
            Run::between(Traffic::Mix, one, &load, &times([1, 0, 1, 10, 100]), &times([9, 2, 5, 25, 120]));
        let close =
            |found: f64, expected: f64| assert!((found - expected).abs() < 1e-9, "{found}, {expected}");
        close(run.cpu_ms, 1.0);
        close(run.engine_cpu_ms, 0.25);
        close(run.core_used, 0.8);
        close(run.generator_used, 0.4);
        close(run.others, 0.15);
        close(run.p99_ms, 2.0);
    }
}

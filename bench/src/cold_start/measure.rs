//! One instance, from its start to its last invocation.

use std::time::Duration;

use anyhow::Result;

use crate::cold_start::cpu_share;
use crate::cold_start::dynamodb;
use crate::cold_start::instance::{Instance, Surroundings};
use crate::cold_start::process::CpuTime;
use crate::cold_start::program::Program;
use crate::cold_start::stage::Stage;

/// Invocations after the first that are not measured: what they do for the first time is neither cold nor warm.
const BETWEEN: usize = 5;

/// How long an instance must have done nothing to be at rest.
const LOOK: Duration = Duration::from_millis(2);

/// What one instance showed.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// From the start to the first request for an event.
    pub init: Duration,
    /// The CPU time of that.
    pub init_cpu: Duration,
    /// The first invocation.
    pub first: Duration,
    /// The same without what the database took.
    pub first_own: Duration,
    /// The CPU time of the first invocation.
    pub first_cpu: Duration,
    /// A later invocation: the mean, in which waiting for the next share of a CPU counts as often as it happens.
    pub warm: Duration,
    /// The same without what the database took.
    pub warm_own: Duration,
    /// The CPU time of a later invocation, also the mean.
    pub warm_cpu: Duration,
    /// The most memory that was in use, in KiB.
    pub peak_memory: u32,
}

impl Sample {
    /// From the start to the first answer. What the measuring itself takes between the two is not in it.
    pub fn cold_start(&self) -> Duration {
        self.init + self.first
    }
}

/// Starts an instance of the program, invokes it once and then `warm` times.
pub async fn measure(
    program: &Program,
    stage: &mut Stage,
    surroundings: &mut Surroundings,
    warm: u32,
) -> Result<Sample> {
    let measured = usize::try_from(warm)?;
    surroundings.dynamodb.set_round_trip(Duration::ZERO);
    let mut events = stage.events(program.call, 1 + BETWEEN + measured).await?.into_iter();
    surroundings.dynamodb.take_calls();
    surroundings.dynamodb.set_round_trip(surroundings.round_trip);

    let share = surroundings.cpu_share.as_ref();
    let mut instance = Instance::start(&program.title(), &program.path, surroundings, share).await?;
    let at_start = instance.cpu_time()?;
    // Whatever it asked for during init: `consumption` counts that.
    surroundings.dynamodb.take_calls();

    let (mut first, mut first_calls) = (Duration::ZERO, Vec::new());
    for event in events.by_ref().take(1) {
        first = instance.invoke(&event, program.message()).await?.time;
        first_calls = surroundings.dynamodb.take_calls();
    }
    let after_first = settled(&instance, surroundings).await?;

    for event in events.by_ref().take(BETWEEN) {
        instance.invoke(&event, program.message()).await?;
    }
    surroundings.dynamodb.take_calls();
    let before_warm = settled(&instance, surroundings).await?;
    let (mut times, mut own_times) = (Duration::ZERO, Duration::ZERO);
    for event in events {
        let time = instance.invoke(&event, program.message()).await?.time;
        times += time;
        own_times += time.saturating_sub(dynamodb::time_in(&surroundings.dynamodb.take_calls()));
    }
    let after_warm = settled(&instance, surroundings).await?;

    Ok(Sample {
        init: instance.init,
        init_cpu: at_start.total(),
        first,
        first_own: first.saturating_sub(dynamodb::time_in(&first_calls)),
        first_cpu: after_first.since(&at_start),
        warm: times / warm,
        warm_own: own_times / warm,
        warm_cpu: after_warm.since(&before_warm) / warm,
        peak_memory: instance.peak_memory()?,
    })
}

/// The CPU time, once the instance has nothing left to do but wait: it asks for its next event a moment earlier.
async fn settled(instance: &Instance, surroundings: &Surroundings) -> Result<CpuTime> {
    // An instance that has used its share up also does nothing, for as long as a period.
    let a_while = if surroundings.cpu_share.is_some() { 2 * cpu_share::PERIOD } else { LOOK };
    let mut before = instance.cpu_time()?;
    loop {
        tokio::time::sleep(a_while).await;
        let now = instance.cpu_time()?;
        if now.since(&before).is_zero() {
            return Ok(now);
        }
        before = now;
    }
}

/// A time in milliseconds.
pub fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

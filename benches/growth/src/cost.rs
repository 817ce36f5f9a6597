//! What a call costs.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Serialize;

/// What a call asks of DynamoDB: exact, the same on every machine.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Asked {
    /// Its calls to DynamoDB, by operation.
    pub calls: BTreeMap<String, u32>,
    /// The read units that they consume.
    pub read_units: f64,
    /// The write units that they consume.
    pub write_units: f64,
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let calls: Vec<_> = self
            .calls
            .iter()
            .map(
                |(operation, count)| {
                    if *count == 1 { operation.clone() } else { format!("{count} × {operation}") }
                },
            )
            .collect();
        write!(f, "{}: {} RCU, {} WCU", calls.join(", "), self.read_units, self.write_units)
    }
}

/// A call that was made.
#[derive(Debug, Clone)]
pub struct Cost {
    /// What it asked of DynamoDB.
    pub asked: Asked,
    /// The CPU time of the function with its SDK.
    pub own: Duration,
    /// The CPU time of the engine in DynamoDB's place.
    pub engine: Duration,
    /// The answer's body.
    pub answer: String,
}

/// A call, made several times at one size.
#[derive(Debug, Clone, Serialize)]
pub struct Measured {
    /// How many sessions, or deposits, there were.
    pub size: u32,
    /// What it asked of DynamoDB the first time.
    pub asked: Asked,
    /// Whether it asked for the same each time.
    pub always: bool,
    /// The median CPU time of the function, in microseconds.
    pub own_us: f64,
    /// The median CPU time of the engine, in microseconds.
    pub engine_us: f64,
    /// How long the first answer's body was.
    pub answer_bytes: u32,
}

impl Measured {
    /// Puts the calls at one size together. Of none, all is zero.
    pub fn of(size: u32, costs: &[Cost]) -> Self {
        let first = costs.first();
        let asked = first.map(|cost| cost.asked.clone()).unwrap_or_default();
        Self {
            size,
            always: costs.iter().all(|cost| cost.asked == asked),
            asked,
            own_us: median(costs.iter().map(|cost| cost.own)),
            engine_us: median(costs.iter().map(|cost| cost.engine)),
            answer_bytes: first.map_or(0, |cost| u32::try_from(cost.answer.len()).unwrap_or(u32::MAX)),
        }
    }
}

/// In microseconds.
fn median(times: impl Iterator<Item = Duration>) -> f64 {
    let mut times: Vec<_> = times.collect();
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default().as_secs_f64() * 1e6
}

//! What a call asks of DynamoDB.

use std::time::Duration;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::cold_start::dynamodb::{self, depth, operations};
use crate::cold_start::instance::{Instance, Surroundings};
use crate::cold_start::program::Binaries;
use crate::cold_start::stage::{Call, Stage};

/// How long an answer takes here: so long that calls which do not wait for one another overlap.
const ROUND_TRIP: Duration = Duration::from_millis(10);

/// What a call asks of DynamoDB.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Consumption {
    /// The function.
    pub function: String,
    /// The call.
    pub call: String,
    /// What the function asks before its first event.
    pub at_start: Requests,
    /// What its first invocation asks.
    pub first: Requests,
    /// What its second invocation asks.
    pub later: Requests,
}

/// Requests, taken together.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub struct Requests {
    /// Their number.
    pub count: usize,
    /// How many of them wait for one another.
    pub depth: usize,
    /// Which they are.
    pub operations: String,
    /// The read units that they consume.
    pub read_units: f64,
    /// The write units that they consume.
    pub write_units: f64,
}

impl Requests {
    fn of(calls: &[dynamodb::Call]) -> Self {
        Self {
            count: calls.len(),
            depth: depth(calls),
            operations: operations(calls),
            read_units: calls.iter().map(|call| call.read_units).sum(),
            write_units: calls.iter().map(|call| call.write_units).sum(),
        }
    }
}

/// Has a new instance answer the call twice, and counts.
pub async fn consumption(
    call: Call,
    binaries: &Binaries,
    stage: &mut Stage,
    surroundings: &mut Surroundings,
) -> Result<Consumption> {
    let (function, program) = (call.function(), binaries.path(call.function())?);
    surroundings.dynamodb.set_round_trip(Duration::ZERO);
    let events = stage.events(call, 2).await?;
    surroundings.dynamodb.take_calls();
    surroundings.dynamodb.set_round_trip(ROUND_TRIP);
    let mut instance = Instance::start(function, &program, surroundings, None).await?;
    let at_start = Requests::of(&surroundings.dynamodb.take_calls());
    let mut answered = Vec::new();
    for event in events {
        instance.invoke(&event, Some(call.message())).await?;
        answered.push(Requests::of(&surroundings.dynamodb.take_calls()));
    }
    let later = answered.pop().unwrap_or_else(|| Requests::of(&[]));
    let first = answered.pop().unwrap_or_else(|| Requests::of(&[]));
    Ok(Consumption { function: function.to_owned(), call: call.description(), at_start, first, later })
}

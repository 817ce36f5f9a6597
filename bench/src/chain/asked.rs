//! What a step asks of others: exact, the same on every machine.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

/// What is asked of the chain's node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct OfNode {
    /// HTTP requests.
    pub requests: u64,
    /// The calls in them, by method. Providers count these.
    pub calls: BTreeMap<String, u64>,
    /// The length of the answers, before any compression.
    pub bytes: u64,
}

/// What is asked of DynamoDB.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
pub struct OfTable {
    /// Calls, by operation.
    pub calls: BTreeMap<String, u64>,
    /// The read units that they consume.
    pub read_units: f64,
    /// The write units that they consume, those of the index included.
    pub write_units: f64,
}

impl OfNode {
    /// How many calls there are.
    pub fn call_count(&self) -> u64 {
        self.calls.values().sum()
    }
}

impl OfTable {
    /// How many calls there are.
    pub fn call_count(&self) -> u64 {
        self.calls.values().sum()
    }
}

impl AddAssign for OfNode {
    fn add_assign(&mut self, other: Self) {
        self.requests += other.requests;
        self.bytes += other.bytes;
        add(&mut self.calls, other.calls);
    }
}

impl AddAssign for OfTable {
    fn add_assign(&mut self, other: Self) {
        self.read_units += other.read_units;
        self.write_units += other.write_units;
        add(&mut self.calls, other.calls);
    }
}

fn add(calls: &mut BTreeMap<String, u64>, others: BTreeMap<String, u64>) {
    for (name, count) in others {
        *calls.entry(name).or_default() += count;
    }
}

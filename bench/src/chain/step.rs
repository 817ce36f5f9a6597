//! What a step costs.

use std::ops::AddAssign;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::chain::asked::{OfNode, OfTable};

/// What one step costs, or several together.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
pub struct Cost {
    /// How long it took, with node and database on the same machine.
    #[serde(rename = "wall_ms", with = "millis")]
    pub wall: Duration,
    /// The CPU time of the watcher with its SDK.
    #[serde(rename = "cpu_ms", with = "millis")]
    pub cpu: Duration,
    /// The most memory that the watcher's process had in use up to now, beyond what it used before its first step.
    pub memory_kib: u64,
    /// What was asked of the node.
    pub node: OfNode,
    /// What was asked of DynamoDB.
    pub table: OfTable,
}

impl Cost {
    /// Whether anything of an order was written.
    pub fn has_news(&self) -> bool {
        self.table.calls.contains_key("TransactWriteItems")
    }

    /// Of several the one whose CPU time is in the middle, with the peak memory of all. Of none, nothing.
    pub fn median(mut costs: Vec<Self>) -> Self {
        costs.sort_by_key(|cost| cost.cpu);
        let memory_kib = costs.iter().map(|cost| cost.memory_kib).max().unwrap_or_default();
        let middle = costs.len() / 2;
        Self { memory_kib, ..costs.into_iter().nth(middle).unwrap_or_default() }
    }
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        self.wall += other.wall;
        self.cpu += other.cpu;
        self.memory_kib = self.memory_kib.max(other.memory_kib);
        self.node += other.node;
        self.table += other.table;
    }
}

/// A time as milliseconds with their fractions.
mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(time.as_secs_f64() * 1e3)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        Ok(Duration::from_secs_f64(f64::deserialize(deserializer)?.max(0.0) / 1e3))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_is_by_cpu_time_and_keeps_the_peak_of_memory() {
        let cost = |cpu, requests| Cost {
            cpu: Duration::from_millis(cpu),
            memory_kib: cpu,
            node: OfNode { requests, ..OfNode::default() },
            ..Cost::default()
        };
        let median = Cost::median(vec![cost(9, 1), cost(1, 2), cost(5, 3)]);
        assert_eq!((median.node.requests, median.memory_kib), (3, 9));
        assert_eq!(Cost::median(vec![]).node.requests, 0);
    }
}

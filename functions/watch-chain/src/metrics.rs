//! What a run tells operators: one line in CloudWatch's Embedded Metric Format.

use std::io::{self, Write as _};
use std::time::Duration;

use domain::time::Timestamp;
use serde_json::{Map, Value, json};

use crate::ChainHealth;

/// The figures of a run over all chains: of each figure, the worst chain's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RunMetrics {
    worst: ChainHealth,
    /// Whether some chain's head, or some chain's cursor, is not known. Their metrics are then left out, and an alarm
    /// takes that for trouble.
    is_head_unknown: bool,
    is_cursor_unknown: bool,
}

impl RunMetrics {
    /// Takes of each figure the worst.
    pub(crate) fn of(chains: impl Iterator<Item = ChainHealth>) -> Self {
        chains.fold(Self::default(), |run, chain| {
            let worst = run.worst;
            Self {
                worst: ChainHealth {
                    head_age: worst.head_age.max(chain.head_age),
                    cursor_lag: worst.cursor_lag.max(chain.cursor_lag),
                    oldest_unsettled: worst.oldest_unsettled.max(chain.oldest_unsettled),
                    gas_balance: [worst.gas_balance, chain.gas_balance].into_iter().flatten().min(),
                    without_effect: worst.without_effect + chain.without_effect,
                    orders_in_trouble: worst.orders_in_trouble + chain.orders_in_trouble,
                    tokens_misconfigured: worst.tokens_misconfigured + chain.tokens_misconfigured,
                },
                is_head_unknown: run.is_head_unknown || chain.head_age.is_none(),
                is_cursor_unknown: run.is_cursor_unknown || chain.cursor_lag.is_none(),
            }
        })
    }

    /// Writes the line to the log.
    pub fn write(&self, namespace: &str, now: Timestamp) -> io::Result<()> {
        let line = self.line(namespace, now).to_string();
        let mut log = io::stdout().lock();
        writeln!(log, "{line}")?;
        log.flush()
    }

    /// The line. Its level is the highest there is, because Lambda drops lines below the configured one, and a metric that
    /// is dropped raises the alarms that take silence for trouble.
    fn line(&self, namespace: &str, now: Timestamp) -> Value {
        let seconds = |duration: Duration| json!(duration.as_secs());
        let head = self.worst.head_age.filter(|_| !self.is_head_unknown);
        let cursor = self.worst.cursor_lag.filter(|_| !self.is_cursor_unknown);
        let figures = [
            ("Runs", "Count", Some(json!(1))),
            ("HeadAgeSeconds", "Seconds", head.map(seconds)),
            ("CursorLagSeconds", "Seconds", cursor.map(seconds)),
            ("OldestUnsettledSeconds", "Seconds", Some(seconds(self.worst.oldest_unsettled))),
            ("GasBalanceGwei", "None", self.worst.gas_balance.map(|gwei| json!(gwei))),
            ("SettlementsWithoutEffect", "Count", Some(json!(self.worst.without_effect))),
            ("OrdersInTrouble", "Count", Some(json!(self.worst.orders_in_trouble))),
            ("TokensMisconfigured", "Count", Some(json!(self.worst.tokens_misconfigured))),
        ];
        let known = figures.into_iter().filter_map(|(name, unit, value)| Some((name, unit, value?)));
        let (mut metrics, mut line) = (Vec::new(), Map::new());
        for (name, unit, value) in known {
            metrics.push(json!({ "Name": name, "Unit": unit }));
            line.insert(name.to_owned(), value);
        }
        line.insert("timestamp".to_owned(), json!(now.to_string()));
        line.insert("level".to_owned(), json!("FATAL"));
        line.insert("message".to_owned(), json!("run metrics"));
        line.insert(
            "_aws".to_owned(),
            json!({
                "Timestamp": now.as_millis(),
                "CloudWatchMetrics": [{ "Namespace": namespace, "Dimensions": [[]], "Metrics": metrics }],
            }),
        );
        Value::Object(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn healthy() -> ChainHealth {
        ChainHealth {
            head_age: Some(Duration::from_secs(2)),
            cursor_lag: Some(Duration::from_secs(4)),
            gas_balance: Some(500),
            ..ChainHealth::default()
        }
    }

    fn line(chains: &[ChainHealth]) -> Value {
        RunMetrics::of(chains.iter().copied()).line("stack", Timestamp::from_millis(1_769_860_800_007))
    }

    #[test]
    fn a_line_is_in_the_embedded_metric_format() {
        let line = line(&[healthy()]);
        assert_eq!(line["timestamp"], "2026-01-31T12:00:00.007Z");
        assert_eq!(line["_aws"]["Timestamp"], 1_769_860_800_007_i64);
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!((&directive["Namespace"], &directive["Dimensions"]), (&json!("stack"), &json!([[]])));
        for metric in directive["Metrics"].as_array().unwrap() {
            assert!(line[metric["Name"].as_str().unwrap()].is_u64(), "{metric}");
        }
        assert_eq!(
            (&line["Runs"], &line["HeadAgeSeconds"], &line["GasBalanceGwei"]),
            (&json!(1), &json!(2), &json!(500))
        );
    }

    #[test]
    fn of_several_chains_the_worst_figure_is_told() {
        let slow = ChainHealth {
            head_age: Some(Duration::from_secs(90)),
            gas_balance: Some(7),
            without_effect: 2,
            orders_in_trouble: 1,
            ..healthy()
        };
        let line = line(&[healthy(), slow, healthy()]);
        assert_eq!((&line["HeadAgeSeconds"], &line["CursorLagSeconds"]), (&json!(90), &json!(4)));
        assert_eq!((&line["GasBalanceGwei"], &line["SettlementsWithoutEffect"]), (&json!(7), &json!(2)));
        assert_eq!(line["OrdersInTrouble"], 1);
    }

    #[test]
    fn a_figure_that_is_unknown_for_one_chain_is_left_out() {
        let unreached = ChainHealth { head_age: None, cursor_lag: None, gas_balance: None, ..healthy() };
        let line = line(&[healthy(), unreached]);
        assert!(line.get("HeadAgeSeconds").is_none() && line.get("CursorLagSeconds").is_none());
        assert_eq!(line["GasBalanceGwei"], 500);
    }
}

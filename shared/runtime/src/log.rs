//! The log: what the caller is not told.

use std::fmt;

use domain::invalid::Invalid;
use lambda_http::tracing::subscriber;
use lambda_http::tracing::subscriber::filter::Targets;
use lambda_http::tracing::subscriber::fmt::MakeWriter;
use lambda_http::tracing::subscriber::fmt::format::Writer;
use lambda_http::tracing::subscriber::fmt::time::FormatTime;
use lambda_http::tracing::subscriber::layer::{Layer, SubscriberExt as _};
use lambda_http::tracing::subscriber::registry::Registry;
use lambda_http::tracing::subscriber::util::SubscriberInitExt as _;
use tracing::level_filters::LevelFilter;

use crate::clock::Clock;
use crate::config::{self, ConfigError};

/// The crates whose lines are ours. Functions log in the name of `api` and `watch_chain`.
const CRATES: [&str; 6] = ["api", "domain", "runtime", "store", "watch_chain", "evm"];

/// Starts the log: one JSON object on each line if Lambda asks for JSON.
///
/// Lambda's own setting, or else `RUST_LOG`, is the least severe level of our lines ([`log_lines`]). A release build has
/// no lines below `info` at all.
pub fn start_logging() -> Result<(), ConfigError> {
    let variable =
        ["AWS_LAMBDA_LOG_LEVEL", "RUST_LOG"].into_iter().find(|name| config::optional(name).is_some());
    let parse = |text: String| {
        text.parse::<Targets>()
            .map_err(|_| Invalid::expected("a level from error to trace, or `checkout=<level>`"))
    };
    let asked_for = variable.map(|name| config::required(name, parse)).transpose()?.unwrap_or_default();
    let named = asked_for.iter().find(|(target, _)| *target == "checkout").map(|(_, level)| level);
    let level = named.or(asked_for.default_level()).unwrap_or(LevelFilter::INFO);
    let is_json =
        config::optional("AWS_LAMBDA_LOG_FORMAT").is_some_and(|format| format.eq_ignore_ascii_case("json"));
    subscriber::registry().with(log_lines(level, is_json, std::io::stdout)).init();
    Ok(())
}

/// Returns the layer that writes our lines from `level` on, and the errors of other crates. Below `error`, the SDK and
/// the runtime log whole requests, and with them secrets and bodies.
///
/// A JSON line has `timestamp` and `level` at its top. Lambda filters a line by its level only if the line has a valid
/// timestamp; without one it takes the line for `INFO`, and with `LogLevel=WARN` it would drop every error.
pub fn log_lines<W>(level: LevelFilter, is_json: bool, writer: W) -> impl Layer<Registry> + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let ours = Targets::new()
        .with_default(LevelFilter::ERROR.min(level))
        .with_targets(CRATES.map(|target| (target, level)));
    let lines = subscriber::fmt::layer().with_target(false).with_writer(writer);
    let lines = if is_json {
        lines.json().with_timer(UtcMillis(Clock::system())).boxed()
    } else {
        lines.without_time().boxed()
    };
    lines.with_filter(ours)
}

/// The time of a line: RFC 3339 in UTC, with milliseconds.
struct UtcMillis(Clock);

impl FormatTime for UtcMillis {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        write!(writer, "{}", self.0.now())
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use serde_json::Value;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Lines {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    /// Returns what is written of lines at every level, by our crate and by another.
    fn written(level: LevelFilter, is_json: bool) -> Vec<String> {
        let lines = Lines::default();
        let subscriber = subscriber::registry().with(log_lines(level, is_json, lines.clone()));
        tracing::subscriber::with_default(subscriber, || {
            tracing::error!(target: "api", order = "an id", "order failed");
            tracing::warn!(target: "watch_chain", "step failed");
            tracing::info!(target: "evm", "node answers again");
            tracing::error!(target: "aws_smithy", "an error of the SDK");
            tracing::warn!(target: "aws_smithy", "a request with its body");
        });
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn json_lines_have_an_rfc_3339_timestamp_and_a_level_at_their_top() {
        let lines = written(LevelFilter::INFO, true);
        let levels: Vec<String> = lines
            .iter()
            .map(|line| {
                let line: Value = serde_json::from_str(line).unwrap();
                let time = line["timestamp"].as_str().unwrap();
                let parsed = chrono::DateTime::parse_from_rfc3339(time).unwrap();
                assert!(parsed.timestamp() > 1_700_000_000, "{time}");
                // 2026-01-15T10:01:05.871Z
                assert!(time.len() == 24 && time.ends_with('Z') && time.as_bytes()[19] == b'.', "{time}");
                assert!(line["fields"]["message"].is_string(), "{line}");
                line["level"].as_str().unwrap().to_owned()
            })
            .collect();
        assert_eq!(levels, ["ERROR", "WARN", "INFO", "ERROR"]);
        let first: Value = serde_json::from_str(&lines[0]).unwrap();
        assert_eq!(first["fields"]["order"], "an id");
    }

    #[test]
    fn lines_below_the_level_and_warnings_of_other_crates_are_left_out() {
        assert_eq!(written(LevelFilter::WARN, true).len(), 3);
        assert_eq!(written(LevelFilter::ERROR, true).len(), 2);
        assert_eq!(written(LevelFilter::OFF, true).len(), 0);
    }

    #[test]
    fn text_lines_of_the_local_run_have_no_timestamp() {
        let lines = written(LevelFilter::INFO, false);
        assert!(
            lines[0].trim_start().starts_with("\u{1b}[31mERROR") || lines[0].starts_with("ERROR"),
            "{lines:?}"
        );
    }
}

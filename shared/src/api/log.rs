//! The log: what the caller is not told.

use lambda_http::tracing::subscriber;
use lambda_http::tracing::subscriber::filter::Targets;
use lambda_http::tracing::subscriber::fmt::MakeWriter;
use lambda_http::tracing::subscriber::layer::{Layer, SubscriberExt as _};
use lambda_http::tracing::subscriber::registry::Registry;
use lambda_http::tracing::subscriber::util::SubscriberInitExt as _;
use tracing::level_filters::LevelFilter;

use crate::config::{self, ConfigError};
use crate::invalid::Invalid;

/// Starts the log: one JSON object a line where Lambda asks for that.
///
/// `RUST_LOG`, or Lambda's own setting before it, says from which level on our lines are
/// written ([`log_lines`]). What is below `info` is not in a release build at all.
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

/// Our lines from `level` on, and of other crates errors alone. At their lower levels the SDK
/// and the runtime write down whole requests, and with them secrets and bodies.
pub fn log_lines<W>(level: LevelFilter, is_json: bool, writer: W) -> impl Layer<Registry> + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let ours = Targets::new()
        .with_default(LevelFilter::ERROR.min(level))
        .with_targets(["checkout", "watch_chain", "evm"].map(|target| (target, level)));
    let lines = subscriber::fmt::layer().without_time().with_target(false).with_writer(writer);
    let lines = if is_json { lines.json().boxed() } else { lines.boxed() };
    lines.with_filter(ours)
}

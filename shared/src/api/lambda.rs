//! Running an endpoint as a Lambda function.

use std::convert::Infallible;

use lambda_http::lambda_runtime::{self, LambdaEvent};
use lambda_http::tracing::level_filters::LevelFilter;
use lambda_http::tracing::subscriber;
use lambda_http::tracing::subscriber::filter::Targets;
use lambda_http::tracing::subscriber::layer::{Layer as _, SubscriberExt as _};
use lambda_http::tracing::subscriber::util::SubscriberInitExt as _;
use lambda_http::{Error, service_fn};

use crate::config::{self, ConfigError};
use crate::invalid::Invalid;

use super::{Endpoint, Event, serve};

/// Starts the log: one JSON object a line where Lambda asks for that.
///
/// `RUST_LOG`, or Lambda's own setting before it, says from which level on *our* lines are
/// written; of other crates only errors are. At their lower levels the SDK and the runtime
/// write down whole requests, and with them secrets and bodies.
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
    let ours = Targets::new().with_default(LevelFilter::ERROR.min(level)).with_target("checkout", level);
    let lines = subscriber::fmt::layer().without_time().with_target(false);
    let is_json =
        config::optional("AWS_LAMBDA_LOG_FORMAT").is_some_and(|format| format.eq_ignore_ascii_case("json"));
    let lines = if is_json { lines.json().boxed() } else { lines.boxed() };
    subscriber::registry().with(lines.with_filter(ours)).init();
    Ok(())
}

/// Answers events until Lambda ends the process.
///
/// It stands on `lambda_runtime` and the event types, one layer below `lambda_http::run`:
/// see [`Request`](super::Request) for why.
pub async fn run(endpoint: impl Endpoint) -> Result<(), Error> {
    let endpoint = &endpoint;
    // Boxed: the SDK's futures are nested so deeply that with the runtime's around them the
    // compiler gives up on their layout.
    lambda_runtime::run(service_fn(|event: LambdaEvent<Event>| {
        Box::pin(async move { Ok::<_, Infallible>(serve(endpoint, event.payload).await) })
    }))
    .await
}

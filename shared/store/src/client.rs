//! The SDK client: what its calls may take.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::retry::RetryPartition;
use aws_sdk_dynamodb::config::{Builder, Config};

use super::Store;
use super::item::string;

/// The longest that one call may take, all of the SDK's own retries included. Together with
/// [`retry::BUDGET`](super::retry::BUDGET) it keeps the slowest answer (contended to
/// the end, then two more reads) within fourteen seconds, where a function has 15 and API
/// Gateway 30.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(3);

/// The longest that one attempt of a call may take.
pub(super) const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(1500);

/// Adds our limits. A retried write is safe everywhere: transactions carry a token by which
/// DynamoDB knows them again, single writes recognise their own earlier attempt.
pub(super) fn with_limits(config: &SdkConfig) -> Config {
    Builder::from(config)
        .retry_config(
            RetryConfig::standard()
                .with_max_attempts(4)
                .with_initial_backoff(Duration::from_millis(50))
                .with_max_backoff(Duration::from_secs(1)),
        )
        // Its own quota of retries. The default is one for all clients of a process, and one
        // whose calls fail would then use up what another function needs.
        .retry_partition(RetryPartition::custom("checkout").build())
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(Duration::from_secs(1))
                .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                .operation_timeout(OPERATION_TIMEOUT)
                .build(),
        )
        .build()
}

impl Store {
    /// Opens the connection to DynamoDB, so that the first request finds it open. While a function starts it has a
    /// whole core; for a request a small one has a fourteenth, and a handshake takes that long.
    ///
    /// It sends `GET /`, to which DynamoDB responds as a health check. If that fails, the first request connects.
    pub async fn connect(&self) {
        let nothing =
            self.client.get_item().table_name(&self.table).key("pk", string("")).key("sk", string(""));
        let _healthy = nothing
            .customize()
            .mutate_request(|request| {
                // A name that `http` knows.
                let _set = request.set_method("GET");
                for of_the_item in ["x-amz-target", "content-type", "content-length"] {
                    request.headers_mut().remove(of_the_item);
                }
                *request.body_mut() = "".into();
            })
            .config_override(once_within(ATTEMPT_TIMEOUT))
            .send()
            .await;
    }
}

/// Limits a call to one attempt of at most `time`: for a write that is judged by the clock.
/// The SDK would repeat the call as it is, long after its judgement has become untrue. The store judges again before it
/// repeats.
pub(super) fn once_within(time: Duration) -> Builder {
    Config::builder()
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::builder().operation_timeout(time).build())
}

//! The SDK client: how it connects, and how long it may take.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, SdkConfig};
use aws_sdk_dynamodb::config::retry::RetryPartition;
use aws_sdk_dynamodb::config::{Builder, Config};
use aws_smithy_http_client::{Builder as HttpClientBuilder, tls};

/// The longest that one call may take, all of the SDK's own retries included. Together with
/// [`retry::BUDGET`](super::retry::BUDGET) it keeps the slowest answer (contended to
/// the end, then two more reads) within fourteen seconds, where a function has 15 and API
/// Gateway 30.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(3);

/// The longest that one attempt of a call may take.
pub(super) const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(1500);

/// Region, endpoint and credentials from the environment, as Lambda sets them.
pub async fn sdk_config() -> SdkConfig {
    sdk_loader().load().await
}

/// The same before it is loaded, for who must set a part of it differently.
pub fn sdk_loader() -> ConfigLoader {
    let http_client = HttpClientBuilder::new()
        .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
        .build_https();
    aws_config::defaults(BehaviorVersion::latest()).http_client(http_client)
}

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

/// Limits a call to one attempt of at most `time`: for a write that is judged by the clock.
/// The SDK would repeat it as it is, long after its judgement has become untrue; we judge
/// anew and then repeat.
pub(super) fn once_within(time: Duration) -> Builder {
    Config::builder()
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::builder().operation_timeout(time).build())
}

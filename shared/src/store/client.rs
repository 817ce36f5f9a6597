//! The SDK client: how it connects, and how long it may take.

use std::time::Duration;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_sdk_dynamodb::config::retry::RetryPartition;
use aws_sdk_dynamodb::config::{Builder, Config, SharedCredentialsProvider, SharedHttpClient};
use aws_smithy_http_client::Builder as HttpClientBuilder;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{self, TlsContext, TrustStore};

use crate::config::{self, ConfigError};

use super::Store;
use super::item::string;
use super::trust::{CA_BUNDLE, trust_store};

/// The longest that one call may take, all of the SDK's own retries included. Together with
/// [`retry::BUDGET`](super::retry::BUDGET) it keeps the slowest answer (contended to
/// the end, then two more reads) within fourteen seconds, where a function has 15 and API
/// Gateway 30.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(3);

/// The longest that one attempt of a call may take.
pub(super) const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(1500);

const RUSTLS_ON_RING: tls::Provider = tls::Provider::Rustls(CryptoMode::Ring);

/// How DynamoDB is reached, as Lambda's environment says it: region, credentials with the role's session
/// token, and an endpoint of one's own where there is one.
///
/// Not by the SDK's chain of places to look. A function has its settings in the environment and
/// nowhere else, and the chain would be paid for at each cold start.
pub fn sdk_config() -> Result<SdkConfig, ConfigError> {
    let region = config::required("AWS_REGION", Ok)?;
    let endpoint = endpoint_url("AWS_ENDPOINT_URL_DYNAMODB");
    let trust = trust_store(&region, endpoint.as_deref())?;
    let mut aws = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region))
        .credentials_provider(SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new()))
        .http_client(https_client(trust)?);
    aws.set_endpoint_url(endpoint);
    Ok(aws.build())
}

/// The endpoint that the environment names for a service, or for all.
pub fn endpoint_url(of_service: &str) -> Option<String> {
    config::optional(of_service).or_else(|| config::optional("AWS_ENDPOINT_URL"))
}

/// The same for a machine that is no function: the SDK's own chain, and the system's certificates.
pub fn sdk_loader() -> ConfigLoader {
    let https_client = HttpClientBuilder::new().tls_provider(RUSTLS_ON_RING).build_https();
    aws_config::defaults(BehaviorVersion::latest()).http_client(https_client)
}

fn https_client(trust: TrustStore) -> Result<SharedHttpClient, ConfigError> {
    let context = TlsContext::builder().with_trust_store(trust).build();
    let context = context.map_err(|error| match config::optional(CA_BUNDLE) {
        Some(_) => ConfigError::Unusable {
            name: CA_BUNDLE,
            cause: format!("the file holds no certificates that can be used: {error}"),
        },
        // Without a bundle the certificates are the built-in ones or the system's, and no setting is at fault.
        None => ConfigError::Certificates(error.to_string()),
    })?;
    Ok(HttpClientBuilder::new().tls_provider(RUSTLS_ON_RING).tls_context(context).build_https())
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

impl Store {
    /// Opens the connection to DynamoDB, so that the first request finds it open. While a function starts it has a
    /// whole core; for a request a small one has a fourteenth, and a handshake takes that long.
    ///
    /// It asks for nothing: `GET /` is what DynamoDB answers to whoever looks whether it is there.
    /// Where that fails, the first request connects.
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
/// The SDK would repeat it as it is, long after its judgement has become untrue; we judge
/// anew and then repeat.
pub(super) fn once_within(time: Duration) -> Builder {
    Config::builder()
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::builder().operation_timeout(time).build())
}

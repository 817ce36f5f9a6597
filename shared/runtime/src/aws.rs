//! The configuration that all AWS clients of a function share: region, credentials, endpoint, certificates.

use std::error::Error;
use std::fmt::Debug;
use std::iter::successors;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::Builder as HttpClientBuilder;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{self, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::config::{self, ConfigError};
use crate::tls::{CA_BUNDLE, trust_store};

const RUSTLS_ON_RING: tls::Provider = tls::Provider::Rustls(CryptoMode::Ring);

/// Returns what Lambda's environment says of AWS: region, credentials with the role's session token, and the endpoint of
/// DynamoDB if one is set.
///
/// It does not use the SDK's chain of providers. A function has its settings in the environment and nowhere else, and
/// every cold start would pay for the chain.
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

/// Returns the endpoint that the environment names for a service, or for all services.
pub fn endpoint_url(of_service: &str) -> Option<String> {
    config::optional(of_service).or_else(|| config::optional("AWS_ENDPOINT_URL"))
}

/// Returns a configuration for a machine that is no function: the SDK's own chain, and the system's certificates.
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

/// Returns what an SDK error of any service says: `AccessDeniedException: …` if the service refused the call, else the
/// chain of causes (a timeout, a failed connection). It shows no part of a response's body but the error's own message.
pub fn cause_of<E, R>(error: &SdkError<E, R>) -> String
where
    E: ProvideErrorMetadata + Error + 'static,
    R: Debug + 'static,
{
    match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        (None, _) => causes(error),
    }
}

/// Returns the messages of an error and of its sources. Never their `Debug`, which shows the whole response: DynamoDB
/// returns stored items, and they stay out of the log.
pub fn causes(error: &(dyn Error + 'static)) -> String {
    let mut told = error.to_string();
    for source in successors(error.source(), |source| (*source).source()) {
        told = format!("{told}: {source}");
    }
    told
}

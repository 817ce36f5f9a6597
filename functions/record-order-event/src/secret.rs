//! Where the events' secret comes from.

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::Builder;
use checkout::api::SigningSecrets;
use checkout::config::{self, ConfigError};
use checkout::invalid::Invalid;
use checkout::store;

const SECRET: &str = "PAYMENT_EVENTS_SECRET";
const SECRET_ARN: &str = "PAYMENT_EVENTS_SECRET_ARN";

/// The secrets in `PAYMENT_EVENTS_SECRET`, or else in the Secrets Manager secret that
/// `PAYMENT_EVENTS_SECRET_ARN` names. Read once, at the cold start: a rotated-out secret is
/// kept beside its successor until no function remembers it alone.
pub async fn signing_secrets(aws: &SdkConfig) -> Result<SigningSecrets, ConfigError> {
    let parse = |text: String| SigningSecrets::parse(&text);
    if config::optional(SECRET).is_none() && config::optional(SECRET_ARN).is_some() {
        let arn = config::required(SECRET_ARN, Ok)?;
        let secret = fetch(aws, arn).await;
        return secret.and_then(parse).map_err(|reason| ConfigError::Malformed { name: SECRET_ARN, reason });
    }
    config::required(SECRET, parse)
}

async fn fetch(aws: &SdkConfig, arn: String) -> Result<String, Invalid> {
    // What `aws` names as an endpoint is DynamoDB's.
    let mut config = Builder::from(aws);
    config.set_endpoint_url(store::endpoint_url("AWS_ENDPOINT_URL_SECRETS_MANAGER"));
    let secret = Client::from_conf(config.build()).get_secret_value().secret_id(arn).send().await;
    match secret.map(|secret| secret.secret_string) {
        Ok(Some(text)) => Ok(text),
        Ok(None) => Err(Invalid::expected("a secret that is text")),
        Err(error) => {
            let code = error.into_service_error();
            Err(Invalid::expected(format!("a secret that can be read, but: {code}")))
        }
    }
}

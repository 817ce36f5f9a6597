//! Where the events' secret comes from.

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::Builder;
use checkout::api::SigningSecrets;
use checkout::config::{self, ConfigError};
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
        let text = fetch(aws, arn).await?;
        return parse(text).map_err(|reason| unusable(format!("the secret is malformed: {reason}")));
    }
    config::required(SECRET, parse)
}

fn unusable(cause: String) -> ConfigError {
    ConfigError::Unusable { name: SECRET_ARN, cause }
}

async fn fetch(aws: &SdkConfig, arn: String) -> Result<String, ConfigError> {
    // What `aws` names as an endpoint is DynamoDB's.
    let mut config = Builder::from(aws);
    config.set_endpoint_url(store::endpoint_url("AWS_ENDPOINT_URL_SECRETS_MANAGER"));
    let secret = Client::from_conf(config.build()).get_secret_value().secret_id(arn).send().await;
    match secret.map(|secret| secret.secret_string) {
        Ok(Some(text)) => Ok(text),
        Ok(None) => Err(unusable("the secret must be text, not binary".to_owned())),
        Err(error) => Err(unusable(format!("the secret cannot be read: {}", store::cause_of(&error)))),
    }
}

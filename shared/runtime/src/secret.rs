//! Secrets: a setting's own text, or the text of an AWS Secrets Manager secret that another setting names.

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::Builder;
use domain::invalid::Invalid;

use crate::aws::{cause_of, endpoint_url};
use crate::config::{ConfigError, Settings};

/// The two settings of a secret.
#[derive(Debug, Clone, Copy)]
pub struct SecretSetting {
    /// The variable that holds the secret itself. It is used by the local run.
    pub value: &'static str,
    /// The variable that holds the ARN of the secret in Secrets Manager.
    pub arn: &'static str,
}

impl SecretSetting {
    /// Returns the parsed secret. The variable with the value wins over the variable with the ARN.
    ///
    /// A function reads its secrets once, at its cold start. During a rotation the secret therefore contains the old and
    /// the new value, until no running function knows the old one alone.
    pub async fn read<T>(
        self,
        settings: Settings,
        aws: &SdkConfig,
        parse: impl FnOnce(&str) -> Result<T, Invalid>,
    ) -> Result<T, ConfigError> {
        let (None, Some(arn)) = (settings.optional(self.value)?, settings.optional(self.arn)?) else {
            return settings.required(self.value, parse);
        };
        let text = self.fetch(aws, arn).await?;
        parse(&text).map_err(|reason| self.unusable(format!("the secret is malformed: {reason}")))
    }

    async fn fetch(self, aws: &SdkConfig, arn: String) -> Result<String, ConfigError> {
        let mut config = Builder::from(aws);
        // The endpoint in `aws` is DynamoDB's.
        config.set_endpoint_url(endpoint_url("AWS_ENDPOINT_URL_SECRETS_MANAGER"));
        let secret = Client::from_conf(config.build()).get_secret_value().secret_id(arn).send().await;
        match secret.map(|secret| secret.secret_string) {
            Ok(Some(text)) => Ok(text),
            Ok(None) => Err(self.unusable("the secret must be text, not binary".to_owned())),
            Err(error) => Err(self.unusable(format!("the secret cannot be read: {}", cause_of(&error)))),
        }
    }

    fn unusable(self, cause: String) -> ConfigError {
        ConfigError::Unusable { name: self.arn, cause }
    }
}

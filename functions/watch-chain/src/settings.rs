//! Where the endpoints and the gas key come from.
//!
//! A secret, as JSON: `{ "endpoints": { "8453": ["https://…"] }, "gasKey": "0x…" }`. Without `gasKey`, and
//! without a KMS key, nothing is settled here; anybody may sweep, and it is seen.

use std::collections::HashMap;
use std::fmt;

use aws_config::SdkConfig;
use checkout::config::{self, ConfigError};
use checkout::invalid::Invalid;
use checkout::order::ChainId;
use checkout::store;
use evm::kms::KmsKey;
use evm::local::LocalKey;
use evm::rpc::Limits;
use evm::{Endpoint, Rpc, Signer};
use serde::Deserialize;

const SECRET: &str = "CHAIN_SECRET";
const SECRET_ARN: &str = "CHAIN_SECRET_ARN";
const KMS_KEY: &str = "GAS_KMS_KEY";

/// How chains are reached, and who pays for settlements.
pub struct Settings {
    endpoints: HashMap<u64, Vec<Endpoint>>,
    /// Who pays for settlements.
    pub payer: Signer,
}

impl fmt::Debug for Settings {
    /// Without the endpoints, which hold keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("chains", &self.endpoints.len()).finish_non_exhaustive()
    }
}

/// Why chains cannot be watched.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A setting is missing or malformed.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// No endpoint is known of a chain.
    #[error("the secret names no endpoint for chain {0}")]
    NoEndpoint(u64),
    /// No HTTPS client can be made.
    #[error("the system's certificates cannot be read: {0}")]
    NoCertificates(#[from] std::io::Error),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Secret {
    endpoints: HashMap<u64, Vec<String>>,
    gas_key: Option<String>,
}

impl Settings {
    /// Reads the secret in `CHAIN_SECRET`, or else the one that `CHAIN_SECRET_ARN` names, and opens the KMS key in
    /// `GAS_KMS_KEY`, if there is one.
    pub async fn read(aws: &SdkConfig) -> Result<Self, ConfigError> {
        let settings = if config::optional(SECRET).is_none() && config::optional(SECRET_ARN).is_some() {
            let arn = config::required(SECRET_ARN, Ok)?;
            let secret = fetch(aws, arn).await;
            secret.and_then(|text| Self::parse(&text)).map_err(malformed(SECRET_ARN))?
        } else {
            config::required(SECRET, |text| Self::parse(&text))?
        };
        match config::optional(KMS_KEY) {
            None => Ok(settings),
            Some(key) => {
                let mut kms = aws_sdk_kms::config::Builder::from(aws);
                kms.set_endpoint_url(store::endpoint_url("AWS_ENDPOINT_URL_KMS"));
                let opened = KmsKey::open(aws_sdk_kms::Client::from_conf(kms.build()), key).await;
                let key = opened.map_err(|error| {
                    malformed(KMS_KEY)(Invalid::expected(format!("a key that can be used, but: {error}")))
                })?;
                Ok(Self { payer: Signer::Kms(key), ..settings })
            }
        }
    }

    /// Reads the secret.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        // No word of the text in the error: it is a secret.
        let secret: Secret = serde_json::from_str(text).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            Invalid::expected(format!("JSON with `endpoints` and `gasKey` (line {line}, column {column})"))
        })?;
        let mut endpoints = HashMap::new();
        for (chain, urls) in secret.endpoints {
            let urls: Result<Vec<Endpoint>, _> = urls.iter().map(|url| Endpoint::parse(url)).collect();
            let urls =
                urls.map_err(|error| Invalid::expected(format!("endpoints of chain {chain}: {error}")))?;
            endpoints.insert(chain, urls);
        }
        let payer = match secret.gas_key {
            None => Signer::None,
            Some(key) => Signer::Local(
                LocalKey::parse(&key).map_err(|error| Invalid::expected(format!("a gas key: {error}")))?,
            ),
        };
        Ok(Self { endpoints, payer })
    }

    /// A client for a chain's nodes.
    pub fn rpc(&self, chain: ChainId) -> Result<Rpc, SettingsError> {
        let chain = chain.as_u64();
        let endpoints = self.endpoints.get(&chain).filter(|endpoints| !endpoints.is_empty());
        let endpoints = endpoints.ok_or(SettingsError::NoEndpoint(chain))?;
        Ok(Rpc::new(endpoints.clone(), Limits::default())?)
    }
}

fn malformed(name: &'static str) -> impl FnOnce(Invalid) -> ConfigError {
    move |reason| ConfigError::Malformed { name, reason }
}

async fn fetch(aws: &SdkConfig, arn: String) -> Result<String, Invalid> {
    let mut config = aws_sdk_secretsmanager::config::Builder::from(aws);
    config.set_endpoint_url(store::endpoint_url("AWS_ENDPOINT_URL_SECRETS_MANAGER"));
    let client = aws_sdk_secretsmanager::Client::from_conf(config.build());
    match client.get_secret_value().secret_id(arn).send().await.map(|secret| secret.secret_string) {
        Ok(Some(text)) => Ok(text),
        Ok(None) => Err(Invalid::expected("a secret that is text")),
        Err(error) => {
            let code = error.into_service_error();
            Err(Invalid::expected(format!("a secret that can be read, but: {code}")))
        }
    }
}

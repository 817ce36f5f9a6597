//! Reads the endpoints of the nodes and the gas key.
//!
//! They are a secret in JSON: `{ "endpoints": { "8453": ["https://…"] }, "gasKey": "0x…" }`. Without `gasKey` and without
//! a KMS key the watcher settles nothing; anyone may sweep, and the watcher observes it.

use std::collections::HashMap;
use std::fmt;

use aws_config::SdkConfig;
use domain::invalid::Invalid;
use domain::order::ChainId;
use evm::Limits;
use evm::kms::KmsKey;
use evm::local::LocalKey;
use evm::signer::SignError;
use evm::{Endpoint, Rpc, Signer};
use lambda_http::tracing;
use runtime::config::{ConfigError, Settings};
use runtime::secret::SecretSetting;
use serde::Deserialize;

pub(crate) const SECRET: SecretSetting = SecretSetting { value: "CHAIN_SECRET", arn: "CHAIN_SECRET_ARN" };
pub(crate) const KMS_KEY: &str = "GAS_KMS_KEY";

/// The nodes of the chains, and the key that pays for settlements.
pub struct NodeSettings {
    endpoints: HashMap<u64, Vec<Endpoint>>,
    /// The key that pays for settlements.
    pub payer: Signer,
    /// The KMS key that pays instead, by its client and id.
    kms: Option<(aws_sdk_kms::Client, String)>,
}

impl fmt::Debug for NodeSettings {
    /// Without the endpoints, which hold keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeSettings").field("chains", &self.endpoints.len()).finish_non_exhaustive()
    }
}

/// Why the watcher cannot start.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A setting is missing, malformed or unusable.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A configured chain has no endpoint.
    #[error("`endpoints` of the chain secret must list at least one URL for chain {0}")]
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

impl NodeSettings {
    /// Reads the secret from `CHAIN_SECRET`, or else the one that `CHAIN_SECRET_ARN` names. Opens the KMS key in
    /// `GAS_KMS_KEY` if it is set.
    pub async fn read(settings: Settings, aws: &SdkConfig) -> Result<Self, ConfigError> {
        let mut nodes = SECRET.read(settings, aws, Self::parse).await?;
        if let Some(key) = settings.optional(KMS_KEY)? {
            let mut kms = aws_sdk_kms::config::Builder::from(aws);
            kms.set_endpoint_url(runtime::aws::endpoint_url("AWS_ENDPOINT_URL_KMS"));
            nodes.payer = Signer::None;
            nodes.kms = Some((aws_sdk_kms::Client::from_conf(kms.build()), key));
            match nodes.open_kms_key().await {
                Ok(()) => {}
                // Deposits are observed without it. It is tried again before each run.
                Err(error @ (SignError::Unavailable(_) | SignError::NoKey)) => {
                    tracing::error!(cause = %error, "the gas key cannot be opened");
                }
                Err(error @ SignError::Refused(_)) => {
                    let cause = format!("the key cannot be used: {error}");
                    return Err(ConfigError::Unusable { name: KMS_KEY, cause });
                }
            }
        }
        Ok(nodes)
    }

    /// Opens the configured KMS key, unless it is open or none is configured.
    pub async fn open_kms_key(&mut self) -> Result<(), SignError> {
        if let (Some((client, key)), Signer::None) = (&self.kms, &self.payer) {
            self.payer = Signer::Kms(KmsKey::open(client.clone(), key.as_str()).await?);
        }
        Ok(())
    }

    /// Reads the secret's text.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        // The error shows nothing of the text: it is a secret.
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
        Ok(Self { endpoints, payer, kms: None })
    }

    /// Returns a client for a chain's nodes.
    pub fn rpc(&self, chain: ChainId) -> Result<Rpc, SettingsError> {
        let chain = chain.as_u64();
        let endpoints = self.endpoints.get(&chain).filter(|endpoints| !endpoints.is_empty());
        let endpoints = endpoints.ok_or(SettingsError::NoEndpoint(chain))?;
        Ok(Rpc::new(endpoints.clone(), Limits::default())?.for_chain(chain))
    }
}

//! `cargo dev chains`: stores the configuration of the chains in the table of a deployment.

use anyhow::{Context as _, Result, ensure};
use aws_config::SdkConfig;
use domain::chain_config::{Chains, Revision};
use serde_json::Value;
use store::Store;

use crate::engine;

/// DynamoDB stores 400 KB in an item, its keys and attribute names included.
const MAX_BYTES: usize = 390_000;

/// Returns the store of a table: behind an endpoint of one's own, or in the AWS account of the shell.
pub async fn open(table: &str, endpoint: Option<&str>) -> Result<Store> {
    let aws: SdkConfig = match endpoint {
        Some(endpoint) => engine::sdk_config(endpoint).await,
        None => runtime::aws::sdk_loader().load().await,
    };
    ensure!(aws.region().is_some(), "no AWS region is set; set AWS_REGION or AWS_PROFILE");
    Ok(Store::new(&aws, table))
}

/// Checks a configuration, stores it as the next revision, and returns its number.
pub async fn put(store: &Store, text: &str) -> Result<Revision> {
    let chains = Chains::parse(text)?;
    ensure!(
        !chains.is_empty(),
        "the file must list at least one chain; to use none, deploy with an empty `Chains`"
    );
    let compact = serde_json::from_str::<Value>(text)?.to_string();
    ensure!(
        compact.len() <= MAX_BYTES,
        "the configuration must be at most {MAX_BYTES} bytes without spaces; it has {}",
        compact.len()
    );
    Ok(store.put_chains_revision(&compact).await?)
}

/// Returns a revision, or the newest one, and its text with one member on each line.
pub async fn show(store: &Store, revision: Option<Revision>) -> Result<(Revision, String)> {
    let revision = match revision {
        Some(revision) => revision,
        None => store.newest_chains_revision().await?.context("the table has no revision yet")?,
    };
    let text = store.chains_revision(revision).await?;
    let text = text.with_context(|| format!("the table has no revision {revision}"))?;
    let value: Value = serde_json::from_str(&text)?;
    Ok((revision, serde_json::to_string_pretty(&value)?))
}

/// Returns the command that deploys a revision. Its value has no character at which SAM CLI would cut it.
pub fn deploy_command(revision: Revision) -> String {
    format!("sam deploy --parameter-overrides Chains=table:{revision}")
}

//! The configuration of the chains in the table.
//!
//! Each revision is one item that is written once and never changed. `create-order` and `watch-chain` of one deployment
//! read the same revision, so no order is accepted on a chain that the watcher does not observe. A rollback is a
//! deployment with an earlier revision.

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::chain_config::{Chains, ChainsSource, Revision};
use runtime::DependencyError;
use runtime::config::ConfigError;

use super::Store;
use super::item::{Item, string};
use super::retry::{AttemptError, classify, until_settled};

/// The partition of all revisions.
const PARTITION: &str = "config";
/// How their sort keys begin.
const SORT_KEY_PREFIX: &str = "chains#";
/// The attribute with the JSON text.
const TEXT: &str = "json";
/// The variable that names a revision.
const SETTING: &str = "CHAINS";

/// Returns the sort key of a revision, padded so that keys sort like numbers.
fn sort_key(revision: Revision) -> String {
    format!("{SORT_KEY_PREFIX}{:010}", revision.as_u32())
}

impl Store {
    /// Returns the configured chains. Also opens the connection to DynamoDB, so a function that calls this at its start
    /// needs no [`connect`](Self::connect).
    pub async fn load_chains(&self, source: ChainsSource) -> Result<Chains, ConfigError> {
        let revision = match source {
            ChainsSource::Inline(chains) => {
                self.connect().await;
                return Ok(chains);
            }
            ChainsSource::Table(revision) => revision,
        };
        let unusable = |cause| ConfigError::Unusable { name: SETTING, cause };
        let table = &self.table;
        let text = self.chains_revision(revision).await.map_err(|error| {
            unusable(format!("revision {revision} cannot be read from table {table}: {error}"))
        })?;
        let text = text.ok_or_else(|| {
            unusable(format!(
                "table {table} has no revision {revision}; store one with `cargo dev chains put FILE --table {table}` \
                 and deploy with the `Chains=table:<revision>` that it prints"
            ))
        })?;
        Chains::parse(&text).map_err(|error| {
            unusable(format!(
                "revision {revision} is malformed: {error}; store a corrected file as a new revision"
            ))
        })
    }

    /// Returns the JSON text of a revision.
    pub async fn chains_revision(&self, revision: Revision) -> Result<Option<String>, DependencyError> {
        until_settled(|| async {
            let get = self.client.get_item().table_name(&self.table).consistent_read(true);
            let get = get.key("pk", string(PARTITION)).key("sk", string(sort_key(revision)));
            let item = get.send().await.map_err(classify)?.item;
            item.map(|item| text_of(&item)).transpose()
        })
        .await
    }

    /// Returns the number of the newest revision.
    pub async fn newest_chains_revision(&self) -> Result<Option<Revision>, DependencyError> {
        until_settled(|| async {
            let query = self.client.query().table_name(&self.table).consistent_read(true);
            let query = query
                .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
                .expression_attribute_values(":pk", string(PARTITION))
                .expression_attribute_values(":prefix", string(SORT_KEY_PREFIX))
                .scan_index_forward(false)
                .limit(1);
            let items = query.send().await.map_err(classify)?.items.unwrap_or_default();
            items.first().map(revision_of).transpose()
        })
        .await
    }

    /// Stores a text as the next revision and returns its number. The caller has validated the text.
    ///
    /// A concurrent writer can take the same number. The condition refuses the second write, which then takes the next
    /// number.
    pub async fn put_chains_revision(&self, text: &str) -> Result<Revision, DependencyError> {
        until_settled(|| async {
            let newest = self.newest_chains_revision().await?;
            let revision = match newest {
                None => Revision::FIRST,
                Some(newest) => {
                    newest.next().ok_or_else(|| DependencyError::Broken("no revision is left".to_owned()))?
                }
            };
            let put = self.client.put_item().table_name(&self.table);
            let put = put
                .item("pk", string(PARTITION))
                .item("sk", string(sort_key(revision)))
                .item(TEXT, string(text))
                .condition_expression("attribute_not_exists(pk)");
            match put.send().await {
                Ok(_) => Ok(revision),
                Err(error)
                    if error
                        .as_service_error()
                        .is_some_and(PutItemError::is_conditional_check_failed_exception) =>
                {
                    // A reply that was lost and repeated ends here, too.
                    match self.chains_revision(revision).await? {
                        Some(stored) if stored == text => Ok(revision),
                        Some(_) | None => {
                            Err(AttemptError::Contended(format!("revision {revision} was stored meanwhile")))
                        }
                    }
                }
                Err(error) => Err(classify(error)),
            }
        })
        .await
    }
}

fn text_of(item: &Item) -> Result<String, AttemptError> {
    match item.get(TEXT) {
        Some(AttributeValue::S(text)) => Ok(text.clone()),
        Some(_) | None => {
            Err(DependencyError::Broken(format!("the revision has no attribute `{TEXT}`")).into())
        }
    }
}

fn revision_of(item: &Item) -> Result<Revision, AttemptError> {
    let key = match item.get("sk") {
        Some(AttributeValue::S(key)) => key.as_str(),
        Some(_) | None => "",
    };
    let digits = key.strip_prefix(SORT_KEY_PREFIX).unwrap_or_default().trim_start_matches('0');
    let revision = digits.parse();
    revision.map_err(|_| DependencyError::Broken(format!("`{key}` is not the key of a revision")).into())
}

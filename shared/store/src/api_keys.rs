//! API keys in the table.
//!
//! A key has two items, written together: one is found by the key's hash, the other is listed with its merchant's keys.
//! Functions may read the first kind alone: they can check a key that they are given, and cannot list keys.

use aws_sdk_dynamodb::types::{Put, TransactWriteItem, Update};
use domain::api_key::{KeyHash, KeyRecord};
use domain::merchant::Merchant;
use domain::time::Timestamp;
use runtime::DependencyError;
use serde::{Deserialize, Serialize};

use super::Store;
use super::idempotency::incomplete;
use super::item::{self, number, string};
use super::retry::{AttemptError, classify, until_settled};
use super::transact::Committed;

/// The sort key of the item that is found by a hash.
const SORT_KEY: &str = "key";
/// How the sort keys of a merchant's keys begin.
const LISTED: &str = "key#";

/// A key as it is stored.
#[derive(Debug, Serialize, Deserialize)]
struct KeyItem {
    pk: String,
    sk: String,
    /// Leads from the listed item to the other one.
    hash: KeyHash,
    #[serde(flatten)]
    record: KeyRecord,
}

fn by_hash(hash: &KeyHash) -> String {
    format!("key#{}", hash.as_str())
}

fn by_merchant(merchant: &Merchant) -> String {
    format!("merchant#{merchant}")
}

impl Store {
    /// Returns a key's record; `None` if the table does not know the key.
    ///
    /// The read is strongly consistent. Otherwise a key that was just revoked could be cached once more.
    pub(super) async fn read_key(&self, hash: &KeyHash) -> Result<Option<KeyRecord>, DependencyError> {
        until_settled(|| async {
            let get = self.client.get_item().table_name(&self.table).consistent_read(true);
            let get = get.key("pk", string(by_hash(hash))).key("sk", string(SORT_KEY));
            let item = get.send().await.map_err(classify)?.item;
            Ok(item.map(item::from_item::<KeyItem>).transpose()?.map(|item| item.record))
        })
        .await
    }

    /// Stores a new key.
    pub async fn create_key(&self, hash: &KeyHash, record: &KeyRecord) -> Result<(), DependencyError> {
        let item = |pk, sk| KeyItem { pk, sk, hash: hash.clone(), record: record.clone() };
        let items = [
            item(by_hash(hash), SORT_KEY.to_owned()),
            item(by_merchant(&record.merchant), format!("{LISTED}{}", record.id)),
        ];
        until_settled(|| async {
            let puts = items.iter().map(|item| {
                let put = Put::builder().table_name(&self.table).set_item(Some(item::to_item(item)?));
                let put = put.condition_expression("attribute_not_exists(pk) OR id = :id");
                let put = put.expression_attribute_values(":id", string(&record.id));
                Ok(TransactWriteItem::builder().put(put.build().map_err(incomplete)?).build())
            });
            let puts: Vec<_> = puts.collect::<Result<_, DependencyError>>()?;
            match self.transact(puts).await? {
                Committed::Yes => Ok(()),
                Committed::Refused(_) => Err(DependencyError::Broken("the key exists".to_owned()).into()),
            }
        })
        .await
    }

    /// Returns a merchant's keys, in no particular order.
    pub async fn keys_of(&self, merchant: &Merchant) -> Result<Vec<KeyRecord>, DependencyError> {
        let items = until_settled(|| self.key_items_of(merchant)).await?;
        Ok(items.into_iter().map(|item| item.record).collect())
    }

    /// Notes that a key is replaced and lets it expire at an instant, unless it expires earlier. Returns the key as it is
    /// afterwards; `None` if the merchant has no key of this id.
    pub async fn replace_key(
        &self,
        merchant: &Merchant,
        id: &str,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<Option<KeyRecord>, DependencyError> {
        self.lower(merchant, id, "rotated_at", now).await?;
        self.lower(merchant, id, "expires_at", expires_at).await
    }

    /// Revokes a key, unless it is revoked already. Returns the key as it is afterwards; `None` if the merchant has no
    /// key of this id.
    pub async fn revoke_key(
        &self,
        merchant: &Merchant,
        id: &str,
        at: Timestamp,
    ) -> Result<Option<KeyRecord>, DependencyError> {
        self.lower(merchant, id, "revoked_at", at).await
    }

    /// Sets an instant of a key in both items, unless it has an earlier one.
    async fn lower(
        &self,
        merchant: &Merchant,
        id: &str,
        attribute: &str,
        at: Timestamp,
    ) -> Result<Option<KeyRecord>, DependencyError> {
        until_settled(|| async {
            let Some(item) = self.key_items_of(merchant).await?.into_iter().find(|item| item.record.id == id)
            else {
                return Ok(None);
            };
            let places = [(by_hash(&item.hash), SORT_KEY), (item.pk.clone(), item.sk.as_str())];
            let updates = places.into_iter().map(|(pk, sk)| {
                let update = Update::builder()
                    .table_name(&self.table)
                    .key("pk", string(pk))
                    .key("sk", string(sk))
                    .update_expression("SET #instant = :at")
                    .condition_expression(
                        "attribute_exists(pk) AND (attribute_not_exists(#instant) OR #instant > :at)",
                    )
                    .expression_attribute_names("#instant", attribute)
                    .expression_attribute_values(":at", number(at.as_millis()));
                Ok(TransactWriteItem::builder().update(update.build().map_err(incomplete)?).build())
            });
            let updates: Vec<_> = updates.collect::<Result<_, DependencyError>>()?;
            // Refused: it has an earlier one.
            let (Committed::Yes | Committed::Refused(_)) = self.transact(updates).await?;
            let mut items = self.key_items_of(merchant).await?.into_iter();
            Ok(items.find(|item| item.record.id == id).map(|item| item.record))
        })
        .await
    }

    async fn key_items_of(&self, merchant: &Merchant) -> Result<Vec<KeyItem>, AttemptError> {
        let mut items = Vec::new();
        let mut start = None;
        loop {
            let query = self.client.query().table_name(&self.table).consistent_read(true);
            let page = query
                .key_condition_expression("pk = :pk AND begins_with(sk, :listed)")
                .expression_attribute_values(":pk", string(by_merchant(merchant)))
                .expression_attribute_values(":listed", string(LISTED))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(classify)?;
            for found in page.items.unwrap_or_default() {
                items.push(item::from_item(found)?);
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(items);
            }
        }
    }
}

//! Idempotency keys: one record a key, put in the same transaction as what it names.

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem};
use domain::id::OrderId;
use domain::idempotency_key::IdempotencyKey;
use domain::time::Timestamp;
use runtime::DependencyError;
use serde::{Deserialize, Serialize};

use super::Store;
use super::item::{self, Item, number, string};
use super::retry::{classify, until_settled};
use super::write_id::WriteId;

/// How long a key is remembered: a day and a minute, in seconds. docs/api.md, *Idempotency keys*, asks for a day
/// at least; the minute is for callers who count it on their own clock. A session is kept
/// longer than that, so a record never outlives what it names.
const REMEMBERED_SECONDS: i64 = 24 * 60 * 60 + 60;

const SORT_KEY: &str = "idempotency";

/// What is remembered under a key.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Record {
    pk: String,
    sk: String,
    ttl: i64,
    request_hash: String,
    /// Which write put the record.
    pub(super) write: WriteId,
    /// The checkout it made or changed; the first answer is made again from its unchanging
    /// facts.
    pub(super) subject: OrderId,
    /// The first answer itself, where later changes would make it another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) answer: Option<String>,
}

/// What a record found under our key means.
pub(super) enum Found {
    /// Our own earlier attempt put it; its reply was lost.
    OwnWrite(Record),
    /// The same request was made before.
    Replay(Record),
    /// The key was used for another request.
    KeyReused,
}

impl Found {
    /// Reads the record that stood in the way of ours.
    pub(super) fn read(key: &IdempotencyKey, found: Item, write: WriteId) -> Result<Self, DependencyError> {
        let record: Record = item::from_item(found)?;
        Ok(if record.write == write {
            Self::OwnWrite(record)
        } else if record.request_hash == key.request_hash {
            Self::Replay(record)
        } else {
            Self::KeyReused
        })
    }
}

impl Store {
    /// Returns whether a key was used for another request before. A refusal that follows from the state of a session must
    /// not hide that; a request that writes learns it from its own write.
    pub async fn is_reused(&self, key: &IdempotencyKey, now: Timestamp) -> Result<bool, DependencyError> {
        let read = || async {
            let read = self.client.get_item().table_name(&self.table).consistent_read(true);
            let read = read.key("pk", string(partition(key))).key("sk", string(SORT_KEY));
            read.send().await.map_err(classify)
        };
        let found: Option<Record> = until_settled(read).await?.item.map(item::from_item).transpose()?;
        Ok(found
            .is_some_and(|record| record.ttl > now.as_seconds() && record.request_hash != key.request_hash))
    }

    /// The write that remembers a key. It fails where the key is remembered already.
    pub(super) fn remember(
        &self,
        key: &IdempotencyKey,
        write: WriteId,
        subject: OrderId,
        answer: Option<String>,
        now: Timestamp,
    ) -> Result<TransactWriteItem, DependencyError> {
        let record = Record {
            pk: partition(key),
            sk: SORT_KEY.to_owned(),
            ttl: now.as_seconds() + REMEMBERED_SECONDS,
            request_hash: key.request_hash.clone(),
            write,
            subject,
            answer,
        };
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item::to_item(&record)?))
            // TTL removes a record days after its time: past it the key is free.
            .condition_expression("attribute_not_exists(pk) OR #ttl <= :now")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":now", number(now.as_seconds()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(incomplete)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }
}

fn partition(key: &IdempotencyKey) -> String {
    format!("idempotency#{}", key.key_hash)
}

/// A request that lacks a part is a mistake in this code.
#[expect(clippy::needless_pass_by_value, reason = "the shape that `map_err` takes")]
pub(super) fn incomplete(error: BuildError) -> DependencyError {
    DependencyError::Broken(error.to_string())
}

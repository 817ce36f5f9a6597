//! What the watcher keeps: its two items for each chain, the index of deposit addresses, and the work items of orders.
//!
//! - `cursor` and `pending_settlement` are items of a chain.
//! - `watched_orders` finds an order by its deposit address.
//! - `work` lists the orders that need something done, by the time at which it is due.
//! - `observe` records what the chain shows of an order.

mod cursor;
mod observe;
mod pending_settlement;
mod watched_orders;
mod work;

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use domain::order::ChainId;
use runtime::DependencyError;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Store;
use super::item::{self, string};
use super::retry::{classify, until_settled};

pub use cursor::Cursor;
pub use observe::{ChainObservation, Observation, ObservedOrder, OrderState};
pub use pending_settlement::{PendingSettlement, SignedVersion};
pub(super) use watched_orders::watch_attributes;
pub use watched_orders::{DepositAddresses, WATCHED_FOR, WATCHED_ORDERS, WatchedOrder};
pub use work::{OldestUnsettled, Work};
pub(super) use work::{WORK_SORT_KEY, WorkItem};

/// The outcome of a conditional write of a chain's own items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChainWrite {
    /// It was written.
    Written,
    /// Another run wrote first: this one must stop.
    Superseded,
}

#[derive(Serialize, Deserialize)]
struct ChainItem<T> {
    pk: String,
    sk: String,
    #[serde(flatten)]
    content: T,
}

impl Store {
    async fn chain_item<T: DeserializeOwned>(
        &self,
        chain: ChainId,
        name: &str,
    ) -> Result<Option<T>, DependencyError> {
        until_settled(|| async {
            let found = self
                .client
                .get_item()
                .table_name(&self.table)
                .key("pk", string(chain_partition(chain)))
                .key("sk", string(name))
                .consistent_read(true)
                .send()
                .await
                .map_err(classify)?;
            let item: Option<ChainItem<T>> = found.item.map(item::from_item).transpose()?;
            Ok(item.map(|item| item.content))
        })
        .await
    }

    async fn put_chain_item<T: Serialize>(
        &self,
        chain: ChainId,
        name: &str,
        content: &T,
        (condition, values): (&str, Vec<(&str, AttributeValue)>),
    ) -> Result<ChainWrite, DependencyError> {
        let item = ChainItem { pk: chain_partition(chain), sk: name.to_owned(), content };
        let item = item::to_item(&item)?;
        until_settled(|| async {
            let mut put = self
                .client
                .put_item()
                .table_name(&self.table)
                .set_item(Some(item.clone()))
                .condition_expression(condition)
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
            for (name, value) in &values {
                put = put.expression_attribute_values(*name, value.clone());
            }
            let Err(error) = put.send().await else {
                return Ok(ChainWrite::Written);
            };
            match error.as_service_error() {
                // An earlier attempt of this call wrote it, and its reply was lost.
                Some(PutItemError::ConditionalCheckFailedException(refusal))
                    if refusal.item() == Some(&item) =>
                {
                    Ok(ChainWrite::Written)
                }
                Some(PutItemError::ConditionalCheckFailedException(_)) => Ok(ChainWrite::Superseded),
                Some(_) | None => Err(classify(error)),
            }
        })
        .await
    }
}

fn chain_partition(chain: ChainId) -> String {
    format!("chain#{}", chain.as_u64())
}

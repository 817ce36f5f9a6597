//! Visits of payment links, counted: each may cost a call to a vendor.

use std::time::Duration;

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use domain::id::OrderId;
use domain::time::Timestamp;
use runtime::DependencyError;

use super::Store;
use super::item::{number, string};
use super::retry::{classify, until_settled};

const HOUR: i64 = Duration::from_hours(1).as_secs().cast_signed();
const SORT_KEY: &str = "visits";

impl Store {
    /// Counts a visit. Returns `false` if the link was visited `most` times within this hour. Each hour has an item of its
    /// own, which TTL removes, so a stranger can close a link for an hour but not for good.
    pub async fn count_visit(
        &self,
        order: OrderId,
        most: u32,
        now: Timestamp,
    ) -> Result<bool, DependencyError> {
        let hour = now.as_seconds() / HOUR;
        until_settled(|| async {
            let counted = self
                .client
                .update_item()
                .table_name(&self.table)
                .key("pk", string(format!("visits#{order}#{hour}")))
                .key("sk", string(SORT_KEY))
                .update_expression("SET #ttl = :ttl ADD visits :one")
                .condition_expression("attribute_not_exists(visits) OR visits < :most")
                .expression_attribute_names("#ttl", "ttl")
                .expression_attribute_values(":ttl", number((hour + 2) * HOUR))
                .expression_attribute_values(":one", number(1))
                .expression_attribute_values(":most", number(i64::from(most)))
                .send()
                .await;
            match counted {
                Ok(_) => Ok(true),
                Err(error) => match error.as_service_error() {
                    Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(false),
                    Some(_) | None => Err(classify(error)),
                },
            }
        })
        .await
    }
}

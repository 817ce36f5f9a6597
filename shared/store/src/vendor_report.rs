//! What an onramp vendor says of a purchase. It is kept beside the order and decides nothing.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use domain::id::OrderId;
use domain::onramp::VendorReport;
use runtime::DependencyError;

use super::Store;
use super::item::{CHECKOUT_SORT_KEY, number, partition, string, to_attribute};
use super::retry::{classify, until_settled};

/// It is about the order's own deposit address, and later than what is known: of another purchase that began later, or
/// further on in the same.
const IS_NEWS: &str = "#order.deposit_address = :address AND (attribute_not_exists(vendor_report) \
    OR (vendor_report.#transaction = :transaction AND vendor_report.progress < :progress) \
    OR (vendor_report.#transaction <> :transaction AND vendor_report.started_at <= :started))";

impl Store {
    /// Keeps what a vendor says. Returns `false` if there is no order with this id and this deposit address.
    pub async fn report_purchase(
        &self,
        order: OrderId,
        address: &str,
        report: &VendorReport,
    ) -> Result<bool, DependencyError> {
        let (stored, address) = (to_attribute(report)?, address.to_lowercase());
        until_settled(|| async {
            let updated = self
                .client
                .update_item()
                .table_name(&self.table)
                .key("pk", string(partition(order)))
                .key("sk", string(CHECKOUT_SORT_KEY))
                .update_expression("SET vendor_report = :report")
                .condition_expression(IS_NEWS)
                .expression_attribute_names("#order", "order")
                .expression_attribute_names("#transaction", "transaction")
                .expression_attribute_values(":report", stored.clone())
                .expression_attribute_values(":address", string(address.clone()))
                .expression_attribute_values(":transaction", string(report.transaction.as_str()))
                .expression_attribute_values(":progress", number(i64::from(report.progress)))
                .expression_attribute_values(":started", number(report.started_at.as_millis()))
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
                .send()
                .await;
            match updated {
                Ok(_) => Ok(true),
                Err(error) => match error.as_service_error() {
                    Some(UpdateItemError::ConditionalCheckFailedException(refusal)) => {
                        let order = refusal.item().and_then(|item| item.get("order"));
                        let own = match order {
                            Some(AttributeValue::M(order)) => order.get("deposit_address").cloned(),
                            Some(_) | None => None,
                        };
                        Ok(own == Some(string(address.clone())))
                    }
                    Some(_) | None => Err(classify(error)),
                },
            }
        })
        .await
    }
}

//! `POST /webhooks/coinbase`: Coinbase says how a purchase goes on (docs/onramps.md). It is shown beside the order and
//! decides nothing: the chain does.

use api::{ApiError, Endpoint, ErrorCode, Request, Response};
use domain::id::OrderId;
use domain::onramp::{OnrampVendor, VendorReport, VendorStatus};
use domain::text::Text;
use domain::time::Timestamp;
use onramp::hook0_signature;
use onramp::webhook::WebhookRefusal;
use runtime::secret::SecretSetting;
use runtime::{Clock, config};
use serde_json::{Value, json};
use store::Store;

const HEADER: &str = "X-Hook0-Signature";

/// The secret of a Coinbase account.
pub const SECRET: SecretSetting = SecretSetting { value: "COINBASE_SECRET", arn: "COINBASE_SECRET_ARN" };

/// The settings that the function reads.
pub const SETTINGS: &[&str] = &[SECRET.arn, SECRET.value, config::ONRAMPS, config::TABLE_NAME];

/// The operation, with what it stands on.
#[derive(Debug)]
pub struct RecordCoinbaseEvent {
    /// Where orders are kept.
    pub store: Store,
    /// What signs webhooks; none if Coinbase is not set up.
    pub secrets: Vec<String>,
    /// By which the age of a signature is judged.
    pub clock: Clock,
}

impl Endpoint for RecordCoinbaseEvent {
    async fn handle(&self, request: &Request) -> Result<Response, ApiError> {
        if self.secrets.is_empty() {
            let message = "Webhooks of Coinbase are not configured";
            return Err(ApiError::new(ErrorCode::OnrampNotConfigured, message));
        }
        let now = self.clock.now();
        let body = request.body()?;
        let refused = |code, message: &str| ApiError::new(code, message).about(HEADER);
        let signature = request
            .header(HEADER)
            .ok_or_else(|| refused(ErrorCode::SignatureMissing, "The header X-Hook0-Signature is missing"))?;
        let verified =
            hook0_signature::verify(signature, body, |name| request.header(name), &self.secrets, now);
        verified.map_err(|refusal| match refusal {
            WebhookRefusal::Invalid => {
                refused(ErrorCode::SignatureInvalid, "No signature of this webhook is valid")
            }
            WebhookRefusal::Expired => refused(
                ErrorCode::SignatureExpired,
                "This webhook was signed more than five minutes ago or ahead",
            ),
        })?;
        let event: Value = serde_json::from_slice(body)
            .map_err(|_| ApiError::new(ErrorCode::InvalidJson, "The body is not JSON"))?;
        let is_ours = match purchase(&event, now) {
            Some((order, address, report)) => self.store.report_purchase(order, address, &report).await?,
            None => false,
        };
        Response::new(if is_ours { "Webhook received" } else { "Webhook ignored" }, &json!({}))
    }
}

/// Reads of which order's purchase it is, to which address it goes, and how far it is; `None` if it names no order.
fn purchase(event: &Value, now: Timestamp) -> Option<(OrderId, &str, VendorReport)> {
    let text = |name: &str| event.get(name).and_then(Value::as_str);
    let reference = text("partnerUserRef")?;
    let order = OrderId::parse(reference.strip_prefix("sandbox-").unwrap_or(reference))?;
    let status = match text("eventType")? {
        "onramp.transaction.created" => VendorStatus::Created,
        "onramp.transaction.updated" => VendorStatus::InProgress,
        "onramp.transaction.success" => VendorStatus::Succeeded,
        "onramp.transaction.failed" => VendorStatus::Failed,
        _ => return None,
    };
    let reason = text("failureReason").filter(|_| status == VendorStatus::Failed);
    let started_at = text("createdAt").and_then(|time| Timestamp::parse_seconds_or_iso(time).ok());
    let report = VendorReport {
        vendor: OnrampVendor::Coinbase,
        transaction: Text::parse(text("transactionId")?.to_owned()).ok()?,
        status,
        progress: status.progress(),
        reason: reason.and_then(|reason| Text::parse(reason.to_owned()).ok()),
        started_at: started_at.unwrap_or(now),
        updated_at: now,
    };
    Some((order, text("walletAddress")?, report))
}

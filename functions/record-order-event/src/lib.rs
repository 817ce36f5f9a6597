//! `POST /orders/{orderId}/events`: a payment processor reports a fact about an order. Events are signed, so no other
//! caller can report one.

mod request;

use api::view::OrderRecordView;
use api::{ApiError, Endpoint, Request, Response, signed_for, verify_signature};
use domain::api_key::Caller;
use domain::id::OrderId;
use domain::record::CheckoutRecord;
use domain::time::Timestamp;
use runtime::secret::SecretSetting;
use runtime::{Clock, SigningSecrets, config};
use store::{Recording, Store};

/// The secrets that sign payment events.
pub const SECRET: SecretSetting =
    SecretSetting { value: "PAYMENT_EVENTS_SECRET", arn: "PAYMENT_EVENTS_SECRET_ARN" };

/// The settings that the function reads.
pub const SETTINGS: &[&str] = &[SECRET.arn, SECRET.value, config::TABLE_NAME, config::PUBLIC_URL];

/// The operation, with what it stands on.
#[derive(Debug)]
pub struct RecordOrderEvent {
    /// Where orders are kept.
    pub store: Store,
    /// By which lateness is judged.
    pub clock: Clock,
    /// What events are signed with.
    pub secrets: SigningSecrets,
    /// The service's URL, if it is not API Gateway's.
    pub public_url: Option<String>,
}

impl Endpoint for RecordOrderEvent {
    async fn handle(&self, request: &Request) -> Result<Response, ApiError> {
        verify_signature(request, &self.secrets, self.clock.now())?;
        let order =
            OrderId::parse(request.path_parameter("orderId")).ok_or_else(ApiError::order_not_found)?;
        signed_for(request, order)?;
        let key = request.idempotency_key(&format!("POST /orders/{order}/events"), &Caller::Anonymous)?;
        let event = request::payment_event(request)?;

        let base_url = &request.base_url(self.public_url.as_deref());
        // The data of the answer, for its idempotency key to remember.
        let remembered = |record: &CheckoutRecord, now| {
            serde_json::to_string(&OrderRecordView::new(record, base_url, now)?).ok()
        };
        let clock = || self.clock.now();
        match self.store.record_event(order, &event, clock, key.as_ref(), remembered).await? {
            Recording::Recorded(record, at) => response(&record, base_url, at),
            Recording::Remembered(answer) => Response::from_json(MESSAGE, answer),
            Recording::Replayed(Some(first), _) => Ok(Response::from_json(MESSAGE, first)?.replayed()),
            Recording::Replayed(None, record) => {
                Ok(response(&record, base_url, self.clock.now())?.replayed())
            }
            Recording::KeyReused => Err(ApiError::key_reused()),
            Recording::NoOrder => Err(ApiError::order_not_found()),
        }
    }
}

const MESSAGE: &str = "Order event recorded";

fn response(record: &CheckoutRecord, base_url: &str, now: Timestamp) -> Result<Response, ApiError> {
    let view = OrderRecordView::new(record, base_url, now).ok_or_else(ApiError::order_not_found)?;
    Response::new(MESSAGE, &view)
}

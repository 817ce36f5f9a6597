//! `POST /webhooks/stripe`: Stripe says that something happened to a card payment (docs/onramps.md).
//!
//! What happened is not taken from the webhook. It only names an order, whose Checkout Sessions are then looked at. Webhooks
//! may be lost, doubled and out of order: `watch-card` looks, too.

use api::{ApiError, Endpoint, ErrorCode, Request, Response};
use cards::{CardError, Cards};
use domain::id::OrderId;
use lambda_http::tracing;
use onramp::named_order;
use onramp::stripe_signature::verify;
use onramp::webhook::WebhookRefusal;
use runtime::Clock;
use serde_json::{Value, json};

const HEADER: &str = "Stripe-Signature";

/// The operation, with what it stands on.
#[derive(Debug)]
pub struct RecordStripeEvent {
    /// Card payments; `None` if they are not offered.
    pub cards: Option<Cards>,
    /// By which the age of a signature is judged.
    pub clock: Clock,
}

impl Endpoint for RecordStripeEvent {
    async fn handle(&self, request: &Request) -> Result<Response, ApiError> {
        let cards = self.cards.as_ref().ok_or_else(not_offered)?;
        let signature = request.header(HEADER).ok_or_else(|| {
            ApiError::new(ErrorCode::SignatureMissing, format!("The header {HEADER} is missing"))
                .about(HEADER)
        })?;
        let body = request.body()?;
        verify(signature, body, cards.stripe.webhook_secrets(), self.clock.now()).map_err(|refusal| {
            let (code, message) = match refusal {
                WebhookRefusal::Invalid => {
                    (ErrorCode::SignatureInvalid, "No signature of this webhook is valid")
                }
                WebhookRefusal::Expired => (
                    ErrorCode::SignatureExpired,
                    "This webhook was signed more than five minutes ago or ahead",
                ),
            };
            ApiError::new(code, message).about(HEADER)
        })?;
        // It is signed, so only Stripe can have written it.
        let event: Value = serde_json::from_slice(body)
            .map_err(|_| ApiError::new(ErrorCode::InvalidJson, "The body is not JSON"))?;
        let order = Box::pin(order_of(cards, &event)).await.map_err(unavailable)?;
        let is_ours = match order {
            Some(order) => Box::pin(cards.look(order)).await.map_err(unavailable)?,
            None => false,
        };
        // An account has other payments, too.
        Response::new(if is_ours { "Webhook received" } else { "Webhook ignored" }, &json!({}))
    }
}

/// Returns the order that an event is about; `None` if it is about none.
async fn order_of(cards: &Cards, event: &Value) -> Result<Option<OrderId>, CardError> {
    let Some(object) = event.pointer("/data/object") else { return Ok(None) };
    if let Some(order) = named_order(object) {
        return Ok(Some(order));
    }
    // A refund made by hand and a dispute name the payment alone.
    match object.get("payment_intent").and_then(Value::as_str) {
        Some(intent) => Ok(cards.stripe.order_of(intent).await?),
        None => Ok(None),
    }
}

fn not_offered() -> ApiError {
    ApiError::new(ErrorCode::OnrampNotConfigured, "Card payments are not configured")
}

/// Stripe sends the webhook again.
fn unavailable(error: CardError) -> ApiError {
    match error {
        CardError::Store(error) => error.into(),
        error @ (CardError::Stripe(_) | CardError::Busy | CardError::TooOften) => {
            tracing::warn!(cause = %error, "a card payment could not be looked at for a webhook");
            ApiError::new(ErrorCode::OnrampUnavailable, "The payment cannot be looked at now; try again")
        }
    }
}

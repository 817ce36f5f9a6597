//! `POST /webhooks/stripe`: Stripe says that something happened to a card payment or to a purchase of crypto
//! (docs/onramps.md).
//!
//! What happened to a card payment is not taken from the webhook. It only names an order, whose Checkout Sessions are then
//! looked at. Webhooks may be lost, doubled and out of order: `watch-card` looks, too.
//!
//! What Stripe says of a purchase is shown beside the order and decides nothing: the chain does.

mod purchase;

use std::time::Duration;

use api::{ApiError, Endpoint, ErrorCode, Request, Response};
use cards::{CardError, Cards};
use domain::id::OrderId;
use domain::time::Timestamp;
use lambda_http::tracing;
use onramp::named_order;
use onramp::stripe_signature::verify;
use onramp::webhook::WebhookRefusal;
use runtime::Clock;
use serde_json::{Value, json};
use store::Store;
use tokio::time::timeout;

use crate::purchase::purchase;

const HEADER: &str = "Stripe-Signature";
/// How long a webhook may take. The function ends two seconds later, and Stripe would get no answer.
const LONGEST: Duration = Duration::from_secs(13);

/// The operation, with what it stands on.
#[derive(Debug)]
pub struct RecordStripeEvent {
    /// Where orders are kept.
    pub store: Store,
    /// What signs webhooks; `None` if Stripe is not set up.
    pub secrets: Option<Vec<String>>,
    /// Card payments; `None` if they are not offered.
    pub cards: Option<Cards>,
    /// Whether payers can buy crypto from Stripe.
    pub sells_crypto: bool,
    /// By which the age of a signature is judged.
    pub clock: Clock,
}

impl Endpoint for RecordStripeEvent {
    async fn handle(&self, request: &Request) -> Result<Response, ApiError> {
        let secrets = self.secrets.as_ref().ok_or_else(not_set_up)?;
        let signature = request.header(HEADER).ok_or_else(|| {
            ApiError::new(ErrorCode::SignatureMissing, format!("The header {HEADER} is missing"))
                .about(HEADER)
        })?;
        let body = request.body()?;
        let now = self.clock.now();
        verify(signature, body, secrets, now).map_err(|refusal| {
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
        let is_ours = if event.get("type").and_then(Value::as_str) == Some(purchase::EVENT) {
            self.report(&event, now).await?
        } else {
            let look = timeout(LONGEST, Box::pin(self.look(&event))).await;
            look.unwrap_or(Err(CardError::TooSlow)).map_err(unavailable)?
        };
        // An account has other payments, too.
        Response::new(if is_ours { "Webhook received" } else { "Webhook ignored" }, &json!({}))
    }
}

impl RecordStripeEvent {
    /// Looks at the card payments of the order that an event is about. Returns `false` if it is about none.
    async fn look(&self, event: &Value) -> Result<bool, CardError> {
        let (Some(cards), Some(object)) = (&self.cards, event.pointer("/data/object")) else {
            return Ok(false);
        };
        let Some(order) = order_of(cards, object).await? else { return Ok(false) };
        let text = |name: &str| object.get(name).and_then(Value::as_str);
        let is_ours = cards.look(order, text("id")).await?;
        let may_be_lost =
            text("object") == Some("refund") && matches!(text("status"), Some("failed" | "canceled"));
        if is_ours && may_be_lost {
            // The payer's bank sends it back days later: their card is closed. No repetition helps.
            let cents = cards.lost_refunds(order).await?;
            if cents > 0 {
                tracing::error!(%order, cents, "a refund did not reach the payer");
            }
        }
        Ok(is_ours)
    }

    /// Keeps what Stripe says of a purchase. Returns `false` if no order is bought for by it.
    async fn report(&self, event: &Value, now: Timestamp) -> Result<bool, ApiError> {
        match purchase(event, now).filter(|_| self.sells_crypto) {
            Some((order, address, report)) => Ok(self.store.report_purchase(order, address, &report).await?),
            None => Ok(false),
        }
    }
}

/// Returns the order that an event's object is about; `None` if it is about none.
async fn order_of(cards: &Cards, object: &Value) -> Result<Option<OrderId>, CardError> {
    if let Some(order) = named_order(object) {
        return Ok(Some(order));
    }
    // A refund made by hand and a dispute name the payment alone.
    match object.get("payment_intent").and_then(Value::as_str) {
        Some(intent) => Ok(cards.stripe.order_of(intent).await?),
        None => Ok(None),
    }
}

fn not_set_up() -> ApiError {
    ApiError::new(ErrorCode::OnrampNotConfigured, "Webhooks of Stripe are not configured")
}

/// Stripe sends the webhook again.
fn unavailable(error: CardError) -> ApiError {
    match error {
        CardError::Store(error) => error.into(),
        error @ (CardError::Stripe(_) | CardError::Busy | CardError::TooSlow | CardError::TooOften) => {
            tracing::warn!(cause = %error, "a card payment could not be looked at for a webhook");
            ApiError::new(ErrorCode::OnrampUnavailable, "The payment cannot be looked at now; try again")
        }
    }
}

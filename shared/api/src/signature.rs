//! Checks that a request was signed (docs/api.md, *Signatures*).

use domain::id::OrderId;
use domain::time::Timestamp;
use runtime::SigningSecrets;
use runtime::signature::{Message, SignatureError};

use super::{ApiError, ErrorCode, Request};

/// The specification's headers, each with the name that Svix gives it.
const ID: [&str; 2] = ["webhook-id", "svix-id"];
const TIMESTAMP: [&str; 2] = ["webhook-timestamp", "svix-timestamp"];
const SIGNATURE: [&str; 2] = ["webhook-signature", "svix-signature"];

/// How the id of a message begins that is valid for one order alone. It names this service, so that no other sender's
/// ids begin with it by accident: to the specification an id is opaque.
const BINDING: &str = "checkout-order:";

/// Refuses a request without a valid signature. A handler believes nothing of the request before.
pub fn verify_signature(request: &Request, secrets: &SigningSecrets, now: Timestamp) -> Result<(), ApiError> {
    let id = required_header(request, ID)?;
    let timestamp = required_header(request, TIMESTAMP)?;
    let signatures = required_header(request, SIGNATURE)?;
    let message = Message { id, timestamp, body: request.body()? };
    secrets.verify(message, signatures, now).map_err(|error| match error {
        SignatureError::NoMatch => {
            ApiError::new(ErrorCode::SignatureInvalid, "No signature matches").about("webhook-signature")
        }
        SignatureError::Expired => ApiError::new(
            ErrorCode::SignatureExpired,
            "The signature is more than five minutes off, or its timestamp is not in epoch seconds",
        )
        .about("webhook-timestamp"),
    })
}

/// Refuses a message that was signed for another order.
///
/// The signature covers the message's id, its time and its body, but no path: a holder of one could send it on to
/// another order. A sender excludes that by an id that names the order, `checkout-order:<order id>:<anything unique>`. An
/// id that begins like that and names no order is refused as well: its sender meant to bind it.
pub fn signed_for(request: &Request, order: OrderId) -> Result<(), ApiError> {
    let Some(bound) = webhook_header(request, ID).and_then(|id| id.strip_prefix(BINDING)) else {
        return Ok(());
    };
    let named = bound.split(':').next().and_then(OrderId::parse);
    if named == Some(order) {
        return Ok(());
    }
    Err(ApiError::new(ErrorCode::SignatureInvalid, "The message was signed for another order")
        .about("webhook-id"))
}

fn required_header<'a>(request: &'a Request, names: [&'static str; 2]) -> Result<&'a str, ApiError> {
    webhook_header(request, names).ok_or_else(|| {
        let [name, _] = names;
        ApiError::new(ErrorCode::SignatureMissing, format!("The header {name} is missing")).about(name)
    })
}

/// Returns the value of a header under either of its names.
fn webhook_header<'a>(request: &'a Request, names: [&str; 2]) -> Option<&'a str> {
    names.into_iter().filter_map(|name| request.header(name)).find(|value| !value.is_empty())
}

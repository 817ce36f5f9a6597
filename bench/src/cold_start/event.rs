//! The events of `events/`, for ids that exist and signed now.
#![expect(clippy::indexing_slicing, reason = "the events are our own files, and a test reads each member")]

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use standardwebhooks::Webhook;

/// What payment events are signed with.
pub const SECRET: &str = "whsec_Y2hlY2tvdXQtc2Vzc2lvbnMtbG9jYWwtc2VjcmV0";

/// Opens a session.
pub fn open_session() -> Result<Value> {
    read(include_str!("../../../events/create-checkout-session.json"))
}

/// Reads a session, with its order if it has one.
pub fn read_session(session: &str) -> Result<Value> {
    addressed(include_str!("../../../events/get-checkout-session.json"), session)
}

/// Calls a session off.
pub fn expire_session(session: &str) -> Result<Value> {
    addressed(include_str!("../../../events/expire-checkout-session.json"), session)
}

/// Makes an order, by itself or linked to a session. Its body stays in base64, as API Gateway sends it.
pub fn make_order(session: Option<&str>) -> Result<Value> {
    let mut event = read(include_str!("../../../events/create-order.json"))?;
    let body = event["body"].as_str().context("an event without a body")?;
    let mut order: Value = serde_json::from_slice(&BASE64_STANDARD.decode(body)?)?;
    if let Some(session) = session {
        order["checkoutSessionId"] = json!(session);
    }
    event["body"] = json!(BASE64_STANDARD.encode(order.to_string()));
    Ok(event)
}

/// Reads an order.
pub fn read_order(order: &str) -> Result<Value> {
    addressed(include_str!("../../../events/get-order.json"), order)
}

/// Reports the deposit of this number to an order, signed now.
pub fn deposit(order: &str, number: u64) -> Result<Value> {
    let mut event = addressed(include_str!("../../../events/record-order-event.json"), order)?;
    let now = i64::try_from(now()?.as_secs())?;
    let body = event["body"].as_str().context("an event without a body")?;
    let mut fact: Value = serde_json::from_str(body)?;
    fact["data"]["txHash"] = json!(format!("{number:#066x}"));
    fact["data"]["createdAt"] = json!(now * 1000);
    let body = fact.to_string();
    let id = format!("checkout-order:{order}:{number:032x}");
    let signature = Webhook::new(SECRET)?.sign(&id, now, body.as_bytes())?;
    event["headers"]["content-length"] = json!(body.len().to_string());
    event["headers"]["webhook-id"] = json!(id);
    event["headers"]["webhook-timestamp"] = json!(now.to_string());
    event["headers"]["webhook-signature"] = json!(signature);
    event["body"] = json!(body);
    Ok(event)
}

/// The event with an idempotency key.
pub fn with_key(mut event: Value, number: u64) -> Value {
    event["headers"]["idempotency-key"] = json!(format!("cold-start-{number}"));
    event
}

#[expect(
    clippy::disallowed_methods,
    reason = "a signature is good for minutes, by the clock of who checks it"
)]
fn now() -> Result<std::time::Duration> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?)
}

fn read(event: &str) -> Result<Value> {
    Ok(serde_json::from_str(event)?)
}

/// The event with another id in its path.
fn addressed(event: &str, id: &str) -> Result<Value> {
    let parameters = &read(event)?["pathParameters"];
    let old = parameters.as_object().and_then(|parameters| parameters.values().next()?.as_str());
    read(&event.replace(old.context("an event without an id in its path")?, id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_names_the_new_id_wherever_it_named_the_old() {
        let event = expire_session("the-id").unwrap();
        assert_eq!(event["rawPath"], "/checkout-sessions/the-id/expire");
        assert_eq!(event["pathParameters"]["sessionId"], "the-id");
        assert_eq!(event["requestContext"]["http"]["path"], "/checkout-sessions/the-id/expire");
        assert_eq!(read_order("the-id").unwrap()["pathParameters"]["orderId"], "the-id");
    }

    #[test]
    fn each_deposit_is_another_transaction() {
        let hash = |number| {
            let body: Value =
                serde_json::from_str(deposit("the-id", number).unwrap()["body"].as_str().unwrap()).unwrap();
            body["data"]["txHash"].as_str().unwrap().to_owned()
        };
        assert_eq!(hash(1), format!("0x{}1", "0".repeat(63)));
        assert_ne!(hash(1), hash(2));
    }

    #[test]
    fn an_order_names_its_session() {
        let event = make_order(Some("the-session")).unwrap();
        let body = BASE64_STANDARD.decode(event["body"].as_str().unwrap()).unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["checkoutSessionId"], "the-session");
        assert_eq!(event["isBase64Encoded"], true);
    }
}

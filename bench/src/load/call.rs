//! What the service is asked: the bodies of `events/`, for ids that exist and signed now.
#![expect(clippy::indexing_slicing, reason = "the events are our own files, and a test reads each body")]

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use standardwebhooks::Webhook;

/// What can be reported of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fact {
    /// What is due was deposited.
    Deposited,
    /// The order was executed.
    Executed,
}

/// Makes the requests of one service.
pub struct Calls {
    base: String,
    signer: Webhook,
    session: String,
    order: Value,
    deposit: Value,
}

impl Calls {
    /// For the service at `base`, with the secret that it checks events by.
    pub fn new(base: &str, secret: &str) -> Result<Self> {
        let session = body(include_str!("../../../events/create-checkout-session.json"))?;
        let order = body(include_str!("../../../events/create-order.json"))?;
        let deposit = body(include_str!("../../../events/record-order-event.json"))?;
        Ok(Self {
            base: base.to_owned(),
            signer: Webhook::new(secret)?,
            session,
            order: serde_json::from_str(&order)?,
            deposit: serde_json::from_str(&deposit)?,
        })
    }

    /// An unknown route: the gateway responds 404 by itself.
    pub fn unknown_route(&self, client: &Client) -> RequestBuilder {
        client.get(format!("{}/nowhere", self.base))
    }

    /// Opens a session.
    pub fn open_session(&self, client: &Client) -> RequestBuilder {
        self.post(client, "/checkout-sessions", self.session.clone())
    }

    /// Reads a session with its order, as a page does that waits for the payment.
    pub fn read_session(&self, client: &Client, session: &str) -> RequestBuilder {
        client.get(format!("{}/checkout-sessions/{session}?include=order", self.base))
    }

    /// Calls a session off.
    pub fn expire_session(&self, client: &Client, session: &str) -> RequestBuilder {
        self.post(client, &format!("/checkout-sessions/{session}/expire"), String::new())
    }

    /// Makes an order, by itself or linked to a session.
    pub fn make_order(&self, client: &Client, session: Option<&str>) -> RequestBuilder {
        let mut order = self.order.clone();
        if let Some(session) = session {
            order["checkoutSessionId"] = json!(session);
        }
        self.post(client, "/orders", order.to_string())
    }

    /// Reads an order.
    pub fn read_order(&self, client: &Client, order: &str) -> RequestBuilder {
        client.get(format!("{}/orders/{order}", self.base))
    }

    /// Reports a fact of an order, signed now. The number tells transactions apart.
    pub fn report(&self, client: &Client, order: &str, fact: Fact, number: usize) -> Result<RequestBuilder> {
        let now = i64::try_from(now()?)?;
        let mut event = self.deposit.clone();
        event["data"]["txHash"] = json!(format!("{number:#066x}"));
        event["data"]["createdAt"] = json!(now * 1000);
        match fact {
            Fact::Deposited => {}
            Fact::Executed => event["type"] = json!("order.executed"),
        }
        let body = event.to_string();
        let id = format!("checkout-order:{order}:{number:032x}");
        let signature = self.signer.sign(&id, now, body.as_bytes())?;
        let request = self.post(client, &format!("/orders/{order}/events"), body);
        Ok(request
            .header("webhook-id", id)
            .header("webhook-timestamp", now.to_string())
            .header("webhook-signature", signature))
    }

    fn post(&self, client: &Client, path: &str, body: String) -> RequestBuilder {
        client.post(format!("{}{path}", self.base)).header("content-type", "application/json").body(body)
    }
}

/// The body of an event, which API Gateway may hand on in base64.
fn body(event: &str) -> Result<String> {
    let event: Value = serde_json::from_str(event)?;
    let body = event["body"].as_str().context("an event without a body")?;
    if event["isBase64Encoded"] == true {
        return Ok(String::from_utf8(BASE64_STANDARD.decode(body)?)?);
    }
    Ok(body.to_owned())
}

/// Seconds since the epoch.
#[expect(
    clippy::disallowed_methods,
    reason = "a signature is good for minutes, by the clock of who checks it"
)]
fn now() -> Result<u64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::service::SECRET;

    fn json_of(request: RequestBuilder) -> Value {
        let request = request.build().unwrap();
        serde_json::from_slice(request.body().unwrap().as_bytes().unwrap()).unwrap()
    }

    #[test]
    fn an_order_names_its_session_and_one_by_itself_names_none() {
        let (calls, client) = (Calls::new("http://service", SECRET).unwrap(), Client::new());
        assert_eq!(json_of(calls.make_order(&client, Some("the-id")))["checkoutSessionId"], "the-id");
        assert_eq!(json_of(calls.make_order(&client, None))["checkoutSessionId"], Value::Null);
    }

    #[test]
    fn a_report_is_signed_for_its_order_and_its_body() {
        let (calls, client) = (Calls::new("http://service", SECRET).unwrap(), Client::new());
        for fact in [Fact::Deposited, Fact::Executed] {
            let request = calls.report(&client, "the-id", fact, 7).unwrap().build().unwrap();
            assert_eq!(request.url().path(), "/orders/the-id/events");
            assert!(request.headers()["webhook-id"].to_str().unwrap().starts_with("checkout-order:the-id:"));
            let body = request.body().unwrap().as_bytes().unwrap();
            Webhook::new(SECRET).unwrap().verify(body, request.headers()).unwrap();
        }
    }

    #[test]
    fn each_report_is_another_transaction() {
        let (calls, client) = (Calls::new("http://service", SECRET).unwrap(), Client::new());
        let report = |number| json_of(calls.report(&client, "the-id", Fact::Deposited, number).unwrap());
        assert_ne!(report(1)["data"]["txHash"], report(2)["data"]["txHash"]);
    }
}

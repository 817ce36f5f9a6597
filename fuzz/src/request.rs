//! Requests, as API Gateway hands them to a function.

use api::Event;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value, json};
use sha2::Sha256;

use crate::fixture::{NOW, SECRET};

/// A request to one function.
#[derive(Debug, Clone)]
pub struct Request {
    /// The function.
    pub function: String,
    /// The id in its path.
    subject: String,
    headers: Map<String, Value>,
    body: Vec<u8>,
    is_falsely_flagged: bool,
}

impl Request {
    /// A request without headers and body, about `subject` where the route has an id.
    pub fn new(function: &str, subject: &str) -> Self {
        Self {
            function: function.to_owned(),
            subject: subject.to_owned(),
            headers: Map::new(),
            body: Vec::new(),
            is_falsely_flagged: false,
        }
    }

    /// The same with this body.
    #[must_use]
    pub fn body(self, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..self }
    }

    /// The same with this header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.insert(name.to_owned(), json!(value));
        self
    }

    /// The same with the signature of its body.
    #[must_use]
    pub fn signed(self) -> Self {
        let (id, at) = ("msg_fuzz", NOW.as_seconds().to_string());
        // By hand: the specification's library signs nothing but text.
        let secret = SECRET.strip_prefix("whsec_").and_then(|secret| STANDARD.decode(secret).ok());
        let mut mac = Hmac::<Sha256>::new_from_slice(&secret.expect("a secret")).expect("a key");
        mac.update(format!("{id}.{at}.").as_bytes());
        mac.update(&self.body);
        let signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        self.header("webhook-id", id).header("webhook-timestamp", &at).header("webhook-signature", &signature)
    }

    /// The same with its body flagged as base64, which it is not.
    #[must_use]
    pub fn falsely_flagged(self) -> Self {
        Self { is_falsely_flagged: true, ..self }
    }

    /// The event; `None` where a header cannot be one.
    pub fn event(&self) -> Option<Event> {
        // What is no text comes as base64.
        let (body, is_base64_encoded) = match std::str::from_utf8(&self.body) {
            Ok(text) => (text.to_owned(), self.is_falsely_flagged),
            Err(_) => (STANDARD.encode(&self.body), true),
        };
        let event = json!({
            "version": "2.0",
            "rawPath": "/",
            "rawQueryString": "include=order",
            "headers": self.headers,
            "requestContext": {
                "http": { "method": "POST", "path": "/", "protocol": "HTTP/1.1" },
                "requestId": "fuzz",
                "stage": "$default",
                "timeEpoch": NOW.as_millis(),
            },
            // A handler takes the one that its route names.
            "pathParameters": { "sessionId": self.subject, "orderId": self.subject },
            "body": body,
            "isBase64Encoded": is_base64_encoded,
        });
        serde_json::from_value(event).ok()
    }
}

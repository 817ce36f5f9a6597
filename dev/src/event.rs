//! `cargo dev event`: the events of `events/`, for sessions and orders that exist.
//!
//! The files name sessions that do not exist, and their signature is months old. Each is turned into an event that its
//! function answers with a success: what it needs is created through the API, and a signed event is signed now.
#![expect(clippy::indexing_slicing, reason = "a JSON value is `null` where it has no such member")]

use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::api_key::ApiKey;
use serde_json::{Value, json};
use standardwebhooks::Webhook;

use crate::standing::{Service, text};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../events");
/// What `sam local invoke --env-vars` gives the functions.
const SAM_LOCAL: &str = include_str!("../sam-local.json");

/// Makes events for the service at `base`.
#[derive(Debug)]
pub struct Events {
    service: Service,
    secrets: Vec<String>,
    key: Option<String>,
}

impl Events {
    /// Events that are signed with each of `secrets`, and with the one of `dev/sam-local.json`. A signature list is valid
    /// if one of its signatures is, so the event works for a function with any of these secrets.
    pub fn new(base: impl Into<String>, secrets: impl IntoIterator<Item = String>) -> Result<Self> {
        let sam_local: Value = serde_json::from_str(SAM_LOCAL).context("dev/sam-local.json")?;
        let mut all: Vec<String> = Vec::new();
        let local = text(&sam_local["Parameters"], "PAYMENT_EVENTS_SECRET")?;
        for secrets in secrets.into_iter().chain([local]) {
            for secret in secrets.split_whitespace() {
                if !all.iter().any(|known| known == secret) {
                    all.push(secret.to_owned());
                }
            }
        }
        Ok(Self { service: Service::new(base), secrets: all, key: None })
    }

    /// Events that carry this API key, if they carry one.
    #[must_use]
    pub fn with_key(self, key: Option<String>) -> Self {
        Self { key, ..self }
    }

    /// Returns the event of a function.
    pub async fn event(&self, function: &str) -> Result<Value> {
        let mut event = file(function)?;
        let parameters = event["pathParameters"].as_object().cloned().unwrap_or_default();
        for (name, old) in parameters {
            let id = match name.as_str() {
                "sessionId" => self.new_session().await?,
                "orderId" => self.new_order().await?,
                _ => bail!("nothing is known of the path parameter `{name}`"),
            };
            address(&mut event, &name, old.as_str().unwrap_or_default(), &id);
        }
        if event["routeKey"] == "POST /orders" {
            let session = self.new_session().await?;
            set_body(&mut event, &linked_order(&session)?);
        }
        let credential = event["headers"]["authorization"].as_str().unwrap_or_default();
        if ApiKey::is_ours(credential.trim_start_matches("Bearer ")) {
            let key = self
                .key
                .as_ref()
                .context("the event needs an API key, and no running `cargo dev` has left one")?;
            event["headers"]["authorization"] = json!(format!("Bearer {key}"));
        }
        if !event["headers"]["webhook-signature"].is_null() {
            self.sign(&mut event)?;
        }
        Ok(event)
    }

    async fn new_session(&self) -> Result<String> {
        let session = self.post("checkout-sessions", &body(&file("create-checkout-session")?)?).await?;
        text(&session, "id")
    }

    async fn new_order(&self) -> Result<String> {
        let session = self.new_session().await?;
        let order = self.post("orders", &linked_order(&session)?).await?;
        text(&order, "id")
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let Service { http, base } = &self.service;
        let request = http.post(format!("{base}/{path}")).json(body);
        let response = request.send().await.with_context(|| {
            format!("no service answers at {base}; start `cargo dev`, or name its port with --port")
        })?;
        let status = response.status();
        let answer: Value = response.json().await?;
        if !status.is_success() {
            bail!("POST /{path} was refused with {status}: {}", answer["message"]);
        }
        Ok(answer["data"].clone())
    }

    /// Signs an event as its sender would do now.
    fn sign(&self, event: &mut Value) -> Result<()> {
        let now = now_millis();
        let mut fact = body(event)?;
        fact["data"]["createdAt"] = json!(now);
        set_body(event, &fact);
        let (id, timestamp) = (format!("msg_{:032x}", fastrand::u128(..)), now / 1000);
        let signed = text(event, "body")?;
        let signatures: Vec<String> = self
            .secrets
            .iter()
            .map(|secret| {
                let webhook = Webhook::new(secret).context("a secret of the order events is malformed")?;
                Ok(webhook.sign(&id, timestamp, signed.as_bytes())?)
            })
            .collect::<Result<_>>()?;
        let headers = &mut event["headers"];
        headers["webhook-id"] = json!(id);
        headers["webhook-timestamp"] = json!(timestamp.to_string());
        headers["webhook-signature"] = json!(signatures.join(" "));
        Ok(())
    }
}

/// Returns the order of the event file, linked to a session.
fn linked_order(session: &str) -> Result<Value> {
    let mut order = body(&file("create-order")?)?;
    order["checkoutSessionId"] = json!(session);
    Ok(order)
}

/// Reads the event file of a function.
fn file(function: &str) -> Result<Value> {
    let known = names()?;
    if !known.iter().any(|name| name == function) {
        bail!("there is no event `{function}`; there are: {}", known.join(", "));
    }
    let text = fs::read_to_string(Path::new(FOLDER).join(format!("{function}.json")))?;
    serde_json::from_str(&text).with_context(|| format!("events/{function}.json"))
}

/// Returns the functions that have an event file.
fn names() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(FOLDER).context("the folder events/ cannot be read")? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if let Some(name) = name.strip_suffix(".json")
            && !name.contains('.')
            && name != "expected"
        {
            names.push(name.to_owned());
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// Puts another id into the path of an event.
fn address(event: &mut Value, parameter: &str, old: &str, id: &str) {
    event["pathParameters"][parameter] = json!(id);
    let path = event["rawPath"].as_str().unwrap_or_default().replace(old, id);
    event["rawPath"] = json!(path);
    event["requestContext"]["http"]["path"] = json!(path);
}

/// Returns the body of an event.
fn body(event: &Value) -> Result<Value> {
    let encoded = text(event, "body")?;
    let bytes =
        if event["isBase64Encoded"] == true { STANDARD.decode(encoded)? } else { encoded.into_bytes() };
    Ok(serde_json::from_slice(&bytes)?)
}

/// Replaces the body of an event, in the encoding that it has.
fn set_body(event: &mut Value, body: &Value) {
    let text = body.to_string();
    event["headers"]["content-length"] = json!(text.len().to_string());
    event["body"] = json!(if event["isBase64Encoded"] == true { STANDARD.encode(text) } else { text });
}

#[expect(clippy::disallowed_methods, reason = "the sender of an event has a clock of its own")]
fn now_millis() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}

//! Webhooks about transactions: their bodies, their signatures, and how they are sent.

use std::fmt::Write as _;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue};
use chrono::{DateTime, SecondsFormat};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::Shared;
use super::request::SessionRequest;

/// The header that has the signature.
pub const SIGNATURE: &str = "x-hook0-signature";

pub(super) const CREATED: &str = "onramp.transaction.created";
pub(super) const UPDATED: &str = "onramp.transaction.updated";
pub(super) const SUCCESS: &str = "onramp.transaction.success";
pub(super) const FAILED: &str = "onramp.transaction.failed";

/// The headers that version 1 of the signature covers.
const SIGNED: [&str; 3] = ["content-type", EVENT_ID, EVENT_TYPE];
const EVENT_ID: &str = "x-event-id";
const EVENT_TYPE: &str = "x-event-type";

/// The pauses between the attempts to send a webhook.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(400)];

/// Which versions a signature has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Versions {
    /// Both, as Coinbase sends them.
    #[default]
    Both,
    /// Only `v0`, over the body.
    V0,
    /// Only `v1`, over headers and body.
    V1,
}

/// One transaction of a payer.
pub(super) struct Transaction<'a> {
    id: String,
    request: &'a SessionRequest,
    /// The amount of crypto.
    amount: &'a str,
    created_at: i64,
}

/// One webhook, not yet signed.
pub(super) struct Event {
    kind: String,
    body: Value,
}

impl<'a> Transaction<'a> {
    pub(super) fn new(request: &'a SessionRequest, amount: &'a str, created_at: i64) -> Self {
        Self { id: random_uuid(), request, amount, created_at }
    }

    /// Returns an event about this transaction. Unset members have the values that Coinbase gives them.
    pub(super) fn event(&self, kind: &str, now: i64) -> Event {
        let status = match kind {
            CREATED => "CREATED",
            SUCCESS => "SUCCESS",
            FAILED => "FAILED",
            _ => "IN_PROGRESS",
        };
        let request = self.request;
        let fiat = |value: &str| json!({"currency": request.currency(), "value": value});
        let crypto = json!({"currency": request.purchase_currency, "value": self.amount});
        let is_over = matches!(kind, SUCCESS | FAILED);
        let mut event = Event { kind: kind.to_owned(), body: json!({}) };
        event.replace(&json!({
            "eventType": kind,
            "transactionId": self.id,
            "status": format!("ONRAMP_TRANSACTION_STATUS_{status}"),
            "type": "ONRAMP_TRANSACTION_TYPE_BUY_AND_SEND",
            "userType": "USER_TYPE_AUTHED",
            "partnerUserRef": request.partner_user_ref,
            "walletAddress": request.destination_address,
            "purchaseCurrency": request.purchase_currency,
            "purchaseNetwork": request.destination_network,
            "purchaseAmount": crypto,
            "paymentMethod": match request.payment_method.as_deref() {
                Some("ACH") => "ACH_BANK_ACCOUNT",
                Some("CRYPTO_WALLET") => "CRYPTO_ACCOUNT",
                method => method.unwrap_or("CARD"),
            },
            "paymentTotal": fiat(self.amount),
            "paymentSubtotal": fiat(self.amount),
            "coinbaseFee": fiat("0"),
            "networkFee": fiat("0"),
            "exchangeRate": fiat("1"),
            "country": request.country.as_deref().unwrap_or("US"),
            "txHash": "0x",
            "failureReason": "FAILURE_REASON_UNSPECIFIED",
            "createdAt": date(self.created_at),
            "completedAt": if is_over { date(now) } else { "0001-01-01T00:00:00Z".to_owned() },
        }));
        event
    }
}

/// Returns an event about a transaction that no session had.
pub(super) fn sample(kind: &str, now: i64) -> Event {
    let request = SessionRequest {
        destination_address: "0x1111111111111111111111111111111111111111".to_owned(),
        purchase_currency: "USDC".to_owned(),
        destination_network: "base".to_owned(),
        partner_user_ref: Some("sample".to_owned()),
        ..SessionRequest::default()
    };
    Transaction::new(&request, "10", now).event(kind, now)
}

impl Event {
    /// Replaces members of the body. `null` removes one.
    pub(super) fn replace(&mut self, members: &Value) {
        let (Value::Object(body), Value::Object(members)) = (&mut self.body, members) else { return };
        for (name, value) in members {
            if value.is_null() {
                body.remove(name);
            } else {
                body.insert(name.clone(), value.clone());
            }
        }
    }

    /// Returns the headers without a signature, and the body.
    pub(super) fn into_request(self) -> (HeaderMap, String) {
        let mut headers = HeaderMap::new();
        insert(&mut headers, "content-type", "application/json");
        insert(&mut headers, EVENT_ID, &random_uuid());
        insert(&mut headers, EVENT_TYPE, &self.kind);
        (headers, self.body.to_string())
    }
}

/// Adds the signature that Coinbase makes at that time, in seconds since 1970.
pub fn sign(headers: &mut HeaderMap, body: &str, secret: &str, seconds: i64, versions: Versions) {
    let names = SIGNED.join(" ");
    let values =
        SIGNED.map(|name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default());
    let v0 = hmac(secret, &format!("{seconds}.{body}"));
    let v1 = hmac(secret, &format!("{seconds}.{names}.{}.{body}", values.join(".")));
    let signature = match versions {
        Versions::Both => format!("t={seconds},v0={v0},h={names},v1={v1}"),
        Versions::V0 => format!("t={seconds},v0={v0}"),
        Versions::V1 => format!("t={seconds},h={names},v1={v1}"),
    };
    insert(headers, SIGNATURE, &signature);
}

impl Shared {
    /// Sends an event, or gives up after three attempts. A subscription has one secret, so each secret stands for a
    /// subscription and gets its own request, as during a rotation.
    pub(super) async fn report(&self, event: Event) {
        let (target, versions) = {
            let state = self.state();
            (state.webhook.clone(), state.versions)
        };
        let Some(target) = target else { return };
        let (headers, body) = event.into_request();
        for secret in &target.secrets {
            let mut headers = headers.clone();
            sign(&mut headers, &body, secret, self.now().div_euclid(1000), versions);
            self.send(&target.url, headers, &body).await;
        }
    }

    #[expect(clippy::print_stderr, reason = "the terminal shows why no webhook arrives")]
    async fn send(&self, url: &str, headers: HeaderMap, body: &str) {
        let mut pauses = PAUSES.into_iter();
        loop {
            let request = self.http.post(url).headers(headers.clone()).body(body.to_owned());
            match request.send().await.and_then(reqwest::Response::error_for_status) {
                Ok(_) => return,
                Err(error) => eprintln!("coinbase double: webhook failed: {error}"),
            }
            let Some(pause) = pauses.next() else { return };
            tokio::time::sleep(pause).await;
        }
    }
}

fn insert(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// Returns HMAC-SHA256 in hexadecimal. The secret is text, not decoded.
fn hmac(secret: &str, message: &str) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(message.as_bytes());
    mac.finalize().into_bytes().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn random_uuid() -> String {
    uuid::Builder::from_random_bytes(fastrand::u128(..).to_be_bytes()).into_uuid().to_string()
}

fn date(milliseconds: i64) -> String {
    let date = DateTime::from_timestamp_millis(milliseconds).unwrap_or_default();
    date.to_rfc3339_opts(SecondsFormat::Secs, true)
}

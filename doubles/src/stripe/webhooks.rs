//! Signed webhooks.

use std::fmt::Write as _;
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::Shared;

const TRIES: u32 = 3;

/// Returns the signature header of a body: one `v1` for each secret.
pub fn sign(body: &str, secrets: &[String], seconds: i64) -> String {
    let signatures = secrets.iter().filter_map(|secret| {
        // The whole text of the secret is the key, `whsec_` included.
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?;
        mac.update(format!("{seconds}.{body}").as_bytes());
        let mut text = String::from(",v1=");
        for byte in mac.finalize().into_bytes() {
            let _ = write!(text, "{byte:02x}");
        }
        Some(text)
    });
    format!("t={seconds}{}", signatures.collect::<String>())
}

/// Returns a signed event: the header and the body.
pub(super) fn event(shared: &Shared, kind: &str, object: &Value) -> (String, String) {
    let mut state = shared.state();
    let id = state.id("evt");
    let secrets = state.webhook.as_ref().map(|target| target.secrets.clone()).unwrap_or_default();
    drop(state);
    let now = shared.now_seconds();
    let body = json!({
        "id": id, "object": "event", "type": kind, "created": now, "livemode": false, "data": { "object": object },
    });
    let body = body.to_string();
    (sign(&body, &secrets, now), body)
}

/// Sends an event, and tries again if it is not taken.
#[expect(clippy::print_stderr, reason = "the terminal shows what a double cannot deliver")]
pub(super) async fn send(shared: &Shared, kind: &str, object: &Value) {
    let Some(target) = shared.state().webhook.clone() else { return };
    let (signature, body) = event(shared, kind, object);
    for attempt in 0..TRIES {
        let request = shared.http.post(&target.url).header("stripe-signature", &signature);
        let sent = request.header("content-type", "application/json").body(body.clone()).send().await;
        if sent.is_ok_and(|response| response.status().is_success()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50) * 2_u32.pow(attempt)).await;
    }
    eprintln!("the webhook {kind} was not taken by {}", target.url);
}

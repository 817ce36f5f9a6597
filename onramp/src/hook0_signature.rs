//! The signatures of Coinbase's webhooks: `X-Hook0-Signature: t=<seconds>,v0=<hex>,h=<names>,v1=<hex>`. Version 0 covers the
//! body, version 1 the named headers, too. Either is enough.

use domain::time::Timestamp;
use ring::hmac;

use crate::webhook::{WebhookRefusal, bytes_of, is_recent};

/// Verifies the signature of a webhook with one of these secrets. `header` returns the value of a header.
pub fn verify<'a>(
    signature: &str,
    body: &[u8],
    header: impl Fn(&str) -> Option<&'a str>,
    secrets: &[String],
    now: Timestamp,
) -> Result<(), WebhookRefusal> {
    let part = |name: &str| {
        signature
            .split(',')
            .filter_map(|part| part.trim().split_once('='))
            .find_map(|(given, value)| (given == name).then_some(value))
    };
    let time = part("t").ok_or(WebhookRefusal::Invalid)?;
    let mut signed = Vec::new();
    if let Some(given) = part("v0").and_then(bytes_of) {
        signed.push((given, [time.as_bytes(), b".", body].concat()));
    }
    if let (Some(names), Some(given)) = (part("h"), part("v1").and_then(bytes_of)) {
        let values: Option<Vec<&str>> = names.split(' ').map(&header).collect();
        // A header that was named and is not there was taken away.
        let values = values.ok_or(WebhookRefusal::Invalid)?.join(".");
        let head = format!("{time}.{names}.{values}.");
        signed.push((given, [head.as_bytes(), body].concat()));
    }
    let is_signed = secrets.iter().any(|secret| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        // `ring` compares in constant time.
        signed.iter().any(|(given, text)| hmac::verify(&key, text, given).is_ok())
    });
    if is_signed { is_recent(time, now) } else { Err(WebhookRefusal::Invalid) }
}

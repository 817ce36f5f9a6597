//! The headers of a signature: none is accepted that does not hold a signature which the
//! specification's own library makes too, and none is refused that does.
//!
//! The input's lines are `webhook-id`, `webhook-timestamp`, `webhook-signature` and the body.
//! A fuzzer never guesses an HMAC, so words in braces stand for good signatures; two more stand for
//! much of the same, so that a check whose time grows with header *and* body runs into the
//! fuzzer's time limit.

#![no_main]

use api::{Request as Received, verify_signature};
use fuzz::{NOW, Request, SECRET};
use libfuzzer_sys::{Corpus, fuzz_target};
use runtime::SigningSecrets;
use standardwebhooks::Webhook;

/// A secret that is being rotated out: known as well.
const ROTATED: &str = "whsec_YW5vdGhlci1zZWNyZXQtb2YtdGhlLXNhbWUtbGVuZ3Ro";
/// Another service's secret.
const STRANGER: &str = "whsec_c29tZWJvZHktZWxzZXMtc2VjcmV0LWVudGlyZWx5";
const TOLERANCE_SECONDS: u64 = 300;

fuzz_target!(|input: &[u8]| -> Corpus {
    let mut lines = input.splitn(4, |byte| *byte == b'\n');
    let mut line = || lines.next().unwrap_or_default();
    let [Some(id), Some(timestamp), Some(signatures)] = [line(), line(), line()].map(text) else {
        return Corpus::Reject;
    };
    let body = body(line());
    let good = |secret: &str| sign(secret, id, timestamp, &body);
    let mut signatures = signatures.to_owned();
    for (word, secret) in [("{GOOD}", SECRET), ("{ROTATED}", ROTATED), ("{STRANGER}", STRANGER)] {
        signatures = signatures.replace(word, &good(secret).unwrap_or_default());
    }
    signatures = signatures.replacen("{MANY}", &"v1, ".repeat(32 * 1024), 1);

    let event = Request::new("record-order-event", "")
        .header("webhook-id", id)
        .header("webhook-timestamp", timestamp)
        .header("webhook-signature", &signatures)
        .body(body.clone())
        .event();
    let Some(event) = event else {
        return Corpus::Reject;
    };
    let secrets = SigningSecrets::parse(&format!("{SECRET} {ROTATED}")).expect("secrets");
    let is_accepted = verify_signature(&Received::from(event), &secrets, NOW).is_ok();

    let good: Vec<String> = [SECRET, ROTATED].into_iter().filter_map(good).collect();
    let holds = |wanted: fn(&str, &str) -> bool| {
        signatures.split(' ').any(|part| good.iter().any(|good| wanted(part, good)))
    };
    let is_fresh = timestamp
        .parse::<i64>()
        .is_ok_and(|signed_at| NOW.as_seconds().abs_diff(signed_at) <= TOLERANCE_SECONDS);
    if is_accepted {
        assert!(is_fresh && holds(|part, good| part.trim_end_matches('=') == good.trim_end_matches('=')));
    } else {
        assert!(!is_fresh || id.is_empty() || !holds(|part, good| part == good), "a good one is refused");
    }
    Corpus::Keep
});

/// The signature that the specification's library makes, `v1,` included. It signs whole seconds
/// only: a signature of another timestamp cannot exist.
fn sign(secret: &str, id: &str, timestamp: &str, body: &[u8]) -> Option<String> {
    let seconds: i64 = timestamp.parse().ok()?;
    let is_canonical = seconds.to_string() == timestamp;
    let webhook = is_canonical.then(|| Webhook::new(secret))?.expect("a secret");
    webhook.sign(id, seconds, body).ok()
}

fn text(line: &[u8]) -> Option<&str> {
    std::str::from_utf8(line).ok()
}

/// The body; after `{LONG}` a quarter of a megabyte follows.
fn body(line: &[u8]) -> Vec<u8> {
    match line.strip_prefix(b"{LONG}") {
        Some(rest) => [rest, &vec![b' '; 255 * 1024]].concat(),
        None => line.to_vec(),
    }
}

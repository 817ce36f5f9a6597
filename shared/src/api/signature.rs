//! Signatures of payment events, as in the Standard Webhooks specification 1.0.0.
//!
//! The `standardwebhooks` crate reads the machine's clock itself, which no test can set, so
//! verification stands here on RustCrypto's HMAC; the tests and the local payment simulator
//! sign with that crate, which proves that the two agree.

use std::fmt;

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::id::OrderId;
use crate::invalid::Invalid;
use crate::time::Timestamp;

use super::{ErrorCode, Failure, Request};

/// How far a signature's time may be from ours, in seconds, before and after.
const TOLERANCE_SECONDS: i64 = 5 * 60;

/// The specification's headers, each with the name that Svix gives it.
const ID: [&str; 2] = ["webhook-id", "svix-id"];
const TIMESTAMP: [&str; 2] = ["webhook-timestamp", "svix-timestamp"];
const SIGNATURE: [&str; 2] = ["webhook-signature", "svix-signature"];

/// How the id of a message begins that is good for one order alone. It names this service, so that no other
/// sender's ids begin with it by accident: to the specification an id is opaque.
const BINDING: &str = "checkout-order:";

/// Base64 with or without padding: both are in use among signers.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The secrets with which payment events are signed: one, or several while one is rotated
/// out.
#[derive(Clone)]
pub struct SigningSecrets(Vec<Hmac<Sha256>>);

impl SigningSecrets {
    /// Reads `whsec_<base64>` secrets, separated by spaces.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let secrets: Option<Vec<_>> = text.split_whitespace().map(parse_secret).collect();
        match secrets {
            Some(secrets) if !secrets.is_empty() => Ok(Self(secrets)),
            Some(_) | None => Err(Invalid::expected("one or several `whsec_<base64>`, separated by spaces")),
        }
    }

    /// Checks a request's signature, before anything else is believed of it.
    pub fn verify(&self, request: &Request, now: Timestamp) -> Result<(), Failure> {
        let header = |names: [&'static str; 2]| {
            webhook_header(request, names).ok_or_else(|| {
                let [name, _] = names;
                Failure::new(ErrorCode::SignatureMissing, format!("The header {name} is missing")).about(name)
            })
        };
        let id = header(ID)?;
        let timestamp = header(TIMESTAMP)?;
        let signatures = header(SIGNATURE)?;
        let body = request.body()?;

        let signed = self.sign(id, timestamp, body);
        if !signatures.split(' ').any(|signature| matches(signature, &signed)) {
            return Err(
                Failure::new(ErrorCode::SignatureInvalid, "No signature matches").about("webhook-signature")
            );
        }
        let is_fresh = timestamp
            .parse::<i64>()
            .is_ok_and(|signed_at| now.as_seconds().abs_diff(signed_at) <= TOLERANCE_SECONDS.unsigned_abs());
        if !is_fresh {
            return Err(Failure::new(
                ErrorCode::SignatureExpired,
                "The signature is more than five minutes off, or its time is no number of epoch seconds",
            )
            .about("webhook-timestamp"));
        }
        Ok(())
    }

    /// What a signature must match, by each of our secrets. The body is read once for each,
    /// however many signatures the header holds: with one pass for each of these, a long
    /// header and a long body would cost a stranger nothing and us seconds.
    fn sign(&self, id: &str, timestamp: &str, body: &[u8]) -> Vec<Hmac<Sha256>> {
        let mut signed = self.0.clone();
        for mac in &mut signed {
            for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
                mac.update(part);
            }
        }
        signed
    }
}

/// Whether one `v1,<base64>` was made with one of our secrets. The comparison takes the same
/// time wherever the signatures differ.
fn matches(signature: &str, signed: &[Hmac<Sha256>]) -> bool {
    let Some(signature) = signature.strip_prefix("v1,").and_then(|text| BASE64.decode(text).ok()) else {
        return false;
    };
    signed.iter().any(|mac| mac.clone().verify_slice(&signature).is_ok())
}

/// Refuses a message that was signed for another order.
///
/// The signature covers the message's id, its time and its body, but no path: whoever holds one could
/// send it on to another order. A sender excludes that by an id that names the order,
/// `checkout-order:<order id>:<anything unique>`. An id that begins like that and names no order is refused
/// as well: its sender meant to bind it.
pub fn signed_for(request: &Request, order: OrderId) -> Result<(), Failure> {
    let Some(bound) = webhook_header(request, ID).and_then(|id| id.strip_prefix(BINDING)) else {
        return Ok(());
    };
    let named = bound.split(':').next().and_then(OrderId::parse);
    if named == Some(order) {
        return Ok(());
    }
    Err(Failure::new(ErrorCode::SignatureInvalid, "The message was signed for another order")
        .about("webhook-id"))
}

/// The value of a header under either of its names.
fn webhook_header<'a>(request: &'a Request, names: [&str; 2]) -> Option<&'a str> {
    names.into_iter().filter_map(|name| request.header(name)).find(|value| !value.is_empty())
}

fn parse_secret(text: &str) -> Option<Hmac<Sha256>> {
    let secret = BASE64.decode(text.strip_prefix("whsec_")?).ok()?;
    if secret.is_empty() {
        return None;
    }
    Hmac::new_from_slice(&secret).ok()
}

impl fmt::Debug for SigningSecrets {
    /// Without the secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningSecrets({})", self.0.len())
    }
}

//! Signatures of webhooks, as in the Standard Webhooks specification 1.0.0: `v1,<base64 of HMAC-SHA256>` over
//! `<id>.<timestamp>.<body>`.
//!
//! The `standardwebhooks` crate reads the machine's clock itself, so no test could set the time. This module therefore
//! stands on RustCrypto's HMAC. The tests and the local payment simulator sign with that crate, which proves that the two
//! agree.

use std::fmt;

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use domain::invalid::Invalid;
use domain::time::Timestamp;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// How far a signature's time may be from ours, in seconds, before and after.
const TOLERANCE_SECONDS: u64 = 5 * 60;

/// Base64 with or without padding: both are in use among signers.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a signature covers.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// The header `webhook-id`.
    pub id: &'a str,
    /// The header `webhook-timestamp`: seconds since the epoch.
    pub timestamp: &'a str,
    /// The body, byte for byte.
    pub body: &'a [u8],
}

/// Why a signature is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// No signature was made with one of the secrets.
    #[error("no signature matches")]
    NoMatch,
    /// The timestamp is too far from our clock, or is no number.
    #[error("the signature is more than five minutes off")]
    Expired,
}

/// The secrets that sign a message: one, or several during a rotation.
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

    /// Returns the value of the header `webhook-signature`: one signature for each secret, separated by spaces. A receiver
    /// accepts the message if one of them matches, so a rotation needs no coordination.
    pub fn sign(&self, message: Message<'_>) -> String {
        let signatures = self.macs(message).into_iter();
        let signatures: Vec<_> =
            signatures.map(|mac| format!("v1,{}", BASE64.encode(mac.finalize().into_bytes()))).collect();
        signatures.join(" ")
    }

    /// Checks the header `webhook-signature` of a message. The caller believes nothing of the message before.
    pub fn verify(
        &self,
        message: Message<'_>,
        signatures: &str,
        now: Timestamp,
    ) -> Result<(), SignatureError> {
        let macs = self.macs(message);
        if !signatures.split(' ').any(|signature| matches(signature, &macs)) {
            return Err(SignatureError::NoMatch);
        }
        let signed_at = message.timestamp.parse::<i64>();
        let is_fresh =
            signed_at.is_ok_and(|signed_at| now.as_seconds().abs_diff(signed_at) <= TOLERANCE_SECONDS);
        if is_fresh { Ok(()) } else { Err(SignatureError::Expired) }
    }

    /// Returns the message's code by each secret. The body is read once for each secret, however many signatures the
    /// header contains. With one pass for each signature, a long header and a long body would cost the sender nothing and
    /// the function seconds.
    fn macs(&self, message: Message<'_>) -> Vec<Hmac<Sha256>> {
        let mut macs = self.0.clone();
        for mac in &mut macs {
            for part in [message.id.as_bytes(), b".", message.timestamp.as_bytes(), b".", message.body] {
                mac.update(part);
            }
        }
        macs
    }
}

/// Returns whether one `v1,<base64>` was made with one of the secrets. The comparison takes the same time wherever the
/// signatures differ.
fn matches(signature: &str, macs: &[Hmac<Sha256>]) -> bool {
    let Some(signature) = signature.strip_prefix("v1,").and_then(|text| BASE64.decode(text).ok()) else {
        return false;
    };
    macs.iter().any(|mac| mac.clone().verify_slice(&signature).is_ok())
}

fn parse_secret(text: &str) -> Option<Hmac<Sha256>> {
    let secret = BASE64.decode(text.strip_prefix("whsec_")?).ok()?;
    if secret.is_empty() {
        return None;
    }
    Hmac::new_from_slice(&secret).ok()
}

impl fmt::Debug for SigningSecrets {
    /// Shows the number of secrets, never a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningSecrets({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use standardwebhooks::Webhook;

    use super::*;

    const OLD: &str = "whsec_Y2hlY2tvdXQtc2Vzc2lvbnMtb2xkLXNlY3JldC0x";
    const NEW: &str = "whsec_Y2hlY2tvdXQtc2Vzc2lvbnMtbmV3LXNlY3JldC0y";
    const MESSAGE: Message<'_> = Message { id: "msg_1", timestamp: "1800000000", body: b"{\"a\":1}" };

    #[test]
    fn signatures_equal_those_of_the_reference_library() {
        let both = SigningSecrets::parse(&format!("{OLD} {NEW}")).unwrap().sign(MESSAGE);
        let expected: Vec<String> = [OLD, NEW]
            .map(|secret| Webhook::new(secret).unwrap().sign("msg_1", 1_800_000_000, MESSAGE.body).unwrap())
            .into();
        assert_eq!(both, expected.join(" "));
    }

    #[test]
    fn a_message_signed_during_a_rotation_is_accepted_by_receivers_with_either_secret() {
        let now = Timestamp::from_millis(1_800_000_000_000);
        let both = SigningSecrets::parse(&format!("{OLD} {NEW}")).unwrap().sign(MESSAGE);
        for secret in [OLD, NEW] {
            let receiver = SigningSecrets::parse(secret).unwrap();
            assert_eq!(receiver.verify(MESSAGE, &both, now), Ok(()));
            let altered = Message { body: b"{}", ..MESSAGE };
            assert_eq!(receiver.verify(altered, &both, now), Err(SignatureError::NoMatch));
        }
    }
}

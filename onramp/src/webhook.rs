//! What the signatures of all vendors' webhooks have in common.

use domain::time::Timestamp;

/// How old or how far ahead a signature may be, in seconds.
const TOLERANCE: u64 = 300;

/// Why a webhook is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookRefusal {
    /// It is not signed in any known way.
    Invalid,
    /// It was signed too long ago, or too far ahead.
    Expired,
}

/// Refuses a time that is too far from now.
pub(crate) fn is_recent(seconds: &str, now: Timestamp) -> Result<(), WebhookRefusal> {
    let time: i64 = seconds.parse().map_err(|_| WebhookRefusal::Invalid)?;
    if now.as_seconds().abs_diff(time) > TOLERANCE { Err(WebhookRefusal::Expired) } else { Ok(()) }
}

/// Reads hex digits.
pub(crate) fn bytes_of(hex: &str) -> Option<Vec<u8>> {
    let digits = hex.as_bytes().chunks_exact(2);
    if !digits.remainder().is_empty() || hex.len() > 128 {
        return None;
    }
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

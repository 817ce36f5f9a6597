//! Why a vendor opens no payment.

use http_client::HttpError;

/// Why a vendor opens no payment. No text contains a secret, a URL or what identifies the payer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OnrampError {
    /// The vendor refuses this purchase or this payer, and says the same however often it is asked.
    #[error("the vendor refuses the payment: {0}")]
    Refused(String),
    /// The operator has to act: a wrong key, an address that is not allowed, a response that is not documented.
    #[error("the vendor cannot be used as it is set up: {0}")]
    Misconfigured(String),
    /// The vendor does not respond, or says that it cannot now.
    #[error("the vendor is unavailable: {0}")]
    Unavailable(String),
}

impl From<HttpError> for OnrampError {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::Unreachable | HttpError::BrokenOff | HttpError::TimedOut => {
                Self::Unavailable(error.to_string())
            }
            HttpError::TooLarge => Self::Misconfigured(error.to_string()),
        }
    }
}

/// Returns whether a text is one of a vendor's own words, such as `card_declined`. Any other text of a vendor could repeat
/// what it was sent.
pub fn is_word(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    (1..=64).contains(&text.len()) && text.bytes().all(is_allowed)
}

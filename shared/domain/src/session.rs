//! Checkout sessions: what a merchant opens.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::display::Display;
use crate::id::SessionId;
use crate::invalid::Invalid;
use crate::json_object::JsonObject;
use crate::merchant::Merchant;
use crate::pricing::Pricing;
use crate::redirect::RedirectUrl;
use crate::text::Text;
use crate::time::Timestamp;

/// A checkout session's unchanging facts (docs/api.md, *Create a session*). What
/// happens to it later is kept beside them, in [`Checkout`](crate::lifecycle::Checkout).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckoutSession {
    /// Its id. The holder may read and expire the session.
    pub id: SessionId,
    /// What the merchant asked for.
    #[serde(flatten)]
    pub terms: SessionTerms,
    /// Whose session it is; `None` if it was opened without an API key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merchant: Option<MerchantTerms>,
    /// When it was opened.
    pub created_at: Timestamp,
}

/// What a merchant may say about a new session; every part is optional.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionTerms {
    /// Where the payer goes after paying.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub success_url: Option<RedirectUrl>,
    /// Where the payer goes after giving up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancel_url: Option<RedirectUrl>,
    /// The merchant's own data.
    pub metadata: JsonObject,
    /// The merchant's own name for the session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_reference_id: Option<Text<255>>,
}

/// What a session has that was opened with a secret API key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MerchantTerms {
    /// Whose session it is.
    pub name: Merchant,
    /// What is to be paid, and to whom. An order can link to a priced session only if it pays the price.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pricing: Option<Pricing>,
    /// What a checkout page shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display: Option<Display>,
    /// The merchant's own data that only its keys are shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private_metadata: Option<JsonObject>,
}

impl CheckoutSession {
    /// Returns the session's price; `None` if it has none.
    pub fn pricing(&self) -> Option<&Pricing> {
        self.merchant.as_ref()?.pricing.as_ref()
    }
}

/// How long a session stays open: 300 to 86,400 seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpiresIn(Duration);

impl ExpiresIn {
    /// The time where a merchant names none: 30 minutes.
    pub const DEFAULT: Self = Self(Duration::from_mins(30));

    /// Reads a number of seconds.
    pub fn parse(seconds: u64) -> Result<Self, Invalid> {
        if (300..=86_400).contains(&seconds) {
            Ok(Self(Duration::from_secs(seconds)))
        } else {
            Err(Invalid::expected("an integer number of seconds from 300 to 86400"))
        }
    }

    /// The time as a duration.
    pub const fn as_duration(self) -> Duration {
        self.0
    }
}

/// Where a session stands (docs/api.md, *The API*). It is computed at every read and
/// stored nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionStatus {
    /// An order may link and be paid.
    Open,
    /// Deposits covered the order in time; its execution is awaited.
    Processing,
    /// The order was executed. Terminal.
    Complete,
    /// The deadline passed, the merchant expired it, or the payment failed. Terminal.
    Expired,
}

impl SessionStatus {
    /// Whether nothing can move the session any more.
    pub const fn is_terminal(self) -> bool {
        match self {
            Self::Complete | Self::Expired => true,
            Self::Open | Self::Processing => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_lives_five_minutes_to_a_day() {
        assert!(ExpiresIn::parse(299).is_err());
        assert!(ExpiresIn::parse(300).is_ok());
        assert!(ExpiresIn::parse(86_400).is_ok());
        assert!(ExpiresIn::parse(86_401).is_err());
    }
}

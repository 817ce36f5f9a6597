//! Paying with a card or a bank: how an order names the provider that turns fiat money
//! into its deposit.

use serde::{Deserialize, Serialize};

use crate::invalid::Invalid;
use crate::redirect::RedirectUrl;
use crate::text::Text;
use crate::time::Timestamp;

/// Who turns fiat money into the order's deposit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnrampVendor {
    /// Coinbase Onramp.
    Coinbase,
    /// Stripe's crypto onramp.
    Stripe,
    /// A Stripe card payment; its order waits for Stripe before it watches for deposits.
    StripeWeb2,
    /// `MoonPay`.
    Moonpay,
    /// No vendor: the payer sends crypto.
    None,
}

impl Onramp {
    /// Whether a provider must be configured for it.
    pub fn needs_provider(&self) -> bool {
        match self.vendor {
            OnrampVendor::Coinbase
            | OnrampVendor::Stripe
            | OnrampVendor::StripeWeb2
            | OnrampVendor::Moonpay => true,
            OnrampVendor::None => false,
        }
    }
}

impl OnrampVendor {
    /// Reads a vendor's name.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        match text {
            "coinbase" => Ok(Self::Coinbase),
            "stripe" => Ok(Self::Stripe),
            "stripe-web2" => Ok(Self::StripeWeb2),
            "moonpay" => Ok(Self::Moonpay),
            "none" => Ok(Self::None),
            _ => Err(Invalid::expected("one of: coinbase, stripe, stripe-web2, moonpay, none")),
        }
    }
}

/// What a vendor said of a purchase. It is shown, and decides nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VendorReport {
    /// Who says it.
    pub vendor: OnrampVendor,
    /// The vendor's id of the purchase.
    pub transaction: Text<255>,
    /// How far it is.
    pub status: VendorStatus,
    /// The same as a number that grows: reports may come in any order.
    pub progress: u8,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text<255>>,
    /// When the purchase began, by the vendor's clock.
    pub started_at: Timestamp,
    /// When the vendor said so.
    pub updated_at: Timestamp,
}

/// How far a purchase is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VendorStatus {
    /// It has begun.
    Created,
    /// The vendor is at it.
    InProgress,
    /// It failed. The vendor gives the payer's money back.
    Failed,
    /// The vendor says that it has sent the crypto.
    Succeeded,
}

impl VendorStatus {
    /// Returns a number that grows as a purchase goes on.
    pub const fn progress(self) -> u8 {
        match self {
            Self::Created => 0,
            Self::InProgress => 1,
            Self::Failed => 2,
            Self::Succeeded => 3,
        }
    }
}

/// The `onramp` of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Onramp {
    /// Who provides it.
    pub vendor: OnrampVendor,
    /// How the payer pays the vendor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_method: Option<Text<255>>,
    /// The payer's country.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<Text<255>>,
    /// Where the vendor sends the payer back to. A linked order's session says that instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect_url: Option<RedirectUrl>,
    /// What a card is charged for the order, in hundredths of the currency; of card payments only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cents: Option<u64>,
}

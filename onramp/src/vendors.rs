//! The vendors of a deployment.

use std::io;
use std::time::Duration;

use domain::onramp::OnrampVendor;
use domain::time::Timestamp;
use http_client::HttpsClient;
use url::Url;

use crate::{Coinbase, MoonPay, OnrampError, Purchase, StripeOnramp};

/// A vendor that is set up.
#[derive(Debug, Clone)]
pub enum Vendor {
    /// Coinbase Onramp.
    Coinbase(Box<Coinbase>),
    /// `MoonPay`.
    MoonPay(MoonPay),
    /// Stripe's crypto onramp.
    Stripe(Box<StripeOnramp>),
}

impl Vendor {
    /// Returns the address of a vendor's page on which the payer buys what is due.
    pub async fn open(&self, purchase: &Purchase<'_>, now: Timestamp) -> Result<Url, OnrampError> {
        match self {
            Self::Coinbase(coinbase) => coinbase.open(purchase, now).await,
            Self::MoonPay(moonpay) => moonpay.open(purchase),
            Self::Stripe(stripe) => stripe.open(purchase).await,
        }
    }

    /// Returns how long a purchase takes at least, until its crypto arrives.
    pub const fn needed_time(&self) -> Duration {
        match self {
            Self::Coinbase(_) | Self::MoonPay(_) | Self::Stripe(_) => Duration::from_mins(5),
        }
    }

    /// Returns what the vendor calls itself.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Coinbase(_) => "Coinbase",
            Self::MoonPay(_) => "MoonPay",
            Self::Stripe(_) => "Stripe",
        }
    }

    fn kind(&self) -> OnrampVendor {
        match self {
            Self::Coinbase(_) => OnrampVendor::Coinbase,
            Self::MoonPay(_) => OnrampVendor::Moonpay,
            Self::Stripe(_) => OnrampVendor::Stripe,
        }
    }
}

/// The vendors of a deployment.
#[derive(Debug, Clone, Default)]
pub struct Vendors(Vec<Vendor>);

impl Vendors {
    /// Returns vendors, each set up once.
    pub const fn new(vendors: Vec<Vendor>) -> Self {
        Self(vendors)
    }

    /// Returns a vendor, if it is set up.
    pub fn get(&self, vendor: OnrampVendor) -> Option<&Vendor> {
        self.0.iter().find(|set_up| set_up.kind() == vendor)
    }

    /// Returns the client by which vendors are called. Fails if the system has no certificates.
    pub fn http_client() -> io::Result<HttpsClient> {
        HttpsClient::new(crate::coinbase::LIMITS)
    }
}

//! `MoonPay`: a signed address of its page. No call is made.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::invalid::Invalid;
use ring::hmac;
use serde::Deserialize;
use url::Url;
use url::form_urlencoded::Serializer;

use crate::vendor_page::VendorPages;
use crate::{OnrampError, Purchase};

const LIVE: &str = "https://buy.moonpay.com";
const SANDBOX: &str = "https://buy-sandbox.moonpay.com";
const PAGES: VendorPages = VendorPages::Hosts(&["buy.moonpay.com", "buy-sandbox.moonpay.com"]);
const LONGEST_RETURN_URL: usize = 2_048;

/// The keys of a `MoonPay` account, as Secrets Manager holds them.
#[derive(Clone, Deserialize)]
pub struct MoonPaySecret {
    key: String,
    secret: String,
}

impl MoonPaySecret {
    /// Reads the JSON text.
    pub fn parse(json: &str) -> Result<Self, Invalid> {
        let invalid = || Invalid::expected(r#"JSON such as {"key": "pk_…", "secret": "sk_…"}"#);
        let secret: Self = serde_json::from_str(json).map_err(|_| invalid())?;
        if secret.key.starts_with("pk_") && secret.secret.starts_with("sk_") {
            Ok(secret)
        } else {
            Err(invalid())
        }
    }
}

impl fmt::Debug for MoonPaySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MoonPaySecret(hidden)")
    }
}

/// A `MoonPay` account.
#[derive(Debug, Clone)]
pub struct MoonPay {
    secret: MoonPaySecret,
    origin: &'static str,
}

impl MoonPay {
    /// Opens an account; in the sandbox nothing is bought.
    pub fn new(secret: MoonPaySecret, is_sandbox: bool) -> Self {
        Self { secret, origin: if is_sandbox { SANDBOX } else { LIVE } }
    }

    /// Returns the address of a page that shows this purchase. The signature locks the wallet's address.
    pub(crate) fn open(&self, purchase: &Purchase<'_>) -> Result<Url, OnrampError> {
        let mut query = Serializer::new(String::new());
        query
            .append_pair("apiKey", &self.secret.key)
            .append_pair("currencyCode", purchase.asset.network)
            .append_pair("walletAddress", purchase.address)
            .append_pair("baseCurrencyCode", &purchase.asset.currency.as_str().to_lowercase())
            .append_pair("quoteCurrencyAmount", &purchase.amount)
            .append_pair("externalTransactionId", &purchase.order.to_string());
        if let Some(url) = purchase.return_url_within(LONGEST_RETURN_URL) {
            query.append_pair("redirectURL", url);
        }
        let query = format!("?{}", query.finish());
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.secret.secret.as_bytes());
        let signature = STANDARD.encode(hmac::sign(&key, query.as_bytes()));
        let signature = Serializer::new(String::new()).append_pair("signature", &signature).finish();
        PAGES.check(&format!("{}{query}&{signature}", self.origin))
    }
}

//! Stripe's crypto onramp, a public preview: the payer buys the crypto from Stripe.
//!
//! Each visit creates an onramp session, as at Coinbase. A session could be used again while it is `initialized`, but only
//! with a call that reads its status first, and with an item that holds it. Creating one is free, an unused one ends by
//! itself, and the chain decides what was paid. For the same reason a call needs no idempotency key.
//!
//! The session locks network, token and wallet. The payer can change the amount: what arrives then counts as short or as
//! excess. The API has no return URL for its own page, so the payer finds the way back alone.

use domain::invalid::Invalid;
use http_client::HttpsClient;
use hyper::Method;
use url::Url;

use crate::stripe::{ORDER_ID, text};
use crate::vendor_page::VendorPages;
use crate::{OnrampError, Purchase, Stripe, StripeError, StripeSecret};

/// The version of the preview that this code was written for. Other versions do not have the calls.
pub const VERSION: &str = "2026-10-14.preview";
const PATH: &str = "/v1/crypto/onramp_sessions";
const PAGES: VendorPages = VendorPages::Hosts(&["crypto.link.com"]);
/// The parameter that names a wallet on a network. It is not always the network's own name.
const WALLETS: [(&str, &str); 1] = [("base", "wallet_addresses[base_network]")];

/// A Stripe account that may sell crypto.
#[derive(Debug, Clone)]
pub struct StripeOnramp(Stripe);

impl StripeOnramp {
    /// Opens an account. The key decides whether anything is bought, so the sandbox refuses a key that buys.
    pub fn new(http: HttpsClient, secret: StripeSecret, is_sandbox: bool) -> Result<Self, Invalid> {
        if is_sandbox && !secret.is_test() {
            return Err(Invalid::expected(
                "a key of Stripe's sandbox, `rk_test_…`, if the vendors sell nothing",
            ));
        }
        Ok(Self(Stripe::with(http, secret, VERSION, PAGES)))
    }

    /// Opens a double of the service at this origin, for tests and the local run.
    #[must_use]
    pub fn at(self, origin: &str) -> Self {
        Self(self.0.at(origin))
    }

    /// Creates a page for one visit.
    pub(crate) async fn open(&self, purchase: &Purchase<'_>) -> Result<Url, OnrampError> {
        let network = purchase.asset.network;
        let wallet = WALLETS.iter().find_map(|(name, wallet)| (*name == network).then_some(*wallet));
        let unknown = || OnrampError::Misconfigured(format!("no wallet is known on {network}"));
        let order_parameter = format!("metadata[{ORDER_ID}]");
        let (order, payer) = (purchase.order.to_string(), purchase.payer.map(|address| address.to_string()));
        let (token, currency) =
            (purchase.asset.symbol.to_lowercase(), purchase.asset.currency.as_str().to_lowercase());
        let mut form = vec![
            (wallet.ok_or_else(unknown)?, purchase.address),
            ("lock_wallet_address", "true"),
            // The lists are what the payer may choose from, the others what is chosen at first.
            ("destination_networks[0]", network),
            ("destination_network", network),
            ("destination_currencies[0]", &token),
            ("destination_currency", &token),
            // Without the fees, which the payer pays on top.
            ("destination_amount", &purchase.amount),
            ("source_currency", &currency),
            ("settlement_speed", "instant"),
            (&order_parameter, &order),
        ];
        // By it Stripe refuses payers of regions in which it sells nothing, before they begin.
        form.extend(payer.as_deref().map(|address| ("customer_ip_address", address)));
        let created = self.0.call(Method::POST, PATH, &form, None).await.map_err(judged)?;
        self.0.page(text(&created, "redirect_url").unwrap_or_default())
    }
}

/// Tells whose affair a refusal is: the payer's, if it is about their region or the amount. The operator has to act if the
/// account has no access to the preview, or if the preview is no longer the one that this code was written for.
fn judged(error: StripeError) -> OnrampError {
    let what = match error {
        StripeError::Vendor(OnrampError::Refused(what)) => what,
        StripeError::Vendor(error) => return error,
        error @ (StripeError::InUse | StripeError::Failed(_)) => {
            return OnrampError::Unavailable(error.to_string());
        }
        error @ StripeError::Unknown => return OnrampError::Misconfigured(error.to_string()),
    };
    match what.split_once(' ').unwrap_or_default() {
        // Stripe sells nothing to anybody for a while.
        (_, "crypto_onramp_disabled") => OnrampError::Unavailable(what),
        ("404", _)
        | (
            _,
            "crypto_onramp_merchant_not_properly_setup"
            | "parameter_missing"
            | "parameter_unknown"
            // A type instead of a code: the version or the path is unknown.
            | "invalid_request_error",
        ) => OnrampError::Misconfigured(what),
        _ => OnrampError::Refused(what),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sandbox_refuses_a_key_that_buys() {
        let open = |key: &str, is_sandbox| {
            let secret = StripeSecret::parse(&format!(r#"{{"key": "{key}"}}"#)).unwrap();
            StripeOnramp::new(crate::Vendors::http_client().unwrap(), secret, is_sandbox)
        };
        for (key, is_sandbox, is_accepted) in [
            ("rk_live_1", false, true),
            ("rk_live_1", true, false),
            ("sk_live_1", true, false),
            ("rk_test_1", true, true),
            ("sk_test_1", true, true),
        ] {
            assert_eq!(open(key, is_sandbox).is_ok(), is_accepted, "{key}");
        }
    }

    #[test]
    fn refusal_is_the_payers_the_operators_or_passes() {
        let refused = |what: &str| judged(StripeError::Vendor(OnrampError::Refused(what.to_owned())));
        for (what, expected) in [
            ("400 crypto_onramp_unsupportable_customer", OnrampError::Refused as fn(String) -> OnrampError),
            ("400 crypto_onramp_unsupported_country", OnrampError::Refused),
            ("400 no code", OnrampError::Refused),
            ("400 crypto_onramp_disabled", OnrampError::Unavailable),
            ("400 crypto_onramp_merchant_not_properly_setup", OnrampError::Misconfigured),
            ("400 parameter_unknown", OnrampError::Misconfigured),
            ("400 invalid_request_error", OnrampError::Misconfigured),
            ("404 no code", OnrampError::Misconfigured),
        ] {
            assert_eq!(refused(what), expected(what.to_owned()), "{what}");
        }
    }
}

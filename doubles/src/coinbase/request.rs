//! The body of a create call, and the rules that it must follow.

use serde::Deserialize;
use serde_json::{Value, json};
use url::{Host, Url};

use super::Settings;
use crate::address::{is_evm_address, is_public};
use crate::amount::Amount;

/// The networks whose addresses are not those of EVM chains. Their format is not checked.
const OTHER_NETWORKS: [&str; 2] = ["bitcoin", "solana"];

const PAYMENT_METHODS: [&str; 6] = ["CARD", "ACH", "APPLE_PAY", "PAYPAL", "FIAT_WALLET", "CRYPTO_WALLET"];

/// The body of a create call.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SessionRequest {
    pub(super) destination_address: String,
    pub(super) purchase_currency: String,
    pub(super) destination_network: String,
    pub(super) purchase_amount: Option<String>,
    pub(super) payment_amount: Option<String>,
    pub(super) payment_currency: Option<String>,
    pub(super) payment_method: Option<String>,
    pub(super) country: Option<String>,
    pub(super) subdivision: Option<String>,
    pub(super) redirect_url: Option<String>,
    pub(super) client_ip: Option<String>,
    pub(super) partner_user_ref: Option<String>,
}

impl SessionRequest {
    pub(super) fn check(&self, settings: &Settings) -> Result<(), &'static str> {
        let asset = (&self.destination_network, &self.purchase_currency);
        let is_sold = settings.assets.iter().any(|(network, symbol)| (network, symbol) == asset);
        require(is_sold, "`purchaseCurrency` must be sold on `destinationNetwork`")?;
        let is_other = OTHER_NETWORKS.contains(&self.destination_network.as_str());
        require(
            if is_other {
                !self.destination_address.is_empty()
            } else {
                is_evm_address(&self.destination_address)
            },
            "The destination address is not valid for the specified network.",
        )?;
        let amounts = [&self.purchase_amount, &self.payment_amount];
        let amounts: Vec<_> = amounts.into_iter().flatten().collect();
        require(amounts.len() < 2, "`purchaseAmount` and `paymentAmount` exclude each other")?;
        require(
            amounts.iter().all(|amount| Amount::parse(amount).is_some()),
            "an amount must be decimal text above 0",
        )?;
        require(
            amounts.is_empty() || self.payment_currency.is_some(),
            "`paymentCurrency` must be given with an amount",
        )?;
        require(
            all(self.payment_currency.as_ref(), |code| is_code(code, 3)),
            "`paymentCurrency` must be three letters",
        )?;
        require(
            all(self.payment_method.as_ref(), |method| PAYMENT_METHODS.contains(&method)),
            "`paymentMethod` must be a payment method",
        )?;
        require(all(self.country.as_ref(), |code| is_code(code, 2)), "`country` must be two letters")?;
        require(
            all(self.subdivision.as_ref(), |code| is_code(code, 2) && self.country.as_deref() == Some("US")),
            "`subdivision` must be two letters, and only with `country` US",
        )?;
        require(
            all(self.redirect_url.as_ref(), |url| is_redirect(url, &settings.allowed_redirects)),
            "`redirectUrl` must be an HTTPS URL of an allowed domain, of at most 2,048 characters",
        )?;
        require(all(self.client_ip.as_ref(), is_public), "`clientIp` must be a public address")?;
        require(
            all(self.partner_user_ref.as_ref(), |text| (1..50).contains(&text.chars().count())),
            "`partnerUserRef` must have 1 to 49 characters",
        )
    }

    /// Returns the amount of crypto. Without one in the request, the payer chooses it; the double chooses 10.
    pub(super) fn amount(&self) -> &str {
        self.purchase_amount.as_ref().or(self.payment_amount.as_ref()).map_or("10", String::as_str)
    }

    pub(super) fn currency(&self) -> &str {
        self.payment_currency.as_deref().unwrap_or("USD")
    }

    /// Whether it is a sandbox transaction, which moves nothing.
    pub(super) fn is_sandbox(&self) -> bool {
        self.partner_user_ref.as_ref().is_some_and(|text| text.starts_with("sandbox-"))
    }

    /// Returns the quote, which takes an amount, a payment method and a region.
    pub(super) fn quote(&self) -> Option<Value> {
        let amount = self.purchase_amount.as_ref().or(self.payment_amount.as_ref())?;
        self.payment_method.as_ref()?;
        let country = self.country.as_ref()?;
        (country != "US" || self.subdivision.is_some()).then(|| {
            json!({
                "paymentTotal": amount,
                "paymentSubtotal": amount,
                "paymentCurrency": self.currency(),
                "purchaseAmount": amount,
                "purchaseCurrency": self.purchase_currency,
                "destinationNetwork": self.destination_network,
                "fees": [],
                "exchangeRate": "1",
            })
        })
    }
}

fn require(condition: bool, otherwise: &'static str) -> Result<(), &'static str> {
    if condition { Ok(()) } else { Err(otherwise) }
}

fn all(field: Option<&String>, check: impl FnOnce(&str) -> bool) -> bool {
    field.is_none_or(|text| check(text))
}

fn is_code(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|letter| letter.is_ascii_uppercase())
}

fn is_redirect(text: &str, allowed: &[String]) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    let is_local = match url.host() {
        Some(Host::Domain(domain)) => domain == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(_)) | None => false,
    };
    text.len() <= 2048
        && text.bytes().all(|byte| byte.is_ascii_graphic())
        && (url.scheme() == "https" || (url.scheme() == "http" && is_local))
        && url.host_str().is_some_and(|host| allowed.iter().any(|allowed| allowed == host))
}

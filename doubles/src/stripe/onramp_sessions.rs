//! Onramp sessions of the public preview: what `POST /v1/crypto/onramp_sessions` takes, and what a session shows.
//!
//! Simplified: the only thing sold is USDC on Base, one unit of it costs one unit of fiat, and there are no fees.

use serde_json::{Value, json};

use super::form;
use crate::address::{is_evm_address, is_public};
use crate::amount::Amount;

/// The only wallet that the double sends to. `wallet_addresses[base]` is none.
pub(super) const WALLET: &str = "wallet_addresses[base_network]";
/// The payer's address that Stripe's documents have in their example of a region that is not supported.
const UNSUPPORTED: &str = "8.8.8.8";
const CURRENCIES: [&str; 6] = ["cad", "cop", "eur", "gbp", "php", "usd"];
/// USDC has no more.
const MOST_DECIMALS: usize = 6;

/// A session in which a payer buys crypto.
#[derive(Debug, Clone)]
pub(super) struct OnrampSession {
    pub(super) id: String,
    pub(super) url: String,
    pub(super) status: &'static str,
    /// Whether the payer has pressed a button that buys.
    pub(super) is_used: bool,
    pub(super) wallet: String,
    pub(super) amount: Option<String>,
    pub(super) transaction: Option<String>,
    pub(super) last_error: Option<&'static str>,
    source_amount: Option<String>,
    currency: Option<String>,
    is_locked: bool,
    metadata: Value,
    created: i64,
}

/// The code of a refusal, and the parameter that it is about.
pub(super) type Refusal = (&'static str, &'static str);

impl OnrampSession {
    /// Checks what a session is asked to be.
    pub(super) fn create(
        id: String,
        origin: &str,
        form: &[(String, String)],
        now: i64,
    ) -> Result<Self, Refusal> {
        let value = |name: &str| form::value(form, name);
        let given = |name: &str| value(name).map(str::to_owned);
        let all = |name: &str, check: fn(&str) -> bool| value(name).is_none_or(check);
        for (name, is_allowed) in [
            ("destination_networks[0]", all("destination_networks[0]", |text| text == "base")),
            ("destination_network", all("destination_network", |text| text == "base")),
            ("destination_currencies[0]", all("destination_currencies[0]", |text| text == "usdc")),
            ("destination_currency", all("destination_currency", |text| text == "usdc")),
            ("source_currency", all("source_currency", |text| CURRENCIES.contains(&text))),
            ("lock_wallet_address", all("lock_wallet_address", |text| ["true", "false"].contains(&text))),
            ("settlement_speed", all("settlement_speed", |text| ["instant", "standard"].contains(&text))),
            ("destination_amount", all("destination_amount", is_amount)),
            ("source_amount", all("source_amount", is_amount)),
            ("customer_ip_address", all("customer_ip_address", is_public)),
            (WALLET, all(WALLET, is_evm_address)),
        ] {
            if !is_allowed {
                return Err(("parameter_invalid", name));
            }
        }
        if value("destination_amount").is_some() && value("source_amount").is_some() {
            return Err(("parameters_exclusive", "source_amount"));
        }
        let is_pair = value("destination_currency").is_some() && value("destination_network").is_some();
        if value("destination_amount").is_some() && !is_pair {
            let code = "crypto_onramp_incomplete_destination_currency_and_network_pair";
            return Err((code, "destination_amount"));
        }
        // Each wallet needs its network.
        if value(WALLET).is_some() && value("destination_networks[0]").is_none() {
            return Err(("parameter_missing", "destination_networks"));
        }
        if value("customer_ip_address") == Some(UNSUPPORTED) {
            return Err(("crypto_onramp_unsupportable_customer", "customer_ip_address"));
        }
        let metadata = form.iter().filter_map(|(name, value)| {
            let key = name.strip_prefix("metadata[")?.strip_suffix(']')?;
            Some((key.to_owned(), json!(value)))
        });
        Ok(Self {
            url: format!("{origin}/onramp/{id}"),
            id,
            status: "initialized",
            is_used: false,
            wallet: given(WALLET).unwrap_or_default(),
            amount: given("destination_amount"),
            transaction: None,
            last_error: None,
            source_amount: given("source_amount"),
            currency: given("source_currency"),
            is_locked: value("lock_wallet_address") == Some("true"),
            metadata: Value::Object(metadata.collect()),
            created: now,
        })
    }

    /// Returns what the payer is asked to buy. Without an amount in the request, the payer chooses it; the double chooses
    /// 10.
    pub(super) fn asked(&self) -> &str {
        self.amount.as_deref().or(self.source_amount.as_deref()).unwrap_or("10")
    }

    pub(super) fn to_json(&self) -> Value {
        // The payer's choice of a wallet comes with the payment.
        let chosen = (self.status != "initialized").then_some(&self.wallet);
        json!({
            "id": self.id, "object": "crypto.onramp_session", "client_secret": format!("{}_secret_double", self.id),
            "created": self.created, "livemode": false, "kyc_details_provided": false, "metadata": self.metadata,
            "redirect_url": self.url, "status": self.status,
            "transaction_details": {
                "destination_amount": self.amount, "destination_currency": "usdc", "destination_network": "base",
                "destination_currencies": ["usdc"], "destination_networks": ["base"], "fees": null,
                "last_error": self.last_error, "lock_wallet_address": self.is_locked,
                "source_amount": self.source_amount, "source_currency": self.currency,
                "transaction_id": self.transaction, "wallet_address": chosen,
                "wallet_addresses": { "base_network": self.wallet },
            },
        })
    }
}

fn is_amount(text: &str) -> bool {
    let decimals = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    decimals <= MOST_DECIMALS && Amount::parse(text).is_some()
}

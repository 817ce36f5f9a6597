//! Which onramp vendors a deployment offers, and what each of them sells (docs/onramps.md).
//!
//! A vendor sells the tokens of the configured chains. Symbol, decimals and currency of a token are those of that
//! configuration. What is written here are the vendors' own names.

use std::fmt;

use crate::amount::Amount;
use crate::card::Charge;
use crate::chain_config::{Chain, Chains};
use crate::invalid::Invalid;
use crate::onramp::OnrampVendor;
use crate::order::{ChainId, OrderTerms};
use crate::pricing::Currency;
use crate::token::Token;

/// The vendors that a deployment has set up; none if it is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Onramps(Vec<OnrampVendor>);

/// A token as a vendor sells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// What the vendor calls the token's chain.
    pub network: &'static str,
    /// What the vendor calls the token.
    pub symbol: String,
    /// How many decimals its amounts have.
    pub decimals: u8,
    /// The currency that the payer is charged.
    pub currency: Currency,
}

impl Asset {
    /// Returns what a card is charged for an amount; `None` if a card cannot be charged that.
    pub fn charge(&self, amount: Amount) -> Option<Charge> {
        Charge::of(amount, self.decimals, &self.currency)
    }
}

/// Why no vendor can be paid for an order.
#[derive(Debug, Clone)]
pub enum OnrampRefusal {
    /// The vendor is not set up.
    NotConfigured,
    /// The vendor does not sell the order's token; it sells these.
    NotSold(Invalid),
    /// A card cannot be charged so little or so much.
    Amount(Invalid),
    /// The chain allows any recipient. A vendor pays the operator's own recipients only.
    AnyRecipient(Invalid),
}

impl Onramps {
    /// Reads the names of vendors, separated by commas.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let mut vendors: Vec<OnrampVendor> = Vec::new();
        for name in text.split(',').map(str::trim) {
            let vendor = OnrampVendor::parse(name).ok().filter(|vendor| vendor.is_supported());
            let vendor = vendor.filter(|vendor| !vendors.contains(vendor));
            let expected = || {
                let names = "coinbase, moonpay, stripe, stripe-web2";
                Invalid::expected(format!("vendors separated by commas, each once: {names}"))
            };
            vendors.push(vendor.ok_or_else(expected)?);
        }
        Ok(Self(vendors))
    }

    /// The vendors, in the order of the setting.
    pub fn iter(&self) -> impl Iterator<Item = OnrampVendor> {
        self.0.iter().copied()
    }

    /// Returns whether a vendor is set up.
    pub fn contains(&self, vendor: OnrampVendor) -> bool {
        self.0.contains(&vendor)
    }

    /// Returns the token that a vendor sells for an order. Refuses an order that the vendor could not pay.
    pub fn admit(
        &self,
        vendor: OnrampVendor,
        terms: &OrderTerms,
        chains: &Chains,
    ) -> Result<Asset, OnrampRefusal> {
        if !self.contains(vendor) {
            return Err(OnrampRefusal::NotConfigured);
        }
        let asset = self.asset(vendor, terms, chains).ok_or_else(|| {
            let sold =
                sold(vendor, chains).map(|(chain, token)| format!("{token} on chain {}", chain.as_u64()));
            let sold: Vec<String> = sold.collect();
            let sold = if sold.is_empty() { "no configured token".to_owned() } else { sold.join(", ") };
            let expected = format!("a vendor that sells the order's token; {vendor} sells {sold}");
            OnrampRefusal::NotSold(Invalid::expected(expected))
        })?;
        if chains.get(terms.src_chain).is_some_and(|chain| chain.recipients.is_empty()) {
            let expected =
                "one of the `recipients` that the chains' configuration lists, to be paid by a vendor";
            return Err(OnrampRefusal::AnyRecipient(Invalid::expected(expected)));
        }
        if vendor == OnrampVendor::StripeWeb2 && asset.charge(terms.src_amount).is_none() {
            let expected =
                "an amount that a card can be charged: at least Stripe's minimum, at most 999,999.99";
            return Err(OnrampRefusal::Amount(Invalid::expected(expected)));
        }
        Ok(asset)
    }

    /// Returns the token that a vendor sells for an order; `None` if it sells none.
    pub fn asset(&self, vendor: OnrampVendor, terms: &OrderTerms, chains: &Chains) -> Option<Asset> {
        let chain = chains.get(terms.src_chain)?;
        let token = chain.tokens.iter().find(|token| token.address == terms.src_token)?;
        asset(vendor, chain, token)
    }

    /// Returns the tokens that payers can buy, with their vendors: of chains whose recipients are the operator's own.
    pub fn offers<'a>(
        &self,
        chains: &'a Chains,
    ) -> impl Iterator<Item = (OnrampVendor, &'a Chain, &'a Token)> {
        let chains = move |vendor| chains.iter().map(move |chain| (vendor, chain));
        self.iter()
            .flat_map(chains)
            .filter(|(_, chain)| !chain.recipients.is_empty())
            .flat_map(|(vendor, chain)| chain.tokens.iter().map(move |token| (vendor, chain, token)))
            .filter(|(vendor, chain, token)| asset(*vendor, chain, token).is_some())
    }
}

/// What a vendor sells of the configured tokens: their chains and symbols.
fn sold(vendor: OnrampVendor, chains: &Chains) -> impl Iterator<Item = (ChainId, String)> {
    let tokens = chains.iter().flat_map(|chain| chain.tokens.iter().map(move |token| (chain, token)));
    tokens.filter_map(move |(chain, token)| Some((chain.id, asset(vendor, chain, token)?.symbol)))
}

fn asset(vendor: OnrampVendor, chain: &Chain, token: &Token) -> Option<Asset> {
    let (symbol, currency) = (token.symbol.as_deref()?, token.currency.as_ref()?);
    let network = match vendor {
        // No token is sold. The operator declares that a token of the configuration is worth one unit of its currency.
        OnrampVendor::StripeWeb2 => Charge::is_possible_in(currency).then_some("card"),
        // Stripe charges other currencies as well, but only where it sells no USDC on Base.
        OnrampVendor::Stripe => {
            network(vendor, chain.id).filter(|_| symbol == "USDC" && currency.as_str() == "USD")
        }
        // Each of these sells USDC. What else one sells depends on the payer's country.
        OnrampVendor::Coinbase | OnrampVendor::Moonpay | OnrampVendor::None => {
            network(vendor, chain.id).filter(|_| symbol == "USDC")
        }
    };
    Some(Asset {
        network: network?,
        symbol: symbol.to_owned(),
        decimals: token.decimals?,
        currency: currency.clone(),
    })
}

/// What a vendor calls a chain.
fn network(vendor: OnrampVendor, chain: ChainId) -> Option<&'static str> {
    match (vendor, chain.as_u64()) {
        (OnrampVendor::Coinbase, 1) => Some("ethereum"),
        (OnrampVendor::Coinbase, 10) => Some("optimism"),
        (OnrampVendor::Coinbase, 137) => Some("polygon"),
        // Stripe sells on more networks. A wallet is named by a key that is not always the network's name, and the key of
        // no other network is confirmed: a wrong key is a refusal at the click.
        (OnrampVendor::Coinbase | OnrampVendor::Stripe, 8453) => Some("base"),
        (OnrampVendor::Coinbase, 42_161) => Some("arbitrum"),
        (OnrampVendor::Moonpay, 1) => Some("usdc"),
        (OnrampVendor::Moonpay, 10) => Some("usdc_optimism"),
        (OnrampVendor::Moonpay, 137) => Some("usdc_polygon"),
        (OnrampVendor::Moonpay, 8453) => Some("usdc_base"),
        (OnrampVendor::Moonpay, 42_161) => Some("usdc_arbitrum"),
        (
            OnrampVendor::Coinbase
            | OnrampVendor::Moonpay
            | OnrampVendor::Stripe
            | OnrampVendor::StripeWeb2
            | OnrampVendor::None,
            _,
        ) => None,
    }
}

impl OnrampVendor {
    /// Returns whether this version can open a payment at the vendor.
    const fn is_supported(self) -> bool {
        match self {
            Self::Coinbase | Self::Moonpay | Self::Stripe | Self::StripeWeb2 => true,
            Self::None => false,
        }
    }

    /// Returns the vendor's name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Coinbase => "coinbase",
            Self::Stripe => "stripe",
            Self::StripeWeb2 => "stripe-web2",
            Self::Moonpay => "moonpay",
            Self::None => "none",
        }
    }
}

impl fmt::Display for OnrampVendor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vendors_are_read_once_each_and_only_if_they_are_supported() {
        let read = Onramps::parse("coinbase, moonpay,stripe,stripe-web2").unwrap();
        let all =
            [OnrampVendor::Coinbase, OnrampVendor::Moonpay, OnrampVendor::Stripe, OnrampVendor::StripeWeb2];
        assert_eq!(read.iter().collect::<Vec<_>>(), all);
        for text in ["", "coinbase,coinbase", "none", "paypal", "coinbase,", "Coinbase"] {
            assert!(Onramps::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_name_is_what_is_read() {
        for name in ["coinbase", "stripe", "stripe-web2", "moonpay", "none"] {
            let vendor = OnrampVendor::parse(name).unwrap();
            assert_eq!(vendor.to_string(), name);
            assert_eq!(serde_json::to_string(&vendor).unwrap(), format!("\"{name}\""));
        }
    }

    #[test]
    fn what_is_sold_follows_from_the_configured_chains() {
        let chains = Chains::parse(
            r#"[{ "chainId": 8453, "finality": "safe", "recipients": ["0xb34facb90a200251318e8841c05102366f2158cf"],
                  "tokens": ["0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913", "0x50c5725949A6F0c72E6C4a641F24049A917DB0Cb"] },
                { "chainId": 1, "finality": "safe", "tokens": ["0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"] },
                { "chainId": 43114, "finality": "safe", "tokens": ["0xB97EF9Ef8734C71904D8002F8b6Bc66Dd9c48a6E"] }]"#,
        )
        .unwrap();
        let sold: Vec<_> =
            sold(OnrampVendor::Coinbase, &chains).map(|(id, name)| (id.as_u64(), name)).collect();
        assert_eq!(sold, [(8453, "USDC".to_owned()), (1, "USDC".to_owned())]);
        // Where anybody can be paid, a page offers none.
        let onramps = Onramps::parse("coinbase").unwrap();
        let offered: Vec<u64> = onramps.offers(&chains).map(|(_, chain, _)| chain.id.as_u64()).collect();
        assert_eq!(offered, [8453]);
    }

    #[test]
    fn stripe_sells_usdc_on_base_for_dollars() {
        let sold_for = |currency: &str| {
            let usdc = r#""address": "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913""#;
            let chains = Chains::parse(&format!(
                r#"[{{ "chainId": 8453, "finality": "safe",
                      "tokens": [{{ {usdc}{currency} }}, "0x60a3E35Cc302bFA44Cb288Bc5a4F316Fdb1adb42"] }},
                    {{ "chainId": 1, "finality": "safe", "tokens": ["0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"] }},
                    {{ "chainId": 137, "finality": "safe", "tokens": ["0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359"] }}]"#
            ));
            let chains = chains.unwrap();
            sold(OnrampVendor::Stripe, &chains).map(|(id, name)| (id.as_u64(), name)).collect::<Vec<_>>()
        };
        assert_eq!(sold_for(""), [(8453, "USDC".to_owned())]);
        assert_eq!(sold_for(r#", "currency": "EUR""#), []);
    }
}

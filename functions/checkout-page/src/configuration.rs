//! What the deployment tells its page: the only source of names, symbols, decimals and allowed recipients there.

use domain::address::EvmAddress;
use domain::chain_config::{Chain, Chains};
use domain::onramps::Onramps;
use domain::pricing::Currency;
use domain::redirect::RedirectSchemes;
use domain::token::Token;
use serde_json::{Value, json};

use crate::brand::Brand;

/// The page's configuration, as the SDK's type `Configuration` reads it.
#[derive(Debug, Clone)]
pub struct PageConfiguration(Value);

impl PageConfiguration {
    /// Describes a deployment. In a local run the page hides real wallets, because the local chain claims a real one's id.
    pub fn new(
        brand: &Brand,
        chains: &Chains,
        schemes: &RedirectSchemes,
        onramps: &Onramps,
        is_local: bool,
    ) -> Self {
        Self(json!({
            "brand": brand.to_json(),
            "chains": chains.iter().map(chain).collect::<Vec<_>>(),
            "redirectSchemes": schemes.iter().collect::<Vec<_>>(),
            "onramps": onramps.offers(chains).map(|(vendor, chain, token)| json!({
                "vendor": vendor.as_str(),
                "chainId": chain.id.as_u64(),
                "tokenAddress": token.address.as_str(),
            })).collect::<Vec<_>>(),
            "isLocal": is_local,
        }))
    }

    /// Returns the JSON text.
    pub(crate) fn to_json(&self) -> String {
        self.0.to_string()
    }
}

fn chain(chain: &Chain) -> Value {
    let recipients = chain.recipients.iter().map(EvmAddress::as_str).collect::<Vec<_>>();
    object([
        ("chainId", Some(json!(chain.id.as_u64()))),
        ("name", text(chain.name.as_deref())),
        ("explorer", text(chain.explorer.as_deref())),
        ("rpc", text(chain.rpc.as_deref())),
        ("tokens", Some(chain.tokens.iter().map(token).collect())),
        ("recipients", Some(json!(recipients))),
    ])
}

fn token(token: &Token) -> Value {
    object([
        ("address", text(Some(token.address.as_str()))),
        ("symbol", text(token.symbol.as_deref())),
        ("decimals", token.decimals.map(|decimals| json!(decimals))),
        ("currency", text(token.currency.as_ref().map(Currency::as_str))),
    ])
}

/// Returns an object of the members that are known.
pub(crate) fn object<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    let known = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(known.collect())
}

pub(crate) fn text(text: Option<&str>) -> Option<Value> {
    text.map(|text| json!(text))
}

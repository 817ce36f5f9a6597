//! The chains on which this service itself looks for deposits and settles them.
//!
//! Configuration, one JSON text for all functions:
//!
//! ```json
//! [{ "chainId": 8453, "tokens": ["0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"], "finality": "safe" }]
//! ```
//!
//! Without it no chain is watched, and every order is settled by reported events.

use serde::Deserialize;

use crate::address::EvmAddress;
use crate::deposit_address::ForwarderFactory;
use crate::invalid::Invalid;
use crate::order::{ChainId, OrderTerms};

/// The watched chains; none where nothing is configured.
#[derive(Debug, Clone, Default)]
pub struct Chains(Vec<Chain>);

/// A watched chain.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Chain {
    /// Its id.
    #[serde(rename = "chainId")]
    pub id: ChainId,
    /// The tokens that may be paid with: contracts known to keep to ERC-20. One that takes a fee of each transfer, or
    /// changes balances by itself, must not be among them.
    pub tokens: Vec<EvmAddress>,
    /// From when on a block counts.
    pub finality: Finality,
    /// Who may be paid; anybody where none is named. With it, not even somebody who controls the API can have
    /// payers send their money elsewhere.
    #[serde(default)]
    pub recipients: Vec<EvmAddress>,
    /// The most blocks that are asked for at once: 5 or 10 on providers' free plans.
    #[serde(default = "default_block_range")]
    pub block_range: u64,
    /// The most that a unit of gas may cost for a settlement, in gwei. Above it nothing is settled, and an alarm hears of
    /// it.
    #[serde(default = "default_max_fee_gwei")]
    pub max_fee_gwei: u64,
    /// How many blocks before the last one that was read are read again each time. An order shows in the index of watched
    /// orders a moment after it was made; its deposit must not have been passed by then.
    #[serde(default = "default_overlap")]
    pub overlap: u64,
}

const fn default_block_range() -> u64 {
    2_000
}

const fn default_max_fee_gwei() -> u64 {
    500
}

const fn default_overlap() -> u64 {
    64
}

/// From when on a block counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finality {
    /// Once this many blocks follow it.
    Blocks(u64),
    /// Once the chain calls it `safe`.
    Safe,
    /// Once the chain calls it `finalized`.
    Finalized,
}

impl<'de> Deserialize<'de> for Finality {
    /// Reads `blocks:N`, `safe` or `finalized`.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match (text.as_str(), text.strip_prefix("blocks:").and_then(|blocks| blocks.parse().ok())) {
            ("safe", _) => Ok(Self::Safe),
            ("finalized", _) => Ok(Self::Finalized),
            (_, Some(blocks)) => Ok(Self::Blocks(blocks)),
            (_, None) => {
                Err(serde::de::Error::custom("a finality is `safe`, `finalized`, or `blocks:` and a number"))
            }
        }
    }
}

/// Why an order cannot be settled on the configured chains.
#[derive(Debug, Clone)]
pub enum Inadmissible {
    /// Its chain or token is not configured.
    Route {
        /// The field of the request.
        field: &'static str,
        /// What is configured.
        allowed: Invalid,
    },
    /// Its recipient is not allowed.
    Recipient(Invalid),
}

impl Chains {
    /// Reads the configuration.
    pub fn parse(json: &str) -> Result<Self, Invalid> {
        let chains: Vec<Chain> = serde_json::from_str(json)
            .map_err(|error| Invalid::expected(format!("a JSON list of chains, but: {error}")))?;
        if chains.iter().any(|chain| chain.tokens.is_empty() || chain.block_range == 0) {
            return Err(Invalid::expected("at least one token and a block range above 0 for each chain"));
        }
        for (at, chain) in chains.iter().enumerate() {
            if chains.iter().take(at).any(|other| other.id == chain.id) {
                return Err(Invalid::expected("each chain once"));
            }
        }
        Ok(Self(chains))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Chain> {
        self.0.iter()
    }

    /// Returns whether an order's deposits are looked for on its chain. If chains are configured, an order that none
    /// of them could settle is refused: its payer would send money that nobody sees.
    pub fn admit(&self, terms: &OrderTerms) -> Result<bool, Inadmissible> {
        if self.0.is_empty() {
            return Ok(false);
        }
        let route =
            |field, allowed: String| Inadmissible::Route { field, allowed: Invalid::expected(allowed) };
        let Some(chain) = self.0.iter().find(|chain| chain.id == terms.src_chain) else {
            let ids: Vec<String> = self.0.iter().map(|chain| chain.id.as_u64().to_string()).collect();
            return Err(route("srcChain", format!("one of the configured chains: {}", ids.join(", "))));
        };
        if !chain.tokens.contains(&terms.src_token) {
            let (id, tokens) = (chain.id.as_u64(), list(&chain.tokens));
            return Err(route(
                "srcTokenAddress",
                format!("one of the tokens that are configured for chain {id}: {tokens}"),
            ));
        }
        if !chain.recipients.is_empty() && !chain.recipients.contains(&terms.recipient) {
            let allowed = format!("one of the allowed recipients: {}", list(&chain.recipients));
            return Err(Inadmissible::Recipient(Invalid::expected(allowed)));
        }
        if chain.tokens.contains(&terms.recipient) {
            return Err(Inadmissible::Recipient(not_an_account()));
        }
        Ok(true)
    }

    /// Returns what is configured, as a sentence for whoever asks for something else. It is empty if no chain is
    /// configured.
    pub fn describe(&self) -> String {
        let chain = |chain: &Chain| format!("chain {} with {}", chain.id.as_u64(), list(&chain.tokens));
        let chains: Vec<String> = self.0.iter().map(chain).collect();
        if chains.is_empty() { String::new() } else { format!("Configured: {}", chains.join("; ")) }
    }
}

/// Refuses a recipient with whom money would be lost, on any chain and whatever is configured.
pub fn check_recipient(terms: &OrderTerms, factory: &ForwarderFactory) -> Result<(), Invalid> {
    let OrderTerms { recipient, src_token, .. } = terms;
    let is_lost = recipient.is_zero()
        || recipient == src_token
        || recipient.to_bytes() == factory.address().into_array();
    if is_lost { Err(not_an_account()) } else { Ok(()) }
}

fn not_an_account() -> Invalid {
    Invalid::expected("an account: not the zero address, a token or the forwarder factory")
}

fn list(addresses: &[EvmAddress]) -> String {
    let spelled: Vec<&str> = addresses.iter().map(EvmAddress::as_str).collect();
    spelled.join(", ")
}

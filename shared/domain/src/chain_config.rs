//! The chains on which this service observes deposits and settles orders.
//!
//! The configuration is one JSON text for all functions:
//!
//! ```json
//! [{ "chainId": 8453, "tokens": ["0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"], "finality": "safe" }]
//! ```
//!
//! A deployment stores it in the table and names its revision ([`ChainsSource`]). Without a configuration the watcher
//! observes no chain, and reported events settle every order.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use crate::address::EvmAddress;
use crate::deposit_address::ForwarderFactory;
use crate::invalid::Invalid;
use crate::order::ChainId;
use crate::pricing::Currency;
use crate::token::{Token, well_known_chain};

/// The most tokens of one chain. All of them go into one log filter, and nodes refuse longer ones.
pub const MAX_TOKENS: usize = 1_000;
/// `overlap` must be below this many times `blockRange`. A step reads a bounded number of ranges: with a larger overlap
/// it would read only old blocks, and the cursor would never advance.
pub const MAX_OVERLAP_RANGES: u64 = 10;
/// The lowest `maxHeadAgeSeconds`. Below it, the time between two blocks of a healthy chain counts as an outage.
pub const MIN_HEAD_AGE_SECONDS: u64 = 10;

/// The addresses that stand for the native token: the zero address, and the one that many wallets use.
const NATIVE_TOKENS: [[u8; 20]; 2] = [[0; 20], [0xee; 20]];

/// The configured chains; empty if there is no configuration.
#[derive(Debug, Clone, Default)]
pub struct Chains(Vec<Chain>);

/// A configured chain.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Chain {
    /// The EIP-155 chain id.
    #[serde(rename = "chainId")]
    pub id: ChainId,
    /// The tokens that may be paid with: contracts known to keep to ERC-20. A token that takes a fee from transfers, or
    /// that changes balances by itself, must not be listed.
    /// A token is written as its address, or as an object with `address`, `symbol`, `decimals` and `currency`.
    pub tokens: Vec<Token>,
    /// When a block is final.
    pub finality: Finality,
    /// The allowed recipients; any recipient if the list is empty. With it, an attacker who controls the API cannot
    /// direct payments elsewhere.
    #[serde(default)]
    pub recipients: Vec<EvmAddress>,
    /// What a page calls the chain.
    #[serde(default)]
    pub name: Option<String>,
    /// The URL of a block explorer.
    #[serde(default)]
    pub explorer: Option<String>,
    /// The URL of a public node, for wallets that do not know the chain. The watcher does not use it.
    #[serde(default)]
    pub rpc: Option<String>,
    /// The most blocks that one `eth_getLogs` spans: 5 or 10 on free plans of providers.
    #[serde(default = "default_block_range")]
    pub block_range: u64,
    /// The highest gas price of a settlement, in gwei. Above it the watcher settles nothing and logs an error.
    #[serde(default = "default_max_fee_gwei")]
    pub max_fee_gwei: u64,
    /// How many blocks before the cursor each step reads again. The index of watched orders lags behind the table, so a
    /// deposit can be read before its order is visible there.
    #[serde(default = "default_overlap")]
    pub overlap: u64,
    /// How old the newest block of an endpoint may be. An endpoint with an older head counts as unhealthy; if every
    /// endpoint has one, the run fails.
    #[serde(default = "default_max_head_age_seconds")]
    pub max_head_age_seconds: u64,
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

const fn default_max_head_age_seconds() -> u64 {
    300
}

impl Chain {
    /// Fills what the configuration leaves out of a well-known chain and of well-known tokens.
    fn complete(&mut self) {
        for token in &mut self.tokens {
            token.complete(self.id);
        }
        if let Some((name, explorer)) = well_known_chain(self.id) {
            self.name.get_or_insert_with(|| name.to_owned());
            self.explorer.get_or_insert_with(|| explorer.to_owned());
        }
    }

    /// Returns the configured token with this address.
    fn token(&self, address: &EvmAddress) -> Option<&Token> {
        self.tokens.iter().find(|token| token.address == *address)
    }

    /// Checks the rules that span fields or that the types do not express.
    fn check(&self) -> Result<(), ChainsError> {
        let id = self.id.as_u64();
        let refuse =
            |field: &str, rule: String| Err(ChainsError(format!("`{field}` of chain {id} must {rule}")));
        if self.tokens.is_empty() {
            return refuse("tokens", "list at least one token".to_owned());
        }
        if self.tokens.len() > MAX_TOKENS {
            let found = self.tokens.len();
            return refuse("tokens", format!("list at most {MAX_TOKENS} tokens; it lists {found}"));
        }
        let mut seen = HashSet::new();
        for token in self.tokens.iter().map(|token| &token.address) {
            if NATIVE_TOKENS.contains(&token.to_bytes()) {
                return refuse(
                    "tokens",
                    format!(
                        "list ERC-20 contracts only; {token} stands for the native token, whose transfers leave no logs"
                    ),
                );
            }
            if !seen.insert(token.to_bytes()) {
                return refuse("tokens", format!("list each token once; {token} occurs twice"));
            }
        }
        let links = [("explorer", &self.explorer), ("rpc", &self.rpc)];
        for (field, link) in links {
            if link.as_ref().is_some_and(|link| !link.starts_with("https://")) {
                return refuse(field, "be an https URL".to_owned());
            }
        }
        if self.block_range == 0 {
            return refuse("blockRange", "be at least 1".to_owned());
        }
        let bound = self.block_range.saturating_mul(MAX_OVERLAP_RANGES);
        if self.overlap >= bound {
            let (overlap, range) = (self.overlap, self.block_range);
            return refuse(
                "overlap",
                format!(
                    "be below {MAX_OVERLAP_RANGES} × `blockRange`; {overlap} is not below {MAX_OVERLAP_RANGES} × {range} = {bound}"
                ),
            );
        }
        if self.max_head_age_seconds < MIN_HEAD_AGE_SECONDS {
            return refuse("maxHeadAgeSeconds", format!("be at least {MIN_HEAD_AGE_SECONDS}"));
        }
        Ok(())
    }
}

/// Why the configuration of the chains was refused. The text names the field and its rule. The configuration holds no
/// secret, so it may show values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ChainsError(String);

/// A revision of the configuration in the table. Revisions start at 1 and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Revision(u32);

impl Revision {
    /// The first revision.
    pub const FIRST: Self = Self(1);

    /// Returns the revision after this one; `None` after the last number.
    pub fn next(self) -> Option<Self> {
        self.0.checked_add(1).map(Self)
    }

    /// Returns the number.
    pub const fn as_u32(self) -> u32 {
        self.0
    }
}

impl FromStr for Revision {
    type Err = Invalid;

    /// Reads a decimal number without leading zeros, as the template's parameter allows it.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let is_plain = text.starts_with(|c: char| c.is_ascii_digit() && c != '0');
        let number = text.parse().ok().filter(|_| is_plain);
        number.map(Self).ok_or_else(|| Invalid::expected("a revision: a whole number from 1"))
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The value of `CHAINS`: where the configuration is.
#[derive(Debug, Clone)]
pub enum ChainsSource {
    /// The value itself.
    Inline(Chains),
    /// A revision in the table. A parameter that only names a revision fits on a command line, and every function of a
    /// deployment reads the same text.
    Table(Revision),
}

impl ChainsSource {
    /// Reads `table:<revision>`, or the JSON text itself.
    pub fn parse(text: &str) -> Result<Self, ChainsError> {
        if let Some(revision) = text.strip_prefix("table:") {
            let malformed = |_| {
                ChainsError(format!("must be `table:` and a revision, for example `table:3`, not `{text}`"))
            };
            return revision.parse().map(Self::Table).map_err(malformed);
        }
        Chains::parse(text).map(Self::Inline)
    }
}

/// When a block is final, so that its deposits count.
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

/// Why a payment cannot be settled on the configured chains.
#[derive(Debug, Clone)]
pub enum Inadmissible {
    /// Its chain is not configured; these are.
    Chain(Invalid),
    /// Its token is not configured for the chain; these are.
    Token(Invalid),
    /// Its recipient is not allowed.
    Recipient(Invalid),
}

impl Chains {
    /// Reads the JSON text and checks its rules.
    pub fn parse(json: &str) -> Result<Self, ChainsError> {
        let mut chains: Vec<Chain> = serde_json::from_str(json)
            .map_err(|error| ChainsError(format!("must be a JSON list of chains, but: {error}")))?;
        let mut ids = Vec::with_capacity(chains.len());
        for chain in &mut chains {
            chain.complete();
            if ids.contains(&chain.id) {
                let id = chain.id.as_u64();
                return Err(ChainsError(format!("`chainId` of chain {id} must occur once")));
            }
            ids.push(chain.id);
            chain.check()?;
        }
        Ok(Self(chains))
    }

    /// Returns whether no chain is configured.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Chain> {
        self.0.iter()
    }

    /// Returns whether the deposits of such a payment are looked for on its chain. If chains are configured, a payment
    /// that none of them could settle is refused: its payer would send money that the watcher never sees.
    pub fn admit(
        &self,
        chain: ChainId,
        token: &EvmAddress,
        recipient: &EvmAddress,
    ) -> Result<bool, Inadmissible> {
        let Some(chain) = self.admit_chain(chain)? else {
            return Ok(false);
        };
        if chain.token(token).is_none() {
            let (id, tokens) = (chain.id.as_u64(), list(chain.tokens.iter().map(|token| &token.address)));
            let allowed = format!("one of the tokens that are configured for chain {id}: {tokens}");
            return Err(Inadmissible::Token(Invalid::expected(allowed)));
        }
        if !chain.recipients.is_empty() && !chain.recipients.contains(recipient) {
            let allowed = format!("one of the allowed recipients: {}", list(&chain.recipients));
            return Err(Inadmissible::Recipient(Invalid::expected(allowed)));
        }
        if chain.token(recipient).is_some() {
            return Err(Inadmissible::Recipient(not_an_account()));
        }
        Ok(true)
    }

    /// Returns the chain that a payment comes on; `None` if no chain at all is configured.
    pub fn admit_chain(&self, id: ChainId) -> Result<Option<&Chain>, Inadmissible> {
        let chain = self.get(id);
        if chain.is_none() && !self.0.is_empty() {
            let ids: Vec<String> = self.0.iter().map(|chain| chain.id.as_u64().to_string()).collect();
            let allowed = format!("one of the configured chains: {}", ids.join(", "));
            return Err(Inadmissible::Chain(Invalid::expected(allowed)));
        }
        Ok(chain)
    }

    /// Returns the configured chain with this id.
    pub fn get(&self, id: ChainId) -> Option<&Chain> {
        self.0.iter().find(|chain| chain.id == id)
    }

    /// Returns the only recipient that a chain allows; `None` if it allows others, too.
    pub fn only_recipient(&self, chain: ChainId) -> Option<&EvmAddress> {
        match self.get(chain)?.recipients.as_slice() {
            [recipient] => Some(recipient),
            _ => None,
        }
    }

    /// Returns the configured tokens that stand for a currency, with their chains and decimals, in the order of the
    /// configuration.
    pub fn tokens_of(&self, currency: &Currency) -> impl Iterator<Item = (ChainId, &EvmAddress, u8)> {
        let tokens = self.0.iter().flat_map(|chain| chain.tokens.iter().map(|token| (chain.id, token)));
        tokens
            .filter(|(_, token)| token.currency.as_ref() == Some(currency))
            .filter_map(|(chain, token)| Some((chain, &token.address, token.decimals?)))
    }

    /// Returns what is configured, as a sentence for an error message. It is empty if no chain is configured.
    pub fn describe(&self) -> String {
        let chain = |chain: &Chain| {
            format!(
                "chain {} with {}",
                chain.id.as_u64(),
                list(chain.tokens.iter().map(|token| &token.address))
            )
        };
        let chains: Vec<String> = self.0.iter().map(chain).collect();
        if chains.is_empty() { String::new() } else { format!("Configured: {}", chains.join("; ")) }
    }
}

/// Refuses a recipient with whom money would be lost, on any chain and whatever is configured.
pub fn check_recipient(
    recipient: &EvmAddress,
    token: &EvmAddress,
    factory: &ForwarderFactory,
) -> Result<(), Invalid> {
    let is_lost =
        recipient.is_zero() || recipient == token || recipient.to_bytes() == factory.address().into_array();
    if is_lost { Err(not_an_account()) } else { Ok(()) }
}

/// Refuses the address that other tools use for native money: no contract is there, and what is paid in it is never
/// seen.
pub fn check_token(token: &EvmAddress) -> Result<(), Invalid> {
    if token.is_native_alias() {
        return Err(Invalid::expected(
            "a token's contract, or the zero address for the chain's native token; 0xEeee…EEeE is no contract",
        ));
    }
    Ok(())
}

fn not_an_account() -> Invalid {
    Invalid::expected("an account: not the zero address, a token or the forwarder factory")
}

fn list<'a>(addresses: impl IntoIterator<Item = &'a EvmAddress>) -> String {
    let spelled: Vec<&str> = addresses.into_iter().map(EvmAddress::as_str).collect();
    spelled.join(", ")
}

//! Tokens: what the configuration says of one, and what is known of the well-known ones.

use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;

use crate::address::EvmAddress;
use crate::order::ChainId;
use crate::pricing::Currency;

/// A token that may be paid with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its contract.
    pub address: EvmAddress,
    /// Its short name, such as `USDC`.
    pub symbol: Option<String>,
    /// How many decimals its amounts have.
    pub decimals: Option<u8>,
    /// The currency of which it stands for one unit, if there is one.
    pub currency: Option<Currency>,
}

/// A token as a configuration writes it, if not by its address alone.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Described {
    address: EvmAddress,
    symbol: Option<String>,
    decimals: Option<u8>,
    currency: Option<Currency>,
}

impl Token {
    /// A token of which only the address is known.
    pub const fn at(address: EvmAddress) -> Self {
        Self { address, symbol: None, decimals: None, currency: None }
    }

    /// Fills what the configuration leaves out, if the token is well known.
    pub(crate) fn complete(&mut self, chain: ChainId) {
        let known = WELL_KNOWN.iter().find(|known| {
            known.chain == chain.as_u64() && known.address.eq_ignore_ascii_case(self.address.as_str())
        });
        if let Some(known) = known {
            self.symbol.get_or_insert_with(|| known.symbol.to_owned());
            self.decimals.get_or_insert(known.decimals);
            if self.currency.is_none() {
                self.currency = Currency::parse(known.currency).ok();
            }
        }
    }
}

impl<'de> Deserialize<'de> for Token {
    /// Reads an address, or an object with `address`, `symbol`, `decimals` and `currency`.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Box::<RawValue>::deserialize(deserializer)?;
        if json.get().starts_with('{') {
            let described: Described = serde_json::from_str(json.get()).map_err(de::Error::custom)?;
            let Described { address, symbol, decimals, currency } = described;
            Ok(Self { address, symbol, decimals, currency })
        } else {
            serde_json::from_str(json.get()).map(Self::at).map_err(de::Error::custom)
        }
    }
}

/// A token that needs no description in a configuration.
struct WellKnown {
    chain: u64,
    address: &'static str,
    symbol: &'static str,
    decimals: u8,
    currency: &'static str,
}

const fn usdc(chain: u64, address: &'static str) -> WellKnown {
    WellKnown { chain, address, symbol: "USDC", decimals: 6, currency: "USD" }
}

const fn eurc(chain: u64, address: &'static str) -> WellKnown {
    WellKnown { chain, address, symbol: "EURC", decimals: 6, currency: "EUR" }
}

const fn usdt(chain: u64, address: &'static str) -> WellKnown {
    WellKnown { chain, address, symbol: "USDT", decimals: 6, currency: "USD" }
}

const fn dai(chain: u64, address: &'static str) -> WellKnown {
    WellKnown { chain, address, symbol: "DAI", decimals: 18, currency: "USD" }
}

/// The contracts that the issuers publish. The watcher compares the decimals with the chain.
const WELL_KNOWN: [WellKnown; 19] = [
    usdc(1, "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"),
    usdc(10, "0x0b2C639c533813f4Aa9D7837CAf62653d097Ff85"),
    usdc(137, "0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359"),
    usdc(8453, "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"),
    usdc(42_161, "0xaf88d065e77c8cC2239327C5EDb3A432268e5831"),
    usdc(43_114, "0xB97EF9Ef8734C71904D8002F8b6Bc66Dd9c48a6E"),
    eurc(1, "0x1aBaEA1f7C830bD89Acc67eC4af516284b1bC33c"),
    eurc(8453, "0x60a3E35Cc302bFA44Cb288Bc5a4F316Fdb1adb42"),
    eurc(43_114, "0xC891EB4cbdEFf6e073e859e987815Ed1505c2ACD"),
    usdt(1, "0xdAC17F958D2ee523a2206206994597C13D831ec7"),
    usdt(10, "0x94b008aA00579c1307B0EF2c499aD98a8ce58e58"),
    usdt(137, "0xc2132D05D31c914a87C6611C10748AEb04B58e8F"),
    usdt(42_161, "0xFd086bC7CD5C481DCC9C85ebE478A1C0b69FCbb9"),
    usdt(43_114, "0x9702230A8Ea53601f5cD2dc00fDBc13d4dF4A8c7"),
    dai(1, "0x6B175474E89094C44Da98b954EedeAC495271d0F"),
    dai(10, "0xDA10009cBd5D07dd0CeCc66161FC93D7c9000da1"),
    dai(137, "0x8f3Cf7ad23Cd3CaDbD9735AFf958023239c6A063"),
    dai(8453, "0x50c5725949A6F0c72E6C4a641F24049A917DB0Cb"),
    dai(42_161, "0xDA10009cBd5D07dd0CeCc66161FC93D7c9000da1"),
];

/// The name and the explorer of a well-known chain.
pub(crate) fn well_known_chain(chain: ChainId) -> Option<(&'static str, &'static str)> {
    Some(match chain.as_u64() {
        1 => ("Ethereum", "https://etherscan.io"),
        10 => ("OP Mainnet", "https://optimistic.etherscan.io"),
        137 => ("Polygon", "https://polygonscan.com"),
        8453 => ("Base", "https://basescan.org"),
        42_161 => ("Arbitrum One", "https://arbiscan.io"),
        43_114 => ("Avalanche", "https://snowtrace.io"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_known_addresses_satisfy_their_checksums() {
        for WellKnown { chain, address, symbol, .. } in WELL_KNOWN {
            assert!(EvmAddress::parse(address).is_ok(), "{symbol} on {chain}");
            assert_ne!(address, address.to_lowercase(), "without capitals there is no checksum");
        }
    }

    #[test]
    fn configuration_wins_over_what_is_known() {
        let read = |json: &str| {
            let mut token: Token = serde_json::from_str(json).unwrap();
            token.complete(ChainId::parse(8453).unwrap());
            (token.symbol, token.decimals, token.currency.map(|currency| currency.as_str().to_owned()))
        };
        let usdc = "0x833589fcd6edb6e08f4c7c32d4f71b54bda02913";
        let known = (Some("USDC".to_owned()), Some(6), Some("USD".to_owned()));
        assert_eq!(read(&format!("\"{usdc}\"")), known);
        let named = read(&format!(r#"{{ "address": "{usdc}", "symbol": "USD Coin", "currency": "eur" }}"#));
        assert_eq!(named, (Some("USD Coin".to_owned()), Some(6), Some("EUR".to_owned())));
        let other = "0xfde4c96c8593536e31f229ea8f37b2ada2699bb2";
        assert_eq!(read(&format!("\"{other}\"")), (None, None, None));
        assert!(serde_json::from_str::<Token>(&format!(r#"{{ "adress": "{usdc}" }}"#)).is_err());
        assert!(serde_json::from_str::<Token>("7").is_err());
    }
}

//! EVM addresses.

use std::fmt;

use alloy_primitives::Address;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::invalid::Invalid;

/// An EVM address as it was given: `0x` and 40 hex digits. Mixed case carries a checksum
/// (EIP-55) and must satisfy it, because a mistyped recipient loses the money.
///
/// Two spellings of one address are equal; what was given is what is given back.
#[derive(Debug, Clone)]
pub struct EvmAddress {
    address: Address,
    given: String,
}

impl EvmAddress {
    /// Reads an address.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let digits = text
            .strip_prefix("0x")
            .filter(|digits| digits.len() == 40 && digits.bytes().all(|b| b.is_ascii_hexdigit()))
            .ok_or_else(|| Invalid::expected("an EVM address: 0x and 40 hex digits"))?;
        let one_case = !digits.bytes().any(|b| b.is_ascii_lowercase())
            || !digits.bytes().any(|b| b.is_ascii_uppercase());
        let address = if one_case { text.parse().ok() } else { Address::parse_checksummed(text, None).ok() };
        let address = address.ok_or_else(|| {
            Invalid::expected("an EVM address whose mixed case satisfies the EIP-55 checksum")
        })?;
        Ok(Self { address, given: text.to_owned() })
    }

    /// The spelling that was given.
    pub fn as_str(&self) -> &str {
        &self.given
    }

    /// Returns whether this is the zero address. As a token it stands for the chain's native money. As a recipient it is no
    /// account.
    pub fn is_zero(&self) -> bool {
        self.address == Address::ZERO
    }

    /// Whether this is `0xEeee…EEeE`, which many tools use for native money. There is no contract at it.
    pub fn is_native_alias(&self) -> bool {
        self.address == Address::repeat_byte(0xee)
    }

    /// Returns `0x` and 40 hex digits in lower case: one spelling for each address.
    pub fn to_lower_case(&self) -> String {
        self.given.to_ascii_lowercase()
    }

    /// The twenty bytes.
    pub fn to_bytes(&self) -> [u8; 20] {
        self.address.into_array()
    }
}

impl PartialEq for EvmAddress {
    fn eq(&self, other: &Self) -> bool {
        self.address == other.address
    }
}

impl Eq for EvmAddress {}

impl fmt::Display for EvmAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.given)
    }
}

impl Serialize for EvmAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.given)
    }
}

impl<'de> Deserialize<'de> for EvmAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USDC_ON_BASE: &str = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913";

    #[test]
    fn one_case_needs_no_checksum_and_spellings_are_equal() {
        let checksummed = EvmAddress::parse(USDC_ON_BASE).unwrap();
        let lower = EvmAddress::parse(&USDC_ON_BASE.to_lowercase()).unwrap();
        let upper = EvmAddress::parse(&format!("0x{}", USDC_ON_BASE[2..].to_uppercase())).unwrap();
        assert_eq!(checksummed, lower);
        assert_eq!(checksummed, upper);
        assert_eq!(checksummed.as_str(), USDC_ON_BASE);
    }

    #[test]
    fn a_broken_checksum_is_refused() {
        assert!(EvmAddress::parse("0x833589FCD6eDb6E08f4c7C32D4f71b54bdA02913").is_err());
    }

    #[test]
    fn other_shapes_are_refused() {
        for text in [
            "",
            "0x",
            "833589fcd6edb6e08f4c7c32d4f71b54bda02913",
            "0X833589fcd6edb6e08f4c7c32d4f71b54bda02913",
            "0x833589fcd6edb6e08f4c7c32d4f71b54bda0291",
            "0x833589fcd6edb6e08f4c7c32d4f71b54bda0291g",
        ] {
            assert!(EvmAddress::parse(text).is_err(), "{text}");
        }
    }
}

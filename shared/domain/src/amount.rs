//! Token amounts.

use std::fmt;

use alloy_primitives::U256;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::invalid::Invalid;

/// An amount in a token's smallest unit: an unsigned 256-bit integer, on the wire and in
/// the table a decimal string. DynamoDB's numbers hold 38 digits and JSON readers often 15,
/// an amount up to 78.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount(U256);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(U256::ZERO);
    /// 2^256 − 1.
    pub const MAX: Self = Self(U256::MAX);

    /// Reads a decimal string without sign, spaces or leading zeros.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let digits = !text.is_empty() && text.len() <= 78 && text.bytes().all(|b| b.is_ascii_digit());
        let canonical = text == "0" || !text.starts_with('0');
        (digits && canonical).then(|| U256::from_str_radix(text, 10).ok()).flatten().map(Self).ok_or_else(
            || Invalid::expected("a decimal string of an integer from 0 to 2^256 - 1, without leading zeros"),
        )
    }

    /// Reads an amount that is more than nothing.
    pub fn parse_positive(text: &str) -> Result<Self, Invalid> {
        match Self::parse(text) {
            Ok(amount) if amount > Self::ZERO => Ok(amount),
            Ok(_) | Err(_) => Err(Invalid::expected(
                "a decimal string of an integer from 1 to 2^256 - 1, without leading zeros",
            )),
        }
    }

    /// The amount of a word, as a token's contract says it.
    pub const fn from_word(word: U256) -> Self {
        Self(word)
    }

    /// Returns the sum, or 2^256 − 1 if it would be more. Sums are only compared with an order's amount, and a saturated
    /// sum is never below it.
    #[must_use]
    pub fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// Returns the difference, or zero if it would be negative.
    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// Returns so many times the amount; `None` if that is more than 2^256 − 1.
    #[must_use]
    pub fn checked_mul(self, times: u64) -> Option<Self> {
        self.0.checked_mul(U256::from(times)).map(Self)
    }
}

impl Amount {
    /// Returns the amount of a token with so many decimals as people write it: `93.354`, exactly.
    pub fn in_decimals(self, decimals: u8) -> String {
        let decimals = usize::from(decimals);
        let digits = format!("{:0>width$}", self.to_string(), width = decimals + 1);
        let (whole, fraction) = digits.split_at(digits.len() - decimals);
        let fraction = fraction.trim_end_matches('0');
        if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
    }
}

impl Amount {
    /// Returns how many hundredths of a unit the amount of a token with so many decimals has, rounded up; `None` if that is
    /// more than 64 bits.
    pub fn in_hundredths(self, decimals: u8) -> Option<u64> {
        let ten_to = |power: u8| U256::from(10).checked_pow(U256::from(power));
        let hundredths = match decimals.checked_sub(2) {
            None => self.0.checked_mul(ten_to(2 - decimals)?)?,
            // A token of which even 2^256 are less than a hundredth.
            Some(excess) => ten_to(excess).map_or(U256::ONE, |unit| self.0.div_ceil(unit)),
        };
        u64::try_from(hundredths).ok()
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MAX: &str = "115792089237316195423570985008687907853269984665640564039457584007913129639935";

    #[test]
    fn the_largest_amount_is_exact() {
        assert_eq!(Amount::parse(MAX), Ok(Amount::MAX));
        assert_eq!(Amount::MAX.to_string(), MAX);
    }

    #[test]
    fn what_is_no_canonical_decimal_is_refused() {
        let above = "115792089237316195423570985008687907853269984665640564039457584007913129639936";
        for text in ["", "-1", "+1", "01", "1.0", "1e3", "0x1", " 1", "1 ", "1_000", "١", above] {
            assert!(Amount::parse(text).is_err(), "{text}");
        }
        assert!(Amount::parse("0").is_ok());
        assert!(Amount::parse_positive("0").is_err());
    }

    #[test]
    fn an_amount_is_written_with_the_decimals_of_its_token() {
        let written = |amount: &str, decimals| Amount::parse(amount).unwrap().in_decimals(decimals);
        for (amount, decimals, expected) in [
            ("93354000", 6, "93.354"),
            ("1", 6, "0.000001"),
            ("0", 6, "0"),
            ("5000000", 6, "5"),
            ("1234567", 0, "1234567"),
            ("10", 0, "10"),
            ("1000000000000000001", 18, "1.000000000000000001"),
        ] {
            assert_eq!(written(amount, decimals), expected);
        }
        assert_eq!(Amount::MAX.in_decimals(255).len(), 257);
    }

    proptest! {
        #[test]
        fn every_amount_survives_its_text(limbs: [u64; 4]) {
            let amount = Amount(U256::from_limbs(limbs));
            prop_assert_eq!(Amount::parse(&amount.to_string()), Ok(amount));
        }

        #[test]
        fn sums_never_wrap(a: [u64; 4], b: [u64; 4]) {
            let (a, b) = (Amount(U256::from_limbs(a)), Amount(U256::from_limbs(b)));
            prop_assert!(a.saturating_add(b) >= a.max(b));
        }
    }
}

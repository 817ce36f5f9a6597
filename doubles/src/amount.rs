//! Decimal amounts, without floating point.

use std::fmt;

/// A decimal amount above zero.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Amount {
    units: u128,
    /// How many of the digits are decimals. At least six, so that half an amount has its own.
    decimals: u32,
}

impl Amount {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let is_number =
            |digits: &str| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
        if !is_number(whole) || !is_number(fraction) {
            return None;
        }
        let units: u128 = format!("{whole}{fraction:0<6}").parse().ok()?;
        let decimals = u32::try_from(fraction.len().max(6)).ok().filter(|decimals| *decimals <= 18)?;
        (units > 0).then_some(Self { units, decimals })
    }

    /// Returns half of it, rounded down to its decimals.
    pub(crate) fn half(self) -> Self {
        Self { units: self.units / 2, ..self }
    }

    pub(crate) fn plus_one(self) -> Self {
        Self { units: self.units.saturating_add(10_u128.pow(self.decimals)), ..self }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = 10_u128.pow(self.decimals);
        let width = self.decimals as usize;
        let text = format!("{}.{:0width$}", self.units / unit, self.units % unit);
        formatter.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_keep_their_decimals() {
        let amount = Amount::parse("93.354").unwrap();
        assert_eq!(amount.half().to_string(), "46.677");
        assert_eq!(amount.plus_one().to_string(), "94.354");
        assert_eq!(Amount::parse("5").unwrap().half().to_string(), "2.5");
        assert_eq!(Amount::parse("10").unwrap().to_string(), "10");
        assert_eq!(Amount::parse("0.000000000000000003").unwrap().half().to_string(), "0.000000000000000001");
        for text in ["0", "0.0", "", ".5", "5.", "-1", "+1", "1e3", "1,5", " 1", "1.0000000000000000001"] {
            assert!(Amount::parse(text).is_none(), "{text}");
        }
    }
}

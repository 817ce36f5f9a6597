//! How long unpaid sessions and orders are kept (docs/api.md, *Expiry*).

use std::str::FromStr;

use crate::invalid::Invalid;

/// How long a session without an order is kept after its deadline, so that who polls it
/// gets a definite `expired` rather than "not found" (docs/api.md, *Expiry*). The same holds for an order on its own
/// that was never paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    days: i64,
}

impl Retention {
    /// 30 days.
    pub const DEFAULT: Self = Self { days: 30 };

    /// The retention in seconds, the unit of DynamoDB's TTL.
    pub const fn as_seconds(self) -> i64 {
        self.days * 24 * 60 * 60
    }
}

impl FromStr for Retention {
    type Err = Invalid;

    /// Reads a number of days. At least 1, because an idempotency key must not outlive its
    /// session; at most 1800, because DynamoDB ignores a TTL more than five years away.
    fn from_str(days: &str) -> Result<Self, Invalid> {
        match days.parse() {
            Ok(days) if (1..=1800).contains(&days) => Ok(Self { days }),
            Ok(_) | Err(_) => Err(Invalid::expected("an integer number of days from 1 to 1800")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retention_is_a_day_to_five_years() {
        assert_eq!("1".parse::<Retention>().unwrap().as_seconds(), 86_400);
        for days in ["0", "1801", "-3", "", "x", "30 "] {
            assert!(days.parse::<Retention>().is_err(), "{days}");
        }
    }
}

//! JSON-RPC's numbers: `0x` and at least one hex digit. A laxer reader would take an empty result, `0x`, for
//! zero: a nonce of zero, or a balance of zero.

use alloy_primitives::U256;
use serde::{Deserialize, Deserializer, de};

/// Reads a number. Fails if it does not fit the type.
pub(crate) fn read<'de, D: Deserializer<'de>, T: TryFrom<U256>>(deserializer: D) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer)?;
    let digits = text.strip_prefix("0x").filter(|digits| !digits.is_empty());
    let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let number = digits.and_then(|digits| U256::from_str_radix(digits, 16).ok());
    number
        .and_then(|number| number.try_into().ok())
        .ok_or_else(|| de::Error::custom("expected a number in hex"))
}

/// A number that is the whole result of a call.
pub(crate) struct Quantity<T>(pub T);

impl<'de, T: TryFrom<U256>> Deserialize<'de> for Quantity<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer).map(Self)
    }
}

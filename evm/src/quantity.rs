//! JSON-RPC's numbers: `0x` and hex digits, at least one. What is laxer would read an empty answer, `0x`,
//! as zero: the nonce of an account that has sent nothing, the balance of one that has nothing.

use alloy_primitives::U256;
use serde::{Deserialize, Deserializer, de};

/// Reads a number into as many bits as it may have.
pub(crate) fn read<'de, D: Deserializer<'de>, T: TryFrom<U256>>(deserializer: D) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer)?;
    let digits = text.strip_prefix("0x").filter(|digits| !digits.is_empty());
    let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let number = digits.and_then(|digits| U256::from_str_radix(digits, 16).ok());
    number
        .and_then(|number| number.try_into().ok())
        .ok_or_else(|| de::Error::custom("expected a number in hex"))
}

/// A number that stands alone, as the answer to a call.
pub(crate) struct Quantity<T>(pub T);

impl<'de, T: TryFrom<U256>> Deserialize<'de> for Quantity<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer).map(Self)
    }
}

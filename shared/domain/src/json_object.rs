//! JSON objects that the service stores and returns unchanged.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::invalid::Invalid;

/// A JSON object of at most 16 KiB, kept as the text that was sent.
///
/// It is never taken apart, so nesting, `null`, Unicode, the order of keys and the digits
/// of numbers come back unchanged (docs/api.md, *Create a session*, `metadata`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct JsonObject(String);

impl JsonObject {
    /// The most bytes of JSON text.
    pub const MAX_BYTES: usize = 16 * 1024;

    /// Reads the text of a JSON value. It must be an object, not too large, and every string in it must be Unicode.
    pub fn parse(value: &RawValue) -> Result<Self, Invalid> {
        let text = value.get();
        if !text.starts_with('{') {
            return Err(Invalid::expected("a JSON object"));
        }
        if text.len() > Self::MAX_BYTES {
            return Err(Invalid::expected("a JSON object of at most 16 KiB of JSON text"));
        }
        if has_lone_surrogate(text) {
            return Err(Invalid::expected(
                "a JSON object whose strings hold no lone surrogates (RFC 7493, section 2.1)",
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// The object without members.
    pub fn empty() -> Self {
        Self("{}".to_owned())
    }

    /// The JSON text as it was sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether well-formed JSON text escapes half of a surrogate pair. No Unicode text holds
/// one, so most readers refuse the whole document: a session with it could be written and
/// never read.
fn has_lone_surrogate(json: &str) -> bool {
    let mut bytes = json.bytes();
    let mut high_before = false;
    while let Some(byte) = bytes.next() {
        let escaped = (byte == b'\\').then(|| bytes.next()).flatten();
        let unit = (escaped == Some(b'u')).then(|| {
            (0..4).fold(0u32, |unit, _| {
                let digit = bytes.next().and_then(|b| char::from(b).to_digit(16));
                unit * 16 + digit.unwrap_or(0)
            })
        });
        let low = unit.is_some_and(|unit| (0xDC00..=0xDFFF).contains(&unit));
        if low != high_before {
            return true;
        }
        high_before = unit.is_some_and(|unit| (0xD800..=0xDBFF).contains(&unit));
    }
    high_before
}

impl Serialize for JsonObject {
    /// As a string: how the table keeps it.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for JsonObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<JsonObject, Invalid> {
        JsonObject::parse(serde_json::from_str(text).unwrap())
    }

    #[test]
    fn the_text_is_kept_to_the_letter() {
        let text =
            r#"{ "b":1.0e+2, "a":[null, 12345678901234567890.10], "ü":"\u00fc😀\ud83d\ude00", "a": 1 }"#;
        assert_eq!(parse(text).unwrap().as_str(), text);
    }

    #[test]
    fn only_an_object_is_taken() {
        for text in ["[]", "1", "\"{}\"", "true"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sixteen_kibibytes_is_the_most() {
        let of_length = |length: usize| format!(r#"{{"a":"{}"}}"#, "x".repeat(length - 8));
        assert!(parse(&of_length(JsonObject::MAX_BYTES)).is_ok());
        assert!(parse(&of_length(JsonObject::MAX_BYTES + 1)).is_err());
    }

    #[test]
    fn half_a_surrogate_pair_is_refused() {
        for text in [r#"{"a":"\ud800"}"#, r#"{"a":"\udc00"}"#, r#"{"\ud83dx":1}"#, r#"{"a":"\ud83d\ud83d"}"#]
        {
            assert!(parse(text).is_err(), "{text}");
        }
        for text in [r#"{"a":"\ud83d\ude00"}"#, r#"{"a":"\\ud800"}"#, r#"{"a":"\u0000"}"#] {
            assert!(parse(text).is_ok(), "{text}");
        }
    }
}

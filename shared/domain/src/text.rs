//! Short texts with a bounded length.

use serde::{Deserialize, Serialize};

use crate::invalid::Invalid;

/// A text of 1 to `MAX` characters (Unicode scalar values).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Text<const MAX: usize>(String);

impl<const MAX: usize> Text<MAX> {
    /// Reads a text of the allowed length.
    pub fn parse(text: String) -> Result<Self, Invalid> {
        // A character has at most four bytes: a length in bytes settles most cases
        // without walking through megabytes.
        let fits = text.len() <= MAX || (text.len() <= 4 * MAX && text.chars().count() <= MAX);
        if text.is_empty() || !fits {
            return Err(Invalid::expected(format!("a string of 1 to {MAX} characters")));
        }
        Ok(Self(text))
    }

    /// The text as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The merchant's own name for an order: 1 to 255 of `[A-Za-z0-9_-]` (docs/api.md,
/// *Create an order*).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OrderReference(String);

impl OrderReference {
    /// Takes the reference where every character is allowed.
    pub fn parse(text: String) -> Result<Self, Invalid> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if (1..=255).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text))
        } else {
            Err(Invalid::expected("1 to 255 characters, each a letter, a digit, `_` or `-`"))
        }
    }

    /// The reference as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_counts_characters_and_not_bytes() {
        assert!(Text::<3>::parse("äöü".to_owned()).is_ok());
        assert!(Text::<3>::parse("äöüß".to_owned()).is_err());
        assert!(Text::<3>::parse(String::new()).is_err());
    }

    #[test]
    fn a_reference_has_no_other_characters() {
        assert!(OrderReference::parse("cart_42-A".to_owned()).is_ok());
        assert!(OrderReference::parse("cart 42".to_owned()).is_err());
        assert!(OrderReference::parse(String::new()).is_err());
        assert!(OrderReference::parse("x".repeat(256)).is_err());
    }
}

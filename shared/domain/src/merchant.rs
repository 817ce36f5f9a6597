//! Merchants: whom an API key speaks for.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::invalid::Invalid;

/// The name of a merchant: 1 to 40 of `[a-z0-9-]`. Index keys join it to other parts with `#`, so it cannot contain one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Merchant(String);

impl Merchant {
    /// The merchant of a deployment that has one.
    pub const DEFAULT: &'static str = "default";

    /// Reads a name.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if (1..=40).contains(&text.len()) && text.bytes().all(is_allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid::expected("1 to 40 characters, each a lower-case letter, a digit or `-`"))
        }
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Merchant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

//! What a checkout page shows of a session beside its price. It is text of the merchant's, and never computed with.

use serde::{Deserialize, Deserializer, Serialize};

use crate::invalid::Invalid;
use crate::pricing::{Currency, Price};
use crate::text::Text;

/// The most bytes of a display, as JSON.
pub const MAX_BYTES: usize = 8 * 1024;
/// The most line items.
pub const MAX_ITEMS: usize = 50;

/// What a page shows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Display {
    /// What is bought.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<Text<200>>,
    /// More about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<Text<1_000>>,
    /// The page's language: a BCP 47 tag, or `auto`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locale: Option<Text<35>>,
    /// The currency of the items' amounts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// When the page goes back to the shop.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub redirect_after: Option<RedirectAfter>,
    /// What is bought, one by one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub line_items: Vec<LineItem>,
}

impl Display {
    /// Returns the language that the page's link asks for; `None` if the payer's browser chooses.
    pub fn page_language(&self) -> Option<&str> {
        let is_tag = |tag: &&str| tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        self.locale.as_ref().map(Text::as_str).filter(is_tag).filter(|tag| *tag != "auto")
    }
}

/// When a page goes back to the shop after the payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Option<u8>", into = "Option<u8>")]
pub enum RedirectAfter {
    /// After so many seconds, 0 to 60.
    Seconds(u8),
    /// If the payer clicks; `null` on the wire.
    Click,
}

impl RedirectAfter {
    /// Reads a number of seconds.
    pub fn parse(seconds: u64) -> Result<Self, Invalid> {
        let seconds = u8::try_from(seconds).ok().filter(|seconds| *seconds <= 60);
        let invalid = || Invalid::expected("an integer number of seconds from 0 to 60, or null");
        seconds.map(Self::Seconds).ok_or_else(invalid)
    }
}

/// Reads a value that is there: `null` is one.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<RedirectAfter>, D::Error> {
    RedirectAfter::deserialize(deserializer).map(Some)
}

impl From<Option<u8>> for RedirectAfter {
    fn from(seconds: Option<u8>) -> Self {
        seconds.map_or(Self::Click, Self::Seconds)
    }
}

impl From<RedirectAfter> for Option<u8> {
    fn from(after: RedirectAfter) -> Self {
        match after {
            RedirectAfter::Seconds(seconds) => Some(seconds),
            RedirectAfter::Click => None,
        }
    }
}

/// A line of what is bought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineItem {
    /// What it is.
    pub name: Text<200>,
    /// How many of it.
    pub quantity: Quantity,
    /// What one of it costs, as a decimal text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<ItemAmount>,
}

/// How many of an item: 1 to a million.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Quantity(u32);

impl Quantity {
    /// One.
    pub const ONE: Self = Self(1);

    /// Reads a number.
    pub fn parse(number: u64) -> Result<Self, Invalid> {
        let number = u32::try_from(number).ok().filter(|number| (1..=1_000_000).contains(number));
        number.map(Self).ok_or_else(|| Invalid::expected("an integer from 1 to 1000000"))
    }
}

/// The amount of an item, as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ItemAmount(String);

impl ItemAmount {
    /// Reads a decimal text.
    pub fn parse(text: String) -> Result<Self, Invalid> {
        Price::parse(&text).map(|_| Self(text))
    }
}

impl Display {
    /// Refuses a display that is too long as a whole.
    pub fn check(&self) -> Result<(), Invalid> {
        let length = serde_json::to_string(self).map_or(usize::MAX, |json| json.len());
        if length <= MAX_BYTES {
            Ok(())
        } else {
            Err(Invalid::expected(format!("at most {MAX_BYTES} bytes of JSON")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirect_after_is_null_for_a_click() {
        let json = |redirect_after| {
            let display = Display { redirect_after, ..Display::default() };
            let json = serde_json::to_string(&display).unwrap();
            assert_eq!(serde_json::from_str::<Display>(&json).unwrap(), display);
            json
        };
        assert_eq!(json(None), "{}");
        assert_eq!(json(Some(RedirectAfter::Click)), r#"{"redirect_after":null}"#);
        assert_eq!(json(Some(RedirectAfter::Seconds(3))), r#"{"redirect_after":3}"#);
        assert!(RedirectAfter::parse(60).is_ok() && RedirectAfter::parse(61).is_err());
    }
}

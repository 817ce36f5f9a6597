//! Name, colour and logo of the page. They come from the deployment alone: a session cannot pretend to be another shop.

use domain::invalid::Invalid;
use runtime::config::{ConfigError, Settings};
use serde_json::Value;

use crate::configuration::{object, text};

/// The shop's name.
pub const NAME: &str = "BRAND_NAME";
/// Where a payer finds help: an `https` or `mailto` URL.
pub const SUPPORT_URL: &str = "BRAND_SUPPORT_URL";
/// The colour of buttons and links, such as `#0a7c42`.
pub const ACCENT: &str = "BRAND_ACCENT";
/// A small image as a `data:` URI. All variables of a function share 4 KB.
pub const LOGO: &str = "BRAND_LOGO";

const LONGEST_NAME: usize = 60;

/// How the page presents the shop.
#[derive(Debug, Clone, Default)]
pub struct Brand {
    name: Option<String>,
    support_url: Option<String>,
    accent: Option<String>,
    logo: Option<String>,
}

/// Reads the brand. A malformed value fails the function's start with its name.
pub fn read(settings: Settings) -> Result<Brand, ConfigError> {
    Ok(Brand {
        name: settings.parsed(NAME, name)?,
        support_url: settings.parsed(SUPPORT_URL, support_url)?,
        accent: settings.parsed(ACCENT, accent)?,
        logo: settings.parsed(LOGO, logo)?,
    })
}

impl Brand {
    pub(crate) fn to_json(&self) -> Value {
        object([
            ("name", text(self.name.as_deref())),
            ("supportUrl", text(self.support_url.as_deref())),
            ("accent", text(self.accent.as_deref())),
            ("logo", text(self.logo.as_deref())),
        ])
    }
}

fn name(text: &str) -> Result<String, Invalid> {
    let is_shown = text.chars().count() <= LONGEST_NAME && !text.chars().any(char::is_control);
    checked(text, is_shown, "at most 60 characters in one line")
}

fn support_url(text: &str) -> Result<String, Invalid> {
    let is_known = ["https://", "mailto:"].iter().any(|scheme| text.starts_with(scheme));
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    checked(text, is_known && is_plain, "an https or mailto URL")
}

fn accent(text: &str) -> Result<String, Invalid> {
    let digits = text.strip_prefix('#').unwrap_or_default();
    let is_colour = digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    checked(text, is_colour, "a colour such as #0a7c42")
}

fn logo(text: &str) -> Result<String, Invalid> {
    let is_image = ["png", "jpeg", "webp", "svg+xml"].iter().any(|kind| {
        text.strip_prefix("data:image/").is_some_and(|rest| rest.starts_with(&format!("{kind};base64,")))
    });
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    checked(text, is_image && is_plain, "data:image/png;base64,…, or jpeg, webp or svg+xml")
}

fn checked(text: &str, is_right: bool, expected: &'static str) -> Result<String, Invalid> {
    if is_right { Ok(text.to_owned()) } else { Err(Invalid::expected(expected)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_page_can_show_is_accepted() {
        assert!(name("Tea & Co.").is_ok());
        assert!(name(&"x".repeat(61)).is_err());
        assert!(name("two\nlines").is_err());
        assert!(support_url("mailto:help@shop.example").is_ok());
        for url in ["javascript:alert(1)", "http://shop.example", "https://shop.example/a b"] {
            assert!(support_url(url).is_err(), "{url}");
        }
        assert!(accent("#0a7c42").is_ok());
        for colour in ["red", "#0a7", "#0a7c4g", "0a7c42"] {
            assert!(accent(colour).is_err(), "{colour}");
        }
        assert!(logo("data:image/png;base64,iVBORw0KGgo=").is_ok());
        for image in
            ["https://shop.example/logo.png", "data:text/html;base64,PGI+", "data:image/gif;base64,R0"]
        {
            assert!(logo(image).is_err(), "{image}");
        }
    }
}

//! `next_cursor`: the opaque text that continues a list (docs/api.md, *Lists*).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use domain::invalid::Invalid;
use domain::listing::{Place, Start};

/// Between the place and how many more are skipped. It is in no base64.
const SKIP: char = '.';

/// Returns the text that continues the list at `url` at a place: the base64 of both, and what is left to skip, if anything
/// is. With the list's name in it, one list refuses the cursor of another.
pub fn cursor(url: &str, start: &Start) -> Option<String> {
    let place = BASE64.encode(format!("{url} {}", start.before.as_ref()?.as_str()));
    Some(if start.skip == 0 { place } else { format!("{place}{SKIP}{}", start.skip) })
}

/// Reads such a text of the list at `url`. `most_skipped` is the most that a client may skip.
pub fn start(url: &'static str, most_skipped: usize) -> impl FnOnce(&str) -> Result<Start, Invalid> {
    move |text| {
        let (place, skip) = text.split_once(SKIP).unwrap_or((text, "0"));
        let decoded = BASE64.decode(place).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let before = decoded.and_then(|text| Place::parse(text.strip_prefix(url)?.strip_prefix(' ')?));
        let skip = skip.parse().ok().filter(|skip| *skip <= most_skipped);
        match (before, skip) {
            (Some(before), Some(skip)) => Ok(Start { before: Some(before), skip }),
            _ => Err(Invalid::expected("a next_cursor of this list")),
        }
    }
}

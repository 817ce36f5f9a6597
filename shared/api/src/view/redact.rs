//! Hides a session's id from callers that have only its order's id.

use std::borrow::Cow;

use domain::id::SessionId;

use crate::json::literal_length;

/// What stands where the id was.
const HIDDEN: &str = "[session id]";

/// Hides a session's id in what clients sent and the service gives back.
///
/// The id is a capability: its holder may read the session and call it off. An order's id is passed around more freely,
/// so a response that it opens must not lead to the session.
#[derive(Debug, Clone)]
pub(super) struct Redaction {
    /// The 32 digits of the id; `None` if nothing is to be hidden.
    digits: Option<String>,
}

impl Redaction {
    /// Hides nothing: the reader knows the session's id, or there is no session.
    pub(super) const NONE: Self = Self { digits: None };

    /// Hides the id of this session.
    pub(super) fn of(session: SessionId) -> Self {
        Self { digits: Some(session.to_string().replace('-', "")) }
    }

    /// Whether something is hidden.
    pub(super) fn is_active(&self) -> bool {
        self.digits.is_some()
    }

    /// A text without the id.
    pub(super) fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.without_id(text).map_or(Cow::Borrowed(text), Cow::Owned)
    }

    /// JSON text whose strings and keys are without the id. Everything else stays byte for byte.
    pub(super) fn json<'a>(&self, json: &'a str) -> Cow<'a, str> {
        if !self.is_active() {
            return Cow::Borrowed(json);
        }
        let mut redacted = String::with_capacity(json.len());
        let mut rest = json;
        while let Some(at) = rest.find('"') {
            let (before, from) = rest.split_at(at);
            let (literal, after) = from.split_at(literal_length(from));
            redacted.push_str(before);
            // Decoded, because JSON spells a character in more than one way.
            let decoded: Option<String> = serde_json::from_str(literal).ok();
            let hidden = decoded.and_then(|text| self.without_id(&text));
            match hidden.and_then(|text| serde_json::to_string(&text).ok()) {
                Some(text) => redacted.push_str(&text),
                None => redacted.push_str(literal),
            }
            rest = after;
        }
        redacted.push_str(rest);
        Cow::Owned(redacted)
    }

    /// The text with the id replaced; `None` if it does not hold the id.
    fn without_id(&self, text: &str) -> Option<String> {
        let digits = self.digits.as_deref()?;
        let mut redacted = String::new();
        let mut rest = text;
        let mut is_found = false;
        let mut at = 0;
        while let Some(from) = rest.get(at..) {
            let Some(next) = from.chars().next() else { break };
            match length_of_id(from, digits) {
                Some(length) => {
                    redacted.push_str(rest.get(..at).unwrap_or_default());
                    redacted.push_str(HIDDEN);
                    rest = from.get(length..).unwrap_or_default();
                    at = 0;
                    is_found = true;
                }
                None => at += next.len_utf8(),
            }
        }
        redacted.push_str(rest);
        is_found.then_some(redacted)
    }
}

/// How long the id is that `text` begins with: its digits in any case, with or without hyphens, which a URL may have
/// percent-encoded. `None` if the text begins with something else.
fn length_of_id(text: &str, digits: &str) -> Option<usize> {
    let mut rest = text;
    for (at, digit) in digits.chars().enumerate() {
        while at > 0
            && let Some(after) = ["-", "%2d", "%2D"].iter().find_map(|hyphen| rest.strip_prefix(hyphen))
        {
            rest = after;
        }
        rest = rest.strip_prefix(|c: char| c.eq_ignore_ascii_case(&digit))?;
    }
    Some(text.len() - rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "7b1c2a34-5d6e-4f80-91a2-b3c4d5e6f708";

    fn redaction() -> Redaction {
        Redaction::of(SessionId::parse(ID).unwrap())
    }

    #[test]
    fn the_id_is_hidden_in_every_spelling() {
        for spelled in [
            ID.to_owned(),
            ID.to_uppercase(),
            ID.replace('-', ""),
            ID.replace('-', "%2D"),
            ID.replace('-', "").to_uppercase(),
        ] {
            assert_eq!(redaction().text(&spelled), HIDDEN);
            let within = format!("https://shop.example/ü?id={spelled}&b={spelled}#7b1c");
            let expected = format!("https://shop.example/ü?id={HIDDEN}&b={HIDDEN}#7b1c");
            assert_eq!(redaction().text(&within), expected);
        }
        assert_eq!(redaction().text(&format!("7{ID}")), format!("7{HIDDEN}"));
    }

    #[test]
    fn nothing_else_is_changed() {
        let other = ID.replace('7', "8");
        for text in ["", "7b1c2a34", &other, "ü", &ID[..35]] {
            assert!(matches!(redaction().text(text), Cow::Borrowed(same) if same == text), "{text}");
        }
        assert_eq!(Redaction::NONE.text(ID), ID);
        assert_eq!(Redaction::NONE.json(ID), ID);
    }

    #[test]
    fn only_strings_of_json_change() {
        let escaped: Vec<String> = ID.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
        let escaped = escaped.concat();
        let json = format!(
            r#"{{ "a":[1.0e+2, {{"b\"":"{ID}"}}, null],"{ID}":true, "c":"x\u00fc","d":"{escaped}","e":"\\" }}"#
        );
        let expected = format!(
            r#"{{ "a":[1.0e+2, {{"b\"":"{HIDDEN}"}}, null],"{HIDDEN}":true, "c":"x\u00fc","d":"{HIDDEN}","e":"\\" }}"#
        );
        assert_eq!(redaction().json(&json), expected);
    }
}

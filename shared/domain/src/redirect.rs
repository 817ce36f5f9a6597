//! Where the payer is sent back to.

use serde::{Deserialize, Serialize};
use url::Url;

use crate::id::SessionId;
use crate::invalid::Invalid;

/// The names that stand for the session's id. The second is an alias that older
/// integrations use; it never stood for the order's id.
const VARIABLES: [&str; 2] = ["SESSION_ID", "ORDER_ID"];

/// The schemes that redirects may have beside `http` and `https`, such as `myapp` of a mobile app.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RedirectSchemes(Vec<String>);

/// Schemes whose URLs run a script, hold a page of their own, or open a file of the payer's.
const FORBIDDEN_SCHEMES: [&str; 9] =
    ["about", "blob", "data", "file", "filesystem", "javascript", "mailto", "vbscript", "view-source"];

impl RedirectSchemes {
    /// Reads a list of schemes, separated by commas.
    pub fn parse(list: &str) -> Result<Self, Invalid> {
        let schemes: Vec<String> = list.split(',').map(|scheme| scheme.trim().to_ascii_lowercase()).collect();
        let is_allowed = |scheme: &String| is_scheme(scheme) && !FORBIDDEN_SCHEMES.contains(&scheme.as_str());
        if schemes.iter().all(is_allowed) {
            Ok(Self(schemes))
        } else {
            let forbidden = FORBIDDEN_SCHEMES.join(", ");
            Err(Invalid::expected(format!("URL schemes separated by commas, and none of {forbidden}")))
        }
    }

    /// Returns the schemes, in lower case.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    fn allows(&self, scheme: &str) -> bool {
        ["http", "https"]
            .into_iter()
            .chain(self.0.iter().map(String::as_str))
            .any(|allowed| scheme.eq_ignore_ascii_case(allowed))
    }
}

/// Returns whether a text is the scheme of a URL (RFC 3986, section 3.1).
fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// A merchant's `success_url` or `cancel_url`, as it was given: an absolute URL that may hold template variables
/// (docs/api.md, *Redirect templates*). Its scheme is `http`, `https`, or one that the operator allows.
///
/// A URL parser judges it but never rewrites it: a merchant compares and signs these
/// strings byte for byte, and a re-serialised `{` would be no variable any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RedirectUrl(String);

impl RedirectUrl {
    /// The most characters a URL may have.
    pub const MAX_CHARACTERS: usize = 2048;

    /// Reads an `http` or `https` URL and checks the rules.
    pub fn parse(text: String) -> Result<Self, Invalid> {
        Self::parse_with(text, &RedirectSchemes::default())
    }

    /// Reads a URL that may also have one of these schemes.
    pub fn parse_with(text: String, schemes: &RedirectSchemes) -> Result<Self, Invalid> {
        if text.chars().count() > Self::MAX_CHARACTERS {
            return Err(Invalid::expected("a URL of at most 2048 characters"));
        }
        if text.chars().any(char::is_control) || text.trim() != text {
            return Err(Invalid::expected("a URL without control characters and without spaces at its ends"));
        }
        // Parsers forgive `https:host`, `https:/host` and `https:\\host`; browsers and
        // servers then disagree on which host is meant, which is how open redirects begin.
        let is_allowed = scheme(&text).is_some_and(|scheme| schemes.allows(scheme));
        let authority = authority(&text).filter(|authority| is_allowed && !authority.contains('\\'));
        let has_host = Url::parse(&text).is_ok_and(|url| url.has_host());
        let (Some(authority), true) = (authority, has_host) else {
            return Err(Invalid::expected(if schemes.0.is_empty() {
                "an absolute http or https URL with a host".to_owned()
            } else {
                let more = schemes.0.join(", ");
                format!("an absolute URL with a host and one of these schemes: http, https, {more}")
            }));
        };
        if authority.contains('@') {
            return Err(Invalid::expected("a URL without user name and password"));
        }
        if authority.contains(['{', '}', '%']) {
            return Err(Invalid::expected(
                "a URL whose template variables stand in its path, query or fragment",
            ));
        }
        Ok(Self(text))
    }

    /// The URL as it was given, templates unresolved.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The URL for the payer of `session`: every variable becomes the session's id; where
    /// there is none, `sessionId=<id>` joins the query. Every other byte stays.
    pub fn resolve(&self, session: SessionId) -> String {
        let id = session.to_string();
        let origin_length = self.0.len() - after_authority(&self.0).len();
        let (origin, mut rest) = self.0.split_at(origin_length);
        let mut resolved = origin.to_owned();
        let mut found = false;
        while let Some(at) = rest.find(['{', '%']) {
            let (before, from) = rest.split_at(at);
            resolved.push_str(before);
            if let Some(after) = VARIABLES.iter().find_map(|name| strip_variable(from, name)) {
                resolved.push_str(&id);
                rest = after;
                found = true;
            } else {
                let (other, after) = from.split_at(1);
                resolved.push_str(other);
                rest = after;
            }
        }
        resolved.push_str(rest);
        if found { resolved } else { with_query_parameter(&resolved, "sessionId", &id) }
    }
}

/// The part before `://`.
fn scheme(url: &str) -> Option<&str> {
    url.split_once("://").map(|(scheme, _)| scheme).filter(|scheme| is_scheme(scheme))
}

/// The part between `://` and the path, query or fragment.
fn authority(url: &str) -> Option<&str> {
    let after_scheme = after_scheme(url)?;
    let end = after_scheme.find(['/', '?', '#']).unwrap_or(after_scheme.len());
    after_scheme.get(..end).filter(|authority| !authority.is_empty())
}

/// The path, query and fragment.
fn after_authority(url: &str) -> &str {
    let after_scheme = after_scheme(url).unwrap_or(url);
    after_scheme.find(['/', '?', '#']).and_then(|end| after_scheme.get(end..)).unwrap_or("")
}

fn after_scheme(url: &str) -> Option<&str> {
    url.get(scheme(url)?.len() + "://".len()..)
}

/// What follows the variable `name` where `text` starts with it, written `{NAME}` or
/// percent-encoded. The name itself is case-sensitive.
fn strip_variable<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    [("{", "}"), ("%7B", "%7D")].into_iter().find_map(|(open, close)| {
        let after_name = strip_prefix_ignoring_case(text, open)?.strip_prefix(name)?;
        strip_prefix_ignoring_case(after_name, close)
    })
}

fn strip_prefix_ignoring_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

fn with_query_parameter(url: &str, name: &str, value: &str) -> String {
    let (before, fragment) = match url.find('#') {
        Some(at) => url.split_at(at),
        None => (url, ""),
    };
    let separator = match before.split_once('?') {
        None => "?",
        // A query that ends with `?` is not empty: that `?` belongs to its last value.
        Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
        Some(_) => "&",
    };
    format!("{before}{separator}{name}={value}{fragment}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ID: &str = "7b1c2a34-5d6e-4f80-91a2-b3c4d5e6f708";

    fn resolve(url: &str) -> String {
        let session = SessionId::parse(ID).unwrap();
        RedirectUrl::parse(url.to_owned()).unwrap().resolve(session)
    }

    #[test]
    fn every_occurrence_is_replaced() {
        assert_eq!(
            resolve("https://shop.example/{SESSION_ID}/x?a={ORDER_ID}&b={SESSION_ID}#{SESSION_ID}"),
            format!("https://shop.example/{ID}/x?a={ID}&b={ID}#{ID}")
        );
    }

    #[test]
    fn percent_encoded_braces_count_in_either_case() {
        assert_eq!(
            resolve("https://shop.example/%7BSESSION_ID%7D?a=%7bORDER_ID%7d&b=%7BSESSION_ID%7d"),
            format!("https://shop.example/{ID}?a={ID}&b={ID}")
        );
    }

    #[test]
    fn other_names_are_left_alone() {
        assert_eq!(
            resolve("https://shop.example/{session_id}/{X}/{SESSION_ID/%7BX%7D/100%?{{SESSION_ID}}"),
            format!("https://shop.example/{{session_id}}/{{X}}/{{SESSION_ID/%7BX%7D/100%?{{{ID}}}")
        );
    }

    #[test]
    fn without_a_variable_the_id_joins_the_query() {
        for (url, expected) in [
            ("https://shop.example", format!("https://shop.example?sessionId={ID}")),
            ("https://shop.example/ok", format!("https://shop.example/ok?sessionId={ID}")),
            ("https://shop.example/ok?", format!("https://shop.example/ok?sessionId={ID}")),
            ("https://shop.example/ok?a=1", format!("https://shop.example/ok?a=1&sessionId={ID}")),
            ("https://shop.example/ok?a=1&", format!("https://shop.example/ok?a=1&sessionId={ID}")),
            ("https://shop.example/ok??", format!("https://shop.example/ok??&sessionId={ID}")),
            (
                "https://shop.example/ok?next=https://app.example/in?",
                format!("https://shop.example/ok?next=https://app.example/in?&sessionId={ID}"),
            ),
            ("https://shop.example/ok?a=1?#top", format!("https://shop.example/ok?a=1?&sessionId={ID}#top")),
            ("https://shop.example/ok?&", format!("https://shop.example/ok?&sessionId={ID}")),
            ("https://shop.example/ok?#a?", format!("https://shop.example/ok?sessionId={ID}#a?")),
            ("https://shop.example/ok#top?x", format!("https://shop.example/ok?sessionId={ID}#top?x")),
            ("https://shop.example?a#b", format!("https://shop.example?a&sessionId={ID}#b")),
            (
                "HTTPS://Shop.Example:8443/%7euser/ü",
                format!("HTTPS://Shop.Example:8443/%7euser/ü?sessionId={ID}"),
            ),
        ] {
            assert_eq!(resolve(url), expected);
        }
    }

    #[test]
    fn what_is_no_plain_absolute_url_is_refused() {
        for url in [
            "",
            "shop.example",
            "/ok",
            "//shop.example/ok",
            "ftp://shop.example",
            "javascript:alert(1)",
            "https:shop.example",
            "https:/shop.example",
            "https:\\\\shop.example",
            "https://",
            "https:///ok",
            "https://?a",
            "https://shop.example\\@evil.example",
            "https://user@shop.example",
            "https://user:secret@shop.example",
            "https://@shop.example",
            "https://shop.example/\n",
            "https://shop.example/\u{0}",
            "https://shop.example/\u{85}",
            " https://shop.example",
            "https://shop.example ",
            "https://{SESSION_ID}.shop.example",
            "https://shop example",
            "https://shop.example:99999",
        ] {
            assert!(RedirectUrl::parse(url.to_owned()).is_err(), "{url:?}");
        }
    }

    #[test]
    fn other_schemes_are_taken_if_they_are_allowed_and_some_never() {
        let schemes = RedirectSchemes::parse("myapp, shop+ios").unwrap();
        let session = SessionId::parse(ID).unwrap();
        for (url, expected) in [
            ("myapp://thanks", format!("myapp://thanks?sessionId={ID}")),
            ("MyApp://thanks/{SESSION_ID}", format!("MyApp://thanks/{ID}")),
            ("shop+ios://a/b?c=d#e", format!("shop+ios://a/b?c=d&sessionId={ID}#e")),
            ("https://shop.example/ok", format!("https://shop.example/ok?sessionId={ID}")),
        ] {
            assert_eq!(RedirectUrl::parse_with(url.to_owned(), &schemes).unwrap().resolve(session), expected);
        }
        for url in [
            "other://thanks",
            "myapp:thanks",
            "myapp:///thanks",
            "myapp://u@thanks",
            "javascript://x/%0aalert(1)",
        ] {
            assert!(RedirectUrl::parse_with(url.to_owned(), &schemes).is_err(), "{url}");
        }
        assert!(RedirectUrl::parse("myapp://thanks".to_owned()).is_err());
        for list in ["javascript", "myapp,DATA", "file", "blob", "vbscript", "my app", "1app", ",", ""] {
            assert!(RedirectSchemes::parse(list).is_err(), "{list}");
        }
    }

    #[test]
    fn the_longest_url_has_2048_characters() {
        let of_length = |length: usize| format!("https://shop.example/{}", "ü".repeat(length - 21));
        assert!(RedirectUrl::parse(of_length(2048)).is_ok());
        assert!(RedirectUrl::parse(of_length(2049)).is_err());
    }

    proptest! {
        /// Texts free of variables, glued together with variables between them, come back
        /// with nothing but the variables changed.
        #[test]
        fn no_other_byte_changes(
            first in "(/[a-zA-Z0-9{}%._~ü -]{0,20}){0,3}",
            others in proptest::collection::vec(("[{]SESSION_ID[}]|%7[Bb]ORDER_ID%7[Dd]", "[a-z0-9?&=#/%{.ü-]{0,20}x"), 1..5),
        ) {
            let mut url = format!("https://shop.example/{}x", first.replace('}', ""));
            let mut expected = url.clone();
            for (variable, text) in &others {
                url.push_str(variable);
                url.push_str(text);
                expected.push_str(ID);
                expected.push_str(text);
            }
            prop_assert_eq!(resolve(&url), expected);
        }

        /// Without a variable, taking the parameter out again gives the URL back.
        #[test]
        fn the_parameter_is_all_that_is_added(path in "[a-zA-Z0-9/?&=#%._~ü-]{0,60}") {
            let url = format!("https://shop.example/{path}");
            let resolved = resolve(&url);
            let parameter = format!("sessionId={ID}");
            let (before, after) = resolved.split_once(&parameter).unwrap();
            let without = format!("{before}{after}");
            let shorter = format!("{}{after}", &before[..before.len() - 1]);
            prop_assert!(without == url || shorter == url, "{} from {}", resolved, url);
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,80}") {
            let session = SessionId::parse(ID).unwrap();
            if let Ok(url) = RedirectUrl::parse(text) {
                url.resolve(session);
            }
            if let Ok(url) = RedirectUrl::parse("https://x/".to_owned()) {
                url.resolve(session);
            }
        }
    }
}

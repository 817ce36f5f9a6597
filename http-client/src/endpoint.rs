//! The URL of another system. It is a secret, because providers put the key into the path.

use std::fmt;

use hyper::Uri;
use url::Url;

/// The error for a text that is no endpoint. It says what was expected and never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected http or https URLs with a host and without user info, separated by spaces")]
pub struct NotAnEndpoint;

/// The URL of another system. No `Debug` output, error or log line shows it.
#[derive(Clone)]
pub struct Endpoint {
    uri: Uri,
    /// The host, and the parts of path and query that may be a key. No message may contain them.
    secrets: Vec<String>,
}

impl Endpoint {
    /// Reads a URL.
    pub fn parse(text: &str) -> Result<Self, NotAnEndpoint> {
        let url = Url::parse(text).map_err(|_| NotAnEndpoint)?;
        let has_user_info = !url.username().is_empty() || url.password().is_some();
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(NotAnEndpoint)?;
        if !matches!(url.scheme(), "http" | "https") || has_user_info {
            return Err(NotAnEndpoint);
        }
        let parts = url.path().split('/').chain(url.query().unwrap_or_default().split(['&', '=']));
        // Short parts such as `v2` and `rpc` are no keys, and messages contain them as words.
        let secrets = parts.chain([host]).filter(|part| part.len() > 5).map(str::to_owned).collect();
        let uri = url.as_str().parse().map_err(|_| NotAnEndpoint)?;
        Ok(Self { uri, secrets })
    }

    /// Reads one or several URLs, separated by spaces.
    pub fn parse_all(text: &str) -> Result<Vec<Self>, NotAnEndpoint> {
        let endpoints: Result<Vec<_>, _> = text.split_whitespace().map(Self::parse).collect();
        endpoints.and_then(|all| if all.is_empty() { Err(NotAnEndpoint) } else { Ok(all) })
    }

    /// Returns the URL to connect to.
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Returns the server's words on one line, at most 500 characters, and without the URL: servers often repeat
    /// the key that they refuse.
    pub fn redact(&self, said: &str) -> String {
        const LONGEST: usize = 500;
        let shown = self.secrets.iter().fold(said.to_owned(), |text, secret| text.replace(secret, "…"));
        shown.chars().take(LONGEST).map(|c| if c.is_control() { ' ' } else { c }).collect()
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Endpoint(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://base.node.example/v2/sEcReTkEy?token=hIdDeN99";

    #[test]
    fn debug_shows_nothing_of_the_url() {
        assert_eq!(format!("{:?}", Endpoint::parse(URL).unwrap()), "Endpoint(hidden)");
    }

    #[test]
    fn a_nodes_words_lose_the_url_and_keep_their_sense() {
        let endpoint = Endpoint::parse(URL).unwrap();
        let said = "key sEcReTkEy of base.node.example:\n token hIdDeN99 is unknown in v2";
        assert_eq!(endpoint.redact(said), "key … of …:  token … is unknown in v2");
    }

    #[test]
    fn a_nodes_words_are_cut_short() {
        let endpoint = Endpoint::parse(URL).unwrap();
        assert_eq!(endpoint.redact(&"é".repeat(100_000)).chars().count(), 500);
    }

    #[test]
    fn other_texts_are_refused_and_not_repeated() {
        for text in ["", "node.example", "ws://node.example", "https://", "https://me:sEcReT@node.example"] {
            let refused = Endpoint::parse(text).unwrap_err();
            assert!(!format!("{refused} {refused:?}").contains("sEcReT"), "{text}");
        }
    }

    #[test]
    fn several_are_separated_by_spaces_and_none_is_refused() {
        assert_eq!(Endpoint::parse_all(" http://a.example  https://b.example/x\n").unwrap().len(), 2);
        assert!(Endpoint::parse_all(" ").is_err());
        assert!(Endpoint::parse_all("http://a.example b").is_err());
    }
}

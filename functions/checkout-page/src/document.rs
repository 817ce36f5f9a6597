//! The document of one language: rendered, hashed and compressed once, when it is first asked for.

use std::io::Write as _;
use std::sync::OnceLock;

use api::Language;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::entity_tag;
use crate::messages::messages;

/// The page with its script and style. `web/checkout-page` builds it, and CI compares.
const TEMPLATE: &str = include_str!("../../../web/checkout-page/dist/checkout.html");

/// What the page is allowed: its own script, style and origin, and images within the document. The hashes are of what
/// stands in the document, so nothing that is injected runs. A page that frames this one could steal a click.
const POLICY: &str = "default-src 'none'; script-src {script}; style-src {style}; img-src data:; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The document of a language.
#[derive(Debug)]
pub(crate) struct Document {
    language: Language,
    rendered: OnceLock<Rendered>,
}

/// What a response needs.
#[derive(Debug)]
pub(crate) struct Rendered {
    pub(crate) html: String,
    /// The same, in gzip and base64: API Gateway compresses nothing by itself.
    pub(crate) compressed: String,
    /// The `Content-Security-Policy`.
    pub(crate) policy: String,
    pub(crate) tag: String,
}

impl Document {
    pub(crate) const fn new(language: Language) -> Self {
        Self { language, rendered: OnceLock::new() }
    }

    pub(crate) fn language(&self) -> Language {
        self.language
    }

    pub(crate) fn rendered(&self, configuration: &str) -> &Rendered {
        self.rendered.get_or_init(|| render(self.language, configuration))
    }
}

fn render(language: Language, configuration: &str) -> Rendered {
    let texts = messages(language);
    let messages: Value = serde_json::from_str(texts).unwrap_or_default();
    let title = messages.get("page_title").and_then(Value::as_str).unwrap_or_default();
    // One pass, so that a value which looks like a placeholder stays a value.
    let mut html = String::with_capacity(TEMPLATE.len() + configuration.len() + texts.len());
    let mut rest = TEMPLATE;
    while let Some((before, (name, after))) =
        rest.split_once("{{").and_then(|(before, after)| Some((before, after.split_once("}}")?)))
    {
        html.push_str(before);
        match name {
            "lang" => html.push_str(language.tag()),
            "dir" => html.push_str(language.direction()),
            "title" => html.push_str(title),
            "configuration" => html.push_str(&in_script(configuration)),
            "messages" => html.push_str(&in_script(&messages.to_string())),
            // It is the script's.
            _ => {
                html.push_str("{{");
                rest = rest.get(before.len() + 2..).unwrap_or_default();
                continue;
            }
        }
        rest = after;
    }
    html.push_str(rest);

    let hash = |start: &str, end: &str| {
        let inner = html.split_once(start).and_then(|(_, rest)| rest.split_once(end)).map(|(inner, _)| inner);
        format!("'sha256-{}'", STANDARD.encode(Sha256::digest(inner.unwrap_or_default())))
    };
    let script = hash("<script type=\"module\">", "</script>");
    let policy = POLICY.replace("{script}", &script).replace("{style}", &hash("<style>", "</style>"));
    Rendered {
        compressed: STANDARD.encode(gzip(html.as_bytes())),
        tag: entity_tag(html.as_bytes()),
        policy,
        html,
    }
}

/// Escapes JSON for a `script` element, which `</script>` or `<!--` within a text would end.
fn in_script(json: &str) -> String {
    json.replace('<', "\\u003c")
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    // Writing to memory does not fail. If it did, the empty document would show it.
    let written = encoder.write_all(bytes);
    written.and_then(|()| encoder.finish()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The budget of a document: what a payer waits for on a slow connection.
    const MOST_COMPRESSED_BYTES: usize = 32 * 1024;

    #[test]
    fn every_document_is_whole_and_within_its_budget() {
        for language in Language::ALL {
            let configuration = r#"{"brand":{"name":"</script><b>{{messages}}"}}"#;
            let page = render(language, configuration);
            let size = STANDARD.decode(&page.compressed).unwrap().len();
            assert!(size <= MOST_COMPRESSED_BYTES, "{} has {size} bytes", language.tag());
            assert!(page.html.contains(&format!("<html lang=\"{}\" dir=\"", language.tag())));
            for placeholder in ["{{lang}}", "{{dir}}", "{{title}}", "{{configuration}}"] {
                assert!(!page.html.contains(placeholder), "{placeholder}");
            }
            assert!(page.html.contains(r#"{"brand":{"name":"\u003c/script>\u003cb>{{messages}}"}}"#));
            assert_eq!(page.html.matches("</script>").count(), 3);
            assert_eq!(page.html.matches("<style>").count(), 1);
            assert_eq!(page.html.matches("<script type=\"module\">").count(), 1);
            assert!(
                page.policy.contains("script-src 'sha256-") && page.policy.contains("style-src 'sha256-")
            );
        }
    }
}

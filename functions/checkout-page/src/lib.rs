//! `GET /checkout/{sessionId}`: the checkout page, one document for every session.
//!
//! The page's script reads the session's id from the path and asks the API. The function itself reads no session, so a
//! request costs no call to anything. See docs/checkout-page.md.

pub mod brand;
mod configuration;
mod document;
mod messages;

use api::{Event, LambdaResponse, Language, Request};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
pub use configuration::PageConfiguration;
use document::Document;
use lambda_http::Body;
use lambda_http::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use lambda_http::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use runtime::config;
use sha2::{Digest as _, Sha256};

/// The settings that the function reads.
pub const SETTINGS: &[&str] = &[
    config::TABLE_NAME,
    config::CHAINS,
    config::ONRAMPS,
    config::REDIRECT_SCHEMES,
    brand::NAME,
    brand::SUPPORT_URL,
    brand::ACCENT,
    brand::LOGO,
];

/// The page of a deployment, in every language.
#[derive(Debug)]
pub struct CheckoutPage {
    configuration: String,
    documents: [Document; Language::ALL.len()],
}

impl CheckoutPage {
    /// Prepares the page. A language is rendered when it is first asked for.
    pub fn new(configuration: &PageConfiguration) -> Self {
        Self { configuration: configuration.to_json(), documents: Language::ALL.map(Document::new) }
    }

    /// Returns the document, or its configuration to a component that asks for JSON. Nothing that a client can send
    /// leads to an error.
    pub fn respond(&self, event: Event) -> LambdaResponse {
        let is_head = event.request_context.http.method == "HEAD";
        let request = Request::from(event);
        let mut response =
            if accepts_json_alone(&request) { self.json(&request) } else { self.html(&request) };
        if is_head {
            response.body = None;
            response.is_base64_encoded = false;
        }
        response
    }

    fn json(&self, request: &Request) -> LambdaResponse {
        let body = self.configuration.clone();
        let tag = entity_tag(body.as_bytes());
        let headers = [(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        respond(request, &tag, headers.into_iter().collect(), || (Body::Text(body), false))
    }

    fn html(&self, request: &Request) -> LambdaResponse {
        let language = Language::of(request);
        let document = self.documents.iter().find(|document| document.language() == language);
        let document = document.unwrap_or(&self.documents[0]);
        let rendered = document.rendered(&self.configuration);
        let is_compressed = request.header("accept-encoding").is_some_and(accepts_gzip);
        let mut headers = HeaderMap::from_iter([
            (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
            (CONTENT_LANGUAGE, HeaderValue::from_static(language.tag())),
            (HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex")),
            // Popups of smart wallets lose their opener under `same-origin`.
            (
                HeaderName::from_static("cross-origin-opener-policy"),
                HeaderValue::from_static("same-origin-allow-popups"),
            ),
            (
                HeaderName::from_static("permissions-policy"),
                HeaderValue::from_static("camera=(), geolocation=(), microphone=()"),
            ),
            // A page about money is only ever read over TLS. Browsers ignore this over plain HTTP.
            (
                HeaderName::from_static("strict-transport-security"),
                HeaderValue::from_static("max-age=31536000"),
            ),
        ]);
        headers.extend(
            HeaderValue::from_str(&rendered.policy).ok().map(|policy| (CONTENT_SECURITY_POLICY, policy)),
        );
        if is_compressed {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            // Each representation has a tag of its own.
            let tag = format!("{}-gzip\"", rendered.tag.trim_end_matches('"'));
            respond(request, &tag, headers, || (Body::Text(rendered.compressed.clone()), true))
        } else {
            respond(request, &rendered.tag, headers, || (Body::Text(rendered.html.clone()), false))
        }
    }
}

/// Responds with a body, or with 304 if the client has it already.
fn respond(
    request: &Request,
    tag: &str,
    headers: HeaderMap,
    body: impl FnOnce() -> (Body, bool),
) -> LambdaResponse {
    let mut response = LambdaResponse::default();
    response.headers = HeaderMap::from_iter([
        (CACHE_CONTROL, HeaderValue::from_static("private, max-age=300")),
        (VARY, HeaderValue::from_static("Accept, Accept-Language, Accept-Encoding")),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ]);
    response.headers.extend(headers);
    response.headers.extend(HeaderValue::from_str(tag).ok().map(|tag| (ETAG, tag)));
    let is_known = request.header("if-none-match").is_some_and(|known| {
        known.split(',').map(str::trim).any(|known| known == "*" || known.trim_start_matches("W/") == tag)
    });
    if is_known {
        response.status_code = i64::from(StatusCode::NOT_MODIFIED.as_u16());
        response.headers.remove(CONTENT_TYPE);
        response.headers.remove(CONTENT_ENCODING);
    } else {
        response.status_code = i64::from(StatusCode::OK.as_u16());
        let (body, is_base64) = body();
        response.body = Some(body);
        response.is_base64_encoded = is_base64;
    }
    response
}

/// Returns a strong entity tag: a hash of the body.
fn entity_tag(body: &[u8]) -> String {
    let hash = Sha256::digest(body);
    format!("\"{}\"", STANDARD.encode(hash.get(..16).unwrap_or(&hash)))
}

/// Whether a client asks for JSON and would not take HTML: a component in another page does.
fn accepts_json_alone(request: &Request) -> bool {
    request.header("accept").is_some_and(|accept| accept.contains("json") && !accept.contains("html"))
}

/// Whether a client takes gzip, by its `Accept-Encoding`.
fn accepts_gzip(header: &str) -> bool {
    header.split(',').any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let is_gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip") || name == "*");
        let is_refused = parts.any(|part| part.strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0_f64)));
        is_gzip && !is_refused
    })
}

//! A request, as a handler sees it.

use std::borrow::Cow;
use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lambda_http::http::{HeaderMap, Method};
use url::form_urlencoded;

use super::{ApiError, ErrorCode, Event};

/// The largest body that is read. A request that uses every field to the full stays below a
/// quarter of it; the rest is room for fields we ignore.
pub const MAX_BODY_BYTES: usize = 256 * 1024;

/// A request out of an API Gateway event.
///
/// It is taken from the event itself and not from `lambda_http::Request`. Building that one parses host, path and query
/// into a URI and panics if they do not fit one. A client chooses all three.
#[derive(Debug)]
pub struct Request {
    id: String,
    /// The HTTP method.
    method: Method,
    /// The host that the request was sent to.
    host: String,
    /// The network address that the request came from.
    source: String,
    headers: HeaderMap,
    path_parameters: HashMap<String, String>,
    query: String,
    body: Option<Vec<u8>>,
}

impl From<Event> for Request {
    fn from(event: Event) -> Self {
        let body = event.body.unwrap_or_default();
        let body = if event.is_base64_encoded { STANDARD.decode(body).ok() } else { Some(body.into_bytes()) };
        Self {
            id: event.request_context.request_id.unwrap_or_default(),
            method: event.request_context.http.method,
            source: event.request_context.http.source_ip.unwrap_or_default(),
            host: event.request_context.domain_name.unwrap_or_default(),
            headers: event.headers,
            path_parameters: event.path_parameters,
            query: event.raw_query_string.unwrap_or_default(),
            body,
        }
    }
}

impl Request {
    /// API Gateway's id of the request, for the log.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether the request reads one thing by its id.
    pub(super) fn is_get_by_id(&self) -> bool {
        self.method == Method::GET && !self.path_parameters.is_empty()
    }

    /// Returns the URL under which clients reach the service, without a `/` at its end: the configured one, or the host
    /// that API Gateway was called by.
    pub fn base_url(&self, configured: Option<&str>) -> String {
        if let Some(configured) = configured {
            return configured.to_owned();
        }
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
        // API Gateway routes by this name, so it is one of its own or the operator's. The local run takes it from a header.
        let host = Some(self.host.as_str()).filter(|host| !host.is_empty() && host.bytes().all(is_host));
        let host = host.unwrap_or("localhost");
        let is_local = ["localhost", "127.0.0.1", "[::1]"].iter().any(|local| {
            host.strip_prefix(local).is_some_and(|port| port.is_empty() || port.starts_with(':'))
        });
        format!("{}://{host}", if is_local { "http" } else { "https" })
    }

    /// Returns the network address that API Gateway was called from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Returns whether it is a POST.
    pub fn is_post(&self) -> bool {
        self.method == Method::POST
    }

    /// Returns a header; `None` if it is absent or not text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| std::str::from_utf8(value.as_bytes()).ok())
    }

    /// Whether a header was sent at all.
    pub(super) fn has_header(&self, name: &str) -> bool {
        self.headers.contains_key(name)
    }

    /// A part of the path that the route names; empty where the route has no such part.
    pub fn path_parameter(&self, name: &str) -> &str {
        self.path_parameters.get(name).map_or("", String::as_str)
    }

    /// The query string as it was sent.
    pub(super) fn raw_query(&self) -> &str {
        &self.query
    }

    /// Returns the values of a query parameter.
    pub fn query_values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Cow<'a, str>> {
        form_urlencoded::parse(self.query.as_bytes())
            .filter_map(move |(given, value)| (given == name).then_some(value))
    }

    /// Whether the query asks for `include=<what>`, alone or in a comma-separated list. `include[]` is the
    /// same: some clients write every list that way.
    pub fn includes(&self, what: &str) -> bool {
        form_urlencoded::parse(self.query.as_bytes())
            .filter(|(name, _)| name == "include" || name == "include[]")
            .any(|(_, value)| value.split(',').any(|part| part.trim() == what))
    }

    /// The body's bytes without a UTF-8 byte order mark, which .NET and PowerShell put before JSON text.
    pub(super) fn body_without_mark(&self) -> Result<&[u8], ApiError> {
        let body = self.body()?;
        Ok(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body))
    }

    /// Returns the body's bytes; they are empty if there is no body.
    pub fn body(&self) -> Result<&[u8], ApiError> {
        let Some(body) = &self.body else {
            return Err(ApiError::new(ErrorCode::InvalidJson, "The body is not valid base64"));
        };
        if body.len() > MAX_BODY_BYTES {
            return Err(ApiError::new(ErrorCode::PayloadTooLarge, "The body is larger than 256 KiB"));
        }
        Ok(body)
    }
}

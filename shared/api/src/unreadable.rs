//! Why a body cannot be read. One sentence for every cause would leave its sender to guess.

use serde_json::error::Category;

use super::json::{Token, Tokens};
use super::{ApiError, ErrorCode, Request};

/// Refuses a body that is no JSON object. `body` is without its byte order mark. The message never repeats what
/// was sent: a body may hold secrets.
pub(super) fn unreadable(request: &Request, body: &[u8], error: &serde_json::Error) -> ApiError {
    ApiError::new(ErrorCode::InvalidJson, reason(request, body, error))
}

fn reason(request: &Request, body: &[u8], error: &serde_json::Error) -> String {
    let body = body.trim_ascii();
    if body.is_empty() {
        return "The body is empty; it must be a JSON object, for example {}".to_owned();
    }
    if is_encoded(request, body) {
        return "The body has a content encoding such as gzip; send the JSON text without one".to_owned();
    }
    let Ok(text) = std::str::from_utf8(body) else {
        return if body.contains(&0) {
            "The body is not UTF-8, but perhaps UTF-16; send JSON text in UTF-8".to_owned()
        } else {
            "The body is not valid UTF-8; send JSON text in UTF-8".to_owned()
        };
    };
    if is_form(request, text) {
        return "The body is a form; send a JSON object instead".to_owned();
    }
    let (line, column) = (error.line(), error.column());
    let place = format!("at line {line}, column {column}");
    if has_trailing_comma(text) {
        return "The body is not JSON: it has a trailing comma, which JSON does not allow".to_owned();
    }
    match (error.classify(), Tokens(text).next()) {
        (Category::Eof, _) => format!("The body is not JSON: it ends too early, {place}"),
        (Category::Data, Some(Token::Mark('{'))) => {
            format!("The body has a duplicate key {place}; each key of a JSON object must be distinct")
        }
        (Category::Data, Some(token)) => {
            let found = match token {
                Token::Mark(_) => "an array",
                Token::Literal(_) => "a string",
                Token::Word("null") => "null",
                Token::Word("true" | "false") => "a boolean",
                Token::Word(_) => "a number",
            };
            format!("The body must be a JSON object, not {found}")
        }
        (Category::Data | Category::Syntax | Category::Io, _) => {
            format!("The body is not JSON: syntax error {place}")
        }
    }
}

/// Whether the body is compressed: it begins as gzip, zlib or Zstandard does, or a header says so and it does not begin
/// as an object does.
fn is_encoded(request: &Request, body: &[u8]) -> bool {
    const BEGINNINGS: [&[u8]; 6] =
        [b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda"];
    let is_named = request
        .header("content-encoding")
        .is_some_and(|encoding| !encoding.is_empty() && !encoding.trim().eq_ignore_ascii_case("identity"));
    BEGINNINGS.iter().any(|beginning| body.starts_with(beginning)) || (is_named && !body.starts_with(b"{"))
}

/// Whether the body is what an HTML form sends, by its header or by its look.
fn is_form(request: &Request, text: &str) -> bool {
    if text.starts_with(['{', '[', '"']) {
        return false;
    }
    let content_type = request.header("content-type").unwrap_or_default().trim_start().to_ascii_lowercase();
    let is_named = ["application/x-www-form-urlencoded", "multipart/form-data"]
        .iter()
        .any(|form| content_type.starts_with(form));
    let is_pair = |pair: &str| {
        let is_name = |c: char| c.is_ascii_alphanumeric() || "_-.~%+*[]".contains(c);
        pair.split_once('=').is_some_and(|(name, _)| !name.is_empty() && name.chars().all(is_name))
    };
    is_named || text.split('&').all(is_pair) || (text.starts_with("--") && text.contains("form-data"))
}

/// Whether a comma stands before the end of an array or an object, anywhere in the text.
fn has_trailing_comma(text: &str) -> bool {
    let mut after_comma = false;
    Tokens(text).any(|token| {
        let ends = after_comma && matches!(token, Token::Mark('}' | ']'));
        after_comma = token == Token::Mark(',');
        ends
    })
}

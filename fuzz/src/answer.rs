//! What holds for every answer (docs/api.md, *Common rules*).

use std::borrow::Cow;

use api::{ErrorCode, LambdaResponse};
use serde::Deserialize;
use serde_json::value::RawValue;

/// An answer that keeps what every answer promises.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The error's code; empty in a success.
    pub code: String,
    /// The field that the error names.
    pub param: Option<String>,
    /// The text of `data`; empty in a failure. It is not taken apart: metadata may be nested
    /// more deeply than a reader goes.
    pub data: String,
    /// Whether an idempotency key brought it back.
    pub is_replay: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Envelope<'a> {
    success: bool,
    message: Cow<'a, str>,
    status_code: u16,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    error: Option<ErrorBody>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ErrorBody {
    #[serde(rename = "type")]
    kind: String,
    code: String,
    message: String,
    param: Option<String>,
    order_id: Option<String>,
}

impl Answer {
    /// Checks an answer to requests of `sent` bytes.
    ///
    /// Nothing is said twenty times over: a template variable of ten characters becomes an id
    /// of 36, and an order shows its session's URL once more.
    pub fn read(response: &LambdaResponse, sent: usize) -> Self {
        let body = response.body.as_ref().expect("a body");
        let text = std::str::from_utf8(body).expect("text");
        let status = u16::try_from(response.status_code).expect("a status");
        assert!(status < 500, "{status}: {text}");
        assert!(text.len() <= 16 * 1024 + 8 * sent, "{} bytes for {sent}", text.len());
        let header = |name: &str| response.headers.get(name).and_then(|value| value.to_str().ok());
        assert_eq!(header("content-type"), Some("application/json"));

        let envelope: Envelope = serde_json::from_str(text).expect(text);
        assert_eq!(envelope.status_code, status, "{text}");
        assert_eq!(envelope.success, status == 200, "{text}");
        assert_eq!(envelope.data.is_some(), envelope.success, "{text}");
        assert_eq!(envelope.error.is_none(), envelope.success, "{text}");
        let is_replay = header("idempotent-replayed") == Some("true");
        let Some(error) = envelope.error else {
            let data = envelope.data.map_or("", RawValue::get).to_owned();
            return Self { status, code: String::new(), param: None, data, is_replay };
        };
        assert_eq!(error.message, envelope.message, "{text}");
        let row = (status, error.kind.as_str(), error.code.as_str());
        assert!(ErrorCode::ALL.into_iter().any(|code| row == pinned(code)), "{text}");
        assert_eq!(error.order_id.is_some(), error.code == "session_already_has_order", "{text}");
        assert!(!is_replay, "a failure is remembered: {text}");
        Self { status, code: error.code, param: error.param, data: String::new(), is_replay }
    }
}

fn pinned(code: ErrorCode) -> (u16, &'static str, &'static str) {
    let (status, kind, code) = code.row();
    (status.as_u16(), kind, code)
}

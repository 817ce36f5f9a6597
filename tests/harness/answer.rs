//! An answer, checked against what every answer promises before a test sees it.

use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::Value;

use super::openapi;

/// An answer of the service.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    /// The body as it was sent.
    pub text: String,
    pub body: Value,
}

impl Answer {
    /// Takes an answer and checks the envelope (docs/api.md, *Common rules*), the headers, and
    /// the whole body against `openapi.yaml`.
    pub fn new(method: &Method, path: &str, status: u16, headers: HeaderMap, text: String) -> Self {
        let body: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("no JSON: {text}"));
        let answer = Self { status, headers, text, body };

        assert_eq!(answer.header("content-type"), Some("application/json"), "{answer:?}");
        assert_eq!(answer.header("cache-control"), Some("private, no-cache"), "{answer:?}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{answer:?}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{answer:?}");
        assert_eq!(answer.body["statusCode"], status, "{answer:?}");
        assert_eq!(answer.body["success"], status == 200, "{answer:?}");
        assert_eq!(answer.body.get("data").is_some(), status == 200, "{answer:?}");
        assert_eq!(answer.header("retry-after").is_some(), status == 503, "{answer:?}");
        if status != 200 {
            assert_eq!(answer.body["message"], answer.body["error"]["message"], "{answer:?}");
        }
        openapi::check(method, path, &answer);
        answer
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The data of a success.
    pub fn ok(&self) -> &Value {
        assert_eq!(self.status, 200, "{}", self.text);
        &self.body["data"]
    }

    /// The status and code of a failure, and the field it names.
    pub fn failure(&self) -> (u16, &str, Option<&str>) {
        assert_ne!(self.status, 200, "{}", self.text);
        let error = &self.body["error"];
        (self.status, error["code"].as_str().unwrap(), error["param"].as_str())
    }

    /// Whether an idempotency key brought it back.
    pub fn is_replay(&self) -> bool {
        self.header("idempotent-replayed") == Some("true")
    }
}

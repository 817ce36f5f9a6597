//! An answer, checked against what every answer promises before a test sees it.

use reqwest::header::HeaderMap;
use reqwest::{Method, Response};
use serde_json::Value;

use super::openapi;

/// An answer of the service.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// The body as it was sent.
    pub(crate) text: String,
    pub(crate) body: Value,
}

impl Answer {
    /// Reads an answer and checks the envelope (contract, *Common rules*), the headers, and
    /// the whole body against `openapi.yaml`.
    pub(super) async fn read(method: &Method, path: &str, response: Response) -> Self {
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let text = response.text().await.unwrap();
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

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The data of a success.
    pub(crate) fn ok(&self) -> &Value {
        assert_eq!(self.status, 200, "{}", self.text);
        &self.body["data"]
    }

    /// The status and code of a failure, and the field it names.
    pub(crate) fn failure(&self) -> (u16, &str, Option<&str>) {
        assert_ne!(self.status, 200, "{}", self.text);
        let error = &self.body["error"];
        (self.status, error["code"].as_str().unwrap(), error["param"].as_str())
    }

    /// Whether an idempotency key brought it back.
    pub(crate) fn is_replay(&self) -> bool {
        self.header("idempotent-replayed") == Some("true")
    }
}

//! What can go wrong with a create call.

use std::future::pending;
use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::StatusCode;
use axum::http::header::CONTENT_LENGTH;
use axum::response::Response;
use futures::StreamExt as _;
use futures::stream::once;
use serde_json::json;

use super::sessions;

/// A fault of one create call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// An error with this status and `errorType`. No session is created.
    Status(u16, &'static str),
    /// No response, ever. No session is created.
    Hang,
    /// The connection closes in the middle of the response. The session is created.
    CutResponse,
    /// The body is not JSON. The session is created.
    InvalidBody,
    /// The URL leads to `evil.example`.
    OtherHost,
    /// The URL is Coinbase's, but over `http`.
    HttpUrl,
}

impl Fault {
    /// Returns the response of a fault that prevents the call, or `None` if the call is handled.
    pub(super) async fn prevent(self) -> Option<Response> {
        match self {
            Self::Status(status, kind) => {
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                Some(sessions::refuse(status, kind, "A fault that the test asked for."))
            }
            Self::Hang => pending().await,
            Self::CutResponse | Self::InvalidBody | Self::OtherHost | Self::HttpUrl => None,
        }
    }

    /// Changes the response of a call that was accepted.
    pub(super) async fn spoil(self, response: Response) -> Response {
        let url = |url: &str| sessions::json(StatusCode::CREATED, &json!({"session": {"onrampUrl": url}}));
        match self {
            Self::CutResponse => cut(response).await,
            Self::InvalidBody => response.map(|_| Body::from("{\"session\": <html>")),
            Self::OtherHost => url("https://evil.example/buy?sessionToken=stolen"),
            Self::HttpUrl => url("http://pay.coinbase.com/buy?sessionToken=plain"),
            Self::Status(..) | Self::Hang => response,
        }
    }
}

/// Sends half of the body, then closes the connection.
async fn cut(response: Response) -> Response {
    let (mut head, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    head.headers.insert(CONTENT_LENGTH, body.len().into());
    let first = body.slice(..body.len() / 2);
    let rest = async {
        // Otherwise the server closes the connection before the first half is on its way.
        tokio::time::sleep(Duration::from_millis(50)).await;
        Err(io::Error::other("cut"))
    };
    let halves = once(async { Ok::<Bytes, io::Error>(first) }).chain(once(rest));
    Response::from_parts(head, Body::from_stream(halves))
}

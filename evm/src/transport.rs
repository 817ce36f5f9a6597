//! Posts JSON-RPC to an endpoint.

use std::io;
use std::time::Duration;

use http_client::{Endpoint, HttpError, HttpsClient, Limits};
use hyper::body::Bytes;
use hyper::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER};
use hyper::{Request, StatusCode};

use crate::error::RpcError;

/// The longest `Retry-After` that is honoured. No node may keep the watcher from its other work for good.
const LONGEST_REST: Duration = Duration::from_hours(1);

/// Posts to the endpoints of one chain.
#[derive(Debug, Clone)]
pub(crate) struct Transport {
    client: HttpsClient,
}

impl Transport {
    /// Fails if the system has no certificates.
    pub(crate) fn new(limits: Limits) -> io::Result<Self> {
        Ok(Self { client: HttpsClient::new(limits)? })
    }

    /// Posts a body, and returns the status and body of the response. Any status but 429 is a response.
    pub(crate) async fn post(
        &self,
        endpoint: &Endpoint,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes), RpcError> {
        let request = Request::post(endpoint.uri().clone())
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json")
            .body(body)
            .map_err(|_| RpcError::Unavailable("has a URL that HTTP cannot carry".into()))?;
        let response = self.client.send(request).await?;
        let status = response.status();
        if status == StatusCode::TOO_MANY_REQUESTS {
            let after =
                response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
            let retry_after = after.map(|seconds| Duration::from_secs(seconds).min(LONGEST_REST));
            return Err(RpcError::RateLimited { retry_after });
        }
        Ok((status, response.into_body()))
    }
}

impl From<HttpError> for RpcError {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::Unreachable => Self::Unavailable("cannot be reached".into()),
            HttpError::BrokenOff => Self::BrokenOff,
            HttpError::TimedOut => Self::TimedOut,
            HttpError::TooLarge => Self::TooLarge,
        }
    }
}

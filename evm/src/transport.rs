//! One HTTP POST to an endpoint, bounded in time and size.

use std::error::Error;
use std::io;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use hyper::{Request, StatusCode};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::crypto::ring;

use crate::endpoint::Endpoint;
use crate::error::RpcError;

/// The most that is made of a `Retry-After`.
const LONGEST_REST: Duration = Duration::from_hours(1);

/// How much a node may ask of our patience and memory.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For the connection to stand.
    pub connect: Duration,
    /// For the whole answer to be here, the connection included.
    pub answer: Duration,
    /// The largest body, in bytes.
    pub body: usize,
}

impl Default for Limits {
    /// Ten seconds, and 32 MiB: three times the largest answer that providers give to one batch.
    fn default() -> Self {
        Self { connect: Duration::from_secs(3), answer: Duration::from_secs(10), body: 32 << 20 }
    }
}

/// An HTTP client for any endpoint: TLS by rustls on ring, the system's certificates. It follows no
/// redirect, which would take the key in the URL somewhere else.
#[derive(Debug, Clone)]
pub(crate) struct Transport {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    limits: Limits,
}

impl Transport {
    /// Fails where the system has no certificates.
    pub(crate) fn new(limits: Limits) -> io::Result<Self> {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(limits.connect));
        connector.set_nodelay(true);
        // It would refuse https URLs, which are for the layer above it.
        connector.enforce_http(false);
        let connector = HttpsConnectorBuilder::new()
            // By name, and not whichever provider the process has: a second one in the build would make
            // the choice ambiguous, and that panics.
            .with_provider_and_native_roots(ring::default_provider())?
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            // A function may be frozen for minutes, and balancers drop what is idle for one.
            .pool_idle_timeout(Duration::from_secs(15))
            .build(connector);
        Ok(Self { client, limits })
    }

    /// Posts a body, and returns the status and body of the answer, whatever status that is, but for 429.
    pub(crate) async fn post(
        &self,
        endpoint: &Endpoint,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes), RpcError> {
        let request = Request::post(endpoint.uri().clone())
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json")
            // Some providers' gates turn away who has no name.
            .header(USER_AGENT, "checkout")
            .body(Full::new(body))
            .map_err(|_| RpcError::Unavailable("has a URL that HTTP cannot carry".into()))?;
        match tokio::time::timeout(self.limits.answer, self.exchange(request)).await {
            Ok(outcome) => outcome,
            Err(_elapsed) => Err(RpcError::Unavailable("took too long".into())),
        }
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes), RpcError> {
        let answer = self.client.request(request).await.map_err(|error| {
            // Its own words name the host.
            RpcError::Unavailable(if error.is_connect() { "cannot be reached" } else { "broke off" }.into())
        })?;
        let status = answer.status();
        if status == StatusCode::TOO_MANY_REQUESTS {
            let after = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
            // No node may put us to sleep for good.
            let retry_after = after.map(|seconds| Duration::from_secs(seconds).min(LONGEST_REST));
            return Err(RpcError::RateLimited { retry_after });
        }
        match Limited::new(answer.into_body(), self.limits.body).collect().await {
            Ok(body) => Ok((status, body.to_bytes())),
            Err(error) => Err(broken_body(error.as_ref())),
        }
    }
}

fn broken_body(error: &(dyn Error + 'static)) -> RpcError {
    if error.is::<LengthLimitError>() {
        RpcError::Malformed("is larger than we read")
    } else {
        RpcError::Unavailable("broke off".into())
    }
}

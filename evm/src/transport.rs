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

/// The longest `Retry-After` that is honoured. No node may silence us for good.
const LONGEST_REST: Duration = Duration::from_hours(1);

/// What one HTTP exchange may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The time until the connection is established.
    pub connect: Duration,
    /// The time until the whole response is there, including the connection.
    pub answer: Duration,
    /// The largest body, in bytes.
    pub body: usize,
}

impl Default for Limits {
    /// Returns ten seconds, and 32 MiB: three times the largest response that providers give to one batch.
    fn default() -> Self {
        Self { connect: Duration::from_secs(3), answer: Duration::from_secs(10), body: 32 << 20 }
    }
}

/// An HTTP client for any endpoint, with TLS by rustls on ring and the system's certificates. It does not
/// follow redirects: they would carry the key in the URL to another host.
#[derive(Debug, Clone)]
pub(crate) struct Transport {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    limits: Limits,
}

impl Transport {
    /// Fails if the system has no certificates.
    pub(crate) fn new(limits: Limits) -> io::Result<Self> {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(limits.connect));
        connector.set_nodelay(true);
        // Otherwise it would refuse https URLs, which the layer above it handles.
        connector.enforce_http(false);
        let connector = HttpsConnectorBuilder::new()
            // By name: with a second provider in the build, the process's default is ambiguous, and that
            // panics.
            .with_provider_and_native_roots(ring::default_provider())?
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            // A function may be frozen for minutes, and balancers close idle connections after one.
            .pool_idle_timeout(Duration::from_secs(15))
            .build(connector);
        Ok(Self { client, limits })
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
            // Some gateways refuse clients without a name.
            .header(USER_AGENT, "checkout")
            .body(Full::new(body))
            .map_err(|_| RpcError::Unavailable("has a URL that HTTP cannot carry".into()))?;
        match tokio::time::timeout(self.limits.answer, self.exchange(request)).await {
            Ok(outcome) => outcome,
            Err(_elapsed) => Err(RpcError::TimedOut),
        }
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes), RpcError> {
        let response = self.client.request(request).await.map_err(|error| {
            // The client's own words contain the host.
            if error.is_connect() {
                RpcError::Unavailable("cannot be reached".into())
            } else {
                RpcError::BrokenOff
            }
        })?;
        let status = response.status();
        if status == StatusCode::TOO_MANY_REQUESTS {
            let after =
                response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
            let retry_after = after.map(|seconds| Duration::from_secs(seconds).min(LONGEST_REST));
            return Err(RpcError::RateLimited { retry_after });
        }
        match Limited::new(response.into_body(), self.limits.body).collect().await {
            Ok(body) => Ok((status, body.to_bytes())),
            Err(error) => Err(broken_body(error.as_ref())),
        }
    }
}

fn broken_body(error: &(dyn Error + 'static)) -> RpcError {
    if error.is::<LengthLimitError>() { RpcError::TooLarge } else { RpcError::BrokenOff }
}

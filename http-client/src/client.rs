//! One HTTP exchange, bounded in time and size.

use std::error::Error;
use std::io;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper::header::HeaderValue;
use hyper::header::USER_AGENT;
use hyper::{Request, Response};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::crypto::ring;

/// What one HTTP exchange may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The time until the connection is established.
    pub connect: Duration,
    /// The time until the whole response is there, including the connection.
    pub answer: Duration,
    /// The largest body of a response, in bytes.
    pub body: usize,
}

impl Default for Limits {
    /// Returns ten seconds, and 32 MiB: three times the largest response that nodes give to one batch.
    fn default() -> Self {
        Self { connect: Duration::from_secs(3), answer: Duration::from_secs(10), body: 32 << 20 }
    }
}

/// Why there is no response. No variant contains the server's words or its URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// No connection was established. The server has seen nothing of the request.
    #[error("the server cannot be reached")]
    Unreachable,
    /// The connection closed before the response was complete. The server may have acted on the request.
    #[error("the response broke off")]
    BrokenOff,
    /// The response was not complete within [`Limits::answer`]. The server may have acted on the request.
    #[error("the server did not respond in time")]
    TimedOut,
    /// The body is larger than [`Limits::body`].
    #[error("the response is larger than the limit")]
    TooLarge,
}

/// An HTTP client for any server, with TLS by rustls on ring and the system's certificates.
#[derive(Debug, Clone)]
pub struct HttpsClient {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    limits: Limits,
}

impl HttpsClient {
    /// Creates a client. Fails if the system has no certificates.
    pub fn new(limits: Limits) -> io::Result<Self> {
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

    /// Sends a request and returns the response with its whole body. Every status counts as a response.
    pub async fn send(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        // Some gateways refuse clients without a name.
        request.headers_mut().entry(USER_AGENT).or_insert(HeaderValue::from_static("checkout"));
        let exchange = self.exchange(request.map(Full::new));
        tokio::time::timeout(self.limits.answer, exchange).await.unwrap_or(Err(HttpError::TimedOut))
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Response<Bytes>, HttpError> {
        let response = self.client.request(request).await.map_err(|error| {
            // The client's own words contain the host.
            if error.is_connect() { HttpError::Unreachable } else { HttpError::BrokenOff }
        })?;
        let (head, body) = response.into_parts();
        match Limited::new(body, self.limits.body).collect().await {
            Ok(body) => Ok(Response::from_parts(head, body.to_bytes())),
            Err(error) => Err(broken_body(error.as_ref())),
        }
    }
}

fn broken_body(error: &(dyn Error + 'static)) -> HttpError {
    if error.is::<LengthLimitError>() { HttpError::TooLarge } else { HttpError::BrokenOff }
}

//! Stands between the SDK's client and the engine, in the functions' process.

use std::fmt;
use std::sync::Arc;

use aws_config::SdkConfig;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use futures::future::BoxFuture;
use serde_json::Value;

/// What becomes of a request: the engine's response, or a connection that broke.
pub type Outcome = Result<HttpResponse, ConnectorError>;

/// Decides what becomes of each request to the engine.
pub trait Interceptor: Send + Sync + 'static {
    /// Sends the request to the engine, or not.
    fn intercept(&self, exchange: Exchange) -> BoxFuture<'static, Outcome>;
}

/// A configuration whose requests meet this interceptor first.
pub fn intercepted(config: &SdkConfig, interceptor: impl Interceptor) -> SdkConfig {
    let client = InterceptedClient { inner: config.http_client().unwrap(), by: Arc::new(interceptor) };
    config.to_builder().http_client(SharedHttpClient::new(client)).build()
}

/// A request on its way to the engine.
pub struct Exchange {
    /// The operation, such as `PutItem`.
    pub operation: String,
    /// What is asked.
    pub body: Value,
    request: HttpRequest,
    engine: SharedHttpConnector,
}

impl Exchange {
    fn new(request: HttpRequest, engine: SharedHttpConnector) -> Self {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        let body = serde_json::from_slice(request.body().bytes().unwrap_or_default()).unwrap_or_default();
        Self { operation, body, request, engine }
    }

    /// Sends the request as it is.
    pub async fn send(self) -> Outcome {
        self.engine.call(self.request).await
    }

    /// Sends the request with another body. Its signature is wrong then; no engine of the tests looks at it.
    pub async fn send_with(mut self, body: &Value) -> Outcome {
        let body = body.to_string();
        self.request.headers_mut().insert("content-length", body.len().to_string());
        *self.request.body_mut() = SdkBody::from(body);
        self.send().await
    }
}

/// A response in the engine's place.
pub fn response(status: u16, body: &str) -> HttpResponse {
    HttpResponse::new(status.try_into().unwrap(), body.into())
}

struct InterceptedClient {
    inner: SharedHttpClient,
    by: Arc<dyn Interceptor>,
}

impl fmt::Debug for InterceptedClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InterceptedClient")
    }
}

impl HttpClient for InterceptedClient {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let engine = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(InterceptedConnector { engine, by: Arc::clone(&self.by) })
    }
}

struct InterceptedConnector {
    engine: SharedHttpConnector,
    by: Arc<dyn Interceptor>,
}

impl fmt::Debug for InterceptedConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InterceptedConnector")
    }
}

impl HttpConnector for InterceptedConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(self.by.intercept(Exchange::new(request, self.engine.clone())))
    }
}

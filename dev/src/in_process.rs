//! The embedded engine without a socket: the SDK client's requests are handed to it within the
//! process. Simulated time and fuzzing stand on it: with no connection to wait for, nothing
//! but the timers that are under test takes time.

use anyhow::{Result, anyhow};
use aws_config::SdkConfig;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use axum::http::StatusCode;
use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::engine;

/// An engine in memory, or [over a database](Self::from) of the one who holds it.
#[derive(Clone)]
pub struct InProcessEngine(Database);

impl InProcessEngine {
    /// An empty engine.
    pub fn new() -> Result<Self> {
        Database::memory().map(Self).map_err(|error| anyhow!("the database cannot be opened: {error}"))
    }

    /// How to reach it.
    pub async fn sdk_config(&self) -> SdkConfig {
        let config = engine::sdk_config("http://in-process").await;
        self.reached_from(&config)
    }

    /// A configuration like `config` that reaches this engine.
    pub fn reached_from(&self, config: &SdkConfig) -> SdkConfig {
        config.to_builder().http_client(SharedHttpClient::new(self.clone())).build()
    }

    /// Carries out a request of the SDK's.
    pub fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default();
        let body = request.body().bytes().unwrap_or_default();
        let (status, body) = match self.dispatch(operation, body) {
            Ok(body) => (StatusCode::OK, body),
            Err(error) => {
                let status = StatusCode::from_u16(error.status_code());
                (status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), error.to_json())
            }
        };
        HttpResponse::new(status.into(), body.into())
    }

    /// The operations that the service uses, and those that make its table.
    fn dispatch(&self, operation: &str, body: &[u8]) -> dynoxide::Result<String> {
        let database = &self.0;
        match operation {
            "PutItem" => carry_out(body, |request| database.put_item(request)),
            "UpdateItem" => carry_out(body, |request| database.update_item(request)),
            "DeleteItem" => carry_out(body, |request| database.delete_item(request)),
            "GetItem" => carry_out(body, |request| database.get_item(request)),
            "BatchGetItem" => carry_out(body, |request| database.batch_get_item(request)),
            "Query" => carry_out(body, |request| database.query(request)),
            "Scan" => carry_out(body, |request| database.scan(request)),
            "TransactWriteItems" => carry_out(body, |request| database.transact_write_items(request)),
            "CreateTable" => carry_out(body, |request| database.create_table(request)),
            "UpdateTimeToLive" => carry_out(body, |request| database.update_time_to_live(request)),
            _ => Err(DynoxideError::ValidationException(format!("{operation} is not offered in process"))),
        }
    }
}

/// Over a database that is reached by other ways too, or lies in a file.
impl From<Database> for InProcessEngine {
    fn from(database: Database) -> Self {
        Self(database)
    }
}

fn carry_out<Request: DeserializeOwned, Answer: Serialize>(
    body: &[u8],
    run: impl FnOnce(Request) -> dynoxide::Result<Answer>,
) -> dynoxide::Result<String> {
    let unreadable = |error: serde_json::Error| DynoxideError::SerializationException(error.to_string());
    let request = serde_json::from_slice(body).map_err(unreadable)?;
    serde_json::to_string(&run(request)?).map_err(unreadable)
}

impl std::fmt::Debug for InProcessEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InProcessEngine")
    }
}

impl HttpClient for InProcessEngine {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for InProcessEngine {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::ready(Ok(self.answer(&request)))
    }
}

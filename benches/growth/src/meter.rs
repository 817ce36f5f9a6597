//! Stands between the functions and the engine: counts calls and units, and tells the engine's CPU time from theirs.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use aws_config::SdkConfig;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use dev::in_process::InProcessEngine;
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Map, Value, json};

use crate::cost::Asked;

/// The engine with a meter.
#[derive(Debug, Clone)]
pub struct Meter {
    engine: InProcessEngine,
    reading: Arc<Mutex<Reading>>,
}

/// What the meter shows.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// What was asked of the engine.
    pub asked: Asked,
    /// The CPU time that it took to answer.
    pub engine: Duration,
    /// That and the CPU time of the meter itself.
    pub outside: Duration,
}

impl Meter {
    /// A meter that nothing has gone through yet.
    pub fn new(engine: InProcessEngine) -> Self {
        Self { engine, reading: Arc::default() }
    }

    /// How to reach the engine by way of the meter.
    pub async fn sdk_config(&self) -> SdkConfig {
        let config = self.engine.sdk_config().await;
        config.to_builder().http_client(SharedHttpClient::new(self.clone())).build()
    }

    /// What it shows since the last time somebody asked.
    pub fn take(&self) -> Reading {
        std::mem::take(&mut self.reading.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Asks the engine for what a request consumed, too, and keeps that from the function, which did not ask.
    fn metered(&self, mut request: HttpRequest) -> Result<HttpResponse> {
        let began = cpu_time();
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        let mut body: Map<String, Value> =
            serde_json::from_slice(request.body().bytes().unwrap_or_default())?;
        body.insert("ReturnConsumedCapacity".to_owned(), json!("TOTAL"));
        *request.body_mut() = serde_json::to_vec(&body)?.into();

        let asked = cpu_time();
        let response = self.engine.answer(&request);
        let answered = cpu_time();

        let mut answer: Map<String, Value> =
            serde_json::from_slice(response.body().bytes().unwrap_or_default())?;
        let units = units(answer.remove("ConsumedCapacity").as_ref());
        let response = HttpResponse::new(response.status(), serde_json::to_vec(&answer)?.into());

        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        match operation.as_str() {
            "GetItem" | "Query" | "Scan" => reading.asked.read_units += units,
            _ => reading.asked.write_units += units,
        }
        *reading.asked.calls.entry(operation).or_default() += 1;
        reading.engine += answered.saturating_sub(asked);
        reading.outside += cpu_time().saturating_sub(began);
        Ok(response)
    }
}

/// The CPU time of this thread so far.
pub fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap_or_default(), time.tv_nsec.try_into().unwrap_or_default())
}

/// A transaction says for each of its tables what it consumed, any other call for the one.
fn units(consumed: Option<&Value>) -> f64 {
    let of = |table: &Value| table.get("CapacityUnits").and_then(Value::as_f64).unwrap_or_default();
    match consumed {
        Some(Value::Array(tables)) => tables.iter().map(of).sum(),
        Some(table) => of(table),
        None => 0.0,
    }
}

impl HttpClient for Meter {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Meter {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        use aws_smithy_runtime_api::client::result::ConnectorError;
        HttpConnectorFuture::ready(
            self.metered(request).map_err(|error| ConnectorError::other(error.into(), None)),
        )
    }
}

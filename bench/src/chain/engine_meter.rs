//! Stands between the watcher and the engine: counts calls and units.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use reqwest::Client;
use serde_json::{Value, json};

use crate::chain::asked::OfTable;
use crate::chain::backstage::Backstage;

/// A meter before an engine.
#[derive(Debug, Clone)]
pub struct EngineMeter {
    engine: String,
    http: Client,
    asked: Arc<Mutex<OfTable>>,
}

impl EngineMeter {
    /// A meter before the engine at this endpoint, and the endpoint of the meter.
    pub async fn before(engine: String, backstage: &Backstage) -> Result<(Self, String)> {
        let meter = Self { engine, http: Client::new(), asked: Arc::default() };
        let endpoint = backstage.serve(Router::new().fallback(answer).with_state(meter.clone())).await?;
        Ok((meter, endpoint))
    }

    /// Returns the calls since the last call of this function.
    pub fn take(&self) -> OfTable {
        std::mem::take(&mut self.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Has the engine say what a request consumes, too. The watcher did not ask, and overlooks it.
    async fn meter(&self, headers: HeaderMap, body: Bytes) -> Result<Response> {
        let target = headers.get("x-amz-target").context("a request without an operation")?.to_str()?;
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        let mut request: Value = serde_json::from_slice(&body)?;
        if let Some(request) = request.as_object_mut() {
            request.insert("ReturnConsumedCapacity".to_owned(), json!("INDEXES"));
        }
        let mut call = self.http.post(&self.engine).body(request.to_string());
        for name in ["authorization", "content-type", "x-amz-date", "x-amz-target"] {
            if let Some(value) = headers.get(name) {
                call = call.header(name, value);
            }
        }
        let answer = call.send().await?;
        let status = answer.status();
        let body = answer.bytes().await?;
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        // DynamoDB charges for what it refuses, too, but does not say how much.
        if status == StatusCode::OK {
            let answer: Value = serde_json::from_slice(&body)?;
            let units = units(answer.get("ConsumedCapacity")).context("the engine does not say its units")?;
            match operation.as_str() {
                "GetItem" | "Query" => asked.read_units += units,
                _ => asked.write_units += units,
            }
        }
        *asked.calls.entry(operation).or_default() += 1;
        Ok((status, [("content-type", "application/x-amz-json-1.0")], body).into_response())
    }
}

async fn answer(State(meter): State<EngineMeter>, headers: HeaderMap, body: Bytes) -> Response {
    let answer = meter.meter(headers, body).await;
    answer.unwrap_or_else(|error| (StatusCode::BAD_GATEWAY, format!("{error:#}")).into_response())
}

/// A transaction says for each of its tables what it consumed, any other call for the one.
fn units(consumed: Option<&Value>) -> Option<f64> {
    let of = |table: &Value| table.get("CapacityUnits")?.as_f64();
    let consumed = consumed?;
    consumed.as_array().map_or_else(|| of(consumed), |tables| tables.iter().map(of).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_units_of_a_transaction_are_those_of_all_its_tables() {
        let table = json!({ "CapacityUnits": 2.5 });
        assert_eq!(units(Some(&table)), Some(2.5));
        assert_eq!(units(Some(&json!([table, table]))), Some(5.0));
    }

    #[test]
    fn an_engine_that_does_not_say_its_units_is_not_taken_for_one_that_is_free() {
        assert_eq!(units(None), None);
        assert_eq!(units(Some(&json!([{}]))), None);
    }
}

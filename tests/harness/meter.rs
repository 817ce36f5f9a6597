//! Reads DynamoDB's meter: what each call consumed.

use std::fmt;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use reqwest::Client;
use serde_json::{Value, json};

use super::{Service, serve};

/// A call, and what it consumed.
#[derive(Debug, Clone)]
pub struct Metered {
    /// The operation, such as `PutItem`.
    pub operation: String,
    /// The units that it consumed, of reading or of writing. `None` if it was refused: DynamoDB charges for that as
    /// well, but does not say how much.
    pub units: Option<f64>,
}

impl Metered {
    pub fn is_read(&self) -> bool {
        matches!(self.operation.as_str(), "GetItem" | "Query")
    }
}

impl fmt::Display for Metered {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.units {
            Some(units) => write!(formatter, "{} {units}", self.operation),
            None => write!(formatter, "{} refused", self.operation),
        }
    }
}

/// Stands between functions and engine, and asks with each call what it consumes. The functions themselves do not ask,
/// and overlook the answer.
#[derive(Debug, Clone)]
pub struct Meter {
    engine: String,
    http: Client,
    calls: Arc<Mutex<Vec<Metered>>>,
}

impl Meter {
    /// A service on the table of another, with a meter before the engine.
    pub async fn beside(other: &Service) -> (Service, Self) {
        let meter = Self { engine: other.endpoint.clone(), http: Client::new(), calls: Arc::default() };
        let endpoint = serve(Router::new().fallback(measure).with_state(meter.clone())).await;
        (other.beside(&endpoint, &other.clock).await, meter)
    }

    /// Returns the calls since the last call of this function, by the name of their operation: two concurrent calls
    /// arrive in any order.
    pub fn take(&self) -> Vec<Metered> {
        let mut calls = std::mem::take(&mut *self.calls.lock().unwrap());
        calls.sort_by(|one, other| one.operation.cmp(&other.operation));
        calls
    }
}

async fn measure(State(meter): State<Meter>, mut headers: HeaderMap, body: Bytes) -> Response {
    let target = headers["x-amz-target"].to_str().unwrap();
    let operation = target.rsplit('.').next().unwrap().to_owned();
    let mut request: Value = serde_json::from_slice(&body).unwrap();
    request["ReturnConsumedCapacity"] = json!("TOTAL");
    // They are those of the other connection and of the shorter body.
    for of_the_connection in ["host", "content-length"] {
        headers.remove(of_the_connection);
    }
    let call = meter.http.post(&meter.engine).headers(headers).body(request.to_string());
    let answer = call.send().await.unwrap();
    let (status, kind) = (answer.status(), answer.headers()["content-type"].clone());
    let body = answer.bytes().await.unwrap();
    let units = (status == StatusCode::OK).then(|| units(&serde_json::from_slice(&body).unwrap()));
    meter.calls.lock().unwrap().push(Metered { operation, units });
    (status, [("content-type", kind)], body).into_response()
}

/// A transaction says it of each of its tables, any other call of the one. An engine that does not say it fails the
/// test: nothing would be measured.
fn units(answer: &Value) -> f64 {
    let of = |table: &Value| table["CapacityUnits"].as_f64().unwrap();
    let consumed = &answer["ConsumedCapacity"];
    consumed.as_array().map_or_else(|| of(consumed), |tables| tables.iter().map(of).sum())
}

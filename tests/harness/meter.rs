//! Reads DynamoDB's meter: what each call consumed.

use std::fmt;
use std::sync::{Arc, Mutex};

use aws_smithy_types::body::SdkBody;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use http_body_util::BodyExt;
use serde_json::{Value, json};

use super::interceptor::{Exchange, Interceptor, Outcome, intercepted};
use super::{Service, Setup};

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
        matches!(self.operation.as_str(), "BatchGetItem" | "GetItem" | "Query")
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
#[derive(Debug, Clone, Default)]
pub struct Meter(Arc<Mutex<Vec<Metered>>>);

impl Meter {
    /// A service on the table of another, with a meter before the engine.
    pub async fn beside(other: &Service) -> (Service, Self) {
        let meter = Self::default();
        let aws = intercepted(&dev::engine::sdk_config(&other.endpoint).await, meter.clone());
        (Service::on(other.table(), &aws, &other.clock, &Setup::default()).await, meter)
    }

    /// Returns the calls since the last call of this function, by the name of their operation: two concurrent calls
    /// arrive in any order.
    pub fn take(&self) -> Vec<Metered> {
        let mut calls = std::mem::take(&mut *self.0.lock().unwrap());
        calls.sort_by(|one, other| one.operation.cmp(&other.operation));
        calls
    }
}

impl Interceptor for Meter {
    fn intercept(&self, exchange: Exchange) -> BoxFuture<'static, Outcome> {
        let (meter, operation, mut body) = (self.clone(), exchange.operation.clone(), exchange.body.clone());
        async move {
            body["ReturnConsumedCapacity"] = json!("TOTAL");
            let mut response = exchange.send_with(&body).await?;
            let collected = BodyExt::collect(response.body_mut()).await.unwrap().to_bytes();
            let is_success = response.status().as_u16() == 200;
            let units = is_success.then(|| units(&serde_json::from_slice(&collected).unwrap()));
            meter.0.lock().unwrap().push(Metered { operation, units });
            *response.body_mut() = SdkBody::from(collected);
            Ok(response)
        }
        .boxed()
    }
}

/// A transaction says it of each of its tables, any other call of the one. An engine that does not say it fails the
/// test: nothing would be measured.
fn units(answer: &Value) -> f64 {
    let of = |table: &Value| table["CapacityUnits"].as_f64().unwrap();
    let consumed = &answer["ConsumedCapacity"];
    consumed.as_array().map_or_else(|| of(consumed), |tables| tables.iter().map(of).sum())
}

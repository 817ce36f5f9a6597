//! Writes down every call that the functions make to DynamoDB.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use aws_config::SdkConfig;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde_json::Value;

use super::interceptor::{Exchange, Interceptor, Outcome, intercepted};

/// A call to DynamoDB.
#[derive(Debug, Clone)]
pub struct Call {
    /// The operation, such as `PutItem`.
    pub operation: String,
    /// What was sent.
    pub request: Value,
    /// When it was sent.
    pub sent: Instant,
    /// When its answer was there.
    pub answered: Instant,
}

/// All calls, in the order of their answers.
#[derive(Debug, Clone, Default)]
pub struct Recorder(Arc<Mutex<Vec<Call>>>);

impl Recorder {
    /// A configuration whose calls are written down here.
    pub fn listen_on(&self, config: &SdkConfig) -> SdkConfig {
        intercepted(config, self.clone())
    }

    /// Returns the calls since the last call of this function.
    pub fn take(&self) -> Vec<Call> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Interceptor for Recorder {
    fn intercept(&self, exchange: Exchange) -> BoxFuture<'static, Outcome> {
        let (calls, sent) = (self.clone(), Instant::now());
        let (operation, request) = (exchange.operation.clone(), exchange.body.clone());
        async move {
            let outcome = exchange.send().await;
            calls.0.lock().unwrap().push(Call { operation, request, sent, answered: Instant::now() });
            outcome
        }
        .boxed()
    }
}

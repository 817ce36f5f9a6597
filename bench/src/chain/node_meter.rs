//! Stands between the watcher and the node: counts requests, the calls in them, and the length of the answers.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use reqwest::Client;
use serde_json::Value;

use crate::chain::asked::OfNode;
use crate::chain::backstage::Backstage;

/// A meter before a node.
#[derive(Debug, Clone)]
pub struct NodeMeter {
    node: String,
    http: Client,
    asked: Arc<Mutex<OfNode>>,
}

impl NodeMeter {
    /// A meter before the node at this endpoint, and the endpoint of the meter.
    pub async fn before(node: String, backstage: &Backstage) -> Result<(Self, String)> {
        let meter = Self { node, http: Client::new(), asked: Arc::default() };
        let endpoint = backstage.serve(Router::new().fallback(answer).with_state(meter.clone())).await?;
        Ok((meter, endpoint))
    }

    /// Returns the calls since the last call of this function.
    pub fn take(&self) -> OfNode {
        std::mem::take(&mut self.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn meter(&self, body: Bytes) -> Result<Response> {
        let methods = methods(&serde_json::from_slice(&body)?).context("a call without a method")?;
        let call = self.http.post(&self.node).header("content-type", "application/json").body(body);
        let answer = call.send().await?;
        let status = answer.status();
        let body = answer.bytes().await?;
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.requests += 1;
        asked.bytes += u64::try_from(body.len())?;
        for method in methods {
            *asked.calls.entry(method).or_default() += 1;
        }
        Ok((status, [("content-type", "application/json")], body).into_response())
    }
}

async fn answer(State(meter): State<NodeMeter>, body: Bytes) -> Response {
    let answer = meter.meter(body).await;
    answer.unwrap_or_else(|error| (StatusCode::BAD_GATEWAY, format!("{error:#}")).into_response())
}

/// The methods of a call, or of each in a batch.
fn methods(request: &Value) -> Option<Vec<String>> {
    let method = |call: &Value| Some(call.get("method")?.as_str()?.to_owned());
    let calls = request.as_array().map_or(std::slice::from_ref(request), Vec::as_slice);
    calls.iter().map(method).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_call_of_a_batch_counts() {
        let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_getLogs", "params": [] });
        assert_eq!(methods(&call), Some(vec!["eth_getLogs".to_owned()]));
        assert_eq!(methods(&json!([call, call])), Some(vec!["eth_getLogs".to_owned(); 2]));
        assert_eq!(methods(&json!([call, {}])), None);
    }
}

//! A node that answers whatever a test wants, over HTTP.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::response::{IntoResponse as _, Response};
use evm::Limits;
use evm::{Endpoint, Node, Rpc};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// A key as providers put it into the path.
pub const KEY: &str = "v2-sEcReTkEy";

/// Limits that a test can wait for.
pub const LIMITS: Limits =
    Limits { connect: Duration::from_secs(2), answer: Duration::from_millis(500), body: 32 << 10 };

/// A node of a test.
pub struct Double {
    pub endpoint: Endpoint,
    /// The bodies it was sent.
    received: Arc<Mutex<Vec<Value>>>,
}

impl Double {
    /// Answers each request with what `answer` makes of its body.
    pub async fn start(answer: impl Fn(&Value) -> Response + Clone + Send + Sync + 'static) -> Self {
        let received = Arc::<Mutex<Vec<Value>>>::default();
        let heard = Arc::clone(&received);
        let handler = move |body: Bytes| {
            let request: Value = serde_json::from_slice(&body).unwrap();
            let response = answer(&request);
            heard.lock().unwrap().push(request);
            async { response }
        };
        let port = serve(Router::new().fallback(handler)).await;
        let endpoint = Endpoint::parse(&format!("http://127.0.0.1:{port}/{KEY}")).unwrap();
        Self { endpoint, received }
    }

    /// Responds to each call with what `result` says of its method and parameters, as a node should.
    pub async fn honest(result: impl Fn(&str, &Value) -> Value + Clone + Send + Sync + 'static) -> Self {
        Self::responding(move |method, params| json!({ "result": result(method, params) })).await
    }

    /// Responds to each call with an object that has a `result` or an `error`.
    pub async fn responding(outcome: impl Fn(&str, &Value) -> Value + Clone + Send + Sync + 'static) -> Self {
        Self::start(move |request| respond(request, &outcome)).await
    }

    /// Does the same, and refuses each batch of more than `most` calls as a whole.
    pub async fn capped(
        most: usize,
        refusal: impl Fn(usize) -> Response + Clone + Send + Sync + 'static,
        outcome: impl Fn(&str, &Value) -> Value + Clone + Send + Sync + 'static,
    ) -> Self {
        Self::start(move |request| match request.as_array() {
            Some(calls) if calls.len() > most => refusal(calls.len()),
            Some(_) | None => respond(request, &outcome),
        })
        .await
    }

    /// What it was sent so far.
    pub fn received(&self) -> Vec<Value> {
        self.received.lock().unwrap().clone()
    }

    /// The methods that it was asked for so far, whether in batches or not.
    pub fn methods(&self) -> Vec<String> {
        let method = |call: &Value| call["method"].as_str().unwrap().to_owned();
        let received = self.received();
        received
            .iter()
            .flat_map(|request| match request.as_array() {
                Some(calls) => calls.iter().map(method).collect(),
                None => vec![method(request)],
            })
            .collect()
    }

    /// The number of calls in each request so far.
    pub fn sizes(&self) -> Vec<usize> {
        self.received().iter().map(|request| request.as_array().map_or(1, Vec::len)).collect()
    }

    pub fn rpc(&self) -> Rpc {
        over(&[self])
    }

    pub fn node(&self) -> Node {
        Node::new(self.rpc())
    }
}

/// All of these nodes, the first one preferred.
pub fn over(doubles: &[&Double]) -> Rpc {
    Rpc::new(doubles.iter().map(|double| double.endpoint.clone()).collect(), LIMITS).unwrap()
}

/// Responds to a request call by call.
fn respond(request: &Value, outcome: impl Fn(&str, &Value) -> Value) -> Response {
    let one = |call: &Value| {
        let mut answer = outcome(call["method"].as_str().unwrap(), &call["params"]);
        answer["jsonrpc"] = json!("2.0");
        answer["id"] = call["id"].clone();
        answer
    };
    reply(&match request.as_array() {
        Some(calls) => calls.iter().map(one).collect(),
        None => one(request),
    })
}

/// A JSON-RPC error.
pub fn error(code: i64, message: &str) -> Value {
    json!({ "error": { "code": code, "message": message } })
}

/// An HTTP response with status 200.
pub fn reply(body: &Value) -> Response {
    body.to_string().into_response()
}

/// Serves until the test ends, and returns the port.
pub async fn serve(router: Router) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async { axum::serve(listener, router).await });
    port
}

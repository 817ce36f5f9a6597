//! A node that answers whatever a test wants, over HTTP.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::response::{IntoResponse as _, Response};
use evm::rpc::Limits;
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

    /// Answers each call with what `result` says of its method and parameters, as a node should.
    pub async fn honest(result: impl Fn(&str, &Value) -> Value + Clone + Send + Sync + 'static) -> Self {
        Self::start(move |request| {
            let one = |call: &Value| {
                let result = result(call["method"].as_str().unwrap(), &call["params"]);
                json!({ "jsonrpc": "2.0", "id": call["id"], "result": result })
            };
            reply(&match request.as_array() {
                Some(calls) => calls.iter().map(one).collect(),
                None => one(request),
            })
        })
        .await
    }

    /// What it was sent so far.
    pub fn received(&self) -> Vec<Value> {
        self.received.lock().unwrap().clone()
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

/// An answer of HTTP that all went well.
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

//! Answers that are late, mixed up, too many, too few, too long, or none.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use evm::Limits;
use evm::rpc::Call;
use evm::{Endpoint, NodeError, Rpc, RpcError};
use futures::{StreamExt as _, future, stream};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

use crate::double::{Double, KEY, LIMITS, over, reply};

fn calls() -> [Call; 3] {
    ["one", "two", "three"].map(|method| Call::new(method, json!([])))
}

/// The method itself as the result of each call.
fn echo(request: &Value) -> Vec<Value> {
    let alone = [request.clone()];
    let calls = request.as_array().map_or(alone.as_slice(), Vec::as_slice).iter();
    calls.map(|call| json!({ "jsonrpc": "2.0", "id": call["id"], "result": call["method"] })).collect()
}

/// What a batch came to: the results as texts, or the error.
async fn batch(rpc: &Rpc) -> Result<Vec<Result<String, NodeError>>, RpcError> {
    let answers = rpc.batch(&calls()).await?;
    Ok(answers.into_iter().map(|answer| answer.map(|result| result.get().to_owned())).collect())
}

async fn batch_of(answer: impl Fn(&Value) -> Response + Clone + Send + Sync + 'static) -> RpcError {
    batch(&Double::start(answer).await.rpc()).await.unwrap_err()
}

fn texts() -> Vec<Result<String, NodeError>> {
    ["one", "two", "three"].map(|text| Ok(format!("\"{text}\""))).to_vec()
}

#[tokio::test]
async fn a_batch_is_one_request_and_its_answers_go_by_id() {
    let double = Double::start(|request| {
        let mut answers = echo(request);
        answers.reverse();
        reply(&answers.into())
    })
    .await;
    assert_eq!(batch(&double.rpc()).await.unwrap(), texts());
    assert_eq!(double.received().len(), 1);
}

#[tokio::test]
async fn an_empty_batch_is_not_sent() {
    let double = Double::honest(|_, _| json!(null)).await;
    assert!(double.rpc().batch(&[]).await.unwrap().is_empty());
    assert!(double.received().is_empty());
}

#[tokio::test]
async fn no_two_calls_have_one_id() {
    let double = Double::start(|request| reply(&echo(request).into())).await;
    let rpc = double.rpc();
    batch(&rpc).await.unwrap();
    batch(&rpc.clone()).await.unwrap();
    let received = double.received();
    let ids =
        received.iter().flat_map(|batch| batch.as_array().unwrap()).map(|call| call["id"].as_u64().unwrap());
    let mut ids: Vec<u64> = ids.collect();
    ids.dedup();
    assert_eq!(ids.len(), 6);
    assert!(ids.is_sorted());
}

#[tokio::test]
async fn one_call_of_a_batch_may_be_refused_alone() {
    let double = Double::start(|request| {
        let mut answers = echo(request);
        let error = json!({ "code": 3, "message": "execution reverted", "data": "0x08c379a0" });
        answers[1] = json!({ "jsonrpc": "2.0", "id": answers[1]["id"], "error": error });
        reply(&answers.into())
    })
    .await;
    let calls = ["eth_call"; 3].map(|method| Call::new(method, json!([])));
    let answers = double.rpc().batch(&calls).await.unwrap();
    let error = NodeError { code: 3, message: "execution reverted \"0x08c379a0\"".to_owned() };
    assert_eq!(answers[1].as_ref().unwrap_err(), &error);
    assert!(answers[0].is_ok() && answers[2].is_ok());
}

/// What is done to the answers of a batch.
type Spoil = fn(&mut Vec<Value>);

#[tokio::test]
async fn answers_that_are_mixed_up_are_all_refused() {
    fn spoilt(spoil: Spoil) -> impl Fn(&Value) -> Response + Clone {
        move |request| {
            let mut answers = echo(request);
            spoil(&mut answers);
            reply(&answers.into())
        }
    }
    let spoils: [(Spoil, &str); 8] = [
        (|answers| drop(answers.pop()), "lacks one to a call that was made"),
        (|answers| answers.clear(), "lacks one to a call that was made"),
        (|answers| answers.push(json!({ "id": 999_999, "result": 1 })), "answers a call that was not made"),
        (|answers| answers[2]["id"] = json!(999_999), "lacks one to a call that was made"),
        (|answers| answers.push(answers[0].clone()), "answers one call twice"),
        (|answers| answers.push(json!({ "id": null, "result": 1 })), "answers no call"),
        (|answers| answers[0] = json!({ "id": answers[0]["id"] }), "holds neither a result nor an error"),
        (|answers| answers[0]["id"] = json!("1"), "is not JSON-RPC"),
    ];
    for (spoil, complaint) in spoils {
        assert_eq!(batch_of(spoilt(spoil)).await, RpcError::Malformed(complaint));
    }
}

#[tokio::test]
async fn one_error_may_answer_a_whole_batch() {
    let error = json!({ "code": -32600, "message": "batch too large" });
    let refusal = RpcError::Node(NodeError { code: -32600, message: "batch too large".to_owned() });
    let alone = json!({ "jsonrpc": "2.0", "id": null, "error": error });
    let in_a_list = json!([alone]);
    let under_any_id = json!({ "jsonrpc": "2.0", "id": 1, "error": error });
    for body in [alone, in_a_list, under_any_id] {
        assert_eq!(batch_of(move |_| reply(&body)).await, refusal);
    }
}

#[tokio::test]
async fn null_is_a_result() {
    let double = Double::honest(|_, _| json!(null)).await;
    let result: Option<u64> = double.rpc().call(Call::new("any", json!([]))).await.unwrap();
    assert_eq!(result, None);
}

#[tokio::test]
async fn a_refusal_may_come_with_a_status_of_its_own() {
    let refused = |_: &Value| {
        let error = json!({ "code": -32614, "message": "eth_getLogs is limited to a 10,000 range" });
        (StatusCode::PAYLOAD_TOO_LARGE, json!({ "id": null, "error": error }).to_string()).into_response()
    };
    let message = "eth_getLogs is limited to a 10,000 range".to_owned();
    assert_eq!(batch_of(refused).await, NodeError { code: -32614, message }.into());
}

#[tokio::test]
async fn a_rate_limit_is_told_by_status_or_code() {
    for (said, seconds) in [("7", Some(7)), ("18446744073709551615", Some(3600)), ("tomorrow", None)] {
        let by_status = move |_: &Value| {
            (StatusCode::TOO_MANY_REQUESTS, [("retry-after", said)], "slow down").into_response()
        };
        let retry_after = seconds.map(Duration::from_secs);
        assert_eq!(batch_of(by_status).await, RpcError::RateLimited { retry_after });
    }
    let one_of_them = |request: &Value| {
        let mut answers = echo(request);
        let error = json!({ "code": 429, "message": "compute units per second capacity exceeded" });
        answers[2] = json!({ "id": answers[2]["id"], "error": error });
        reply(&answers.into())
    };
    assert_eq!(batch_of(one_of_them).await, RpcError::RateLimited { retry_after: None });
}

#[tokio::test]
async fn other_statuses_are_named() {
    for status in [301, 307, 401, 403, 404, 500, 502, 503] {
        // A gateway that does not let us in may write anything.
        let body = if status < 404 { r#"{"id":1,"error":{"code":3,"message":"revert"}}"# } else { "failed" };
        let body = if status < 400 { "moved" } else { body };
        let answer = move |_: &Value| {
            (StatusCode::from_u16(status).unwrap(), [("location", "http://127.0.0.1:1/")], body)
                .into_response()
        };
        assert_eq!(batch_of(answer).await, RpcError::Status(status));
    }
}

#[tokio::test]
async fn what_is_not_json_rpc_is_malformed() {
    let deep = "[".repeat(30_000);
    for body in ["<html>Sign in</html>", "", "null", "7", "[1]", &deep] {
        let body = body.to_owned();
        let error = batch_of(move |_| body.clone().into_response()).await;
        assert!(matches!(error, RpcError::Malformed(_)), "{error}");
    }
}

#[tokio::test]
async fn a_body_that_ends_early_is_broken_off() {
    for body in ["{", r#"[{"jsonrpc":"2.0","id":1,"resu"#] {
        assert_eq!(batch_of(move |_| body.into_response()).await, RpcError::BrokenOff);
    }
}

#[tokio::test]
async fn an_error_is_read_whatever_its_shape() {
    for (error, code, said) in [
        (json!("no batches here"), 0, "no batches here"),
        (json!({ "message": "no" }), 0, "no"),
        (json!({ "code": "E1" }), 0, r#"{"code":"E1"}"#),
        (json!({ "code": 7, "message": "no", "data": null }), 7, "no"),
    ] {
        let refused = move |_: &Value| reply(&json!({ "id": 1, "error": error.clone() }));
        assert_eq!(batch_of(refused).await, NodeError { code, message: said.to_owned() }.into());
    }
}

#[tokio::test]
async fn a_body_without_end_is_not_read_to_its_end() {
    let rubbish = |_: &Value| {
        let chunk = Bytes::from_static(&[b'x'; 4096]);
        Body::from_stream(stream::repeat(chunk).map(Ok::<_, Infallible>)).into_response()
    };
    assert_eq!(batch_of(rubbish).await, RpcError::TooLarge);
}

#[tokio::test]
async fn a_body_as_large_as_may_be_is_read() {
    let size = LIMITS.body;
    let padded = move |more: usize| {
        move |request: &Value| {
            let body = Value::from(echo(request)).to_string();
            format!("{body:<width$}", width = size + more).into_response()
        }
    };
    assert_eq!(batch(&Double::start(padded(0)).await.rpc()).await.unwrap(), texts());
    assert_eq!(batch_of(padded(1)).await, RpcError::TooLarge);
}

/// Far longer than any limit of these tests. Without it, a call that is never given up would hang them.
async fn within_reason<T>(outcome: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), outcome).await.unwrap()
}

#[tokio::test]
async fn a_node_that_hangs_is_given_up() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint::parse(&format!("http://{}", silent.local_addr().unwrap())).unwrap();
    let rpc = Rpc::new(vec![endpoint], LIMITS).unwrap();
    let error = within_reason(batch(&rpc)).await.unwrap_err();
    assert_eq!(error, RpcError::TimedOut);
}

#[tokio::test]
async fn a_body_that_stops_half_way_is_given_up() {
    let half = |_: &Value| {
        let chunk = Ok::<_, Infallible>(Bytes::from_static(b"[{"));
        Body::from_stream(stream::once(async { chunk }).chain(stream::pending())).into_response()
    };
    let error = within_reason(batch_of(half)).await;
    assert_eq!(error, RpcError::TimedOut);
}

#[tokio::test]
async fn over_https_a_call_begins_with_a_handshake() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let rpc = Rpc::new(vec![Endpoint::parse(&format!("https://localhost:{port}")).unwrap()], LIMITS).unwrap();
    let first_byte = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.read_u8().await.unwrap()
    };
    // TLS's content type "handshake".
    let (byte, outcome) = within_reason(future::join(first_byte, batch(&rpc))).await;
    assert_eq!(byte, 22);
    assert_eq!(outcome.unwrap_err(), RpcError::Unavailable("cannot be reached".into()));
}

#[tokio::test]
async fn a_node_that_is_not_there_is_unavailable() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = gone.local_addr().unwrap();
    drop(gone);
    let rpc = Rpc::new(vec![Endpoint::parse(&format!("http://{address}")).unwrap()], LIMITS).unwrap();
    assert_eq!(batch(&rpc).await.unwrap_err(), RpcError::Unavailable("cannot be reached".into()));
}

#[tokio::test]
async fn without_endpoints_nothing_is_available() {
    let rpc = Rpc::new(Vec::new(), Limits::default()).unwrap();
    assert!(matches!(batch(&rpc).await, Err(RpcError::Unavailable(_))));
}

#[tokio::test]
async fn the_next_endpoint_is_asked_for_the_whole_batch_and_then_first() {
    let broken = |_: &Value| StatusCode::BAD_GATEWAY.into_response();
    let (bad, good) =
        (Double::start(broken).await, Double::start(|request| reply(&echo(request).into())).await);
    let rpc = over(&[&bad, &good]);
    assert_eq!(batch(&rpc).await.unwrap(), texts());
    assert_eq!(batch(&rpc).await.unwrap(), texts());
    assert_eq!((bad.sizes(), good.sizes()), (vec![3], vec![3, 3]));
    assert_eq!(bad.methods(), good.methods()[..3]);
}

#[tokio::test]
async fn each_endpoint_is_asked_once_if_all_fail() {
    let broken = |_: &Value| "<html>".into_response();
    let (one, two) = (Double::start(broken).await, Double::start(broken).await);
    assert!(batch(&over(&[&one, &two])).await.is_err());
    assert_eq!((one.received().len(), two.received().len()), (1, 1));
}

#[tokio::test]
async fn nothing_shows_the_url() {
    let telling = |_: &Value| {
        let message = format!("the key {KEY} is unknown at 127.0.0.1");
        reply(&json!({ "id": null, "error": { "code": -32000, "message": message } }))
    };
    let failing = |_: &Value| StatusCode::BAD_GATEWAY.into_response();
    let html = |_: &Value| KEY.into_response();
    let (telling, failing, html) =
        (Double::start(telling).await, Double::start(failing).await, Double::start(html).await);
    let gone = Endpoint::parse(&format!("http://127.0.0.1:1/{KEY}")).unwrap();
    let nowhere = Endpoint::parse(&format!("https://127.0.0.1:1/{KEY}")).unwrap();
    for endpoint in [telling.endpoint, failing.endpoint, html.endpoint, gone, nowhere] {
        let rpc = Rpc::new(vec![endpoint], LIMITS).unwrap();
        let error = batch(&rpc).await.unwrap_err();
        let node = evm::Node::new(rpc.clone());
        let shown = format!("{error} {error:?} {rpc:?} {node:?}");
        assert!(!shown.contains("sEcReTkEy") && !shown.contains("127.0.0.1"), "{shown}");
    }
}

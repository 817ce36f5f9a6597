//! Which errors are the endpoint's, and what becomes of the endpoint.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use alloy_primitives::Bytes;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use evm::block::BlockTag;
use evm::{Endpoint, LogReader, Node, NodeError, Rpc, RpcError};
use serde_json::{Value, json};

use crate::chain::{PAYEE, TOKEN, block, filter, number_in};
use crate::double::{Double, LIMITS, error, over, reply};

async fn nonce(rpc: &Rpc) -> Result<u64, RpcError> {
    Node::new(rpc.clone()).nonce(PAYEE, BlockTag::Latest).await
}

/// A node of chain 8453 whose accounts have sent five transactions.
async fn sound() -> Double {
    Double::honest(|method, _| json!(if method == "eth_chainId" { "0x2105" } else { "0x5" })).await
}

#[tokio::test]
async fn errors_of_the_endpoint_fail_over_and_the_endpoint_rests() {
    for (code, message) in [
        (-32603, "Internal error"),
        (-32601, "the method does not exist"),
        (-32005, "limit exceeded"),
        (429, "slow down"),
        (-32000, "missing trie node"),
        (-32000, "header not found"),
        (-32602, "unknown account"),
        (19, "temporary failure"),
    ] {
        let broken = Double::responding(move |_, _| error(code, message)).await;
        let sound = sound().await;
        let rpc = over(&[&broken, &sound]);
        for _ in 0..3 {
            assert_eq!(nonce(&rpc).await, Ok(5), "{message}");
        }
        assert_eq!((broken.received().len(), sound.received().len()), (1, 3), "{message}");
    }
}

#[tokio::test]
async fn a_result_of_the_wrong_type_fails_over() {
    let odd = Double::honest(|_, _| json!("0x")).await;
    let sound = sound().await;
    let rpc = over(&[&odd, &sound]);
    assert_eq!(nonce(&rpc).await, Ok(5));
    assert_eq!(nonce(&rpc).await, Ok(5));
    assert_eq!(odd.received().len(), 1);
}

#[tokio::test]
async fn a_revert_does_not_fail_over() {
    for (code, message) in [(3, "execution reverted"), (-32000, "execution reverted: no"), (-32015, "failed")]
    {
        let reverting = Double::responding(move |_, _| error(code, message)).await;
        let sound = sound().await;
        let node = Node::new(over(&[&reverting, &sound]));
        for _ in 0..2 {
            let view = node.view(TOKEN, &Bytes::new(), BlockTag::Latest).await;
            assert_eq!(view, Err(NodeError { code, message: message.to_owned() }.into()));
            assert!(node.estimate_gas(PAYEE, TOKEN, &Bytes::new()).await.is_err());
        }
        assert_eq!((reverting.received().len(), sound.received().len()), (4, 0));
    }
}

#[tokio::test]
async fn a_revert_with_an_http_status_of_its_own_does_not_fail_over() {
    let reverting = |request: &Value| {
        let error = json!({ "code": 3, "message": "execution reverted" });
        let body = json!({ "jsonrpc": "2.0", "id": request["id"], "error": error });
        (StatusCode::BAD_REQUEST, body.to_string()).into_response()
    };
    let (reverting, sound) = (Double::start(reverting).await, sound().await);
    let node = Node::new(over(&[&reverting, &sound]));
    let view = node.view(TOKEN, &Bytes::new(), BlockTag::Latest).await;
    assert!(matches!(view, Err(RpcError::Node(NodeError { code: 3, .. }))));
    assert!(sound.received().is_empty());
}

#[tokio::test]
async fn a_refused_transaction_does_not_fail_over_and_an_internal_error_does() {
    let raw = Bytes::from_static(&[2, 1]);
    for (code, message, fails_over) in [
        (-32000, "replacement transaction underpriced", false),
        (-32003, "transaction rejected", false),
        (-32010, "gas price too low", false),
        (-32000, "nonce too low", false),
        (-32603, "Internal error", true),
        (-32601, "method not found", true),
        (429, "slow down", true),
    ] {
        let refusing = Double::responding(move |_, _| error(code, message)).await;
        let other = Double::responding(|_, _| error(-32000, "already known")).await;
        let node = Node::new(over(&[&refusing, &other]));
        let refusal = node.send_raw_transaction(&raw).await.unwrap_err();
        assert_eq!(!other.received().is_empty(), fails_over, "{message}");
        if fails_over {
            assert!(refusal.is_already_known());
        }
    }
}

#[tokio::test]
async fn the_last_error_is_returned_and_every_endpoint_is_asked_again_if_all_rest() {
    let first = Double::responding(|_, _| error(-32603, "first")).await;
    let second = Double::responding(|_, _| error(-32603, "second")).await;
    let rpc = over(&[&first, &second]);
    let failed = |message: &str| Err(NodeError { code: -32603, message: message.to_owned() }.into());
    assert_eq!(nonce(&rpc).await, failed("second"));
    assert_eq!(nonce(&rpc).await, failed("second"));
    assert_eq!((first.received().len(), second.received().len()), (2, 2));
}

#[tokio::test]
async fn an_endpoint_that_rests_answers_if_no_other_one_does() {
    let recovered = Arc::new(AtomicBool::new(false));
    let is_up = Arc::clone(&recovered);
    let flaky = Double::responding(move |_, _| {
        if is_up.load(Ordering::Relaxed) { json!({ "result": "0x6" }) } else { error(-32603, "down") }
    })
    .await;
    let gone = Endpoint::parse("http://127.0.0.1:1/").unwrap();
    let rpc = Rpc::new(vec![flaky.endpoint.clone(), gone], LIMITS).unwrap();
    assert!(nonce(&rpc).await.is_err());
    recovered.store(true, Ordering::Relaxed);
    assert_eq!(nonce(&rpc).await, Ok(6));
}

#[tokio::test]
async fn an_endpoint_of_another_chain_is_never_used() {
    let ours = sound().await;
    let theirs = Double::honest(|method, _| json!(if method == "eth_chainId" { "0x1" } else { "0x9" })).await;
    let broken = Double::responding(|method, _| match method {
        "eth_chainId" => json!({ "result": "0x2105" }),
        _ => error(-32603, "down"),
    })
    .await;

    let rpc = over(&[&theirs, &ours]).for_chain(8453);
    for _ in 0..3 {
        assert_eq!(nonce(&rpc).await, Ok(5));
    }
    assert_eq!(theirs.methods(), ["eth_chainId"]);
    assert_eq!(ours.methods().iter().filter(|method| *method == "eth_chainId").count(), 1);

    let rpc = over(&[&broken, &theirs]).for_chain(8453);
    for _ in 0..3 {
        let failure = nonce(&rpc).await;
        assert!(matches!(failure, Err(RpcError::Node(NodeError { code: -32603, .. }))), "{failure:?}");
    }
    assert!(theirs.methods().iter().all(|method| method == "eth_chainId"));
    // After each failure the chain is verified anew.
    assert_eq!(broken.methods().iter().filter(|method| *method == "eth_chainId").count(), 3);
}

#[tokio::test]
async fn another_chain_is_the_error_if_no_endpoint_is_left() {
    let theirs = Double::honest(|_, _| json!("0x1")).await;
    let rpc = theirs.rpc().for_chain(8453);
    for _ in 0..3 {
        assert_eq!(nonce(&rpc).await, Err(RpcError::AnotherChain { found: 1 }));
    }
    assert_eq!(theirs.methods(), ["eth_chainId"]);
}

#[tokio::test]
async fn an_endpoint_whose_chain_cannot_be_verified_is_left() {
    let mute = Double::responding(|method, _| match method {
        "eth_chainId" => error(-32601, "method not found"),
        _ => json!({ "result": "0x9" }),
    })
    .await;
    let sound = sound().await;
    assert_eq!(nonce(&over(&[&mute, &sound]).for_chain(8453)).await, Ok(5));
    assert_eq!(mute.methods(), ["eth_chainId"]);
}

#[tokio::test]
async fn a_distrusted_endpoint_is_left_unless_it_is_the_only_one() {
    let first = Double::honest(|_, _| json!("0x4")).await;
    let second = sound().await;
    let rpc = over(&[&first, &second]);
    let node = Node::new(rpc.clone());
    assert_eq!(nonce(&rpc).await, Ok(4));
    node.distrust("leaves out logs");
    assert_eq!(nonce(&rpc).await, Ok(5));
    assert_eq!(node.nonce(PAYEE, BlockTag::Latest).await, Ok(5));
    assert_eq!(first.received().len(), 1);

    let only = first.node();
    only.distrust("leaves out logs");
    assert_eq!(only.nonce(PAYEE, BlockTag::Latest).await, Ok(4));
}

#[tokio::test]
async fn a_rate_limited_endpoint_rests_while_another_one_answers() {
    let limiting =
        |_: &Value| (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "60")], "slow down").into_response();
    let (limiting, sound) = (Double::start(limiting).await, sound().await);
    let rpc = over(&[&limiting, &sound]);
    for _ in 0..3 {
        assert_eq!(nonce(&rpc).await, Ok(5));
    }
    assert_eq!(limiting.received().len(), 1);
    let alone = limiting.rpc();
    let limited = RpcError::RateLimited { retry_after: Some(Duration::from_mins(1)) };
    assert_eq!(nonce(&alone).await, Err(limited));
}

#[tokio::test]
async fn all_calls_of_an_operation_are_repeated_on_the_next_endpoint() {
    // The first one fails at the block that is in its second chunk.
    let first = Double::capped(
        2,
        |_| reply(&error(-32600, "batch too large")),
        |_, params| match params[0].as_str().unwrap() {
            "0x4" => error(-32603, "Internal error"),
            _ => json!({ "result": block(number_in(params)) }),
        },
    )
    .await;
    let second = Double::honest(|_, params| block(number_in(params))).await;
    let node = Node::new(over(&[&first, &second]));
    assert_eq!(node.blocks(&[1, 2, 3, 4]).await.unwrap().len(), 4);
    assert_eq!(second.sizes(), [4]);
}

/// The watcher's tasks run on any thread.
#[tokio::test]
async fn questions_can_be_asked_from_any_thread() {
    fn on_any_thread(_: &(impl Future + Send)) {}
    let node = sound().await.node();
    on_any_thread(&node.head(0));
    on_any_thread(&node.blocks(&[1]));
    on_any_thread(&node.receipts(&[]));
    on_any_thread(&node.logs_up_to(1..=2, &filter()));
    on_any_thread(&node.send_raw_transaction(&Bytes::new()));
    let reader = LogReader::new(node.clone(), 10);
    on_any_thread(&reader.read(1..=2, &filter(), 1, &mut 1));
}

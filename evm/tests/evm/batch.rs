//! Batches that are larger than an endpoint takes.

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use evm::{Node, RpcError};
use serde_json::{Value, json};

use crate::chain::{block, number_in};
use crate::double::{Double, error, over, reply};

fn header(_: &str, params: &Value) -> Value {
    json!({ "result": block(number_in(params)) })
}

/// Asks for so many blocks, and checks that each of them is returned in its place.
async fn blocks(node: &Node, count: u64) {
    let numbers: Vec<u64> = (1..=count).collect();
    let blocks = node.blocks(&numbers).await.unwrap();
    let found: Vec<u64> = blocks.into_iter().map(|block| block.unwrap().number).collect();
    assert_eq!(found, numbers);
}

#[tokio::test]
async fn a_batch_is_never_larger_than_a_hundred_calls() {
    let double = Double::responding(header).await;
    blocks(&double.node(), 230).await;
    assert_eq!(double.sizes(), [100, 100, 30]);
}

#[tokio::test]
async fn batches_shrink_to_what_the_endpoint_takes_and_stay_so() {
    for (cap, first, then) in [
        (10, vec![40, 20, 10, 10, 10, 10], vec![10, 2]),
        (3, vec![40, 20, 10, 5, 2], vec![2; 6]),
        (1, vec![40, 20, 10, 5, 2, 1], vec![1; 12]),
    ] {
        let refusal =
            |_| reply(&json!({ "id": null, "error": { "code": -32014, "message": "maximum exceeded" } }));
        let double = Double::capped(cap, refusal, header).await;
        let node = double.node();
        blocks(&node, 40).await;
        assert_eq!(double.sizes()[..first.len()], first);
        let before = double.sizes().len();
        blocks(&node.clone(), 12).await;
        assert_eq!(double.sizes()[before..], then);
    }
}

#[tokio::test]
async fn a_batch_of_one_is_no_array() {
    let double = Double::start(|request| match request.as_array() {
        Some(_) => reply(&error(-32600, "Batch requests are not supported")),
        None => reply(&json!({ "id": request["id"], "result": block(number_in(&request["params"])) })),
    })
    .await;
    blocks(&double.node(), 3).await;
    blocks(&double.node(), 1).await;
}

/// One refusal of a batch.
type Refusal = fn(usize) -> Response;

#[tokio::test]
async fn a_batch_is_refused_in_many_ways() {
    let refusals: [(Refusal, &str); 9] = [
        (|_| reply(&error(-32600, "batch too large")), "one error without an id"),
        (|_| reply(&json!([{ "id": null, "error": { "code": 0, "message": "no" } }])), "one error in a list"),
        (|_| reply(&json!({ "error": "batches are not allowed" })), "an error that is a text"),
        (|_| reply(&json!({ "id": 1, "result": null })), "no list"),
        (|_| StatusCode::BAD_REQUEST.into_response(), "400"),
        (|_| StatusCode::NOT_FOUND.into_response(), "404"),
        (|_| StatusCode::PAYLOAD_TOO_LARGE.into_response(), "413"),
        (
            |_| {
                let body = json!({ "error": { "code": 31, "message": "over 3 in one batch" } }).to_string();
                (StatusCode::INTERNAL_SERVER_ERROR, body).into_response()
            },
            "500 with an error",
        ),
        (|_| " ".repeat(40_000).into_response(), "a body that is too large"),
    ];
    for (refusal, what) in refusals {
        let double = Double::capped(3, refusal, header).await;
        blocks(&double.node(), 8).await;
        assert_eq!(double.sizes(), [8, 4, 2, 2, 2, 2], "{what}");
    }
}

#[tokio::test]
async fn a_batch_whose_every_call_is_refused_is_refused_as_a_whole() {
    let double = Double::start(|request| {
        let calls = request.as_array().unwrap();
        let answer = |call: &Value| {
            if calls.len() > 3 {
                json!({ "id": call["id"], "error": { "code": 35, "message": "upgrade to paid plan" } })
            } else {
                json!({ "id": call["id"], "result": block(number_in(&call["params"])) })
            }
        };
        reply(&calls.iter().map(answer).collect())
    })
    .await;
    blocks(&double.node(), 6).await;
    assert_eq!(double.sizes(), [6, 3, 3]);
}

#[tokio::test]
async fn a_node_that_answers_only_the_first_calls_of_a_batch_is_asked_for_so_many() {
    let double = Double::start(|request| {
        let answer = |(position, call): (usize, &Value)| {
            if position >= 3 {
                json!({ "id": call["id"], "error": { "code": -32005, "message": "batch limit exceeded" } })
            } else {
                json!({ "id": call["id"], "result": block(number_in(&call["params"])) })
            }
        };
        reply(&request.as_array().unwrap().iter().enumerate().map(answer).collect())
    })
    .await;
    blocks(&double.node(), 6).await;
    assert_eq!(double.sizes(), [6, 3, 3]);
}

#[tokio::test]
async fn a_broken_endpoint_does_not_lose_its_batch_limit() {
    let broken = Double::capped(100, |_| reply(&json!(null)), |_, _| error(-32603, "Internal error")).await;
    let sound = Double::responding(header).await;
    let node = Node::new(over(&[&broken, &sound]));
    blocks(&node, 4).await;
    assert_eq!(broken.sizes(), [4, 2, 1]);
    assert_eq!(sound.sizes(), [4]);

    let alone = broken.node();
    for _ in 0..2 {
        assert!(matches!(alone.blocks(&[1, 2]).await, Err(RpcError::Node(_))));
    }
    assert_eq!(broken.sizes()[3..], [2, 1, 2, 1]);
}

#[tokio::test]
async fn a_rate_limited_batch_is_smaller_the_next_time() {
    let limiting = |_| StatusCode::TOO_MANY_REQUESTS.into_response();
    let double = Double::capped(10, limiting, header).await;
    let node = double.node();
    for _ in 0..2 {
        assert!(matches!(node.blocks(&[7; 40]).await, Err(RpcError::RateLimited { .. })));
    }
    assert!(node.blocks(&[7; 40]).await.is_ok());
    assert_eq!(double.sizes(), [40, 20, 10, 10, 10, 10]);
}

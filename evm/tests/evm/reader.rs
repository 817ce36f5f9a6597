//! Logs over ranges that are wider than a node answers for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use evm::{Endpoint, LogReader, Node, Reading, RpcError};
use serde_json::{Value, json};

use crate::chain::{block, filter, hash_of, log, number_in, range_in};
use crate::double::{Double, LIMITS, error, over, reply, serve};

/// What a node that has one log in each block responds to a call.
fn result(method: &str, params: &Value) -> Value {
    match method {
        "eth_getBlockByNumber" => block(number_in(params)),
        "eth_getLogs" => {
            let (from, to) = range_in(params);
            (from..=to).map(|number| log(number, 0)).collect()
        }
        _ => panic!("{method}"),
    }
}

/// How many blocks a call asks for the logs of.
fn width(call: &Value) -> u64 {
    if call["method"] == "eth_getLogs" {
        let (from, to) = range_in(&call["params"]);
        to - from + 1
    } else {
        0
    }
}

/// The calls of a request.
fn calls(request: &Value) -> Vec<Value> {
    request.as_array().cloned().unwrap_or_else(|| vec![request.clone()])
}

/// The widths that a node was asked for.
fn widths(double: &Double) -> Vec<u64> {
    let calls = double.received().iter().flat_map(calls).collect::<Vec<_>>();
    calls.iter().map(width).filter(|width| *width > 0).collect()
}

/// A node that refuses the logs of more than `most` blocks in its own words.
async fn refusing(most: u64, refusal: Value) -> Double {
    Double::responding(move |method, params| {
        let is_wide = method == "eth_getLogs" && {
            let (from, to) = range_in(params);
            to - from + 1 > most
        };
        if is_wide { refusal.clone() } else { json!({ "result": result(method, params) }) }
    })
    .await
}

/// Reads these blocks with as many calls as it takes, and checks that none is missing.
async fn read_all(reader: &LogReader, from: u64, to: u64) -> u32 {
    let mut left = 1_000;
    let Reading { logs, last } = reader.read(from..=to, &filter(), &mut left).await.unwrap();
    let numbers: Vec<u64> = logs.iter().map(|log| log.place.block_number).collect();
    assert_eq!(numbers, (from..=to).collect::<Vec<_>>());
    assert_eq!((last.hash, last.number), (hash_of(to), to));
    1_000 - left
}

#[tokio::test]
async fn a_range_is_read_in_pieces_of_the_configured_width() {
    let double = Double::honest(result).await;
    let reader = LogReader::new(double.node(), 40);
    assert_eq!(read_all(&reader, 1, 100).await, 3);
    assert_eq!(widths(&double), [40, 40, 20]);
}

#[tokio::test]
async fn a_range_that_is_refused_in_any_words_is_halved() {
    for (code, message) in [
        (-32000, "requested too many blocks from 1 to 100, maximum is set to 30"),
        (-32005, "limit exceeded"),
        (-32602, "query exceeds max results 20000, retry with the range 1-5"),
        (-32614, "eth_getLogs is limited to a 10,000 range"),
        (-32600, "You can make eth_getLogs requests with up to a 10 block range."),
        (-32000, "block range is larger than max block range, block range = 5120"),
        (-32008, "Response is too big"),
        (-32603, "Internal error"),
        (1, "なし"),
    ] {
        let double = refusing(30, error(code, message)).await;
        let reader = LogReader::new(double.node(), 100);
        read_all(&reader, 1, 100).await;
        assert_eq!(widths(&double), [100, 50, 25, 25, 25, 25], "{message}");
    }
}

#[tokio::test]
async fn a_refused_width_is_not_tried_again_at_the_next_read() {
    let double = refusing(30, error(-32000, "no")).await;
    let reader = LogReader::new(double.node(), 100);
    read_all(&reader, 1, 100).await;
    let before = widths(&double).len();
    for _ in 0..5 {
        read_all(&reader, 1, 100).await;
    }
    assert!(widths(&double)[before..].iter().all(|width| *width == 25));
}

#[tokio::test]
async fn a_wider_range_is_tried_after_many_successes() {
    let double = refusing(30, error(-32000, "no")).await;
    let reader = LogReader::new(double.node(), 100);
    read_all(&reader, 1, 100).await;
    read_all(&reader, 1, 25 * 50).await;
    assert_eq!(widths(&double).iter().filter(|width| **width == 50).count(), 2);
}

/// A failure of an exchange.
type Refusal = fn() -> Response;

#[tokio::test]
async fn a_range_that_fails_as_a_whole_is_narrowed() {
    let refusals: [(Refusal, &str); 5] = [
        (|| StatusCode::PAYLOAD_TOO_LARGE.into_response(), "413"),
        (|| StatusCode::BAD_REQUEST.into_response(), "400"),
        (|| StatusCode::BAD_GATEWAY.into_response(), "502"),
        (|| " ".repeat(40_000).into_response(), "a body that is too large"),
        (|| r#"[{"jsonrpc":"2.0","id":1,"resu"#.into_response(), "a body that ends early"),
    ];
    for (refusal, what) in refusals {
        let double = Double::start(move |request| {
            let calls = calls(request);
            if calls.iter().any(|call| width(call) > 30) {
                return refusal();
            }
            let answers = calls.iter().map(|call| {
                json!({ "id": call["id"], "result": result(call["method"].as_str().unwrap(), &call["params"]) })
            });
            reply(&answers.collect())
        })
        .await;
        let reader = LogReader::new(double.node(), 100);
        read_all(&reader, 1, 100).await;
        let widths = widths(&double);
        assert!(widths.ends_with(&[25, 25, 25, 25]), "{what}: {widths:?}");
        read_all(&reader, 1, 25).await;
        assert_eq!(double.sizes().last(), Some(&2), "{what}");
    }
}

#[tokio::test]
async fn a_range_that_times_out_is_quartered() {
    let handler = |body: Bytes| async move {
        let request: Value = serde_json::from_slice(&body).unwrap();
        let calls = calls(&request);
        if calls.iter().any(|call| width(call) > 30) {
            tokio::time::sleep(Duration::from_mins(1)).await;
        }
        let answers = calls.iter().map(|call| {
            json!({ "id": call["id"], "result": result(call["method"].as_str().unwrap(), &call["params"]) })
        });
        reply(&answers.collect())
    };
    let port = serve(Router::new().fallback(handler)).await;
    let endpoint = Endpoint::parse(&format!("http://127.0.0.1:{port}/")).unwrap();
    let reader = LogReader::new(Node::new(evm::Rpc::new(vec![endpoint], LIMITS).unwrap()), 100);
    // One that timed out, and four of 25 blocks.
    assert_eq!(read_all(&reader, 1, 100).await, 5);
    assert_eq!(read_all(&reader, 1, 100).await, 4);
}

#[tokio::test]
async fn a_single_block_that_is_refused_fails_over_to_an_endpoint_with_its_own_width() {
    let broken = refusing(0, error(-32603, "Internal error")).await;
    let sound = Double::honest(result).await;
    let reader = LogReader::new(Node::new(over(&[&broken, &sound])), 8);
    read_all(&reader, 1, 17).await;
    assert_eq!(widths(&broken), [8, 4, 2, 1]);
    assert_eq!(widths(&sound), [1, 8, 8]);
}

#[tokio::test]
async fn a_single_block_that_every_endpoint_refuses_is_an_error() {
    let broken = refusing(0, error(-32000, "no")).await;
    let reader = LogReader::new(broken.node(), 4);
    let mut calls = 100;
    let failure = reader.read(1..=9, &filter(), &mut calls).await.unwrap_err();
    assert!(matches!(failure, RpcError::Node(_)), "{failure}");
    assert_eq!((widths(&broken), calls), (vec![4, 2, 1], 97));
}

#[tokio::test]
async fn a_budget_that_is_used_up_ends_the_reading_early_and_a_second_one_goes_on() {
    let double = Double::honest(result).await;
    let reader = LogReader::new(double.node(), 10);
    let mut calls = 3;
    let first = reader.read(1..=45, &filter(), &mut calls).await.unwrap();
    assert_eq!((first.last.number, first.last.hash, first.logs.len(), calls), (30, hash_of(30), 30, 0));
    calls = 3;
    let second = reader.read(first.last.number + 1..=45, &filter(), &mut calls).await.unwrap();
    assert_eq!((second.last.number, second.last.hash, second.logs.len(), calls), (45, hash_of(45), 15, 1));
}

#[tokio::test]
async fn a_budget_that_ends_before_anything_is_read_is_an_error() {
    let double = refusing(30, error(-32000, "no")).await;
    let reader = LogReader::new(double.node(), 100);
    let mut calls = 2;
    assert_eq!(reader.read(1..=100, &filter(), &mut calls).await, Err(RpcError::NoCallsLeft));
    // The width is remembered, so that the next budget suffices.
    assert_eq!(reader.read(1..=100, &filter(), &mut calls).await, Err(RpcError::NoCallsLeft));
    calls = 1;
    assert_eq!(reader.read(1..=100, &filter(), &mut calls).await.unwrap().last.number, 25);
}

#[tokio::test]
async fn a_node_that_is_behind_ends_the_reading_with_an_error() {
    let double = Double::honest(|method, params| match method {
        "eth_getBlockByNumber" if number_in(params) > 20 => json!(null),
        _ => result(method, params),
    })
    .await;
    let reader = LogReader::new(double.node(), 10);
    let mut calls = 100;
    assert_eq!(reader.read(1..=30, &filter(), &mut calls).await, Err(RpcError::Behind(30)));
    assert_eq!(calls, 97);
}

#[tokio::test]
async fn an_endpoint_that_cannot_be_reached_is_no_reason_to_narrow_the_range() {
    let is_down = Arc::new(AtomicBool::new(true));
    let down = Arc::clone(&is_down);
    let double = Double::start(move |request| {
        if down.load(Ordering::Relaxed) {
            return StatusCode::TOO_MANY_REQUESTS.into_response();
        }
        let answers = calls(request).into_iter().map(|call| {
            json!({ "id": call["id"], "result": result(call["method"].as_str().unwrap(), &call["params"]) })
        });
        reply(&answers.collect())
    })
    .await;
    let reader = LogReader::new(double.node(), 50);
    let mut calls = 100;
    assert!(reader.read(1..=50, &filter(), &mut calls).await.is_err());
    is_down.store(false, Ordering::Relaxed);
    read_all(&reader, 1, 50).await;
    assert_eq!(widths(&double), [50, 50]);
}

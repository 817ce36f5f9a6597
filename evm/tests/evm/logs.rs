//! Logs with their proof, from nodes that list too much, too little or nonsense.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use alloy_primitives::B256;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use evm::block::Block;
use evm::log::Log;
use evm::node::LogsUpTo;
use evm::{Node, NodeError, RpcError};
use serde_json::{Value, json};

use crate::chain::{PAYEE, block, filter, hash_of, log, number_in, transaction_in, with};
use crate::double::{Double, error, over, reply};

/// A node that has all blocks and lists these logs.
async fn listing(logs: Value) -> Double {
    Double::honest(move |method, params| match method {
        "eth_getBlockByNumber" => block(number_in(params)),
        "eth_getLogs" => logs.clone(),
        _ => panic!("{method}"),
    })
    .await
}

/// The logs of the blocks 5 to 9 from a node that lists these.
async fn logs_in(logs: Value) -> Vec<Log> {
    listing(logs).await.node().logs_up_to(5..=9, &filter()).await.unwrap().logs
}

/// The blocks and indices of logs.
fn places(logs: &[Log]) -> Vec<(u64, u64)> {
    logs.iter().map(|log| (log.position.block_number, log.position.log_index)).collect()
}

/// A log of another version of its block.
fn stale(number: u64, index: u64) -> Value {
    with(log(number, index), &json!({ "blockHash": B256::repeat_byte(9) }))
}

/// A refusal of batches.
fn no_batches(_: usize) -> Response {
    reply(&error(-32600, "Batch requests are not supported"))
}

#[tokio::test]
async fn logs_and_the_block_that_proves_them_are_one_batch() {
    let double = listing(json!([log(9, 2), log(9, 1), log(5, 4)])).await;
    let LogsUpTo { last, logs } = double.node().logs_up_to(5..=9, &filter()).await.unwrap();
    let expected = Block { number: 9, hash: hash_of(9), parent_hash: hash_of(8), timestamp: 0x6553_f100 };
    assert_eq!(last, expected);
    assert_eq!(places(&logs), [(5, 4), (9, 1), (9, 2)]);
    assert_eq!(double.received().len(), 1);
    let calls = &double.received()[0];
    assert_eq!(calls[0]["method"], "eth_getBlockByNumber");
    assert_eq!(calls[0]["params"], json!(["0x9", false]));
    assert_eq!(calls[1]["method"], "eth_getLogs");
    assert_eq!(
        (&calls[1]["params"][0]["fromBlock"], &calls[1]["params"][0]["toBlock"]),
        (&json!("0x5"), &json!("0x9"))
    );
}

#[tokio::test]
async fn a_node_without_the_last_block_is_behind_whatever_it_lists() {
    for (last, logs) in [
        (json!({ "result": null }), json!({ "result": [] })),
        (json!({ "result": null }), json!({ "result": [log(5, 0)] })),
        (json!({ "result": null }), error(-32000, "block range extends beyond current head block")),
        (error(-39001, "Unknown block"), json!({ "result": [] })),
    ] {
        let double = Double::responding(move |method, _| match method {
            "eth_getBlockByNumber" => last.clone(),
            _ => logs.clone(),
        })
        .await;
        assert_eq!(double.node().logs_up_to(5..=9, &filter()).await, Err(RpcError::Behind(9)));
    }
}

#[tokio::test]
async fn another_block_as_the_proof_is_malformed() {
    let double = Double::honest(|method, _| if method == "eth_getLogs" { json!([]) } else { block(8) }).await;
    let outcome = double.node().logs_up_to(5..=9, &filter()).await;
    assert!(matches!(outcome, Err(RpcError::Malformed(_))), "{outcome:?}");
}

#[tokio::test]
async fn null_instead_of_a_list_means_no_logs() {
    assert!(logs_in(json!(null)).await.is_empty());
    assert!(logs_in(json!([])).await.is_empty());
}

#[tokio::test]
async fn what_is_no_list_fails_over() {
    let (odd, sound) = (listing(json!({})).await, listing(json!([log(6, 0)])).await);
    let logs = Node::new(over(&[&odd, &sound])).logs_up_to(5..=9, &filter()).await.unwrap().logs;
    assert_eq!(places(&logs), [(6, 0)]);
}

#[tokio::test]
async fn a_log_that_cannot_be_used_does_not_fail_the_others() {
    for (other, what) in [
        (log(4, 0), "before the range"),
        (log(10, 0), "after the range"),
        (with(log(6, 0), &json!({ "address": PAYEE })), "of another token"),
        (with(log(6, 0), &json!({ "topics": [] })), "without topics"),
        (with(log(6, 0), &json!({ "blockNumber": null })), "pending"),
        (with(log(6, 0), &json!({ "data": "0x1" })), "half a byte"),
        (with(log(6, 0), &json!({ "removed": true })), "removed"),
        (json!({ "removed": true }), "removed and empty"),
        (json!({}), "empty"),
        (json!(null), "null"),
        (json!("0x"), "a text"),
    ] {
        let logs = logs_in(json!([log(6, 1), other, log(9, 0)])).await;
        assert_eq!(places(&logs), [(6, 1), (9, 0)], "{what}");
    }
}

#[tokio::test]
async fn a_log_with_more_or_less_than_usual_is_read() {
    for fields in [
        json!({ "removed": null }),
        json!({ "logIndex": "0x00", "blockNumber": "0x0006" }),
        json!({ "data": format!("0x{}", "AB".repeat(32)) }),
        json!({ "address": "0xAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" }),
        json!({ "blockTimestamp": null, "l1BatchNumber": "0x15", "logType": null, "transactionLogIndex": "0x0" }),
    ] {
        let logs = logs_in(json!([with(log(6, 0), &fields)])).await;
        assert_eq!(places(&logs), [(6, 0)], "{fields}");
    }
    let mut without_removed = log(6, 0);
    without_removed.as_object_mut().unwrap().remove("removed");
    assert_eq!(logs_in(json!([without_removed])).await.len(), 1);
}

#[tokio::test]
async fn an_error_of_null_beside_a_result_is_no_error() {
    let double = Double::responding(|method, params| match method {
        "eth_getBlockByNumber" => json!({ "result": block(number_in(params)), "error": null }),
        _ => json!({ "result": [log(6, 0)], "error": null }),
    })
    .await;
    assert_eq!(double.node().logs_up_to(5..=9, &filter()).await.unwrap().logs.len(), 1);
}

#[tokio::test]
async fn a_log_that_is_listed_twice_is_read_once() {
    let spelled = with(log(6, 0), &json!({ "logIndex": "0x00" }));
    let logs = logs_in(json!([log(6, 0), log(7, 0), log(6, 0), spelled])).await;
    assert_eq!(places(&logs), [(6, 0), (7, 0)]);
}

#[tokio::test]
async fn two_logs_with_one_index_and_different_transactions_are_both_read() {
    let of = |transaction: u8| with(log(6, 0), &json!({ "transactionHash": B256::repeat_byte(transaction) }));
    let logs = logs_in(json!([of(2), of(1)])).await;
    let transactions: Vec<B256> = logs.iter().map(|log| log.position.transaction_hash).collect();
    assert_eq!(transactions, [B256::repeat_byte(1), B256::repeat_byte(2)]);
}

#[tokio::test]
async fn a_removed_log_beside_its_successor_is_dropped() {
    let removed = with(stale(6, 0), &json!({ "removed": true }));
    let double = listing(json!([removed, log(6, 0)])).await;
    let logs = double.node().logs_up_to(5..=9, &filter()).await.unwrap().logs;
    assert_eq!(logs.len(), 1);
    assert_eq!(logs[0].position.block_hash, hash_of(6));
    assert_eq!(double.received().len(), 1);
}

#[tokio::test]
async fn of_two_versions_of_a_block_the_one_in_the_chain_is_read() {
    for logs in [json!([log(6, 0), stale(6, 0), log(7, 1)]), json!([stale(6, 5), log(6, 0), log(7, 1)])] {
        let double = listing(logs).await;
        let logs = double.node().logs_up_to(5..=9, &filter()).await.unwrap().logs;
        assert_eq!(places(&logs), [(6, 0), (7, 1)]);
        assert!(logs.iter().all(|log| log.position.block_hash == hash_of(log.position.block_number)));
        assert_eq!(double.received()[1]["params"][0], "0x6");
    }
}

#[tokio::test]
async fn of_two_blocks_with_one_transaction_the_one_in_the_chain_is_read() {
    // The transaction was moved from block 6 to block 7.
    let before = with(stale(6, 0), &json!({ "transactionHash": transaction_in(7) }));
    let logs = logs_in(json!([before, log(7, 0)])).await;
    assert_eq!(places(&logs), [(7, 0)]);
}

#[tokio::test]
async fn stale_logs_of_the_last_block_are_dropped() {
    assert_eq!(places(&logs_in(json!([log(8, 0), stale(9, 0), log(9, 0)])).await), [(8, 0), (9, 0)]);
    assert_eq!(places(&logs_in(json!([log(8, 0), stale(9, 0)])).await), [(8, 0)]);
}

#[tokio::test]
async fn a_last_block_that_is_replaced_while_it_is_read_is_an_error() {
    let headers = Arc::new(AtomicUsize::new(0));
    let double = Double::honest(move |method, params| match method {
        "eth_getLogs" => json!([stale(9, 0)]),
        _ if headers.fetch_add(1, Ordering::Relaxed) == 0 => block(number_in(params)),
        _ => with(block(9), &json!({ "hash": B256::repeat_byte(9) })),
    })
    .await;
    assert_eq!(double.node().logs_up_to(5..=9, &filter()).await, Err(RpcError::Replaced(9)));
}

#[tokio::test]
async fn without_batches_the_block_is_asked_for_before_and_after_the_logs() {
    let double = Double::capped(1, no_batches, |method, params| match method {
        "eth_getBlockByNumber" => json!({ "result": block(number_in(params)) }),
        _ => json!({ "result": [log(6, 0), stale(6, 1)] }),
    })
    .await;
    let node = double.node();
    for _ in 0..2 {
        let LogsUpTo { last, logs } = node.logs_up_to(5..=9, &filter()).await.unwrap();
        assert_eq!((last.hash, places(&logs)), (hash_of(9), vec![(6, 0)]));
    }
    assert_eq!(double.sizes(), [2, 1, 1, 1, 1, 1, 1, 1, 1]);
    let (header, logs) = ("eth_getBlockByNumber", "eth_getLogs");
    // The second time: the block, the logs, the block again, and the header of the block with two versions.
    assert_eq!(double.methods()[6..], [header, logs, header, header].map(str::to_owned));
}

#[tokio::test]
async fn a_proof_without_batches_that_changes_in_between_is_an_error() {
    let headers = Arc::new(AtomicUsize::new(0));
    let changing = Double::capped(1, no_batches, move |method, params| match method {
        "eth_getLogs" => json!({ "result": [log(6, 0)] }),
        _ if headers.fetch_add(1, Ordering::Relaxed) == 0 => json!({ "result": block(number_in(params)) }),
        _ => json!({ "result": with(block(9), &json!({ "hash": B256::repeat_byte(9) })) }),
    })
    .await;
    let other = listing(json!([])).await;
    let node = Node::new(over(&[&changing, &other]));
    assert_eq!(node.logs_up_to(5..=9, &filter()).await, Err(RpcError::Replaced(9)));
    assert!(other.received().is_empty());
}

#[tokio::test]
async fn without_batches_a_node_without_the_last_block_is_behind() {
    let double = Double::capped(1, no_batches, |method, _| match method {
        "eth_getBlockByNumber" => json!({ "result": null }),
        _ => json!({ "result": [] }),
    })
    .await;
    assert_eq!(double.node().logs_up_to(5..=9, &filter()).await, Err(RpcError::Behind(9)));
}

/// A node that refuses logs like this.
async fn refusing(refusal: Value) -> Double {
    Double::responding(move |method, params| match method {
        "eth_getBlockByNumber" => json!({ "result": block(number_in(params)) }),
        _ => refusal.clone(),
    })
    .await
}

#[tokio::test]
async fn a_refused_range_is_returned_and_a_refused_block_fails_over() {
    for (code, message) in [
        (-32000, "requested too many blocks from 1 to 500, maximum is set to 50"),
        (-32005, "limit exceeded"),
        (-32603, "Internal error"),
        (-32601, "method not found"),
        (7, "não"),
    ] {
        let refusing = refusing(error(code, message)).await;
        let sound = listing(json!([])).await;
        let node = Node::new(over(&[&refusing, &sound]));
        for _ in 0..2 {
            let refusal = node.logs_up_to(5..=9, &filter()).await.unwrap_err();
            assert_eq!(refusal, NodeError { code, message: message.to_owned() }.into());
            assert!(refusal.may_pass_if_smaller());
        }
        assert_eq!((refusing.sizes(), sound.received().len()), (vec![2, 2], 0));
        assert!(node.logs_up_to(9..=9, &filter()).await.is_ok());
        assert!(node.logs_up_to(5..=9, &filter()).await.is_ok());
        assert_eq!((refusing.received().len(), sound.received().len()), (3, 2));
    }
}

#[tokio::test]
async fn a_range_that_fails_as_a_whole_is_returned_and_not_taken_for_a_refused_batch() {
    for status in [StatusCode::PAYLOAD_TOO_LARGE, StatusCode::BAD_REQUEST, StatusCode::GATEWAY_TIMEOUT] {
        let limited = Double::start(move |request| {
            let calls = request.as_array().cloned().unwrap_or(vec![request.clone()]);
            if calls.iter().any(|call| call["method"] == "eth_getLogs") {
                return status.into_response();
            }
            reply(&json!({ "id": request["id"], "result": block(9) }))
        })
        .await;
        let other = listing(json!([])).await;
        let node = Node::new(over(&[&limited, &other]));
        for _ in 0..2 {
            let failure = node.logs_up_to(5..=9, &filter()).await.unwrap_err();
            assert_eq!(failure, RpcError::Status(status.as_u16()));
        }
        // A batch is tried again, because the single call was refused too.
        assert_eq!(limited.sizes().iter().filter(|size| **size == 2).count(), 2);
        assert!(other.received().is_empty());
    }
}

#[tokio::test]
async fn a_rate_limit_on_logs_fails_over() {
    let refusing = refusing(error(429, "too many requests")).await;
    let sound = listing(json!([log(6, 0)])).await;
    let node = Node::new(over(&[&refusing, &sound]));
    assert_eq!(node.logs_up_to(5..=9, &filter()).await.unwrap().logs.len(), 1);
}

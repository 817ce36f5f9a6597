//! Which endpoint's head is taken.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use evm::{Endpoint, Node, Rpc, RpcError};
use serde_json::json;
use tokio::net::TcpListener;

use crate::chain::{block, with};
use crate::double::{Double, LIMITS, error, over};

/// A node whose latest block has this number, and the number to change; zero is no block.
async fn growing(number: u64) -> (Double, Arc<AtomicU64>) {
    let head = Arc::new(AtomicU64::new(number));
    let latest = Arc::clone(&head);
    let double = Double::honest(move |_, params| {
        assert_eq!(params[0], "latest");
        match latest.load(Ordering::Relaxed) {
            0 => json!(null),
            number => with(block(number), &json!({ "timestamp": format!("{number:#x}") })),
        }
    })
    .await;
    (double, head)
}

async fn head(node: &Node) -> u64 {
    node.head(0).await.unwrap().number
}

#[tokio::test]
async fn the_current_endpoint_alone_is_asked_while_its_head_grows() {
    let ((first, number), (second, _)) = (growing(100).await, growing(900).await);
    let node = Node::new(over(&[&first, &second]));
    for expected in 100..103 {
        number.store(expected, Ordering::Relaxed);
        assert_eq!(head(&node).await, expected);
    }
    assert!(second.received().is_empty());
}

#[tokio::test]
async fn a_head_that_stands_still_is_left_for_one_that_is_ahead() {
    let ((first, _), (second, ahead)) = (growing(100).await, growing(103).await);
    let node = Node::new(over(&[&first, &second]));
    assert_eq!(head(&node).await, 100);
    assert_eq!(head(&node).await, 103);
    ahead.store(104, Ordering::Relaxed);
    assert_eq!(head(&node).await, 104);
    assert_eq!((first.received().len(), second.received().len()), (2, 2));
}

#[tokio::test]
async fn a_head_that_stands_still_is_kept_if_no_endpoint_is_clearly_ahead() {
    let ((first, number), (second, _)) = (growing(100).await, growing(102).await);
    let node = Node::new(over(&[&first, &second]));
    for _ in 0..3 {
        assert_eq!(head(&node).await, 100);
    }
    number.store(101, Ordering::Relaxed);
    assert_eq!(head(&node).await, 101);
    assert_eq!((first.received().len(), second.received().len()), (4, 2));
}

#[tokio::test]
async fn a_newer_block_is_ahead_even_if_its_number_is_close() {
    let old = Double::honest(|_, _| block(100)).await;
    let new = Double::honest(|_, _| with(block(101), &json!({ "timestamp": "0x6553f11f" }))).await;
    let node = Node::new(over(&[&old, &new]));
    assert_eq!(head(&node).await, 100);
    assert_eq!(head(&node).await, 101);
}

#[tokio::test]
async fn an_endpoint_without_a_head_is_left() {
    for broken in [
        Double::honest(|_, _| json!(null)).await,
        Double::responding(|_, _| error(-39001, "Unknown block")).await,
        Double::responding(|_, _| error(-32603, "Internal error")).await,
        Double::honest(|_, _| json!({ "number": "0x" })).await,
    ] {
        let ((second, _), (third, _)) = (growing(100).await, growing(101).await);
        let node = Node::new(over(&[&broken, &second, &third]));
        // The first of those that are about as far.
        assert_eq!(head(&node).await, 100);
        assert_eq!(head(&node).await, 100);
        assert_eq!(broken.received().len(), 1);
    }
}

#[tokio::test]
async fn without_any_block_the_chain_is_behind() {
    let ((first, number), (second, _)) = (growing(0).await, growing(0).await);
    let broken = Double::responding(|_, _| error(-32603, "Internal error")).await;
    for doubles in [vec![&first], vec![&first, &second], vec![&first, &broken], vec![&broken, &first]] {
        assert_eq!(Node::new(over(&doubles)).head(0).await, Err(RpcError::Behind(0)));
    }
    let node = first.node();
    assert!(node.head(0).await.is_err());
    number.store(7, Ordering::Relaxed);
    assert_eq!(head(&node).await, 7);
}

#[tokio::test]
async fn the_last_error_is_returned_if_no_endpoint_has_a_head() {
    let first = Double::responding(|_, _| error(-32603, "first")).await;
    let second = Double::responding(|_, _| error(-32603, "second")).await;
    let failure = Node::new(over(&[&first, &second])).head(0).await.unwrap_err();
    assert!(failure.to_string().contains("second"), "{failure}");
    assert!(matches!(Node::new(over(&[])).head(0).await, Err(RpcError::Unavailable(_))));
}

#[tokio::test]
async fn an_endpoint_that_hangs_does_not_hold_up_a_head_that_stands_still() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = Endpoint::parse(&format!("http://{}", silent.local_addr().unwrap())).unwrap();
    let (first, _) = growing(100).await;
    let limits = evm::Limits { answer: Duration::from_mins(1), ..LIMITS };
    let node = Node::new(Rpc::new(vec![first.endpoint.clone(), silent], limits).unwrap());
    let begin = Instant::now();
    for _ in 0..5 {
        assert_eq!(head(&node).await, 100);
    }
    // It is waited for once, and then it rests.
    assert!(begin.elapsed() < Duration::from_secs(6));
}

#[tokio::test]
async fn a_head_of_another_chain_is_not_taken() {
    let ours =
        Double::honest(|method, _| if method == "eth_chainId" { json!("0x1") } else { block(100) }).await;
    let theirs =
        Double::honest(|method, _| if method == "eth_chainId" { json!("0x2") } else { block(900) }).await;
    let node = Node::new(over(&[&ours, &theirs]).for_chain(1));
    for _ in 0..3 {
        assert_eq!(head(&node).await, 100);
    }
}

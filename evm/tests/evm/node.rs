//! What typed answers are held to.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use evm::block::{Block, BlockTag};
use evm::fees::Fees;
use evm::filter::{LogFilter, OneOf};
use evm::node::LogsUpTo;
use evm::{RpcError, abi};
use serde_json::{Value, json};

use crate::double::{Double, reply};

const TOKEN: Address = Address::repeat_byte(0xaa);
const PAYEE: Address = Address::repeat_byte(0xbb);

fn filter() -> LogFilter {
    LogFilter::transfers(OneOf::only(TOKEN), Some(OneOf::only(PAYEE)))
}

fn hash_of(number: u64) -> B256 {
    B256::from(U256::from(number))
}

fn block(number: u64) -> Value {
    json!({
        "number": format!("{number:#x}"),
        "hash": hash_of(number),
        "parentHash": hash_of(number - 1),
        "timestamp": "0x6553f100",
        "transactions": [],
    })
}

fn log(number: u64, index: u64) -> Value {
    json!({
        "address": TOKEN,
        "topics": [abi::TRANSFER, TOKEN.into_word(), PAYEE.into_word()],
        "data": B256::with_last_byte(5),
        "blockNumber": format!("{number:#x}"),
        "blockHash": hash_of(number),
        "transactionHash": B256::repeat_byte(7),
        "transactionIndex": "0x0",
        "logIndex": format!("{index:#x}"),
        "removed": false,
    })
}

/// The blocks 5 to 9, from a node that answers so.
async fn logs_up_to_9(last: Value, logs: Value) -> Result<LogsUpTo, RpcError> {
    let double = Double::honest(move |method, _| match method {
        "eth_getBlockByNumber" => last.clone(),
        "eth_getLogs" => logs.clone(),
        _ => panic!("{method}"),
    })
    .await;
    let outcome = double.node().logs_up_to(5..=9, &filter()).await;
    assert_eq!(double.received().len(), 1);
    outcome
}

#[tokio::test]
async fn logs_and_the_block_that_proves_them_are_one_batch() {
    let double = Double::honest(|method, _| match method {
        "eth_getBlockByNumber" => block(9),
        _ => json!([log(9, 2), log(9, 1), log(5, 4)]),
    })
    .await;
    let LogsUpTo { last, logs } = double.node().logs_up_to(5..=9, &filter()).await.unwrap();
    let expected = Block { number: 9, hash: hash_of(9), parent_hash: hash_of(8), timestamp: 0x6553_f100 };
    assert_eq!(last, expected);
    let places: Vec<_> = logs.iter().map(|log| (log.place.block_number, log.place.log_index)).collect();
    assert_eq!(places, [(5, 4), (9, 1), (9, 2)]);
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
async fn a_node_that_lags_gives_no_logs_but_an_error() {
    assert_eq!(logs_up_to_9(json!(null), json!([])).await, Err(RpcError::Behind(9)));
    assert_eq!(logs_up_to_9(json!(null), json!([log(5, 0)])).await, Err(RpcError::Behind(9)));
}

#[tokio::test]
async fn a_refusal_of_either_is_an_error() {
    for (refused, too_large) in [("eth_getBlockByNumber", false), ("eth_getLogs", true)] {
        let double = Double::start(move |request| {
            let answer = |call: &Value| {
                let message = if too_large { "block range is too wide" } else { "unknown block" };
                if call["method"] == refused {
                    json!({ "id": call["id"], "error": { "code": -32000, "message": message } })
                } else {
                    json!({ "id": call["id"], "result": if too_large { block(9) } else { json!([]) } })
                }
            };
            reply(&request.as_array().unwrap().iter().map(answer).collect())
        })
        .await;
        let error = double.node().logs_up_to(5..=9, &filter()).await.unwrap_err();
        assert!(matches!(error, RpcError::Node(_)));
        assert_eq!(error.is_range_too_large(), too_large);
    }
}

#[tokio::test]
async fn logs_that_cannot_be_what_was_asked_for_are_refused() {
    let of_another_token = {
        let mut log = log(6, 0);
        log["address"] = json!(PAYEE);
        log
    };
    let of_another_chain = |number: u64| {
        let mut log = log(number, 8);
        log["blockHash"] = json!(B256::repeat_byte(9));
        log
    };
    let pending = {
        let mut log = log(6, 0);
        log["blockNumber"] = json!(null);
        log
    };
    for (last, logs, what) in [
        (block(8), json!([]), "another block as the proof"),
        (block(9), json!([log(4, 0)]), "before the range"),
        (block(9), json!([log(10, 0)]), "after the range"),
        (block(9), json!([of_another_token]), "another token"),
        (block(9), json!([log(6, 0), log(7, 0), log(6, 0)]), "a log twice"),
        (block(9), json!([log(6, 0), of_another_chain(6)]), "one block of two chains"),
        (block(9), json!([of_another_chain(9)]), "a last block of two chains"),
        (block(9), json!([pending]), "a log in no block"),
        (block(9), json!(null), "no list"),
        (block(9), json!([{}]), "no log"),
    ] {
        let outcome = logs_up_to_9(last, logs).await;
        assert!(matches!(outcome, Err(RpcError::Malformed(_))), "{what}: {outcome:?}");
    }
    assert!(logs_up_to_9(block(9), json!([])).await.unwrap().logs.is_empty());
}

#[tokio::test]
async fn a_block_is_the_one_that_was_asked_for_or_none() {
    let double = Double::honest(|_, params| match params[0].as_str().unwrap() {
        // To 0x8 as well: it answers with what it has.
        "0x7" | "finalized" | "0x8" => block(7),
        _ => json!(null),
    })
    .await;
    let node = double.node();
    assert_eq!(node.block(BlockTag::Number(7)).await.unwrap().unwrap().number, 7);
    assert_eq!(node.block(BlockTag::Finalized).await.unwrap().unwrap().number, 7);
    assert_eq!(node.block(BlockTag::Number(9)).await.unwrap(), None);
    assert!(matches!(node.block(BlockTag::Number(8)).await, Err(RpcError::Malformed(_))));
    let several = node.blocks(&[7, 9]).await.unwrap();
    assert_eq!(several.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false]);
    assert!(node.blocks(&[8]).await.is_err());
}

#[tokio::test]
async fn tags_are_named_as_nodes_name_them() {
    let double = Double::honest(|_, _| json!(null)).await;
    for tag in [BlockTag::Latest, BlockTag::Safe, BlockTag::Finalized, BlockTag::Pending] {
        double.node().block(tag).await.unwrap();
    }
    let asked: Vec<_> = double.received().iter().map(|call| call["params"][0].clone()).collect();
    assert_eq!(asked, ["latest", "safe", "finalized", "pending"]);
}

fn receipt(transaction: B256, status: &str) -> Value {
    json!({
        "transactionHash": transaction,
        "blockNumber": "0x9",
        "blockHash": hash_of(9),
        "from": PAYEE,
        "to": TOKEN,
        "status": status,
        "gasUsed": "0x5208",
        "effectiveGasPrice": "0xffffffffffffffffff",
        "logs": [log(9, 0)],
        "l1Fee": "0x1",
    })
}

#[tokio::test]
async fn receipts_are_told_apart_by_status_and_hash() {
    let double = Double::honest(|_, params| match params[0].as_str().unwrap() {
        one if one.ends_with("01") => receipt(hash_of(1), "0x1"),
        two if two.ends_with("02") => receipt(hash_of(2), "0x0"),
        odd if odd.ends_with("04") => receipt(hash_of(4), "0x2"),
        another if another.ends_with("05") => receipt(hash_of(1), "0x1"),
        _ => json!(null),
    })
    .await;
    let node = double.node();
    let receipts = node.receipts(&[hash_of(1), hash_of(2), hash_of(3)]).await.unwrap();
    let succeeded: Vec<_> =
        receipts.iter().map(|receipt| receipt.as_ref().map(|receipt| receipt.succeeded)).collect();
    assert_eq!(succeeded, [Some(true), Some(false), None]);
    let first = receipts[0].as_ref().unwrap();
    assert_eq!((first.gas_used, first.effective_gas_price), (21_000, 0xff_ffff_ffff_ffff_ffff));
    assert_eq!(abi::Transfer::read(&first.logs[0]).unwrap().amount, U256::from(5));
    assert_eq!(double.received().len(), 1);
    for odd in [4, 5] {
        assert!(matches!(node.receipts(&[hash_of(odd)]).await, Err(RpcError::Malformed(_))), "{odd}");
    }
}

#[tokio::test]
async fn balances_are_whole_words_or_an_error() {
    let double = Double::honest(|_, params| {
        let input = params[0]["input"].as_str().unwrap();
        assert_eq!(params[1], "0x9");
        if input.ends_with("bb") { json!(B256::with_last_byte(42)) } else { json!("0x") }
    })
    .await;
    let node = double.node();
    let at = BlockTag::Number(9);
    assert_eq!(node.balances(TOKEN, &[PAYEE, PAYEE], at).await.unwrap(), [U256::from(42); 2]);
    assert!(matches!(node.balances(TOKEN, &[PAYEE, TOKEN], at).await, Err(RpcError::Malformed(_))));
}

#[tokio::test]
async fn numbers_are_read_and_asked_for_as_they_should_be() {
    let double = Double::honest(|method, params| match (method, params[1].as_str()) {
        ("eth_chainId", None) => json!("0x2105"),
        ("eth_getTransactionCount", Some("latest")) => json!("0x5"),
        ("eth_getTransactionCount", Some("pending")) => json!("0x7"),
        ("eth_estimateGas", None) if params[0]["input"] == "0x01" => json!("0x5208"),
        ("eth_call", Some("safe")) => json!("0xc0ffee"),
        ("eth_getBalance", Some("latest")) => json!("0xde0b6b3a7640000"),
        ("eth_feeHistory", Some("latest")) => {
            json!({ "oldestBlock": "0x1", "baseFeePerGas": ["0x1", "0xa"], "reward": [["0x1e8480"]] })
        }
        other => panic!("{other:?}"),
    })
    .await;
    let node = double.node();
    assert_eq!(node.chain_id().await.unwrap(), 8453);
    assert_eq!(node.nonce(PAYEE, BlockTag::Latest).await.unwrap(), 5);
    assert_eq!(node.nonce(PAYEE, BlockTag::Pending).await.unwrap(), 7);
    assert_eq!(node.estimate_gas(PAYEE, TOKEN, &Bytes::from_static(&[1])).await.unwrap(), 21_000);
    let answer = node.view(TOKEN, &Bytes::new(), BlockTag::Safe).await.unwrap();
    assert_eq!(answer, Bytes::from_static(&[0xc0, 0xff, 0xee]));
    let ether = U256::from(1_000_000_000_000_000_000_u64);
    assert_eq!(node.native_balance(PAYEE, BlockTag::Latest).await.unwrap(), ether);
    assert_eq!(node.fees().await.unwrap(), Fees { max: 2_000_020, priority: 2_000_000 });
}

#[tokio::test]
async fn a_number_that_is_too_large_or_none_is_malformed() {
    for odd in [
        json!("0x10000000000000000"),
        json!("0x"),
        json!("five"),
        json!("5"),
        json!(5),
        json!("0x+5"),
        json!("0x1_0"),
        json!(null),
        json!({}),
    ] {
        let shown = odd.to_string();
        let double = Double::honest(move |_, _| odd.clone()).await;
        let outcome = double.node().chain_id().await;
        assert!(matches!(outcome, Err(RpcError::Malformed(_))), "{shown}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_transaction_is_taken_under_its_own_hash_alone() {
    let raw = Bytes::from_static(&[2, 1]);
    let hash = keccak256(&raw);
    let taken = Double::honest(move |_, _| json!(hash)).await;
    assert_eq!(taken.node().send_raw_transaction(&raw).await, Ok(()));
    assert_eq!(taken.received()[0]["params"], json!(["0x0201"]));
    let mixed_up = Double::honest(|_, _| json!(hash_of(1))).await;
    assert!(matches!(mixed_up.node().send_raw_transaction(&raw).await, Err(RpcError::Malformed(_))));
    let known = |request: &Value| {
        reply(&json!({ "id": request["id"], "error": { "code": -32000, "message": "already known" } }))
    };
    assert!(
        Double::start(known).await.node().send_raw_transaction(&raw).await.unwrap_err().is_already_known()
    );
}

//! What typed answers are held to.

use alloy_primitives::{B256, Bytes, U256, keccak256};
use evm::block::BlockTag;
use evm::fees::Fees;
use evm::{RpcError, abi};
use serde_json::{Value, json};

use crate::chain::{PAYEE, TOKEN, block, hash_of, log};
use crate::double::{Double, error, reply};

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

#[tokio::test]
async fn a_block_that_the_node_calls_unknown_is_none() {
    for (code, message) in
        [(-39001, "Unknown block"), (-32000, "safe block not found"), (-32000, "finalized block not found")]
    {
        let restarted = Double::responding(move |_, _| error(code, message)).await;
        let sound = Double::honest(|_, _| block(7)).await;
        let node = evm::Node::new(crate::double::over(&[&restarted, &sound]));
        assert_eq!(node.block(BlockTag::Safe).await, Ok(None), "{message}");
        assert_eq!(node.block(BlockTag::Finalized).await, Ok(None), "{message}");
        assert!(sound.received().is_empty());
    }
}

#[tokio::test]
async fn code_is_asked_for_at_the_latest_block() {
    let double = Double::honest(|_, _| json!("0x6001")).await;
    assert_eq!(double.node().code(TOKEN).await.unwrap(), Bytes::from_static(&[0x60, 1]));
    let request = &double.received()[0];
    assert_eq!(request["method"], "eth_getCode");
    assert_eq!(request["params"], json!([TOKEN, "latest"]));
}

#[tokio::test]
async fn decimals_are_a_number_up_to_255_or_none() {
    for (outcome, expected) in [
        (json!({ "result": B256::with_last_byte(6) }), Some(6)),
        (json!({ "result": B256::with_last_byte(255) }), Some(255)),
        (json!({ "result": B256::from(U256::from(256)) }), None),
        (json!({ "result": "0x" }), None),
        (json!({ "result": "0x06" }), None),
        (error(3, "execution reverted"), None),
    ] {
        let double = Double::responding(move |_, _| outcome.clone()).await;
        assert_eq!(double.node().token_decimals(TOKEN).await, Ok(expected));
        assert_eq!(double.received()[0]["params"][0]["input"], "0x313ce567");
    }
    let broken = Double::responding(|_, _| error(-32603, "Internal error")).await;
    assert!(broken.node().token_decimals(TOKEN).await.is_err());
}

#[tokio::test]
async fn a_question_about_nothing_is_not_asked() {
    let theirs = Double::honest(|_, _| json!("0x1")).await;
    let node = evm::Node::new(theirs.rpc().for_chain(8453));
    assert_eq!(node.blocks(&[]).await, Ok(Vec::new()));
    assert_eq!(node.receipts(&[]).await, Ok(Vec::new()));
    assert_eq!(node.balances(TOKEN, &[], BlockTag::Latest).await, Ok(Vec::new()));
    assert!(theirs.received().is_empty());
}

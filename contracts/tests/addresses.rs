//! Deposit addresses: the service and the contract compute the same ones.

use alloy_primitives::{Address, hex};
use alloy_sol_types::{SolCall as _, SolValue as _};
use serde_json::json;

use crate::abi::Factory;
use crate::local_chain::{Deposit, LocalChain, NATIVE, factory, somebody};

#[tokio::test]
async fn a_thousand_random_addresses_are_the_contracts() {
    let chain = LocalChain::start().await;
    let deposits: Vec<_> = (0..1000).map(|_| Deposit::new(somebody(), NATIVE)).collect();
    let calls = deposits.iter().enumerate().map(|(id, deposit)| {
        let Deposit { recipient, .. } = *deposit;
        let call = Factory::depositAddressCall { recipient, orderId: deposit.order_id() };
        let transaction = json!({ "to": factory(), "data": hex::encode_prefixed(call.abi_encode()) });
        json!({ "jsonrpc": "2.0", "id": id, "method": "eth_call", "params": [transaction, "latest"] })
    });
    let answers = chain.ask(&calls.collect()).await;
    let answers = answers.as_array().unwrap();
    assert_eq!(answers.len(), deposits.len());
    for answer in answers {
        let id = usize::try_from(answer["id"].as_u64().unwrap()).unwrap();
        let word = hex::decode(answer["result"].as_str().unwrap()).unwrap();
        let computed = Address::abi_decode(&word).unwrap();
        assert_eq!(deposits[id].address(), computed, "{:?}", deposits[id]);
    }
}

#[tokio::test]
async fn a_clone_is_placed_at_the_address_with_the_code_of_eip_1167() {
    let chain = LocalChain::start().await;
    let deposit = chain.paid(somebody(), NATIVE, 5).await;
    assert!(chain.code(deposit.address()).await.is_empty());
    chain.must(factory(), &deposit.sweep()).await;
    let implementation = factory().create(1);
    let expected =
        format!("0x363d3d373d3d3d363d73{}5af43d82803e903d91602b57fd5bf3", hex::encode(implementation));
    assert_eq!(chain.code(deposit.address()).await.to_string(), expected);
}

//! The signers and their signatures.

use alloy_primitives::{Address, B256, U256, b256};
use evm::Signer;
use evm::fees::Fees;
use evm::local::LocalKey;
use evm::signer::SignError;
use evm::transaction::Transaction;

/// The key of EIP-155's example.
pub const SECRET: &str = "0x4646464646464646464646464646464646464646464646464646464646464646";

/// A transaction of no consequence.
pub fn transaction(nonce: u64) -> Transaction {
    Transaction {
        chain_id: 8453,
        nonce,
        fees: Fees { max: 1_000_000_000, priority: 1_000_000 },
        gas_limit: 300_000,
        to: Address::repeat_byte(0x11),
        value: U256::ZERO,
        input: vec![1, 2, 3].into(),
    }
}

#[tokio::test]
async fn nobody_signs_nothing() {
    assert_eq!(Signer::None.address(), None);
    assert_eq!(Signer::None.sign(B256::ZERO).await, Err(SignError::NoKey));
    assert_eq!(Signer::None.sign_transaction(&transaction(0)).await, Err(SignError::NoKey));
}

#[tokio::test]
async fn a_local_key_signs_a_transaction_as_others_sign_it() {
    let signer = Signer::Local(LocalKey::parse(SECRET).unwrap());
    let outcome = signer.sign_transaction(&transaction(7)).await.unwrap();
    // By alloy-consensus 2.5 and k256 0.13, of the same key and values.
    assert_eq!(outcome.hash, b256!("32da596ad33151590b75d3233ef004ae302f5e74f5cb9253d8cdb24acbd979ab"));
}

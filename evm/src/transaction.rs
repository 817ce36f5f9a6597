//! Transactions of EIP-1559 that call a contract.

use alloy_primitives::{Address, B256, Bytes, Signature, U256, keccak256};
use alloy_rlp::{Encodable, Header};

use crate::fees::Fees;

/// The type byte (EIP-2718).
const TYPE: u8 = 2;

/// A call of a contract, and the fees that it offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// The chain. The transaction is invalid on any other one.
    pub chain_id: u64,
    /// The number of the sender's earlier transactions. Of two with the same number only one is ever mined.
    pub nonce: u64,
    /// The price that each unit of gas may have.
    pub fees: Fees,
    /// The most gas that it may use.
    pub gas_limit: u64,
    /// The contract.
    pub to: Address,
    /// The amount of the native token that it sends, in wei.
    pub value: U256,
    /// The encoded call.
    pub input: Bytes,
}

/// A transaction that can be sent to a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedTransaction {
    /// The bytes to send. Store them before they are sent for the first time.
    pub raw: Bytes,
    /// The transaction's hash. It is known before the transaction is sent.
    pub hash: B256,
}

impl Transaction {
    /// Returns the hash that the sender signs.
    pub fn signing_hash(&self) -> B256 {
        keccak256(self.typed(None))
    }

    /// Adds a signature, which is not verified. With a wrong one the transaction has another sender, and a node
    /// refuses it because that account has no balance.
    pub fn signed(&self, signature: &Signature) -> SignedTransaction {
        let raw = Bytes::from(self.typed(Some(signature)));
        let hash = keccak256(&raw);
        SignedTransaction { raw, hash }
    }

    /// Encodes the type byte, then the fields as one list.
    fn typed(&self, signature: Option<&Signature>) -> Vec<u8> {
        let Self { chain_id, nonce, fees: Fees { max, priority }, gas_limit, to, value, input } = self;
        let no_access_list = Header { list: true, payload_length: 0 };
        let mut fields = Vec::new();
        let before: [&dyn Encodable; 8] = [chain_id, nonce, priority, max, gas_limit, to, value, input];
        for field in before {
            field.encode(&mut fields);
        }
        no_access_list.encode(&mut fields);
        if let Some(signature) = signature {
            signature.write_rlp_vrs(&mut fields, signature.v());
        }
        let mut typed = vec![TYPE];
        Header { list: true, payload_length: fields.len() }.encode(&mut typed);
        typed.append(&mut fields);
        typed
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{address, b256, bytes};

    use super::*;

    /// A transaction of Ethereum's main chain.
    fn mined() -> Transaction {
        Transaction {
            chain_id: 1,
            nonce: 0x42,
            fees: Fees { max: 20_000_000_000, priority: 1_000_000_000 },
            gas_limit: 44_386,
            to: address!("6069a6c32cf691f5982febae4faf8a6f3ab2f0f6"),
            value: U256::ZERO,
            input: bytes!(
                "a22cb4650000000000000000000000005eee75727d804a2b13038928d36f8b188945a57a"
                "0000000000000000000000000000000000000000000000000000000000000000"
            ),
        }
    }

    #[test]
    fn a_mined_transaction_has_the_hashes_it_was_mined_with() {
        let signature = Signature::from_scalars_and_parity(
            b256!("840cfc572845f5786e702984c2a582528cad4b49b2a10b9db1be7fca90058565"),
            b256!("25e7109ceb98168d95b09b18bbf6b685130e0562f233877d492b94eee0c5b6d1"),
            false,
        );
        assert_eq!(
            mined().signing_hash(),
            b256!("0d5688ac3897124635b6cf1bc0e29d6dfebceebdc10a54d74f2ef8b56535b682")
        );
        assert_eq!(
            mined().signed(&signature).hash,
            b256!("0ec0b6a2df4d87424e5f6ad2a654e27aaeb7dac20ae9e8385cc09087ad532ee0")
        );
    }

    /// As alloy-consensus 2.5 encodes the same values.
    #[test]
    fn the_smallest_and_the_largest_values_are_encoded_as_others_encode_them() {
        let signature = Signature::from_scalars_and_parity(
            B256::with_last_byte(0x80),
            b256!("0001000000000000000000000000000000000000000000000000000000000000"),
            true,
        );
        let to = Address::repeat_byte(0x11);
        let smallest = Transaction {
            chain_id: 8453,
            nonce: 0,
            fees: Fees { max: 0, priority: 0 },
            gas_limit: 21_000,
            to,
            value: U256::ZERO,
            input: Bytes::new(),
        };
        assert_eq!(
            smallest.signing_hash(),
            b256!("1c2016160bd202c13df673417f285c677d5f457e40263a9f6f3399840690ee4d")
        );
        assert_eq!(
            smallest.signed(&signature).raw,
            bytes!(
                "02f8448221058080808252089411111111111111111111111111111111111111118080c00181809f01"
                "000000000000000000000000000000000000000000000000000000000000"
            )
        );
        let largest = Transaction {
            chain_id: u64::MAX,
            nonce: u64::MAX,
            fees: Fees { max: u128::MAX, priority: u128::MAX },
            gas_limit: u64::MAX,
            to,
            value: U256::MAX,
            input: vec![0xab; 300].into(),
        };
        assert_eq!(
            largest.signing_hash(),
            b256!("5587736af4a4b0650adb3769c198201c06a1a75488898e869aea1e2099aebdbc")
        );
        assert_eq!(
            largest.signed(&signature).hash,
            b256!("2e9d893fe77c9e10c7a5f7856bd8c84a5772a8065f1e6ff69c21bbdbcf0ea18f")
        );
        // Around the one byte that stands for itself; and the two fees in their order.
        let between = Transaction {
            chain_id: 31_337,
            nonce: 128,
            fees: Fees { max: 127, priority: 1 },
            gas_limit: 300_000,
            to,
            value: U256::from(1_000_000_000_000_000_000_u64),
            input: vec![0x7f].into(),
        };
        assert_eq!(
            between.signed(&signature).raw,
            bytes!(
                "02f84e827a698180017f830493e0941111111111111111111111111111111111111111880de0b6b3a7640000"
                "7fc00181809f01000000000000000000000000000000000000000000000000000000000000"
            )
        );
    }
}

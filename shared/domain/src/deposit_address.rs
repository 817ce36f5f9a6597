//! Where a payer sends the money: the counterfactual address of an order's forwarder.
//!
//! An order's `globalAddress` is the CREATE2 address (EIP-1014) of a minimal proxy
//! (EIP-1167) that an ownerless factory would place. Its salt binds the order and its
//! recipient, so whatever lies there can go to that recipient and nowhere else. Nothing
//! has to exist on chain before the payer pays, and no key or secret takes part.

use alloy_primitives::{Address, B256, address, keccak256};

use crate::address::EvmAddress;
use crate::id::OrderId;
use crate::invalid::Invalid;

/// The factory that places forwarders: configuration, the same for every order.
#[derive(Debug, Clone, Copy)]
pub struct ForwarderFactory {
    factory: Address,
    clone_code_hash: B256,
}

impl ForwarderFactory {
    /// Where the factory in `contracts/` stands, on every chain on which anybody has placed it. The address follows
    /// from the factory's code, and a test computes it from there: another code is another factory, and orders that
    /// exist keep theirs.
    pub const DEPLOYED: Address = address!("0x26df64031a6ef946554b03cfa1f119e075b9a870");

    /// Reads the factory's address.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        Ok(Self::at(Address::from(EvmAddress::parse(text)?.to_bytes())))
    }

    /// The factory that stands at this address.
    pub fn at(factory: Address) -> Self {
        // The factory's constructor places the implementation as its first contract.
        let implementation = factory.create(1);
        Self { factory, clone_code_hash: keccak256(clone_code(implementation)) }
    }

    /// What an order keeps of the factory: nothing of the one in `contracts/`.
    pub fn kept_with_order(&self) -> Option<EvmAddress> {
        let is_other = self.factory != Self::DEPLOYED;
        is_other.then(|| EvmAddress::parse(&format!("{:#x}", self.factory)).ok()).flatten()
    }

    /// Where the factory stands.
    pub fn address(&self) -> Address {
        self.factory
    }

    /// The deposit address of an order to a recipient, in lower-case hex.
    pub fn deposit_address(&self, order: OrderId, recipient: &EvmAddress) -> String {
        let order_word = [[0; 16], *order.as_bytes()].concat();
        let recipient_word = [[0; 12].as_slice(), &recipient.to_bytes()].concat();
        let salt = keccak256([recipient_word, order_word].concat());
        let address = self.factory.create2(salt, self.clone_code_hash);
        format!("{address:#x}")
    }
}

impl Default for ForwarderFactory {
    /// The factory in `contracts/`.
    fn default() -> Self {
        Self::at(Self::DEPLOYED)
    }
}

/// The creation code of a clone of `implementation` (EIP-1167).
fn clone_code(implementation: Address) -> Vec<u8> {
    const BEFORE: [u8; 20] = alloy_primitives::hex!("3d602d80600a3d3981f3363d3d373d3d3d363d73");
    const AFTER: [u8; 15] = alloy_primitives::hex!("5af43d82803e903d91602b57fd5bf3");
    [BEFORE.as_slice(), implementation.as_slice(), AFTER.as_slice()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order() -> OrderId {
        OrderId::parse("5392f7a7-d472-4d6b-9848-bd07117fb82d").unwrap()
    }

    fn recipient() -> EvmAddress {
        EvmAddress::parse("0xb34facb90a200251318e8841c05102366f2158cf").unwrap()
    }

    #[test]
    fn the_vector_of_the_specification_holds() {
        let factory = ForwarderFactory::parse("0xb8f034f6ab8280ad7534f4850e0c243dc4f92a0d").unwrap();
        assert_eq!(
            factory.factory.create(1).to_string().to_lowercase(),
            "0x656b2b8ee37955a98f124ab75ac3fbc0551ebd83"
        );
        assert_eq!(
            factory.clone_code_hash.to_string(),
            "0xaadc5234981f01fb7b2566e8e700dbbbbf326deff0703c9e36c53abc3c445a96"
        );
        let address = factory.deposit_address(order(), &recipient());
        assert_eq!(address, "0x7b27a06b3b4fe107988d5ea5fb0315520346d1f9");
    }

    #[test]
    fn the_vector_of_our_own_factory_holds() {
        let address = ForwarderFactory::default().deposit_address(order(), &recipient());
        assert_eq!(address, "0x31befe53c658e1253d72f2dacd7dfaf471c86652");
    }

    #[test]
    fn another_order_or_recipient_has_another_address() {
        let factory = ForwarderFactory::default();
        let other_order = OrderId::parse("5392f7a7-d472-4d6b-9848-bd07117fb82e").unwrap();
        let other_recipient = EvmAddress::parse("0xb34facb90a200251318e8841c05102366f2158d0").unwrap();
        let address = factory.deposit_address(order(), &recipient());
        assert_ne!(address, factory.deposit_address(other_order, &recipient()));
        assert_ne!(address, factory.deposit_address(order(), &other_recipient));
    }
}

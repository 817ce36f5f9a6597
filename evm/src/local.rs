//! A key in memory, for the local run and for deployments that keep the gas payer's key as a secret.

use std::fmt;

use alloy_primitives::{Address, B256, Signature, hex};
use k256::ecdsa::SigningKey;

use crate::signer::{address_of, signature_of};

/// The error for a text that is no key. It says what was expected and never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a secret key: 0x and 64 hex digits, above zero and below the curve's order")]
pub struct NotAKey;

/// A secret key. No output shows it, and it is wiped from memory when it is dropped.
#[derive(Clone)]
pub struct LocalKey {
    key: SigningKey,
    address: Address,
}

impl LocalKey {
    /// Reads `0x` and 64 hex digits.
    pub fn parse(text: &str) -> Result<Self, NotAKey> {
        // The decoder below would skip a second `0x`.
        let digits = text.strip_prefix("0x").filter(|digits| digits.len() == 64).ok_or(NotAKey)?;
        let bytes: [u8; 32] = hex::decode_to_array(digits).map_err(|_| NotAKey)?;
        let key = SigningKey::from_slice(&bytes).map_err(|_| NotAKey)?;
        let address = address_of(key.verifying_key());
        Ok(Self { key, address })
    }

    /// Returns the address of the key's account.
    pub fn address(&self) -> Address {
        self.address
    }

    /// Signs a hash. The same hash has the same signature each time (RFC 6979).
    pub fn sign(&self, hash: B256) -> Signature {
        let (signature, recovery) = self.key.sign_prehash_recoverable(hash.as_slice());
        signature_of(&signature, recovery)
    }
}

impl fmt::Debug for LocalKey {
    /// Shows only the address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalKey").field("address", &self.address).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{U256, address, b256, uint};

    use super::*;

    const SECRET: &str = "0x4646464646464646464646464646464646464646464646464646464646464646";

    #[test]
    fn the_vector_of_eip_155_holds() {
        let key = LocalKey::parse(SECRET).unwrap();
        assert_eq!(key.address(), address!("9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f"));
        let hash = b256!("daf5a779ae972f972197303d7b574746c7ef83eadac0f2791ad23db92e4c8e53");
        let signature = key.sign(hash);
        let r = uint!(0x28ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276_U256);
        let s = uint!(0x67cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83_U256);
        assert_eq!((signature.r(), signature.s()), (r, s));
        assert!(!signature.v());
    }

    #[test]
    fn every_signature_has_the_low_s() {
        let key = LocalKey::parse(SECRET).unwrap();
        let half = uint!(0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0_U256);
        for number in 0..64 {
            assert!(key.sign(B256::from(U256::from(number))).s() <= half, "{number}");
        }
    }

    #[test]
    fn other_texts_are_refused_and_not_repeated() {
        let zero = format!("0x{}", "0".repeat(64));
        let order = "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
        let long = format!("{SECRET}46");
        let twice = format!("0x{SECRET}");
        for text in
            ["", "0x", &SECRET[2..], &SECRET[..65], &SECRET.replace('6', "g"), &zero, order, &long, &twice]
        {
            let refused = LocalKey::parse(text).unwrap_err();
            assert!(!format!("{refused} {refused:?}").contains("4646"), "{text}");
        }
    }

    #[test]
    fn debug_shows_the_address_alone() {
        let shown = format!("{:?}", LocalKey::parse(SECRET).unwrap()).to_lowercase();
        assert_eq!(shown, "localkey { address: 0x9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f, .. }");
    }
}

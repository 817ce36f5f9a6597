//! Who signs for the gas: the only key there is. Whoever steals it has the gas balance, never a deposit.

use alloy_primitives::{Address, B256, Signature};
use k256::ecdsa::{RecoveryId, VerifyingKey};

#[cfg(feature = "kms")]
use crate::kms::KmsKey;
use crate::local::LocalKey;
use crate::transaction::{SignedTransaction, Transaction};

/// Why there is no signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// There is no key. Somebody else sweeps.
    #[error("there is no key to sign with")]
    NoKey,
    /// The key's keeper did not answer. Trying again later is right.
    #[error("the key's keeper is unavailable: {0}")]
    Unavailable(String),
    /// The key's keeper refused, or answered what cannot be used. Trying again does not help.
    #[error("the key's keeper cannot sign: {0}")]
    Refused(String),
}

/// Who signs.
#[derive(Debug, Clone)]
pub enum Signer {
    /// Nobody: sweeping is left to others, and only watched.
    None,
    /// A key in memory.
    Local(LocalKey),
    /// A key in AWS KMS, which it never leaves.
    #[cfg(feature = "kms")]
    Kms(KmsKey),
}

impl Signer {
    /// Who pays, where anybody does.
    pub fn address(&self) -> Option<Address> {
        match self {
            Self::None => None,
            Self::Local(key) => Some(key.address()),
            #[cfg(feature = "kms")]
            Self::Kms(key) => Some(key.address()),
        }
    }

    /// Signs a hash. The signature's `s` is the lower of the two that are possible, as EIP-2 asks.
    #[cfg_attr(
        not(feature = "kms"),
        expect(clippy::unused_async, reason = "a key that is somewhere else is waited for")
    )]
    pub async fn sign(&self, hash: B256) -> Result<Signature, SignError> {
        match self {
            Self::None => Err(SignError::NoKey),
            Self::Local(key) => Ok(key.sign(hash)),
            #[cfg(feature = "kms")]
            Self::Kms(key) => key.sign(hash).await,
        }
    }

    /// Signs a transaction.
    pub async fn sign_transaction(&self, transaction: &Transaction) -> Result<SignedTransaction, SignError> {
        let signature = self.sign(transaction.signing_hash()).await?;
        Ok(transaction.signed(&signature))
    }
}

/// The account of a key: the end of the hash of its point, less the byte that says how the point is written.
pub(crate) fn address_of(key: &VerifyingKey) -> Address {
    let point = key.to_sec1_point(false);
    Address::from_raw_public_key(point.as_bytes().get(1..).unwrap_or_default())
}

/// A signature as a transaction holds it.
pub(crate) fn signature_of(signature: &k256::ecdsa::Signature, recovery: RecoveryId) -> Signature {
    let (r, s) = signature.split_bytes();
    Signature::from_scalars_and_parity(B256::from_slice(&r), B256::from_slice(&s), recovery.is_y_odd())
}

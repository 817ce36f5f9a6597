//! The key that signs settlements and pays their gas. It can spend the gas balance, and never a deposit.

use alloy_primitives::{Address, B256, Signature};
use k256::ecdsa::{RecoveryId, VerifyingKey};

#[cfg(feature = "kms")]
use crate::kms::KmsKey;
use crate::local::LocalKey;
use crate::transaction::{SignedTransaction, Transaction};

/// Why a signature could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// No key is configured.
    #[error("there is no key to sign with")]
    NoKey,
    /// The key service did not respond. Try again later.
    #[error("the key service is unavailable: {0}")]
    Unavailable(String),
    /// The key service refused, or its response cannot be used. Trying again does not help.
    #[error("the key service cannot sign: {0}")]
    Refused(String),
}

/// The key that signs.
#[derive(Debug, Clone)]
pub enum Signer {
    /// No key: sweeps are left to others, and only observed.
    None,
    /// A key in memory.
    Local(LocalKey),
    /// A key in AWS KMS.
    #[cfg(feature = "kms")]
    Kms(KmsKey),
}

impl Signer {
    /// Returns the address that pays, if there is a key.
    pub fn address(&self) -> Option<Address> {
        match self {
            Self::None => None,
            Self::Local(key) => Some(key.address()),
            #[cfg(feature = "kms")]
            Self::Kms(key) => Some(key.address()),
        }
    }

    /// Signs a hash. The signature's `s` is the lower one of the two possible values, as EIP-2 requires.
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

/// Returns the account of a key: the end of the hash of its point, without the byte for the point's format.
pub(crate) fn address_of(key: &VerifyingKey) -> Address {
    let point = key.to_sec1_point(false);
    Address::from_raw_public_key(point.as_bytes().get(1..).unwrap_or_default())
}

/// Converts a signature to the form that a transaction contains.
pub(crate) fn signature_of(signature: &k256::ecdsa::Signature, recovery: RecoveryId) -> Signature {
    let (r, s) = signature.split_bytes();
    Signature::from_scalars_and_parity(B256::from_slice(&r), B256::from_slice(&s), recovery.is_y_odd())
}

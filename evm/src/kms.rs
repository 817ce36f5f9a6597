//! A key in AWS KMS. KMS signs with it, and the key never leaves KMS.

use std::fmt;

use alloy_primitives::{Address, B256, Signature};
use aws_sdk_kms::Client;
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{MessageType, SigningAlgorithmSpec};
use k256::ecdsa::{RecoveryId, VerifyingKey};
use k256::pkcs8::DecodePublicKey as _;

use crate::signer::{SignError, address_of, signature_of};

/// A key of the spec `ECC_SECG_P256K1` in KMS.
#[derive(Clone)]
pub struct KmsKey {
    client: Client,
    id: String,
    public: VerifyingKey,
}

impl KmsKey {
    /// Looks up the public half of a key, by its id, ARN or alias.
    pub async fn open(client: Client, id: impl Into<String>) -> Result<Self, SignError> {
        let id = id.into();
        let answer = client.get_public_key().key_id(&id).send().await.map_err(|error| failure(&error))?;
        let der = answer.public_key.ok_or_else(|| refused("it gave no public key"))?;
        // The encoding names the curve.
        let public = VerifyingKey::from_public_key_der(der.as_ref())
            .map_err(|_| refused("the key is not of the spec ECC_SECG_P256K1"))?;
        Ok(Self { client, id, public })
    }

    /// Returns the address of the key's account.
    pub fn address(&self) -> Address {
        address_of(&self.public)
    }

    /// Signs a hash.
    pub async fn sign(&self, hash: B256) -> Result<Signature, SignError> {
        let answer = self
            .client
            .sign()
            .key_id(&self.id)
            .message(Blob::new(hash.as_slice()))
            // The hash itself is signed. Otherwise KMS would hash it once more.
            .message_type(MessageType::Digest)
            // Only the size of SHA-256 matters.
            .signing_algorithm(SigningAlgorithmSpec::EcdsaSha256)
            .send()
            .await
            .map_err(|error| failure(&error))?;
        let der = answer.signature.ok_or_else(|| refused("it gave no signature"))?;
        let signature = k256::ecdsa::Signature::from_der(der.as_ref())
            .map_err(|_| refused("its signature is not one of ECDSA"))?;
        // KMS returns the high `s` as often as the low one, and Ethereum accepts only the low one (EIP-2).
        let signature = signature.normalize_s();
        // KMS does not return the parity. The right one recovers our own key from the signature.
        let recovery = RecoveryId::trial_recovery_from_prehash(&self.public, hash.as_slice(), &signature)
            .map_err(|_| refused("its signature is not by this key"))?;
        Ok(signature_of(&signature, recovery))
    }
}

impl fmt::Debug for KmsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KmsKey")
            .field("id", &self.id)
            .field("address", &self.address())
            .finish_non_exhaustive()
    }
}

fn refused(why: &str) -> SignError {
    SignError::Refused(why.to_owned())
}

/// Says what a failed call of KMS means for the signature.
fn failure<E: ProvideErrorMetadata>(error: &SdkError<E>) -> SignError {
    let code = error.code();
    let failed = error.raw_response().is_none_or(|answer| answer.status().is_server_error());
    let why = match (code, error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        // The SDK's own words contain the endpoint and little else.
        (None, _) => "it did not answer as KMS does".to_owned(),
    };
    if failed || code == Some("ThrottlingException") {
        SignError::Unavailable(why)
    } else {
        SignError::Refused(why)
    }
}

//! API keys.
//!
//! A key is `csk_` or `crk_`, 43 base62 characters with 256 random bits, and a checksum of 6 base62 characters. The
//! checksum rejects typos and junk without a read of the table, and lets a secret scanner verify what it found. The table
//! holds the SHA-256 of a key. A plain hash is right: 256 random bits cannot be guessed.

use std::fmt;

use alloy_primitives::U256;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::invalid::Invalid;
use crate::merchant::Merchant;
use crate::text::Text;
use crate::time::Timestamp;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const RANDOM_CHARACTERS: usize = 43;
const CHECKSUM_CHARACTERS: usize = 6;

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads and writes.
    Secret,
    /// Reads only.
    Read,
}

impl Role {
    /// Reads a role's name.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        match text {
            "secret" => Ok(Self::Secret),
            "read" => Ok(Self::Read),
            _ => Err(Invalid::expected("`secret` or `read`")),
        }
    }

    /// Returns how keys of this role begin.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Secret => "csk_",
            Self::Read => "crk_",
        }
    }
}

/// A key. No `Debug` output shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// Creates a key of 256 random bits.
    pub fn new(role: Role, random: [u8; 32]) -> Self {
        let body = format!("{}{}", role.prefix(), base62(U256::from_be_bytes(random), RANDOM_CHARACTERS));
        let checksum = checksum(&body);
        Self(body + &checksum)
    }

    /// Returns whether a text begins like one of our keys. Every other text is ignored.
    pub fn is_ours(text: &str) -> bool {
        [Role::Secret, Role::Read].iter().any(|role| text.starts_with(role.prefix()))
    }

    /// Reads a key; `None` if its shape or its checksum is wrong. Whether the table knows it is another question.
    pub fn parse(text: &str) -> Option<Self> {
        let length = Role::Secret.prefix().len() + RANDOM_CHARACTERS + CHECKSUM_CHARACTERS;
        let is_plain = Self::is_ours(text) && text.len() == length && text.is_ascii();
        let (body, given) = text.split_at_checked(length - CHECKSUM_CHARACTERS).filter(|_| is_plain)?;
        (checksum(body) == given).then(|| Self(text.to_owned()))
    }

    /// Returns the key's hash, by which the table finds it.
    pub fn hash(&self) -> KeyHash {
        KeyHash(BASE64URL.encode(Sha256::digest(&self.0)))
    }

    /// Returns enough of the key to recognise it: `csk_AbCd…wxYZ`.
    pub fn hint(&self) -> String {
        let (start, end) = (self.0.get(..8).unwrap_or_default(), self.0.get(self.0.len() - 4..));
        format!("{start}…{}", end.unwrap_or_default())
    }

    /// Returns the key itself. It is shown once, to the operator who created it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({})", self.hint())
    }
}

/// The SHA-256 of a key, in base64url.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyHash(String);

impl KeyHash {
    /// Returns the hash as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What the table holds of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRecord {
    /// The key's public name: `key_` and a UUID without hyphens.
    pub id: String,
    /// Whom the key speaks for.
    pub merchant: Merchant,
    /// What the key may do.
    pub role: Role,
    /// What the operator calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Text<200>>,
    /// Enough of the key to recognise it.
    pub hint: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// From this instant on it is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
    /// When another key was created to replace it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotated_at: Option<Timestamp>,
}

/// Why a key is refused. The response is 401 on every route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyRefusal {
    /// Its shape or checksum is wrong, or the table does not know it.
    Invalid,
    /// It has expired.
    Expired,
    /// An operator revoked it.
    Revoked,
}

impl KeyRecord {
    /// Returns whom the key speaks for at `now`.
    pub fn caller(&self, now: Timestamp) -> Result<Caller, KeyRefusal> {
        if self.revoked_at.is_some() {
            Err(KeyRefusal::Revoked)
        } else if self.expires_at.is_some_and(|expires_at| now >= expires_at) {
            Err(KeyRefusal::Expired)
        } else {
            Ok(Caller::Key { merchant: self.merchant.clone(), role: self.role })
        }
    }
}

/// The API key of a request, as far as the request itself tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// No key of ours.
    Absent,
    /// What begins like one of our keys and is none.
    Malformed,
    /// A well-formed key. Whether the table knows it is another question.
    Key(ApiKey),
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// No key of ours was sent.
    Anonymous,
    /// A valid key was sent.
    Key {
        /// Whom the key speaks for.
        merchant: Merchant,
        /// What the key may do.
        role: Role,
    },
}

/// Why a caller may not do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Forbidden {
    /// It needs a key.
    KeyMissing,
    /// It needs a secret key.
    ReadOnly,
}

impl Caller {
    /// Returns the merchant of a key of any role.
    pub fn merchant(&self) -> Option<&Merchant> {
        match self {
            Self::Anonymous => None,
            Self::Key { merchant, .. } => Some(merchant),
        }
    }

    /// Returns whether the caller is this merchant. A session without a merchant is no caller's.
    pub fn is_merchant(&self, of: Option<&Merchant>) -> bool {
        of.is_some() && self.merchant() == of
    }

    /// Returns the merchant, if the caller may read what is a merchant's.
    pub fn may_read(&self) -> Result<&Merchant, Forbidden> {
        self.merchant().ok_or(Forbidden::KeyMissing)
    }

    /// Returns the merchant, if the caller may write in a merchant's name; `None` for a caller without a key.
    pub fn may_write(&self) -> Result<Option<&Merchant>, Forbidden> {
        match self {
            Self::Anonymous => Ok(None),
            Self::Key { role: Role::Read, .. } => Err(Forbidden::ReadOnly),
            Self::Key { merchant, role: Role::Secret } => Ok(Some(merchant)),
        }
    }
}

/// Returns the last `length` base62 digits of a number.
fn base62(mut number: U256, length: usize) -> String {
    let mut digits = vec![0u8; length];
    for digit in digits.iter_mut().rev() {
        let (quotient, remainder) = number.div_rem(U256::from(ALPHABET.len()));
        let at = usize::try_from(remainder).unwrap_or_default();
        *digit = ALPHABET.get(at).copied().unwrap_or(b'0');
        number = quotient;
    }
    digits.into_iter().map(char::from).collect()
}

/// Returns the CRC32 (ISO-HDLC, as in gzip) of a key's first part.
fn checksum(body: &str) -> String {
    base62(U256::from(crc32fast::hash(body.as_bytes())), CHECKSUM_CHARACTERS)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_have_a_pinned_form() {
        let key = ApiKey::new(Role::Secret, [0xff; 32]);
        let text = key.reveal();
        assert_eq!(text.len(), 53);
        // 2^256 - 1 in base62, from an independent conversion.
        assert!(text.starts_with("csk_"), "{text}");
        assert_eq!(ApiKey::parse(text), Some(key.clone()));
        assert_eq!(format!("{key:?}"), format!("ApiKey({})", key.hint()));
        assert!(!format!("{key:?}").contains(text.get(10..40).unwrap()));
        assert!(ApiKey::new(Role::Read, [0; 32]).reveal().starts_with("crk_0000000000"));
    }

    #[test]
    fn other_texts_are_no_keys() {
        for text in ["", "Bearer csk_", "sk_live_51H", "CSK_x", "csk", " csk_"] {
            assert!(!ApiKey::is_ours(text), "{text}");
        }
        for text in ["csk_", "crk_x", "csk_😀😀😀😀😀😀😀😀😀😀😀😀x"] {
            assert!(ApiKey::is_ours(text) && ApiKey::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn key_expires_to_the_millisecond_and_revocation_wins() {
        let at = Timestamp::from_millis;
        let record = KeyRecord {
            id: "key_1".to_owned(),
            merchant: Merchant::parse("shop").unwrap(),
            role: Role::Read,
            name: None,
            hint: String::new(),
            created_at: at(1),
            expires_at: Some(at(1_000)),
            revoked_at: None,
            rotated_at: None,
        };
        assert!(record.caller(at(999)).is_ok());
        assert_eq!(record.caller(at(1_000)), Err(KeyRefusal::Expired));
        let revoked = KeyRecord { revoked_at: Some(at(500)), ..record };
        assert_eq!(revoked.caller(at(1_000)), Err(KeyRefusal::Revoked));
    }

    proptest! {
        #[test]
        fn a_key_with_one_other_character_is_refused(random: [u8; 32], at in 4_usize..53, other in 0_usize..62) {
            let key = ApiKey::new(Role::Secret, random);
            let mut bytes = key.reveal().as_bytes().to_vec();
            prop_assume!(bytes[at] != ALPHABET[other]);
            bytes[at] = ALPHABET[other];
            prop_assert!(ApiKey::parse(&String::from_utf8(bytes).unwrap()).is_none());
            prop_assert_eq!(ApiKey::parse(key.reveal()), Some(key));
        }
    }
}

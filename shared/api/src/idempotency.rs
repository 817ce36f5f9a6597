//! The `Idempotency-Key` header.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use domain::api_key::Caller;
use domain::idempotency_key::IdempotencyKey;
use domain::invalid::Invalid;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::json::canonical;
use super::{ApiError, ErrorCode, Request};

const HEADER: &str = "Idempotency-Key";

impl Request {
    /// The caller's idempotency key, told apart by `route` and by the caller (docs/api.md, *Common rules*): by the
    /// merchant of an API key of ours, or else by the credentials for whatever service they are. The merchant must not
    /// create two sessions because it rotated its key between two tries.
    ///
    /// Only hashes leave this function. The table must not contain credentials or keys.
    pub fn idempotency_key(&self, route: &str, caller: &Caller) -> Result<Option<IdempotencyKey>, ApiError> {
        if !self.has_header(HEADER) {
            return Ok(None);
        }
        let key =
            self.header(HEADER).filter(|key| (1..=256).contains(&key.chars().count())).ok_or_else(|| {
                let invalid = Invalid::expected("1 to 256 characters");
                ApiError::invalid(ErrorCode::InvalidFieldValue, HEADER, &invalid)
            })?;
        let header = |name| self.header(name).unwrap_or_default();
        let key_hash = match caller.merchant() {
            // Five parts: no call without our keys has as many.
            Some(merchant) => hash(&[route, "merchant", merchant.as_str(), "", key].map(str::as_bytes)),
            None => hash(&[route, header("x-api-key"), header("authorization"), key].map(str::as_bytes)),
        };
        Ok(Some(IdempotencyKey { key_hash, request_hash: hash(&[&self.comparable_body()?]) }))
    }

    /// The body as bytes that are equal for equal JSON values: a retry by another process may order its keys in another
    /// way, and is the same request. A body that is no JSON is compared as it is.
    fn comparable_body(&self) -> Result<Vec<u8>, ApiError> {
        let body = self.body_without_mark()?;
        Ok(match serde_json::from_slice::<&RawValue>(body) {
            Ok(json) => canonical(json.get()),
            Err(_) => self.body()?.to_vec(),
        })
    }
}

/// A hash of parts that differs whenever any part does, wherever one ends and the next
/// begins.
fn hash(parts: &[&[u8]]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    BASE64.encode(hasher.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_part_ends_matters() {
        assert_ne!(hash(&[b"ab", b"c"]), hash(&[b"a", b"bc"]));
        assert_ne!(hash(&[b"", b"a"]), hash(&[b"a", b""]));
    }
}

//! Idempotency keys (docs/api.md, *Idempotency keys*).

use serde::{Deserialize, Serialize};

/// A caller's idempotency key and the request that it came with. Both are hashes, because keys may contain names and
/// numbers of the merchant's, and requests may contain anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdempotencyKey {
    /// The hash of route, caller and key.
    pub key_hash: String,
    /// The hash of the request's body.
    pub request_hash: String,
}

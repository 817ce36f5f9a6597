//! The ids of sessions, orders and writes.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::{Uuid, uuid};

/// The namespace in which the id of a linked order is derived (RFC 9562, section 5.5).
/// The value is our own and must never change: with another one, every linked order would be lost.
const LINKED_ORDERS: Uuid = uuid!("2d1f7c1e-5b0a-4c55-9a6e-8f1c3e0d7a42");

/// Only the hyphenated form of 36 characters: the `uuid` crate would also take braces,
/// URNs and bare hex, and one thing would then have several names.
fn parse_hyphenated(text: &str) -> Option<Uuid> {
    (text.len() == 36).then(|| Uuid::try_parse(text).ok()).flatten()
}

/// The id of a checkout session: a random UUID. Its holder may read and expire the session, so it is never computable
/// from anything that a client sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(Uuid);

impl SessionId {
    /// Creates an id of a UUID. `runtime::random` draws them.
    pub fn from_uuid(id: Uuid) -> Self {
        Self(id)
    }

    /// Reads an id; `None` if it is not a hyphenated UUID.
    pub fn parse(text: &str) -> Option<Self> {
        parse_hyphenated(text).map(Self)
    }

    /// The id of the one order that can ever link to this session.
    ///
    /// Session and order share one item of the table, because the id is derived: either id finds both. The derivation is
    /// one-way, so an order's id does not reveal its session's.
    pub fn order(self) -> OrderId {
        OrderId(Uuid::new_v5(&LINKED_ORDERS, self.0.as_bytes()))
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// The id of an order: derived from its session's ([`SessionId::order`]), or random for an
/// order on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OrderId(Uuid);

impl OrderId {
    /// Creates an id of a UUID. `runtime::random` draws them.
    pub fn from_uuid(id: Uuid) -> Self {
        Self(id)
    }

    /// Reads an id; `None` if it is not a hyphenated UUID.
    pub fn parse(text: &str) -> Option<Self> {
        parse_hyphenated(text).map(Self)
    }

    /// The id with these sixteen bytes. Whether there is such an order is another matter.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }

    /// The sixteen bytes of the UUID.
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_hyphenated_form_is_an_id() {
        let id = "7b1c2a34-5d6e-4f80-91a2-b3c4d5e6f708";
        assert!(SessionId::parse(id).is_some());
        assert!(SessionId::parse(&id.to_uppercase()).is_some());
        for other in [
            "",
            "7b1c2a345d6e4f8091a2b3c4d5e6f708",
            "{7b1c2a34-5d6e-4f80-91a2-b3c4d5e6f708}",
            "urn:uuid:7b1c2a34-5d6e-4f80-91a2-b3c4d5e6f708",
            "7b1c2a34-5d6e-4f80-91a2-b3c4d5e6f70g",
        ] {
            assert!(SessionId::parse(other).is_none(), "{other}");
        }
    }

    #[test]
    fn the_order_of_a_session_has_a_pinned_id() {
        let session = SessionId::parse("7b1c2a34-5d6e-4f80-91a2-b3c4d5e6f708").unwrap();
        assert_eq!(session.order().to_string(), "4f4303bb-037a-5ece-81bc-5fa8ee1f4395");
    }
}

//! Random ids. The domain draws nothing itself.

use domain::id::{OrderId, SessionId};
use uuid::Uuid;

/// Returns a new UUID with 122 random bits.
#[expect(clippy::disallowed_methods, reason = "the one place that draws ids")]
pub fn uuid() -> Uuid {
    Uuid::new_v4()
}

/// Returns a new id of a session.
pub fn session_id() -> SessionId {
    SessionId::from_uuid(uuid())
}

/// Returns a new id of an order that belongs to no session.
pub fn order_id() -> OrderId {
    OrderId::from_uuid(uuid())
}

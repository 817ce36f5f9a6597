//! Idempotency keys: a key is bound to its parameters, and its first response is sent again, also if it was a failure.

/// What is known of a key.
#[derive(Debug, Clone)]
pub(super) enum Remembered {
    /// A call with it is under way.
    UnderWay,
    /// The call, and the response to it.
    Done { call: (String, Vec<(String, String)>), status: u16, body: String },
}

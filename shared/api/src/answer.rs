//! What goes right.

use serde::Serialize;
use serde_json::value::RawValue;

use super::Failure;

/// A success on its way to the caller.
#[derive(Debug)]
pub struct Answer {
    message: &'static str,
    data: Box<RawValue>,
    /// Whether an idempotency key brought it back.
    pub(super) replayed: bool,
}

impl Answer {
    /// Returns an answer with one of the messages of docs/api.md, *Responses*.
    pub fn new(message: &'static str, data: &impl Serialize) -> Result<Self, Failure> {
        let data = serde_json::value::to_raw_value(data).map_err(unreadable)?;
        Ok(Self { message, data, replayed: false })
    }

    /// An answer whose data is JSON text already.
    pub fn from_json(message: &'static str, data: String) -> Result<Self, Failure> {
        let data = RawValue::from_string(data).map_err(unreadable)?;
        Ok(Self { message, data, replayed: false })
    }

    /// The same answer, as the repetition of an earlier one.
    #[must_use]
    pub fn replayed(self) -> Self {
        Self { replayed: true, ..self }
    }

    pub(super) fn to_json(&self) -> String {
        let message = self.message;
        let data = self.data.get();
        // The messages are constants without anything to escape.
        format!(r#"{{"success":true,"message":"{message}","data":{data},"statusCode":200}}"#)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that `map_err` takes")]
fn unreadable(error: serde_json::Error) -> Failure {
    Failure::internal(format!("an answer cannot be written: {error}"))
}

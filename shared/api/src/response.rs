//! Successful responses.

use serde::Serialize;
use serde_json::value::RawValue;

use super::ApiError;

/// A successful response.
#[derive(Debug)]
pub struct Response {
    message: &'static str,
    data: Box<RawValue>,
    /// Whether an idempotency key brought it back.
    pub(super) replayed: bool,
}

impl Response {
    /// Creates a response with one of the messages of docs/api.md, *Responses*.
    pub fn new(message: &'static str, data: &impl Serialize) -> Result<Self, ApiError> {
        let data = serde_json::value::to_raw_value(data).map_err(unreadable)?;
        Ok(Self { message, data, replayed: false })
    }

    /// Creates a response whose data is JSON text already.
    pub fn from_json(message: &'static str, data: String) -> Result<Self, ApiError> {
        let data = RawValue::from_string(data).map_err(unreadable)?;
        Ok(Self { message, data, replayed: false })
    }

    /// Marks the response as the repetition of an earlier one.
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
fn unreadable(error: serde_json::Error) -> ApiError {
    ApiError::internal(format!("a response cannot be written: {error}"))
}

//! Successful responses.

use domain::listing::{Place, Start};
use serde::Serialize;
use serde_json::value::RawValue;

use super::ApiError;
use super::cursor::cursor;

/// A successful response.
#[derive(Debug)]
pub struct Response {
    message: &'static str,
    data: Box<RawValue>,
    /// What a list has beside its data, as members of a JSON object.
    list: Option<String>,
    /// Whether an idempotency key brought it back.
    pub(super) replayed: bool,
}

/// A page of a list.
#[derive(Debug)]
pub struct List<T> {
    /// What is on the page.
    pub data: Vec<T>,
    /// What continues the list, as `cursor`; `None` at its end.
    pub next_cursor: Option<String>,
    /// The list's path.
    pub url: &'static str,
}

/// The most bytes of the items on a page. API Gateway takes 6 MB from a function, as a JSON string in which each quote and
/// backslash of the body takes two bytes.
const MOST_BYTES: usize = 5_000_000;

impl List<Box<RawValue>> {
    /// Makes a page of as many of these as a response can carry, one at least; each has its place in the list. What is left
    /// out begins the next page.
    pub fn of<T: Serialize>(
        items: impl IntoIterator<Item = (Place, T)>,
        next: Option<&Start>,
        url: &'static str,
    ) -> Result<Self, ApiError> {
        let (mut data, mut bytes, mut last): (Vec<Box<RawValue>>, usize, Option<Place>) =
            (Vec::new(), 0, None);
        for (place, item) in items {
            let item = serde_json::value::to_raw_value(&item).map_err(unreadable)?;
            bytes += item
                .get()
                .bytes()
                .map(|byte| if matches!(byte, b'"' | b'\\') { 2 } else { 1 })
                .sum::<usize>();
            if last.is_some() && bytes > MOST_BYTES {
                return Ok(Self { data, next_cursor: cursor(url, &Start { before: last, skip: 0 }), url });
            }
            data.push(item);
            last = Some(place);
        }
        Ok(Self { data, next_cursor: next.and_then(|next| cursor(url, next)), url })
    }
}

impl Response {
    /// Creates a response with one of the messages of docs/api.md, *Responses*.
    pub fn new(message: &'static str, data: &impl Serialize) -> Result<Self, ApiError> {
        let data = serde_json::value::to_raw_value(data).map_err(unreadable)?;
        Ok(Self { message, data, list: None, replayed: false })
    }

    /// Creates a response whose data is JSON text already.
    pub fn from_json(message: &'static str, data: String) -> Result<Self, ApiError> {
        let data = RawValue::from_string(data).map_err(unreadable)?;
        Ok(Self { message, data, list: None, replayed: false })
    }

    /// Creates a page of a list.
    pub fn list<T: Serialize>(message: &'static str, list: &List<T>) -> Result<Self, ApiError> {
        let List { data, next_cursor, url } = list;
        let members = serde_json::json!({
            "object": "list",
            "has_more": next_cursor.is_some(),
            "next_cursor": next_cursor,
            "url": url,
        });
        let members = members.to_string();
        let members = members.trim_start_matches('{').trim_end_matches('}').to_owned();
        Ok(Self { list: Some(members), ..Self::new(message, data)? })
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
        let list = self.list.as_ref().map(|members| format!(",{members}")).unwrap_or_default();
        format!(r#"{{"success":true,"message":"{message}","data":{data},"statusCode":200{list}}}"#)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that `map_err` takes")]
fn unreadable(error: serde_json::Error) -> ApiError {
    ApiError::internal(format!("a response cannot be written: {error}"))
}

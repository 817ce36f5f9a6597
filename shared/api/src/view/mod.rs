//! What answers show: the wire's objects, built from the domain's.

mod order;
mod redact;
mod session;

pub use order::{OrderRecordView, OrderView};
pub use session::{CreatedSessionView, SessionView, SessionWithOrderView, Viewer};

use std::borrow::Cow;

use domain::json_object::JsonObject;
use domain::time::Timestamp;
use serde::{Serialize, Serializer, ser};
use serde_json::value::RawValue;

/// Shows an instant as ISO 8601 text.
#[derive(Debug)]
struct Iso8601(Timestamp);

impl Serialize for Iso8601 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Shows JSON text as what it is.
#[derive(Debug)]
struct Verbatim<'a>(Cow<'a, str>);

impl<'a> From<&'a JsonObject> for Verbatim<'a> {
    fn from(object: &'a JsonObject) -> Self {
        Self(Cow::Borrowed(object.as_str()))
    }
}

impl Serialize for Verbatim<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(&self.0).map_err(ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

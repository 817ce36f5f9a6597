//! JSON bodies, field by field, so that every refusal names its field.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::ops::RangeInclusive;

use domain::address::EvmAddress;
use domain::invalid::Invalid;
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::json::whole_number;
use super::unreadable::unreadable;
use super::{ApiError, ErrorCode, Request};

/// The fields of a JSON object, each still as the text that was sent.
///
/// Unknown fields are ignored, and `null` counts as absent (docs/api.md, *Common rules*). A value is parsed only if
/// a handler reads it, so nesting costs nothing.
#[derive(Debug)]
pub struct Fields<'a> {
    values: HashMap<String, &'a RawValue>,
    /// What stands before a field's name in a refusal: `payload.` for example.
    prefix: String,
}

impl<'a> Fields<'a> {
    /// Reads the body of a request.
    pub fn of(request: &'a Request) -> Result<Self, ApiError> {
        let body = request.body_without_mark()?;
        serde_json::from_slice(body).map_err(|error| unreadable(request, body, &error))
    }

    /// Reads an object within the body, whose fields refusals name as `prefix` and name.
    pub fn within(object: &'a RawValue, prefix: impl Into<String>) -> Result<Self, ApiError> {
        let prefix = prefix.into();
        let fields: Self = serde_json::from_str(object.get()).map_err(|_| {
            let name = prefix.trim_end_matches('.').to_owned();
            let invalid = Invalid::expected("an object with distinct keys");
            ApiError::invalid(ErrorCode::InvalidFieldValue, name, &invalid)
        })?;
        Ok(Self { prefix, ..fields })
    }

    /// The JSON text of a field that is there and not `null`.
    pub fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.values.get(name).copied().filter(|value| value.get() != "null")
    }

    /// Returns whether a field is there and `null`.
    pub fn is_null(&self, name: &str) -> bool {
        self.values.get(name).is_some_and(|value| value.get() == "null")
    }

    /// Refuses a field that is not among these. The default is to ignore it; where money is at stake, a misspelt name must
    /// not fall back to a default.
    pub fn only(&self, names: &[&str]) -> Result<(), ApiError> {
        let unknown = self.values.keys().filter(|name| !names.contains(&name.as_str())).min();
        let Some(unknown) = unknown else {
            return Ok(());
        };
        // What is not written like a name could be anything, and is not repeated.
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let is_name = unknown.len() <= 40 && unknown.bytes().all(is_plain);
        let param = self.param(if is_name { unknown } else { "?" });
        let message = format!("{param} is not known; the fields here are {}", names.join(", "));
        Err(ApiError::new(ErrorCode::InvalidFieldValue, message).about(param))
    }

    /// The elements of an array that may be absent, each with the name of its place: `pricing.accepts[1].`.
    pub fn optional_array(
        &self,
        name: &str,
        lengths: RangeInclusive<usize>,
    ) -> Result<Option<Vec<(String, &'a RawValue)>>, ApiError> {
        let Some(array) = self.get(name) else {
            return Ok(None);
        };
        let param = self.param(name);
        let elements: Option<Vec<&RawValue>> = serde_json::from_str(array.get()).ok();
        let elements = elements.filter(|elements| lengths.contains(&elements.len())).ok_or_else(|| {
            let invalid =
                Invalid::expected(format!("an array of {} to {} objects", lengths.start(), lengths.end()));
            ApiError::invalid(ErrorCode::InvalidFieldValue, param.clone(), &invalid)
        })?;
        let named = |(at, element)| (format!("{param}[{at}]."), element);
        Ok(Some(elements.into_iter().enumerate().map(named).collect()))
    }

    /// An EVM address that may be absent.
    pub fn optional_address(&self, name: &str) -> Result<Option<EvmAddress>, ApiError> {
        self.read(ErrorCode::InvalidAddress, name, text(|address: String| EvmAddress::parse(&address)))
    }

    /// The name of a field in a refusal.
    pub fn param(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// A field that may be absent.
    pub fn optional<T>(
        &self,
        name: &str,
        read: impl FnOnce(&RawValue) -> Result<T, Invalid>,
    ) -> Result<Option<T>, ApiError> {
        self.read(ErrorCode::InvalidFieldValue, name, read)
    }

    /// A text that may be absent. The empty string counts as absent: clients in languages without optional values send
    /// it for what they do not have.
    pub fn optional_text<T>(
        &self,
        name: &str,
        parse: impl FnOnce(String) -> Result<T, Invalid>,
    ) -> Result<Option<T>, ApiError> {
        if self.is_empty_text(name) { Ok(None) } else { self.optional(name, text(parse)) }
    }

    /// A text that must be there, and not empty.
    pub fn required_text<T>(
        &self,
        name: &str,
        parse: impl FnOnce(String) -> Result<T, Invalid>,
    ) -> Result<T, ApiError> {
        self.optional_text(name, parse)?.ok_or_else(|| self.missing(name))
    }

    fn is_empty_text(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value.get() == "\"\"")
    }

    /// A field that must be there.
    pub fn required<T>(
        &self,
        name: &str,
        read: impl FnOnce(&RawValue) -> Result<T, Invalid>,
    ) -> Result<T, ApiError> {
        self.optional(name, read)?.ok_or_else(|| self.missing(name))
    }

    /// An EVM address that must be there.
    pub fn required_address(&self, name: &str) -> Result<EvmAddress, ApiError> {
        self.optional_address(name)?.ok_or_else(|| self.missing(name))
    }

    /// The refusal of a request that lacks a field.
    pub fn missing(&self, name: &str) -> ApiError {
        let param = self.param(name);
        ApiError::new(ErrorCode::MissingRequiredField, format!("{param} is required")).about(param)
    }

    fn read<T>(
        &self,
        code: ErrorCode,
        name: &str,
        read: impl FnOnce(&RawValue) -> Result<T, Invalid>,
    ) -> Result<Option<T>, ApiError> {
        self.get(name)
            .map(read)
            .transpose()
            .map_err(|invalid| ApiError::invalid(code, self.param(name), &invalid))
    }
}

/// Reads a JSON string, and then what it must be.
pub fn text<T>(
    parse: impl FnOnce(String) -> Result<T, Invalid>,
) -> impl FnOnce(&RawValue) -> Result<T, Invalid> {
    |value| {
        let text = serde_json::from_str(value.get()).map_err(|_| Invalid::expected("a string"))?;
        parse(text)
    }
}

/// Reads a whole JSON number, and then what it must be. `1800.0` and `1.8e3` are the integer 1800, as they are to
/// JSON Schema.
pub fn integer<T>(
    parse: impl FnOnce(u64) -> Result<T, Invalid>,
) -> impl FnOnce(&RawValue) -> Result<T, Invalid> {
    |value| match whole_number(value.get()) {
        Some(number) => parse(number),
        // Not an integer, or negative, or of more than 64 bits: no rule of ours allows it,
        // and the rule says best what was expected.
        None => match parse(u64::MAX) {
            Err(invalid) => Err(invalid),
            Ok(_) => Err(Invalid::expected("an integer")),
        },
    }
}

/// Takes a JSON object as it is.
pub fn object(value: &RawValue) -> Result<&RawValue, Invalid> {
    if value.get().starts_with('{') { Ok(value) } else { Err(Invalid::expected("an object")) }
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut values = HashMap::new();
        while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
            // Readers differ in which of two equal keys they believe. What one of them
            // checked and another uses is a hole, so there is no second one.
            match values.entry(name) {
                Entry::Vacant(entry) => entry.insert(value),
                Entry::Occupied(_) => return Err(de::Error::custom("a key appears twice")),
            };
        }
        Ok(Fields { values, prefix: String::new() })
    }
}

//! Query strings, parameter by parameter, so that every refusal names its parameter.

use std::borrow::Cow;

use domain::invalid::Invalid;
use url::form_urlencoded;

use super::{ApiError, ErrorCode, Request};

/// The parameters of a query string. Unknown ones are ignored. An empty one is refused like any other wrong value: a filter
/// that is ignored would show more than was asked for.
#[derive(Debug)]
pub struct Query<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl Request {
    /// Returns the parameters of the query string.
    pub fn query(&self) -> Query<'_> {
        Query(form_urlencoded::parse(self.raw_query().as_bytes()).collect())
    }
}

impl Query<'_> {
    /// A parameter that may be absent. One that is given twice is refused: it is not said which counts.
    pub fn optional<T>(
        &self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, Invalid>,
    ) -> Result<Option<T>, ApiError> {
        let mut given = self.0.iter().filter(|(given, _)| given == name);
        let refused = |invalid: &Invalid| ApiError::invalid(ErrorCode::InvalidFieldValue, name, invalid);
        match (given.next(), given.next()) {
            (None, _) => Ok(None),
            (Some((_, value)), None) => parse(value).map(Some).map_err(|invalid| refused(&invalid)),
            (Some(_), Some(_)) => Err(refused(&Invalid::expected("given once"))),
        }
    }

    /// A parameter that must be there, and not empty.
    pub fn required<T>(
        &self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, Invalid>,
    ) -> Result<T, ApiError> {
        let value =
            self.optional(name, |text| if text.is_empty() { Ok(None) } else { parse(text).map(Some) })?;
        value.flatten().ok_or_else(|| {
            ApiError::new(ErrorCode::MissingRequiredField, format!("{name} is required")).about(name)
        })
    }
}

/// Reads a whole number within these bounds.
pub fn within(least: usize, most: usize) -> impl FnOnce(&str) -> Result<usize, Invalid> {
    move |text| {
        let number = text.parse().ok().filter(|number| (least..=most).contains(number));
        number.ok_or_else(|| Invalid::expected(format!("an integer from {least} to {most}")))
    }
}

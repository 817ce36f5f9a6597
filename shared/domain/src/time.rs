//! Instants, as the API writes them (docs/api.md, *Times and amounts*).

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveDateTime, SecondsFormat};
use serde::{Deserialize, Serialize};

use crate::invalid::Invalid;

/// How far the clocks of two functions may differ, in milliseconds (docs/api.md, *Expiry*).
///
/// What moves a session forward is refused this long before its deadline. Without the
/// margin a function with a slow clock could accept a payment after a reader with a fast
/// clock had already answered `expired`.
pub const CLOCK_SKEW_BOUND_MS: i64 = 500;

/// 2015-01-01T00:00:00Z in epoch milliseconds.
const START_OF_2015: i64 = 1_420_070_400_000;

/// The largest integer that every JSON reader keeps exact, 2^53 − 1 (RFC 8259, section 6).
pub const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// An instant: milliseconds since the Unix epoch.
///
/// Orders and transactions show it as that number, sessions as ISO 8601 text
/// ([`Display`](fmt::Display)); both come from the same milliseconds, so the two never
/// disagree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// An instant by its milliseconds since the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Reads the epoch milliseconds of a report. A time before 2015 is refused: no chain that is paid on is
    /// older, and epoch seconds that are taken for milliseconds fall into January 1970.
    pub fn parse(millis: u64) -> Result<Self, Invalid> {
        match i64::try_from(millis) {
            Ok(signed) if signed < START_OF_2015 => Err(Invalid::expected(
                "epoch milliseconds, and this is before the year 2015: epoch seconds must be multiplied by 1000",
            )),
            Ok(signed) if millis <= MAX_SAFE_INTEGER => Ok(Self(signed)),
            Ok(_) | Err(_) => Err(Invalid::expected("an integer of epoch milliseconds, at most 2^53 - 1")),
        }
    }

    /// Reads epoch seconds, or a date or time of ISO 8601: `1769860800`, `2026-01-31`, `2026-01-31T12:00:00Z`. A time
    /// without an offset is in UTC.
    pub fn parse_seconds_or_iso(text: &str) -> Result<Self, Invalid> {
        let invalid = || Invalid::expected("epoch seconds, or a date or time as in ISO 8601");
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            // Up to the year 9999, as ISO 8601 writes it. Eight digits are a day without hyphens, `20260131`, and taken for
            // seconds they would be one of 1970.
            let seconds =
                text.parse::<i64>().ok().filter(|seconds| *seconds <= 253_402_300_799 && text.len() != 8);
            return seconds.map(|seconds| Self(seconds * 1000)).ok_or_else(invalid);
        }
        let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().and_then(|day| day.and_hms_opt(0, 0, 0));
        // A form decodes the `+` of an offset as a space, if a client did not encode it.
        let time = if text.contains('T') { text.replace(' ', "+") } else { text.to_owned() };
        let millis = match (day, NaiveDateTime::parse_from_str(&time, "%Y-%m-%dT%H:%M:%S%.f")) {
            (Some(midnight), _) => midnight.and_utc().timestamp_millis(),
            (None, Ok(in_utc)) => in_utc.and_utc().timestamp_millis(),
            (None, Err(_)) => DateTime::parse_from_rfc3339(&time).map_err(|_| invalid())?.timestamp_millis(),
        };
        if millis < 0 { Err(invalid()) } else { Ok(Self(millis)) }
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, rounded down: the unit of DynamoDB's TTL and of
    /// `webhook-timestamp`.
    pub const fn as_seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Returns how long after `earlier` this is; zero if it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// This instant as the fastest clock within the bound may already show it.
    #[must_use]
    pub const fn on_the_fastest_clock(self) -> Self {
        Self(self.0.saturating_add(CLOCK_SKEW_BOUND_MS))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(millis))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(millis))
    }
}

impl fmt::Display for Timestamp {
    /// ISO 8601 in UTC with milliseconds: `2026-01-31T12:00:00.000Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instant = DateTime::from_timestamp_millis(self.0).unwrap_or_default();
        f.write_str(&instant.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_take_seconds_dates_and_times() {
        let noon = Ok(Timestamp::from_millis(1_769_860_800_000));
        for text in [
            "1769860800",
            "2026-01-31T12:00:00Z",
            "2026-01-31T13:00:00.000+01:00",
            "2026-01-31T13:00:00 01:00",
            "2026-01-31T12:00:00",
            "2026-01-31T12:00:00.0",
        ] {
            assert_eq!(Timestamp::parse_seconds_or_iso(text), noon, "{text}");
        }
        let midnight = Timestamp::parse_seconds_or_iso("2026-01-31").unwrap();
        assert_eq!(midnight.to_string(), "2026-01-31T00:00:00.000Z");
        for text in ["", "-1", "1.5", "noon", "2026-13-01", "1960-01-01", "20260131", "99999999999999999999"]
        {
            assert!(Timestamp::parse_seconds_or_iso(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_instant_is_shown_in_utc_with_milliseconds() {
        let instant = Timestamp::from_millis(1_769_860_800_007);
        assert_eq!(instant.to_string(), "2026-01-31T12:00:00.007Z");
    }

    #[test]
    fn seconds_are_rounded_down() {
        assert_eq!(Timestamp::from_millis(1_999).as_seconds(), 1);
    }

    #[test]
    fn a_reported_time_in_seconds_is_refused_and_says_so() {
        let seconds = Timestamp::parse(1_769_860_800).unwrap_err();
        assert!(seconds.requirement().contains("epoch seconds must be multiplied by 1000"), "{seconds}");
        assert!(Timestamp::parse(1_420_070_399_999).is_err());
        assert!(Timestamp::parse(1_420_070_400_000).is_ok());
    }

    #[test]
    fn more_than_a_javascript_number_holds_is_refused() {
        assert!(Timestamp::parse(MAX_SAFE_INTEGER).is_ok());
        assert!(Timestamp::parse(MAX_SAFE_INTEGER + 1).is_err());
    }
}

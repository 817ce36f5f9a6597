//! Lists: the place of a session or an order in one, and the filters (docs/api.md, *Lists*).
//!
//! A list is read from an index whose keys never change. They do not have the status: it is computed when a page is made,
//! by the same function as everywhere, so no result contradicts its own filter.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::id::{OrderId, SessionId};
use crate::invalid::Invalid;
use crate::merchant::Merchant;
use crate::session::SessionStatus;
use crate::time::Timestamp;

/// How many sessions or orders a call looks at, at most. A page may be short, and its cursor goes on from there.
pub const MOST_EXAMINED: usize = 1_000;
/// Over how many partitions of the index a merchant's sessions are spread. Each takes 1,000 new sessions a second.
pub const SHARDS: u8 = 8;
/// After every instant at which something can be created, and no wider than the time of a place.
const LAST: i64 = 999_999_999_999_999;
/// How long a session can be open.
const LONGEST_OPEN: Duration = Duration::from_hours(24);

/// The place of something in a list, newest first: when it was created, and its id. Places sort like their times.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Place(String);

impl Place {
    /// Returns a session's place.
    pub fn of_session(created_at: Timestamp, id: SessionId) -> Self {
        Self(format!("{}#{id}", padded(created_at)))
    }

    /// Returns an order's place.
    pub fn of_order(created_at: Timestamp, id: OrderId) -> Self {
        Self(format!("{}#{id}", padded(created_at)))
    }

    /// Returns what is before every place from this instant on, and after every earlier one.
    pub fn start_of(instant: Timestamp) -> Self {
        Self(padded(instant))
    }

    /// Returns what is after every place.
    pub fn last() -> Self {
        Self::start_of(Timestamp::from_millis(LAST))
    }

    /// Reads a place.
    pub fn parse(text: &str) -> Option<Self> {
        let (time, id) = text.split_once('#')?;
        let is_time = time.len() == 15 && time.bytes().all(|byte| byte.is_ascii_digit());
        (is_time && OrderId::parse(id).is_some()).then(|| Self(text.to_owned()))
    }

    /// Returns the place as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Where a page of a list begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Start {
    /// Behind this place; at the newest if it is `None`.
    pub before: Option<Place>,
    /// After so many more that would be shown.
    pub skip: usize,
}

fn padded(instant: Timestamp) -> String {
    format!("{:015}", instant.as_millis().max(0))
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Returns the partition of a session among its merchant's.
pub fn shard_of(merchant: &Merchant, session: SessionId) -> String {
    // The last hex digits of a UUID are random.
    let number = session.to_string().bytes().next_back().map_or(0, |digit| digit % SHARDS);
    shard(merchant, number)
}

/// Returns one of a merchant's partitions.
pub fn shard(merchant: &Merchant, number: u8) -> String {
    format!("{merchant}#{number}")
}

/// Returns the partition of the sessions to which a merchant gave this reference.
pub fn by_reference(merchant: &Merchant, reference: &str) -> String {
    format!("{merchant}#{reference}")
}

/// Which sessions a list shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionFilter {
    /// Whose sessions.
    pub merchant: Merchant,
    /// Those with this reference; all if it is `None`.
    pub reference: Option<String>,
    /// Those with this status; all if it is `None`.
    pub status: Option<SessionStatus>,
    /// Those that were created at this instant or later.
    pub from: Timestamp,
    /// Those that were created before this instant; without an end if it is `None`.
    pub until: Option<Timestamp>,
}

impl SessionFilter {
    /// Returns the earliest creation that the list can show at `now`. An open session is at most a day old.
    pub fn earliest(&self, now: Timestamp) -> Timestamp {
        match self.status {
            Some(SessionStatus::Open) => self.from.max(now - LONGEST_OPEN),
            Some(SessionStatus::Processing | SessionStatus::Complete | SessionStatus::Expired) | None => {
                self.from
            }
        }
    }
}

impl SessionStatus {
    /// Reads a status.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        match text {
            "open" => Ok(Self::Open),
            "processing" => Ok(Self::Processing),
            "complete" => Ok(Self::Complete),
            "expired" => Ok(Self::Expired),
            _ => Err(Invalid::expected("one of: open, processing, complete, expired")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_sort_like_their_times_and_are_read_again() {
        let id = SessionId::parse("7b1c2a34-5d6e-4f80-91a2-b3c4d5e6f708").unwrap();
        let at = Timestamp::from_millis;
        let (one, other) =
            (Place::of_session(at(999_999_999_999), id), Place::of_session(at(1_000_000_000_000), id));
        assert!(one < other);
        assert!(Place::start_of(at(1_000_000_000_000)) < other);
        assert!(other < Place::start_of(at(1_000_000_000_001)));
        assert_eq!(Place::parse(one.as_str()), Some(one));
        for text in
            ["", "#", "1#2", "000000000000001", "00000000000000x#7b1c2a34-5d6e-4f80-91a2-b3c4d5e6f708"]
        {
            assert_eq!(Place::parse(text), None, "{text}");
        }
    }
}

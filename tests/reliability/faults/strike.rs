//! Where a fault strikes.

use std::time::Duration;

use axum::http::StatusCode;
use harness::fault::Fault;
use harness::proxy::{Arrival, Fate, Plan};

/// A database that fails for good takes this long each time. Who tries again for seconds then
/// does so some ten times, and not a hundred.
const PAUSE: Duration = Duration::from_millis(400);
/// The faults that also strike for good: of those that the functions take alike, one. A short
/// delay, however often, is none to them.
const ENDLESS: [Fault; 10] = [
    Fault::Refused,
    Fault::ResetBefore,
    Fault::LostReply,
    Fault::TruncatedReply,
    Fault::LateRequest(Duration::from_millis(2_500)),
    Fault::LateReply(Duration::from_millis(2_500)),
    Fault::Error(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError"),
    Fault::Error(StatusCode::BAD_REQUEST, "ThrottlingException"),
    Fault::Error(StatusCode::BAD_REQUEST, "TransactionConflictException"),
    Fault::Cancelled(&["ConditionalCheckFailed", "ThrottlingError"]),
];

/// Where a fault strikes.
#[derive(Debug, Clone)]
pub(super) struct Strike {
    pub(super) fault: Fault,
    /// The number of the call among all.
    number: usize,
    /// The call's operation, and its number among those. Two calls that are sent together come
    /// in any order.
    operation: String,
    of_its_kind: usize,
    /// Whether it strikes every later call as well.
    pub(super) onwards: bool,
}

impl Plan for Strike {
    fn fate(&self, call: &Arrival) -> Fate {
        let is_it = if self.fault == Fault::Refused {
            self.is_at(call.number)
        } else if self.onwards && call.number > self.number {
            true
        } else {
            call.operation == self.operation && call.of_its_kind == self.of_its_kind
        };
        match (is_it, self.onwards) {
            (true, true) => Fate::MeetAfter(PAUSE, self.fault),
            (true, false) => Fate::Meet(self.fault),
            (false, _) => Fate::Forward,
        }
    }

    fn refuses(&self, number: usize) -> bool {
        self.fault == Fault::Refused && self.is_at(number)
    }
}

impl Strike {
    fn is_at(&self, number: usize) -> bool {
        number == self.number || self.onwards && number > self.number
    }

    /// What is slow to end is begun first.
    pub(super) fn slowness(&self) -> u32 {
        let waits = match self.fault {
            Fault::LateRequest(delay) | Fault::LateReply(delay) => delay > Duration::from_secs(1),
            Fault::Refused
            | Fault::ResetBefore
            | Fault::LostReply
            | Fault::TruncatedReply
            | Fault::Error(..)
            | Fault::Cancelled(_) => false,
        };
        u32::from(waits) + 2 * u32::from(self.onwards)
    }
}

/// Every way in which a fault can strike one of these calls.
pub(super) fn strikes(calls: &[Arrival]) -> Vec<Strike> {
    let mut strikes = Vec::new();
    for (number, call) in calls.iter().enumerate() {
        for fault in Fault::ALL {
            let is_the_same_as_a_conflict =
                matches!(fault, Fault::Cancelled(_)) && call.operation != "TransactWriteItems";
            if is_the_same_as_a_conflict {
                continue;
            }
            for onwards in [false, true] {
                if onwards && !ENDLESS.contains(&fault) {
                    continue;
                }
                let Arrival { operation, of_its_kind, .. } = call.clone();
                strikes.push(Strike { fault, number, operation, of_its_kind, onwards });
            }
        }
    }
    strikes
}

#[test]
fn what_strikes_for_good_is_among_all_faults() {
    for fault in ENDLESS {
        assert!(Fault::ALL.contains(&fault), "{fault:?}");
    }
}

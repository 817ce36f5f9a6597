//! No reader sees a session move but along the arrows of the contract.

use domain::session::SessionStatus;
use proptest::prelude::*;

use super::{Deed, SKEW, config, history};
use crate::{DEADLINE, Record};

/// How far each reader's clock is ahead.
const READERS: [i64; 5] = [-SKEW, -1, 0, 1, SKEW];

/// The arrows of the contract's opening diagram, with the one that an execution takes where
/// it is reported before its deposit.
fn is_arrow(from: SessionStatus, to: SessionStatus) -> bool {
    match from {
        SessionStatus::Open => true,
        SessionStatus::Processing => to != SessionStatus::Open,
        SessionStatus::Complete | SessionStatus::Expired => to == from,
    }
}

/// What readers have answered so far.
#[derive(Debug, Default)]
struct Answers {
    /// Each reader's last.
    each: [Option<SessionStatus>; READERS.len()],
    /// Anybody's, as far as it went.
    furthest: Option<SessionStatus>,
}

impl Answers {
    /// Lets every reader answer at one instant of the true time.
    fn look(&mut self, record: &Record, at: i64) -> Result<(), TestCaseError> {
        for (ahead, last) in READERS.iter().zip(&mut self.each) {
            let now = at + ahead;
            let seen = record.session(now);
            if let Some(last) = last.replace(seen) {
                prop_assert!(is_arrow(last, seen), "a reader saw {last:?}, then {seen:?}");
            }
            // A deadline passes on one clock after the other: a slow reader may still answer
            // `open` where a fast one has answered `expired`. Only nothing may come of it.
            let deadline_only =
                record.checkout.expired_at.is_none() && record.checkout.payment_state.outcome.is_none();
            match self.furthest {
                Some(SessionStatus::Expired)
                    if seen == SessionStatus::Open && deadline_only && now < DEADLINE => {}
                Some(furthest) => {
                    prop_assert!(is_arrow(furthest, seen), "{furthest:?} was answered, then {seen:?}");
                    self.furthest = Some(seen);
                }
                None => self.furthest = Some(seen),
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_reader_sees_a_session_move_but_along_the_arrows(history in history()) {
        let mut record = Record::new();
        let mut answers = Answers::default();
        for step in history {
            answers.look(&record, step.at)?;
            let now = step.now();
            match step.deed {
                Deed::Report(event) => {
                    record.report(event, now);
                }
                Deed::Expire => {
                    record.expire(now);
                }
                Deed::Look => {}
            }
            answers.look(&record, step.at)?;
        }
        prop_assert!(record.session(i64::MAX) != SessionStatus::Open);
    }
}

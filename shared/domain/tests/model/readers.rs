//! What readers have seen of the session, and whether it fits together.

use domain::lifecycle::Checkout;
use domain::session::SessionStatus;
use domain::time::CLOCK_SKEW_BOUND_MS;

use super::facts::after_the_deadline;

/// How far each reader's clock is ahead of the true time. A reader keeps its clock.
const CLOCKS: [i64; 3] = [-CLOCK_SKEW_BOUND_MS / 2, 0, CLOCK_SKEW_BOUND_MS / 2];

/// What readers have seen so far.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Readers {
    /// Each reader's last.
    each: [SessionStatus; CLOCKS.len()],
    /// Anybody's, as far as it went.
    pub(crate) furthest: SessionStatus,
}

impl Readers {
    /// Readers of a session that is open on every clock.
    pub(crate) const NEW: Self =
        Self { each: [SessionStatus::Open; CLOCKS.len()], furthest: SessionStatus::Open };

    /// Lets every reader look. Whether all they ever saw fits together.
    #[must_use]
    pub(crate) fn look(&mut self, checkout: &Checkout, instant: i64) -> bool {
        let mut fits = true;
        for (at, clock) in CLOCKS.iter().enumerate() {
            let seen = checkout.session_status(after_the_deadline(instant + clock));
            fits &= is_arrow(std::mem::replace(&mut self.each[at], seen), seen);
            // A deadline passes on one clock after the other: a slow reader may still see `open`
            // where a fast one has seen `expired`. Only nothing may come of it.
            let by_deadline = checkout.expired_at.is_none() && checkout.payment_state.outcome.is_none();
            let is_slow = self.furthest == SessionStatus::Expired && seen == SessionStatus::Open;
            if !(is_slow && by_deadline) {
                fits &= self.hear(seen);
            }
        }
        fits
    }

    /// Records a status that a client was told, for example by a refusal. Returns whether it agrees with all earlier ones.
    #[must_use]
    pub(crate) fn hear(&mut self, told: SessionStatus) -> bool {
        is_arrow(std::mem::replace(&mut self.furthest, told), told)
    }
}

/// The arrows of the diagram at the start of docs/api.md, and the one for an execution that is reported before its
/// deposit.
fn is_arrow(from: SessionStatus, to: SessionStatus) -> bool {
    match from {
        SessionStatus::Open => true,
        SessionStatus::Processing => to != SessionStatus::Open,
        SessionStatus::Complete | SessionStatus::Expired => to == from,
    }
}

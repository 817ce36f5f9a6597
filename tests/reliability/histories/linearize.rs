//! Whether a history could have come about one call after the other.
//!
//! A service that answers many at once is right where some order of the calls explains every
//! answer, with each call at one moment between its start and its end (Herlihy and Wing,
//! *Linearizability*, 1990). The search tries the orders (Wing and Gong, 1993) and remembers
//! the states that it has visited (Lowe, 2017).

use std::cmp::Reverse;
use std::collections::HashSet;

use domain::time::Timestamp;

use super::history::{Call, Operation, Outcome};
use super::reference::Reference;

/// The steps of a history that have happened, one bit each.
type Happened = u128;

/// One thing that happens at one moment.
struct Step {
    call: Call,
    /// For the first attempt of a call whose response was lost: the step that was answered.
    before: Option<usize>,
}

impl Step {
    /// When it has happened at the latest; `None` for a call that was not answered, which may still arrive.
    fn latest(&self) -> Option<Timestamp> {
        (self.before.is_some() || self.call.outcome != Outcome::Unavailable).then_some(self.call.end)
    }
}

/// Every call, and for every report without a key the attempt before it: where the reply to that one
/// was lost, it has taken effect, and the answer shows what others reported since. (With a key the
/// answer is remembered as it was at that moment, and nothing may come between.)
fn steps(calls: &[Call]) -> Vec<Step> {
    let mut steps: Vec<Step> = calls.iter().map(|told| Step { call: told.clone(), before: None }).collect();
    for (at, told) in calls.iter().enumerate() {
        let is_report = matches!(told.operation, Operation::Report(_)) && told.key.is_none();
        if is_report && told.outcome != Outcome::Unavailable {
            let call = Call { outcome: Outcome::Unavailable, ..told.clone() };
            steps.push(Step { call, before: Some(at) });
        }
    }
    steps
}

/// Returns whether the calls explain each other, and how many states the search visited; if they do not, the longest
/// order that almost did.
pub(super) fn linearize(calls: &[Call], deadline: Timestamp) -> Result<usize, Vec<Call>> {
    let steps = steps(calls);
    assert!(steps.len() <= Happened::BITS as usize, "{} steps", steps.len());
    let answered = |step: &Step| step.call.outcome != Outcome::Unavailable;
    let bit = |at: usize| -> Happened { 1 << at };
    let must_happen = (0..calls.len()).filter(|at| answered(&steps[*at])).map(bit).sum::<Happened>();

    let mut visited = HashSet::new();
    let mut longest = Vec::new();
    let mut open = vec![(0, Reference::default(), Vec::new())];
    while let Some((happened, state, order)) = open.pop() {
        if happened & must_happen == must_happen {
            return Ok(visited.len());
        }
        if order.len() > longest.len() {
            longest.clone_from(&order);
        }
        let waiting = || steps.iter().enumerate().filter(|(at, _)| happened & bit(*at) == 0);
        // Whoever was sent after another's answer happened after it.
        let first_end = waiting().filter(|(_, step)| answered(step)).map(|(_, step)| step.call.end).min();
        let may_be_next = |step: &Step| {
            first_end.is_none_or(|end| step.call.start <= end)
                && step.before.is_none_or(|answer| happened & bit(answer) == 0)
        };
        let mut next: Vec<_> = waiting()
            .filter(|(_, step)| may_be_next(step))
            .map(|(at, step)| (at, step, state.steps(&step.call, step.latest(), deadline)))
            .collect();
        // What fits now and changes nothing, such as a read, may as well happen now: whatever follows
        // could follow then too. Nothing else needs to be tried.
        let harmless = |step: &Step, led_to: &[Reference]| {
            answered(step) && !led_to.is_empty() && led_to.iter().all(|after| *after == state)
        };
        if let Some(at) = next.iter().position(|(_, step, led_to)| harmless(step, led_to)) {
            next = vec![next.swap_remove(at)];
        }
        // The last is tried first: what was heard of, and of that what was answered first.
        next.sort_by_key(|(_, step, _)| (answered(step), Reverse(step.call.end)));
        for (at, step, led_to) in next {
            for after in led_to {
                let idle = !answered(step) && after == state;
                let happened = happened | bit(at);
                if !idle && visited.insert((happened, after.clone())) {
                    let order = order.iter().copied().chain([at]).collect();
                    open.push((happened, after, order));
                }
            }
        }
    }
    Err(longest.into_iter().map(|at| steps[at].call.clone()).collect())
}

#[cfg(test)]
mod tests {
    use super::super::history::{Fact, Sight};
    use super::super::reference::PRICE;
    use super::*;

    const DEADLINE: Timestamp = Timestamp::from_millis(300_000);
    const PAYMENT: Fact = Fact::Deposit { hash: 1, amount: PRICE };

    fn call(at: (i64, i64), operation: Operation, outcome: Outcome) -> Call {
        let (start, end) = (Timestamp::from_millis(at.0), Timestamp::from_millis(at.1));
        Call { operation, key: None, start, end, outcome, client: 0, instance: 0 }
    }

    fn linked(at: (i64, i64)) -> Call {
        call(at, Operation::Link(0), Outcome::Linked { replayed: false })
    }

    fn seen(at: (i64, i64), session: &str, has_order: bool) -> Call {
        let sight =
            Sight { session: Some(session.to_owned()), has_order: Some(has_order), ..Sight::default() };
        call(at, Operation::GetSession, Outcome::Seen(sight))
    }

    fn order(status: &str, deposits: &[(u8, u32)]) -> Sight {
        let (order, deposits) = (Some(status.to_owned()), Some(deposits.to_vec()));
        Sight { order, deposits, cards: Some(Vec::new()), ..Sight::default() }
    }

    fn paid(at: (i64, i64)) -> Call {
        let sight = order("executing", &[(1, PRICE)]);
        call(at, Operation::Report(PAYMENT), Outcome::Recorded { replayed: false, sight })
    }

    fn explains(calls: &[Call]) -> bool {
        linearize(calls, DEADLINE).is_ok()
    }

    #[test]
    fn calls_at_the_same_time_may_have_happened_in_either_order() {
        assert!(explains(&[linked((0, 10)), seen((5, 15), "open", false)]));
        assert!(explains(&[linked((0, 10)), seen((5, 15), "open", true)]));
        assert!(!explains(&[linked((0, 10)), seen((11, 15), "open", false)]), "a link that was forgotten");
        assert!(!explains(&[seen((0, 10), "open", true), linked((11, 15))]), "a link before it was sent");
    }

    #[test]
    fn of_a_call_that_nobody_answered_both_may_be_true() {
        let unheard = call((0, 10), Operation::Link(0), Outcome::Unavailable);
        assert!(explains(&[unheard.clone(), seen((11, 15), "open", false), seen((16, 20), "open", true)]));
        assert!(explains(&[unheard.clone(), seen((11, 15), "open", false)]));
        let back = [unheard, seen((11, 15), "open", true), seen((16, 20), "open", false)];
        assert!(!explains(&back), "a link that came and went");
    }

    #[test]
    fn no_two_links_and_no_second_deposit_of_one_transaction() {
        assert!(!explains(&[linked((0, 10)), linked((0, 10))]));
        let twice = call((20, 30), Operation::GetOrder, Outcome::Seen(order("executing", &[(1, 2 * PRICE)])));
        assert!(!explains(&[linked((0, 5)), paid((6, 10)), twice]));
        let lost = call((20, 30), Operation::GetOrder, Outcome::Seen(order("executing", &[])));
        assert!(!explains(&[linked((0, 5)), paid((6, 10)), lost]));
    }

    #[test]
    fn what_somebody_saw_expire_is_paid_no_more() {
        let at = |millis| (DEADLINE.as_millis() + millis, DEADLINE.as_millis() + millis);
        let in_flight = (DEADLINE.as_millis() - 400, DEADLINE.as_millis() + 400);
        assert!(explains(&[linked((0, 5)), paid(in_flight)]), "a payment at the last moment");
        let overtaken = [linked((0, 5)), paid(in_flight), seen(at(-200), "expired", true)];
        assert!(explains(&[linked((0, 5)), paid(in_flight), seen(at(-200), "open", true)]));
        // The reader saw no payment, so it came later: after somebody had been told that it was over.
        assert!(!explains(&overtaken));
        assert!(!explains(&[linked((0, 5)), paid(at(-100))]), "within the margin by the slowest clock");
    }

    #[test]
    fn what_is_complete_stays_complete() {
        let executed = order("executed", &[(1, PRICE)]);
        let execution = Outcome::Recorded { replayed: false, sight: executed };
        let execution = call((11, 20), Operation::Report(Fact::Execution), execution);
        let calls = |status| {
            [linked((0, 5)), paid((6, 10)), execution.clone(), seen((400_000, 400_001), status, true)]
        };
        assert!(explains(&calls("complete")));
        for status in ["open", "processing", "expired"] {
            assert!(!explains(&calls(status)), "{status}");
        }
    }

    #[test]
    fn of_two_cards_one_pays() {
        let card = |at, intent, cards: &[(u8, bool, bool)]| {
            let sight = Sight { cards: Some(cards.to_vec()), ..order("executed", &[]) };
            let fact = Fact::Card { intent, refunded: false };
            call(at, Operation::Report(fact), Outcome::Recorded { replayed: false, sight })
        };
        let first = card((6, 10), 1, &[(1, true, false)]);
        let second = |counts| card((11, 20), 2, &[(1, true, false), (2, counts, false)]);
        assert!(explains(&[linked((0, 5)), first.clone(), second(false)]));
        assert!(!explains(&[linked((0, 5)), first, second(true)]), "an order that is paid twice");
    }

    #[test]
    fn a_refusal_needs_its_reason() {
        let refused = |outcome| call((0, 10), Operation::Link(0), outcome);
        assert!(!explains(&[refused(Outcome::NotOpen)]));
        assert!(!explains(&[refused(Outcome::AlreadyLinked)]));
        assert!(!explains(&[refused(Outcome::KeyConflict)]));
        assert!(explains(&[refused(Outcome::AlreadyLinked), linked((0, 10))]));
    }
}

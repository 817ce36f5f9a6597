//! The system around one session: callers, messages under way, and time.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};

use domain::lifecycle::{ExpireRefusal, LinkRefusal, Recorded};
use domain::payment::PaymentEvent;
use domain::session::SessionStatus;
use domain::time::{CLOCK_SKEW_BOUND_MS, Timestamp};
use stateright::{Model, Property};

use super::facts::{self, after_the_deadline};
use super::properties::{self, Goal};
use super::readers::Readers;
use super::stored::{Stored, Written, hash_recorded};

/// The true time in milliseconds after the deadline: long enough before it for every clock, then
/// where the margin ends for the middle clock and for the slow one, a millisecond before the fast
/// reader sees the deadline, when it does, and likewise for the middle and the slow reader.
/// From the first to the last is less than one attempt may take, so a call can come through at
/// any of them.
pub(crate) const INSTANTS: [i64; 7] = [-1_000, -501, -251, -250, -1, 0, 250];

/// Who takes part.
pub(crate) struct System {
    /// Whether the first payer's order is linked already.
    pub(crate) is_linked: bool,
    /// How many payers try to link.
    pub(crate) payers: usize,
    /// How many calls of the merchant's try to expire.
    pub(crate) expirers: usize,
    /// What happened to the money.
    pub(crate) facts: Vec<PaymentEvent>,
    /// How often each fact is reported.
    pub(crate) copies: usize,
    /// How many reports are under way at once.
    pub(crate) reporters: usize,
    /// How far the functions' clocks are ahead of the true time.
    pub(crate) clocks: Vec<i64>,
    /// What must be reached.
    pub(crate) goals: Vec<Goal>,
    /// See [`told_at_once`](Self::told_at_once).
    pub(crate) told: OnceLock<[Stored; 2]>,
}

/// A moment.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct State {
    /// The place of the true time among [`INSTANTS`].
    instant: usize,
    pub(crate) stored: Arc<Stored>,
    pub(crate) payers: Vec<Payer>,
    pub(crate) expirers: Vec<Expirer>,
    /// All copies of the first fact, then all of the next.
    pub(crate) reports: Vec<Report>,
    readers: Readers,
    /// What must never happen, and did.
    pub(crate) contradiction: Option<Contradiction>,
}

/// How far a payer's call to link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Payer {
    /// Not sent yet.
    Idle,
    /// On its way since the function's clock showed this, and whether a reader had seen the session expire by then.
    UnderWay { now: Timestamp, after_expiry: bool },
    /// No answer came. It is sent again.
    Unsure,
    /// The order is linked; perhaps the write was recognised as an earlier attempt's.
    Linked { recognised: bool },
    /// It is not, for this reason.
    Refused(LinkRefusal),
}

/// How far a merchant's call to expire is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Expirer {
    /// Not sent yet.
    Idle,
    /// On its way since the function's clock showed this.
    UnderWay { now: Timestamp },
    /// No answer came. It is sent again.
    Unsure,
    /// The session is expired; perhaps the write was recognised as an earlier attempt's.
    Expired { recognised: bool },
    /// It was not open.
    Refused(ExpireRefusal),
}

/// How far a report of a fact is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Report {
    /// Not sent yet, or to be sent again.
    Waiting,
    /// The order was read, the fact judged, and the write is on its way.
    UnderWay(Arc<Judged>),
    /// Its reporter was told that it is recorded.
    Recorded,
}

/// What was decided of a fact.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Judged {
    recorded: Recorded,
    /// The version of the order that was read.
    seen: u64,
    /// The true time, after the deadline, from which the write is no longer sent.
    until: Option<i64>,
}

impl Hash for Judged {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self { recorded, seen, until } = self;
        hash_recorded(recorded, state);
        (seen, until).hash(state);
    }
}

impl fmt::Debug for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Recorded { payment_state, transaction } = &self.recorded;
        f.debug_struct("Judged")
            .field("hash", &transaction.as_ref().map(|transaction| transaction.hash.as_str()))
            .field("is_paid", &payment_state.paid_at.is_some())
            .field("outcome", &payment_state.outcome)
            .field("seen", &self.seen)
            .field("until", &self.until)
            .finish()
    }
}

/// What must never happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Contradiction {
    /// A client was told a status to which no arrow leads from an earlier one.
    Status,
    /// A link succeeded that was sent after a reader had seen the session expire.
    LinkAfterExpiry,
    /// The order that was linked is another one now, or gone.
    OrderReplaced,
}

/// A step. A caller is named by its position among the callers of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Time passes.
    Tick,
    /// A caller sends, by a clock that is so far ahead.
    Send(Caller, i64),
    /// What was sent is applied or refused, and the caller is told.
    Arrive(Caller),
    /// The same, but the answer is lost.
    ArriveUnanswered(Caller),
    /// What was sent is lost or given up.
    Lose(Caller),
}

/// Who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    Payer(usize),
    Expirer(usize),
    Reporter(usize),
}

impl System {
    /// No caller yet.
    pub(crate) fn empty() -> Self {
        Self {
            is_linked: false,
            payers: 0,
            expirers: 0,
            facts: Vec::new(),
            copies: 1,
            reporters: 0,
            clocks: Vec::new(),
            goals: Vec::new(),
            told: OnceLock::new(),
        }
    }

    /// What the facts come to as they are listed, told at once: at the first of all instants, when
    /// they pay, or at the last, when they come too late.
    pub(crate) fn told_at_once(&self, is_paid: bool) -> &Stored {
        let told = |instant: i64| {
            let mut stored = Stored::linked();
            for fact in &self.facts {
                let recorded = stored.judge(fact, after_the_deadline(instant)).unwrap();
                stored = stored.record(&recorded, stored.checkout.version).unwrap();
            }
            stored
        };
        let [late, paid] = self.told.get_or_init(|| [told(INSTANTS[INSTANTS.len() - 1]), told(INSTANTS[0])]);
        if is_paid { paid } else { late }
    }

    /// The fact that a report is about.
    pub(crate) fn fact(&self, report: usize) -> &PaymentEvent {
        &self.facts[report / self.copies]
    }

    /// Who may send. Those who are alike and have not begun begin in the order of their places:
    /// which of them it is makes no difference.
    fn senders(&self, state: &State) -> Vec<Caller> {
        let mut senders = Vec::new();
        let idle = state.payers.iter().position(|payer| *payer == Payer::Idle);
        senders.extend(idle.map(Caller::Payer));
        let unsure = |at: &usize| state.payers[*at] == Payer::Unsure;
        senders.extend((0..self.payers).filter(unsure).map(Caller::Payer));
        let idle = state.expirers.iter().position(|expirer| *expirer == Expirer::Idle);
        senders.extend(idle.map(Caller::Expirer));
        let unsure = |at: &usize| state.expirers[*at] == Expirer::Unsure;
        senders.extend((0..self.expirers).filter(unsure).map(Caller::Expirer));
        let under_way = |report: &&Report| matches!(report, Report::UnderWay(_));
        if state.stored.checkout.order.is_some()
            && state.reports.iter().filter(under_way).count() < self.reporters
        {
            for (fact, copies) in state.reports.chunks(self.copies).enumerate() {
                let waiting = copies.iter().position(|report| *report == Report::Waiting);
                senders.extend(waiting.map(|copy| Caller::Reporter(fact * self.copies + copy)));
            }
        }
        senders
    }

    fn send(&self, state: &mut State, caller: Caller, clock: i64) {
        let now = after_the_deadline(state.true_time() + clock);
        match caller {
            Caller::Payer(payer) => {
                let after_expiry = state.readers.furthest == SessionStatus::Expired;
                state.payers[payer] = Payer::UnderWay { now, after_expiry };
            }
            Caller::Expirer(expirer) => state.expirers[expirer] = Expirer::UnderWay { now },
            Caller::Reporter(report) => {
                state.reports[report] = match state.stored.judge(self.fact(report), now) {
                    None => Report::Recorded,
                    Some(recorded) => Report::UnderWay(Arc::new(Judged {
                        recorded,
                        seen: state.stored.checkout.version,
                        until: sent_until(now).map(|until| until - clock),
                    })),
                };
                self.sort_copies(state, report);
            }
        }
    }

    /// `None` where the step would be another one's: an unanswered refusal is a lost call.
    fn arrive(&self, state: &mut State, caller: Caller, answered: bool) -> Option<()> {
        match caller {
            Caller::Payer(payer) => {
                let Payer::UnderWay { now, after_expiry } = state.payers[payer] else {
                    return None;
                };
                let answer = match state.stored.link(payer, facts::order_of(payer), now) {
                    Written::Now(stored) => {
                        state.stored = stored;
                        if after_expiry {
                            state.contradiction = Some(Contradiction::LinkAfterExpiry);
                        }
                        Payer::Linked { recognised: false }
                    }
                    Written::Before | Written::Refused(_) if !answered => return None,
                    Written::Before => Payer::Linked { recognised: true },
                    Written::Refused(refusal) => {
                        match refusal {
                            LinkRefusal::NotOpen(status) => state.tell(status),
                            // None is a status.
                            LinkRefusal::AlreadyLinked(_)
                            | LinkRefusal::AboutToExpire
                            | LinkRefusal::TermsMismatch(_) => {}
                        }
                        Payer::Refused(refusal)
                    }
                };
                state.payers[payer] = if answered { answer } else { Payer::Unsure };
            }
            Caller::Expirer(expirer) => {
                let Expirer::UnderWay { now } = state.expirers[expirer] else {
                    return None;
                };
                let answer = match state.stored.expire(expirer, now) {
                    Written::Now(stored) => {
                        state.stored = stored;
                        Expirer::Expired { recognised: false }
                    }
                    Written::Before | Written::Refused(_) if !answered => return None,
                    Written::Before => Expirer::Expired { recognised: true },
                    Written::Refused(refusal) => {
                        match refusal {
                            ExpireRefusal::NotOpen(status) => state.tell(status),
                            // This is no status, and nothing is seen on a chain here.
                            ExpireRefusal::PaymentPending => {}
                        }
                        Expirer::Refused(refusal)
                    }
                };
                state.expirers[expirer] = if answered { answer } else { Expirer::Unsure };
            }
            Caller::Reporter(report) => {
                let Report::UnderWay(judged) = &state.reports[report] else {
                    return None;
                };
                if judged.until.is_some_and(|until| state.true_time() >= until) {
                    return None;
                }
                // A refused write is judged anew, like a lost one.
                let stored = state.stored.record(&judged.recorded, judged.seen)?;
                state.stored = Arc::new(stored);
                state.reports[report] = if answered { Report::Recorded } else { Report::Waiting };
                self.sort_copies(state, report);
            }
        }
        Some(())
    }

    fn lose(&self, state: &mut State, caller: Caller) {
        match caller {
            Caller::Payer(payer) => state.payers[payer] = Payer::Unsure,
            Caller::Expirer(expirer) => state.expirers[expirer] = Expirer::Unsure,
            Caller::Reporter(report) => {
                state.reports[report] = Report::Waiting;
                self.sort_copies(state, report);
            }
        }
    }

    /// Copies of one fact are alike: which of them is where makes no difference.
    fn sort_copies(&self, state: &mut State, report: usize) {
        let first = report - report % self.copies;
        state.reports[first..first + self.copies].sort_by_key(|report| match report {
            Report::Recorded => 0,
            Report::UnderWay(_) => 1,
            Report::Waiting => 2,
        });
    }
}

/// Until when on the sender's clock, in milliseconds after the deadline, what was judged at `now`
/// may be sent: `valid_for` in `store/record_event.rs`. What was judged later is late already, and
/// stays so.
fn sent_until(now: Timestamp) -> Option<i64> {
    (now.on_the_fastest_clock() < after_the_deadline(0)).then_some(-CLOCK_SKEW_BOUND_MS)
}

impl State {
    /// In milliseconds after the deadline.
    pub(crate) fn true_time(&self) -> i64 {
        INSTANTS[self.instant]
    }

    /// The session's status on a clock that shows the true time.
    pub(crate) fn status(&self) -> SessionStatus {
        self.stored.checkout.session_status(after_the_deadline(self.true_time()))
    }

    /// A client is told a status.
    fn tell(&mut self, status: SessionStatus) {
        if !self.readers.hear(status) {
            self.contradiction = Some(Contradiction::Status);
        }
    }
}

impl Model for System {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let stored = if self.is_linked { Stored::linked() } else { Stored::new() };
        vec![State {
            instant: 0,
            stored: Arc::new(stored),
            payers: vec![Payer::Idle; self.payers],
            expirers: vec![Expirer::Idle; self.expirers],
            reports: vec![Report::Waiting; self.facts.len() * self.copies],
            readers: Readers::NEW,
            contradiction: None,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.contradiction.is_some() {
            return;
        }
        if state.instant + 1 < INSTANTS.len() {
            actions.push(Action::Tick);
        }
        for sender in self.senders(state) {
            actions.extend(self.clocks.iter().map(|clock| Action::Send(sender, *clock)));
        }
        let payers = state.payers.iter().enumerate();
        let payers = payers.filter(|(_, payer)| matches!(payer, Payer::UnderWay { .. }));
        let expirers = state.expirers.iter().enumerate();
        let expirers = expirers.filter(|(_, expirer)| matches!(expirer, Expirer::UnderWay { .. }));
        let reports = state.reports.iter().enumerate();
        let reports = reports.filter(|(_, report)| matches!(report, Report::UnderWay(_)));
        let under_way = payers
            .map(|(at, _)| Caller::Payer(at))
            .chain(expirers.map(|(at, _)| Caller::Expirer(at)))
            .chain(reports.map(|(at, _)| Caller::Reporter(at)));
        for caller in under_way {
            actions.extend([Action::Arrive(caller), Action::ArriveUnanswered(caller), Action::Lose(caller)]);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut next = last.clone();
        match action {
            Action::Tick => next.instant += 1,
            Action::Send(caller, clock) => self.send(&mut next, caller, clock),
            Action::Arrive(caller) => self.arrive(&mut next, caller, true)?,
            Action::ArriveUnanswered(caller) => self.arrive(&mut next, caller, false)?,
            Action::Lose(caller) => self.lose(&mut next, caller),
        }
        let (before, after) = (&last.stored.checkout.order, &next.stored.checkout.order);
        if !Arc::ptr_eq(&last.stored, &next.stored) && before.is_some() && after != before {
            next.contradiction = Some(Contradiction::OrderReplaced);
        }
        let instant = next.true_time();
        if !next.readers.look(&next.stored.checkout, instant) {
            next.contradiction = Some(Contradiction::Status);
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let goals = self.goals.iter().map(|(name, is_reached)| Property::sometimes(name, *is_reached));
        properties::always().into_iter().chain(goals).collect()
    }
}

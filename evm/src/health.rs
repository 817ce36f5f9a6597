//! What is remembered of one endpoint: whether it rests after a failure, whether its chain was verified, how
//! large a batch it takes, and how far its chain had come.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::batch::BatchLimit;
use crate::error::RpcError;

/// The cool-down after a first failure. It doubles with each further one.
const FIRST_REST: Duration = Duration::from_secs(15);
/// The longest cool-down, unless the node asks for a longer one.
const LONGEST_REST: Duration = Duration::from_mins(5);
/// How long a verified chain id is relied on. Behind one URL a provider may switch networks.
const VERIFIED_FOR: Duration = Duration::from_mins(10);
/// How long an endpoint of another chain is not asked at all.
const REFUSED_FOR: Duration = Duration::from_mins(5);

/// The state of one endpoint, shared by all clones of an [`Rpc`](crate::Rpc).
#[derive(Debug, Default)]
pub(crate) struct Health(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// How often it failed since it last succeeded.
    failures: u32,
    failed_at: Option<Instant>,
    rests_until: Option<Instant>,
    chain: Option<(ChainCheck, Instant)>,
    batch: BatchLimit,
    head: Option<u64>,
}

/// What is known of the chain that an endpoint serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChainCheck {
    /// The expected one.
    Passed,
    /// Another one.
    Failed {
        /// The other chain's id.
        found: u64,
    },
}

impl Health {
    /// Notes that an operation succeeded: the endpoint no longer rests. One that began before the last failure
    /// says nothing, because the failure is the newer observation.
    pub(crate) fn succeeded(&self, began: Instant) {
        let mut state = self.state();
        if state.failed_at.is_none_or(|failed_at| failed_at <= began) {
            state.failures = 0;
            state.rests_until = None;
        }
    }

    /// Notes a failure: the endpoint rests, and its chain has to be verified again. Failures during the rest, of
    /// operations at the same time, do not double it.
    pub(crate) fn failed(&self, error: &RpcError, now: Instant) {
        let mut state = self.state();
        if state.rests_until.is_none_or(|until| until <= now) {
            state.failures = state.failures.saturating_add(1);
        }
        let doublings = state.failures.saturating_sub(1).min(16);
        let doubled = FIRST_REST.saturating_mul(1 << doublings).min(LONGEST_REST);
        let wanted = if let RpcError::RateLimited { retry_after } = error { *retry_after } else { None };
        let until = now + doubled.max(wanted.unwrap_or_default());
        state.rests_until = state.rests_until.max(Some(until));
        state.failed_at = Some(now);
        // That it serves another chain stays known: it would be asked and reported at each call.
        if state.chain.is_some_and(|(check, _)| check == ChainCheck::Passed) {
            state.chain = None;
        }
    }

    /// Returns how long the endpoint still rests; zero if it does not.
    pub(crate) fn rest(&self, now: Instant) -> Duration {
        self.state().rests_until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now))
    }

    /// Returns what is known of the endpoint's chain, or `None` if it has to be asked.
    pub(crate) fn chain_check(&self, now: Instant) -> Option<ChainCheck> {
        let (check, at) = self.state().chain?;
        let valid_for = match check {
            ChainCheck::Passed => VERIFIED_FOR,
            ChainCheck::Failed { .. } => REFUSED_FOR,
        };
        (now.saturating_duration_since(at) < valid_for).then_some(check)
    }

    /// Notes which chain the endpoint serves.
    pub(crate) fn chain_checked(&self, check: ChainCheck, now: Instant) {
        self.state().chain = Some((check, now));
    }

    pub(crate) fn batch_limit(&self) -> usize {
        self.state().batch.calls()
    }

    /// Lowers the batch limit. Returns whether this changed it.
    pub(crate) fn lower_batch_limit(&self, fits: usize) -> bool {
        self.state().batch.lower(fits)
    }

    pub(crate) fn restore_batch_limit(&self, calls: usize) {
        self.state().batch.restore(calls);
    }

    pub(crate) fn batch_succeeded(&self, calls: usize) {
        self.state().batch.succeeded(calls);
    }

    /// Notes the number of the endpoint's latest block. Returns whether it has grown, which is assumed of the
    /// first one.
    pub(crate) fn head_seen(&self, number: u64) -> bool {
        let previous = self.state().head.replace(number);
        previous.is_none_or(|previous| previous < number)
    }

    /// A thread that panicked left nothing half done: each method sets plain values.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAILURE: RpcError = RpcError::TimedOut;

    #[test]
    fn the_rest_doubles_with_each_failure_up_to_five_minutes() {
        let (health, mut now) = (Health::default(), Instant::now());
        assert_eq!(health.rest(now), Duration::ZERO);
        for seconds in [15, 30, 60, 120, 240, 300, 300] {
            let rest = Duration::from_secs(seconds);
            health.failed(&FAILURE, now);
            assert_eq!(health.rest(now), rest);
            assert_eq!(health.rest(now + Duration::from_secs(seconds - 1)), Duration::from_secs(1));
            now += rest;
            assert_eq!(health.rest(now), Duration::ZERO);
        }
    }

    #[test]
    fn failures_at_the_same_time_count_as_one() {
        let (health, now) = (Health::default(), Instant::now());
        for _ in 0..8 {
            health.failed(&FAILURE, now);
        }
        assert_eq!(health.rest(now), FIRST_REST);
        health.failed(&FAILURE, now + FIRST_REST);
        assert_eq!(health.rest(now + FIRST_REST), 2 * FIRST_REST);
    }

    #[test]
    fn a_success_ends_the_rest_and_the_next_failure_counts_as_the_first() {
        let (health, now) = (Health::default(), Instant::now());
        health.failed(&FAILURE, now);
        let later = now + FIRST_REST;
        health.failed(&FAILURE, later);
        health.succeeded(later);
        assert_eq!(health.rest(later), Duration::ZERO);
        health.failed(&FAILURE, later);
        assert_eq!(health.rest(later), FIRST_REST);
    }

    #[test]
    fn an_operation_that_began_before_the_failure_does_not_end_the_rest() {
        let (health, began) = (Health::default(), Instant::now());
        let now = began + Duration::from_secs(1);
        health.failed(&FAILURE, now);
        health.succeeded(began);
        assert_eq!(health.rest(now), FIRST_REST);
    }

    #[test]
    fn a_node_that_names_its_rest_gets_it() {
        let (health, now) = (Health::default(), Instant::now());
        let wanted = Duration::from_secs(400);
        health.failed(&RpcError::RateLimited { retry_after: Some(wanted) }, now);
        assert_eq!(health.rest(now), wanted);
    }

    #[test]
    fn the_chain_is_verified_again_after_ten_minutes_and_after_a_failure() {
        let (health, now) = (Health::default(), Instant::now());
        assert_eq!(health.chain_check(now), None);
        health.chain_checked(ChainCheck::Passed, now);
        assert_eq!(health.chain_check(now + Duration::from_secs(599)), Some(ChainCheck::Passed));
        assert_eq!(health.chain_check(now + Duration::from_mins(10)), None);
        health.failed(&FAILURE, now);
        assert_eq!(health.chain_check(now), None);
    }

    #[test]
    fn an_endpoint_of_another_chain_is_asked_again_after_five_minutes() {
        let (health, now) = (Health::default(), Instant::now());
        let failed = ChainCheck::Failed { found: 1 };
        health.chain_checked(failed, now);
        health.failed(&RpcError::AnotherChain { found: 1 }, now);
        assert_eq!(health.chain_check(now + Duration::from_secs(299)), Some(failed));
        assert_eq!(health.chain_check(now + Duration::from_mins(5)), None);
    }

    #[test]
    fn a_head_has_grown_if_its_number_is_larger_than_the_last_one() {
        let health = Health::default();
        assert!(health.head_seen(7));
        assert!(!health.head_seen(7));
        assert!(health.head_seen(8));
        assert!(!health.head_seen(6));
    }
}

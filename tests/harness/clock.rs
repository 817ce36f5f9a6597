//! A clock that a test sets.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use domain::time::Timestamp;
use runtime::Clock;

/// A clock that stands still until a test moves it.
#[derive(Clone)]
pub struct TestClock(Arc<AtomicI64>);

impl TestClock {
    /// It begins at the real time: an engine's TTL goes by that.
    pub fn at_the_present() -> Self {
        Self(Arc::new(AtomicI64::new(Clock::system().now().as_millis())))
    }

    pub fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }

    pub fn set(&self, now: Timestamp) {
        self.0.store(now.as_millis(), Ordering::SeqCst);
    }

    pub fn advance(&self, duration: Duration) {
        self.set(self.now() + duration);
    }

    /// What the functions read.
    pub fn reader(&self) -> Clock {
        let clock = self.clone();
        Clock::new(move || clock.now())
    }
}

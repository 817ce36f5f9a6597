//! How many calls an endpoint takes in one request. Providers allow 100, ten, three or none, and say so in
//! words of their own, so the limit is found by trial.

/// How many successful requests of the full size it takes until a larger one is tried.
const RAISE_AFTER: u32 = 200;

/// The largest batch that an endpoint takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BatchLimit {
    calls: usize,
    successes: u32,
}

impl BatchLimit {
    /// The most calls that one request ever holds.
    pub(crate) const MOST: usize = 100;

    pub(crate) fn calls(self) -> usize {
        self.calls
    }

    /// Lowers the limit to what is expected to fit. Returns whether this changed it.
    pub(crate) fn lower(&mut self, fits: usize) -> bool {
        let fits = fits.max(1);
        let is_lower = fits < self.calls;
        if is_lower {
            *self = Self { calls: fits, successes: 0 };
        }
        is_lower
    }

    /// Takes back a change, if the batch was not what the endpoint refused.
    pub(crate) fn restore(&mut self, calls: usize) {
        self.calls = self.calls.max(calls);
    }

    /// Notes a request that succeeded. After many of the full size the limit doubles, because the endpoint's
    /// limit may have been raised, or the refusal may have had another cause.
    pub(crate) fn succeeded(&mut self, calls: usize) {
        if calls < self.calls || self.calls == Self::MOST {
            return;
        }
        self.successes += 1;
        if self.successes >= RAISE_AFTER {
            *self = Self { calls: (self.calls * 2).min(Self::MOST), successes: 0 };
        }
    }
}

impl Default for BatchLimit {
    fn default() -> Self {
        Self { calls: Self::MOST, successes: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_never_below_one_and_never_raised_by_a_refusal() {
        let mut limit = BatchLimit::default();
        assert!(limit.lower(6));
        assert!(!limit.lower(50));
        assert_eq!(limit.calls(), 6);
        assert!(limit.lower(0));
        assert_eq!(limit.calls(), 1);
    }

    #[test]
    fn the_limit_doubles_after_many_successes_of_the_full_size() {
        let mut limit = BatchLimit::default();
        limit.lower(4);
        for _ in 0..1_000 {
            limit.succeeded(3);
        }
        assert_eq!(limit.calls(), 4);
        for _ in 0..RAISE_AFTER {
            limit.succeeded(4);
        }
        assert_eq!(limit.calls(), 8);
        for _ in 0..10 * RAISE_AFTER {
            limit.succeeded(BatchLimit::MOST);
        }
        assert_eq!(limit.calls(), BatchLimit::MOST);
    }
}

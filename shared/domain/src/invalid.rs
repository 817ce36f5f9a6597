//! Why a value was refused.

use std::borrow::Cow;

/// A value that broke its rule. It says what was expected, never what was sent: requests
/// may carry secrets, and errors travel to logs and screens.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}")]
pub struct Invalid {
    expected: Cow<'static, str>,
}

impl Invalid {
    /// A refusal; `expected` completes the sentence "expected …".
    pub fn expected(expected: impl Into<Cow<'static, str>>) -> Self {
        Self { expected: expected.into() }
    }

    /// Returns what was expected: it completes the sentence "`field` must be …".
    pub fn requirement(&self) -> &str {
        &self.expected
    }
}

//! Why a node gave no usable response, named by what the caller does about it.

use std::borrow::Cow;
use std::time::Duration;

use crate::verdict::Verdict;

/// Why a question to a node failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RpcError {
    /// The node cannot be reached. Try again later.
    #[error("the node is unavailable: it {0}")]
    Unavailable(Cow<'static, str>),
    /// The node did not respond within the time limit.
    #[error("the node did not respond in time")]
    TimedOut,
    /// The connection closed before the response was complete.
    #[error("the node's response broke off")]
    BrokenOff,
    /// The response is larger than [`Limits::body`](crate::Limits::body).
    #[error("the node's response is larger than the limit")]
    TooLarge,
    /// The node responded with an HTTP status that is no success, and without an error of its own.
    #[error("the node responded with HTTP status {0}")]
    Status(u16),
    /// The node limits the rate of calls. Try again, but not at once.
    #[error("the node limits our rate")]
    RateLimited {
        /// How long the node wants to be left alone, if it said so.
        retry_after: Option<Duration>,
    },
    /// The node responded with a JSON-RPC error.
    #[error("the node refused: {0}")]
    Node(#[from] NodeError),
    /// The node has not seen this block, so its list of earlier logs may be incomplete. Try again in a
    /// moment.
    #[error("the node has not seen block {0} yet")]
    Behind(u64),
    /// The block was replaced while it was read. Nothing that was read can be used; try again.
    #[error("block {0} was replaced while it was read")]
    Replaced(u64),
    /// The response is not what was asked for. Nothing in it can be used.
    #[error("the node's response is malformed: it {0}")]
    Malformed(&'static str),
    /// Every endpoint that responds serves another chain.
    #[error("the node is of chain {found}")]
    AnotherChain {
        /// The chain that the endpoint serves.
        found: u64,
    },
}

impl RpcError {
    /// Returns whether the same question may succeed over fewer blocks.
    ///
    /// Providers refuse wide ranges in dozens of wordings, and some only time out. So every refusal counts,
    /// whatever its words: a list of words would miss the next provider, and the same range would then be
    /// asked for forever.
    pub fn may_pass_if_smaller(&self) -> bool {
        match self {
            Self::TimedOut | Self::BrokenOff | Self::TooLarge | Self::Node(_) => true,
            Self::Status(status) => matches!(status, 400 | 413 | 500..=599),
            Self::Unavailable(_)
            | Self::RateLimited { .. }
            | Self::Behind(_)
            | Self::Replaced(_)
            | Self::Malformed(_)
            | Self::AnotherChain { .. } => false,
        }
    }

    /// Returns whether the node, or a gateway before it, took too long.
    pub fn is_timeout(&self) -> bool {
        match self {
            Self::TimedOut => true,
            // 524 is Cloudflare's.
            Self::Status(status) => matches!(status, 408 | 504 | 524),
            Self::Unavailable(_)
            | Self::BrokenOff
            | Self::TooLarge
            | Self::RateLimited { .. }
            | Self::Node(_)
            | Self::Behind(_)
            | Self::Replaced(_)
            | Self::Malformed(_)
            | Self::AnotherChain { .. } => false,
        }
    }

    /// Returns the more telling one of two endpoints' errors: the later one, unless that endpoint is merely of
    /// another chain.
    pub(crate) fn or_later(self, later: Self) -> Self {
        if matches!(later, Self::AnotherChain { .. }) { self } else { later }
    }

    /// Returns whether a transaction was refused for its price or for want of a balance. The market or a transfer to the
    /// sender can end that; every other refusal stays as long as the transaction does.
    pub fn is_about_fees(&self) -> bool {
        const WORDS: [&str; 6] = [
            "underpriced",
            "insufficient funds",
            "insufficient balance",
            "fee too low",
            "base fee",
            "replacement",
        ];
        let said = |error: &NodeError| error.message.to_lowercase();
        matches!(self, Self::Node(error) if WORDS.iter().any(|words| said(error).contains(words)))
    }

    /// Returns whether a call or an estimate failed because the contract's code failed, on any node.
    pub fn is_failed_execution(&self) -> bool {
        matches!(self, Self::Node(error) if Verdict::of("eth_estimateGas", error) == Verdict::Call)
    }

    /// Returns whether the transaction may be in already: see [`NodeError::is_already_known`].
    pub fn is_already_known(&self) -> bool {
        matches!(self, Self::Node(error) if error.is_already_known())
    }
}

/// A JSON-RPC error. Implementations use the same codes for different things, so its meaning is judged by
/// method, code and words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} (code {code})")]
pub struct NodeError {
    /// The JSON-RPC code; zero if the node gave none.
    pub code: i64,
    /// The node's words, followed by its `data` if it gave some: this contains the reason of a revert.
    pub message: String,
}

impl NodeError {
    /// Returns whether the node has this transaction, or another one with its nonce. Then look for the
    /// receipts of this transaction and of all that it replaced.
    pub fn is_already_known(&self) -> bool {
        const WORDS: [&str; 9] = [
            "already known",
            "alreadyknown",
            "already imported",
            "already in mempool",
            "already exists",
            "same hash",
            "nonce too low",
            "nonce is too low",
            // Nethermind's name for a nonce that is too low.
            "oldnonce",
        ];
        let said = self.message.to_lowercase();
        let is_known = said.contains("known transaction") && !said.contains("unknown transaction");
        is_known || WORDS.iter().any(|words| said.contains(words))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(code: i64, message: &str) -> NodeError {
        NodeError { code, message: message.to_owned() }
    }

    #[test]
    fn a_smaller_range_may_pass_after_a_refusal_a_timeout_or_a_body_that_is_too_large() {
        for error in [
            RpcError::TimedOut,
            RpcError::BrokenOff,
            RpcError::TooLarge,
            RpcError::Status(400),
            RpcError::Status(413),
            RpcError::Status(500),
            RpcError::Status(504),
            node(-32005, "query returned more than 10000 results").into(),
            node(-32000, "requested too many blocks from 1 to 500, maximum is set to 50").into(),
            node(-32603, "internal error").into(),
            node(0, "nope").into(),
        ] {
            assert!(error.may_pass_if_smaller(), "{error}");
        }
    }

    #[test]
    fn a_smaller_range_does_not_help_if_the_endpoint_is_the_problem() {
        for error in [
            RpcError::Unavailable("cannot be reached".into()),
            RpcError::RateLimited { retry_after: None },
            RpcError::Status(401),
            RpcError::Status(404),
            RpcError::AnotherChain { found: 1 },
            RpcError::Behind(7),
            RpcError::Replaced(7),
            RpcError::Malformed("is not JSON-RPC"),
        ] {
            assert!(!error.may_pass_if_smaller(), "{error}");
        }
    }

    #[test]
    fn timeouts_of_gateways_are_timeouts() {
        for error in [RpcError::TimedOut, RpcError::Status(504), RpcError::Status(524)] {
            assert!(error.is_timeout(), "{error}");
        }
        for error in [RpcError::Status(500), RpcError::BrokenOff, RpcError::TooLarge] {
            assert!(!error.is_timeout(), "{error}");
        }
    }

    #[test]
    fn a_transaction_that_is_in_already_is_known_by_many_words() {
        for message in [
            "already known",
            "AlreadyKnown",
            "ALREADY_EXISTS: already known",
            "transaction already imported",
            "Transaction with the same hash was already imported.",
            "INTERNAL_ERROR: existing tx with same hash",
            "Known transaction",
            "nonce too low: next nonce 5, tx nonce 4",
            "Transaction nonce is too low. Try incrementing the nonce.",
            "OldNonce, Current nonce: 5",
        ] {
            assert!(node(-32000, message).is_already_known(), "{message}");
        }
    }

    #[test]
    fn a_transaction_that_is_refused_is_not_in() {
        for message in [
            "replacement transaction underpriced",
            "insufficient funds for gas * price + value",
            "nonce too high",
            "intrinsic gas too low",
            "max fee per gas less than block base fee",
            "unknown transaction type",
        ] {
            assert!(!node(-32000, message).is_already_known(), "{message}");
        }
    }
}

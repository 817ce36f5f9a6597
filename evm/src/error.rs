//! Why a node gave no answer that can be used, named by what is to be done about it.

use std::borrow::Cow;
use std::time::Duration;

/// Why a question to a node came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RpcError {
    /// Not reached, too slow, or failing. Trying again later is right.
    #[error("the node is unavailable: it {0}")]
    Unavailable(Cow<'static, str>),
    /// We ask too much. Trying again is right, but not at once.
    #[error("the node limits our rate")]
    RateLimited {
        /// How long it wants to be left alone, where it said so.
        retry_after: Option<Duration>,
    },
    /// It answered, and refused.
    #[error("the node refused: {0}")]
    Node(#[from] NodeError),
    /// The node has not seen this block, so what it says of the blocks before it may lack some.
    /// Asking again in a moment is right; nothing is wrong.
    #[error("the node has not seen block {0} yet")]
    Behind(u64),
    /// What it answered is not what was asked for. Nothing of it can be used.
    #[error("the node's answer is malformed: it {0}")]
    Malformed(&'static str),
}

impl RpcError {
    /// Whether the same question is too much for the node: see [`NodeError::is_range_too_large`].
    pub fn is_range_too_large(&self) -> bool {
        self.node().is_some_and(NodeError::is_range_too_large)
    }

    /// Whether the transaction may be in already: see [`NodeError::is_already_known`].
    pub fn is_already_known(&self) -> bool {
        self.node().is_some_and(NodeError::is_already_known)
    }

    fn node(&self) -> Option<&NodeError> {
        match self {
            Self::Node(error) => Some(error),
            Self::Unavailable(_) | Self::RateLimited { .. } | Self::Behind(_) | Self::Malformed(_) => None,
        }
    }
}

/// What a node says when it refuses. No two implementations say it alike, so what it means is judged by
/// words that were seen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} (code {code})")]
pub struct NodeError {
    /// JSON-RPC's code.
    pub code: i64,
    /// Its words, and its `data` where it gave some: the reason of a revert stands there.
    pub message: String,
}

impl NodeError {
    /// Whether it refused to look through so many blocks, or to answer so many logs. Half the range may do.
    ///
    /// Best effort: a provider's new words are not known. A range beyond the head is another matter,
    /// which halving does not help.
    pub fn is_range_too_large(&self) -> bool {
        const LIMITS: [&str; 11] = [
            "limit",
            "exceed",
            "large",
            "wide",
            "max",
            "greater",
            "bigger",
            "more than",
            "up to",
            "too",
            "over",
        ];
        const AS_A_WHOLE: [&str; 10] = [
            "query returned more than",
            "too many logs",
            "too many results",
            "max results",
            "logs matched by query exceeds",
            "response size",
            "response too large",
            "response is too big",
            "query timeout",
            "query timed out",
        ];
        // QuickNode's own code.
        const RANGE_LIMIT: i64 = -32614;
        let said = self.message.to_lowercase();
        let speaks_of_range = said.contains("range") && !said.contains("head");
        self.code == RANGE_LIMIT
            || (speaks_of_range && LIMITS.iter().any(|word| said.contains(word)))
            || AS_A_WHOLE.iter().any(|words| said.contains(words))
    }

    /// Whether it has this transaction, or another with its nonce: look for the receipt, of this one and of
    /// all that it replaced.
    pub fn is_already_known(&self) -> bool {
        const WORDS: [&str; 9] = [
            "already known",
            "alreadyknown",
            "already imported",
            "already in mempool",
            "already exists",
            "known transaction",
            "same hash",
            "nonce too low",
            "nonce is too low",
        ];
        // Nethermind's name for a nonce that is too low.
        let said = self.message.to_lowercase();
        said.contains("oldnonce") || WORDS.iter().any(|words| said.contains(words))
    }

    /// Whether it means HTTP's 429, which many say with a status of 200.
    pub(crate) fn is_rate_limit(&self) -> bool {
        // EIP-1474's "limit exceeded" is used for too large a range as well.
        const LIMIT_EXCEEDED: i64 = -32005;
        const WORDS: [&str; 7] = [
            "rate limit",
            "too many requests",
            "request limit",
            "request rate",
            "requests per second",
            "compute units",
            "capacity",
        ];
        let said = self.message.to_lowercase();
        let is_limit =
            [429, LIMIT_EXCEEDED].contains(&self.code) || WORDS.iter().any(|words| said.contains(words));
        is_limit && !self.is_range_too_large()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(code: i64, message: &str) -> NodeError {
        NodeError { code, message: message.to_owned() }
    }

    #[test]
    fn too_large_a_range_is_known_by_many_words() {
        for (code, message) in [
            (-32005, "query returned more than 10000 results"),
            (-32602, "range 1000000 exceeds limit of 10000"),
            (-32602, "query exceeds max block range 100000"),
            (-32602, "query exceeds max results 20000, retry with the range 1-5"),
            (-32614, "eth_getLogs is limited to a 10,000 range"),
            (-32600, "You can make eth_getLogs requests with up to a 10 block range."),
            (-32602, "Log response size exceeded. Please reduce query block range."),
            (-32000, "block range is larger than max block range, block range = 5120"),
            (-32000, "exceed maximum block range: 50000"),
            (-32602, "invalid params {\"payload\":\"range 9009594 is bigger than range limit 2000\"}"),
            (-32062, "Block range is too large"),
            (-32008, "Response is too big"),
            (-32020, "backend response too large"),
            (-32005, "Too many logs requested. Max logs per response is 20000"),
            (-32000, "query timeout exceeded"),
        ] {
            let error = node(code, message);
            assert!(error.is_range_too_large(), "{message}");
            assert!(!error.is_rate_limit(), "{message}");
        }
    }

    #[test]
    fn a_range_beyond_the_head_is_not_too_large() {
        for message in [
            "block range extends beyond current head block",
            "requested block range exceeds the head",
            "invalid block range params",
            "header not found",
        ] {
            assert!(!node(-32000, message).is_range_too_large(), "{message}");
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
        ] {
            assert!(!node(-32000, message).is_already_known(), "{message}");
        }
    }

    #[test]
    fn a_rate_limit_is_known_by_code_or_words() {
        for (code, message) in [
            (429, "Your app has exceeded its compute units per second capacity."),
            (-32005, "daily request count exceeded"),
            (-32016, "over rate limit"),
            (-32007, "50/second request limit reached"),
            (-32000, "Too Many Requests"),
        ] {
            let error = node(code, message);
            assert!(error.is_rate_limit(), "{message}");
            assert!(!error.is_range_too_large(), "{message}");
        }
        assert!(!node(-32000, "execution reverted").is_rate_limit());
    }
}

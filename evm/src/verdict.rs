//! What a JSON-RPC error is about: the call, or the endpoint that responded with it.

use crate::error::NodeError;

/// What a JSON-RPC error is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The call. Every sound node would refuse it, so no other endpoint is asked.
    Call,
    /// The endpoint. Another one may respond.
    Endpoint,
    /// The rate of our calls. Another endpoint may respond.
    RateLimit,
}

impl Verdict {
    /// Judges an error of a call of `method`.
    ///
    /// What is not known to be about the call is about the endpoint: asking one endpoint too many costs a
    /// call, and taking an endpoint's trouble for the answer stops the watcher.
    pub(crate) fn of(method: &str, error: &NodeError) -> Self {
        // Code 3 is geth's for a revert, -32015 OpenEthereum's for any failed execution.
        const EXECUTION_CODES: [i64; 2] = [3, -32015];
        const EXECUTION: [&str; 12] = [
            "revert",
            "gas required exceeds",
            "insufficient funds",
            "out of gas",
            "intrinsic gas",
            "invalid opcode",
            "bad instruction",
            "invalid jump",
            "stack underflow",
            "stack limit",
            "vm exception",
            "always failing",
        ];
        const TRANSACTION_CODES: [i64; 3] = [-32000, -32003, -32010];
        const TRANSACTION: [&str; 3] = ["nonce too", "underpriced", "insufficient funds"];
        // -39001 is the engine API's "unknown block", which geth and reth use for `safe` and `finalized`.
        const UNKNOWN_BLOCK_CODE: i64 = -39001;
        const UNKNOWN_BLOCK: [&str; 2] = ["unknown block", "block not found"];
        const METHOD_NOT_FOUND: i64 = -32601;
        const INTERNAL_ERROR: i64 = -32603;
        const TOO_MANY_REQUESTS: i64 = 429;

        let code = error.code;
        let said = error.message.to_lowercase();
        let says = |words: &[&str]| words.iter().any(|words| said.contains(words));
        let is_of_endpoint = [METHOD_NOT_FOUND, INTERNAL_ERROR, TOO_MANY_REQUESTS].contains(&code);
        let is_of_call = match method {
            "eth_call" | "eth_estimateGas" => EXECUTION_CODES.contains(&code) || says(&EXECUTION),
            "eth_sendRawTransaction" => !is_of_endpoint && (error.is_already_known() || says(&TRANSACTION)),
            "eth_getBlockByNumber" => code == UNKNOWN_BLOCK_CODE || says(&UNKNOWN_BLOCK),
            _ => false,
        };
        let is_of_batch = says(&["batch"]);
        if is_of_call {
            Self::Call
        } else if is_of_batch {
            Self::Endpoint
        } else if is_rate_limit(method, code, &said) {
            Self::RateLimit
        } else {
            match method {
                // Whatever its words: the caller asks for fewer blocks, and with one block for another endpoint.
                "eth_getLogs" => Self::Call,
                "eth_sendRawTransaction" if TRANSACTION_CODES.contains(&code) => Self::Call,
                _ => Self::Endpoint,
            }
        }
    }
}

/// Whether an error means HTTP's 429, which many providers say with a status of 200.
fn is_rate_limit(method: &str, code: i64, said: &str) -> bool {
    // EIP-1474's "limit exceeded".
    const LIMIT_EXCEEDED: i64 = -32005;
    const WORDS: [&str; 11] = [
        "rate limit",
        "ratelimit",
        "too many requests",
        "request limit",
        "request rate",
        "request count",
        "requests per second",
        "compute units",
        "capacity",
        "quota",
        "throttl",
    ];
    // Too wide a range is often refused as a limit that was exceeded. If it were taken for a rate limit, the
    // range would never shrink.
    const RANGE: [&str; 4] = ["block", "range", "logs", "results"];
    let says = |words: &[&str]| words.iter().any(|words| said.contains(words));
    if method == "eth_getLogs" {
        (code == 429 || says(&WORDS)) && !says(&RANGE)
    } else {
        [429, LIMIT_EXCEEDED].contains(&code) || says(&WORDS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_judged_by_method_code_and_words() {
        use Verdict::{Call, Endpoint, RateLimit};
        const SEND: &str = "eth_sendRawTransaction";
        const BLOCK: &str = "eth_getBlockByNumber";
        const LOGS: &str = "eth_getLogs";
        for (method, code, message, expected) in [
            // An execution.
            ("eth_call", 3, "execution reverted \"0x08c379a0\"", Call),
            ("eth_call", -32000, "execution reverted: over rate limit of batch", Call),
            ("eth_call", -32015, "VM execution error.", Call),
            ("eth_call", -32603, "VM Exception while processing transaction: revert", Call),
            ("eth_estimateGas", -32000, "gas required exceeds allowance (0)", Call),
            ("eth_estimateGas", -32000, "insufficient funds for transfer", Call),
            ("eth_call", -32000, "header not found", Endpoint),
            ("eth_call", -32000, "missing trie node 8a1b… (path )", Endpoint),
            ("eth_call", -32603, "Internal error", Endpoint),
            ("eth_call", -32601, "the method eth_call does not exist/is not available", Endpoint),
            ("eth_call", -32602, "invalid params", Endpoint),
            ("eth_call", 12, "upstream is in trouble", Endpoint),
            // A transaction.
            (SEND, -32000, "already known", Call),
            (SEND, -32000, "replacement transaction underpriced", Call),
            (SEND, -32000, "transaction type not supported", Call),
            (SEND, -32003, "transaction rejected", Call),
            (SEND, -32010, "Transaction gas price is too low.", Call),
            (SEND, -32001, "Nonce too low", Call),
            (SEND, 3, "nonce too high", Call),
            (SEND, -32603, "Internal error", Endpoint),
            (SEND, -32601, "method not found", Endpoint),
            (SEND, -32000, "Too Many Requests", RateLimit),
            (SEND, 429, "slow down", RateLimit),
            // A block.
            (BLOCK, -39001, "Unknown block", Call),
            (BLOCK, -32000, "safe block not found", Call),
            (BLOCK, -32000, "finalized block not found", Call),
            (BLOCK, -32000, "header not found", Endpoint),
            (BLOCK, -32603, "Internal error", Endpoint),
            // Logs.
            (LOGS, -32005, "query returned more than 10000 results", Call),
            (LOGS, -32005, "limit exceeded", Call),
            (LOGS, -32000, "requested too many blocks from 1 to 500, maximum is set to 50", Call),
            (LOGS, 429, "request rate: block range over 10", Call),
            (LOGS, -32603, "Internal error", Call),
            (LOGS, -32601, "method not found", Call),
            (LOGS, -32005, "daily request count exceeded, request rate limited", RateLimit),
            (LOGS, 429, "slow down", RateLimit),
            (LOGS, -32600, "batch is not supported", Endpoint),
            // Any method.
            ("eth_getBalance", 429, "exceeded its compute units per second capacity", RateLimit),
            ("eth_getBalance", -32005, "limit exceeded", RateLimit),
            ("eth_getBalance", -32016, "over rate limit", RateLimit),
            ("eth_getBalance", -32007, "50/second request limit reached", RateLimit),
            ("eth_getBalance", -32001, "monthly quota reached", RateLimit),
            ("eth_getBalance", -32014, "too many requests in one batch", Endpoint),
            ("eth_getBalance", -32000, "no", Endpoint),
        ] {
            let error = NodeError { code, message: message.to_owned() };
            assert_eq!(Verdict::of(method, &error), expected, "{method}: {error}");
        }
    }
}

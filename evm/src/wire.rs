//! JSON-RPC 2.0 as it is written on the wire: one request of one or several calls, and its response.

use std::collections::HashMap;

use http_client::Endpoint;
use hyper::body::Bytes;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::error::{NodeError, RpcError};
use crate::rpc::{Answer, Call};

/// The complaint about a response that leaves out a call.
pub(crate) const MISSING: RpcError = RpcError::Malformed("lacks one to a call that was made");

/// Writes a request. One call is not written as an array, because not every endpoint takes batches.
pub(crate) fn request(calls: &[Call], first_id: u64) -> Bytes {
    let numbered = (first_id..).zip(calls);
    let mut wire = numbered.map(|(id, Call { method, params })| {
        json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
    });
    let request: Value = if calls.len() == 1 { wire.next().unwrap_or_default() } else { wire.collect() };
    Bytes::from(request.to_string())
}

/// Why a response has no answers to its calls.
pub(crate) enum Unusable {
    /// The node refused the request as a whole.
    Refused(NodeError),
    /// The node responded to a batch with something that is not a list.
    NotAList,
    /// The response is not what JSON-RPC prescribes.
    Malformed(RpcError),
}

/// A response that was not assigned to its calls yet.
pub(crate) enum Response {
    One(Item),
    Many(Vec<Item>),
}

impl Response {
    /// Reads a body. One that ends early is told apart from one that is no JSON-RPC: fewer blocks may fit.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, RpcError> {
        let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
        let parsed = match first {
            Some(b'[') => serde_json::from_slice(body).map(Self::Many),
            Some(_) | None => serde_json::from_slice(body).map(Self::One),
        };
        parsed.map_err(|error| {
            if error.is_eof() && first.is_some() {
                RpcError::BrokenOff
            } else {
                RpcError::Malformed("is not JSON-RPC")
            }
        })
    }

    /// Returns whether the response consists of errors only.
    pub(crate) fn is_refusal(&self) -> bool {
        match self {
            Self::One(item) => item.error.is_some(),
            Self::Many(items) => !items.is_empty() && items.iter().all(|item| item.error.is_some()),
        }
    }

    /// Assigns the answers to their calls, whatever order they are in.
    ///
    /// An answer that is missing, or that was not asked for, makes all of them worthless: the node may have mixed up
    /// the others too.
    pub(crate) fn answers(
        self,
        first_id: u64,
        calls: usize,
        endpoint: &Endpoint,
    ) -> Result<Vec<Answer>, Unusable> {
        let malformed = |complaint| Err(Unusable::Malformed(RpcError::Malformed(complaint)));
        let items = match self {
            Self::Many(items) => items,
            // Whatever its id: the request was refused before its calls were read.
            Self::One(Item { error: Some(error), .. }) => {
                return Err(Unusable::Refused(error.read(endpoint)));
            }
            Self::One(item) if calls == 1 => vec![item],
            Self::One(_) => return Err(Unusable::NotAList),
        };
        let mut by_id = HashMap::with_capacity(items.len());
        for Item { id, result, error } in items {
            let answer = match (error, result) {
                (Some(error), _) => Err(error.read(endpoint)),
                (None, Some(result)) => Ok(result),
                (None, None) => return malformed("holds neither a result nor an error"),
            };
            let Some(id) = id else {
                // A node that could not read the request has no id to repeat.
                return match answer {
                    Err(error) => Err(Unusable::Refused(error)),
                    Ok(_) => malformed("answers no call"),
                };
            };
            if by_id.insert(id, answer).is_some() {
                return malformed("answers one call twice");
            }
        }
        let in_order: Option<Vec<Answer>> = (first_id..).take(calls).map(|id| by_id.remove(&id)).collect();
        match in_order {
            None => Err(Unusable::Malformed(MISSING)),
            Some(_) if !by_id.is_empty() => malformed("answers a call that was not made"),
            Some(answers) => Ok(answers),
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct Item {
    id: Option<u64>,
    /// `null` is a result: there is no such block, for example.
    #[serde(default, deserialize_with = "present")]
    result: Option<Box<RawValue>>,
    /// `null` beside a result is no error.
    error: Option<WireError>,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::deserialize(deserializer).map(Some)
}

/// An error in any shape: gateways before a node write texts, or leave out the code.
#[derive(Deserialize)]
#[serde(transparent)]
struct WireError(Value);

impl WireError {
    fn read(self, endpoint: &Endpoint) -> NodeError {
        let Self(error) = self;
        let code = error.get("code").and_then(Value::as_i64).unwrap_or_default();
        let message = error.get("message").and_then(Value::as_str).or(error.as_str());
        let message = message.map_or_else(|| error.to_string(), str::to_owned);
        let said = match error.get("data") {
            None | Some(Value::Null) => message,
            Some(data) => format!("{message} {data}"),
        };
        NodeError { code, message: endpoint.redact(&said) }
    }
}

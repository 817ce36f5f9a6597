//! JSON-RPC 2.0 over HTTP, to whichever of a chain's endpoints answers.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use hyper::StatusCode;
use hyper::body::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::endpoint::Endpoint;
use crate::error::{NodeError, RpcError};
use crate::transport::Transport;

pub use crate::transport::Limits;

/// A call of a node's method.
#[derive(Debug, Clone)]
pub struct Call {
    /// The method.
    pub method: &'static str,
    /// Its parameters, an array.
    pub params: Value,
}

impl Call {
    /// A call of `method` with an array of parameters.
    pub fn new(method: &'static str, params: Value) -> Self {
        Self { method, params }
    }
}

/// What a node answered to one call of a batch: a result that is not read yet, or its refusal.
pub type Answer = Result<Box<RawValue>, NodeError>;

/// A chain's nodes. Clones share their connections.
///
/// A batch always goes to **one** node, as a whole, and is repeated as a whole on the next endpoint where
/// that one fails. It must never be split: behind two endpoints are two views of the chain, and a batch
/// that asks "do you have this block, and which logs are in it?" proves something only if one node
/// answers both.
#[derive(Debug, Clone)]
pub struct Rpc {
    transport: Transport,
    endpoints: Arc<[Endpoint]>,
    /// The endpoint that answered last. A dead one that were asked first at each call would cost its time
    /// limit each time.
    current: Arc<AtomicUsize>,
    /// Never the same twice, so that an answer to an earlier call is not taken for one to this.
    next_id: Arc<AtomicU64>,
}

impl Rpc {
    /// Nodes of one chain, the preferred one first. Fails where the system has no certificates.
    pub fn new(endpoints: Vec<Endpoint>, limits: Limits) -> io::Result<Self> {
        Ok(Self {
            transport: Transport::new(limits)?,
            endpoints: endpoints.into(),
            current: Arc::default(),
            next_id: Arc::new(AtomicU64::new(1)),
        })
    }

    /// Makes one call.
    pub async fn call<T: DeserializeOwned>(&self, call: Call) -> Result<T, RpcError> {
        let answers = self.exchange(&[call], Shape::Single).await?;
        let answer = answers.into_iter().next().ok_or(MISSING)??;
        read(&answer)
    }

    /// Makes several calls at once. The answers stand in the calls' order, whatever order they came in.
    pub async fn batch(&self, calls: &[Call]) -> Result<Vec<Answer>, RpcError> {
        if calls.is_empty() {
            // An empty batch is an invalid request.
            return Ok(Vec::new());
        }
        self.exchange(calls, Shape::Batch).await
    }

    async fn exchange(&self, calls: &[Call], shape: Shape) -> Result<Vec<Answer>, RpcError> {
        let first_id = self.next_id.fetch_add(calls.len() as u64, Ordering::Relaxed);
        let body = Bytes::from(request(calls, first_id, shape).to_string());
        let mut failure = RpcError::Unavailable("is not configured".into());
        let preferred = self.current.load(Ordering::Relaxed);
        for turn in 0..self.endpoints.len() {
            let position = (preferred + turn) % self.endpoints.len();
            let Some(endpoint) = self.endpoints.get(position) else { continue };
            let answered = self.ask(endpoint, body.clone()).await;
            match answered.and_then(|answers| matched(answers, first_id, calls.len(), endpoint)) {
                Ok(answers) => {
                    self.current.store(position, Ordering::Relaxed);
                    return Ok(answers);
                }
                // An answer. The next node would give it too.
                Err(refusal @ RpcError::Node(_)) => return Err(refusal),
                Err(error) => {
                    tracing::warn!(endpoint = position, %error, "an endpoint did not answer");
                    failure = error;
                }
            }
        }
        Err(failure)
    }

    async fn ask(&self, endpoint: &Endpoint, body: Bytes) -> Result<Answers, RpcError> {
        let (status, body) = self.transport.post(endpoint, body).await?;
        let unavailable =
            || RpcError::Unavailable(format!("answers with HTTP status {}", status.as_u16()).into());
        // A refusal may come with a status of its own. But who does not let us in, or fails, has not
        // considered the question, and the next endpoint may.
        let lets_us_in = ![StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&status);
        match Answers::parse(&body) {
            Some(answers) if status.is_success() => Ok(answers),
            Some(answers @ Answers::One(WireAnswer { error: Some(_), .. }))
                if status.is_client_error() && lets_us_in =>
            {
                Ok(answers)
            }
            None if status.is_success() => Err(RpcError::Malformed("is not JSON-RPC")),
            Some(_) | None => Err(unavailable()),
        }
    }
}

/// Reads a result as what it should be.
pub(crate) fn read<T: DeserializeOwned>(answer: &RawValue) -> Result<T, RpcError> {
    serde_json::from_str(answer.get())
        .map_err(|_| RpcError::Malformed("is not of the kind that was asked for"))
}

/// What was not answered at all.
const MISSING: RpcError = RpcError::Malformed("lacks one to a call that was made");

/// Whether calls go as an array. One call goes alone: not every endpoint takes batches.
#[derive(Debug, Clone, Copy)]
enum Shape {
    Single,
    Batch,
}

fn request(calls: &[Call], first_id: u64, shape: Shape) -> Value {
    let numbered = (first_id..).zip(calls);
    let mut wire = numbered.map(|(id, Call { method, params })| {
        json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
    });
    match shape {
        Shape::Single => wire.next().unwrap_or_default(),
        Shape::Batch => wire.collect(),
    }
}

/// What came back, as it stands on the wire.
enum Answers {
    One(WireAnswer),
    Many(Vec<WireAnswer>),
}

impl Answers {
    fn parse(body: &[u8]) -> Option<Self> {
        match body.iter().find(|byte| !byte.is_ascii_whitespace())? {
            b'[' => serde_json::from_slice(body).ok().map(Self::Many),
            _ => serde_json::from_slice(body).ok().map(Self::One),
        }
    }
}

#[derive(Deserialize)]
struct WireAnswer {
    id: Option<u64>,
    /// `null` is a result: that there is no such block.
    #[serde(default, deserialize_with = "present")]
    result: Option<Box<RawValue>>,
    error: Option<WireError>,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::deserialize(deserializer).map(Some)
}

#[derive(Deserialize)]
struct WireError {
    code: i64,
    message: String,
    data: Option<Box<RawValue>>,
}

impl WireError {
    /// What the node said. A rate limit is said by all of the batch, whichever call it names.
    fn judged(self, endpoint: &Endpoint) -> Result<NodeError, RpcError> {
        let Self { code, message, data } = self;
        let said = data.map_or(message.clone(), |data| format!("{message} {}", data.get()));
        let error = NodeError { code, message: endpoint.redact(&said) };
        if error.is_rate_limit() { Err(RpcError::RateLimited { retry_after: None }) } else { Ok(error) }
    }
}

/// Puts each answer to its call. One that is missing, or that nobody asked for, makes all of them worthless:
/// whoever mixes up answers may have mixed up these.
fn matched(
    answers: Answers,
    first_id: u64,
    calls: usize,
    endpoint: &Endpoint,
) -> Result<Vec<Answer>, RpcError> {
    let answers = match answers {
        Answers::Many(answers) => answers,
        // One error for the whole batch.
        Answers::One(WireAnswer { error: Some(error), .. }) if calls != 1 => {
            return Err(error.judged(endpoint)?.into());
        }
        Answers::One(answer) => vec![answer],
    };
    let mut by_id = HashMap::with_capacity(answers.len());
    for WireAnswer { id, result, error } in answers {
        let answer = match (error, result) {
            (Some(error), _) => Err(error.judged(endpoint)?),
            (None, Some(result)) => Ok(result),
            (None, None) => return Err(RpcError::Malformed("holds neither a result nor an error")),
        };
        let Some(id) = id else {
            // What a node cannot read has no id that it could repeat.
            return Err(answer.err().map_or(RpcError::Malformed("answers no call"), RpcError::Node));
        };
        if by_id.insert(id, answer).is_some() {
            return Err(RpcError::Malformed("answers one call twice"));
        }
    }
    let in_order: Option<Vec<Answer>> = (first_id..).take(calls).map(|id| by_id.remove(&id)).collect();
    let in_order = in_order.ok_or(MISSING)?;
    if by_id.is_empty() { Ok(in_order) } else { Err(RpcError::Malformed("answers a call that was not made")) }
}

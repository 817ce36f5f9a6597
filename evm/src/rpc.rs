//! JSON-RPC over HTTP to the endpoints of one chain, with fail-over.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use http_client::{Endpoint, Limits};
use hyper::StatusCode;
use hyper::body::Bytes;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::error::{NodeError, RpcError};
use crate::health::Health;
use crate::session::{Failure, Of, Session};
use crate::transport::Transport;

/// A call of a node's method.
#[derive(Debug, Clone)]
pub struct Call {
    /// The method.
    pub method: &'static str,
    /// Its parameters, an array.
    pub params: Value,
}

impl Call {
    /// Creates a call of `method` with an array of parameters.
    pub fn new(method: &'static str, params: Value) -> Self {
        Self { method, params }
    }
}

/// What a node answered to one call of a batch: a result that is not read yet, or an error about this call.
pub type Answer = Result<Box<RawValue>, NodeError>;

/// The endpoints of one chain. Clones share their connections and what is known of each endpoint.
///
/// An operation goes to **one** endpoint. If that endpoint fails, it rests for a while, and the whole
/// operation is repeated on the next one. An error about the call itself is the answer: every endpoint would
/// give it.
#[derive(Debug, Clone)]
pub struct Rpc {
    shared: Arc<Shared>,
    chain: Option<u64>,
}

#[derive(Debug)]
struct Shared {
    transport: Transport,
    endpoints: Vec<(Endpoint, Health)>,
    /// The position of the endpoint that responded last.
    current: AtomicUsize,
    /// Never the same twice, so that a late answer to an earlier call is not taken for one to this call.
    next_id: AtomicU64,
}

impl Rpc {
    /// Creates a client of one chain's endpoints, the preferred one first. Fails if the system has no
    /// certificates.
    pub fn new(endpoints: Vec<Endpoint>, limits: Limits) -> io::Result<Self> {
        let shared = Shared {
            transport: Transport::new(limits)?,
            endpoints: endpoints.into_iter().map(|endpoint| (endpoint, Health::default())).collect(),
            current: AtomicUsize::default(),
            next_id: AtomicU64::new(1),
        };
        Ok(Self { shared: Arc::new(shared), chain: None })
    }

    /// Verifies that each endpoint serves this chain before its first answer is used, after each failure, and
    /// every ten minutes. With another chain's endpoint every deposit would be missed.
    #[must_use]
    pub fn for_chain(mut self, id: u64) -> Self {
        self.chain = Some(id);
        self
    }

    /// Makes one call.
    pub async fn call<T: DeserializeOwned>(&self, call: Call) -> Result<T, RpcError> {
        self.on_one(|session| session.call(&call)).await
    }

    /// Makes several calls, in as few requests as the endpoint takes. The answers are in the calls' order.
    pub async fn batch(&self, calls: &[Call]) -> Result<Vec<Answer>, RpcError> {
        if calls.is_empty() {
            return Ok(Vec::new());
        }
        self.on_one(|session| session.batch(calls)).await
    }

    /// Runs an operation on one endpoint, and on the next one if that fails. If all of them rest they are
    /// asked all the same, so that no failure silences the chain.
    pub(crate) async fn on_one<'a, T, F, Operation>(&'a self, operation: F) -> Result<T, RpcError>
    where
        F: Fn(Session<'a>) -> Operation,
        Operation: Future<Output = Result<T, Failure>>,
    {
        let mut failure: Option<RpcError> = None;
        for (turn, position) in self.order().into_iter().enumerate() {
            let outcome = self.at(position, &operation).await;
            let is_answer = outcome.as_ref().err().is_none_or(|failure| failure.of == Of::Call);
            if is_answer && turn > 0 {
                self.prefer(position);
            }
            match outcome {
                Ok(answer) => return Ok(answer),
                Err(Failure { error, of: Of::Call }) => return Err(error),
                Err(Failure { error, of: Of::Endpoint | Of::Batch { .. } }) => {
                    failure = Some(match failure {
                        Some(earlier) => earlier.or_later(error),
                        None => error,
                    });
                }
            }
        }
        Err(failure.unwrap_or(RpcError::Unavailable("is not configured".into())))
    }

    /// Runs an operation on the endpoint at `position`, and notes how that went.
    pub(crate) async fn at<'a, T, F, Operation>(&'a self, position: usize, operation: F) -> Result<T, Failure>
    where
        F: Fn(Session<'a>) -> Operation,
        Operation: Future<Output = Result<T, Failure>>,
    {
        let Some((endpoint, health)) = self.shared.endpoints.get(position) else {
            return Err(RpcError::Unavailable("is not configured".into()).into());
        };
        let began = Instant::now();
        let session = Session { rpc: self, position, endpoint, health };
        let outcome = match self.chain {
            Some(id) => session.verify(id).await.map_err(Failure::from),
            None => Ok(()),
        };
        let outcome = match outcome {
            Ok(()) => operation(session).await,
            Err(failure) => Err(failure),
        };
        match &outcome {
            Ok(_) => health.succeeded(began),
            Err(Failure { of: Of::Call, .. }) => {}
            // Logged when it was found.
            Err(Failure { error: error @ RpcError::AnotherChain { .. }, .. }) => {
                health.failed(error, Instant::now());
            }
            Err(Failure { error, .. }) => self.leave(position, error),
        }
        outcome
    }

    /// Has an endpoint rest after a failure.
    pub(crate) fn leave(&self, position: usize, error: &RpcError) {
        if let Some((_, health)) = self.shared.endpoints.get(position) {
            health.failed(error, Instant::now());
            tracing::warn!(endpoint = position, cause = %error, "endpoint left");
        }
    }

    /// Has the current endpoint rest because of what it said, if there is another one.
    pub(crate) fn distrust(&self, why: &str) {
        if self.shared.endpoints.len() < 2 {
            return;
        }
        let position = self.preferred();
        if let Some((_, health)) = self.shared.endpoints.get(position) {
            health.failed(&RpcError::Malformed("contradicts itself"), Instant::now());
            tracing::warn!(endpoint = position, cause = why, "endpoint distrusted");
        }
    }

    /// Returns the positions of all endpoints, the best one first: the current one, the others in the order of
    /// the configuration, and then those that rest, by how soon their rest ends.
    pub(crate) fn order(&self) -> Vec<usize> {
        let now = Instant::now();
        let current = self.shared.current.load(Ordering::Relaxed);
        let endpoints = self.shared.endpoints.iter().enumerate();
        let mut order: Vec<_> = endpoints
            .map(|(position, (_, health))| (health.rest(now), position != current, position))
            .collect();
        order.sort_unstable();
        order.into_iter().map(|(_, _, position)| position).collect()
    }

    /// Returns the position of the endpoint that is asked next.
    pub(crate) fn preferred(&self) -> usize {
        self.order().first().copied().unwrap_or_default()
    }

    /// Makes an endpoint the current one.
    pub(crate) fn prefer(&self, position: usize) {
        self.shared.current.store(position, Ordering::Relaxed);
    }

    /// Returns whether an endpoint rests after a failure.
    pub(crate) fn is_resting(&self, position: usize) -> bool {
        self.health(position).is_some_and(|health| !health.rest(Instant::now()).is_zero())
    }

    /// Returns what is known of an endpoint.
    pub(crate) fn health(&self, position: usize) -> Option<&Health> {
        self.shared.endpoints.get(position).map(|(_, health)| health)
    }

    pub(crate) fn next_ids(&self, calls: usize) -> u64 {
        self.shared.next_id.fetch_add(calls as u64, Ordering::Relaxed)
    }

    pub(crate) async fn post(
        &self,
        endpoint: &Endpoint,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes), RpcError> {
        self.shared.transport.post(endpoint, body).await
    }
}

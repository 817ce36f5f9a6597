//! One operation with one endpoint. All calls of an operation go to the same endpoint: behind two endpoints
//! are two views of the chain, and only one view can prove that a block has certain logs.

use std::time::Instant;

use http_client::Endpoint;
use hyper::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::json;
use serde_json::value::RawValue;

use crate::error::{NodeError, RpcError};
use crate::health::{ChainCheck, Health};
use crate::quantity::Quantity;
use crate::rpc::{Answer, Call, Rpc};
use crate::verdict::Verdict;
use crate::wire::{self, MISSING, Response, Unusable};

/// Why an operation with one endpoint failed, and what it is about.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error: RpcError,
    pub(crate) of: Of,
}

/// What a failure is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    /// The call: it is the answer, and no other endpoint is asked.
    Call,
    /// The endpoint: it is left for the next one.
    Endpoint,
    /// The number of calls in one request.
    Batch {
        /// How many calls may fit.
        fits: usize,
    },
}

impl Failure {
    pub(crate) fn of_call(error: RpcError) -> Self {
        Self { error, of: Of::Call }
    }

    fn of_batch(error: RpcError, calls: usize) -> Self {
        Self { error, of: if calls > 1 { Of::Batch { fits: calls / 2 } } else { Of::Endpoint } }
    }
}

/// What fails outside a single call is the endpoint's.
impl From<RpcError> for Failure {
    fn from(error: RpcError) -> Self {
        Self { error, of: Of::Endpoint }
    }
}

/// The error of a single call in a batch. Those about the endpoint have failed the whole request before.
impl From<NodeError> for Failure {
    fn from(error: NodeError) -> Self {
        Self::of_call(error.into())
    }
}

/// An endpoint for the length of one operation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Session<'a> {
    pub(crate) rpc: &'a Rpc,
    /// The endpoint's position in the configuration: logs show it instead of the URL.
    pub(crate) position: usize,
    pub(crate) endpoint: &'a Endpoint,
    pub(crate) health: &'a Health,
}

impl Session<'_> {
    /// Makes one call.
    pub(crate) async fn call<T: DeserializeOwned>(self, call: &Call) -> Result<T, Failure> {
        let answers = self.exchange(std::slice::from_ref(call)).await?;
        let answer = answers.into_iter().next().ok_or(MISSING)??;
        Ok(read(&answer)?)
    }

    /// Makes several calls, in as many requests as the endpoint wants. The answers are in the calls' order.
    pub(crate) async fn batch(self, calls: &[Call]) -> Result<Vec<Answer>, Failure> {
        let limit = self.health.batch_limit();
        let mut answers = Vec::with_capacity(calls.len());
        let mut rest = calls;
        while !rest.is_empty() {
            let size = self.health.batch_limit().min(rest.len());
            let (chunk, after) = rest.split_at(size);
            match self.exchange(chunk).await {
                Ok(chunk) => {
                    self.health.batch_succeeded(size);
                    answers.extend(chunk);
                    rest = after;
                }
                Err(Failure { error, of: Of::Batch { fits } }) => self.lower_batch_limit(fits, &error),
                Err(failure) => {
                    if size == 1 && answers.is_empty() {
                        // The endpoint refuses single calls too, so the batch was not the reason.
                        self.health.restore_batch_limit(limit);
                    }
                    if size > 2 && matches!(failure.error, RpcError::RateLimited { .. } | RpcError::TimedOut)
                    {
                        // The number of calls may be the reason: the next batch is smaller.
                        self.lower_batch_limit(size / 2, &failure.error);
                    }
                    return Err(failure);
                }
            }
        }
        Ok(answers)
    }

    /// Makes several calls in one request, or returns `None` if the endpoint does not take so many.
    pub(crate) async fn together(self, calls: &[Call]) -> Result<Option<Vec<Answer>>, Failure> {
        if self.health.batch_limit() < calls.len() {
            return Ok(None);
        }
        match self.exchange(calls).await {
            Ok(answers) => {
                self.health.batch_succeeded(calls.len());
                Ok(Some(answers))
            }
            Err(Failure { error, of: Of::Batch { fits } }) => {
                self.lower_batch_limit(fits, &error);
                Ok(None)
            }
            Err(failure) => Err(failure),
        }
    }

    /// Verifies that the endpoint serves the expected chain, if this was not done lately.
    pub(crate) async fn verify(self, expected: u64) -> Result<(), RpcError> {
        match self.health.chain_check(Instant::now()) {
            Some(ChainCheck::Passed) => Ok(()),
            Some(ChainCheck::Failed { found }) => Err(RpcError::AnotherChain { found }),
            None => {
                let call = Call::new("eth_chainId", json!([]));
                let Quantity(found) = self.call(&call).await.map_err(|failure| failure.error)?;
                if found == expected {
                    self.health.chain_checked(ChainCheck::Passed, Instant::now());
                    return Ok(());
                }
                self.health.chain_checked(ChainCheck::Failed { found }, Instant::now());
                tracing::error!(endpoint = self.position, expected, found, "endpoint is of another chain");
                Err(RpcError::AnotherChain { found })
            }
        }
    }

    fn lower_batch_limit(self, fits: usize, cause: &RpcError) {
        if self.health.lower_batch_limit(fits) {
            tracing::warn!(endpoint = self.position, limit = fits.max(1), %cause, "batch limit lowered");
        }
    }

    /// Makes one request.
    async fn exchange(self, calls: &[Call]) -> Result<Vec<Answer>, Failure> {
        let first_id = self.rpc.next_ids(calls.len());
        let (status, body) = match self.rpc.post(self.endpoint, wire::request(calls, first_id)).await {
            Err(RpcError::TooLarge) => return Err(Failure::of_batch(RpcError::TooLarge, calls.len())),
            outcome => outcome?,
        };
        // A gateway that does not let us in has not asked the node.
        let is_locked_out = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&status);
        let response = match Response::parse(&body) {
            Ok(response) if status.is_success() => response,
            Ok(response) if response.is_refusal() && !is_locked_out => response,
            Err(error) if status.is_success() => return Err(error.into()),
            Ok(_) | Err(_) => {
                let error = RpcError::Status(status.as_u16());
                return Err(match status.as_u16() {
                    400 | 404 | 413 => Failure::of_batch(error, calls.len()),
                    _ => error.into(),
                });
            }
        };
        let answers = match response.answers(first_id, calls.len(), self.endpoint) {
            Ok(answers) => answers,
            Err(Unusable::Refused(error)) => return Err(refused(error, calls)),
            Err(Unusable::NotAList) => {
                return Err(Failure::of_batch(RpcError::Malformed("is not a list"), calls.len()));
            }
            Err(Unusable::Malformed(error)) => return Err(error.into()),
        };
        judged(answers, calls)
    }
}

/// Judges one error for the whole request.
fn refused(error: NodeError, calls: &[Call]) -> Failure {
    let method = match calls {
        [call] => call.method,
        _ => "",
    };
    match Verdict::of(method, &error) {
        Verdict::Call => error.into(),
        Verdict::Endpoint => Failure::of_batch(error.into(), calls.len()),
        Verdict::RateLimit => RpcError::RateLimited { retry_after: None }.into(),
    }
}

/// Judges the errors among the answers: those about the calls are answers, any other one fails the request.
fn judged(answers: Vec<Answer>, calls: &[Call]) -> Result<Vec<Answer>, Failure> {
    let mut refused: Option<(usize, NodeError)> = None;
    let mut is_tail = true;
    for (position, (answer, call)) in answers.iter().zip(calls).enumerate() {
        let verdict = answer.as_ref().err().map(|error| (Verdict::of(call.method, error), error));
        match verdict {
            // It stands for all of the batch, whichever call it names.
            Some((Verdict::RateLimit, _)) => return Err(RpcError::RateLimited { retry_after: None }.into()),
            Some((Verdict::Endpoint, error)) => {
                refused.get_or_insert_with(|| (position, error.clone()));
            }
            Some((Verdict::Call, _)) | None => is_tail = refused.is_none(),
        }
    }
    match refused {
        None => Ok(answers),
        Some((0, error)) if is_tail => Err(Failure::of_batch(error.into(), calls.len())),
        // The node answered as many as it takes, and refused the others.
        Some((fits, error)) if is_tail => Err(Failure { error: error.into(), of: Of::Batch { fits } }),
        Some((_, error)) => Err(RpcError::from(error).into()),
    }
}

/// Reads a result as the type that it should have.
pub(crate) fn read<T: DeserializeOwned>(answer: &RawValue) -> Result<T, RpcError> {
    serde_json::from_str(answer.get())
        .map_err(|_| RpcError::Malformed("is not of the kind that was asked for"))
}

//! Trying again when two writers met.

use std::error::Error;
use std::time::Duration;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use runtime::DependencyError;
use runtime::aws::causes;
use tokio::time::{Instant, sleep};

/// After this long no further attempt begins.
pub(super) const BUDGET: Duration = Duration::from_secs(7);
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// Long enough that fifty writers of one order do not keep each other from finishing: each attempt that loses costs the
/// database as much as one that wins. Short enough that the last writer still finishes within the budget.
const LONGEST_PAUSE: Duration = Duration::from_millis(400);

/// Why one attempt did not settle the matter.
#[derive(Debug)]
pub(super) enum AttemptError {
    /// Another writer was at the same items. The next attempt may see another state.
    Contended(String),
    /// There is no point in another attempt now.
    Failed(DependencyError),
}

impl AttemptError {
    /// What fails in passing is worth another attempt, where the SDK made only one.
    pub(super) fn or_contended(self) -> Self {
        match self {
            Self::Failed(DependencyError::Unavailable(cause)) => Self::Contended(cause),
            Self::Failed(DependencyError::Broken(_) | DependencyError::Contended(_)) | Self::Contended(_) => {
                self
            }
        }
    }
}

impl From<DependencyError> for AttemptError {
    fn from(error: DependencyError) -> Self {
        Self::Failed(error)
    }
}

/// Repeats an attempt until it settles or the time is up.
///
/// The pauses grow and are drawn at random ("full jitter"), so that fifty writers who met
/// once do not all meet again.
pub(super) async fn until_settled<T, Attempt>(
    mut attempt: impl FnMut() -> Attempt,
) -> Result<T, DependencyError>
where
    Attempt: Future<Output = Result<T, AttemptError>>,
{
    let start = Instant::now();
    let mut longest = FIRST_PAUSE;
    loop {
        match attempt().await {
            Ok(settled) => return Ok(settled),
            Err(AttemptError::Failed(error)) => return Err(error),
            Err(AttemptError::Contended(cause)) if start.elapsed() >= BUDGET => {
                return Err(DependencyError::Contended(cause));
            }
            Err(AttemptError::Contended(_)) => {
                sleep(longest.mul_f64(fastrand::f64())).await;
                longest = (longest * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

/// Names what an SDK error means once the SDK's own retries are spent.
#[expect(clippy::needless_pass_by_value, reason = "the shape that `map_err` takes")]
pub(super) fn classify<E>(error: SdkError<E>) -> AttemptError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
    let contended = matches!(code, Some("TransactionConflictException" | "TransactionInProgressException"));
    let passing = match &error {
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => true,
        SdkError::ServiceError(service) => {
            service.raw().status().is_server_error() || code.is_some_and(is_throttling)
        }
        // It was never sent: no region, no credentials, or a kind of failure yet unknown.
        SdkError::ConstructionFailure(_) | _ => false,
    };
    let cause = causes(&error);
    if contended {
        AttemptError::Contended(cause)
    } else if passing {
        AttemptError::Failed(DependencyError::Unavailable(cause))
    } else {
        AttemptError::Failed(DependencyError::Broken(cause))
    }
}

/// Whether an error code, of a call or within a cancelled transaction, only says "slower".
pub(super) fn is_throttling(code: &str) -> bool {
    matches!(
        code,
        "ThrottlingException"
            | "ThrottlingError"
            | "Throttling"
            | "ProvisionedThroughputExceededException"
            | "ProvisionedThroughputExceeded"
            | "RequestLimitExceeded"
            | "LimitExceededException"
    )
}

//! What a failed call of another service means for the caller.

/// Why a call of the database failed. The outcome decides whether the caller is told to try again.
#[derive(Debug, thiserror::Error)]
pub enum DependencyError {
    /// DynamoDB throttled, timed out or kept on conflicting for as long as we may wait.
    /// Trying again later is right.
    #[error("the database is unavailable for now: {0}")]
    Unavailable(String),
    /// Other writers were at the same item for as long as we may wait, or its partition was throttled. That says nothing
    /// about any other item. Trying again later is right.
    #[error("the database item is contended: {0}")]
    Contended(String),
    /// DynamoDB refused what it should not refuse, or holds what we cannot read: a mistake
    /// of ours, or of the deployment. Trying again does not help.
    #[error("the database and the code disagree: {0}")]
    Broken(String),
}

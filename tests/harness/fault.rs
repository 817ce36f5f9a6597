//! What can go wrong with one call to DynamoDB, and how it is drawn from a seed.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Value, json};

/// What goes wrong with one call to DynamoDB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing listens: the connection is refused.
    Refused,
    /// The connection is reset before the request is applied.
    ResetBefore,
    /// The request is applied, and the connection breaks before the reply.
    LostReply,
    /// The request is applied, and its reply breaks off in the middle.
    TruncatedReply,
    /// The request takes this long to arrive, and is applied however long that was: the caller
    /// may have given up.
    LateRequest(Duration),
    /// The request is applied at once, and its reply takes this long.
    LateReply(Duration),
    /// DynamoDB refuses the request in passing, and applies nothing.
    Error(StatusCode, &'static str),
    /// DynamoDB cancels a transaction, with these reasons by the position of their items; what
    /// is no transaction meets a `TransactionConflictException`.
    Cancelled(&'static [&'static str]),
}

impl Fault {
    /// One of each kind: what a careful caller survives.
    pub const ALL: [Self; 15] = [
        Self::Refused,
        Self::ResetBefore,
        Self::LostReply,
        Self::TruncatedReply,
        Self::LateRequest(Duration::from_millis(300)),
        Self::LateRequest(Duration::from_millis(2_500)),
        Self::LateReply(Duration::from_millis(300)),
        Self::LateReply(Duration::from_millis(2_500)),
        Self::Error(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError"),
        Self::Error(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable"),
        Self::Error(StatusCode::BAD_REQUEST, "ThrottlingException"),
        Self::Error(StatusCode::BAD_REQUEST, "ProvisionedThroughputExceededException"),
        Self::Error(StatusCode::BAD_REQUEST, "TransactionConflictException"),
        Self::Cancelled(&["TransactionConflict", "None"]),
        Self::Cancelled(&["ConditionalCheckFailed", "ThrottlingError"]),
    ];

    /// What DynamoDB answers instead of applying the request; `None` where the fault lies on
    /// the way.
    pub fn refusal(self, operation: &str) -> Option<(StatusCode, Value)> {
        match self {
            Self::Error(status, code) => Some((status, error(code))),
            Self::Cancelled(_) if operation != "TransactWriteItems" => {
                Some((StatusCode::BAD_REQUEST, error("TransactionConflictException")))
            }
            Self::Cancelled(reasons) => Some((StatusCode::BAD_REQUEST, cancelled(reasons))),
            Self::Refused
            | Self::ResetBefore
            | Self::LostReply
            | Self::TruncatedReply
            | Self::LateRequest(_)
            | Self::LateReply(_) => None,
        }
    }
}

/// An error as DynamoDB words it.
pub fn error(code: &str) -> Value {
    let inside = "User: arn:aws:sts::123456789012:assumed-role/inside is at fault for table checkout-inside";
    json!({ "__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": inside })
}

/// A transaction cancelled for these reasons.
pub fn cancelled(reasons: &[&str]) -> Value {
    let reasons: Vec<_> = reasons.iter().map(|code| json!({ "Code": code })).collect();
    json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": "Transaction cancelled, please refer cancellation reasons for specific reasons [inside]",
        "CancellationReasons": reasons,
    })
}

//! Errors of the API, and the one table from error to status, type and code.

use std::borrow::Cow;

use domain::id::OrderId;
use domain::invalid::Invalid;
use domain::session::SessionStatus;
use lambda_http::http::StatusCode;
use runtime::DependencyError;
use serde::Serialize;

/// How long a caller waits before it tries again after a 503, in seconds.
pub const RETRY_AFTER_SECONDS: u16 = 1;

/// A stable name for what went wrong (docs/api.md, *Common rules*). Clients branch on it: a code
/// never changes its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorCode {
    /// A required field is absent or `null`.
    MissingRequiredField,
    /// A field breaks its rule.
    InvalidFieldValue,
    /// A field is no EVM address.
    InvalidAddress,
    /// The body is no JSON object.
    InvalidJson,
    /// The session's status does not allow it.
    InvalidStatusTransition,
    /// There is no such session.
    SessionNotFound,
    /// No configured chain and token settle the order.
    UnsupportedRoute,
    /// The order does not pay the session's price.
    OrderTermsMismatch,
    /// The order needs an onramp provider.
    OnrampNotConfigured,
    /// The onramp vendor refuses the payment.
    OnrampRefused,
    /// A payment link was opened by something other than a person's navigation.
    NavigationRequired,
    /// A webhook header is absent.
    SignatureMissing,
    /// No signature matches.
    SignatureInvalid,
    /// The signature is more than five minutes off.
    SignatureExpired,
    /// The call needs an API key.
    KeyMissing,
    /// The API key is malformed or unknown.
    KeyInvalid,
    /// The API key has expired.
    KeyExpired,
    /// The API key was revoked.
    KeyRevoked,
    /// The API key can only read.
    InsufficientPermissions,
    /// There is no such order.
    ResourceNotFound,
    /// The session has its one order.
    SessionAlreadyHasOrder,
    /// The idempotency key was used for another request.
    IdempotencyConflict,
    /// The body is too large.
    PayloadTooLarge,
    /// A payment link was opened too often.
    RateLimitExceeded,
    /// The database is busy or out of reach.
    TemporarilyUnavailable,
    /// The onramp vendor does not respond.
    OnrampUnavailable,
    /// A fault of the service.
    InternalError,
}

impl ErrorCode {
    /// Every code.
    pub const ALL: [Self; 27] = [
        Self::MissingRequiredField,
        Self::InvalidFieldValue,
        Self::InvalidAddress,
        Self::InvalidJson,
        Self::InvalidStatusTransition,
        Self::SessionNotFound,
        Self::UnsupportedRoute,
        Self::OrderTermsMismatch,
        Self::OnrampNotConfigured,
        Self::OnrampRefused,
        Self::NavigationRequired,
        Self::SignatureMissing,
        Self::SignatureInvalid,
        Self::SignatureExpired,
        Self::KeyMissing,
        Self::KeyInvalid,
        Self::KeyExpired,
        Self::KeyRevoked,
        Self::InsufficientPermissions,
        Self::ResourceNotFound,
        Self::SessionAlreadyHasOrder,
        Self::IdempotencyConflict,
        Self::PayloadTooLarge,
        Self::RateLimitExceeded,
        Self::TemporarilyUnavailable,
        Self::OnrampUnavailable,
        Self::InternalError,
    ];

    /// Returns HTTP status, type and code (docs/api.md, *Responses*).
    pub const fn row(self) -> (StatusCode, &'static str, &'static str) {
        const INVALID_REQUEST: &str = "invalid_request_error";
        const AUTHENTICATION: &str = "authentication_error";
        const API: &str = "api_error";
        match self {
            Self::MissingRequiredField => {
                (StatusCode::BAD_REQUEST, INVALID_REQUEST, "missing_required_field")
            }
            Self::InvalidFieldValue => (StatusCode::BAD_REQUEST, INVALID_REQUEST, "invalid_field_value"),
            Self::InvalidAddress => (StatusCode::BAD_REQUEST, INVALID_REQUEST, "invalid_address"),
            Self::InvalidJson => (StatusCode::BAD_REQUEST, INVALID_REQUEST, "invalid_json"),
            Self::InvalidStatusTransition => {
                (StatusCode::BAD_REQUEST, INVALID_REQUEST, "invalid_status_transition")
            }
            Self::SessionNotFound => (StatusCode::BAD_REQUEST, INVALID_REQUEST, "session_not_found"),
            Self::UnsupportedRoute => (StatusCode::BAD_REQUEST, INVALID_REQUEST, "unsupported_route"),
            Self::OrderTermsMismatch => (StatusCode::BAD_REQUEST, INVALID_REQUEST, "order_terms_mismatch"),
            Self::OnrampNotConfigured => (StatusCode::BAD_REQUEST, INVALID_REQUEST, "onramp_not_configured"),
            Self::OnrampRefused => (StatusCode::BAD_REQUEST, INVALID_REQUEST, "onramp_refused"),
            Self::NavigationRequired => (StatusCode::BAD_REQUEST, INVALID_REQUEST, "navigation_required"),
            Self::SignatureMissing => (StatusCode::UNAUTHORIZED, AUTHENTICATION, "signature_missing"),
            Self::SignatureInvalid => (StatusCode::UNAUTHORIZED, AUTHENTICATION, "signature_invalid"),
            Self::SignatureExpired => (StatusCode::UNAUTHORIZED, AUTHENTICATION, "signature_expired"),
            Self::KeyMissing => (StatusCode::UNAUTHORIZED, AUTHENTICATION, "key_missing"),
            Self::KeyInvalid => (StatusCode::UNAUTHORIZED, AUTHENTICATION, "key_invalid"),
            Self::KeyExpired => (StatusCode::UNAUTHORIZED, AUTHENTICATION, "key_expired"),
            Self::KeyRevoked => (StatusCode::UNAUTHORIZED, AUTHENTICATION, "key_revoked"),
            Self::InsufficientPermissions => {
                (StatusCode::FORBIDDEN, "permission_error", "insufficient_permissions")
            }
            Self::ResourceNotFound => (StatusCode::NOT_FOUND, "not_found_error", "resource_not_found"),
            Self::SessionAlreadyHasOrder => {
                (StatusCode::CONFLICT, INVALID_REQUEST, "session_already_has_order")
            }
            Self::IdempotencyConflict => (StatusCode::CONFLICT, "idempotency_error", "idempotency_conflict"),
            Self::PayloadTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, INVALID_REQUEST, "payload_too_large"),
            Self::RateLimitExceeded => {
                (StatusCode::TOO_MANY_REQUESTS, "rate_limit_error", "rate_limit_exceeded")
            }
            Self::OnrampUnavailable => (StatusCode::SERVICE_UNAVAILABLE, API, "onramp_unavailable"),
            Self::TemporarilyUnavailable => (StatusCode::SERVICE_UNAVAILABLE, API, "temporarily_unavailable"),
            Self::InternalError => (StatusCode::INTERNAL_SERVER_ERROR, API, "internal_error"),
        }
    }
}

/// An error response: what the caller reads, and what only the log shows.
#[derive(Debug)]
pub struct ApiError {
    pub(super) code: ErrorCode,
    message: String,
    param: Option<Cow<'static, str>>,
    order_id: Option<OrderId>,
    pub(super) cause: Option<String>,
}

impl ApiError {
    /// Creates an error with a sentence for the caller.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), param: None, order_id: None, cause: None }
    }

    /// Names the field that the error is about.
    #[must_use]
    pub fn about(self, param: impl Into<Cow<'static, str>>) -> Self {
        Self { param: Some(param.into()), ..self }
    }

    /// Creates the error for a fault of the service. The caller does not see `cause`; the log does.
    pub fn internal(cause: impl Into<String>) -> Self {
        Self {
            cause: Some(cause.into()),
            ..Self::new(ErrorCode::InternalError, "Something went wrong on our side")
        }
    }

    /// A field that breaks its rule.
    pub fn invalid(code: ErrorCode, param: impl Into<Cow<'static, str>>, invalid: &Invalid) -> Self {
        let param = param.into();
        Self::new(code, format!("{param} must be {}", invalid.requirement())).about(param)
    }

    /// No session has that id, or the text is no id.
    pub fn session_not_found(param: &'static str) -> Self {
        Self::new(ErrorCode::SessionNotFound, "Checkout session not found").about(param)
    }

    /// No order has that id, or the text is no id.
    pub fn order_not_found() -> Self {
        Self::new(ErrorCode::ResourceNotFound, "Order not found").about("orderId")
    }

    /// The session's status does not allow it.
    pub fn not_open(status: SessionStatus, param: &'static str) -> Self {
        let status = match status {
            // By the slowest clock; another may have passed the deadline.
            SessionStatus::Open => "about to expire",
            SessionStatus::Processing => "processing, not open",
            SessionStatus::Complete => "complete, not open",
            SessionStatus::Expired => "expired, not open",
        };
        Self::new(ErrorCode::InvalidStatusTransition, format!("Checkout session is {status}")).about(param)
    }

    /// The session cannot be called off, because its payment is on its way to finality.
    pub fn payment_pending(param: &'static str) -> Self {
        let message =
            "Checkout session is being paid: deposits that cover its order are seen, but not final yet";
        Self::new(ErrorCode::InvalidStatusTransition, message).about(param)
    }

    /// The session has its one order.
    pub fn already_has_order(order: OrderId) -> Self {
        Self {
            order_id: Some(order),
            ..Self::new(ErrorCode::SessionAlreadyHasOrder, "Checkout session already has an order")
                .about("checkoutSessionId")
        }
    }

    /// The order does not pay the session's price.
    pub fn terms_mismatch(param: &'static str) -> Self {
        let message = format!("{param} does not agree with the price of the checkout session");
        Self::new(ErrorCode::OrderTermsMismatch, message).about(param)
    }

    /// The idempotency key was used for another request.
    pub fn key_reused() -> Self {
        Self::new(ErrorCode::IdempotencyConflict, "This Idempotency-Key was used for another request")
            .about("Idempotency-Key")
    }

    /// Returns the HTTP status.
    pub const fn status(&self) -> StatusCode {
        self.code.row().0
    }

    /// Returns the body of an error, for both client conventions (docs/api.md, *Responses*).
    pub fn to_json(&self) -> String {
        let (status, kind, code) = self.code.row();
        let envelope = Envelope {
            success: false,
            message: &self.message,
            status_code: status.as_u16(),
            error: ErrorBody {
                kind,
                code,
                message: &self.message,
                param: self.param.as_deref(),
                order_id: self.order_id,
            },
        };
        serde_json::to_string(&envelope).unwrap_or_default()
    }
}

impl From<DependencyError> for ApiError {
    fn from(error: DependencyError) -> Self {
        match error {
            DependencyError::Unavailable(cause) | DependencyError::Contended(cause) => Self {
                cause: Some(cause),
                ..Self::new(ErrorCode::TemporarilyUnavailable, "The service is busy; try again shortly")
            },
            DependencyError::Broken(cause) => Self::internal(cause),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    success: bool,
    message: &'a str,
    status_code: u16,
    error: ErrorBody<'a>,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    code: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    param: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<OrderId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of docs/api.md, *Responses*, written out: a row that changes must change here too.
    #[test]
    fn every_code_has_its_pinned_row() {
        let rows: Vec<String> = ErrorCode::ALL
            .into_iter()
            .map(|code| {
                let (status, kind, code) = code.row();
                format!("{} {kind} {code}", status.as_u16())
            })
            .collect();
        assert_eq!(
            rows,
            [
                "400 invalid_request_error missing_required_field",
                "400 invalid_request_error invalid_field_value",
                "400 invalid_request_error invalid_address",
                "400 invalid_request_error invalid_json",
                "400 invalid_request_error invalid_status_transition",
                "400 invalid_request_error session_not_found",
                "400 invalid_request_error unsupported_route",
                "400 invalid_request_error order_terms_mismatch",
                "400 invalid_request_error onramp_not_configured",
                "400 invalid_request_error onramp_refused",
                "400 invalid_request_error navigation_required",
                "401 authentication_error signature_missing",
                "401 authentication_error signature_invalid",
                "401 authentication_error signature_expired",
                "401 authentication_error key_missing",
                "401 authentication_error key_invalid",
                "401 authentication_error key_expired",
                "401 authentication_error key_revoked",
                "403 permission_error insufficient_permissions",
                "404 not_found_error resource_not_found",
                "409 invalid_request_error session_already_has_order",
                "409 idempotency_error idempotency_conflict",
                "413 invalid_request_error payload_too_large",
                "429 rate_limit_error rate_limit_exceeded",
                "503 api_error temporarily_unavailable",
                "503 api_error onramp_unavailable",
                "500 api_error internal_error",
            ]
        );
    }

    #[test]
    fn the_cause_stays_inside() {
        let failure = ApiError::from(DependencyError::Broken("table secret-table".to_owned()));
        assert!(!failure.to_json().contains("secret-table"));
        assert!(failure.cause.unwrap().contains("secret-table"));
    }
}

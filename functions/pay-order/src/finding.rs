//! What a visitor of a payment link finds, and how it is told.

use api::ErrorCode;
use domain::time::Timestamp;
use lambda_http::http::StatusCode;
use url::Url;

/// What a page shows of a payment.
#[derive(Debug)]
pub(crate) struct Payment {
    /// What the vendor calls itself.
    pub(crate) vendor: &'static str,
    /// Whether a card is charged. Otherwise the vendor sells crypto, and has to know the payer.
    pub(crate) is_card: bool,
    /// What is to be paid, in decimals.
    pub(crate) due: Option<String>,
    pub(crate) symbol: String,
    pub(crate) chain: String,
    pub(crate) address: String,
    pub(crate) deadline: Timestamp,
    /// The shop.
    pub(crate) back: Option<String>,
}

/// What a visitor finds.
#[derive(Debug)]
pub(crate) enum Finding {
    /// The vendor's page.
    Sold(Url),
    /// A button that leads there.
    Offered(Payment),
    /// Without a payment: the vendor is not set up any more.
    Confirming(Option<Payment>),
    Complete(Option<Payment>),
    Expired(Option<Payment>),
    TooLate(Payment),
    NotFound,
    Prefetched,
    NotANavigation,
    TooOften(Payment),
    Refused(Payment),
    Unavailable(Payment),
    /// The vendor is not set up as it should be, or not at all.
    NotSetUp(Option<Payment>),
    Busy,
    Broken,
}

/// How something is told.
pub(crate) struct Telling {
    pub(crate) status: StatusCode,
    /// The code for a client that reads JSON.
    pub(crate) code: ErrorCode,
    /// The keys of title and text.
    pub(crate) title: &'static str,
    pub(crate) text: &'static str,
    /// After how many seconds another try makes sense.
    pub(crate) retry_after: Option<u16>,
}

impl Finding {
    /// Returns how it is told; `None` if the visitor is redirected.
    pub(crate) fn telling(&self) -> Option<Telling> {
        let (status, code, title, text, retry_after) = match self {
            Self::Sold(_) => return None,
            Self::Offered(payment) => {
                let text = if payment.is_card { "card_text" } else { "buy_text" };
                (StatusCode::OK, ErrorCode::NavigationRequired, "pay", text, None)
            }
            Self::Confirming(_) => {
                (StatusCode::OK, ErrorCode::InvalidStatusTransition, "processing", "confirming_text", None)
            }
            Self::Complete(_) => {
                (StatusCode::OK, ErrorCode::InvalidStatusTransition, "complete", "complete_text", None)
            }
            Self::Expired(_) => {
                (StatusCode::GONE, ErrorCode::InvalidStatusTransition, "expired", "ended_text", None)
            }
            Self::TooLate(_) => {
                (StatusCode::CONFLICT, ErrorCode::InvalidStatusTransition, "too_late", "too_late_text", None)
            }
            Self::NotFound => {
                (StatusCode::NOT_FOUND, ErrorCode::ResourceNotFound, "link_not_found", "not_found_text", None)
            }
            Self::NotANavigation => (
                StatusCode::BAD_REQUEST,
                ErrorCode::NavigationRequired,
                "navigation_required",
                "navigation_required_text",
                None,
            ),
            Self::TooOften(_) => (
                StatusCode::TOO_MANY_REQUESTS,
                ErrorCode::RateLimitExceeded,
                "too_often",
                "too_often_text",
                Some(3_600),
            ),
            Self::Refused(_) => {
                (StatusCode::BAD_REQUEST, ErrorCode::OnrampRefused, "vendor_refused", "vendor_text", None)
            }
            Self::NotSetUp(None) => {
                (StatusCode::BAD_REQUEST, ErrorCode::OnrampRefused, "not_offered", "ended_text", None)
            }
            Self::NotSetUp(Some(_)) => {
                (StatusCode::BAD_REQUEST, ErrorCode::OnrampRefused, "vendor_unavailable", "vendor_text", None)
            }
            Self::Unavailable(_) => (
                StatusCode::SERVICE_UNAVAILABLE,
                ErrorCode::OnrampUnavailable,
                "vendor_unavailable",
                "vendor_text",
                Some(10),
            ),
            Self::Prefetched | Self::Busy => (
                StatusCode::SERVICE_UNAVAILABLE,
                ErrorCode::TemporarilyUnavailable,
                "busy",
                "busy_text",
                Some(1),
            ),
            Self::Broken => {
                (StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::InternalError, "busy", "busy_text", None)
            }
        };
        Some(Telling { status, code, title, text, retry_after })
    }

    /// The payment, if there is one.
    pub(crate) fn payment(&self) -> Option<&Payment> {
        match self {
            Self::Offered(payment)
            | Self::TooLate(payment)
            | Self::TooOften(payment)
            | Self::Refused(payment)
            | Self::Unavailable(payment) => Some(payment),
            Self::Confirming(payment)
            | Self::Complete(payment)
            | Self::Expired(payment)
            | Self::NotSetUp(payment) => payment.as_ref(),
            Self::Sold(_)
            | Self::NotFound
            | Self::Prefetched
            | Self::NotANavigation
            | Self::Busy
            | Self::Broken => None,
        }
    }
}

//! Sessions on the wire.

use domain::api_key::Caller;
use domain::id::{OrderId, SessionId};
use domain::lifecycle::Checkout;
use domain::redirect::RedirectUrl;
use domain::session::{CheckoutSession, SessionStatus};
use domain::time::Timestamp;
use serde::Serialize;

use super::{Iso8601, OrderRecordView, Verbatim};

/// What `POST /checkout-sessions` answers: the session as it was made, templates unresolved.
#[derive(Debug, Serialize)]
pub struct CreatedSessionView<'a> {
    id: SessionId,
    status: SessionStatus,
    success_url: Option<&'a str>,
    cancel_url: Option<&'a str>,
    metadata: Verbatim<'a>,
    expires_at: Iso8601,
    created_at: Iso8601,
}

impl<'a> CreatedSessionView<'a> {
    /// Shows a checkout's session as it was made, whatever happened since; `None` where the
    /// checkout has none.
    pub fn new(checkout: &'a Checkout) -> Option<Self> {
        let CheckoutSession { id, terms, created_at, .. } = checkout.session.as_ref()?;
        Some(Self {
            id: *id,
            status: SessionStatus::Open,
            success_url: terms.success_url.as_ref().map(RedirectUrl::as_str),
            cancel_url: terms.cancel_url.as_ref().map(RedirectUrl::as_str),
            metadata: Verbatim::from(&terms.metadata),
            expires_at: Iso8601(checkout.deadline),
            created_at: Iso8601(*created_at),
        })
    }
}

/// What `GET /checkout-sessions/{sessionId}` and the expire call answer.
#[derive(Debug, Serialize)]
pub struct SessionView<'a> {
    id: SessionId,
    status: SessionStatus,
    success_url: Option<String>,
    cancel_url: Option<String>,
    metadata: Verbatim<'a>,
    order_id: Option<OrderId>,
    client_reference_id: Option<&'a str>,
    expires_at: Iso8601,
    created_at: Iso8601,
    /// Shown to the keys of the session's merchant alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    private_metadata: Option<Verbatim<'a>>,
}

impl<'a> SessionView<'a> {
    /// Shows a checkout's session as it stands to this caller; `None` if the checkout has none.
    pub fn new(checkout: &'a Checkout, caller: &Caller, now: Timestamp) -> Option<Self> {
        let CheckoutSession { id, terms, merchant, created_at } = checkout.session.as_ref()?;
        let resolve = |url: &RedirectUrl| url.resolve(*id);
        Some(Self {
            id: *id,
            status: checkout.session_status(now),
            success_url: terms.success_url.as_ref().map(resolve),
            cancel_url: terms.cancel_url.as_ref().map(resolve),
            metadata: Verbatim::from(&terms.metadata),
            order_id: checkout.order.as_ref().map(|order| order.id),
            client_reference_id: terms.client_reference_id.as_ref().map(domain::text::Text::as_str),
            expires_at: Iso8601(checkout.deadline),
            created_at: Iso8601(*created_at),
            private_metadata: merchant
                .as_ref()
                .filter(|merchant| caller.is_merchant(Some(&merchant.name)))
                .and_then(|merchant| merchant.private_metadata.as_ref())
                .map(Verbatim::from),
        })
    }
}

/// What `GET /checkout-sessions/{sessionId}?include=order` answers.
#[derive(Debug, Serialize)]
pub struct SessionWithOrderView<'a> {
    /// The session.
    #[serde(flatten)]
    pub session: SessionView<'a>,
    /// What `GET /orders/{orderId}` answers for its order.
    pub order: Option<OrderRecordView<'a>>,
}

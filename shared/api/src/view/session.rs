//! Sessions on the wire.

use domain::address::EvmAddress;
use domain::amount::Amount;
use domain::api_key::Caller;
use domain::display::Display;
use domain::id::{OrderId, SessionId};
use domain::lifecycle::Checkout;
use domain::order::ChainId;
use domain::pricing::{Offer, PriceMode, Pricing};
use domain::redirect::RedirectUrl;
use domain::session::{CheckoutSession, SessionStatus};
use domain::time::Timestamp;
use serde::Serialize;

use super::{Iso8601, OrderRecordView, Verbatim};

/// The caller that a session is shown to, and the URL by which the service was called.
#[derive(Debug, Clone)]
pub struct Viewer {
    /// Who calls.
    pub caller: Caller,
    /// The service's URL, as [`Request::base_url`](crate::Request::base_url) returns it.
    pub base_url: String,
}

/// What only a priced session shows.
#[derive(Debug, Serialize)]
struct PricedView<'a> {
    pricing: PricingView<'a>,
    display: Option<&'a Display>,
    /// The checkout page.
    url: String,
}

impl<'a> PricedView<'a> {
    fn new(session: &'a CheckoutSession, viewer: &Viewer) -> Option<Self> {
        let pricing = session.pricing()?;
        let display = session.merchant.as_ref()?.display.as_ref();
        let language = display.and_then(Display::page_language);
        let query = language.map(|language| format!("?lang={language}")).unwrap_or_default();
        let url = format!("{}/checkout/{}{query}", viewer.base_url, session.id);
        Some(Self { pricing: PricingView::new(pricing), display, url })
    }
}

/// `pricing`, the short form expanded.
#[derive(Debug, Serialize)]
struct PricingView<'a> {
    mode: PriceMode,
    accepts: Vec<OfferView<'a>>,
}

#[derive(Debug, Serialize)]
struct OfferView<'a> {
    chain_id: ChainId,
    token_address: &'a EvmAddress,
    recipient_address: &'a EvmAddress,
    amount: Amount,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_amount: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    suggested_amount: Option<Amount>,
}

impl<'a> PricingView<'a> {
    fn new(pricing: &'a Pricing) -> Self {
        // An exact price has one amount. In the other modes, the absence of a highest one means that there is none.
        let is_said = |most: &Amount| pricing.mode != PriceMode::Exact && *most != Amount::MAX;
        let offer = |offer: &'a Offer| OfferView {
            chain_id: offer.chain,
            token_address: &offer.token,
            recipient_address: &offer.recipient,
            amount: offer.least,
            max_amount: Some(offer.most).filter(is_said),
            suggested_amount: offer.suggested,
        };
        Self { mode: pricing.mode, accepts: pricing.offers.iter().map(offer).collect() }
    }
}

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
    #[serde(flatten)]
    priced: Option<PricedView<'a>>,
}

impl<'a> CreatedSessionView<'a> {
    /// Shows a checkout's session as it was made, whatever happened since; `None` if the
    /// checkout has none.
    pub fn new(checkout: &'a Checkout, viewer: &Viewer) -> Option<Self> {
        let session = checkout.session.as_ref()?;
        let CheckoutSession { id, terms, created_at, .. } = session;
        Some(Self {
            id: *id,
            status: SessionStatus::Open,
            success_url: terms.success_url.as_ref().map(RedirectUrl::as_str),
            cancel_url: terms.cancel_url.as_ref().map(RedirectUrl::as_str),
            metadata: Verbatim::from(&terms.metadata),
            expires_at: Iso8601(checkout.deadline),
            created_at: Iso8601(*created_at),
            priced: PricedView::new(session, viewer),
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
    #[serde(flatten)]
    priced: Option<PricedView<'a>>,
    /// Shown to the keys of the session's merchant alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    private_metadata: Option<Verbatim<'a>>,
}

impl<'a> SessionView<'a> {
    /// Shows a checkout's session as it stands to this caller; `None` if the checkout has none.
    pub fn new(checkout: &'a Checkout, viewer: &Viewer, now: Timestamp) -> Option<Self> {
        let session = checkout.session.as_ref()?;
        let CheckoutSession { id, terms, merchant, created_at } = session;
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
            priced: PricedView::new(session, viewer),
            private_metadata: merchant
                .as_ref()
                .filter(|merchant| viewer.caller.is_merchant(Some(&merchant.name)))
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

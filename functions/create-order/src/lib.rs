//! `POST /orders`: a payer chooses how to pay. The order stands alone, or takes the one place
//! that its session has.

mod request;
mod terms;

use api::view::OrderView;
use api::{ApiError, Endpoint, Fields, Request, Response};
use domain::chain_config::Chains;
use domain::deposit_address::ForwarderFactory;
use domain::id::{OrderId, SessionId};
use domain::idempotency_key::IdempotencyKey;
use domain::lifecycle::Checkout;
use domain::onramps::Onramps;
use domain::order::{Order, OrderTerms};
use domain::pricing::ChoiceRefusal;
use domain::retention::Retention;
use domain::session::{CheckoutSession, SessionStatus};
use runtime::{Clock, config};
use store::{Creation, KeyRing, Linking, Store};

use crate::request::Accepted;

/// The settings that the function reads.
pub const SETTINGS: &[&str] = &[
    config::CHAINS,
    config::FORWARDER_FACTORY,
    config::ONRAMPS,
    config::REQUIRE_API_KEY,
    config::SESSION_RETENTION_DAYS,
    config::TABLE_NAME,
    config::PUBLIC_URL,
];

/// The operation, with what it stands on.
#[derive(Debug)]
pub struct CreateOrder {
    /// Where orders are kept.
    pub store: Store,
    /// The API keys.
    pub keys: KeyRing,
    /// Whether an order that belongs to no session needs a key.
    pub requires_key: bool,
    /// When they begin.
    pub clock: Clock,
    /// What places their deposit addresses.
    pub factory: ForwarderFactory,
    /// Where their deposits are looked for.
    pub chains: Chains,
    /// The vendors from whom a payer may buy what an order asks for.
    pub onramps: Onramps,
    /// How long an order on its own is kept after its deadline, if it is never paid.
    pub retention: Retention,
    /// The service's URL, if it is not API Gateway's.
    pub public_url: Option<String>,
}

impl Endpoint for CreateOrder {
    async fn handle(&self, request: &Request) -> Result<Response, ApiError> {
        let admission = self.keys.admit(&request.credential()).await??;
        let merchant = admission.caller.may_write()?.cloned();
        let key = request.idempotency_key("POST /orders", &admission.caller)?;
        let (key, fields) = (key.as_ref(), Fields::of(request)?);
        let offering = match self.offering_session(&fields).await? {
            Ok(offering) => offering,
            Err(refusal) => return Err(self.unless_reused(key, refusal).await?),
        };
        let accepted = match offering.as_ref().map(|session| self.accepted(session, &fields)).transpose() {
            Ok(accepted) => accepted.flatten(),
            Err(refusal) => return Err(self.unless_reused(key, refusal).await?),
        };
        let terms = request::order_terms(&fields, accepted.as_ref())?;
        let session = request::session(&fields)?;
        if self.requires_key && session.is_none() && merchant.is_none() {
            return Err(ApiError::key_missing("An order that belongs to no session"));
        }
        let is_watched = match terms::check(&terms, &self.chains, &self.onramps, &self.factory) {
            Ok(is_watched) => is_watched,
            Err(refusal) => {
                let explained = self.explained(refusal, session, &terms).await?;
                return Err(self.unless_reused(key, explained).await?);
            }
        };
        let terms = terms::with_charge(terms, &self.chains, &self.onramps);
        let order = |id: OrderId| Order {
            id,
            deposit_address: self.factory.deposit_address(id, &terms.recipient),
            terms: terms.clone(),
            factory: self.factory.kept_with_order(),
            is_watched,
            // An order of a session is whose the session is.
            merchant: merchant.clone().filter(|_| session.is_none()),
            created_at: self.clock.now(),
        };
        let base_url = request.base_url(self.public_url.as_deref());
        match session {
            None => admission.beside(self.alone(order(runtime::random::order_id()), key, &base_url)).await,
            Some(session) => {
                admission.beside(self.linked(order(session.order()), session, key, &base_url)).await
            }
        }
    }
}

impl CreateOrder {
    /// Returns the session of an order that leaves out what a price can fill; `None` if the order is whole, or belongs to
    /// no session. The inner error is a refusal by what is stored.
    async fn offering_session(
        &self,
        fields: &Fields<'_>,
    ) -> Result<Result<Option<Checkout>, ApiError>, ApiError> {
        if !request::is_partial(fields) {
            return Ok(Ok(None));
        }
        let Some(session) = request::session(fields)? else {
            return Ok(Ok(None));
        };
        let found = self.store.read_checkout(session.order()).await?;
        let session = found.filter(|checkout| checkout.session.is_some());
        Ok(session.map(Some).ok_or_else(|| ApiError::session_not_found(request::SESSION)))
    }

    /// Returns the offer that an order accepts; `None` if its session has no price.
    fn accepted<'a>(
        &self,
        checkout: &'a Checkout,
        fields: &Fields<'_>,
    ) -> Result<Option<Accepted<'a>>, ApiError> {
        let Some(pricing) = checkout.session.as_ref().and_then(CheckoutSession::pricing) else {
            return Ok(None);
        };
        match pricing.choose(&request::choice(fields)?) {
            Ok((offer, amount)) => Ok(Some(Accepted { offer, amount })),
            Err(refusal) => Err(self.not_linkable(checkout).unwrap_or_else(|| match refusal {
                ChoiceRefusal::Mismatch(field) => ApiError::terms_mismatch(field),
                ChoiceRefusal::Missing(field) => fields.missing(field),
            })),
        }
    }

    /// Says why an order cannot be settled in terms of its session's price, if the session has one. A payer of a priced
    /// session learns what differs from the price, not what the service could settle.
    async fn explained(
        &self,
        refusal: ApiError,
        session: Option<SessionId>,
        terms: &OrderTerms,
    ) -> Result<ApiError, ApiError> {
        let Some(session) = session else {
            return Ok(refusal);
        };
        let checkout = self.store.read_checkout(session.order()).await?;
        let mismatch = checkout.as_ref().and_then(|checkout| Some((checkout, checkout.mismatch(terms)?)));
        Ok(match mismatch {
            Some((checkout, field)) => {
                self.not_linkable(checkout).unwrap_or_else(|| ApiError::terms_mismatch(field))
            }
            None => refusal,
        })
    }

    /// Returns why no order at all can link to a session. The write that links decides; this only explains a refusal in
    /// the order of docs/api.md, *Link rules*.
    fn not_linkable(&self, checkout: &Checkout) -> Option<ApiError> {
        match (checkout.session_status(self.clock.now()), &checkout.order) {
            (SessionStatus::Open, None) => None,
            (SessionStatus::Open, Some(order)) => Some(ApiError::already_has_order(order.id)),
            (status, _) => Some(ApiError::not_open(status, request::SESSION)),
        }
    }

    /// Returns a refusal that came before any write, unless the request's key was used for another request: that is said
    /// first, as the write itself would.
    async fn unless_reused(
        &self,
        key: Option<&IdempotencyKey>,
        refusal: ApiError,
    ) -> Result<ApiError, ApiError> {
        let Some(key) = key else {
            return Ok(refusal);
        };
        let is_reused = self.store.is_reused(key, self.clock.now()).await?;
        Ok(if is_reused { ApiError::key_reused() } else { refusal })
    }

    async fn alone(
        &self,
        order: Order,
        key: Option<&IdempotencyKey>,
        base_url: &str,
    ) -> Result<Response, ApiError> {
        match self.store.create_order(order, self.retention, key).await? {
            Creation::Created(checkout) => response(&checkout, base_url),
            Creation::Replayed(checkout) => Ok(response(&checkout, base_url)?.replayed()),
            Creation::KeyReused => Err(ApiError::key_reused()),
        }
    }

    async fn linked(
        &self,
        order: Order,
        session: SessionId,
        key: Option<&IdempotencyKey>,
        base_url: &str,
    ) -> Result<Response, ApiError> {
        match self.store.link_order(session, &order, || self.clock.now(), key).await? {
            Linking::Linked(checkout) => response(&checkout, base_url),
            Linking::Replayed(checkout) => Ok(response(&checkout, base_url)?.replayed()),
            Linking::KeyReused => Err(ApiError::key_reused()),
            Linking::NoSession => Err(ApiError::session_not_found(request::SESSION)),
            Linking::NotOpen(status) => Err(ApiError::not_open(status, request::SESSION)),
            Linking::AlreadyLinked(order) => Err(ApiError::already_has_order(order)),
            Linking::TermsMismatch(field) => Err(ApiError::terms_mismatch(field)),
        }
    }
}

fn response(checkout: &Checkout, base_url: &str) -> Result<Response, ApiError> {
    let view = OrderView::created(checkout, base_url)
        .ok_or_else(|| ApiError::internal("an order was made that is not there"))?;
    Response::new("Created order successfully", &view)
}

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
use domain::order::Order;
use domain::retention::Retention;
use runtime::{Clock, config};
use store::{Creation, KeyRing, Linking, Store};

/// The settings that the function reads.
pub const SETTINGS: &[&str] = &[
    config::CHAINS,
    config::FORWARDER_FACTORY,
    config::REQUIRE_API_KEY,
    config::SESSION_RETENTION_DAYS,
    config::TABLE_NAME,
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
    /// How long an order on its own is kept after its deadline, if it is never paid.
    pub retention: Retention,
}

impl Endpoint for CreateOrder {
    async fn handle(&self, request: &Request) -> Result<Response, ApiError> {
        let admission = self.keys.admit(&request.credential()).await??;
        let merchant = admission.caller.may_write()?.cloned();
        let key = request.idempotency_key("POST /orders", &admission.caller)?;
        let fields = Fields::of(request)?;
        let terms = request::order_terms(&fields)?;
        let session = request::session(&fields)?;
        if self.requires_key && session.is_none() && merchant.is_none() {
            return Err(ApiError::key_missing("An order that belongs to no session"));
        }
        let is_watched = terms::check(&terms, &self.chains, &self.factory)?;
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
        let key = key.as_ref();
        match session {
            None => admission.beside(self.alone(order(runtime::random::order_id()), key)).await,
            Some(session) => admission.beside(self.linked(order(session.order()), session, key)).await,
        }
    }
}

impl CreateOrder {
    async fn alone(&self, order: Order, key: Option<&IdempotencyKey>) -> Result<Response, ApiError> {
        match self.store.create_order(order, self.retention, key).await? {
            Creation::Created(checkout) => response(&checkout),
            Creation::Replayed(checkout) => Ok(response(&checkout)?.replayed()),
            Creation::KeyReused => Err(ApiError::key_reused()),
        }
    }

    async fn linked(
        &self,
        order: Order,
        session: SessionId,
        key: Option<&IdempotencyKey>,
    ) -> Result<Response, ApiError> {
        match self.store.link_order(session, &order, || self.clock.now(), key).await? {
            Linking::Linked(checkout) => response(&checkout),
            Linking::Replayed(checkout) => Ok(response(&checkout)?.replayed()),
            Linking::KeyReused => Err(ApiError::key_reused()),
            Linking::NoSession => Err(ApiError::session_not_found(request::SESSION)),
            Linking::NotOpen(status) => Err(ApiError::not_open(status, request::SESSION)),
            Linking::AlreadyLinked(order) => Err(ApiError::already_has_order(order)),
        }
    }
}

fn response(checkout: &Checkout) -> Result<Response, ApiError> {
    let view = OrderView::created(checkout)
        .ok_or_else(|| ApiError::internal("an order was made that is not there"))?;
    Response::new("Created order successfully", &view)
}

//! `POST /orders`: a payer chooses how to pay. The order stands alone, or takes the one place
//! that its session has.

mod request;

use checkout::api::view::OrderView;
use checkout::api::{Answer, Clock, Endpoint, ErrorCode, Failure, Fields, Request};
use checkout::chain_config::{Chains, Inadmissible};
use checkout::checkout::Checkout;
use checkout::config::Retention;
use checkout::deposit_address::ForwarderFactory;
use checkout::id::{OrderId, SessionId};
use checkout::onramp::Onramp;
use checkout::order::{Order, OrderTerms};
use checkout::store::{Creation, IdempotencyKey, Linking, Store};

/// The operation, with what it stands on.
#[derive(Debug)]
pub struct CreateOrder {
    /// Where orders are kept.
    pub store: Store,
    /// When they begin.
    pub clock: Clock,
    /// What places their deposit addresses.
    pub factory: ForwarderFactory,
    /// Where their deposits are looked for.
    pub chains: Chains,
    /// How long an order on its own that was never paid is kept after its deadline.
    pub retention: Retention,
}

impl Endpoint for CreateOrder {
    async fn handle(&self, request: &Request) -> Result<Answer, Failure> {
        let key = request.idempotency_key("POST /orders")?;
        let fields = Fields::of(request)?;
        let terms = request::order_terms(&fields)?;
        let session = request::session(&fields)?;
        settle_here(&terms)?;
        let is_watched = self.is_watched(&terms)?;
        let order = |id: OrderId| Order {
            id,
            deposit_address: self.factory.deposit_address(id, &terms.recipient),
            terms: terms.clone(),
            factory: self.factory.kept_with_order(),
            is_watched,
            created_at: self.clock.now(),
        };
        match session {
            None => self.alone(order(OrderId::random()), key.as_ref()).await,
            Some(session) => self.linked(order(session.order()), session, key.as_ref()).await,
        }
    }
}

impl CreateOrder {
    async fn alone(&self, order: Order, key: Option<&IdempotencyKey>) -> Result<Answer, Failure> {
        match self.store.create_order(order, key).await? {
            Creation::Created(checkout) => answer(&checkout),
            Creation::Replayed(checkout) => Ok(answer(&checkout)?.replayed()),
            Creation::KeyReused => Err(Failure::key_reused()),
        }
    }

    async fn linked(
        &self,
        order: Order,
        session: SessionId,
        key: Option<&IdempotencyKey>,
    ) -> Result<Answer, Failure> {
        match self.store.link_order(session, &order, || self.clock.now(), key).await? {
            Linking::Linked(checkout) => answer(&checkout),
            Linking::Replayed(checkout) => Ok(answer(&checkout)?.replayed()),
            Linking::KeyReused => Err(Failure::key_reused()),
            Linking::NoSession => Err(Failure::session_not_found(request::SESSION)),
            Linking::NotOpen(status) => Err(Failure::not_open(status, request::SESSION)),
            Linking::AlreadyLinked(order) => Err(Failure::already_has_order(order)),
        }
    }

    /// Whether the order's deposits are looked for on its chain. Refuses what could be paid but never seen.
    fn is_watched(&self, terms: &OrderTerms) -> Result<bool, Failure> {
        self.chains.admit(terms, &self.factory).map_err(|Inadmissible { field, allowed }| {
            Failure::invalid(ErrorCode::InvalidFieldValue, field.to_owned(), &allowed)
        })
    }
}

/// Refuses what would need a provider that this service does not have.
fn settle_here(terms: &OrderTerms) -> Result<(), Failure> {
    if !terms.is_settled_here() {
        let differs = if terms.src_chain == terms.dst_chain { "dstTokenAddress" } else { "dstChain" };
        return Err(Failure::new(
            ErrorCode::UnsupportedRoute,
            "Only orders whose source and destination are the same token on the same chain are settled here",
        )
        .about(differs));
    }
    if terms.onramp.as_ref().is_some_and(Onramp::needs_provider) {
        return Err(Failure::new(
            ErrorCode::OnrampNotConfigured,
            "No provider is configured for this onramp vendor; `none` is a crypto order",
        )
        .about("onramp.vendor"));
    }
    Ok(())
}

fn answer(checkout: &Checkout) -> Result<Answer, Failure> {
    let view = OrderView::created(checkout)
        .ok_or_else(|| Failure::internal("an order was made that is not there"))?;
    Answer::new("Created order successfully", &view)
}

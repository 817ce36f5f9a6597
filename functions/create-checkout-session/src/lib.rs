//! `POST /checkout-sessions`: a merchant opens a session. One database write, no call to
//! anyone else, so it never fails because a third party did.

mod display;
mod pricing;

use api::view::{CreatedSessionView, Viewer};
use api::{ApiError, Endpoint, Fields, Request, Response, integer, text};
use domain::chain_config::Chains;
use domain::deposit_address::ForwarderFactory;
use domain::json_object::JsonObject;
use domain::lifecycle::Checkout;
use domain::merchant::Merchant;
use domain::redirect::{RedirectSchemes, RedirectUrl};
use domain::retention::Retention;
use domain::session::{CheckoutSession, ExpiresIn, MerchantTerms, SessionTerms};
use domain::text::Text;
use runtime::{Clock, config};
use store::{Creation, KeyRing, Store};

use crate::pricing::PriceRules;

const PRICING: &str = "pricing";
const DISPLAY: &str = "display";
const PRIVATE_METADATA: &str = "private_metadata";

/// The settings that the function reads.
pub const SETTINGS: &[&str] = &[
    config::CHAINS,
    config::FORWARDER_FACTORY,
    config::PUBLIC_URL,
    config::REDIRECT_SCHEMES,
    config::REQUIRE_API_KEY,
    config::SESSION_RETENTION_DAYS,
    config::TABLE_NAME,
];

/// The operation, with what it stands on.
#[derive(Debug)]
pub struct CreateCheckoutSession {
    /// Where sessions are kept.
    pub store: Store,
    /// The API keys.
    pub keys: KeyRing,
    /// Whether opening one needs a key.
    pub requires_key: bool,
    /// When they begin.
    pub clock: Clock,
    /// Where the payments of a price are looked for.
    pub chains: Chains,
    /// What no price can be paid to.
    pub factory: ForwarderFactory,
    /// The service's URL, if it is not API Gateway's.
    pub public_url: Option<String>,
    /// The schemes that their redirects may have beside `http` and `https`.
    pub schemes: RedirectSchemes,
    /// How long they are kept after their deadline, if no order links to them.
    pub retention: Retention,
}

impl Endpoint for CreateCheckoutSession {
    async fn handle(&self, request: &Request) -> Result<Response, ApiError> {
        let admission = self.keys.admit(&request.credential()).await??;
        let merchant = admission.caller.may_write()?.cloned();
        if self.requires_key && merchant.is_none() {
            return Err(ApiError::key_missing("POST /checkout-sessions"));
        }
        let key = request.idempotency_key("POST /checkout-sessions", &admission.caller)?;
        let fields = Fields::of(request)?;
        let expires_in =
            fields.optional("expires_in", integer(ExpiresIn::parse))?.unwrap_or(ExpiresIn::DEFAULT);
        let session = CheckoutSession {
            id: runtime::random::session_id(),
            terms: terms(&fields, &self.schemes)?,
            merchant: self.merchant_terms(&fields, merchant)?,
            created_at: self.clock.now(),
        };
        let deadline = session.created_at + expires_in.as_duration();
        let ttl = deadline.as_seconds() + self.retention.as_seconds();

        let viewer = Viewer {
            caller: admission.caller.clone(),
            base_url: request.base_url(self.public_url.as_deref()),
        };
        let creating = self.store.create_session(session, deadline, ttl, key.as_ref());
        match admission.beside(creating).await? {
            Creation::Created(checkout) => response(&checkout, &viewer),
            Creation::Replayed(checkout) => Ok(response(&checkout, &viewer)?.replayed()),
            Creation::KeyReused => Err(ApiError::key_reused()),
        }
    }
}

impl CreateCheckoutSession {
    /// Returns what only a merchant's key can set.
    fn merchant_terms(
        &self,
        fields: &Fields<'_>,
        merchant: Option<Merchant>,
    ) -> Result<Option<MerchantTerms>, ApiError> {
        let Some(name) = merchant else {
            let given =
                [PRICING, DISPLAY, PRIVATE_METADATA].into_iter().find(|name| fields.get(name).is_some());
            return match given {
                Some(field) => Err(ApiError::key_missing(field).about(field)),
                None => Ok(None),
            };
        };
        let rules = PriceRules { chains: &self.chains, factory: &self.factory };
        Ok(Some(MerchantTerms {
            name,
            pricing: fields.get(PRICING).map(|value| pricing::pricing(value, rules)).transpose()?,
            display: fields.get(DISPLAY).map(display::display).transpose()?,
            private_metadata: fields.optional(PRIVATE_METADATA, JsonObject::parse)?,
        }))
    }
}

fn terms(fields: &Fields<'_>, schemes: &RedirectSchemes) -> Result<SessionTerms, ApiError> {
    let url = |name| fields.optional(name, text(|url| RedirectUrl::parse_with(url, schemes)));
    Ok(SessionTerms {
        success_url: url("success_url")?,
        cancel_url: url("cancel_url")?,
        metadata: fields.optional("metadata", JsonObject::parse)?.unwrap_or_else(JsonObject::empty),
        client_reference_id: fields.optional("client_reference_id", text(Text::parse))?,
    })
}

fn response(checkout: &Checkout, viewer: &Viewer) -> Result<Response, ApiError> {
    let view = CreatedSessionView::new(checkout, viewer)
        .ok_or_else(|| ApiError::internal("a session was made that is not there"))?;
    Response::new("Checkout session created", &view)
}

//! `POST /checkout-sessions`: a merchant opens a session. One database write, no call to
//! anyone else, so it never fails because a third party did.

use api::view::CreatedSessionView;
use api::{ApiError, Endpoint, Fields, Request, Response, integer, text};
use domain::json_object::JsonObject;
use domain::lifecycle::Checkout;
use domain::redirect::RedirectUrl;
use domain::retention::Retention;
use domain::session::{CheckoutSession, ExpiresIn, SessionTerms};
use domain::text::Text;
use runtime::{Clock, config};
use store::{Creation, Store};

/// The settings that the function reads.
pub const SETTINGS: &[&str] = &[config::SESSION_RETENTION_DAYS, config::TABLE_NAME];

/// The operation, with what it stands on.
#[derive(Debug)]
pub struct CreateCheckoutSession {
    /// Where sessions are kept.
    pub store: Store,
    /// When they begin.
    pub clock: Clock,
    /// How long they are kept after their deadline, if no order links to them.
    pub retention: Retention,
}

impl Endpoint for CreateCheckoutSession {
    async fn handle(&self, request: &Request) -> Result<Response, ApiError> {
        let key = request.idempotency_key("POST /checkout-sessions")?;
        let fields = Fields::of(request)?;
        let expires_in =
            fields.optional("expires_in", integer(ExpiresIn::parse))?.unwrap_or(ExpiresIn::DEFAULT);
        let session = CheckoutSession {
            id: runtime::random::session_id(),
            terms: terms(&fields)?,
            created_at: self.clock.now(),
        };
        let deadline = session.created_at + expires_in.as_duration();
        let ttl = deadline.as_seconds() + self.retention.as_seconds();

        match self.store.create_session(session, deadline, ttl, key.as_ref()).await? {
            Creation::Created(checkout) => response(&checkout),
            Creation::Replayed(checkout) => Ok(response(&checkout)?.replayed()),
            Creation::KeyReused => Err(ApiError::key_reused()),
        }
    }
}

fn terms(fields: &Fields<'_>) -> Result<SessionTerms, ApiError> {
    Ok(SessionTerms {
        success_url: fields.optional("success_url", text(RedirectUrl::parse))?,
        cancel_url: fields.optional("cancel_url", text(RedirectUrl::parse))?,
        metadata: fields.optional("metadata", JsonObject::parse)?.unwrap_or_else(JsonObject::empty),
        client_reference_id: fields.optional("client_reference_id", text(Text::parse))?,
    })
}

fn response(checkout: &Checkout) -> Result<Response, ApiError> {
    let view = CreatedSessionView::new(checkout)
        .ok_or_else(|| ApiError::internal("a session was made that is not there"))?;
    Response::new("Checkout session created", &view)
}

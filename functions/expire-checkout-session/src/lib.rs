//! `POST /checkout-sessions/{sessionId}/expire`: a merchant calls an open session off, whether
//! or not an unpaid order is linked to it. A session that is being paid is not called off.

use api::view::{SessionView, Viewer};
use api::{ApiError, Endpoint, Request, Response};
use domain::id::SessionId;
use domain::lifecycle::{Checkout, ExpireRefusal};
use domain::time::Timestamp;
use runtime::{Clock, config};
use store::{Expiry, KeyRing, Store};

/// The settings that the function reads.
pub const SETTINGS: &[&str] = &[config::PUBLIC_URL, config::TABLE_NAME];

/// The operation, with what it stands on.
#[derive(Debug)]
pub struct ExpireCheckoutSession {
    /// Where sessions are kept.
    pub store: Store,
    /// The API keys.
    pub keys: KeyRing,
    /// By which their status is judged.
    pub clock: Clock,
    /// The service's URL, if it is not API Gateway's.
    pub public_url: Option<String>,
}

impl Endpoint for ExpireCheckoutSession {
    async fn handle(&self, request: &Request) -> Result<Response, ApiError> {
        let admission = self.keys.admit(&request.credential()).await??;
        admission.caller.may_write()?;
        // Nothing in the body matters, but no body is unbounded.
        request.body()?;
        let session = SessionId::parse(request.path_parameter("sessionId")).ok_or_else(not_found)?;
        let key = request
            .idempotency_key(&format!("POST /checkout-sessions/{session}/expire"), &admission.caller)?;
        let clock = || self.clock.now();
        let viewer = Viewer {
            caller: admission.caller.clone(),
            base_url: request.base_url(self.public_url.as_deref()),
        };
        match admission.beside(self.store.expire_session(session, clock, key.as_ref())).await? {
            Expiry::Expired(checkout) => response(&checkout, &viewer, clock()),
            Expiry::Replayed(checkout) => Ok(response(&checkout, &viewer, clock())?.replayed()),
            Expiry::KeyReused => Err(ApiError::key_reused()),
            Expiry::NoSession => Err(not_found()),
            Expiry::Refused(ExpireRefusal::NotOpen(status)) => Err(ApiError::not_open(status, "sessionId")),
            Expiry::Refused(ExpireRefusal::PaymentPending) => Err(ApiError::payment_pending("sessionId")),
        }
    }
}

fn response(checkout: &Checkout, viewer: &Viewer, now: Timestamp) -> Result<Response, ApiError> {
    let view = SessionView::new(checkout, viewer, now).ok_or_else(not_found)?;
    Response::new("Checkout session expired", &view)
}

fn not_found() -> ApiError {
    ApiError::session_not_found("sessionId")
}

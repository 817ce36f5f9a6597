//! `GET /checkout-sessions/{sessionId}`: how a session stands at the moment of the call, with
//! its order where `?include=order` asks for it. It never writes.

use api::view::{OrderRecordView, SessionView, SessionWithOrderView};
use api::{ApiError, Endpoint, Request, Response};
use domain::api_key::Credential;
use domain::id::SessionId;
use runtime::{Clock, config};
use store::{KeyRing, Store};

const MESSAGE: &str = "Checkout session retrieved";

/// The settings that the function reads.
pub const SETTINGS: &[&str] = &[config::TABLE_NAME];

/// The operation, with what it stands on.
#[derive(Debug)]
pub struct GetCheckoutSession {
    /// Where sessions are kept.
    pub store: Store,
    /// The API keys.
    pub keys: KeyRing,
    /// By which their status is judged.
    pub clock: Clock,
}

impl Endpoint for GetCheckoutSession {
    async fn handle(&self, request: &Request) -> Result<Response, ApiError> {
        let session = SessionId::parse(request.path_parameter("sessionId")).ok_or_else(not_found)?;
        let credential = request.credential();
        if request.includes("order") {
            self.with_order(session, &credential).await
        } else {
            self.alone(session, &credential).await
        }
    }
}

impl GetCheckoutSession {
    async fn alone(&self, session: SessionId, credential: &Credential) -> Result<Response, ApiError> {
        let reading = self.store.read_checkout(session.order());
        let (caller, found) = self.keys.beside(credential, reading).await??;
        let checkout = found?.ok_or_else(not_found)?;
        let view = SessionView::new(&checkout, &caller, self.clock.now()).ok_or_else(not_found)?;
        Response::new(MESSAGE, &view)
    }

    async fn with_order(&self, session: SessionId, credential: &Credential) -> Result<Response, ApiError> {
        let reading = self.store.read_record(session.order());
        let (caller, found) = self.keys.beside(credential, reading).await??;
        let record = found?.ok_or_else(not_found)?;
        let now = self.clock.now();
        let view = SessionWithOrderView {
            session: SessionView::new(&record.checkout, &caller, now).ok_or_else(not_found)?,
            order: OrderRecordView::for_session(&record, now),
        };
        Response::new(MESSAGE, &view)
    }
}

fn not_found() -> ApiError {
    ApiError::session_not_found("sessionId")
}

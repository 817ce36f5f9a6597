//! `GET /checkout-sessions/{sessionId}`: how a session stands at the moment of the call, with
//! its order where `?include=order` asks for it. It never writes.

use api::view::{OrderRecordView, SessionView, SessionWithOrderView, Viewer};
use api::{ApiError, Endpoint, Request, Response};
use domain::id::SessionId;
use runtime::{Clock, config};
use store::{KeyRing, Store};

const MESSAGE: &str = "Checkout session retrieved";

/// The settings that the function reads.
pub const SETTINGS: &[&str] = &[config::PUBLIC_URL, config::TABLE_NAME];

/// The operation, with what it stands on.
#[derive(Debug)]
pub struct GetCheckoutSession {
    /// Where sessions are kept.
    pub store: Store,
    /// The API keys.
    pub keys: KeyRing,
    /// By which their status is judged.
    pub clock: Clock,
    /// The service's URL, if it is not API Gateway's.
    pub public_url: Option<String>,
}

impl Endpoint for GetCheckoutSession {
    async fn handle(&self, request: &Request) -> Result<Response, ApiError> {
        let session = SessionId::parse(request.path_parameter("sessionId"));
        if request.includes("order") {
            self.with_order(session, request).await
        } else {
            self.alone(session, request).await
        }
    }
}

impl GetCheckoutSession {
    async fn alone(&self, session: Option<SessionId>, request: &Request) -> Result<Response, ApiError> {
        // A key is judged before the id, as everywhere.
        let reading = async {
            match session {
                Some(session) => self.store.read_checkout(session.order()).await,
                None => Ok(None),
            }
        };
        let credential = request.credential();
        let (caller, found) = self.keys.beside(&credential, reading).await??;
        let viewer = Viewer { caller, base_url: request.base_url(self.public_url.as_deref()) };
        let checkout = found?.ok_or_else(not_found)?;
        let view = SessionView::new(&checkout, &viewer, self.clock.now()).ok_or_else(not_found)?;
        Response::new(MESSAGE, &view)
    }

    async fn with_order(&self, session: Option<SessionId>, request: &Request) -> Result<Response, ApiError> {
        let reading = async {
            match session {
                Some(session) => self.store.read_record(session.order()).await,
                None => Ok(None),
            }
        };
        let credential = request.credential();
        let (caller, found) = self.keys.beside(&credential, reading).await??;
        let viewer = Viewer { caller, base_url: request.base_url(self.public_url.as_deref()) };
        let record = found?.ok_or_else(not_found)?;
        let now = self.clock.now();
        let view = SessionWithOrderView {
            session: SessionView::new(&record.checkout, &viewer, now).ok_or_else(not_found)?,
            order: OrderRecordView::for_session(&record, &viewer.base_url, now),
        };
        Response::new(MESSAGE, &view)
    }
}

fn not_found() -> ApiError {
    ApiError::session_not_found("sessionId")
}

//! `GET /checkout-sessions`: a merchant's sessions, newest first, by status, reference and time. It never writes.

mod request;

use api::view::{SessionView, Viewer};
use api::{ApiError, Endpoint, List, Request, Response};
use domain::id::SessionId;
use domain::lifecycle::Checkout;
use domain::listing::Place;
use domain::merchant::Merchant;
use domain::session::SessionStatus;
use domain::time::Timestamp;
use runtime::{Clock, config};
use store::{KeyRing, Store};

use crate::request::{After, ListRequest, PATH};

/// The settings that the function reads.
pub const SETTINGS: &[&str] = &[config::PUBLIC_URL, config::TABLE_NAME];

/// The operation, with what it stands on.
#[derive(Debug)]
pub struct ListCheckoutSessions {
    /// Where sessions are kept.
    pub store: Store,
    /// The API keys.
    pub keys: KeyRing,
    /// By which their status is judged.
    pub clock: Clock,
    /// The service's URL, if it is not API Gateway's.
    pub public_url: Option<String>,
}

impl Endpoint for ListCheckoutSessions {
    async fn handle(&self, request: &Request) -> Result<Response, ApiError> {
        let credential = request.credential();
        let admission = self.keys.admit(&credential).await??;
        let merchant = admission.caller.may_read()?.clone();
        let viewer = Viewer {
            caller: admission.caller.clone(),
            base_url: request.base_url(self.public_url.as_deref()),
        };
        let list = ListRequest::read(request, merchant)?;
        admission.beside(self.page(&list, &viewer)).await
    }
}

impl ListCheckoutSessions {
    async fn page(&self, list: &ListRequest, viewer: &Viewer) -> Result<Response, ApiError> {
        let ListRequest { filter, limit, after } = list;
        let before = match after {
            None => None,
            Some(After::Place(place)) => Some(place.clone()),
            Some(After::Session(session)) => Some(self.place_of(*session, &filter.merchant).await?),
        };
        // One instant for the whole page: each status is as of it.
        let now = self.clock.now();
        let is_shown = |checkout: &_| filter.status.is_none_or(|status| status_of(checkout, now) == status);
        let page = self.store.list_sessions(filter, before.as_ref(), *limit, now, is_shown).await?;
        let views = page.shown.iter().filter_map(|checkout| {
            let session = checkout.session.as_ref()?;
            let view = SessionView::new(checkout, viewer, now)?;
            Some((Place::of_session(session.created_at, session.id), view))
        });
        let list = List::of(views, page.next.as_ref(), PATH)?;
        Response::list("Checkout sessions retrieved", &list)
    }

    /// Returns the place of a merchant's session. Any other session is as unknown as one that does not exist.
    async fn place_of(&self, session: SessionId, merchant: &Merchant) -> Result<Place, ApiError> {
        let found = self.store.read_checkout(session.order()).await?;
        let found = found.filter(|checkout| checkout.merchant() == Some(merchant));
        let found = found.and_then(|checkout| checkout.session).ok_or_else(request::unknown_start)?;
        Ok(Place::of_session(found.created_at, found.id))
    }
}

fn status_of(checkout: &Checkout, now: Timestamp) -> SessionStatus {
    checkout.session_status(now)
}

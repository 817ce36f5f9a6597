//! `GET /orders?creatorAddress=0x…`: the orders of a wallet, newest first. It never writes.
//!
//! An order's id is a capability, and the address of a wallet is public. So the list needs an API key and shows its
//! merchant's orders, unless the operator opens it: then it shows less of each order.

use api::view::OrderView;
use api::{ApiError, Endpoint, ErrorCode, List, Query, Request, Response, cursor, within};
use domain::api_key::Forbidden;
use domain::invalid::Invalid;
use domain::lifecycle::Checkout;
use domain::listing::{Place, Start};
use domain::merchant::Merchant;
use domain::text::Text;
use runtime::{Clock, config};
use store::{KeyRing, Store};

/// The list's path.
const PATH: &str = "/orders";
/// The most orders of a page, and the number if none is given.
const MOST: usize = 100;
/// The most orders that an offset skips.
const FURTHEST: usize = 1_000;

/// The settings that the function reads.
pub const SETTINGS: &[&str] = &[config::ORDER_HISTORY, config::TABLE_NAME, config::PUBLIC_URL];

/// The operation, with what it stands on.
#[derive(Debug)]
pub struct ListOrders {
    /// Where orders are kept.
    pub store: Store,
    /// The API keys.
    pub keys: KeyRing,
    /// By which their status is judged.
    pub clock: Clock,
    /// Whether callers without a key are shown a list.
    pub is_public: bool,
    /// The service's URL, if it is not API Gateway's.
    pub public_url: Option<String>,
}

/// What is asked for.
struct Wanted {
    creator: String,
    limit: usize,
    start: Start,
}

impl Endpoint for ListOrders {
    async fn handle(&self, request: &Request) -> Result<Response, ApiError> {
        let credential = request.credential();
        let admission = self.keys.admit(&credential).await??;
        let merchant = admission.caller.merchant().cloned();
        if merchant.is_none() && !self.is_public {
            return Err(Forbidden::KeyMissing.into());
        }
        let query = request.query();
        let wanted = Wanted {
            creator: query.required("creatorAddress", creator)?,
            limit: query.optional("limit", within(1, MOST))?.unwrap_or(MOST),
            start: start(&query)?,
        };
        let base_url = request.base_url(self.public_url.as_deref());
        admission.beside(self.page(&wanted, merchant.as_ref(), &base_url)).await
    }
}

impl ListOrders {
    async fn page(
        &self,
        wanted: &Wanted,
        merchant: Option<&Merchant>,
        base_url: &str,
    ) -> Result<Response, ApiError> {
        let is_shown = |checkout: &Checkout| merchant.is_none() || checkout.merchant() == merchant;
        let Wanted { creator, limit, start } = wanted;
        let page = self.store.list_orders(creator, start, *limit, is_shown).await?;
        let now = self.clock.now();
        let views = page.shown.iter().filter_map(|record| {
            let order = record.checkout.order.as_ref()?;
            let view = OrderView::listed(record, base_url, now)?;
            let view = if merchant.is_some() { view } else { view.in_public() };
            Some((Place::of_order(order.created_at, order.id), view))
        });
        let list = List::of(views, page.next.as_ref(), PATH)?;
        Response::list("Get orders by creator successfully", &list)
    }
}

/// A page begins behind a cursor, or after an offset, as AnySpend's clients have it.
fn start(query: &Query<'_>) -> Result<Start, ApiError> {
    let skip = query.optional("offset", within(0, FURTHEST))?.unwrap_or(0);
    match query.optional("cursor", cursor::start(PATH, FURTHEST))? {
        Some(_) if skip > 0 => {
            let invalid = Invalid::expected("absent if offset is given");
            Err(ApiError::invalid(ErrorCode::InvalidFieldValue, "cursor", &invalid))
        }
        Some(start) => Ok(start),
        None => Ok(Start { before: None, skip }),
    }
}

fn creator(text: &str) -> Result<String, Invalid> {
    Text::<255>::parse(text.to_owned()).map(|text| text.as_str().to_owned())
}

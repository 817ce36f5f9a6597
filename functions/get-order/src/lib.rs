//! `GET /orders/{orderId}`: an order and its transactions as they stand at the moment of the
//! call. It never writes.

use api::view::OrderRecordView;
use api::{ApiError, Endpoint, Request, Response};
use domain::id::OrderId;
use runtime::{Clock, config};
use store::{KeyRing, Store};

/// The settings that the function reads.
pub const SETTINGS: &[&str] = &[config::TABLE_NAME, config::PUBLIC_URL];

/// The operation, with what it stands on.
#[derive(Debug)]
pub struct GetOrder {
    /// Where orders are kept.
    pub store: Store,
    /// The API keys.
    pub keys: KeyRing,
    /// By which their status is judged.
    pub clock: Clock,
    /// The service's URL, if it is not API Gateway's.
    pub public_url: Option<String>,
}

impl Endpoint for GetOrder {
    async fn handle(&self, request: &Request) -> Result<Response, ApiError> {
        let order = OrderId::parse(request.path_parameter("orderId"));
        let credential = request.credential();
        // A key is judged before the id, as everywhere.
        let reading = async {
            match order {
                Some(order) => self.store.read_record(order).await,
                None => Ok(None),
            }
        };
        let (_, found) = self.keys.beside(&credential, reading).await??;
        let base_url = request.base_url(self.public_url.as_deref());
        let record = found?.ok_or_else(ApiError::order_not_found)?;
        let view = OrderRecordView::new(&record, &base_url, self.clock.now())
            .ok_or_else(ApiError::order_not_found)?;
        Response::new("Get order and transactions successfully", &view)
    }
}

//! `POST /checkout-sessions`.

mod bodies;
mod fields;
mod new_session;

use harness::{Answer, Service};

/// Sends this text as the body.
async fn create(service: &Service, body: impl Into<Vec<u8>>) -> Answer {
    let request = service.post("/checkout-sessions").body(body.into());
    service.send(request.header("content-type", "application/json")).await
}

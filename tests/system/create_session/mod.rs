//! `POST /checkout-sessions`.

mod bodies;
mod fields;
mod new_session;

use harness::{Answer, Service, post_text};

/// Sends this text as the body.
async fn create(service: &Service, body: impl Into<Vec<u8>>) -> Answer {
    service.send(post_text(service, "/checkout-sessions", body)).await
}

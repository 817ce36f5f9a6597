//! `POST /orders`.

mod bad_input;
mod fields;
mod hidden_session_id;
mod linking;
mod new_order;
mod onramps;
mod routes;

use std::time::Duration;

use harness::{Answer, Service, post_text};

/// How long an order on its own lives.
const LIFETIME: Duration = Duration::from_mins(15);
/// 2^256 − 1.
const LARGEST_AMOUNT: &str = "115792089237316195423570985008687907853269984665640564039457584007913129639935";

/// Sends this text as the body.
async fn create(service: &Service, body: impl Into<Vec<u8>>) -> Answer {
    service.send(post_text(service, "/orders", body)).await
}

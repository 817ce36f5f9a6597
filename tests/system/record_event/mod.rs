//! `POST /orders/{orderId}/events`: what is reported, and what follows from it.

mod bad_input;
mod repeated_reports;
mod response;
mod same_transaction;
mod statuses;

use harness::{Answer, Service, deposit, execution, refund, relay};
use serde_json::{Value, json};

/// A fact: its type and data.
type Fact = (&'static str, Value);

fn paid() -> Fact {
    ("deposit.detected", deposit("0x01", "1000000"))
}

fn partly_paid() -> Fact {
    ("deposit.detected", deposit("0x01", "999999"))
}

fn the_rest() -> Fact {
    ("deposit.detected", deposit("0x02", "1"))
}

fn relayed() -> Fact {
    ("relay.updated", relay("0x03", "pending"))
}

fn executed() -> Fact {
    ("order.executed", execution("0x04"))
}

fn failed() -> Fact {
    ("order.failed", json!({ "errorDetails": "no gas" }))
}

fn refunded() -> Fact {
    ("refund.updated", refund("0x05", "999999", "success"))
}

fn refund_failed() -> Fact {
    ("refund.updated", refund("0x06", "999999", "failure"))
}

/// Reports a fact that must be taken.
async fn report(service: &Service, order: &str, (kind, data): Fact) -> Answer {
    let answer = service.record_event(order, kind, data).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer
}

/// Sends this text as a properly signed event.
async fn send(service: &Service, order: &str, body: &str) -> Answer {
    service.send(service.event(order, body.as_bytes())).await
}

/// A new session and its order.
async fn session_with_order(service: &Service) -> (String, String) {
    let session = service.session().await;
    let order = service.linked_order(&session).await;
    (session, order)
}

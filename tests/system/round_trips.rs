//! What each operation costs in calls to DynamoDB, and how many of them wait for another.
//!
//! One round trip for each success, two for recording an event: nothing can be done in fewer.

use std::time::Instant;

use harness::{Answer, Call, Service, deposit, execution, new_uuid, order, order_for};
use reqwest::RequestBuilder;
use serde_json::{Value, json};

/// The calls that `request` leads to, in the order in which they were sent. It must succeed.
async fn calls_of(service: &Service, request: RequestBuilder) -> Vec<Call> {
    calls_of_any(service, request, |answer| {
        answer.ok();
    })
    .await
}

async fn calls_of_any(service: &Service, request: RequestBuilder, check: impl Fn(&Answer)) -> Vec<Call> {
    service.calls.take();
    check(&service.send(request).await);
    let mut calls = service.calls.take();
    calls.sort_by_key(|call| call.sent);
    for call in &calls {
        assert_ne!(call.operation, "Scan");
        // Whoever was told of a write sees it.
        if call.operation == "GetItem" || call.operation == "Query" {
            assert_eq!(call.request["ConsistentRead"], true, "{call:?}");
        }
    }
    calls
}

fn operations(calls: &[Call]) -> Vec<&str> {
    calls.iter().map(|call| call.operation.as_str()).collect()
}

/// How many round trips follow one another: the longest chain of calls each of which was sent
/// after the one before it was answered.
fn sequential(calls: &[Call]) -> usize {
    let mut by_answer: Vec<&Call> = calls.iter().collect();
    by_answer.sort_by_key(|call| call.answered);
    let mut answered: Option<Instant> = None;
    let mut trips = 0;
    for call in by_answer {
        if answered.is_none_or(|answered| call.sent >= answered) {
            answered = Some(call.answered);
            trips += 1;
        }
    }
    trips
}

fn with_key(request: RequestBuilder) -> RequestBuilder {
    request.header("idempotency-key", "a key")
}

fn report(service: &Service, order: &str, facts: &Value) -> RequestBuilder {
    let body = json!({ "type": "deposit.detected", "data": facts });
    service.event(order, body.to_string().as_bytes())
}

#[tokio::test]
async fn creating_a_session_is_one_write() {
    let service = Service::start().await;
    let request = || service.post("/checkout-sessions").json(&json!({}));

    let calls = calls_of(&service, request()).await;
    assert_eq!(operations(&calls), ["PutItem"]);
    let calls = calls_of(&service, with_key(request())).await;
    assert_eq!(operations(&calls), ["TransactWriteItems"]);
    // The write that the key refuses, and a look at what the key made.
    let calls = calls_of(&service, with_key(request())).await;
    assert_eq!(operations(&calls), ["TransactWriteItems", "GetItem"]);
}

#[tokio::test]
async fn reading_a_session_is_one_read() {
    let service = Service::start().await;
    let alone = service.session().await;
    let linked = service.session().await;
    let order = service.linked_order(&linked).await;
    service.record_event(&order, "deposit.detected", deposit("0x01", "1")).await.ok();

    for session in [alone, linked] {
        let path = format!("/checkout-sessions/{session}");
        let calls = calls_of(&service, service.get(&path)).await;
        assert_eq!(operations(&calls), ["GetItem"]);
        let calls = calls_of(&service, service.get(&format!("{path}?include=order"))).await;
        assert_eq!(operations(&calls), ["Query"]);
    }
}

#[tokio::test]
async fn expiring_a_session_is_one_write() {
    let service = Service::start().await;
    for key in [false, true] {
        for with_order in [false, true] {
            let session = service.session().await;
            if with_order {
                service.linked_order(&session).await;
            }
            let request = || {
                let request = service.post(&format!("/checkout-sessions/{session}/expire"));
                if key { with_key(request) } else { request }
            };
            let calls = calls_of(&service, request()).await;
            assert_eq!(operations(&calls), ["UpdateItem"], "{key} {with_order}");
            if key {
                let replay = calls_of(&service, request()).await;
                assert_eq!(operations(&replay), ["UpdateItem"]);
            }
        }
    }
}

#[tokio::test]
async fn creating_an_order_on_its_own_is_one_write() {
    let service = Service::start().await;
    let request = || service.post("/orders").json(&order());

    let calls = calls_of(&service, request()).await;
    assert_eq!(operations(&calls), ["PutItem"]);
    let calls = calls_of(&service, with_key(request())).await;
    assert_eq!(operations(&calls), ["TransactWriteItems"]);
    let calls = calls_of(&service, with_key(request())).await;
    assert_eq!(operations(&calls), ["TransactWriteItems", "GetItem"]);
}

#[tokio::test]
async fn linking_an_order_is_one_write() {
    let service = Service::start().await;
    let session = service.session().await;
    let request = service.post("/orders").json(&order_for(&session));
    let calls = calls_of(&service, request).await;
    assert_eq!(operations(&calls), ["UpdateItem"]);
}

#[tokio::test]
async fn linking_an_order_with_a_key_is_one_write_with_a_read_beside_it() {
    let service = Service::start().await;
    let session = service.session().await;
    let request = || with_key(service.post("/orders").json(&order_for(&session)));

    let calls = calls_of(&service, request()).await;
    let mut made = operations(&calls);
    made.sort_unstable();
    assert_eq!(made, ["GetItem", "TransactWriteItems"]);
    assert_eq!(sequential(&calls), 1, "{calls:?}");
}

#[tokio::test]
async fn a_refused_link_is_one_write_that_tells_why() {
    let service = Service::start().await;
    let taken = service.session().await;
    service.linked_order(&taken).await;
    let expired = service.session().await;
    service.expire_session(&expired).await.ok();
    let unknown = new_uuid().to_string();

    for (session, status) in [(taken, 409), (expired, 400), (unknown, 400)] {
        let request = service.post("/orders").json(&order_for(&session));
        let refused = |answer: &Answer| assert_eq!(answer.status, status);
        let calls = calls_of_any(&service, request, refused).await;
        assert_eq!(operations(&calls), ["UpdateItem"]);
    }
}

#[tokio::test]
async fn reading_an_order_is_one_read() {
    let service = Service::start().await;
    let created = service.create_order(order()).await;
    let id = created.ok()["id"].as_str().unwrap();
    let request = || service.get(&format!("/orders/{id}"));

    let calls = calls_of(&service, request()).await;
    assert_eq!(operations(&calls), ["Query"]);
    for hash in ["0x01", "0x02"] {
        service.record_event(id, "deposit.detected", deposit(hash, "1")).await.ok();
    }
    service.record_event(id, "order.executed", execution("0x03")).await.ok();
    let calls = calls_of(&service, request()).await;
    assert_eq!(operations(&calls), ["Query"]);
}

#[tokio::test]
async fn recording_an_event_is_one_read_and_one_write() {
    let service = Service::start().await;
    let session = service.session().await;
    let order = service.linked_order(&session).await;

    let new = [deposit("0x01", "1"), deposit("0x02", "1"), deposit("0x01", "3")];
    for facts in new {
        let calls = calls_of(&service, report(&service, &order, &facts)).await;
        assert_eq!(operations(&calls), ["Query", "TransactWriteItems"]);
    }
    let facts = deposit("0x03", "1");
    let calls = calls_of(&service, with_key(report(&service, &order, &facts))).await;
    assert_eq!(operations(&calls), ["Query", "TransactWriteItems"]);
}

#[tokio::test]
async fn an_event_that_says_nothing_new_is_one_read() {
    let service = Service::start().await;
    let session = service.session().await;
    let order = service.linked_order(&session).await;
    let facts = deposit("0x01", "5");
    service.record_event(&order, "deposit.detected", facts.clone()).await.ok();

    // The second is an older report of the same deposit.
    for known in [facts, deposit("0x01", "4")] {
        let calls = calls_of(&service, report(&service, &order, &known)).await;
        assert_eq!(operations(&calls), ["Query"]);
    }
}

#[tokio::test]
async fn what_can_be_refused_at_first_sight_costs_no_call() {
    let service = Service::start().await;
    let id = new_uuid();
    for request in [
        service.post("/checkout-sessions").body("{"),
        service.post("/checkout-sessions").json(&json!({ "expires_in": 1 })),
        service.get("/checkout-sessions/42"),
        service.get("/checkout-sessions/42?include=order"),
        service.post("/checkout-sessions/42/expire"),
        service.post("/orders").json(&json!({})),
        service.post("/orders").json(&order_for("42")),
        service.get("/orders/42"),
        service.post(&format!("/orders/{id}/events")).json(&json!({})),
        service.event("42", b"{}"),
        service.event(&id.to_string(), b"{}"),
    ] {
        let refused = |answer: &Answer| assert!((400..500).contains(&answer.status), "{answer:?}");
        let calls = calls_of_any(&service, request, refused).await;
        assert!(calls.is_empty(), "{calls:?}");
    }
}

//! A repeated call is done once, and each repetition gets the first response for a day.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::id::OrderId;
use domain::idempotency_key::IdempotencyKey;
use domain::order::Order;
use harness::{Answer, DEFAULT_LIFETIME, Service, deposit, execution, id_of, order, order_for, with};
use serde_json::json;
use store::Store;

use super::{
    Call::{self, CreateOrder, CreateSession, Expire, RecordEvent},
    KEY, assert_done, assert_replayed, event_of, every_call, stored_items,
};

#[tokio::test]
async fn a_call_that_is_repeated_is_done_once_and_answered_alike() {
    let service = Service::start().await;
    for (key, call) in ["a", "b", "c", "d", "e"].into_iter().zip(every_call(&service).await) {
        let first = call.send(&service, key).await;
        assert_done(&call, &first);
        let stored = stored_items(&service).await;
        for _ in 0..3 {
            assert_replayed(&service, &call, key, &first).await;
        }
        assert_eq!(stored_items(&service).await, stored, "{call:?}");
    }
}

#[tokio::test]
async fn without_a_key_every_call_is_a_new_one() {
    let service = Service::start().await;
    for call in [CreateSession(json!({})), CreateOrder(order())] {
        let first = service.send(call.request(&service)).await;
        let second = service.send(call.request(&service)).await;
        assert_done(&call, &second);
        assert_ne!(id_of(&first), id_of(&second));
        // Nor does a key find what was made without one.
        let third = call.send(&service, KEY).await;
        assert_done(&call, &third);
        assert_ne!(id_of(&second), id_of(&third));
    }
}

#[tokio::test]
async fn an_idempotency_record_never_outlives_the_order_it_names() {
    let service = Service::start().await;
    let store = Store::new(&dev::engine::sdk_config(&service.endpoint).await, &service.table);
    let request = service.post("/orders").header("idempotency-key", "a key").json(&order());
    let made = OrderId::parse(&id_of(&service.send(request).await)).unwrap();
    let template = store.read_checkout(made).await.unwrap().unwrap().order.unwrap();
    // With the shortest retention that can be configured.
    let key = IdempotencyKey { key_hash: "shortest".to_owned(), request_hash: "request".to_owned() };
    let shortest = Order { id: runtime::random::order_id(), created_at: service.clock.now(), ..template };
    let id = shortest.id;
    store.create_order(shortest, "1".parse().unwrap(), Some(&key)).await.unwrap();
    let record = service.database.get_item().table_name(&service.table);
    let record = record.key("pk", AttributeValue::S("idempotency#shortest".to_owned()));
    let record = record.key("sk", AttributeValue::S("idempotency".to_owned()));
    let record = record.send().await.unwrap().item.unwrap();
    let remembered_until: i64 = record["ttl"].as_n().unwrap().parse().unwrap();
    assert!(remembered_until >= service.clock.now().as_seconds() + 24 * 60 * 60);
    assert!(service.stored_ttl(id).await.unwrap() > remembered_until);
}

#[tokio::test]
async fn a_new_session_is_answered_as_it_was_whatever_became_of_it() {
    let service = Service::start().await;
    let body = json!({ "success_url": "https://shop.example/{SESSION_ID}", "metadata": { "a": 1.50 } });
    let by_call = CreateSession(body.clone());
    let first = by_call.send(&service, "by call").await;
    service.expire_session(&id_of(&first)).await.ok();
    assert_replayed(&service, &by_call, "by call", &first).await;

    let paid = CreateSession(body);
    let first = paid.send(&service, "paid").await;
    let order = service.linked_order(&id_of(&first)).await;
    assert_replayed(&service, &paid, "paid", &first).await;
    service.record_event(&order, "deposit.detected", deposit("0x01", "1000000")).await.ok();
    assert_replayed(&service, &paid, "paid", &first).await;
    service.record_event(&order, "order.executed", execution("0x02")).await.ok();
    assert_replayed(&service, &paid, "paid", &first).await;

    let by_time = CreateSession(json!({}));
    let first = by_time.send(&service, "by time").await;
    service.clock.advance(DEFAULT_LIFETIME);
    assert_replayed(&service, &by_time, "by time", &first).await;
}

#[tokio::test]
async fn a_new_order_is_answered_as_it_was_whatever_became_of_it() {
    let service = Service::start().await;
    let session = service.create_session(json!({ "success_url": "https://shop.example/{SESSION_ID}" })).await;
    let onramp = json!({ "onramp": { "vendor": "none" }, "metadata": { "a": 1.50 } });
    for (key, body) in
        [("alone", order()), ("linked", order_for(&id_of(&session))), ("with onramp", with(order(), onramp))]
    {
        let call = CreateOrder(body);
        let first = call.send(&service, key).await;
        assert_done(&call, &first);
        let order = id_of(&first);
        for (kind, data) in [
            ("deposit.detected", deposit("0x01", "400000")),
            ("deposit.detected", deposit("0x02", "600000")),
            ("relay.updated", harness::relay("0x03", "success")),
            ("order.failed", json!({ "errorDetails": "no gas" })),
            ("refund.updated", harness::refund("0x04", "1", "success")),
            ("order.executed", with(execution("0x05"), json!({ "actualDstAmount": "1", "points": 5 }))),
        ] {
            service.record_event(&order, kind, data).await.ok();
            assert_replayed(&service, &call, key, &first).await;
        }
        service.clock.advance(Duration::from_mins(15));
        assert_replayed(&service, &call, key, &first).await;
    }
}

#[tokio::test]
async fn a_linked_orders_creation_is_repeated_though_its_session_is_over() {
    let service = Service::start().await;
    let (by_call, by_time) = (service.session().await, service.session().await);
    for (session, key) in [(&by_call, "by call"), (&by_time, "by time")] {
        let call = CreateOrder(order_for(session));
        let first = call.send(&service, key).await;
        assert_done(&call, &first);
        if key == "by call" {
            service.expire_session(session).await.ok();
        } else {
            service.clock.advance(DEFAULT_LIFETIME);
        }
        assert_eq!(service.session_status(session).await, "expired");
        assert_replayed(&service, &call, key, &first).await;
        // Under another key it is another call, and too late.
        let answer = call.send(&service, "another").await;
        assert_eq!(answer.failure().1, "invalid_status_transition");
    }
}

#[tokio::test]
async fn an_expired_session_is_answered_as_it_was_whatever_was_reported_later() {
    let service = Service::start().await;
    let session = service.session().await;
    let order = service.linked_order(&session).await;
    let call = Expire(session.clone(), json!({}));
    let first = call.send(&service, KEY).await;
    assert_done(&call, &first);
    for (kind, data) in
        [("deposit.detected", deposit("0x01", "1000000")), ("order.executed", execution("0x02"))]
    {
        service.record_event(&order, kind, data).await.ok();
        assert_replayed(&service, &call, KEY, &first).await;
    }
    service.clock.advance(DEFAULT_LIFETIME);
    assert_replayed(&service, &call, KEY, &first).await;

    // Under another key, or none, it is another call, and too late.
    let answer = call.send(&service, "another").await;
    assert_eq!(answer.failure().1, "invalid_status_transition");
    let answer = service.expire_session(&session).await;
    assert_eq!(answer.failure().1, "invalid_status_transition");
}

#[tokio::test]
async fn a_session_that_was_expired_without_a_key_is_not_expired_again_with_one() {
    let service = Service::start().await;
    let session = service.session().await;
    service.expire_session(&session).await.ok();
    let answer = Expire(session, json!({})).send(&service, KEY).await;
    assert_eq!(answer.failure().1, "invalid_status_transition");
}

#[tokio::test]
async fn an_event_is_answered_as_it_was_whatever_was_reported_later() {
    let service = Service::start().await;
    let session = service.session().await;
    let order = service.linked_order(&session).await;
    let mut answered: Vec<(Call, String, Answer)> = Vec::new();
    for (at, body) in [
        event_of("0x01", "400000"),
        event_of("0x02", "600000"),
        // Known already, so it changes nothing; its answer is remembered all the same.
        event_of("0x01", "400000"),
        json!({ "type": "relay.updated", "data": harness::relay("0x03", "pending") }),
        json!({ "type": "order.failed", "data": { "errorDetails": "no gas" } }),
        json!({ "type": "refund.updated", "data": harness::refund("0x04", "1", "success") }),
        json!({ "type": "order.executed", "data": execution("0x05") }),
    ]
    .into_iter()
    .enumerate()
    {
        let call = RecordEvent(order.clone(), body);
        let key = format!("event {at}");
        let first = call.send(&service, &key).await;
        assert_done(&call, &first);
        answered.push((call, key, first));
        for (call, key, first) in &answered {
            assert_replayed(&service, call, key, first).await;
        }
    }
    service.clock.advance(DEFAULT_LIFETIME);
    for (call, key, first) in &answered {
        assert_replayed(&service, call, key, first).await;
    }
}

#[tokio::test]
async fn an_event_is_answered_as_it_was_however_long_the_answer() {
    let service = Service::start().await;
    let order = id_of(&service.create_order(order()).await);
    // As much text as one deposit can bring.
    let long = json!({ "from": "\u{1}".repeat(255) });
    for at in 0..70 {
        let data = with(deposit(&format!("0x{at}"), "1"), long.clone());
        service.record_event(&order, "deposit.detected", data).await.ok();
    }
    let call = RecordEvent(order.clone(), event_of("0xa", "1"));
    let first = call.send(&service, KEY).await;
    assert_done(&call, &first);
    assert_replayed(&service, &call, KEY, &first).await;
    service.record_event(&order, "deposit.detected", deposit("0xb", "1")).await.ok();
    let answer = call.send(&service, KEY).await;
    assert!(answer.is_replay());
    // Without the deposit that came after it. Not `assert_eq!`: that would print both in full.
    assert_eq!(answer.ok()["depositTxs"].as_array().unwrap().len(), 71);
    assert!(answer.text == first.text);
}

#[tokio::test]
async fn a_call_is_remembered_for_a_day() {
    let service = Service::start().await;
    let mut firsts = Vec::new();
    for (at, call) in every_call(&service).await.into_iter().enumerate() {
        let key = format!("{KEY}-{at}");
        let first = call.send(&service, &key).await;
        assert_done(&call, &first);
        firsts.push((call, key, first));
    }
    // An hour, then 23 hours and 59 minutes, then the whole day.
    for age in [Duration::from_hours(1), Duration::from_mins(22 * 60 + 59), Duration::from_mins(1)] {
        service.clock.advance(age);
        for (call, key, first) in &firsts {
            assert_replayed(&service, call, key, first).await;
            let answer = call.with_another_body().send(&service, key).await;
            assert_eq!(answer.failure().1, "idempotency_conflict", "{call:?}");
        }
    }
}

//! Another request under a used key is a conflict; a refused request leaves its key unused.

use domain::id::SessionId;
use harness::{DEFAULT_LIFETIME, Service, id_of, order, order_for, with};
use insta::assert_json_snapshot;
use serde_json::json;

use super::{
    Call::{CreateOrder, CreateSession, Expire, RecordEvent},
    KEY, assert_done, assert_replayed, event_of, every_call, stored_items,
};

#[tokio::test]
async fn another_body_under_the_same_key_is_a_conflict() {
    let service = Service::start().await;
    for (key, call) in ["a", "b", "c", "d", "e"].into_iter().zip(every_call(&service).await) {
        let first = call.send(&service, key).await;
        assert_done(&call, &first);
        let stored = stored_items(&service).await;
        let answer = call.with_another_body().send(&service, key).await;
        let expected = (409, "idempotency_conflict", Some("Idempotency-Key"));
        assert_eq!(answer.failure(), expected, "{call:?}");
        assert_eq!(stored_items(&service).await, stored, "{call:?}");
        // The conflict took nothing away from the first call.
        assert_replayed(&service, &call, key, &first).await;
    }
}

#[tokio::test]
async fn a_conflict_says_what_is_wrong() {
    let service = Service::start().await;
    let call = CreateSession(json!({}));
    call.send(&service, KEY).await.ok();
    let answer = call.with_another_body().send(&service, KEY).await;
    assert_json_snapshot!(answer.body, @r#"
    {
      "error": {
        "code": "idempotency_conflict",
        "message": "This Idempotency-Key was used for another request",
        "param": "Idempotency-Key",
        "type": "idempotency_error"
      },
      "message": "This Idempotency-Key was used for another request",
      "statusCode": 409,
      "success": false
    }
    "#);
}

#[tokio::test]
async fn the_same_json_in_another_spelling_is_the_same_body() {
    let service = Service::start().await;
    let send = async |key: &str, body: &str| {
        let request = service.post("/checkout-sessions").header("idempotency-key", key);
        service.send(request.body(body.to_owned())).await
    };
    let first = send("a", r#"{"expires_in":600,"metadata":{"cart":"7","n":[1,{"x":null,"y":2}]}}"#).await;
    for body in [
        r#"{"metadata":{"cart":"7","n":[1,{"x":null,"y":2}]},"expires_in":600}"#,
        "{ \"expires_in\" : 600,\r\n\"metadata\": {\"n\": [1, {\"y\":2,\"x\":null}], \"cart\":\"7\"} }\n",
        r#"{"expires_in":600.0,"metadata":{"cart":"\u0037","n":[1.0,{"x":null,"y":2e0}]}}"#,
        "\u{feff}{\"expires_in\":600,\"metadata\":{\"cart\":\"7\",\"n\":[1,{\"x\":null,\"y\":2}]}}",
    ] {
        let again = send("a", body).await;
        assert!(again.is_replay(), "{body}: {}", again.text);
        assert_eq!(again.text, first.text);
    }
    for body in [
        r#"{"expires_in":600,"metadata":{"cart":"7","n":[{"x":null,"y":2},1]}}"#,
        r#"{"expires_in":600,"metadata":{"cart":"7","n":[1,{"y":2}]}}"#,
        r#"{"expires_in":600,"metadata":{"cart":7,"n":[1,{"x":null,"y":2}]}}"#,
        r#"{"expires_in":600,"metadata":{"cart":"7","n":[1,{"x":null,"y":2.0000000000000000001}]}}"#,
        r#"{"expires_in":601,"metadata":{"cart":"7","n":[1,{"x":null,"y":2}]}}"#,
        r#"{"expires_in":600}"#,
    ] {
        let answer = send("a", body).await;
        assert_eq!(answer.failure(), (409, "idempotency_conflict", Some("Idempotency-Key")), "{body}");
    }

    let order_to_pay = id_of(&service.create_order(order()).await);
    let event =
        |body: &str| service.event(&order_to_pay, body.as_bytes()).header("idempotency-key", "an event");
    let body = event_of("0x01", "1");
    let (kind, data) = (&body["type"], &body["data"]);
    let first = service.send(event(&format!(r#"{{"type":{kind},"data":{data}}}"#))).await;
    let again = service.send(event(&format!(r#"{{ "data":{data}, "type":{kind} }}"#))).await;
    assert!(again.is_replay(), "{}", again.text);
    assert_eq!(again.text, first.text);
}

#[tokio::test]
async fn one_key_for_two_sessions_orders_is_a_conflict() {
    let service = Service::start().await;
    let (one, other) = (service.session().await, service.session().await);
    let call = CreateOrder(order_for(&one));
    let first = call.send(&service, KEY).await;
    assert_done(&call, &first);
    for body in [order_for(&other), order()] {
        let answer = CreateOrder(body).send(&service, KEY).await;
        assert_eq!(answer.failure().1, "idempotency_conflict");
    }
    let other = service.get_session(&other).await;
    assert_eq!(other.ok()["order_id"], json!(null));
}

#[tokio::test]
async fn a_refused_body_is_not_remembered() {
    let service = Service::start().await;
    let (to_link, to_pay) = (service.session().await, service.create_order(order()).await);
    let (linked, to_pay) = (order_for(&to_link), id_of(&to_pay));
    for (key, refused, accepted) in [
        ("session", CreateSession(json!({ "expires_in": 1 })), CreateSession(json!({ "expires_in": 300 }))),
        ("alone", CreateOrder(with(order(), json!({ "srcAmount": "0" }))), CreateOrder(order())),
        ("linked", CreateOrder(with(linked.clone(), json!({ "dstChain": 1 }))), CreateOrder(linked)),
        (
            "event",
            RecordEvent(to_pay.clone(), event_of("0x01", "-1")),
            RecordEvent(to_pay, event_of("0x01", "1")),
        ),
    ] {
        for _ in 0..2 {
            let answer = refused.send(&service, key).await;
            assert_eq!(answer.status, 400, "{refused:?}");
            assert!(!answer.is_replay(), "{refused:?}");
        }
        let first = accepted.send(&service, key).await;
        assert_done(&accepted, &first);
        assert_replayed(&service, &accepted, key, &first).await;
    }
}

#[tokio::test]
async fn a_call_that_failed_for_its_time_succeeds_later_under_the_same_key() {
    let service = Service::start().await;
    let (to_link, to_expire) = (service.session().await, service.session().await);
    let opened = service.clock.now();
    for call in [CreateOrder(order_for(&to_link)), Expire(to_expire.clone(), json!({}))] {
        service.clock.set(opened + DEFAULT_LIFETIME);
        let answer = call.send(&service, KEY).await;
        assert_eq!(answer.failure().1, "invalid_status_transition");
        service.clock.set(opened);
        let first = call.send(&service, KEY).await;
        assert_done(&call, &first);
        assert_replayed(&service, &call, KEY, &first).await;
    }
}

#[tokio::test]
async fn an_event_that_came_before_its_order_is_taken_later_under_the_same_key() {
    let service = Service::start().await;
    let session = service.session().await;
    let order = SessionId::parse(&session).unwrap().order().to_string();
    let call = RecordEvent(order.clone(), event_of("0x01", "1000000"));
    assert_eq!(call.send(&service, KEY).await.failure().0, 404);
    assert_eq!(service.linked_order(&session).await, order);
    let first = call.send(&service, KEY).await;
    assert_done(&call, &first);
    assert_replayed(&service, &call, KEY, &first).await;
    assert_eq!(service.session_status(&session).await, "processing");
}

#[tokio::test]
async fn a_badly_signed_event_is_not_remembered() {
    let service = Service::start().await;
    let order = id_of(&service.create_order(order()).await);
    let call = RecordEvent(order.clone(), event_of("0x01", "1"));
    let unsigned = service
        .post(&format!("/orders/{order}/events"))
        .header("idempotency-key", KEY)
        .json(&event_of("0x01", "1"));
    assert_eq!(service.send(unsigned).await.failure().0, 401);
    let first = call.send(&service, KEY).await;
    assert_done(&call, &first);

    // Nor does a key open what a signature should.
    let unsigned = service
        .post(&format!("/orders/{order}/events"))
        .header("idempotency-key", KEY)
        .json(&event_of("0x01", "1"));
    assert_eq!(service.send(unsigned).await.failure().0, 401);
}

#[tokio::test]
async fn a_conflict_over_a_session_is_not_remembered() {
    let service = Service::start().await;
    let session = service.session().await;
    let first_order = service.linked_order(&session).await;
    let call = CreateOrder(order_for(&session));
    for call in [call.clone(), call.clone(), call.with_another_body()] {
        let answer = call.send(&service, KEY).await;
        assert_eq!(answer.failure().1, "session_already_has_order");
        assert_eq!(answer.body["error"]["order_id"], first_order);
    }
    // The key is still free.
    let another = service.session().await;
    let call = CreateOrder(order_for(&another));
    assert_done(&call, &call.send(&service, KEY).await);
}

//! The `Idempotency-Key` of every POST.

use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, Select};
use domain::id::{OrderId, SessionId};
use domain::idempotency_key::IdempotencyKey;
use domain::order::Order;
use harness::{Answer, DEFAULT_LIFETIME, Service, deposit, execution, id_of, order, order_for, with};
use insta::assert_json_snapshot;
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use store::Store;

const KEY: &str = "cart-1042";

/// A call that makes or changes something.
#[derive(Debug, Clone)]
enum Call {
    CreateSession(Value),
    Expire(String, Value),
    CreateOrder(Value),
    RecordEvent(String, Value),
}

use Call::{CreateOrder, CreateSession, Expire, RecordEvent};

impl Call {
    /// Returns the request, with a valid signature if the route needs one.
    fn request(&self, service: &Service) -> RequestBuilder {
        match self {
            CreateSession(body) => service.post("/checkout-sessions").json(body),
            Expire(session, body) => service.post(&format!("/checkout-sessions/{session}/expire")).json(body),
            CreateOrder(body) => service.post("/orders").json(body),
            RecordEvent(order, body) => service.event(order, body.to_string().as_bytes()),
        }
    }

    /// The same call with another body that is just as good.
    fn with_another_body(&self) -> Self {
        match self {
            CreateSession(_) => CreateSession(json!({ "expires_in": 600 })),
            Expire(session, _) => Expire(session.clone(), json!({ "reason": "another" })),
            CreateOrder(body) => CreateOrder(with(body.clone(), json!({ "srcAmount": "2000000" }))),
            RecordEvent(order, _) => RecordEvent(order.clone(), event_of("0x99", "99")),
        }
    }

    /// Sends it with an idempotency key.
    async fn send(&self, service: &Service, key: &str) -> Answer {
        let request = self.request(service).header("idempotency-key", key.as_bytes());
        service.send(request).await
    }
}

/// The body of a `deposit.detected`.
fn event_of(hash: &str, amount: &str) -> Value {
    json!({ "type": "deposit.detected", "data": deposit(hash, amount) })
}

/// One call of every kind, each of which can succeed. The last two are of one route and share its keys.
async fn every_call(service: &Service) -> [Call; 5] {
    let (to_link, to_expire) = (service.session().await, service.session().await);
    let order_to_pay = id_of(&service.create_order(order()).await);
    [
        CreateSession(json!({ "metadata": { "cart": "c-1042" } })),
        Expire(to_expire, json!({})),
        RecordEvent(order_to_pay, event_of("0x01", "400000")),
        CreateOrder(order()),
        CreateOrder(order_for(&to_link)),
    ]
}

/// How many items the table holds.
async fn stored_items(service: &Service) -> i32 {
    let scan = service.database.scan().table_name(&service.table);
    scan.select(Select::Count).send().await.unwrap().count
}

/// Asserts that a call is answered as the first one was.
async fn assert_replayed(service: &Service, call: &Call, key: &str, first: &Answer) {
    let answer = call.send(service, key).await;
    assert_eq!(answer.status, 200, "{call:?}: {}", answer.text);
    assert!(answer.is_replay(), "{call:?}");
    assert_eq!(answer.text, first.text, "{call:?}");
}

/// Asserts that a call was done, and not for the second time.
fn assert_done(call: &Call, answer: &Answer) {
    assert_eq!(answer.status, 200, "{call:?}: {}", answer.text);
    assert_eq!(answer.header("idempotent-replayed"), None, "{call:?}");
}

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
async fn a_key_has_1_to_256_characters() {
    let service = Service::start().await;
    let longest = "k".repeat(256);
    for key in ["k", "k k", "ключ", &"ü".repeat(256), &longest] {
        let [session, expire, event, _, linked] = every_call(&service).await;
        for call in [&session, &expire, &event, &linked] {
            let first = call.send(&service, key).await;
            assert_done(call, &first);
            assert_replayed(&service, call, key, &first).await;
        }
    }
    for key in ["", &"k".repeat(257), &"ü".repeat(257)] {
        for call in every_call(&service).await {
            let answer = call.send(&service, key).await;
            let expected = (400, "invalid_field_value", Some("Idempotency-Key"));
            assert_eq!(answer.failure(), expected, "{call:?}");
        }
    }
    let answer = CreateSession(json!({})).send(&service, "").await;
    assert_json_snapshot!(answer.body, @r#"
    {
      "error": {
        "code": "invalid_field_value",
        "message": "Idempotency-Key must be 1 to 256 characters",
        "param": "Idempotency-Key",
        "type": "invalid_request_error"
      },
      "message": "Idempotency-Key must be 1 to 256 characters",
      "statusCode": 400,
      "success": false
    }
    "#);
}

#[tokio::test]
async fn keys_that_differ_in_one_character_are_two() {
    let service = Service::start().await;
    let mut ids = Vec::new();
    let (longest, other) = (format!("{}a", "k".repeat(255)), format!("{}b", "k".repeat(255)));
    for key in ["k", "K", "kk", "k2", "k,k", &longest, &other] {
        let answer = CreateSession(json!({})).send(&service, key).await;
        assert_eq!(answer.header("idempotent-replayed"), None, "{key}");
        ids.push(id_of(&answer));
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 7);
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

#[tokio::test]
async fn one_key_is_another_on_every_route() {
    let service = Service::start().await;
    let [session, expire, event, alone, _] = every_call(&service).await;
    let calls = [session, expire, event, alone];
    let mut firsts = Vec::new();
    for call in &calls {
        let first = call.send(&service, KEY).await;
        assert_done(call, &first);
        firsts.push(first);
    }
    for (call, first) in calls.iter().zip(&firsts) {
        assert_replayed(&service, call, KEY, first).await;
    }
}

#[tokio::test]
async fn one_key_is_another_for_every_session_and_order_in_the_path() {
    let service = Service::start().await;
    let mut calls = Vec::new();
    for _ in 0..2 {
        calls.push(Expire(service.session().await, json!({})));
        let order = id_of(&service.create_order(order()).await);
        calls.push(RecordEvent(order, event_of("0x01", "1")));
    }
    let mut firsts = Vec::new();
    for call in &calls {
        let first = call.send(&service, KEY).await;
        assert_done(call, &first);
        firsts.push(first);
    }
    for (call, first) in calls.iter().zip(&firsts) {
        assert_replayed(&service, call, KEY, first).await;
        // Under the other spelling of the same path the key is the same.
        let shouted = match call.clone() {
            Expire(session, body) => Expire(session.to_uppercase(), body),
            RecordEvent(order, body) => RecordEvent(order.to_uppercase(), body),
            other @ (CreateSession(_) | CreateOrder(_)) => other,
        };
        assert_replayed(&service, &shouted, KEY, first).await;
    }
}

#[tokio::test]
async fn one_key_is_another_for_every_caller() {
    let service = Service::start().await;
    let callers: [&[(&str, &str)]; 7] = [
        &[],
        &[("x-api-key", "pk_1")],
        &[("x-api-key", "pk_2")],
        &[("authorization", "pk_1")],
        &[("authorization", "Bearer pk_1")],
        &[("x-api-key", "pk_1"), ("authorization", "Bearer pk_1")],
        &[("x-api-key", "pk_2"), ("authorization", "Bearer pk_1")],
    ];
    for call in [CreateSession(json!({})), CreateOrder(order())] {
        let send = async |caller: &[(&str, &str)], call: &Call| {
            let mut request = call.request(&service).header("idempotency-key", KEY);
            for (name, value) in caller {
                request = request.header(*name, *value);
            }
            service.send(request).await
        };
        let mut firsts = Vec::new();
        for caller in callers {
            let first = send(caller, &call).await;
            assert_done(&call, &first);
            firsts.push(first);
        }
        for (caller, first) in callers.into_iter().zip(&firsts) {
            let replayed = send(caller, &call).await;
            assert!(replayed.is_replay(), "{caller:?}");
            assert_eq!(replayed.text, first.text, "{caller:?}");
            let conflict = send(caller, &call.with_another_body()).await;
            assert_eq!(conflict.failure().1, "idempotency_conflict", "{caller:?}");
        }
        let mut ids: Vec<_> = firsts.iter().map(id_of).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), callers.len());
    }
}

#[tokio::test]
async fn other_headers_make_no_other_key() {
    let service = Service::start().await;
    let call = CreateSession(json!({ "client_reference_id": "ü" }));
    let first = call.send(&service, KEY).await;
    for (name, value) in [
        ("user-agent", "another/1.0"),
        ("origin", "https://shop.example"),
        ("x-request-id", "7"),
        ("cookie", "a=b"),
    ] {
        let request = call.request(&service).header("idempotency-key", KEY);
        let answer = service.send(request.header(name, value)).await;
        assert!(answer.is_replay(), "{name}");
        assert_eq!(answer.text, first.text);
    }
    // Without a content type API Gateway hands the same body on in base64.
    let request = service
        .post("/checkout-sessions")
        .header("idempotency-key", KEY)
        .body(json!({ "client_reference_id": "ü" }).to_string());
    let answer = service.send(request).await;
    assert!(answer.is_replay());
    assert_eq!(answer.text, first.text);
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

#[tokio::test]
async fn neither_keys_nor_credentials_are_stored() {
    let service = Service::start().await;
    for (key, call) in ["1", "2", "3", "4", "5"].into_iter().zip(every_call(&service).await) {
        let request = call
            .request(&service)
            .header("idempotency-key", format!("key-{key}-of-alice"))
            .header("x-api-key", "pk-of-alice")
            .header("authorization", "Bearer sk-of-alice");
        assert_done(&call, &service.send(request).await);
    }
    let scan = service.database.scan().table_name(&service.table);
    let items = format!("{:?}", scan.send().await.unwrap().items);
    assert!(items.contains("idempotency#"));
    assert!(!items.contains("of-alice"), "{items}");
}

//! What a key is: its characters, and the route, path and caller that it belongs to.

use harness::{Service, id_of, order};
use insta::assert_json_snapshot;
use serde_json::json;

use super::{
    Call::{self, CreateOrder, CreateSession, Expire, RecordEvent},
    KEY, assert_done, assert_replayed, event_of, every_call,
};

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

//! API keys: who may do what, what a key costs, and how fast a revoked key is refused.

use std::collections::BTreeSet;
use std::time::Duration;

use dev::keys;
use domain::api_key::Role;
use domain::merchant::Merchant;
use harness::proxy::{Fate, interpose};
use harness::{
    Answer, Service, Setup, TestClock, deposit, execution, new_uuid, order, order_for, template, with,
};
use reqwest::RequestBuilder;
use serde_json::{Value, json};

/// Long enough that no instance believes what it read.
const STALE: Duration = Duration::from_millis(10_001);

fn signed(request: RequestBuilder, key: &str) -> RequestBuilder {
    request.header("authorization", format!("Bearer {key}"))
}

fn merchant() -> Merchant {
    Merchant::parse("shop").unwrap()
}

/// What a route answers to a call without a key, with a read key and with a secret key.
type Row = [u16; 3];

/// The matrix of docs/api.md, *API keys*.
fn row(route: &str) -> Option<Row> {
    Some(match route {
        "POST /checkout-sessions" | "POST /checkout-sessions/{sessionId}/expire" | "POST /orders" => {
            [200, 403, 200]
        }
        "GET /checkout-sessions" | "GET /orders" => [401, 200, 200],
        // Keys mean nothing to signed events.
        "GET /checkout-sessions/{sessionId}" | "GET /orders/{orderId}" | "POST /orders/{orderId}/events" => {
            [200, 200, 200]
        }
        _ => return None,
    })
}

/// A request to a route that succeeds, if its caller may send it.
async fn request(service: &Service, route: &str) -> RequestBuilder {
    let session = service.session().await;
    match route {
        "POST /checkout-sessions" => service.post("/checkout-sessions").json(&json!({})),
        "GET /checkout-sessions" => service.get("/checkout-sessions"),
        "GET /orders" => service.get("/orders?creatorAddress=0x1"),
        "GET /checkout-sessions/{sessionId}" => service.get(&format!("/checkout-sessions/{session}")),
        "POST /checkout-sessions/{sessionId}/expire" => {
            service.post(&format!("/checkout-sessions/{session}/expire"))
        }
        "POST /orders" => service.post("/orders").json(&order_for(&session)),
        "GET /orders/{orderId}" => {
            let order = service.linked_order(&session).await;
            service.get(&format!("/orders/{order}"))
        }
        "POST /orders/{orderId}/events" => {
            let order = service.linked_order(&session).await;
            let body = json!({ "type": "deposit.detected", "data": deposit("0x01", "1") }).to_string();
            service.event(&order, body.as_bytes())
        }
        _ => panic!("{route} has no request"),
    }
}

/// The routes of the API. Pages are for browsers and webhooks come from vendors. Neither have keys, and no such header is
/// read.
fn routes() -> BTreeSet<String> {
    let without_keys = ["checkout-page", "pay-order", "record-coinbase-event", "record-stripe-event"];
    let routes = template().routes.iter().filter(|route| !without_keys.contains(&route.function.as_str()));
    routes.map(|route| format!("{} {}", route.method, route.path)).collect()
}

#[tokio::test]
async fn each_route_admits_exactly_the_roles_of_its_row() {
    let service = Service::start().await;
    let read = service.api_key("shop", Role::Read).await;
    let secret = service.api_key("shop", Role::Secret).await;
    for route in routes() {
        let expected = row(&route).unwrap_or_else(|| panic!("{route} has no row"));
        let keys = [None, Some(&read), Some(&secret)];
        for (key, expected) in keys.into_iter().zip(expected) {
            let request = request(&service, &route).await;
            let request = key.into_iter().fold(request, |request, key| signed(request, key));
            let answer = service.send(request).await;
            assert_eq!(answer.status, expected, "{route}: {}", answer.text);
            if expected == 401 {
                assert_eq!(answer.failure(), (401, "key_missing", None), "{route}");
            }
            if expected == 403 {
                assert_eq!(answer.failure(), (403, "insufficient_permissions", None), "{route}");
            }
        }
    }
}

#[tokio::test]
async fn a_wrong_key_is_refused_on_every_route_and_changes_nothing() {
    let service = Service::start().await;
    let key = service.api_key("shop", Role::Secret).await;
    let unknown = Service::start().await.api_key("shop", Role::Secret).await;
    let mut typo = key.clone();
    typo.replace_range(10..11, if key.get(10..11) == Some("a") { "b" } else { "a" });
    let (expiring, _) = service.api_key_for("shop", Role::Secret, Some(Duration::from_mins(1))).await;
    let (revoked, id) = service.api_key_for("shop", Role::Secret, None).await;
    keys::revoke(&service.store(), &merchant(), &id, service.clock.now()).await.unwrap();
    service.clock.advance(Duration::from_mins(1));

    for route in routes() {
        for (key, code) in [
            (typo.as_str(), "key_invalid"),
            ("csk_", "key_invalid"),
            (unknown.as_str(), "key_invalid"),
            (expiring.as_str(), "key_expired"),
            (revoked.as_str(), "key_revoked"),
        ] {
            let request = request(&service, &route).await;
            let answer = service.send(signed(request, key)).await;
            if route == "POST /orders/{orderId}/events" {
                answer.ok();
            } else {
                assert_eq!(answer.failure(), (401, code, None), "{route}");
            }
        }
    }
}

#[tokio::test]
async fn a_key_is_judged_before_an_id() {
    let service = Service::start().await;
    let unknown = Service::start().await.api_key("shop", Role::Secret).await;
    for key in ["csk_", unknown.as_str()] {
        for path in ["/checkout-sessions/7", "/checkout-sessions/7?include=order", "/orders/7"] {
            let answer = service.send(signed(service.get(path), key)).await;
            assert_eq!(answer.failure(), (401, "key_invalid", None), "{path}");
        }
    }
}

#[tokio::test]
async fn what_is_no_key_of_ours_is_ignored() {
    let service = Service::start().await;
    let key = service.api_key("shop", Role::Secret).await;
    for (name, value) in [
        ("authorization", "Bearer sk_live_51Hd83k"),
        ("authorization", "Basic dXNlcjpwYXNzd29yZA=="),
        ("authorization", ""),
        ("x-api-key", "anyspend-key"),
        ("x-api-key", "CSK_in_capitals"),
    ] {
        service.calls.take();
        service.send(service.post("/checkout-sessions").json(&json!({})).header(name, value)).await.ok();
        assert_eq!(service.calls.take().len(), 1, "{value}");
    }
    let private = json!({ "private_metadata": { "margin": 3 } });
    for (name, value) in [
        ("x-api-key", key.clone()),
        ("x-api-key", format!("Bearer {key}")),
        ("authorization", format!("bearer   {key} ")),
        ("authorization", key.clone()),
    ] {
        let request = service.post("/checkout-sessions").json(&private).header(name, value);
        service.send(request).await.ok();
    }
    // Two keys: it is not said which counts.
    let other = service.api_key("other", Role::Secret).await;
    let both = service.post("/checkout-sessions").json(&private).header("x-api-key", &other);
    assert_eq!(service.send(signed(both, &key)).await.failure(), (401, "key_invalid", None));
}

#[tokio::test]
async fn junk_costs_no_call_to_the_database() {
    let service = Service::start().await;
    let session = service.session().await;
    service.calls.take();
    for junk in ["csk_", "crk_0", &format!("csk_{}", "0".repeat(49)), &format!("csk_{}", "é".repeat(24))] {
        for request in [
            service.post("/checkout-sessions").json(&json!({})),
            service.get(&format!("/checkout-sessions/{session}")),
        ] {
            let answer = service.send(request.header("x-api-key", junk.as_bytes())).await;
            assert_eq!(answer.failure(), (401, "key_invalid", None), "{junk}");
        }
    }
    assert!(service.calls.take().is_empty());
}

/// The operations of a call with a key, and how many of them wait for another.
async fn operations(service: &Service, request: RequestBuilder) -> (Vec<String>, bool) {
    service.calls.take();
    service.send(request).await.ok();
    let mut calls = service.calls.take();
    calls.sort_by_key(|call| call.sent);
    let is_side_by_side = calls.windows(2).all(|pair| pair[1].sent < pair[0].answered);
    (calls.into_iter().map(|call| call.operation).collect(), is_side_by_side)
}

#[tokio::test]
async fn a_write_reads_its_key_first_and_a_busy_instance_never_waits_for_it() {
    let service = Service::start().await;
    let key = service.api_key("shop", Role::Secret).await;
    let create = || signed(service.post("/checkout-sessions").json(&json!({})), &key);

    let (calls, is_side_by_side) = operations(&service, create()).await;
    assert_eq!(calls, ["GetItem", "PutItem"]);
    assert!(!is_side_by_side);
    service.clock.advance(Duration::from_millis(4_999));
    assert_eq!(operations(&service, create()).await.0, ["PutItem"]);
    // From here on the key is read again, beside the write.
    service.clock.advance(Duration::from_millis(1));
    let (calls, is_side_by_side) = operations(&service, create()).await;
    assert_eq!(BTreeSet::from_iter(calls), BTreeSet::from(["GetItem".to_owned(), "PutItem".to_owned()]));
    assert!(is_side_by_side);
    assert_eq!(operations(&service, create()).await.0, ["PutItem"]);
    service.clock.advance(STALE);
    let (calls, is_side_by_side) = operations(&service, create()).await;
    assert_eq!(calls, ["GetItem", "PutItem"]);
    assert!(!is_side_by_side);
}

#[tokio::test]
async fn a_read_by_id_never_waits_for_its_key() {
    let service = Service::start().await;
    let key = service.api_key("shop", Role::Read).await;
    let session = service.session().await;
    let order = service.linked_order(&session).await;
    for path in [format!("/checkout-sessions/{session}"), format!("/orders/{order}")] {
        let (calls, is_side_by_side) = operations(&service, signed(service.get(&path), &key)).await;
        assert_eq!(calls.len(), 2, "{path}");
        assert!(is_side_by_side, "{path}");
        assert_eq!(operations(&service, signed(service.get(&path), &key)).await.0.len(), 1, "{path}");
    }
}

#[tokio::test]
async fn a_revoked_key_is_refused_by_every_instance_within_ten_seconds() {
    let service = Service::start().await;
    let instances = [&service, &service.beside(&service.endpoint, &service.clock).await];
    let (key, id) = service.api_key_for("shop", Role::Secret, None).await;
    let session = service.session().await;
    let requests = |service: &Service| {
        [
            signed(service.post("/checkout-sessions").json(&json!({})), &key),
            signed(service.get(&format!("/checkout-sessions/{session}")), &key),
        ]
    };
    for service in instances {
        for request in requests(service) {
            service.send(request).await.ok();
        }
    }
    keys::revoke(&service.store(), &merchant(), &id, service.clock.now()).await.unwrap();
    service.clock.advance(STALE);
    for service in instances {
        for request in requests(service) {
            assert_eq!(service.send(request).await.failure(), (401, "key_revoked", None));
        }
    }
}

#[tokio::test]
async fn a_key_that_is_used_all_the_time_is_refused_within_ten_seconds_of_its_revocation() {
    let service = Service::start().await;
    let (key, id) = service.api_key_for("shop", Role::Secret, None).await;
    let create = || signed(service.post("/checkout-sessions").json(&json!({})), &key);
    service.send(create()).await.ok();
    keys::revoke(&service.store(), &merchant(), &id, service.clock.now()).await.unwrap();
    for _ in 0..10 {
        service.clock.advance(Duration::from_secs(1));
        service.send(create()).await;
    }
    service.clock.advance(Duration::from_millis(1));
    assert_eq!(service.send(create()).await.failure(), (401, "key_revoked", None));
}

#[tokio::test]
async fn a_key_expires_to_the_millisecond_even_if_it_is_remembered() {
    let service = Service::start().await;
    let (key, _) = service.api_key_for("shop", Role::Secret, Some(Duration::from_secs(3))).await;
    let create = || signed(service.post("/checkout-sessions").json(&json!({})), &key);
    service.clock.advance(Duration::from_millis(2_999));
    service.send(create()).await.ok();
    service.clock.advance(Duration::from_millis(1));
    assert_eq!(service.send(create()).await.failure(), (401, "key_expired", None));
}

#[tokio::test]
async fn a_rotated_key_is_accepted_until_the_overlap_ends() {
    let service = Service::start().await;
    let (earlier, id) = service.api_key_for("shop", Role::Secret, None).await;
    let now = service.clock.now();
    let day = Duration::from_hours(24);
    let (key, record, old) = keys::rotate(&service.store(), &merchant(), &id, day, now).await.unwrap();
    assert_eq!(old.expires_at, Some(now + day));
    assert_eq!((record.role, record.expires_at), (Role::Secret, None));
    // Once more, the new key would end with the overlap, also if the second one is shorter.
    for overlap in [day, Duration::from_mins(1)] {
        let again =
            keys::rotate(&service.store(), &merchant(), &id, overlap, now + Duration::from_secs(1)).await;
        assert!(again.unwrap_err().to_string().contains("was rotated before"));
    }
    let create = |key: &str| signed(service.post("/checkout-sessions").json(&json!({})), key);
    service.send(create(&earlier)).await.ok();
    service.send(create(key.reveal())).await.ok();
    service.clock.advance(day);
    assert_eq!(service.send(create(&earlier)).await.failure(), (401, "key_expired", None));
    service.send(create(key.reveal())).await.ok();

    let listed = keys::list(&service.store(), &merchant()).await.unwrap();
    assert_eq!(listed.len(), 2);
    assert!(keys::list(&service.store(), &Merchant::parse("other").unwrap()).await.unwrap().is_empty());
    let lines: Vec<String> = listed.iter().map(|key| keys::describe(key, service.clock.now())).collect();
    assert!(lines.iter().any(|line| line.contains("expired")), "{lines:?}");
    for line in &lines {
        assert!(!line.contains(key.reveal()) && !line.contains(&earlier), "{line}");
    }
    // Rotating what is over, and what is not there.
    assert!(keys::rotate(&service.store(), &merchant(), &id, day, service.clock.now()).await.is_err());
    assert!(keys::revoke(&service.store(), &merchant(), "key_0", service.clock.now()).await.is_err());
}

#[tokio::test]
async fn an_end_of_a_key_is_never_moved_back() {
    let service = Service::start().await;
    let (_, id) = service.api_key_for("shop", Role::Secret, Some(Duration::from_mins(1))).await;
    let (store, now) = (service.store(), service.clock.now());
    // A key that is nearly over gets a successor that lives as long as it did.
    let (_, new, old) = keys::rotate(&store, &merchant(), &id, Duration::from_hours(1), now).await.unwrap();
    assert_eq!(old.expires_at, Some(now + Duration::from_mins(1)));
    assert_eq!(new.expires_at, Some(now + Duration::from_mins(1)));
    let first = keys::revoke(&store, &merchant(), &id, now).await.unwrap();
    let second = keys::revoke(&store, &merchant(), &id, now + Duration::from_secs(5)).await.unwrap();
    assert_eq!(first.revoked_at, second.revoked_at);
}

#[tokio::test]
async fn a_look_up_that_hangs_is_a_503() {
    let service = Service::start().await;
    let key = service.api_key("shop", Role::Secret).await;
    let session = service.session().await;
    let endpoint =
        interpose(&service, |operation| if operation == "GetItem" { Fate::Silence } else { Fate::Forward })
            .await;
    let hung = service.beside(&endpoint, &TestClock::at_the_present()).await;
    for request in [
        signed(hung.post("/checkout-sessions").json(&json!({})), &key),
        signed(hung.get(&format!("/checkout-sessions/{session}?include=order")), &key),
    ] {
        assert_eq!(hung.send(request).await.failure(), (503, "temporarily_unavailable", None));
    }
}

#[tokio::test]
async fn the_keys_of_one_merchant_share_their_idempotency_keys() {
    let service = Service::start().await;
    let create = async |key: Option<&str>| {
        let request = service.post("/checkout-sessions").json(&json!({})).header("idempotency-key", "cart-1");
        let request = key.into_iter().fold(request, signed);
        service.send(request).await
    };
    let first = service.api_key("shop", Role::Secret).await;
    let second = service.api_key("shop", Role::Secret).await;
    let other = service.api_key("other", Role::Secret).await;
    let made = create(Some(&first)).await;
    let replay = create(Some(&second)).await;
    assert!(replay.is_replay());
    assert_eq!(replay.ok()["id"], made.ok()["id"]);
    for key in [Some(other.as_str()), None] {
        let answer = create(key).await;
        assert!(!answer.is_replay());
        assert_ne!(answer.ok()["id"], made.ok()["id"]);
    }
}

#[tokio::test]
async fn private_metadata_is_shown_to_the_keys_of_its_merchant_alone() {
    let service = Service::start().await;
    let secret = service.api_key("shop", Role::Secret).await;
    let read = service.api_key("shop", Role::Read).await;
    let other = service.api_key("other", Role::Secret).await;
    let text = r#"{"margin":"31 percent of the price","nested":[null,{"z":1.0,"a":2}]}"#;
    let private: Value = serde_json::from_str(text).unwrap();
    let body = format!(r#"{{ "metadata": {{ "cart": 1 }}, "private_metadata": {text} }}"#);
    let created = service.send(signed(service.post("/checkout-sessions").body(body), &secret)).await;
    assert!(created.ok().get("private_metadata").is_none());
    let session = created.ok()["id"].as_str().unwrap().to_owned();
    service.linked_order(&session).await;

    for query in ["", "?include=order"] {
        let get = || service.get(&format!("/checkout-sessions/{session}{query}"));
        for key in [&secret, &read] {
            let shown = service.send(signed(get(), key)).await;
            assert_eq!(shown.ok()["private_metadata"], private);
            assert!(shown.text.contains(text), "{}", shown.text);
        }
        for request in [get(), signed(get(), &other)] {
            let shown = service.send(request).await;
            assert!(shown.ok().get("private_metadata").is_none(), "{}", shown.text);
            assert!(!shown.text.contains("margin"), "{}", shown.text);
        }
    }
    let expire = || service.post(&format!("/checkout-sessions/{session}/expire"));
    assert_eq!(service.send(signed(expire(), &secret)).await.ok()["private_metadata"], private);
}

#[tokio::test]
async fn private_metadata_needs_a_key_and_follows_the_rules_of_metadata() {
    let service = Service::start().await;
    let key = service.api_key("shop", Role::Secret).await;
    let create = |body: Value| service.post("/checkout-sessions").json(&body);
    let refused = service.send(create(json!({ "private_metadata": {} }))).await;
    assert_eq!(refused.failure(), (401, "key_missing", Some("private_metadata")));
    service.send(create(json!({ "private_metadata": null }))).await.ok();
    for value in [json!("text"), json!([1]), json!({ "long": "x".repeat(16 * 1024) })] {
        let refused = service.send(signed(create(json!({ "private_metadata": value })), &key)).await;
        assert_eq!(refused.failure(), (400, "invalid_field_value", Some("private_metadata")));
    }
}

#[tokio::test]
async fn the_table_holds_no_key() {
    let service = Service::start().await;
    let key = service.api_key("shop", Role::Secret).await;
    let create = signed(service.post("/checkout-sessions").json(&json!({})), &key);
    service.send(create.header("idempotency-key", "with a key")).await.ok();
    let items = service.database.scan().table_name(&service.table).send().await.unwrap().items.unwrap();
    assert!(items.len() >= 4, "a session, an idempotency record, a key twice");
    let secret = key.get(8..49).unwrap();
    for item in items {
        assert!(!format!("{item:?}").contains(secret), "{item:?}");
    }
}

#[tokio::test]
async fn a_service_that_requires_keys_lets_payers_pay() {
    let service = Service::start_with(&Setup { requires_key: true, ..Setup::default() }).await;
    let refused =
        |answer: &Answer| assert_eq!(answer.failure(), (401, "key_missing", None), "{}", answer.text);
    refused(&service.create_session(json!({})).await);
    refused(&service.create_order(order()).await);
    // A linked order needs no key: its session has a merchant.
    let unknown = service.create_order(order_for(&new_uuid().to_string())).await;
    assert_eq!(unknown.failure(), (400, "session_not_found", Some("checkoutSessionId")));

    let key = service.api_key("shop", Role::Secret).await;
    let created = service.send(signed(service.post("/checkout-sessions").json(&json!({})), &key)).await;
    let session = created.ok()["id"].as_str().unwrap().to_owned();
    service.send(signed(service.post("/orders").json(&order()), &key)).await.ok();
    let order = service.linked_order(&session).await;
    service.record_event(&order, "deposit.detected", deposit("0x01", "1000000")).await.ok();
    service.record_event(&order, "order.executed", execution("0x02")).await.ok();
    assert_eq!(service.session_status(&session).await, "complete");
}

#[tokio::test]
async fn an_order_of_a_session_is_whose_the_session_is() {
    let service = Service::start().await;
    let key = service.api_key("shop", Role::Secret).await;
    let other = service.api_key("other", Role::Secret).await;
    let created = service.send(signed(service.post("/checkout-sessions").json(&json!({})), &key)).await;
    let session = created.ok()["id"].as_str().unwrap();
    let linked = service.send(signed(service.post("/orders").json(&order_for(session)), &other)).await;
    let alone = service.send(signed(service.post("/orders").json(&with(order(), json!({}))), &other)).await;
    for (answer, merchant) in [(linked, "shop"), (alone, "other")] {
        let id = answer.ok()["id"].as_str().unwrap().parse().unwrap();
        let order = domain::id::OrderId::from_uuid(id);
        let checkout = service.store().read_checkout(order).await.unwrap().unwrap();
        assert_eq!(checkout.merchant().map(Merchant::as_str), Some(merchant));
    }
}

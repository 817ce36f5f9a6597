//! Responses about a linked order hide its session's id from callers who know the order alone.

use harness::{Service, deposit, execution, id_of, new_uuid, order, order_for, with};
use serde_json::{Value, json};

/// The members of an order that name its origin, with a session's id hidden in each of them.
fn hiding(session: &str) -> Value {
    let upper = session.to_uppercase();
    let bare = session.replace('-', "");
    json!({
        "metadata": { "return": format!("https://shop.example/?s={session}"), session: true },
        "callbackMetadata": {
            "checkoutSessionId": session,
            "nested": [{ "deep": { "id": upper } }, bare, 7],
            "other": "kept",
        },
        "creatorAddress": session,
        "partnerId": format!("partner of {upper}"),
        "clientReferenceId": session,
        "onramp": { "vendor": "none", "paymentMethod": bare, "country": session },
    })
}

/// Whether a text holds a session's id in any spelling of its letters and hyphens.
fn reveals(text: &str, session: &str) -> bool {
    let plain = |text: &str| text.to_lowercase().replace('-', "");
    plain(text).contains(&plain(session))
}

#[tokio::test]
async fn who_knows_the_order_alone_never_learns_the_sessions_id() {
    let service = Service::start().await;
    let success_url = json!({ "success_url": "https://shop.example/{SESSION_ID}" });
    let session = id_of(&service.create_session(success_url).await);
    let created = service.create_order(with(order_for(&session), hiding(&session))).await;
    let id = id_of(&created);
    let relay = json!({ "relay": { "session": session } });
    let executed = with(execution("0x02"), relay);
    let from = json!({ "from": session });
    let failed = json!({ "errorDetails": format!("session {session} failed") });
    for (kind, data) in [
        ("deposit.detected", with(deposit("0x01", "1"), from)),
        ("order.executed", executed),
        ("order.failed", failed),
    ] {
        let request = service.event(&id, json!({ "type": kind, "data": data }).to_string().as_bytes());
        let request = request.header("idempotency-key", kind);
        let again = request.try_clone().unwrap();
        for request in [request, again] {
            let answer = service.send(request).await;
            answer.ok();
            assert!(!reveals(&answer.text, &session), "{}", answer.text);
        }
    }
    let read = service.get_order(&id).await;
    assert!(!reveals(&read.text, &session), "{}", read.text);
    let shown = &read.ok()["order"];
    assert_eq!(shown["onrampMetadata"]["redirectUrl"], json!(null));
    assert_eq!(shown["clientReferenceId"], "[session id]");
    assert_eq!(shown["callbackMetadata"]["nested"][2], 7);
    assert_eq!(shown["callbackMetadata"]["other"], "kept");
    assert_eq!(shown["metadata"]["return"], "https://shop.example/?s=[session id]");
}

#[tokio::test]
async fn who_knows_the_session_is_shown_the_order_as_it_was_given() {
    let service = Service::start().await;
    let success_url = json!({ "success_url": "https://shop.example/{SESSION_ID}" });
    let session = id_of(&service.create_session(success_url).await);
    let request = || {
        let request = service.post("/orders").header("idempotency-key", "link");
        request.json(&with(order_for(&session), hiding(&session)))
    };
    let created = service.send(request()).await;
    let replayed = service.send(request()).await;
    assert_eq!(replayed.text, created.text);
    let read = service.get_session_with_order(&session).await;
    for order in [created.ok(), &read.ok()["order"]["order"]] {
        let given = hiding(&session);
        for field in ["metadata", "callbackMetadata", "creatorAddress", "partnerId", "clientReferenceId"] {
            assert_eq!(order[field], given[field], "{field}");
        }
        let redirect_url = &order["onrampMetadata"]["redirectUrl"];
        assert_eq!(*redirect_url, format!("https://shop.example/{session}"));
    }
}

#[tokio::test]
async fn an_order_on_its_own_hides_nothing() {
    let service = Service::start().await;
    let other = new_uuid().to_string();
    let members = with(hiding(&other), json!({ "callbackMetadata": { "id": other } }));
    let created = service.create_order(with(order(), members)).await;
    let read = service.get_order(&id_of(&created)).await;
    assert_eq!(read.ok()["order"], *created.ok());
    assert_eq!(read.ok()["order"]["partnerId"], format!("partner of {}", other.to_uppercase()));
}

//! How an order links to a session, and which sessions take no order.

use std::time::Duration;

use harness::{
    DEFAULT_LIFETIME, Service, deposit, execution, id_of, new_uuid, order, order_for, redact, with,
};
use insta::assert_json_snapshot;
use serde_json::json;

use super::LIFETIME;

#[tokio::test]
async fn a_second_order_is_a_conflict_that_names_the_first() {
    let service = Service::start().await;
    let session = service.session().await;
    let first = service.linked_order(&session).await;
    let answer = service.create_order(order_for(&session)).await;
    assert_json_snapshot!(answer.body, {
        ".error.order_id" => redact::text(&first, "[the first order]"),
    }, @r#"
    {
      "error": {
        "code": "session_already_has_order",
        "message": "Checkout session already has an order",
        "order_id": "[the first order]",
        "param": "checkoutSessionId",
        "type": "invalid_request_error"
      },
      "message": "Checkout session already has an order",
      "statusCode": 409,
      "success": false
    }
    "#);
    let session = service.get_session(&session).await;
    assert_eq!(session.ok()["order_id"], first);
}

#[tokio::test]
async fn an_unknown_session_is_a_bad_request() {
    let service = Service::start().await;
    let answer = service.create_order(order_for(&new_uuid().to_string())).await;
    assert_json_snapshot!(answer.body, @r#"
    {
      "error": {
        "code": "session_not_found",
        "message": "Checkout session not found",
        "param": "checkoutSessionId",
        "type": "invalid_request_error"
      },
      "message": "Checkout session not found",
      "statusCode": 400,
      "success": false
    }
    "#);
}

#[tokio::test]
async fn what_cannot_be_a_sessions_id_is_answered_as_an_unknown_one() {
    let service = Service::start().await;
    let session = service.session().await;
    let linked = service.linked_order(&session).await;
    let alone = id_of(&service.create_order(order()).await);
    for id in [
        json!(""),
        json!("x"),
        json!(" "),
        json!("00000000-0000-0000-0000-000000000000"),
        json!("{SESSION_ID}"),
        json!(format!("{{{session}}}")),
        json!(format!("urn:uuid:{session}")),
        json!(format!("{session} ")),
        json!(session.replace('-', "")),
        json!(session[..35]),
        json!("a".repeat(2000)),
        json!(1),
        json!(true),
        json!([session]),
        json!({ "id": session }),
        // An order's id is no session's.
        json!(linked),
        json!(alone),
    ] {
        let answer = service.create_order(with(order(), json!({ "checkoutSessionId": id }))).await;
        let expected = (400, "session_not_found", Some("checkoutSessionId"));
        assert_eq!(answer.failure(), expected, "{id}");
    }
}

#[tokio::test]
async fn an_order_links_by_its_callback_metadata_where_that_names_a_uuid() {
    let service = Service::start().await;
    let session = service.session().await;
    let callback = json!({ "callbackMetadata": { "checkoutSessionId": session, "invoice": "7" } });
    let answer = service.create_order(with(order(), callback)).await;
    assert_eq!(answer.ok()["callbackMetadata"]["invoice"], "7");
    assert_eq!(service.get_session(&session).await.ok()["order_id"], answer.ok()["id"]);

    let unknown = json!({ "callbackMetadata": { "checkoutSessionId": new_uuid() } });
    let answer = service.create_order(with(order(), unknown)).await;
    assert_eq!(answer.failure().1, "session_not_found");

    // An explicit null counts as absent.
    let session = service.session().await;
    let callback = json!({ "checkoutSessionId": null, "callbackMetadata": { "checkoutSessionId": session } });
    let answer = service.create_order(with(order(), callback)).await;
    assert_eq!(service.get_session(&session).await.ok()["order_id"], answer.ok()["id"]);
}

#[tokio::test]
async fn callback_metadata_that_names_no_uuid_links_nothing() {
    let service = Service::start().await;
    let session = service.session().await;
    for callback in [
        json!({}),
        json!({ "checkoutSessionId": null }),
        json!({ "checkoutSessionId": "" }),
        json!({ "checkoutSessionId": "cart-42" }),
        json!({ "checkoutSessionId": 42 }),
        json!({ "checkoutSessionId": [session] }),
        json!({ "checkoutSessionId": { "id": session } }),
        json!({ "nested": { "checkoutSessionId": session } }),
        json!({ "checkout_session_id": session }),
    ] {
        let answer = service.create_order(with(order(), json!({ "callbackMetadata": callback }))).await;
        assert_eq!(answer.ok()["callbackMetadata"], callback);
        let deadline = service.clock.now() + LIFETIME;
        assert_eq!(answer.ok()["expiredAt"], deadline.as_millis());
    }
    let session = service.get_session(&session).await;
    assert_eq!(session.ok()["order_id"], json!(null));
}

#[tokio::test]
async fn the_explicit_field_wins_over_the_callback_metadata() {
    let service = Service::start().await;
    let (named, other) = (service.session().await, service.session().await);
    let callback = json!({ "callbackMetadata": { "checkoutSessionId": other } });
    let answer = service.create_order(with(order_for(&named), callback.clone())).await;
    assert_eq!(service.get_session(&named).await.ok()["order_id"], answer.ok()["id"]);
    let other = service.get_session(&other).await;
    assert_eq!(other.ok()["order_id"], json!(null));

    // Even where it names nothing that exists.
    let answer = service.create_order(with(order_for("x"), callback)).await;
    assert_eq!(answer.failure().1, "session_not_found");
}

#[tokio::test]
async fn a_session_that_is_not_open_takes_no_order() {
    let service = Service::start().await;
    let expected = (400, "invalid_status_transition", Some("checkoutSessionId"));

    let by_call = service.session().await;
    service.expire_session(&by_call).await.ok();
    let by_time = service.session_for(300).await;
    service.clock.advance(Duration::from_mins(5));
    for session in [&by_call, &by_time] {
        let answer = service.create_order(order_for(session)).await;
        assert_eq!(answer.failure(), expected);
    }

    // Where the session is over, that counts before that it has an order.
    let executed = ("order.executed", execution("0x02"));
    let failed = ("order.failed", json!({ "errorDetails": "no gas" }));
    let paid = ("deposit.detected", deposit("0x01", "1000000"));
    for (kind, data) in [paid, executed, failed] {
        let session = service.session().await;
        let order = service.linked_order(&session).await;
        service.record_event(&order, kind, data).await.ok();
        let answer = service.create_order(order_for(&session)).await;
        assert_eq!(answer.failure(), expected, "{kind}");
    }
    let with_order = service.session().await;
    service.linked_order(&with_order).await;
    service.expire_session(&with_order).await.ok();
    let answer = service.create_order(order_for(&with_order)).await;
    assert_json_snapshot!(answer.body, @r#"
    {
      "error": {
        "code": "invalid_status_transition",
        "message": "Checkout session is expired, not open",
        "param": "checkoutSessionId",
        "type": "invalid_request_error"
      },
      "message": "Checkout session is expired, not open",
      "statusCode": 400,
      "success": false
    }
    "#);
}

#[tokio::test]
async fn a_second_order_is_a_conflict_while_the_first_is_not_fully_paid() {
    let service = Service::start().await;
    let session = service.session().await;
    let first = service.linked_order(&session).await;
    service.record_event(&first, "deposit.detected", deposit("0x01", "999999")).await.ok();
    let answer = service.create_order(order_for(&session)).await;
    assert_eq!(answer.failure().1, "session_already_has_order");
    assert_eq!(answer.body["error"]["order_id"], first);
}

#[tokio::test]
async fn a_session_that_is_over_has_no_order_after_a_refusal_either() {
    let service = Service::start().await;
    let session = service.session().await;
    service.expire_session(&session).await.ok();
    service.create_order(order_for(&session)).await.failure();
    let answer = service.get_session(&session).await;
    assert_eq!(answer.ok()["order_id"], json!(null));
}

#[tokio::test]
async fn a_sessions_id_in_upper_case_links_the_same_session() {
    let service = Service::start().await;
    let session = service.session().await;
    let order = service.linked_order(&session.to_uppercase()).await;
    assert_eq!(service.get_session(&session).await.ok()["order_id"], order);
}

#[tokio::test]
async fn a_linked_order_has_its_sessions_deadline_whenever_it_is_made() {
    let service = Service::start().await;
    for (lifetime, age) in [(300, 0), (300, 299), (86_400, 86_000)] {
        let session = service.session_for(lifetime).await;
        let deadline = service.clock.now() + Duration::from_secs(lifetime);
        service.clock.advance(Duration::from_secs(age));
        let answer = service.create_order(order_for(&session)).await;
        assert_eq!(answer.ok()["expiredAt"], deadline.as_millis());
        assert_eq!(answer.ok()["createdAt"], service.clock.now().as_millis());
    }
}

#[tokio::test]
async fn linking_leaves_the_session_open() {
    let service = Service::start().await;
    let session = service.session().await;
    let before = service.get_session(&session).await.ok().clone();
    let order = service.linked_order(&session).await;
    let after = service.get_session(&session).await;
    assert_eq!(*after.ok(), with(before, json!({ "order_id": order })));
    assert_eq!(after.ok()["status"], "open");
    service.clock.advance(DEFAULT_LIFETIME);
    assert_eq!(service.session_status(&session).await, "expired");
}

//! `POST /checkout-sessions/{sessionId}/expire`.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::id::{OrderId, SessionId};
use harness::{
    BASE, DEFAULT_LIFETIME, Service, deposit, execution, id_of, new_uuid, order, redact, refund, with,
};
use insta::assert_json_snapshot;
use serde_json::{Value, json};

/// The status of a session and of its order.
async fn statuses(service: &Service, session: &str) -> (Value, Value) {
    let answer = service.get_session_with_order(session).await;
    (answer.ok()["status"].clone(), answer.ok()["order"]["order"]["status"].clone())
}

#[tokio::test]
async fn an_open_session_is_expired_by_call() {
    let service = Service::start().await;
    let created = service
        .create_session(json!({
            "success_url": "https://shop.example/{SESSION_ID}",
            "metadata": { "cart": "c-1042" },
            "client_reference_id": "cart-1042",
        }))
        .await;
    let (id, now) = (id_of(&created), service.clock.now());
    service.clock.advance(Duration::from_mins(1));
    let answer = service.expire_session(&id).await;
    assert_json_snapshot!(answer.body, {
        ".data.id" => redact::text(&id, "[session]"),
        ".data.success_url" => redact::text(format!("https://shop.example/{id}"), "[…/<session>]"),
        ".data.created_at" => redact::iso8601(now, "[created]"),
        ".data.expires_at" => redact::iso8601(now + DEFAULT_LIFETIME, "[created + 30 min]"),
    }, @r#"
    {
      "data": {
        "cancel_url": null,
        "client_reference_id": "cart-1042",
        "created_at": "[created]",
        "expires_at": "[created + 30 min]",
        "id": "[session]",
        "metadata": {
          "cart": "c-1042"
        },
        "order_id": null,
        "status": "expired",
        "success_url": "[…/<session>]"
      },
      "message": "Checkout session expired",
      "statusCode": 200,
      "success": true
    }
    "#);
    assert_eq!(service.get_session(&id).await.ok(), answer.ok());
}

#[tokio::test]
async fn a_second_call_is_refused() {
    let service = Service::start().await;
    let id = service.session().await;
    service.expire_session(&id).await.ok();
    let answer = service.expire_session(&id).await;
    assert_json_snapshot!(answer.body, @r#"
    {
      "error": {
        "code": "invalid_status_transition",
        "message": "Checkout session is expired, not open",
        "param": "sessionId",
        "type": "invalid_request_error"
      },
      "message": "Checkout session is expired, not open",
      "statusCode": 400,
      "success": false
    }
    "#);
}

#[tokio::test]
async fn an_unknown_session_is_a_bad_request() {
    let service = Service::start().await;
    let answer = service.expire_session(&new_uuid().to_string()).await;
    assert_json_snapshot!(answer.body, @r#"
    {
      "error": {
        "code": "session_not_found",
        "message": "Checkout session not found",
        "param": "sessionId",
        "type": "invalid_request_error"
      },
      "message": "Checkout session not found",
      "statusCode": 400,
      "success": false
    }
    "#);
}

#[tokio::test]
async fn a_malformed_id_is_answered_as_an_unknown_one() {
    let service = Service::start().await;
    let session = service.session().await;
    let linked = service.linked_order(&session).await;
    let alone = id_of(&service.create_order(order()).await);
    let unknown = service.expire_session(&new_uuid().to_string()).await;
    for id in [
        "x",
        "null",
        "00000000-0000-0000-0000-000000000000",
        "{SESSION_ID}",
        &format!("%7B{session}%7D"),
        &format!("urn:uuid:{session}"),
        &format!("{session}%20"),
        &session.replace('-', ""),
        &session[..35],
        "%00",
        &"a".repeat(2000),
        // An order's id is no session's.
        &linked,
        &alone,
    ] {
        assert_eq!(service.expire_session(id).await.text, unknown.text, "{id}");
    }
    assert_eq!(service.session_status(&session).await, "open");
    assert_eq!(service.order_status(&alone).await, "scanning_deposit_transaction");
}

#[tokio::test]
async fn an_unpaid_order_expires_with_its_session() {
    let service = Service::start().await;
    let session = service.session().await;
    let order = service.linked_order(&session).await;
    let answer = service.expire_session(&session).await;
    assert_eq!(answer.ok()["status"], "expired");
    assert_eq!(answer.ok()["order_id"], order);
    assert_eq!(statuses(&service, &session).await, (json!("expired"), json!("expired")));
}

#[tokio::test]
async fn what_was_deposited_is_to_be_refunded() {
    let service = Service::start().await;
    let elsewhere = with(deposit("0x01", "1000000"), json!({ "chain": BASE + 1 }));
    for (paid, order_status) in [
        (deposit("0x01", "1"), "refunding"),
        (deposit("0x01", "999999"), "refunding"),
        (elsewhere, "refunding"),
        (deposit("0x01", "0"), "expired"),
    ] {
        let session = service.session().await;
        let order = service.linked_order(&session).await;
        service.record_event(&order, "deposit.detected", paid.clone()).await.ok();
        assert_eq!(service.session_status(&session).await, "open", "{paid}");
        service.expire_session(&session).await.ok();
        assert_eq!(statuses(&service, &session).await, (json!("expired"), json!(order_status)), "{paid}");
        let record = service.get_order(&order).await;
        assert_eq!(record.ok()["depositTxs"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_session_that_is_not_open_stays_as_it_is() {
    let service = Service::start().await;
    let paid = || ("deposit.detected", deposit("0x01", "1000000"));
    let failed = || ("order.failed", json!({ "errorDetails": "no gas" }));
    for (facts, status) in [
        (vec![paid()], "processing"),
        (vec![paid(), ("relay.updated", harness::relay("0x02", "pending"))], "processing"),
        (vec![paid(), ("order.executed", execution("0x03"))], "complete"),
        (vec![("order.executed", execution("0x03"))], "complete"),
        (vec![failed()], "expired"),
        (vec![paid(), failed()], "expired"),
        (vec![("refund.updated", refund("0x04", "1", "success"))], "expired"),
    ] {
        let session = service.session().await;
        let order = service.linked_order(&session).await;
        for (kind, data) in facts {
            service.record_event(&order, kind, data).await.ok();
        }
        let before = service.get_session_with_order(&session).await;
        assert_eq!(before.ok()["status"], status);

        let answer = service.expire_session(&session).await;
        let expected = (400, "invalid_status_transition", Some("sessionId"));
        assert_eq!(answer.failure(), expected);
        assert_eq!(answer.body["message"], format!("Checkout session is {status}, not open"));
        let after = service.get_session_with_order(&session).await;
        assert_eq!(after.text, before.text);
    }
}

#[tokio::test]
async fn a_session_whose_payment_waits_for_finality_cannot_be_called_off() {
    let service = Service::start().await;
    let session = service.session().await;
    let order = service.linked_order(&session).await;
    service.record_event(&order, "deposit.detected", deposit("0x01", "1")).await.ok();
    // As the watcher leaves it, that has seen a deposit which covers the order.
    let set = async |update: &str| {
        let call = service.database.update_item().table_name(&service.table).update_expression(update);
        let call = call.key("pk", AttributeValue::S(format!("checkout#{order}")));
        let call = call.key("sk", AttributeValue::S("checkout".to_owned()));
        let now = AttributeValue::N(service.clock.now().as_millis().to_string());
        let is_set = update.starts_with("SET");
        let call = if is_set { call.expression_attribute_values(":now", now) } else { call };
        call.send().await.unwrap();
    };
    set("SET ledger.pending_since = :now").await;
    for key in [None, Some("a key")] {
        let mut request = service.post(&format!("/checkout-sessions/{session}/expire"));
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let answer = service.send(request).await;
        assert_eq!(answer.failure(), (400, "invalid_status_transition", Some("sessionId")));
        assert!(answer.body["message"].as_str().unwrap().contains("not final yet"), "{}", answer.text);
        assert_eq!(
            statuses(&service, &session).await,
            (json!("open"), json!("scanning_deposit_transaction"))
        );
    }
    // A reorganisation took the payment back.
    set("REMOVE ledger.pending_since").await;
    service.expire_session(&session).await.ok();
    assert_eq!(statuses(&service, &session).await, (json!("expired"), json!("refunding")));
}

#[tokio::test]
async fn a_session_past_its_deadline_is_not_open() {
    let service = Service::start().await;
    let (early, late) = (service.session_for(300).await, service.session_for(300).await);
    service.clock.advance(Duration::from_secs(299));
    service.expire_session(&early).await.ok();
    service.clock.advance(Duration::from_secs(1));
    let expected = (400, "invalid_status_transition", Some("sessionId"));
    assert_eq!(service.expire_session(&late).await.failure(), expected);
    service.clock.advance(DEFAULT_LIFETIME);
    assert_eq!(service.expire_session(&late).await.failure(), expected);
}

#[tokio::test]
async fn the_body_is_ignored() {
    let service = Service::start().await;
    let bodies: [&[u8]; 10] = [
        b"",
        b"{}",
        b"null",
        b"[]",
        b"{",
        b"expire, please",
        b"{\"a\":1,\"a\":2}",
        b"\xff\xfe",
        b"\0",
        br#"{"status":"complete","sessionId":"other"}"#,
    ];
    for body in bodies {
        for content_type in ["application/json", "application/octet-stream"] {
            let id = service.session().await;
            let request = service
                .post(&format!("/checkout-sessions/{id}/expire"))
                .header("content-type", content_type)
                .body(body);
            let answer = service.send(request).await;
            assert_eq!(answer.ok()["status"], "expired", "{body:x?}");
        }
    }
}

#[tokio::test]
async fn an_id_in_upper_case_is_the_same_id() {
    let service = Service::start().await;
    let id = service.session().await;
    let answer = service.expire_session(&id.to_uppercase()).await;
    assert_eq!(answer.ok()["id"], id);
    assert_eq!(service.session_status(&id).await, "expired");
}

#[tokio::test]
async fn credentials_that_nobody_knows_are_no_reason_to_refuse() {
    let service = Service::start().await;
    for (name, value) in [("authorization", "Bearer sk_unknown"), ("x-api-key", "pk_unknown")] {
        let id = service.session().await;
        let request = service.post(&format!("/checkout-sessions/{id}/expire"));
        service.send(request.header(name, value)).await.ok();
    }
}

#[tokio::test]
async fn an_expired_session_is_kept_as_long_as_it_would_have_been() {
    let service = Service::start().await;
    let unused = service.session().await;
    let order = SessionId::parse(&unused).unwrap().order();
    let before = service.stored_ttl(order).await;
    assert!(before.is_some());
    service.expire_session(&unused).await.ok();
    assert_eq!(service.stored_ttl(order).await, before);

    let used = service.session().await;
    let order = service.linked_order(&used).await;
    service.expire_session(&used).await.ok();
    assert_eq!(service.stored_ttl(OrderId::parse(&order).unwrap()).await, None);
}

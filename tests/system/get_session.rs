//! `GET /checkout-sessions/{sessionId}`.

use std::time::Duration;

use harness::{Answer, DEFAULT_LIFETIME, Service, deposit, execution, id_of, new_uuid, order_for, redact};
use insta::assert_json_snapshot;
use serde_json::json;

/// Asks for a session with this after its id.
async fn get(service: &Service, id: &str, query: &str) -> Answer {
    service.send(service.get(&format!("/checkout-sessions/{id}{query}"))).await
}

#[tokio::test]
async fn a_session_without_an_order_shows_all_its_keys() {
    let service = Service::start().await;
    let id = service.session().await;
    let answer = service.get_session(&id).await;
    let now = service.clock.now();
    assert_json_snapshot!(answer.body, {
        ".data.id" => redact::text(&id, "[session]"),
        ".data.created_at" => redact::iso8601(now, "[now]"),
        ".data.expires_at" => redact::iso8601(now + DEFAULT_LIFETIME, "[now + 30 min]"),
    }, @r#"
    {
      "data": {
        "cancel_url": null,
        "client_reference_id": null,
        "created_at": "[now]",
        "expires_at": "[now + 30 min]",
        "id": "[session]",
        "metadata": {},
        "order_id": null,
        "status": "open",
        "success_url": null
      },
      "message": "Checkout session retrieved",
      "statusCode": 200,
      "success": true
    }
    "#);
}

#[tokio::test]
async fn a_session_shows_its_order_where_that_is_asked_for() {
    let service = Service::start().await;
    let created = service
        .create_session(json!({
            "success_url": "https://shop.example/thanks?session={SESSION_ID}",
            "cancel_url": "https://shop.example/cart",
            "metadata": { "cart": "c-1042" },
            "client_reference_id": "cart-1042",
            "expires_in": 3600,
        }))
        .await;
    let (id, now) = (id_of(&created), service.clock.now());
    let order = service.linked_order(&id).await;
    service.record_event(&order, "deposit.detected", deposit("0x01", "1000000")).await.ok();

    service.clock.advance(Duration::from_mins(1));
    let answer = service.get_session_with_order(&id).await;
    let hour = Duration::from_hours(1);
    let success_url = format!("https://shop.example/thanks?session={id}");
    let cancel_url = format!("https://shop.example/cart?sessionId={id}");
    assert_json_snapshot!(answer.body, {
        ".data.id" => redact::text(&id, "[session]"),
        ".data.order_id" => redact::text(&order, "[order]"),
        ".data.success_url" => redact::text(success_url, "[…/thanks?session=<session>]"),
        ".data.cancel_url" => redact::text(cancel_url, "[…/cart?sessionId=<session>]"),
        ".data.created_at" => redact::iso8601(now, "[created]"),
        ".data.expires_at" => redact::iso8601(now + hour, "[created + 1 h]"),
        ".data.order.order.id" => redact::text(&order, "[order]"),
        ".data.order.order.globalAddress" => redact::deposit_address(&order),
        ".data.order.order.createdAt" => redact::millis(now, "[created]"),
        ".data.order.order.expiredAt" => redact::millis(now + hour, "[created + 1 h]"),
        ".data.order.depositTxs[].orderId" => redact::text(&order, "[order]"),
    }, @r#"
    {
      "data": {
        "cancel_url": "[…/cart?sessionId=<session>]",
        "client_reference_id": "cart-1042",
        "created_at": "[created]",
        "expires_at": "[created + 1 h]",
        "id": "[session]",
        "metadata": {
          "cart": "c-1042"
        },
        "order": {
          "depositTxs": [
            {
              "amount": "1000000",
              "chain": 8453,
              "createdAt": 1769860800000,
              "from": "0xb34facb90a200251318e8841c05102366f2158cf",
              "orderId": "[order]",
              "txHash": "0x01"
            }
          ],
          "executeTx": null,
          "order": {
            "callbackMetadata": null,
            "clientReferenceId": null,
            "createdAt": "[created]",
            "creatorAddress": null,
            "dstChain": 8453,
            "dstTokenAddress": "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
            "errorDetails": null,
            "expiredAt": "[created + 1 h]",
            "fee": null,
            "filledAt": null,
            "globalAddress": "[deposit address]",
            "id": "[order]",
            "metadata": null,
            "oneClickBuyUrl": null,
            "onrampMetadata": null,
            "partnerId": null,
            "payload": {
              "expectedDstAmount": "1000000"
            },
            "receivedDepositAt": 1769860800000,
            "recipientAddress": "0xb34facb90a200251318e8841c05102366f2158cf",
            "settlement": null,
            "srcAmount": "1000000",
            "srcChain": 8453,
            "srcTokenAddress": "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
            "status": "executing",
            "stripePaymentIntentId": null,
            "type": "swap"
          },
          "points": null,
          "refundTxs": [],
          "relayTxs": []
        },
        "order_id": "[order]",
        "status": "processing",
        "success_url": "[…/thanks?session=<session>]"
      },
      "message": "Checkout session retrieved",
      "statusCode": 200,
      "success": true
    }
    "#);
}

#[tokio::test]
async fn an_unknown_session_is_a_bad_request() {
    let service = Service::start().await;
    let answer = service.get_session(&new_uuid().to_string()).await;
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
    let id = service.session().await;
    let order = service.linked_order(&id).await;
    let alone = id_of(&service.create_order(harness::order()).await);
    let unknown = service.get_session(&new_uuid().to_string()).await;
    for id in [
        "x",
        "null",
        "undefined",
        "cs_test_a1b2c3",
        "00000000-0000-0000-0000-000000000000",
        "{SESSION_ID}",
        &format!("%7B{id}%7D"),
        &format!("urn:uuid:{id}"),
        &format!("{id}%20"),
        &format!("%20{id}"),
        &format!("{id}%0A"),
        &format!("{id}%00"),
        &format!("{id}%2Fexpire"),
        &format!("checkout%23{id}"),
        &id.replace('-', ""),
        &id[..35],
        &format!("{}g", &id[..35]),
        "%F0%9F%98%80",
        "%FF",
        &"a".repeat(2000),
        // An order's id is no session's.
        &order,
        &alone,
    ] {
        for query in ["", "?include=order"] {
            let answer = get(&service, id, query).await;
            assert_eq!(answer.text, unknown.text, "{id}");
        }
    }
}

#[tokio::test]
async fn an_id_in_upper_case_is_the_same_id() {
    let service = Service::start().await;
    let id = service.session().await;
    let answer = service.get_session(&id.to_uppercase()).await;
    assert_eq!(answer.text, service.get_session(&id).await.text);
}

#[tokio::test]
async fn keys_come_in_the_order_of_the_contract() {
    let service = Service::start().await;
    let id = service.session().await;
    let now = service.clock.now();
    let deadline = now + DEFAULT_LIFETIME;
    let start = [
        r#"{"success":true,"message":"Checkout session retrieved","data":"#,
        &format!(r#"{{"id":"{id}","status":"open","success_url":null,"cancel_url":null,"metadata":{{}},"#),
        &format!(
            r#""order_id":null,"client_reference_id":null,"expires_at":"{deadline}","created_at":"{now}""#
        ),
    ]
    .concat();
    let alone = service.get_session(&id).await;
    assert_eq!(alone.text, format!(r#"{start}}},"statusCode":200}}"#));
    let with_order = service.get_session_with_order(&id).await;
    assert_eq!(with_order.text, format!(r#"{start},"order":null}},"statusCode":200}}"#));
}

#[tokio::test]
async fn the_included_order_is_what_the_orders_own_route_answers() {
    let service = Service::start().await;
    let id = service.session().await;
    let order = service.linked_order(&id).await;
    for (kind, data) in [
        ("deposit.detected", deposit("0x01", "400000")),
        ("deposit.detected", deposit("0x02", "600000")),
        ("relay.updated", harness::relay("0x03", "pending")),
        ("order.executed", execution("0x04")),
        ("refund.updated", harness::refund("0x05", "1", "failure")),
    ] {
        let included = service.get_session_with_order(&id).await;
        assert_eq!(included.ok()["order"], *service.get_order(&order).await.ok(), "before {kind}");
        assert_eq!(included.ok()["order_id"], order);
        service.record_event(&order, kind, data).await.ok();
    }
    service.clock.advance(DEFAULT_LIFETIME);
    let included = service.get_session_with_order(&id).await;
    assert_eq!(included.ok()["order"], *service.get_order(&order).await.ok());
}

#[tokio::test]
async fn with_or_without_the_order_the_session_is_the_same() {
    let service = Service::start().await;
    let id = service.session().await;
    service.linked_order(&id).await;
    let mut with_order = service.get_session_with_order(&id).await.ok().clone();
    with_order.as_object_mut().unwrap().remove("order").unwrap();
    assert_eq!(with_order, *service.get_session(&id).await.ok());
}

#[tokio::test]
async fn only_include_order_includes_the_order() {
    let service = Service::start().await;
    let id = service.session().await;
    service.linked_order(&id).await;
    let alone = service.get_session(&id).await;
    assert_eq!(alone.ok().get("order"), None);
    for query in [
        "?",
        "?include",
        "?include=",
        "?include=orders",
        "?include=Order",
        "?include=ORDER",
        "?include=session",
        "?include=order_id",
        "?include=%00",
        "?Include=order",
        "?expand=order",
        "?order=include",
        "?include[]=orders",
        "?include[0]=order",
        "?x=1&y=2",
    ] {
        assert_eq!(get(&service, &id, query).await.text, alone.text, "{query}");
    }
    let with_order = service.get_session_with_order(&id).await;
    for query in [
        "?include=order&x=1",
        "?x=1&include=order",
        "?include=%6frder",
        "?include=points&include=order",
        "?include[]=order",
        "?include%5B%5D=order",
        "?include%5b%5d=points&include%5b%5d=order",
    ] {
        assert_eq!(get(&service, &id, query).await.text, with_order.text, "{query}");
    }
}

#[tokio::test]
async fn templates_are_resolved_and_nothing_else_of_the_url_changes() {
    let service = Service::start().await;
    // `<id>` stands for the session's id.
    for (given, resolved) in [
        ("https://s.example/{SESSION_ID}", "https://s.example/<id>"),
        ("https://s.example/{ORDER_ID}", "https://s.example/<id>"),
        (
            "https://s.example/{SESSION_ID}/x?a={ORDER_ID}&b={SESSION_ID}#{SESSION_ID}",
            "https://s.example/<id>/x?a=<id>&b=<id>#<id>",
        ),
        ("https://s.example/?a={SESSION_ID}{SESSION_ID}", "https://s.example/?a=<id><id>"),
        (
            "https://s.example/?next=https://a.example/x?",
            "https://s.example/?next=https://a.example/x?&sessionId=<id>",
        ),
        ("https://s.example/??", "https://s.example/??&sessionId=<id>"),
        ("https://s.example/?#x?", "https://s.example/?sessionId=<id>#x?"),
        (
            "https://s.example/%7BSESSION_ID%7D/%7bORDER_ID%7d/%7BSESSION_ID%7d",
            "https://s.example/<id>/<id>/<id>",
        ),
        ("https://s.example/%7BSESSION_ID}/{ORDER_ID}", "https://s.example/%7BSESSION_ID}/<id>"),
        ("https://s.example/#{ORDER_ID}", "https://s.example/#<id>"),
        ("https://s.example/{{SESSION_ID}}", "https://s.example/{<id>}"),
        (
            "https://s.example/{X}/{SESSION_ID}/{CHECKOUT_SESSION_ID}",
            "https://s.example/{X}/<id>/{CHECKOUT_SESSION_ID}",
        ),
        (
            "https://s.example/{session_id}/{Order_Id}",
            "https://s.example/{session_id}/{Order_Id}?sessionId=<id>",
        ),
        ("https://s.example/{SESSION_ID", "https://s.example/{SESSION_ID?sessionId=<id>"),
        ("https://s.example/%257BSESSION_ID%257D", "https://s.example/%257BSESSION_ID%257D?sessionId=<id>"),
        ("https://s.example", "https://s.example?sessionId=<id>"),
        ("https://s.example/", "https://s.example/?sessionId=<id>"),
        ("https://s.example/ok?", "https://s.example/ok?sessionId=<id>"),
        ("https://s.example/ok?a=1", "https://s.example/ok?a=1&sessionId=<id>"),
        ("https://s.example/ok?a=1&", "https://s.example/ok?a=1&sessionId=<id>"),
        ("https://s.example/ok#top?x", "https://s.example/ok?sessionId=<id>#top?x"),
        ("https://s.example/ok?a#top", "https://s.example/ok?a&sessionId=<id>#top"),
        ("https://s.example/ok#", "https://s.example/ok?sessionId=<id>#"),
        ("https://s.example/ok?sessionId=mine", "https://s.example/ok?sessionId=mine&sessionId=<id>"),
        (
            "HTTPS://S.Example:443/%7euser/../ü b?ß=%C3%9f",
            "HTTPS://S.Example:443/%7euser/../ü b?ß=%C3%9f&sessionId=<id>",
        ),
    ] {
        let created = service.create_session(json!({ "success_url": given, "cancel_url": given })).await;
        let id = id_of(&created);
        let resolved = resolved.replace("<id>", &id);
        let session = service.get_session(&id).await;
        assert_eq!(session.ok()["success_url"], resolved);
        assert_eq!(session.ok()["cancel_url"], resolved);
    }
}

#[tokio::test]
async fn each_url_is_judged_by_itself() {
    let service = Service::start().await;
    let created = service
        .create_session(json!({
            "success_url": "https://s.example/{SESSION_ID}",
            "cancel_url": "https://s.example/cart",
        }))
        .await;
    let id = id_of(&created);
    let session = service.get_session(&id).await;
    assert_eq!(session.ok()["success_url"], format!("https://s.example/{id}"));
    assert_eq!(session.ok()["cancel_url"], format!("https://s.example/cart?sessionId={id}"));

    let created = service.create_session(json!({ "cancel_url": "https://s.example/cart" })).await;
    let session = service.get_session(&id_of(&created)).await;
    assert_eq!(session.ok()["success_url"], json!(null));
}

#[tokio::test]
async fn the_order_variable_stands_for_the_session_even_once_there_is_an_order() {
    let service = Service::start().await;
    let created = service.create_session(json!({ "success_url": "https://s.example/{ORDER_ID}" })).await;
    let id = id_of(&created);
    let order = service.linked_order(&id).await;
    let session = service.get_session_with_order(&id).await;
    assert_eq!(session.ok()["success_url"], format!("https://s.example/{id}"));
    assert_eq!(session.ok()["order_id"], order);
}

#[tokio::test]
async fn the_status_is_that_of_the_moment() {
    let service = Service::start().await;
    let id = service.session_for(300).await;
    service.clock.advance(Duration::from_millis(299_999));
    assert_eq!(service.session_status(&id).await, "open");
    service.clock.advance(Duration::from_millis(1));
    assert_eq!(service.session_status(&id).await, "expired");
    service.clock.advance(Duration::from_hours(29 * 24));
    assert_eq!(service.session_status(&id).await, "expired");
}

#[tokio::test]
async fn reading_never_writes() {
    let service = Service::start().await;
    let (unused, paid) = (service.session().await, service.session().await);
    let created = service.create_order(order_for(&paid)).await;
    service.calls.take();
    for _ in 0..2 {
        service.get_session(&unused).await.ok();
        service.get_session_with_order(&unused).await.ok();
        service.get_session(&paid).await.ok();
        service.get_session_with_order(&paid).await.ok();
        service.get_order(&id_of(&created)).await.ok();
        service.get_session(&new_uuid().to_string()).await.failure();
        service.get_order(&new_uuid().to_string()).await.failure();
        // Nor does whoever finds a session expired write that down.
        service.clock.advance(DEFAULT_LIFETIME);
    }
    let calls = service.calls.take();
    assert_eq!(calls.len(), 14);
    for call in calls {
        assert!(["GetItem", "Query"].contains(&call.operation.as_str()), "{call:?}");
        assert_eq!(call.request["ConsistentRead"], true, "{call:?}");
    }
}

#[tokio::test]
async fn credentials_that_nobody_knows_are_no_reason_to_refuse() {
    let service = Service::start().await;
    let id = service.session().await;
    let plain = service.get_session(&id).await;
    for (name, value) in [("authorization", "Bearer sk_unknown"), ("x-api-key", "pk_unknown")] {
        let request = service.get(&format!("/checkout-sessions/{id}"));
        let answer = service.send(request.header(name, value)).await;
        assert_eq!(answer.text, plain.text);
    }
}

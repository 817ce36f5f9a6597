//! What a new order shows, and how long the table keeps it.

use std::time::Duration;

use domain::id::{OrderId, SessionId};
use harness::{Service, deposit, execution, id_of, order, order_for, redact, with};
use insta::assert_json_snapshot;
use serde_json::json;

use super::LIFETIME;

#[tokio::test]
async fn an_order_on_its_own_shows_every_key() {
    let service = Service::start().await;
    let answer = service.create_order(order()).await;
    let (id, now) = (id_of(&answer), service.clock.now());
    assert_json_snapshot!(answer.body, {
        ".data.id" => redact::uuid(),
        ".data.globalAddress" => redact::deposit_address(&id),
        ".data.createdAt" => redact::millis(now, "[now]"),
        ".data.expiredAt" => redact::millis(now + LIFETIME, "[now + 15 min]"),
    }, @r#"
    {
      "data": {
        "callbackMetadata": null,
        "clientReferenceId": null,
        "createdAt": "[now]",
        "creatorAddress": null,
        "dstChain": 8453,
        "dstTokenAddress": "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
        "errorDetails": null,
        "expiredAt": "[now + 15 min]",
        "fee": null,
        "filledAt": null,
        "globalAddress": "[deposit address]",
        "id": "[uuid]",
        "metadata": null,
        "oneClickBuyUrl": null,
        "onrampMetadata": null,
        "partnerId": null,
        "payload": {
          "expectedDstAmount": "1000000"
        },
        "receivedDepositAt": null,
        "recipientAddress": "0xb34facb90a200251318e8841c05102366f2158cf",
        "settlement": null,
        "srcAmount": "1000000",
        "srcChain": 8453,
        "srcTokenAddress": "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
        "status": "scanning_deposit_transaction",
        "stripePaymentIntentId": null,
        "type": "swap"
      },
      "message": "Created order successfully",
      "statusCode": 200,
      "success": true
    }
    "#);
}

#[tokio::test]
async fn a_linked_order_expires_with_its_session_and_returns_to_its_success_url() {
    let service = Service::start().await;
    let created = service
        .create_session(json!({ "success_url": "https://shop.example/{SESSION_ID}", "expires_in": 3600 }))
        .await;
    let (session, opened) = (id_of(&created), service.clock.now());
    service.clock.advance(Duration::from_mins(1));
    let answer = service
        .create_order(with(
            order_for(&session),
            json!({
                "metadata": { "srcToken": { "symbol": "USDC", "decimals": 6 } },
                "onramp": {
                    "vendor": "none",
                    "paymentMethod": "card",
                    "country": "DE",
                    "redirectUrl": "https://other.example/",
                },
                "creatorAddress": "0x0Ed9A9e619b284AEd8F6e5Ab0A596EFD5c9F5cF9",
                "partnerId": "partner-7",
                "callbackMetadata": { "invoice": "2026-0042" },
                "clientReferenceId": "invoice_2026-0042",
            }),
        ))
        .await;
    let (id, now) = (id_of(&answer), service.clock.now());
    let success_url = format!("https://shop.example/{session}");
    let deadline = opened + Duration::from_hours(1);
    assert_json_snapshot!(answer.body, {
        ".data.id" => redact::uuid(),
        ".data.globalAddress" => redact::deposit_address(&id),
        ".data.createdAt" => redact::millis(now, "[now]"),
        ".data.expiredAt" => redact::millis(deadline, "[the session's deadline]"),
        ".data.onrampMetadata.redirectUrl" => redact::text(success_url, "[…/<session>]"),
    }, @r#"
    {
      "data": {
        "callbackMetadata": {
          "invoice": "2026-0042"
        },
        "clientReferenceId": "invoice_2026-0042",
        "createdAt": "[now]",
        "creatorAddress": "0x0Ed9A9e619b284AEd8F6e5Ab0A596EFD5c9F5cF9",
        "dstChain": 8453,
        "dstTokenAddress": "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
        "errorDetails": null,
        "expiredAt": "[the session's deadline]",
        "fee": null,
        "filledAt": null,
        "globalAddress": "[deposit address]",
        "id": "[uuid]",
        "metadata": {
          "srcToken": {
            "decimals": 6,
            "symbol": "USDC"
          }
        },
        "oneClickBuyUrl": null,
        "onrampMetadata": {
          "country": "DE",
          "paymentMethod": "card",
          "redirectUrl": "[…/<session>]",
          "vendor": "none"
        },
        "partnerId": "partner-7",
        "payload": {
          "expectedDstAmount": "1000000"
        },
        "receivedDepositAt": null,
        "recipientAddress": "0xb34facb90a200251318e8841c05102366f2158cf",
        "settlement": null,
        "srcAmount": "1000000",
        "srcChain": 8453,
        "srcTokenAddress": "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
        "status": "scanning_deposit_transaction",
        "stripePaymentIntentId": null,
        "type": "swap"
      },
      "message": "Created order successfully",
      "statusCode": 200,
      "success": true
    }
    "#);
    assert_eq!(service.get_session(&session).await.ok()["order_id"], answer.ok()["id"]);
}

#[tokio::test]
async fn a_session_with_an_order_is_never_removed() {
    let service = Service::start().await;
    let session = service.session().await;
    let order = SessionId::parse(&session).unwrap().order();
    assert!(service.stored_ttl(order).await.is_some());
    let linked = service.linked_order(&session).await;
    assert_eq!(linked, order.to_string());
    assert_eq!(service.stored_ttl(order).await, None);

    // Nor once the link was remembered under a key, or the order came to its end.
    let session = service.session().await;
    let request = service.post("/orders").header("idempotency-key", "link");
    let linked = service.send(request.json(&order_for(&session))).await;
    let order = OrderId::parse(&id_of(&linked)).unwrap();
    assert_eq!(service.stored_ttl(order).await, None);
    service.record_event(&id_of(&linked), "order.executed", execution("0x01")).await.ok();
    assert_eq!(service.stored_ttl(order).await, None);
}

/// How long an order on its own is kept after its deadline.
const RETENTION: Duration = Duration::from_hours(30 * 24);

#[tokio::test]
async fn an_order_on_its_own_is_removed_once_its_retention_is_over_unless_a_fact_is_known() {
    let service = Service::start().await;
    let removed_at = (service.clock.now() + LIFETIME + RETENTION).as_seconds();
    for (kind, data) in [
        ("deposit.detected", deposit("0x01", "1")),
        ("deposit.detected", with(deposit("0x01", "1"), json!({ "logIndex": 0 }))),
        ("order.executed", execution("0x01")),
        ("order.failed", json!({ "errorDetails": "no gas" })),
    ] {
        for key in [None, Some("a key")] {
            let mut request = service.post("/orders").json(&order());
            if let Some(key) = key {
                request = request.header("idempotency-key", format!("{key} {kind} {data}"));
            }
            let id = id_of(&service.send(request).await);
            let stored = OrderId::parse(&id).unwrap();
            assert_eq!(service.stored_ttl(stored).await, Some(removed_at));
            // Reading is no fact, and neither is a report that is refused.
            service.get_order(&id).await.ok();
            service.record_event(&id, kind, json!({})).await.failure();
            assert_eq!(service.stored_ttl(stored).await, Some(removed_at));
            service.record_event(&id, kind, data.clone()).await.ok();
            assert_eq!(service.stored_ttl(stored).await, None, "{kind}");
        }
    }
}

#[tokio::test]
async fn credentials_that_nobody_knows_are_no_reason_to_refuse() {
    let service = Service::start().await;
    for (name, value) in [("authorization", "Bearer sk_unknown"), ("x-api-key", "pk_unknown")] {
        let request = service.post("/orders").header(name, value);
        service.send(request.json(&order())).await.ok();
    }
}

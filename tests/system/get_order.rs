//! `GET /orders/{orderId}`.

use std::time::Duration;

use domain::id::SessionId;
use harness::{BASE, Service, deposit, execution, id_of, new_uuid, order, redact, refund, relay, with};
use insta::assert_json_snapshot;
use serde_json::{Value, json};

/// How long an order on its own lives.
const LIFETIME: Duration = Duration::from_mins(15);

/// Before anything of these tests happened, in epoch milliseconds.
const NOON: u64 = 1_769_860_800_000;

/// The hashes of a list of transactions.
fn hashes(transactions: &Value) -> Vec<&str> {
    transactions
        .as_array()
        .unwrap()
        .iter()
        .map(|transaction| transaction["txHash"].as_str().unwrap())
        .collect()
}

/// Reports every kind of transaction of an order, the latest first.
async fn report_everything(service: &Service, id: &str) {
    let at = |data: Value, time: u64| with(data, json!({ "createdAt": NOON + time }));
    let execution = with(
        execution("0x0e"),
        json!({ "actualDstAmount": "999999", "relay": { "requestId": "r-1" }, "points": 12.5 }),
    );
    for (kind, data) in [
        ("refund.updated", at(refund("0x0b", "1", "success"), 3001)),
        ("refund.updated", at(refund("0x0a", "600000", "failure"), 3000)),
        ("order.executed", at(execution, 2000)),
        ("relay.updated", at(relay("0x0d", "pending"), 1501)),
        ("relay.updated", at(relay("0x0c", "success"), 1500)),
        ("deposit.detected", at(deposit("0x02", "600000"), 1002)),
        (
            "deposit.detected",
            with(deposit("0x01", "400000"), json!({ "createdAt": NOON + 1001, "from": null })),
        ),
        ("order.failed", json!({ "errorDetails": "The first attempt ran out of gas." })),
    ] {
        service.record_event(id, kind, data).await.ok();
    }
}

#[tokio::test]
async fn an_order_of_which_nothing_was_reported_is_mostly_null() {
    let service = Service::start().await;
    let id = id_of(&service.create_order(order()).await);
    let now = service.clock.now();
    let answer = service.get_order(&id).await;
    assert_json_snapshot!(answer.body, {
        ".data.order.id" => redact::text(&id, "[order]"),
        ".data.order.globalAddress" => redact::deposit_address(&id),
        ".data.order.createdAt" => redact::millis(now, "[now]"),
        ".data.order.expiredAt" => redact::millis(now + LIFETIME, "[now + 15 min]"),
    }, @r#"
    {
      "data": {
        "depositTxs": [],
        "executeTx": null,
        "order": {
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
          "id": "[order]",
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
        "points": null,
        "refundTxs": [],
        "relayTxs": []
      },
      "message": "Get order and transactions successfully",
      "statusCode": 200,
      "success": true
    }
    "#);
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "most of them are the answer")]
async fn an_order_shows_every_transaction_in_the_order_of_their_times() {
    let service = Service::start().await;
    let (id, now) = (id_of(&service.create_order(order()).await), service.clock.now());
    report_everything(&service, &id).await;
    let answer = service.get_order(&id).await;
    assert_json_snapshot!(answer.body, {
        ".data.order.id" => redact::text(&id, "[order]"),
        ".data.*[].orderId" => redact::text(&id, "[order]"),
        ".data.executeTx.orderId" => redact::text(&id, "[order]"),
        ".data.order.globalAddress" => redact::deposit_address(&id),
        ".data.order.createdAt" => redact::millis(now, "[now]"),
        ".data.order.expiredAt" => redact::millis(now + LIFETIME, "[now + 15 min]"),
    }, @r#"
    {
      "data": {
        "depositTxs": [
          {
            "amount": "400000",
            "chain": 8453,
            "createdAt": 1769860801001,
            "from": null,
            "orderId": "[order]",
            "txHash": "0x01"
          },
          {
            "amount": "600000",
            "chain": 8453,
            "createdAt": 1769860801002,
            "from": "0xb34facb90a200251318e8841c05102366f2158cf",
            "orderId": "[order]",
            "txHash": "0x02"
          }
        ],
        "executeTx": {
          "chain": 8453,
          "createdAt": 1769860802000,
          "orderId": "[order]",
          "txHash": "0x0e"
        },
        "order": {
          "callbackMetadata": null,
          "clientReferenceId": null,
          "createdAt": "[now]",
          "creatorAddress": null,
          "dstChain": 8453,
          "dstTokenAddress": "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
          "errorDetails": "The first attempt ran out of gas.",
          "expiredAt": "[now + 15 min]",
          "fee": null,
          "filledAt": 1769860802000,
          "globalAddress": "[deposit address]",
          "id": "[order]",
          "metadata": null,
          "oneClickBuyUrl": null,
          "onrampMetadata": null,
          "partnerId": null,
          "payload": {
            "expectedDstAmount": "1000000"
          },
          "receivedDepositAt": 1769860801002,
          "recipientAddress": "0xb34facb90a200251318e8841c05102366f2158cf",
          "settlement": {
            "actualDstAmount": "999999",
            "relay": {
              "requestId": "r-1"
            }
          },
          "srcAmount": "1000000",
          "srcChain": 8453,
          "srcTokenAddress": "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
          "status": "executed",
          "stripePaymentIntentId": null,
          "type": "swap"
        },
        "points": 12.5,
        "refundTxs": [
          {
            "amount": "600000",
            "chain": 8453,
            "createdAt": 1769860803000,
            "orderId": "[order]",
            "status": "failure",
            "txHash": "0x0a"
          },
          {
            "amount": "1",
            "chain": 8453,
            "createdAt": 1769860803001,
            "orderId": "[order]",
            "status": "success",
            "txHash": "0x0b"
          }
        ],
        "relayTxs": [
          {
            "chain": 8453,
            "createdAt": 1769860801500,
            "orderId": "[order]",
            "status": "success",
            "txHash": "0x0c"
          },
          {
            "chain": 8453,
            "createdAt": 1769860801501,
            "orderId": "[order]",
            "status": "pending",
            "txHash": "0x0d"
          }
        ]
      },
      "message": "Get order and transactions successfully",
      "statusCode": 200,
      "success": true
    }
    "#);
}

#[tokio::test]
async fn an_unknown_order_is_not_found() {
    let service = Service::start().await;
    let answer = service.get_order(&new_uuid().to_string()).await;
    assert_json_snapshot!(answer.body, @r#"
    {
      "error": {
        "code": "resource_not_found",
        "message": "Order not found",
        "param": "orderId",
        "type": "not_found_error"
      },
      "message": "Order not found",
      "statusCode": 404,
      "success": false
    }
    "#);
}

#[tokio::test]
async fn a_malformed_id_is_answered_as_an_unknown_one() {
    let service = Service::start().await;
    let (used, unused) = (service.session().await, service.session().await);
    let id = service.linked_order(&used).await;
    let unknown = service.get_order(&new_uuid().to_string()).await;
    for id in [
        "x",
        "null",
        "1",
        "00000000-0000-0000-0000-000000000000",
        "{ORDER_ID}",
        &format!("%7B{id}%7D"),
        &format!("urn:uuid:{id}"),
        &format!("{id}%20"),
        &format!("{id}%00"),
        &format!("{id}%2Fevents"),
        &id.replace('-', ""),
        &id[..35],
        "%F0%9F%98%80",
        &"a".repeat(2000),
        // A session's id is no order's, nor is there an order before one is linked.
        &used,
        &unused,
        &SessionId::parse(&unused).unwrap().order().to_string(),
    ] {
        assert_eq!(service.get_order(id).await.text, unknown.text, "{id}");
    }
}

#[tokio::test]
async fn an_id_in_upper_case_is_the_same_id() {
    let service = Service::start().await;
    let id = id_of(&service.create_order(order()).await);
    let answer = service.get_order(&id.to_uppercase()).await;
    assert_eq!(answer.text, service.get_order(&id).await.text);
}

#[tokio::test]
async fn the_order_is_what_its_creation_answered() {
    let service = Service::start().await;
    let created = service
        .create_order(with(
            order(),
            json!({
                "metadata": { "srcToken": { "symbol": "USDC" } },
                "onramp": { "vendor": "none", "country": "DE" },
                "creatorAddress": "0x0Ed9A9e619b284AEd8F6e5Ab0A596EFD5c9F5cF9",
                "partnerId": "partner-7",
                "callbackMetadata": { "invoice": "2026-0042" },
                "clientReferenceId": "invoice_2026-0042",
            }),
        ))
        .await;
    let record = service.get_order(&id_of(&created)).await;
    assert_eq!(record.ok()["order"], *created.ok());
}

#[tokio::test]
async fn deposits_of_one_time_come_in_one_order_however_they_were_reported() {
    let service = Service::start().await;
    let id = id_of(&service.create_order(order()).await);
    for hash in ["0x03", "0x01", "0x02"] {
        service.record_event(&id, "deposit.detected", deposit(hash, "1")).await.ok();
    }
    let earlier = with(deposit("0x09", "1"), json!({ "createdAt": NOON - 1 }));
    service.record_event(&id, "deposit.detected", earlier).await.ok();
    let answer = service.get_order(&id).await;
    assert_eq!(hashes(&answer.ok()["depositTxs"]), ["0x09", "0x01", "0x02", "0x03"]);
}

#[tokio::test]
async fn the_deposit_is_received_when_the_deposits_came_to_cover_the_order() {
    let service = Service::start().await;
    let id = id_of(&service.create_order(order()).await);
    let elsewhere = json!({ "chain": BASE + 1, "createdAt": NOON + 10 });
    for (data, received_at) in [
        (with(deposit("0x04", "300000"), json!({ "createdAt": NOON + 40 })), json!(null)),
        (with(deposit("0x01", "9000000"), elsewhere), json!(null)),
        (with(deposit("0x02", "300000"), json!({ "createdAt": NOON + 20 })), json!(null)),
        (with(deposit("0x05", "400000"), json!({ "createdAt": NOON + 50 })), json!(NOON + 50)),
        // One that was made before the last, and reported after it.
        (with(deposit("0x03", "400000"), json!({ "createdAt": NOON + 30 })), json!(NOON + 40)),
    ] {
        let answer = service.record_event(&id, "deposit.detected", data.clone()).await;
        assert_eq!(answer.ok()["order"]["receivedDepositAt"], received_at, "{data}");
        let answer = service.get_order(&id).await;
        assert_eq!(answer.ok()["order"]["receivedDepositAt"], received_at, "{data}");
    }
}

#[tokio::test]
async fn what_is_not_known_of_the_settlement_is_left_out() {
    let service = Service::start().await;
    for (details, settlement, points) in [
        (json!({}), json!(null), json!(null)),
        (json!({ "actualDstAmount": null, "relay": null, "points": null }), json!(null), json!(null)),
        (json!({ "actualDstAmount": "0" }), json!({ "actualDstAmount": "0" }), json!(null)),
        (json!({ "relay": {} }), json!({ "relay": {} }), json!(null)),
        (json!({ "points": 0 }), json!(null), json!(0)),
        (
            json!({ "actualDstAmount": "1", "relay": { "a": [null] }, "points": 5 }),
            json!({ "actualDstAmount": "1", "relay": { "a": [null] } }),
            json!(5),
        ),
    ] {
        let id = id_of(&service.create_order(order()).await);
        let data = with(execution("0x01"), details);
        service.record_event(&id, "order.executed", data).await.ok();
        let answer = service.get_order(&id).await;
        assert_eq!(answer.ok()["order"]["settlement"], settlement);
        assert_eq!(answer.ok()["points"], points);
        assert_eq!(answer.ok()["order"]["filledAt"], answer.ok()["executeTx"]["createdAt"]);
        assert_eq!(answer.ok()["executeTx"]["txHash"], "0x01");
        // Nobody reported a deposit.
        assert_eq!(answer.ok()["order"]["receivedDepositAt"], json!(null));
    }
}

#[tokio::test]
async fn what_was_reported_of_a_settlement_comes_back_to_the_letter() {
    let service = Service::start().await;
    let id = id_of(&service.create_order(order()).await);
    let relay = r#"{ "z":1.0e+2, "a":[null,12345678901234567890.10],"ü":"\u00fc" }"#;
    let body = format!(
        r#"{{"type":"order.executed","data":{{"chain":{BASE},"txHash":"0x01","createdAt":{NOON},"relay":{relay},"points":1.50}}}}"#
    );
    service.send(service.event(&id, body.as_bytes())).await.ok();
    let answer = service.get_order(&id).await;
    assert!(answer.text.contains(&format!(r#""settlement":{{"relay":{relay}}}"#)));
    assert!(answer.text.contains(r#""points":1.50}"#), "{}", answer.text);
}

#[tokio::test]
async fn an_order_on_its_own_lives_fifteen_minutes() {
    let service = Service::start().await;
    let id = id_of(&service.create_order(order()).await);
    service.clock.advance(Duration::from_millis(15 * 60 * 1000 - 1));
    assert_eq!(service.order_status(&id).await, "scanning_deposit_transaction");
    service.clock.advance(Duration::from_millis(1));
    assert_eq!(service.order_status(&id).await, "expired");
}

#[tokio::test]
async fn a_linked_order_lives_as_long_as_its_session() {
    let service = Service::start().await;
    let session = service.session().await;
    let id = service.linked_order(&session).await;
    service.clock.advance(Duration::from_millis(30 * 60 * 1000 - 1));
    assert_eq!(service.order_status(&id).await, "scanning_deposit_transaction");
    service.clock.advance(Duration::from_millis(1));
    assert_eq!(service.order_status(&id).await, "expired");
    assert_eq!(service.session_status(&session).await, "expired");
}

#[tokio::test]
async fn credentials_that_nobody_knows_are_no_reason_to_refuse() {
    let service = Service::start().await;
    let id = id_of(&service.create_order(order()).await);
    for (name, value) in [("authorization", "Bearer sk_unknown"), ("x-api-key", "pk_unknown")] {
        let request = service.get(&format!("/orders/{id}"));
        service.send(request.header(name, value)).await.ok();
    }
}

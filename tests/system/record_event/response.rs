//! The response to an event: the order after it, with the event as it was reported.

use harness::{DEFAULT_LIFETIME, Service, deposit, id_of, new_uuid, order, redact, with};
use insta::assert_json_snapshot;
use serde_json::json;

use super::{
    executed, failed, paid, partly_paid, refund_failed, refunded, relayed, report, send, session_with_order,
    the_rest,
};

#[tokio::test]
async fn a_deposit_is_answered_with_the_order_after_it() {
    let service = Service::start().await;
    let (_, id) = session_with_order(&service).await;
    let now = service.clock.now();
    let answer = report(&service, &id, paid()).await;
    assert_json_snapshot!(answer.body, {
        ".data.order.id" => redact::text(&id, "[order]"),
        ".data.depositTxs[].orderId" => redact::text(&id, "[order]"),
        ".data.order.globalAddress" => redact::deposit_address(&id),
        ".data.order.createdAt" => redact::millis(now, "[now]"),
        ".data.order.expiredAt" => redact::millis(now + DEFAULT_LIFETIME, "[now + 30 min]"),
    }, @r#"
    {
      "data": {
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
          "createdAt": "[now]",
          "creatorAddress": null,
          "dstChain": 8453,
          "dstTokenAddress": "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
          "errorDetails": null,
          "expiredAt": "[now + 30 min]",
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
      "message": "Order event recorded",
      "statusCode": 200,
      "success": true
    }
    "#);
}

#[tokio::test]
async fn every_type_of_event_is_taken_and_answered_as_the_orders_own_route_does() {
    let service = Service::start().await;
    let alone = id_of(&service.create_order(order()).await);
    let (_, linked) = session_with_order(&service).await;
    for order in [alone, linked] {
        for fact in [partly_paid(), the_rest(), relayed(), refund_failed(), failed(), refunded(), executed()]
        {
            let answer = report(&service, &order, fact).await;
            assert_eq!(answer.body["message"], "Order event recorded");
            let record = service.get_order(&order).await;
            assert_eq!(answer.ok(), record.ok());
        }
        let record = service.get_order(&order).await;
        let record = record.ok();
        assert_eq!(record["depositTxs"][0]["txHash"], "0x01");
        assert_eq!(record["depositTxs"][1]["txHash"], "0x02");
        assert_eq!(record["relayTxs"][0]["txHash"], "0x03");
        assert_eq!(record["executeTx"]["txHash"], "0x04");
        assert_eq!(record["refundTxs"][0]["status"], "success");
        assert_eq!(record["refundTxs"][1]["status"], "failure");
        assert_eq!(record["order"]["errorDetails"], "no gas");
    }
}

#[tokio::test]
async fn an_id_in_upper_case_is_the_same_id() {
    let service = Service::start().await;
    let (session, order) = session_with_order(&service).await;
    let (kind, data) = paid();
    service.record_event(&order.to_uppercase(), kind, data).await.ok();
    assert_eq!(service.session_status(&session).await, "processing");
}

#[tokio::test]
async fn the_largest_values_are_kept() {
    let service = Service::start().await;
    let (_, order) = session_with_order(&service).await;
    let largest = "115792089237316195423570985008687907853269984665640564039457584007913129639935";
    let data = json!({
        "chain": 9_007_199_254_740_991_u64,
        "from": "x".repeat(255),
        "txHash": "z".repeat(128),
        "amount": largest,
        "createdAt": 9_007_199_254_740_991_u64,
    });
    let answer = report(&service, &order, ("deposit.detected", data.clone())).await;
    let expected = with(data, json!({ "orderId": order }));
    assert_eq!(answer.ok()["depositTxs"], json!([expected]));

    let details = "ü".repeat(4096);
    let answer = report(&service, &order, ("order.failed", json!({ "errorDetails": details }))).await;
    assert_eq!(answer.ok()["order"]["errorDetails"], details);
}

#[tokio::test]
async fn fields_that_nobody_knows_are_ignored() {
    let service = Service::start().await;
    let (_, order) = session_with_order(&service).await;
    let more = json!({ "id": "evt_1", "blockNumber": 1, "orderId": new_uuid(), "status": "success" });
    let body = json!({ "id": "evt_1", "type": "deposit.detected", "data": with(paid().1, more), "x": null });
    let answer = send(&service, &order, &body.to_string()).await;
    let expected = with(paid().1, json!({ "orderId": order }));
    assert_eq!(answer.ok()["depositTxs"], json!([expected]));
}

#[tokio::test]
async fn an_unknown_sender_is_null() {
    let service = Service::start().await;
    let (_, order) = session_with_order(&service).await;
    let mut absent = deposit("0x01", "1");
    absent.as_object_mut().unwrap().remove("from").unwrap();
    let null = with(deposit("0x02", "1"), json!({ "from": null }));
    let foreign = with(deposit("0x03", "1"), json!({ "from": "bc1qexample ü" }));
    let empty = with(deposit("0x04", "1"), json!({ "from": "" }));
    for data in [absent, null, foreign, empty] {
        report(&service, &order, ("deposit.detected", data)).await;
    }
    let record = service.get_order(&order).await;
    let deposits = &record.ok()["depositTxs"];
    assert_eq!(deposits[0]["from"], json!(null));
    assert_eq!(deposits[1]["from"], json!(null));
    assert_eq!(deposits[2]["from"], "bc1qexample ü");
    assert_eq!(deposits[3]["from"], json!(null));

    // A later report can add it.
    let answer = report(&service, &order, ("deposit.detected", deposit("0x02", "1"))).await;
    assert_eq!(answer.ok()["depositTxs"][1]["from"], deposit("0x02", "1")["from"]);
}

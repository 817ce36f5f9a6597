//! `POST /orders/{orderId}/events`: what is reported, and what follows from it.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use harness::{
    Answer, BASE, DEFAULT_LIFETIME, Service, deposit, execution, id_of, new_uuid, order, order_for, redact,
    refund, relay, with,
};
use insta::assert_json_snapshot;
use serde_json::{Value, json};

/// A fact: its type and data.
type Fact = (&'static str, Value);

/// What happens to an order.
#[derive(Debug, Clone)]
enum Step {
    /// This is reported.
    Report(Fact),
    /// The merchant expires the session.
    Expire,
    /// The deadline comes.
    Deadline,
}

use Step::{Deadline, Expire, Report};

fn paid() -> Fact {
    ("deposit.detected", deposit("0x01", "1000000"))
}

fn partly_paid() -> Fact {
    ("deposit.detected", deposit("0x01", "999999"))
}

fn the_rest() -> Fact {
    ("deposit.detected", deposit("0x02", "1"))
}

fn relayed() -> Fact {
    ("relay.updated", relay("0x03", "pending"))
}

fn executed() -> Fact {
    ("order.executed", execution("0x04"))
}

fn failed() -> Fact {
    ("order.failed", json!({ "errorDetails": "no gas" }))
}

fn refunded() -> Fact {
    ("refund.updated", refund("0x05", "999999", "success"))
}

fn excess() -> Fact {
    ("deposit.detected", deposit("0x07", "250000"))
}

fn excess_returned() -> Fact {
    ("refund.updated", refund("0x08", "250000", "success"))
}

fn refund_failed() -> Fact {
    ("refund.updated", refund("0x06", "999999", "failure"))
}

/// Reports a fact that must be taken.
async fn report(service: &Service, order: &str, (kind, data): Fact) -> Answer {
    let answer = service.record_event(order, kind, data).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer
}

/// Sends this text as a properly signed event.
async fn send(service: &Service, order: &str, body: &str) -> Answer {
    service.send(service.event(order, body.as_bytes())).await
}

/// A new session and its order.
async fn session_with_order(service: &Service) -> (String, String) {
    let session = service.session().await;
    let order = service.linked_order(&session).await;
    (session, order)
}

/// Lets this happen to a session and its order.
async fn take(service: &Service, session: &str, order: &str, steps: &[Step]) {
    for step in steps {
        match step {
            Report(fact) => {
                report(service, order, fact.clone()).await;
            }
            Expire => {
                service.expire_session(session).await.ok();
            }
            Deadline => service.clock.advance(DEFAULT_LIFETIME),
        }
    }
}

/// Where a new session and its order end up.
async fn statuses_after(service: &Service, steps: &[Step]) -> (String, String) {
    let (session, order) = session_with_order(service).await;
    take(service, &session, &order, steps).await;
    (service.order_status(&order).await, service.session_status(&session).await)
}

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
async fn an_event_of_an_unknown_type_is_answered_with_the_known_ones() {
    let service = Service::start().await;
    let (_, order) = session_with_order(&service).await;
    let answer = service.record_event(&order, "order.paid", json!({})).await;
    assert_json_snapshot!(answer.body, @r#"
    {
      "error": {
        "code": "invalid_field_value",
        "message": "type must be one of: deposit.detected, relay.updated, order.executed, order.failed, refund.updated",
        "param": "type",
        "type": "invalid_request_error"
      },
      "message": "type must be one of: deposit.detected, relay.updated, order.executed, order.failed, refund.updated",
      "statusCode": 400,
      "success": false
    }
    "#);
}

#[tokio::test]
async fn a_missing_field_is_named_with_where_it_belongs() {
    let service = Service::start().await;
    let (_, order) = session_with_order(&service).await;
    let answer = service.record_event(&order, "deposit.detected", json!({ "chain": BASE })).await;
    assert_json_snapshot!(answer.body, @r#"
    {
      "error": {
        "code": "missing_required_field",
        "message": "data.amount is required",
        "param": "data.amount",
        "type": "invalid_request_error"
      },
      "message": "data.amount is required",
      "statusCode": 400,
      "success": false
    }
    "#);
}

#[tokio::test]
async fn an_event_of_an_unknown_order_is_not_found() {
    let service = Service::start().await;
    let (kind, data) = paid();
    let unknown = service.record_event(&new_uuid().to_string(), kind, data.clone()).await;
    assert_json_snapshot!(unknown.body, @r#"
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

    let (used, order) = session_with_order(&service).await;
    let unused = service.session().await;
    let without_order = domain::id::SessionId::parse(&unused).unwrap().order().to_string();
    for id in [
        "x",
        "null",
        "00000000-0000-0000-0000-000000000000",
        &order.replace('-', ""),
        &order[..35],
        &format!("%7B{order}%7D"),
        &used,
        &unused,
        &without_order,
    ] {
        let answer = service.record_event(id, kind, data.clone()).await;
        assert_eq!(answer.text, unknown.text, "{id}");
    }
    // What was reported too early was not kept for an order to come.
    let order = service.linked_order(&unused).await;
    assert_eq!(order, without_order);
    assert_eq!(service.get_order(&order).await.ok()["depositTxs"], json!([]));
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
async fn a_body_that_is_no_event_is_refused() {
    let service = Service::start().await;
    let (_, order) = session_with_order(&service).await;
    for body in [
        "",
        " ",
        "event",
        "null",
        "[]",
        "\"{}\"",
        "{",
        r#"{"type":"order.failed","type":"order.failed","data":{"errorDetails":"x"}}"#,
    ] {
        let answer = send(&service, &order, body).await;
        assert_eq!(answer.failure(), (400, "invalid_json", None), "{body}");
    }
    let data = deposit("0x01", "1");
    for (body, code, param) in [
        (json!({}), "missing_required_field", "type"),
        (json!({ "data": data }), "missing_required_field", "type"),
        (json!({ "type": null, "data": data }), "missing_required_field", "type"),
        (json!({ "type": 1, "data": data }), "invalid_field_value", "type"),
        (json!({ "type": "", "data": data }), "invalid_field_value", "type"),
        (json!({ "type": "Deposit.Detected", "data": data }), "invalid_field_value", "type"),
        (json!({ "type": "deposit", "data": data }), "invalid_field_value", "type"),
        (json!({ "type": "deposit.detected" }), "missing_required_field", "data"),
        (json!({ "type": "deposit.detected", "data": null }), "missing_required_field", "data"),
        (json!({ "type": "deposit.detected", "data": [] }), "invalid_field_value", "data"),
        (json!({ "type": "deposit.detected", "data": "{}" }), "invalid_field_value", "data"),
        (json!({ "type": "deposit.detected", "data": 1 }), "invalid_field_value", "data"),
    ] {
        let answer = send(&service, &order, &body.to_string()).await;
        assert_eq!(answer.failure(), (400, code, Some(param)), "{body}");
    }
    let twice = r#"{"type":"order.failed","data":{"errorDetails":"x","errorDetails":"y"}}"#;
    let expected = (400, "invalid_field_value", Some("data"));
    assert_eq!(send(&service, &order, twice).await.failure(), expected);
    let record = service.get_order(&order).await;
    assert_eq!(record.ok()["order"]["status"], "scanning_deposit_transaction");
    assert_eq!(record.ok()["depositTxs"], json!([]));
}

#[tokio::test]
async fn every_required_field_of_an_event_is_required() {
    let service = Service::start().await;
    let (_, order) = session_with_order(&service).await;
    for ((kind, data), fields) in [
        (paid(), vec!["chain", "txHash", "amount", "createdAt"]),
        (relayed(), vec!["chain", "txHash", "status", "createdAt"]),
        (executed(), vec!["chain", "txHash", "createdAt"]),
        (failed(), vec!["errorDetails"]),
        (refunded(), vec!["chain", "txHash", "amount", "status", "createdAt"]),
    ] {
        for field in fields {
            let mut without = data.clone();
            without.as_object_mut().unwrap().remove(field).unwrap();
            let null = with(data.clone(), json!({ field: null }));
            let param = format!("data.{field}");
            for data in [without, null] {
                let answer = service.record_event(&order, kind, data.clone()).await;
                let expected = (400, "missing_required_field", Some(param.as_str()));
                assert_eq!(answer.failure(), expected, "{kind}: {data}");
            }
        }
    }
    assert_eq!(service.order_status(&order).await, "scanning_deposit_transaction");
}

#[tokio::test]
async fn a_field_of_an_event_that_breaks_its_rule_is_refused() {
    let service = Service::start().await;
    let (_, order) = session_with_order(&service).await;
    let chains =
        vec![json!(0), json!(-1), json!(1.5), json!("8453"), json!(true), json!(9_007_199_254_740_992_u64)];
    let hashes = vec![
        json!(""),
        json!("0x-1"),
        json!("0x 1"),
        json!("a#b"),
        json!("ä"),
        json!("x".repeat(129)),
        json!(1),
        json!({}),
    ];
    let amounts = vec![
        json!(""),
        json!("-1"),
        json!("01"),
        json!("1.0"),
        json!("1e6"),
        json!("0x1"),
        json!("115792089237316195423570985008687907853269984665640564039457584007913129639936"),
        json!(1),
        json!({}),
    ];
    let times = vec![
        json!(-1),
        json!(1.5),
        json!("1769860800000"),
        json!("2026-01-31T12:00:00.000Z"),
        json!(9_007_199_254_740_992_u64),
        json!(true),
        json!(0),
        json!(1_769_860_800),
        json!(1_420_070_399_999_u64),
    ];
    let logs = vec![json!(-1), json!(0.5), json!("4"), json!(true), json!(9_007_199_254_740_992_u64)];
    let stages = vec![json!(""), json!("Success"), json!("done"), json!(1), json!(true)];
    let sender = vec![json!("x".repeat(256)), json!(1), json!({})];
    let relays = vec![json!(""), json!([]), json!(1), json!({ "a": "x".repeat(16 * 1024) })];
    let points = vec![json!("5"), json!(-1), json!(-0.5), json!(true), json!([]), json!({})];
    let details = vec![json!(""), json!("x".repeat(4097)), json!(1), json!({})];
    for ((kind, data), field, values) in [
        (paid(), "chain", &chains),
        (paid(), "txHash", &hashes),
        (paid(), "amount", &amounts),
        (paid(), "createdAt", &times),
        (paid(), "from", &sender),
        (paid(), "logIndex", &logs),
        (relayed(), "chain", &chains),
        (relayed(), "txHash", &hashes),
        (relayed(), "status", &stages),
        (relayed(), "createdAt", &times),
        (executed(), "chain", &chains),
        (executed(), "txHash", &hashes),
        (executed(), "createdAt", &times),
        (executed(), "actualDstAmount", &amounts),
        (executed(), "relay", &relays),
        (executed(), "points", &points),
        (failed(), "errorDetails", &details),
        (refunded(), "chain", &chains),
        (refunded(), "txHash", &hashes),
        (refunded(), "amount", &amounts),
        (refunded(), "status", &stages),
        (refunded(), "status", &vec![json!("pending"), json!("refund")]),
        (refunded(), "createdAt", &times),
    ] {
        for value in values {
            let data = with(data.clone(), json!({ field: value }));
            let answer = service.record_event(&order, kind, data).await;
            let param = format!("data.{field}");
            let expected = (400, "invalid_field_value", Some(param.as_str()));
            assert_eq!(answer.failure(), expected, "{kind}: {value}");
        }
    }
    assert_eq!(service.order_status(&order).await, "scanning_deposit_transaction");
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

    // Whoever learns it later says it then.
    let answer = report(&service, &order, ("deposit.detected", deposit("0x02", "1"))).await;
    assert_eq!(answer.ok()["depositTxs"][1]["from"], deposit("0x02", "1")["from"]);
}

#[tokio::test]
async fn a_fact_that_is_known_changes_nothing() {
    let service = Service::start().await;
    let (session, order) = session_with_order(&service).await;
    let facts = [paid(), relayed(), refund_failed(), failed(), refunded(), executed()];
    for fact in facts.clone() {
        report(&service, &order, fact).await;
    }
    let record = service.get_order(&order).await;
    let status = service.session_status(&session).await;
    for _ in 0..2 {
        for fact in facts.clone() {
            service.calls.take();
            let answer = report(&service, &order, fact.clone()).await;
            assert_eq!(answer.ok(), record.ok(), "{fact:?}");
            let calls = service.calls.take();
            assert!(calls.iter().all(|call| call.operation == "Query"), "{calls:?}");
        }
        service.clock.advance(DEFAULT_LIFETIME);
    }
    assert_eq!(service.session_status(&session).await, status);
}

#[tokio::test]
async fn the_larger_amount_of_a_deposit_counts_whenever_it_is_reported() {
    let service = Service::start().await;
    for amounts in [["400000", "1000000"], ["1000000", "400000"]] {
        let (session, order) = session_with_order(&service).await;
        for amount in amounts {
            report(&service, &order, ("deposit.detected", deposit("0x01", amount))).await;
        }
        let record = service.get_order(&order).await;
        let deposits = record.ok()["depositTxs"].as_array().unwrap();
        assert_eq!(deposits.len(), 1);
        assert_eq!(deposits[0]["amount"], "1000000");
        assert_eq!(service.session_status(&session).await, "processing");
    }
}

#[tokio::test]
async fn a_relays_later_stage_counts_whenever_it_is_reported() {
    let service = Service::start().await;
    for (stages, shown) in [
        (vec!["pending", "success"], "success"),
        (vec!["success", "pending"], "success"),
        (vec!["waiting", "pending", "delayed", "failure"], "failure"),
        (vec!["delayed", "refund"], "refund"),
        (vec!["waiting"], "waiting"),
        (vec!["delayed"], "delayed"),
    ] {
        let (_, order) = session_with_order(&service).await;
        for stage in &stages {
            report(&service, &order, ("relay.updated", relay("0x01", stage))).await;
        }
        let record = service.get_order(&order).await;
        let relays = record.ok()["relayTxs"].as_array().unwrap();
        assert_eq!(relays.len(), 1);
        assert_eq!(relays[0]["status"], shown, "{stages:?}");
    }
}

#[tokio::test]
async fn a_refund_that_arrived_stays_so() {
    let service = Service::start().await;
    for stages in [["failure", "success"], ["success", "failure"]] {
        let (_, order) = session_with_order(&service).await;
        for stage in stages {
            report(&service, &order, ("refund.updated", refund("0x01", "1", stage))).await;
        }
        let record = service.get_order(&order).await;
        let refunds = record.ok()["refundTxs"].as_array().unwrap();
        assert_eq!(refunds.len(), 1);
        assert_eq!(refunds[0]["status"], "success");
        assert_eq!(record.ok()["order"]["status"], "refunded");
    }
}

#[tokio::test]
async fn the_details_of_an_execution_add_up() {
    let service = Service::start().await;
    let (_, order) = session_with_order(&service).await;
    for details in [
        json!({}),
        json!({ "actualDstAmount": "999999" }),
        json!({ "points": 5 }),
        json!({ "relay": { "requestId": "r-1" } }),
    ] {
        report(&service, &order, ("order.executed", with(execution("0x01"), details))).await;
    }
    let record = service.get_order(&order).await;
    assert_eq!(
        record.ok()["order"]["settlement"],
        json!({ "actualDstAmount": "999999", "relay": { "requestId": "r-1" } })
    );
    assert_eq!(record.ok()["points"], 5);
}

#[tokio::test]
async fn sixty_four_hex_digits_are_one_hash_in_every_spelling() {
    let service = Service::start().await;
    let (session, order) = session_with_order(&service).await;
    let lower = format!("0x{}", "ab".repeat(32));
    let upper = format!("0x{}", "AB".repeat(32));
    let mixed = format!("0x{}", "aB".repeat(32));
    let bare = [lower[2..].to_owned(), upper[2..].to_owned(), mixed[2..].to_owned()];
    let [bare_lower, bare_upper, bare_mixed] = &bare;
    for hash in [bare_mixed, &lower, &upper, &mixed, &lower.to_uppercase(), bare_lower, bare_upper] {
        report(&service, &order, ("deposit.detected", deposit(hash, "500000"))).await;
        report(&service, &order, ("relay.updated", relay(hash, "pending"))).await;
        report(&service, &order, ("refund.updated", refund(hash, "1", "failure"))).await;
    }
    let record = service.get_order(&order).await;
    for kind in ["depositTxs", "relayTxs", "refundTxs"] {
        assert_eq!(record.ok()[kind].as_array().unwrap().len(), 1, "{kind}");
    }
    // Counted twice, the deposit would have paid the order.
    assert_eq!(service.session_status(&session).await, "open");
}

#[tokio::test]
async fn a_deposit_that_was_stored_under_a_hash_without_0x_is_updated_in_its_place() {
    let service = Service::start().await;
    let (session, order) = session_with_order(&service).await;
    let bare = "ab".repeat(32);
    report(&service, &order, ("deposit.detected", deposit(&bare, "400000"))).await;
    // As the service stored it before both spellings were one identity.
    let key = |sort_key: &str| {
        HashMap::from([
            ("pk".to_owned(), AttributeValue::S(format!("checkout#{order}"))),
            ("sk".to_owned(), AttributeValue::S(sort_key.to_owned())),
        ])
    };
    let (now, before) =
        (format!("transaction#deposit#{BASE}#0x{bare}"), format!("transaction#deposit#{BASE}#{bare}"));
    let (database, table) = (&service.database, &service.table);
    let stored = database.delete_item().table_name(table).set_key(Some(key(&now)));
    let stored = stored.return_values(ReturnValue::AllOld).send().await.unwrap().attributes.unwrap();
    let mut item = stored;
    item.extend(key(&before));
    database.put_item().table_name(table).set_item(Some(item)).send().await.unwrap();

    for spelled in [&format!("0x{bare}"), &bare] {
        report(&service, &order, ("deposit.detected", deposit(spelled, "500000"))).await;
        let record = service.get_order(&order).await;
        assert_eq!(record.ok()["depositTxs"].as_array().unwrap().len(), 1);
        assert_eq!(record.ok()["depositTxs"][0]["amount"], "500000");
    }
    assert_eq!(service.session_status(&session).await, "open");
}

/// The data of a `deposit.detected` of one transfer.
fn transfer(hash: &str, log_index: u64, amount: &str) -> Fact {
    ("deposit.detected", with(deposit(hash, amount), json!({ "logIndex": log_index })))
}

#[tokio::test]
async fn transfers_of_one_transaction_are_one_deposit_of_their_sum() {
    let service = Service::start().await;
    let (session, order) = session_with_order(&service).await;
    let hash = format!("0x{}", "ab".repeat(32));
    for (fact, amount) in [
        (transfer(&hash, 4, "400000"), "400000"),
        (transfer(&hash, 4, "400000"), "400000"),
        (transfer(&hash[2..], 7, "300000"), "700000"),
        // The larger of the total and the sum counts.
        (("deposit.detected", deposit(&hash, "600000")), "700000"),
        (("deposit.detected", deposit(&hash.to_uppercase(), "800000")), "800000"),
        (transfer(&hash, 0, "50000"), "800000"),
        (transfer(&hash, 9, "249999"), "999999"),
    ] {
        let answer = report(&service, &order, fact.clone()).await;
        let deposits = answer.ok()["depositTxs"].as_array().unwrap();
        assert_eq!(deposits.len(), 1, "{fact:?}");
        assert_eq!(deposits[0]["amount"], amount, "{fact:?}");
        assert_eq!(service.get_order(&order).await.ok(), answer.ok());
    }
    assert_eq!(service.session_status(&session).await, "open");
    let answer = report(&service, &order, transfer(&hash, 10, "1")).await;
    assert_eq!(answer.ok()["order"]["status"], "executing");
    assert_eq!(service.session_status(&session).await, "processing");
    // The same log of another transaction or another chain is another transfer.
    report(&service, &order, transfer("0x02", 4, "1")).await;
    let (kind, data) = transfer(&hash, 4, "1");
    let answer = report(&service, &order, (kind, with(data, json!({ "chain": BASE + 1 })))).await;
    assert_eq!(answer.ok()["depositTxs"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_time_in_seconds_is_refused_and_the_message_says_so() {
    let service = Service::start().await;
    let (_, order) = session_with_order(&service).await;
    let in_seconds = with(deposit("0x01", "1"), json!({ "createdAt": 1_769_860_800 }));
    let answer = service.record_event(&order, "deposit.detected", in_seconds).await;
    assert_eq!(answer.failure(), (400, "invalid_field_value", Some("data.createdAt")));
    let message = answer.body["message"].as_str().unwrap();
    assert!(message.contains("epoch seconds must be multiplied by 1000"), "{message}");
    let from_2015 = with(deposit("0x01", "1"), json!({ "createdAt": 1_420_070_400_000_u64 }));
    report(&service, &order, ("deposit.detected", from_2015)).await;
}

#[tokio::test]
async fn any_other_hash_is_told_apart_by_case() {
    let service = Service::start().await;
    let (session, order) = session_with_order(&service).await;
    for hash in
        ["5VERv8NMvzbJMEkV8xnrLkEaWRtSz9CosKDYjCJjBRnb", "5verv8NMvzbJMEkV8xnrLkEaWRtSz9CosKDYjCJjBRnb"]
    {
        report(&service, &order, ("deposit.detected", deposit(hash, "500000"))).await;
    }
    assert_eq!(service.session_status(&session).await, "processing");
}

#[tokio::test]
async fn one_hash_of_another_kind_or_chain_is_another_transaction() {
    let service = Service::start().await;
    let (_, order) = session_with_order(&service).await;
    let elsewhere = with(deposit("0x01", "1"), json!({ "chain": BASE + 1 }));
    for fact in [
        ("deposit.detected", deposit("0x01", "1")),
        ("deposit.detected", elsewhere),
        ("relay.updated", relay("0x01", "pending")),
        ("refund.updated", refund("0x01", "1", "failure")),
        ("order.executed", execution("0x01")),
    ] {
        report(&service, &order, fact).await;
    }
    let record = service.get_order(&order).await;
    assert_eq!(record.ok()["depositTxs"].as_array().unwrap().len(), 2);
    assert_eq!(record.ok()["relayTxs"].as_array().unwrap().len(), 1);
    assert_eq!(record.ok()["refundTxs"].as_array().unwrap().len(), 1);
    assert_eq!(record.ok()["executeTx"]["txHash"], "0x01");
}

#[tokio::test]
async fn a_transaction_belongs_to_the_order_it_was_reported_of() {
    let service = Service::start().await;
    let (_, order) = session_with_order(&service).await;
    let (other_session, other) = session_with_order(&service).await;
    report(&service, &order, paid()).await;
    assert_eq!(service.get_order(&other).await.ok()["depositTxs"], json!([]));
    assert_eq!(service.session_status(&other_session).await, "open");
    report(&service, &other, paid()).await;
    assert_eq!(service.session_status(&other_session).await, "processing");
}

#[tokio::test]
async fn a_deposit_on_another_chain_is_kept_and_pays_nothing() {
    let service = Service::start().await;
    let (session, order) = session_with_order(&service).await;
    let elsewhere = with(deposit("0x01", "9000000"), json!({ "chain": BASE + 1 }));
    let answer = report(&service, &order, ("deposit.detected", elsewhere)).await;
    assert_eq!(answer.ok()["depositTxs"][0]["chain"], BASE + 1);
    assert_eq!(answer.ok()["order"]["status"], "scanning_deposit_transaction");
    assert_eq!(answer.ok()["order"]["receivedDepositAt"], json!(null));
    assert_eq!(service.session_status(&session).await, "open");
    service.clock.advance(DEFAULT_LIFETIME);
    assert_eq!(service.order_status(&order).await, "refunding");
    assert_eq!(service.session_status(&session).await, "expired");
}

#[tokio::test]
async fn the_facts_decide_both_statuses() {
    let service = Service::start().await;
    let elsewhere = || ("deposit.detected", with(paid().1, json!({ "chain": BASE + 1 })));
    let nothing = || ("deposit.detected", deposit("0x01", "0"));
    for (steps, order, session) in [
        // An execute transaction is known.
        (vec![Report(executed())], "executed", "complete"),
        (vec![Report(paid()), Report(executed())], "executed", "complete"),
        (vec![Report(executed()), Report(paid())], "executed", "complete"),
        (vec![Report(paid()), Report(relayed()), Report(executed())], "executed", "complete"),
        (vec![Report(paid()), Deadline, Report(executed())], "executed", "complete"),
        (vec![Report(executed()), Report(refunded())], "executed", "complete"),
        (vec![Report(executed()), Report(failed())], "executed", "complete"),
        (vec![Report(executed()), Deadline], "executed", "complete"),
        // A successful refund is known.
        (vec![Report(refunded())], "refunded", "expired"),
        (vec![Report(paid()), Report(refunded())], "refunded", "expired"),
        (vec![Report(paid()), Report(failed()), Report(refunded())], "refunded", "expired"),
        (vec![Report(partly_paid()), Deadline, Report(refunded())], "refunded", "expired"),
        (vec![Report(partly_paid()), Expire, Report(refunded())], "refunded", "expired"),
        // What was refunded was paid beyond what was asked for.
        (vec![Report(paid()), Report(excess()), Report(excess_returned())], "executing", "processing"),
        (
            vec![Report(excess()), Report(paid()), Report(excess_returned()), Deadline],
            "executing",
            "processing",
        ),
        (
            vec![Report(paid()), Report(excess()), Report(excess_returned()), Report(relayed())],
            "relay",
            "processing",
        ),
        (
            vec![Report(paid()), Report(excess()), Report(excess_returned()), Report(executed())],
            "executed",
            "complete",
        ),
        (
            vec![Report(paid()), Report(excess()), Report(excess_returned()), Report(failed())],
            "failure",
            "expired",
        ),
        (vec![Deadline, Report(paid()), Report(excess()), Report(excess_returned())], "refunding", "expired"),
        // In between the session was seen `expired`.
        (vec![Report(paid()), Report(excess_returned()), Report(excess())], "executing", "expired"),
        (
            vec![Report(paid()), Report(excess()), Report(excess_returned()), Report(refunded())],
            "refunded",
            "expired",
        ),
        // A failure was reported.
        (vec![Report(failed())], "failure", "expired"),
        (vec![Report(paid()), Report(failed())], "failure", "expired"),
        (vec![Report(paid()), Report(relayed()), Report(failed())], "failure", "expired"),
        (vec![Report(failed()), Report(refund_failed())], "failure", "expired"),
        (vec![Deadline, Report(failed())], "failure", "expired"),
        // Deposits reached the amount in time.
        (vec![Report(paid())], "executing", "processing"),
        (vec![Report(partly_paid()), Report(the_rest())], "executing", "processing"),
        (vec![Report(paid()), Report(the_rest())], "executing", "processing"),
        (vec![Report(paid()), Report(refund_failed())], "executing", "processing"),
        (vec![Report(paid()), Deadline], "executing", "processing"),
        (vec![Report(paid()), Report(relayed())], "relay", "processing"),
        (vec![Report(relayed()), Report(paid())], "relay", "processing"),
        (vec![Report(paid()), Report(relayed()), Deadline], "relay", "processing"),
        (vec![Report(paid()), Deadline, Report(relayed())], "relay", "processing"),
        // Too late or called off, and something was deposited.
        (vec![Report(partly_paid()), Deadline], "refunding", "expired"),
        (vec![Report(partly_paid()), Expire], "refunding", "expired"),
        (vec![Report(elsewhere()), Deadline], "refunding", "expired"),
        (vec![Deadline, Report(paid())], "refunding", "expired"),
        (vec![Expire, Report(paid())], "refunding", "expired"),
        (vec![Report(partly_paid()), Deadline, Report(the_rest())], "refunding", "expired"),
        (vec![Report(partly_paid()), Expire, Report(the_rest())], "refunding", "expired"),
        (vec![Report(partly_paid()), Expire, Report(relayed())], "refunding", "expired"),
        (vec![Deadline, Report(paid()), Report(refund_failed())], "refunding", "expired"),
        // Too late or called off, and nothing was deposited.
        (vec![Deadline], "expired", "expired"),
        (vec![Expire], "expired", "expired"),
        (vec![Expire, Deadline], "expired", "expired"),
        (vec![Report(nothing()), Deadline], "expired", "expired"),
        (vec![Report(relayed()), Deadline], "expired", "expired"),
        (vec![Report(refund_failed()), Expire], "expired", "expired"),
        // Not fully paid yet.
        (vec![], "scanning_deposit_transaction", "open"),
        (vec![Report(partly_paid())], "scanning_deposit_transaction", "open"),
        (vec![Report(nothing())], "scanning_deposit_transaction", "open"),
        (vec![Report(elsewhere())], "scanning_deposit_transaction", "open"),
        (vec![Report(relayed())], "scanning_deposit_transaction", "open"),
        (vec![Report(refund_failed())], "scanning_deposit_transaction", "open"),
    ] {
        let expected = (order.to_owned(), session.to_owned());
        assert_eq!(statuses_after(&service, &steps).await, expected, "{steps:?}");
    }
}

#[tokio::test]
async fn an_order_on_its_own_follows_the_same_table() {
    let service = Service::start().await;
    for (facts, before, after) in [
        (vec![], "scanning_deposit_transaction", "expired"),
        (vec![partly_paid()], "scanning_deposit_transaction", "refunding"),
        (vec![paid()], "executing", "executing"),
        (vec![paid(), relayed()], "relay", "relay"),
        (vec![paid(), failed()], "failure", "failure"),
        (vec![paid(), failed(), refunded()], "refunded", "refunded"),
        (vec![paid(), executed()], "executed", "executed"),
    ] {
        let order = id_of(&service.create_order(order()).await);
        for fact in &facts {
            report(&service, &order, fact.clone()).await;
        }
        assert_eq!(service.order_status(&order).await, before, "{facts:?}");
        service.clock.advance(Duration::from_mins(15));
        assert_eq!(service.order_status(&order).await, after, "{facts:?}");
    }
}

#[tokio::test]
async fn a_card_payment_of_stripe_is_waited_for_by_name() {
    let service = Service::start().await;
    let session = service.session().await;
    let onramp = json!({ "onramp": { "vendor": "none" } });
    let order = id_of(&service.create_order(with(order_for(&session), onramp)).await);
    // No provider is configured here, so no call makes such an order.
    let key = |value: &str| AttributeValue::S(value.to_owned());
    service
        .database
        .update_item()
        .table_name(&service.table)
        .key("pk", key(&format!("checkout#{order}")))
        .key("sk", key("checkout"))
        .update_expression("SET #order.onramp.vendor = :vendor")
        .expression_attribute_names("#order", "order")
        .expression_attribute_values(":vendor", key("stripe-web2"))
        .send()
        .await
        .unwrap();
    assert_eq!(service.order_status(&order).await, "waiting_stripe_payment");
    report(&service, &order, partly_paid()).await;
    assert_eq!(service.order_status(&order).await, "waiting_stripe_payment");
    assert_eq!(service.session_status(&session).await, "open");
    report(&service, &order, the_rest()).await;
    assert_eq!(service.order_status(&order).await, "executing");
    assert_eq!(service.session_status(&session).await, "processing");
}

#[tokio::test]
async fn no_later_fact_moves_a_session_out_of_its_end() {
    let service = Service::start().await;
    let every_fact = || [paid(), the_rest(), relayed(), refund_failed(), failed(), refunded(), executed()];
    for (ending, status) in [
        (vec![Deadline], "expired"),
        (vec![Expire], "expired"),
        (vec![Report(partly_paid()), Deadline], "expired"),
        (vec![Report(partly_paid()), Expire], "expired"),
        (vec![Report(failed())], "expired"),
        (vec![Report(refunded())], "expired"),
        (vec![Report(paid()), Report(failed())], "expired"),
        (vec![Report(paid()), Report(refunded())], "expired"),
        (vec![Report(executed())], "complete"),
        (vec![Report(paid()), Report(executed())], "complete"),
    ] {
        let (session, order) = session_with_order(&service).await;
        take(&service, &session, &order, &ending).await;
        assert_eq!(service.session_status(&session).await, status, "{ending:?}");
        for fact in every_fact() {
            report(&service, &order, fact.clone()).await;
            let answer = service.get_session_with_order(&session).await;
            assert_eq!(answer.ok()["status"], status, "{ending:?}, {fact:?}");
        }
        service.clock.advance(DEFAULT_LIFETIME);
        assert_eq!(service.session_status(&session).await, status, "{ending:?}");

        // Everything that was reported is on the order all the same.
        let record = service.get_order(&order).await;
        let record = record.ok();
        assert_eq!(record["depositTxs"].as_array().unwrap().len(), 2);
        assert_eq!(record["relayTxs"].as_array().unwrap().len(), 1);
        assert_eq!(record["refundTxs"].as_array().unwrap().len(), 2);
        assert_eq!(record["executeTx"]["txHash"], "0x04");
        assert_eq!(record["order"]["errorDetails"], "no gas");
        assert_eq!(record["order"]["status"], "executed");
    }
}

#[tokio::test]
async fn a_deposit_after_the_end_is_kept() {
    let service = Service::start().await;
    for (ending, order_status) in [
        (Deadline, "refunding"),
        (Expire, "refunding"),
        (Report(failed()), "failure"),
        (Report(refunded()), "refunded"),
        (Report(executed()), "executed"),
    ] {
        let (session, order) = session_with_order(&service).await;
        take(&service, &session, &order, std::slice::from_ref(&ending)).await;
        service.clock.advance(Duration::from_hours(29 * 24));
        let answer = report(&service, &order, paid()).await;
        let expected = with(paid().1, json!({ "orderId": order }));
        assert_eq!(answer.ok()["depositTxs"], json!([expected]), "{ending:?}");
        assert_eq!(answer.ok()["order"]["status"], order_status, "{ending:?}");
        assert_eq!(answer.ok()["order"]["receivedDepositAt"], paid().1["createdAt"], "{ending:?}");
    }
}

#[tokio::test]
async fn the_order_in_which_facts_arrive_makes_no_difference() {
    fn permutations(facts: &[Fact]) -> Vec<Vec<Fact>> {
        if facts.is_empty() {
            return vec![Vec::new()];
        }
        let mut all = Vec::new();
        for at in 0..facts.len() {
            let mut others = facts.to_vec();
            let first = others.remove(at);
            for mut rest in permutations(&others) {
                rest.insert(0, first.clone());
                all.push(rest);
            }
        }
        all
    }

    let service = Service::start().await;
    for facts in [
        vec![partly_paid(), the_rest(), relayed(), executed()],
        vec![paid(), failed(), refund_failed(), refunded()],
        vec![
            ("deposit.detected", deposit("0x01", "1")),
            ("deposit.detected", with(paid().1, json!({ "from": null }))),
            ("order.failed", json!({ "errorDetails": "a" })),
            ("order.failed", json!({ "errorDetails": "b" })),
        ],
    ] {
        let mut outcome = None;
        for permutation in permutations(&facts) {
            let (_, order) = session_with_order(&service).await;
            for fact in &permutation {
                report(&service, &order, fact.clone()).await;
            }
            report(&service, &order, permutation[0].clone()).await;
            let record = service.get_order(&order).await;
            let address = redact::expected_deposit_address(&order, harness::RECIPIENT);
            let record = record.text.replace(&order, "").replace(&address, "");
            assert_eq!(*outcome.get_or_insert(record.clone()), record, "{permutation:?}");
        }
    }
}

#[tokio::test]
async fn a_body_above_256_kibibytes_is_refused() {
    let service = Service::start().await;
    let (_, order) = session_with_order(&service).await;
    let (kind, data) = paid();
    let mut body = json!({ "type": kind, "data": data }).to_string();
    body.push_str(&" ".repeat(256 * 1024 + 1 - body.len()));
    let answer = send(&service, &order, &body).await;
    assert_eq!(answer.failure(), (413, "payload_too_large", None));
    body.pop();
    send(&service, &order, &body).await.ok();
}

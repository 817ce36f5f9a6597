//! Events that are refused, and the field that the error names.

use harness::{BASE, Service, deposit, new_uuid, with};
use insta::assert_json_snapshot;
use serde_json::json;

use super::{executed, failed, paid, refunded, relayed, report, send, session_with_order};

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

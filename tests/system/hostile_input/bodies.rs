//! Bodies: deep nesting, megabytes, equal keys, text that is not Unicode, and huge numbers.

use harness::{
    Answer, RECIPIENT, Service, USDC, deposit, execution, new_uuid, order, post_text, refund, relay, with,
};
use serde_json::{Value, json};

async fn create_session(service: &Service, body: impl Into<Vec<u8>>) -> Answer {
    service.send(post_text(service, "/checkout-sessions", body)).await
}

/// An event's body with one member of its data written as `value`.
fn event_with(kind: &str, data: &Value, member: &str, value: &str) -> String {
    let data = with_text(data, member, value);
    format!(r#"{{"type":"{kind}","data":{data}}}"#)
}

/// An object as JSON text with one member written as `value`, which `serde_json` may be unable
/// to hold.
fn with_text(object: &Value, member: &str, value: &str) -> String {
    let mut members: Vec<String> = object
        .as_object()
        .unwrap()
        .iter()
        .filter(|(name, _)| *name != member)
        .map(|(name, value)| format!("{}:{value}", json!(name)))
        .collect();
    members.push(format!("{}:{value}", json!(member)));
    format!("{{{}}}", members.join(","))
}

fn nested(depth: usize) -> String {
    format!("{}{}", "[".repeat(depth), "]".repeat(depth))
}

#[tokio::test]
async fn metadata_as_deeply_nested_as_fits_is_given_back() {
    let service = Service::start().await;
    // Some eight thousand levels in 16 KiB. Readers of JSON give up long before that, so the
    // answer is looked at as text.
    let metadata = format!(r#"{{"a":{}}}"#, nested(8_180));
    let body = format!(r#"{{"metadata":{metadata}}}"#);
    let created = post_text(&service, "/checkout-sessions", body).send().await.unwrap();
    assert_eq!(created.status(), 200);
    let created = created.text().await.unwrap();
    assert!(created.contains(&metadata));

    let (_, id) = created.split_once(r#""id":""#).unwrap();
    let path = format!("/checkout-sessions/{}", &id[..36]);
    let read = service.get(&path).send().await.unwrap();
    assert_eq!(read.status(), 200);
    assert!(read.text().await.unwrap().contains(&metadata));

    for member in ["metadata", "callbackMetadata"] {
        let body = with_text(&order(), member, &metadata);
        let created = post_text(&service, "/orders", body).send().await.unwrap();
        assert_eq!(created.status(), 200, "{member}");
        assert!(created.text().await.unwrap().contains(&metadata));
    }
}

#[tokio::test]
async fn nesting_beyond_any_limit_is_refused_or_ignored() {
    let service = Service::start().await;
    let deep = nested(10_000);
    let too_large = create_session(&service, format!(r#"{{"metadata":{{"a":{deep}}}}}"#)).await;
    assert_eq!(too_large.failure(), (400, "invalid_field_value", Some("metadata")));
    create_session(&service, format!(r#"{{"unknown":{deep}}}"#)).await.ok();
    let whole = create_session(&service, deep.clone()).await;
    assert_eq!(whole.failure().1, "invalid_json");
    let objects = format!("{}0{}", r#"{"a":"#.repeat(10_000), "}".repeat(10_000));
    create_session(&service, objects).await.ok();
    // As deep as a body can be, and never closed.
    let open = create_session(&service, "[".repeat(250_000)).await;
    assert_eq!(open.failure().1, "invalid_json");
    let open = create_session(&service, r#"{"a":"#.repeat(50_000)).await;
    assert_eq!(open.failure().1, "invalid_json");

    // Where each known field is deep.
    let known = ["success_url", "cancel_url", "client_reference_id", "expires_in"];
    for field in known {
        let refused = create_session(&service, format!(r#"{{"{field}":{deep}}}"#)).await;
        assert_eq!(refused.failure(), (400, "invalid_field_value", Some(field)));
    }
    for field in order().as_object().unwrap().keys() {
        let body = with_text(&order(), field, &deep);
        let refused = service.send(post_text(&service, "/orders", body)).await;
        assert_eq!(refused.failure().0, 400, "{field}");
    }
    let created = service.create_order(order()).await;
    let id = created.ok()["id"].as_str().unwrap();
    for field in ["chain", "from", "txHash", "amount", "createdAt"] {
        let body = event_with("deposit.detected", &deposit("0x01", "1"), field, &deep);
        let refused = service.send(service.event(id, body.as_bytes())).await;
        assert_eq!(refused.failure().0, 400, "{field}");
    }
}

#[tokio::test]
async fn a_body_of_six_megabytes_is_too_large() {
    let service = Service::start().await;
    let session = service.session().await;
    let filler = "x".repeat(6_000_000);
    let body = format!(r#"{{"unknown":"{filler}"}}"#);
    let too_large = (413, "payload_too_large", None);

    let answer = create_session(&service, body.clone()).await;
    assert_eq!(answer.failure(), too_large);
    let answer = service.send(post_text(&service, "/orders", body.clone())).await;
    assert_eq!(answer.failure(), too_large);
    let id = new_uuid().to_string();
    let answer = service.send(service.event(&id, body.as_bytes())).await;
    assert_eq!(answer.failure(), too_large);
    // Signed or not, it is not read.
    let unsigned = post_text(&service, &format!("/orders/{id}/events"), body.clone());
    assert!([401, 413].contains(&service.send(unsigned).await.status));
    let path = format!("/checkout-sessions/{session}/expire");
    let request = post_text(&service, &path, body.clone()).header("idempotency-key", "a key");
    assert_eq!(service.send(request).await.failure(), too_large);

    // The size is that of the bytes, however they are written.
    let bytes = service.post("/checkout-sessions").body(body.into_bytes());
    assert_eq!(service.send(bytes).await.failure(), too_large);
}

#[tokio::test]
async fn a_key_that_appears_twice_is_refused_where_it_would_be_read() {
    let service = Service::start().await;
    for body in [
        r#"{"expires_in":300,"expires_in":600}"#,
        r#"{"expires_in":300,"expires\u005fin":600}"#,
        r#"{"unknown":1,"unknown":1}"#,
    ] {
        assert_eq!(create_session(&service, body).await.failure().1, "invalid_json");
    }
    let twice = with_text(&order(), "srcAmount", r#""1","srcAmount":"2""#);
    let answer = service.send(post_text(&service, "/orders", twice)).await;
    assert_eq!(answer.failure().1, "invalid_json");
    let twice = with_text(&order(), "payload", r#"{"expectedDstAmount":"1","expectedDstAmount":"2"}"#);
    let answer = service.send(post_text(&service, "/orders", twice)).await;
    assert_eq!(answer.failure(), (400, "invalid_field_value", Some("payload")));

    // What is only kept for the merchant is the merchant's.
    let metadata = r#"{"a":1,"a":2}"#;
    let created = create_session(&service, format!(r#"{{"metadata":{metadata}}}"#)).await;
    assert!(created.text.contains(metadata));
}

#[tokio::test]
async fn what_is_no_unicode_is_refused() {
    let service = Service::start().await;
    for body in [
        b"{\"client_reference_id\":\"\xff\"}".as_slice(),
        b"{\"unknown\":\"\xc3\x28\"}",
        b"{\"metadata\":{\"a\":\"\xed\xa0\x80\"}}",
        b"\xff\xfe{\x00}\x00",
        b"\xef\xbb\xbf\xef\xbb\xbf{}",
        b"\0",
        b"{\"client_reference_id\":\"a\0b\"}",
        r#"{"\ud800":1}"#.as_bytes(),
    ] {
        let answer = create_session(&service, body).await;
        assert_eq!(answer.failure().1, "invalid_json", "{body:?}");
    }
    for field in ["client_reference_id", "success_url", "metadata"] {
        for text in [r#""\ud800""#, r#"{"a":"\udc00"}"#, r#"{"\ud800":"\ud800x"}"#] {
            let answer = create_session(&service, format!(r#"{{"{field}":{text}}}"#)).await;
            assert_eq!(answer.failure(), (400, "invalid_field_value", Some(field)));
        }
    }
    // Half a pair in a field that is ignored is ignored, too; a whole pair is a character.
    create_session(&service, r#"{"unknown":"\ud800"}"#).await.ok();
    let pair = r#"{"metadata":{"a":"\ud83d\ude00"}}"#;
    let created = create_session(&service, pair).await;
    assert_eq!(created.ok()["metadata"]["a"], "😀");
}

#[tokio::test]
async fn nul_characters_are_kept_where_any_text_may_be_and_refused_elsewhere() {
    let service = Service::start().await;
    let body = r#"{"client_reference_id":"a\u0000b","metadata":{"\u0000":"\u0000"}}"#;
    let created = create_session(&service, body).await;
    let id = created.ok()["id"].as_str().unwrap();
    let read = service.get_session(id).await;
    assert_eq!(read.ok()["client_reference_id"], "a\0b");
    assert_eq!(read.ok()["metadata"], json!({ "\0": "\0" }));

    let url = create_session(&service, r#"{"success_url":"https://a.example/\u0000"}"#).await;
    assert_eq!(url.failure().0, 400);
    for (field, value) in [
        ("recipientAddress", format!("{RECIPIENT}\0")),
        ("srcTokenAddress", format!("{USDC}\0")),
        ("srcAmount", "1\0".to_owned()),
        ("type", "swap\0".to_owned()),
        ("clientReferenceId", "cart\0".to_owned()),
        ("checkoutSessionId", format!("{}\0", new_uuid())),
    ] {
        let answer = service.create_order(with(order(), json!({ field: value }))).await;
        assert_eq!(answer.failure().0, 400, "{field}");
    }
}

#[tokio::test]
async fn numbers_that_no_machine_holds_are_refused_in_every_numeric_field() {
    let service = Service::start().await;
    let created = service.create_order(order()).await;
    let id = created.ok()["id"].as_str().unwrap();
    let digits = "9".repeat(400);
    let fraction = format!("0.{digits}");
    for number in [
        "1e999",
        "-1e999",
        "1e-999",
        "-1",
        "-0.5",
        "1.5",
        "18446744073709551616",
        "1e400000000000000000000",
        &digits,
        &fraction,
    ] {
        let body = format!(r#"{{"expires_in":{number}}}"#);
        let answer = create_session(&service, body).await;
        assert_eq!(answer.failure(), (400, "invalid_field_value", Some("expires_in")));
        for field in ["srcChain", "dstChain"] {
            let body = with_text(&order(), field, number);
            let answer = service.send(post_text(&service, "/orders", body)).await;
            assert_eq!(answer.failure(), (400, "invalid_field_value", Some(field)));
        }
        for (kind, data) in [
            ("deposit.detected", deposit("0x01", "1")),
            ("relay.updated", relay("0x01", "pending")),
            ("order.executed", execution("0x01")),
            ("refund.updated", refund("0x01", "1", "success")),
        ] {
            for field in ["chain", "createdAt"] {
                let body = event_with(kind, &data, field, number);
                let answer = service.send(service.event(id, body.as_bytes())).await;
                let param = format!("data.{field}");
                assert_eq!(answer.failure(), (400, "invalid_field_value", Some(&*param)));
            }
        }
        // Kept as it was written, and never computed with.
        let body = format!(r#"{{"metadata":{{"n":{number}}}}}"#);
        let response = post_text(&service, "/checkout-sessions", body).send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert!(response.text().await.unwrap().contains(&format!(r#""n":{number}}}"#)));
    }
    for points in ["1e999", "-1", &digits, "NaN", "\"1\"", "[1]"] {
        let body = event_with("order.executed", &execution("0x01"), "points", points);
        let answer = service.send(service.event(id, body.as_bytes())).await;
        assert_eq!(answer.failure().0, 400, "{points}");
    }
    assert_eq!(service.order_status(id).await, "scanning_deposit_transaction");
}

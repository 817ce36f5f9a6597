//! Bodies and fields that are refused, and the field that the error names.

use harness::{RECIPIENT, Service, USDC, order, order_for, with};
use insta::assert_json_snapshot;
use serde_json::{Value, json};

use super::{LARGEST_AMOUNT, create};

/// 2^256.
const TOO_LARGE_AMOUNT: &str =
    "115792089237316195423570985008687907853269984665640564039457584007913129639936";

/// An object without one of its members.
fn without(mut object: Value, name: &str) -> Value {
    object.as_object_mut().unwrap().remove(name).unwrap();
    object
}

/// An address that no checksum vouches for.
fn with_broken_checksum(address: &str) -> String {
    let at = address.rfind(|c: char| c.is_ascii_uppercase()).unwrap();
    let mut broken = address.to_owned();
    broken[at..=at].make_ascii_lowercase();
    broken
}

#[tokio::test]
async fn an_unknown_type_is_answered_with_the_known_ones() {
    let service = Service::start().await;
    let answer = service.create_order(with(order(), json!({ "type": "mint" }))).await;
    assert_json_snapshot!(answer.body, @r#"
    {
      "error": {
        "code": "invalid_field_value",
        "message": "type must be one of: swap",
        "param": "type",
        "type": "invalid_request_error"
      },
      "message": "type must be one of: swap",
      "statusCode": 400,
      "success": false
    }
    "#);
}

#[tokio::test]
async fn a_missing_field_is_named() {
    let service = Service::start().await;
    let answer = service.create_order(without(order(), "srcAmount")).await;
    assert_json_snapshot!(answer.body, @r#"
    {
      "error": {
        "code": "missing_required_field",
        "message": "srcAmount is required",
        "param": "srcAmount",
        "type": "invalid_request_error"
      },
      "message": "srcAmount is required",
      "statusCode": 400,
      "success": false
    }
    "#);
}

#[tokio::test]
async fn every_required_field_is_required() {
    let service = Service::start().await;
    for field in [
        "type",
        "recipientAddress",
        "srcChain",
        "dstChain",
        "srcTokenAddress",
        "dstTokenAddress",
        "srcAmount",
        "payload",
    ] {
        let expected = (400, "missing_required_field", Some(field));
        let absent = service.create_order(without(order(), field)).await;
        assert_eq!(absent.failure(), expected, "{field}");
        let null = service.create_order(with(order(), json!({ field: null }))).await;
        assert_eq!(null.failure(), expected, "{field}");
    }
    let expected = (400, "missing_required_field", Some("payload.expectedDstAmount"));
    for payload in [json!({}), json!({ "expectedDstAmount": null }), json!({ "amount": "1" })] {
        let answer = service.create_order(with(order(), json!({ "payload": payload }))).await;
        assert_eq!(answer.failure(), expected, "{payload}");
    }
    let answer = service.create_order(json!({})).await;
    assert_eq!(answer.failure().1, "missing_required_field");
}

#[tokio::test]
async fn a_field_that_breaks_its_rule_is_refused() {
    let service = Service::start().await;
    for (field, values) in [
        (
            "type",
            vec![
                json!(""),
                json!("Swap"),
                json!("swap "),
                json!("hype_duel"),
                json!(1),
                json!(["swap"]),
                json!({}),
            ],
        ),
        (
            "srcChain",
            vec![
                json!(0),
                json!(-1),
                json!(8453.5),
                json!("8453"),
                json!(true),
                json!([8453]),
                json!({}),
                json!(9_007_199_254_740_992_u64),
                json!(1e30),
            ],
        ),
        (
            "dstChain",
            vec![json!(0), json!(-8453), json!(0.5), json!("0x2105"), json!(false), json!(u64::MAX)],
        ),
        (
            "srcAmount",
            vec![
                json!("0"),
                json!(""),
                json!("-1"),
                json!("+1"),
                json!("01"),
                json!("1.0"),
                json!("1e6"),
                json!("0x1"),
                json!(" 1"),
                json!("1_000"),
                json!("1,000"),
                json!("١"),
                json!(TOO_LARGE_AMOUNT),
                json!("9".repeat(79)),
                json!(1_000_000),
                json!(1.5),
                json!(true),
                json!(["1"]),
                json!({}),
            ],
        ),
        ("payload", vec![json!(""), json!("1000000"), json!(1), json!([]), json!(true)]),
        ("metadata", vec![json!(""), json!(1), json!([]), json!(true)]),
        ("callbackMetadata", vec![json!(""), json!(1), json!([]), json!(true)]),
        ("onramp", vec![json!(""), json!("none"), json!(1), json!([]), json!(true)]),
        (
            "clientReferenceId",
            vec![
                json!(" "),
                json!("cart 42"),
                json!("cart.42"),
                json!("cart/42"),
                json!("cärt"),
                json!("cart\n"),
                json!("x".repeat(256)),
                json!(42),
                json!({}),
            ],
        ),
    ] {
        for value in values {
            let answer = service.create_order(with(order(), json!({ field: value }))).await;
            let expected = (400, "invalid_field_value", Some(field));
            assert_eq!(answer.failure(), expected, "{field}: {value}");
        }
    }
    for amount in [json!("-1"), json!("01"), json!("1.5"), json!(TOO_LARGE_AMOUNT), json!(1), json!({})] {
        let answer =
            service.create_order(with(order(), json!({ "payload": { "expectedDstAmount": amount } }))).await;
        let expected = (400, "invalid_field_value", Some("payload.expectedDstAmount"));
        assert_eq!(answer.failure(), expected, "{amount}");
    }
}

#[tokio::test]
async fn an_address_has_0x_and_40_hex_digits_with_a_checksum_in_mixed_case() {
    let service = Service::start().await;
    let broken_checksum = with_broken_checksum(USDC);
    for field in ["recipientAddress", "srcTokenAddress", "dstTokenAddress"] {
        for address in [
            json!(""),
            json!("0x"),
            json!("alice.eth"),
            json!(RECIPIENT[2..]),
            json!(RECIPIENT.replace("0x", "0X")),
            json!(RECIPIENT[..41]),
            json!(format!("{RECIPIENT}0")),
            json!(format!("{RECIPIENT} ")),
            json!(format!(" {RECIPIENT}")),
            json!(format!("{}g", &RECIPIENT[..41])),
            json!(format!("{}é", &RECIPIENT[..40])),
            json!(broken_checksum),
            json!(0),
            json!({}),
        ] {
            let answer = service.create_order(with(order(), json!({ field: address }))).await;
            let expected = (400, "invalid_address", Some(field));
            assert_eq!(answer.failure(), expected, "{address}");
        }
    }
}

#[tokio::test]
async fn a_broken_checksum_is_refused_in_a_sentence() {
    let service = Service::start().await;
    let recipient = with_broken_checksum(USDC);
    let answer = service.create_order(with(order(), json!({ "recipientAddress": recipient }))).await;
    assert_json_snapshot!(answer.body, @r#"
    {
      "error": {
        "code": "invalid_address",
        "message": "recipientAddress must be an EVM address whose mixed case satisfies the EIP-55 checksum",
        "param": "recipientAddress",
        "type": "invalid_request_error"
      },
      "message": "recipientAddress must be an EVM address whose mixed case satisfies the EIP-55 checksum",
      "statusCode": 400,
      "success": false
    }
    "#);
}

#[tokio::test]
async fn a_recipient_expects_no_more_than_the_payer_deposits() {
    let service = Service::start().await;
    let expecting = |amount: &str| json!({ "payload": { "expectedDstAmount": amount } });
    for amount in ["0", "999999", "1000000"] {
        service.create_order(with(order(), expecting(amount))).await.ok();
    }
    for amount in ["1000001", LARGEST_AMOUNT] {
        let answer = service.create_order(with(order(), expecting(amount))).await;
        let expected = (400, "invalid_field_value", Some("payload.expectedDstAmount"));
        assert_eq!(answer.failure(), expected, "{amount}");
    }
}

#[tokio::test]
async fn what_is_no_json_object_with_distinct_keys_is_refused() {
    let service = Service::start().await;
    let twice = order().to_string().replacen('{', r#"{"type":"swap","#, 1);
    for body in ["", " ", "order", "null", "[]", "[{}]", "\"{}\"", "{", "{}}", &twice] {
        let answer = create(&service, body).await;
        assert_eq!(answer.failure(), (400, "invalid_json", None), "{body}");
    }
    let answer = create(&service, b"{\"type\":\"\xff\"}".as_slice()).await;
    assert_eq!(answer.failure(), (400, "invalid_json", None));
    let without_body = service.send(service.post("/orders")).await;
    assert_eq!(without_body.failure(), (400, "invalid_json", None));

    let expected = (400, "invalid_field_value", Some("payload"));
    let twice = order().to_string().replace(r#""payload":{"#, r#""payload":{"expectedDstAmount":"1","#);
    assert_eq!(create(&service, twice).await.failure(), expected);
}

#[tokio::test]
async fn a_body_above_256_kibibytes_is_refused() {
    let service = Service::start().await;
    let mut body = order().to_string();
    body.push_str(&" ".repeat(256 * 1024 - body.len()));
    create(&service, body.clone()).await.ok();
    body.push(' ');
    let answer = create(&service, body).await;
    assert_eq!(answer.failure(), (413, "payload_too_large", None));
}

#[tokio::test]
async fn a_refused_order_uses_nothing_up() {
    let service = Service::start().await;
    let session = service.session().await;
    for refused in [
        json!({ "type": "mint" }),
        json!({ "recipientAddress": "alice.eth" }),
        json!({ "recipientAddress": null }),
        json!({ "srcAmount": "0" }),
        json!({ "payload": {} }),
        json!({ "metadata": [] }),
        json!({ "clientReferenceId": "a b" }),
        json!({ "dstChain": 1 }),
        json!({ "dstTokenAddress": RECIPIENT }),
        json!({ "onramp": { "vendor": "stripe" } }),
        json!({ "onramp": { "vendor": "moonpay" } }),
        json!({ "recipientAddress": USDC }),
        json!({ "payload": { "expectedDstAmount": "1000001" } }),
    ] {
        let answer = service.create_order(with(order_for(&session), refused.clone())).await;
        assert_eq!(answer.failure().0, 400, "{refused}");
        let session = service.get_session_with_order(&session).await;
        assert_eq!(session.ok()["order_id"], json!(null), "{refused}");
        assert_eq!(session.ok()["order"], json!(null), "{refused}");
        assert_eq!(session.ok()["status"], "open", "{refused}");
    }
    create(&service, "{").await.failure();
    let order = service.linked_order(&session).await;
    assert_eq!(service.get_session(&session).await.ok()["order_id"], order);
}

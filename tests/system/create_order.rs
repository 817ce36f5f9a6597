//! `POST /orders`.

use std::collections::HashSet;
use std::time::Duration;

use domain::deposit_address::ForwarderFactory;
use domain::id::{OrderId, SessionId};
use harness::{
    Answer, BASE, DEFAULT_LIFETIME, RECIPIENT, Service, USDC, deposit, execution, id_of, new_uuid, order,
    order_for, redact, with,
};
use insta::assert_json_snapshot;
use serde_json::{Value, json};

/// How long an order on its own lives.
const LIFETIME: Duration = Duration::from_mins(15);
/// 2^256 − 1.
const LARGEST_AMOUNT: &str = "115792089237316195423570985008687907853269984665640564039457584007913129639935";
/// 2^256.
const TOO_LARGE_AMOUNT: &str =
    "115792089237316195423570985008687907853269984665640564039457584007913129639936";

const NATIVE: &str = "0x0000000000000000000000000000000000000000";
/// An account whose spelling carries a checksum.
const CHECKSUMMED: &str = "0x0Ed9A9e619b284AEd8F6e5Ab0A596EFD5c9F5cF9";

/// Sends this text as the body.
async fn create(service: &Service, body: impl Into<Vec<u8>>) -> Answer {
    let request = service.post("/orders").body(body.into());
    service.send(request.header("content-type", "application/json")).await
}

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
async fn an_address_comes_back_as_it_was_given() {
    let service = Service::start().await;
    let native = "0x0000000000000000000000000000000000000000";
    let upper = format!("0x{}", USDC[2..].to_uppercase());
    for address in [USDC, &USDC.to_lowercase(), &upper, native] {
        let tokens = json!({ "srcTokenAddress": address, "dstTokenAddress": address });
        let answer = service.create_order(with(order(), tokens)).await;
        for field in ["srcTokenAddress", "dstTokenAddress"] {
            assert_eq!(answer.ok()[field], address);
        }
    }
    let upper = format!("0x{}", RECIPIENT[2..].to_uppercase());
    for address in [CHECKSUMMED, &CHECKSUMMED.to_lowercase(), &upper, RECIPIENT] {
        let answer = service.create_order(with(order(), json!({ "recipientAddress": address }))).await;
        assert_eq!(answer.ok()["recipientAddress"], address);
    }
}

#[tokio::test]
async fn the_creator_and_the_partner_are_whoever_the_client_says() {
    let service = Service::start().await;
    for field in ["creatorAddress", "partnerId"] {
        for text in ["x", "0x0Ed9A9e619b284AEd8F6e5Ab0A596EFD5c9F5cF9", "alice.eth", &"ü".repeat(255)] {
            let answer = service.create_order(with(order(), json!({ field: text }))).await;
            assert_eq!(answer.ok()[field], text);
        }
        for value in [json!("x".repeat(256)), json!(7), json!(["x"]), json!({})] {
            let answer = service.create_order(with(order(), json!({ field: value }))).await;
            assert_eq!(answer.failure(), (400, "invalid_field_value", Some(field)), "{value}");
        }
    }
}

#[tokio::test]
async fn optional_texts_that_are_empty_count_as_absent() {
    let service = Service::start().await;
    let onramp = json!({ "vendor": "none", "paymentMethod": "", "payment_method": "", "country": "", "redirectUrl": "" });
    let empty = json!({ "creatorAddress": "", "partnerId": "", "clientReferenceId": "", "onramp": onramp });
    let answer = service.create_order(with(order(), empty)).await;
    for field in ["creatorAddress", "partnerId", "clientReferenceId"] {
        assert_eq!(answer.ok()[field], json!(null), "{field}");
    }
    let shown = json!({ "vendor": "none", "paymentMethod": null, "country": null, "redirectUrl": null });
    assert_eq!(answer.ok()["onrampMetadata"], shown);

    let onramp = json!({ "vendor": "none", "paymentMethod": "", "payment_method": "card" });
    let answer = service.create_order(with(order(), json!({ "onramp": onramp }))).await;
    assert_eq!(answer.ok()["onrampMetadata"]["paymentMethod"], "card");
}

#[tokio::test]
async fn a_whole_number_is_an_integer_in_every_spelling() {
    let service = Service::start().await;
    for chain in ["8453.0", "8453.000", "8.453e3", "84530E-1", "8453"] {
        let number = format!(r#""srcChain":{chain},"dstChain":{chain}"#);
        let body =
            order().to_string().replace(r#""srcChain":8453"#, &number).replacen(r#""dstChain":8453,"#, "", 1);
        assert!(body.contains(&number), "{body}");
        assert_eq!(create(&service, body).await.ok()["srcChain"], BASE, "{chain}");
    }
}

#[tokio::test]
async fn a_recipient_with_whom_money_would_be_lost_is_refused() {
    let service = Service::start().await;
    let factory = format!("{:#x}", ForwarderFactory::DEPLOYED);
    for recipient in
        [NATIVE, USDC, &USDC.to_lowercase(), &factory, &factory.to_uppercase().replace("0X", "0x")]
    {
        let answer = service.create_order(with(order(), json!({ "recipientAddress": recipient }))).await;
        assert_eq!(answer.failure(), (400, "invalid_field_value", Some("recipientAddress")), "{recipient}");
    }
    let native = json!({ "srcTokenAddress": NATIVE, "dstTokenAddress": NATIVE, "recipientAddress": NATIVE });
    let answer = service.create_order(with(order(), native)).await;
    assert_eq!(answer.failure(), (400, "invalid_field_value", Some("recipientAddress")));
    // Another token is a contract like any other here.
    service.create_order(with(order(), json!({ "recipientAddress": CHECKSUMMED }))).await.ok();
}

#[tokio::test]
async fn the_alias_of_native_money_is_no_token() {
    let service = Service::start().await;
    let alias = "0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE";
    for alias in [alias, &alias.to_lowercase()] {
        for (fields, refused) in [
            (json!({ "srcTokenAddress": alias, "dstTokenAddress": alias }), "srcTokenAddress"),
            (json!({ "srcTokenAddress": alias }), "srcTokenAddress"),
            (json!({ "dstTokenAddress": alias }), "dstTokenAddress"),
        ] {
            let answer = service.create_order(with(order(), fields)).await;
            assert_eq!(answer.failure(), (400, "invalid_field_value", Some(refused)));
            assert!(answer.body["message"].as_str().unwrap().contains("zero address"), "{}", answer.text);
        }
    }
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
async fn amounts_are_exact_up_to_2_to_the_256_minus_1() {
    let service = Service::start().await;
    for amount in ["1", "9007199254740993", LARGEST_AMOUNT] {
        let answer = service
            .create_order(with(
                order(),
                json!({ "srcAmount": amount, "payload": { "expectedDstAmount": amount } }),
            ))
            .await;
        assert_eq!(answer.ok()["srcAmount"], amount);
        assert_eq!(answer.ok()["payload"], json!({ "expectedDstAmount": amount }));
    }
    let nothing_expected = json!({ "payload": { "expectedDstAmount": "0" } });
    let answer = service.create_order(with(order(), nothing_expected)).await;
    assert_eq!(answer.ok()["payload"]["expectedDstAmount"], "0");
}

#[tokio::test]
async fn a_chain_is_any_integer_from_1() {
    let service = Service::start().await;
    for chain in [1, BASE, 9_007_199_254_740_991] {
        let answer =
            service.create_order(with(order(), json!({ "srcChain": chain, "dstChain": chain }))).await;
        assert_eq!(answer.ok()["srcChain"], chain);
        assert_eq!(answer.ok()["dstChain"], chain);
    }
}

#[tokio::test]
async fn metadata_comes_back_to_the_letter_from_every_call() {
    let service = Service::start().await;
    let session = service.session().await;
    // The session's id is not in it, or it would be hidden from whoever knows the order alone.
    let metadata = r#"{ "z":1.0e+2, "srcToken":{"decimals":6,"address":null},"ü":"\u00fc😀\/", "a":0.10 }"#;
    let callback = r#"{"b":12345678901234567890.10, "a" : [ ] }"#;
    let members = format!(r#"{{"metadata":{metadata},"callbackMetadata":{callback},"#);
    let body = order_for(&session).to_string().replacen('{', &members, 1);
    let answer = create(&service, body).await;
    let id = id_of(&answer);
    for answer in [
        answer,
        service.get_order(&id).await,
        service.get_session_with_order(&session).await,
        service.record_event(&id, "deposit.detected", deposit("0x01", "1")).await,
    ] {
        let kept = format!(r#""metadata":{metadata},"callbackMetadata":{callback}}}"#);
        assert!(answer.text.contains(&kept), "{}", answer.text);
    }
}

#[tokio::test]
async fn metadata_has_at_most_16_kibibytes_of_json_text() {
    let service = Service::start().await;
    for field in ["metadata", "callbackMetadata"] {
        let of = |bytes: usize| json!({ field: { "a": "x".repeat(bytes - r#"{"a":""}"#.len()) } });
        service.create_order(with(order(), of(16 * 1024))).await.ok();
        let answer = service.create_order(with(order(), of(16 * 1024 + 1))).await;
        let expected = (400, "invalid_field_value", Some(field));
        assert_eq!(answer.failure(), expected);
    }
}

#[tokio::test]
async fn optional_fields_that_are_null_count_as_absent() {
    let service = Service::start().await;
    let answer = service
        .create_order(with(
            order(),
            json!({
                "metadata": null,
                "onramp": null,
                "creatorAddress": null,
                "partnerId": null,
                "callbackMetadata": null,
                "clientReferenceId": null,
                "checkoutSessionId": null,
            }),
        ))
        .await;
    for field in
        ["metadata", "onrampMetadata", "creatorAddress", "partnerId", "callbackMetadata", "clientReferenceId"]
    {
        assert_eq!(answer.ok()[field], json!(null), "{field}");
    }
}

#[tokio::test]
async fn fields_that_nobody_knows_are_ignored() {
    let service = Service::start().await;
    let answer = service
        .create_order(with(
            order(),
            json!({
                "id": new_uuid(),
                "status": "executed",
                "globalAddress": RECIPIENT,
                "expiredAt": 0,
                "fee": "1",
                "permit": { "v": 27 },
                "payload": { "expectedDstAmount": "1000000", "actualDstAmount": "0", "x": [] },
            }),
        ))
        .await;
    let order = answer.ok();
    assert_eq!(order["status"], "scanning_deposit_transaction");
    assert_eq!(order["payload"], json!({ "expectedDstAmount": "1000000" }));
    assert_ne!(order["globalAddress"], RECIPIENT);
    assert_eq!(order["fee"], json!(null));
}

/// The members of an order that name its origin, with a session's id hidden in each of them.
fn hiding(session: &str) -> Value {
    let upper = session.to_uppercase();
    let bare = session.replace('-', "");
    json!({
        "metadata": { "return": format!("https://shop.example/?s={session}"), session: true },
        "callbackMetadata": {
            "checkoutSessionId": session,
            "nested": [{ "deep": { "id": upper } }, bare, 7],
            "other": "kept",
        },
        "creatorAddress": session,
        "partnerId": format!("partner of {upper}"),
        "clientReferenceId": session,
        "onramp": { "vendor": "none", "paymentMethod": bare, "country": session },
    })
}

/// Whether a text holds a session's id in any spelling of its letters and hyphens.
fn reveals(text: &str, session: &str) -> bool {
    let plain = |text: &str| text.to_lowercase().replace('-', "");
    plain(text).contains(&plain(session))
}

#[tokio::test]
async fn who_knows_the_order_alone_never_learns_the_sessions_id() {
    let service = Service::start().await;
    let success_url = json!({ "success_url": "https://shop.example/{SESSION_ID}" });
    let session = id_of(&service.create_session(success_url).await);
    let created = service.create_order(with(order_for(&session), hiding(&session))).await;
    let id = id_of(&created);
    let relay = json!({ "relay": { "session": session } });
    let executed = with(execution("0x02"), relay);
    let from = json!({ "from": session });
    let failed = json!({ "errorDetails": format!("session {session} failed") });
    for (kind, data) in [
        ("deposit.detected", with(deposit("0x01", "1"), from)),
        ("order.executed", executed),
        ("order.failed", failed),
    ] {
        let request = service.event(&id, json!({ "type": kind, "data": data }).to_string().as_bytes());
        let request = request.header("idempotency-key", kind);
        let again = request.try_clone().unwrap();
        for request in [request, again] {
            let answer = service.send(request).await;
            answer.ok();
            assert!(!reveals(&answer.text, &session), "{}", answer.text);
        }
    }
    let read = service.get_order(&id).await;
    assert!(!reveals(&read.text, &session), "{}", read.text);
    let shown = &read.ok()["order"];
    assert_eq!(shown["onrampMetadata"]["redirectUrl"], json!(null));
    assert_eq!(shown["clientReferenceId"], "[session id]");
    assert_eq!(shown["callbackMetadata"]["nested"][2], 7);
    assert_eq!(shown["callbackMetadata"]["other"], "kept");
    assert_eq!(shown["metadata"]["return"], "https://shop.example/?s=[session id]");
}

#[tokio::test]
async fn who_knows_the_session_is_shown_the_order_as_it_was_given() {
    let service = Service::start().await;
    let success_url = json!({ "success_url": "https://shop.example/{SESSION_ID}" });
    let session = id_of(&service.create_session(success_url).await);
    let request = || {
        let request = service.post("/orders").header("idempotency-key", "link");
        request.json(&with(order_for(&session), hiding(&session)))
    };
    let created = service.send(request()).await;
    let replayed = service.send(request()).await;
    assert_eq!(replayed.text, created.text);
    let read = service.get_session_with_order(&session).await;
    for order in [created.ok(), &read.ok()["order"]["order"]] {
        let given = hiding(&session);
        for field in ["metadata", "callbackMetadata", "creatorAddress", "partnerId", "clientReferenceId"] {
            assert_eq!(order[field], given[field], "{field}");
        }
        let redirect_url = &order["onrampMetadata"]["redirectUrl"];
        assert_eq!(*redirect_url, format!("https://shop.example/{session}"));
    }
}

#[tokio::test]
async fn an_order_on_its_own_hides_nothing() {
    let service = Service::start().await;
    let other = new_uuid().to_string();
    let members = with(hiding(&other), json!({ "callbackMetadata": { "id": other } }));
    let created = service.create_order(with(order(), members)).await;
    let read = service.get_order(&id_of(&created)).await;
    assert_eq!(read.ok()["order"], *created.ok());
    assert_eq!(read.ok()["order"]["partnerId"], format!("partner of {}", other.to_uppercase()));
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
async fn the_body_is_json_whatever_the_content_type_says() {
    let service = Service::start().await;
    for content_type in ["text/plain", "application/octet-stream"] {
        let request = service.post("/orders").body(order().to_string());
        service.send(request.header("content-type", content_type)).await.ok();
    }
    let request = service.post("/orders").body(order().to_string());
    service.send(request).await.ok();
}

#[tokio::test]
async fn another_chain_or_token_at_the_destination_is_an_unsupported_route() {
    let service = Service::start().await;
    for route in [
        json!({ "dstChain": BASE + 1 }),
        json!({ "srcChain": 1 }),
        json!({ "dstTokenAddress": RECIPIENT }),
        json!({ "srcTokenAddress": "0x0000000000000000000000000000000000000000" }),
        json!({ "dstChain": 1, "dstTokenAddress": RECIPIENT }),
    ] {
        let answer = service.create_order(with(order(), route.clone())).await;
        let (status, code, _) = answer.failure();
        assert_eq!((status, code), (400, "unsupported_route"), "{route}");
    }
    let answer = service.create_order(with(order(), json!({ "dstTokenAddress": RECIPIENT }))).await;
    assert_json_snapshot!(answer.body, @r#"
    {
      "error": {
        "code": "unsupported_route",
        "message": "dstTokenAddress must be the same as srcTokenAddress: only orders whose source and destination are the same token on the same chain are settled here",
        "param": "dstTokenAddress",
        "type": "invalid_request_error"
      },
      "message": "dstTokenAddress must be the same as srcTokenAddress: only orders whose source and destination are the same token on the same chain are settled here",
      "statusCode": 400,
      "success": false
    }
    "#);
}

#[tokio::test]
async fn a_token_in_two_spellings_is_one_token() {
    let service = Service::start().await;
    let upper = format!("0x{}", USDC[2..].to_uppercase());
    for (source, destination) in
        [(USDC, USDC.to_lowercase()), (&USDC.to_lowercase(), upper.clone()), (&upper, USDC.to_owned())]
    {
        let tokens = json!({ "srcTokenAddress": source, "dstTokenAddress": destination });
        let answer = service.create_order(with(order(), tokens)).await;
        assert_eq!(answer.ok()["srcTokenAddress"], source);
        assert_eq!(answer.ok()["dstTokenAddress"], destination);
    }
}

#[tokio::test]
async fn an_onramp_of_nobody_is_kept_and_given_back() {
    let service = Service::start().await;
    let nothing = json!({ "vendor": "none", "paymentMethod": null, "country": null, "redirectUrl": null });
    for (given, shown) in [
        (json!({ "vendor": "none" }), nothing.clone()),
        (json!({ "vendor": "none", "paymentMethod": null, "country": null, "redirectUrl": null }), nothing),
        (
            json!({ "vendor": "none", "paymentMethod": "card" }),
            json!({ "vendor": "none", "paymentMethod": "card", "country": null, "redirectUrl": null }),
        ),
        (
            json!({ "vendor": "none", "payment_method": "card" }),
            json!({ "vendor": "none", "paymentMethod": "card", "country": null, "redirectUrl": null }),
        ),
        (
            json!({ "vendor": "none", "paymentMethod": null, "payment_method": "card" }),
            json!({ "vendor": "none", "paymentMethod": "card", "country": null, "redirectUrl": null }),
        ),
        (
            json!({ "vendor": "none", "country": "DE", "redirectUrl": "https://shop.example/ok", "x": 1 }),
            json!({ "vendor": "none", "paymentMethod": null, "country": "DE", "redirectUrl": "https://shop.example/ok" }),
        ),
    ] {
        let answer = service.create_order(with(order(), json!({ "onramp": given }))).await;
        assert_eq!(answer.ok()["onrampMetadata"], shown);
        let record = service.get_order(&id_of(&answer)).await;
        assert_eq!(record.ok()["order"]["onrampMetadata"], shown);
    }
}

#[tokio::test]
async fn an_onramp_that_breaks_a_rule_is_refused() {
    let service = Service::start().await;
    for (onramp, code, param) in [
        (json!({}), "missing_required_field", "onramp.vendor"),
        (json!({ "vendor": null }), "missing_required_field", "onramp.vendor"),
        (json!({ "country": "DE" }), "missing_required_field", "onramp.vendor"),
        (json!({ "vendor": "" }), "missing_required_field", "onramp.vendor"),
        (json!({ "vendor": "paypal" }), "invalid_field_value", "onramp.vendor"),
        (json!({ "vendor": "None" }), "invalid_field_value", "onramp.vendor"),
        (json!({ "vendor": 1 }), "invalid_field_value", "onramp.vendor"),
        (json!({ "vendor": "none", "paymentMethod": 1 }), "invalid_field_value", "onramp.paymentMethod"),
        (json!({ "vendor": "none", "payment_method": {} }), "invalid_field_value", "onramp.payment_method"),
        (json!({ "vendor": "none", "country": 1 }), "invalid_field_value", "onramp.country"),
        (
            json!({ "vendor": "none", "redirectUrl": "javascript:alert(1)" }),
            "invalid_field_value",
            "onramp.redirectUrl",
        ),
        (json!({ "vendor": "none", "redirectUrl": 1 }), "invalid_field_value", "onramp.redirectUrl"),
    ] {
        let answer = service.create_order(with(order(), json!({ "onramp": onramp }))).await;
        assert_eq!(answer.failure(), (400, code, Some(param)), "{onramp}");
    }
}

#[tokio::test]
async fn a_vendor_without_a_configured_provider_is_refused() {
    let service = Service::start().await;
    for vendor in ["coinbase", "stripe", "stripe-web2", "moonpay"] {
        for method in ["card", ""] {
            let onramp = json!({ "onramp": { "vendor": vendor, "paymentMethod": method } });
            let answer = service.create_order(with(order(), onramp)).await;
            let expected = (400, "onramp_not_configured", Some("onramp.vendor"));
            assert_eq!(answer.failure(), expected, "{vendor}");
        }
    }
    let onramp = json!({ "onramp": { "vendor": "stripe" } });
    let answer = service.create_order(with(order(), onramp)).await;
    assert_json_snapshot!(answer.body, @r#"
    {
      "error": {
        "code": "onramp_not_configured",
        "message": "No provider is configured for this onramp vendor; `none` is a crypto order",
        "param": "onramp.vendor",
        "type": "invalid_request_error"
      },
      "message": "No provider is configured for this onramp vendor; `none` is a crypto order",
      "statusCode": 400,
      "success": false
    }
    "#);
}

#[tokio::test]
async fn a_linked_order_with_an_onramp_returns_to_the_sessions_success_url() {
    let service = Service::start().await;
    for (success_url, resolved) in [
        ("https://shop.example/{ORDER_ID}", "https://shop.example/<id>"),
        ("https://shop.example/ok?a=1#top", "https://shop.example/ok?a=1&sessionId=<id>#top"),
    ] {
        for given in [json!(null), json!("https://other.example/")] {
            let created = service.create_session(json!({ "success_url": success_url })).await;
            let session = id_of(&created);
            let onramp = json!({ "onramp": { "vendor": "none", "redirectUrl": given } });
            let answer = service.create_order(with(order_for(&session), onramp)).await;
            let shown = answer.ok()["onrampMetadata"]["redirectUrl"].clone();
            assert_eq!(shown, resolved.replace("<id>", &session));
            let session = service.get_session_with_order(&session).await;
            assert_eq!(shown, session.ok()["success_url"]);
            assert_eq!(shown, session.ok()["order"]["order"]["onrampMetadata"]["redirectUrl"]);
        }
    }
}

#[tokio::test]
async fn a_linked_order_returns_nowhere_where_its_session_names_no_success_url() {
    let service = Service::start().await;
    let session = service.session().await;
    let onramp = json!({ "onramp": { "vendor": "none", "redirectUrl": "https://other.example/" } });
    let answer = service.create_order(with(order_for(&session), onramp)).await;
    assert_eq!(answer.ok()["onrampMetadata"]["redirectUrl"], json!(null));
}

#[tokio::test]
async fn a_client_reference_has_1_to_255_of_its_characters() {
    let service = Service::start().await;
    for reference in ["a", "0", "_", "-", "cart_42-A", &"x".repeat(255)] {
        let answer = service.create_order(with(order(), json!({ "clientReferenceId": reference }))).await;
        assert_eq!(answer.ok()["clientReferenceId"], reference);
    }
}

#[tokio::test]
async fn the_deposit_address_is_the_orders_alone() {
    let service = Service::start().await;
    let mut addresses = HashSet::new();
    for _ in 0..10 {
        let session = service.session().await;
        for body in [order(), order_for(&session)] {
            for recipient in [RECIPIENT, CHECKSUMMED] {
                let body = with(body.clone(), json!({ "recipientAddress": recipient }));
                let answer = service.create_order(body).await;
                if answer.status == 409 {
                    continue;
                }
                let address = answer.ok()["globalAddress"].as_str().unwrap();
                assert_eq!(address, redact::expected_deposit_address(&id_of(&answer), recipient));
                assert!(addresses.insert(address.to_owned()));
            }
        }
    }
    assert_eq!(addresses.len(), 30);
}

#[tokio::test]
async fn the_deposit_address_does_not_depend_on_the_spelling_of_the_recipient() {
    let service = Service::start().await;
    let recipient = json!({ "recipientAddress": CHECKSUMMED.to_lowercase() });
    let answer = service.create_order(with(order(), recipient)).await;
    assert_eq!(answer.ok()["globalAddress"], redact::expected_deposit_address(&id_of(&answer), CHECKSUMMED));
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

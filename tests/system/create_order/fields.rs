//! Fields that an order may have: the order shows them as the client sent them.

use harness::{BASE, RECIPIENT, Service, deposit, id_of, new_uuid, order, order_for, with};
use serde_json::json;

use super::{LARGEST_AMOUNT, create};

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
    // The session's id is not in it. Otherwise it would be hidden from a caller who knows the order alone.
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
async fn a_client_reference_has_1_to_255_of_its_characters() {
    let service = Service::start().await;
    for reference in ["a", "0", "_", "-", "cart_42-A", &"x".repeat(255)] {
        let answer = service.create_order(with(order(), json!({ "clientReferenceId": reference }))).await;
        assert_eq!(answer.ok()["clientReferenceId"], reference);
    }
}

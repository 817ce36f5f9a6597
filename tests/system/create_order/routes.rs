//! Where an order's money goes: its chain and token, its recipient, and its deposit address.

use std::collections::HashSet;

use domain::deposit_address::ForwarderFactory;
use harness::{BASE, RECIPIENT, Service, USDC, id_of, order, order_for, redact, with};
use insta::assert_json_snapshot;
use serde_json::json;

const NATIVE: &str = "0x0000000000000000000000000000000000000000";
/// An account whose spelling carries a checksum.
const CHECKSUMMED: &str = "0x0Ed9A9e619b284AEd8F6e5Ab0A596EFD5c9F5cF9";

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

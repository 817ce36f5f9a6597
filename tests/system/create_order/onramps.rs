//! The onramp of an order: which vendors it may name, and where the payer returns.

use harness::{Service, id_of, order, order_for, with};
use insta::assert_json_snapshot;
use serde_json::json;

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

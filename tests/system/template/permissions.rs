//! What each function may do: what the tests saw it do, and nothing else.

use std::collections::BTreeMap;

use domain::api_key::Role;
use harness::permissions::{Permissions, granted, needed};
use harness::{SECRET, Service, deposit, execution, new_uuid, order, order_for, refund, relay, with};
use reqwest::RequestBuilder;
use serde_json::json;

use super::{Names, PAGE, document, folders, functions, part, read, untagged};

/// What functions may do something to; the table only with the partition keys of their own items.
const KNOWN_RESOURCES: [&str; 17] = [
    "Table.Arn card#*",
    "Table.Arn checkout#*",
    "Table.Arn checkout#*, chain#*",
    "Table.Arn checkout#*, idempotency#*",
    "Table.Arn config",
    "Table.Arn key#*",
    "Table.Arn visits#*",
    "${Table.Arn}/index/listed-sessions",
    "${Table.Arn}/index/orders-by-creator",
    "${Table.Arn}/index/sessions-by-reference",
    "${Table.Arn}/index/watched-orders",
    "PaymentEventsSecretArn",
    "ChainSecretArn",
    "CoinbaseSecretArn",
    "GasKmsKeyArn",
    "MoonPaySecretArn",
    "StripeSecretArn",
];

#[test]
fn no_function_may_do_anything_to_everything() {
    for folder in folders() {
        for (resource, actions) in granted(&folder) {
            assert!(KNOWN_RESOURCES.contains(&resource.as_str()), "{folder}: {resource}");
            for action in actions {
                assert!(!action.contains('*'), "{folder}: {action}");
            }
        }
    }
}

#[test]
fn no_secret_stands_in_what_is_deployed() {
    for file in ["template.yaml", "samconfig.toml"] {
        let text = read(file);
        assert!(!text.contains(SECRET.trim_start_matches("whsec_")), "{file}");
        // Where secrets are spoken of, no value follows.
        for after in text.split("whsec_").skip(1) {
            assert!(!after.starts_with(|c: char| c.is_ascii_alphanumeric()), "{file}");
        }
    }
    let document = document();
    let record = &functions(&document)["RecordOrderEvent"];
    let variables = part(record, &["Properties", "Environment", "Variables"]);
    assert_eq!(untagged(part(variables, &["PAYMENT_EVENTS_SECRET"])), "AWS::NoValue");
    assert_eq!(untagged(part(variables, &["PAYMENT_EVENTS_SECRET_ARN"])), "PaymentEventsSecretArn");
}

/// What the calls since the last time needed, by what the function is granted.
fn permissions(service: &Service, folder: &str) -> Permissions {
    needed(&service.calls.take(), &granted(folder))
}

/// What each function did to the table on all its ways: success, with a key, replay, conflict
/// and refusal.
async fn observed() -> BTreeMap<&'static str, Permissions> {
    let service = Service::start().await;
    let mut observed = BTreeMap::new();
    let keyed = async |path: &str, key: &str, body: serde_json::Value| {
        let request = service.post(path).header("idempotency-key", key).json(&body);
        service.send(request).await
    };

    // Each call with a key that its function has not read yet.
    let signed_in = async |request: RequestBuilder| {
        let key = service.api_key("shop", Role::Secret).await;
        service.send(request.header("x-api-key", key)).await.ok();
    };

    service.session().await;
    signed_in(service.post("/checkout-sessions").json(&json!({}))).await;
    for reference in ["a", "a", "b"] {
        let body = json!({ "client_reference_id": reference });
        keyed("/checkout-sessions", "session", body).await;
    }
    observed.insert("create-checkout-session", permissions(&service, "create-checkout-session"));

    service.create_order(order()).await.ok();
    for reference in ["a", "a", "b"] {
        let body = with(order(), json!({ "clientReferenceId": reference }));
        keyed("/orders", "order", body).await;
    }
    let (linked, keyed_link, unknown) = {
        let sessions = (service.session().await, service.session().await);
        service.calls.take();
        (sessions.0, sessions.1, new_uuid().to_string())
    };
    signed_in(service.post("/orders").json(&order())).await;
    let made = service.create_order(order_for(&linked)).await;
    let order = made.ok()["id"].as_str().unwrap();
    service.create_order(order_for(&linked)).await.failure();
    service.create_order(order_for(&unknown)).await.failure();
    for session in [&keyed_link, &keyed_link, &linked] {
        keyed("/orders", "link", order_for(session)).await;
    }
    for session in [&linked, &unknown] {
        keyed("/orders", &format!("link {session}"), order_for(session)).await;
    }
    observed.insert("create-order", permissions(&service, "create-order"));

    for session in [&linked, &keyed_link, &unknown] {
        service.get_session(session).await;
        service.get_session_with_order(session).await;
    }
    signed_in(service.get(&format!("/checkout-sessions/{linked}"))).await;
    observed.insert("get-checkout-session", permissions(&service, "get-checkout-session"));

    for id in [order, &unknown] {
        service.get_order(id).await;
    }
    signed_in(service.get(&format!("/orders/{order}"))).await;
    observed.insert("get-order", permissions(&service, "get-order"));

    for id in [order, &unknown] {
        for (kind, facts) in [
            ("deposit.detected", deposit("0x01", "1")),
            ("deposit.detected", deposit("0x01", "1")),
            ("relay.updated", relay("0x02", "pending")),
            ("order.failed", json!({ "errorDetails": "no liquidity" })),
            ("order.executed", execution("0x03")),
            ("refund.updated", refund("0x04", "1", "failure")),
            ("refund.updated", refund("0x04", "1", "success")),
        ] {
            service.record_event(id, kind, facts).await;
        }
        for amount in ["5", "5", "6"] {
            let body = json!({ "type": "deposit.detected", "data": deposit("0x05", amount) });
            let request = service.event(id, body.to_string().as_bytes());
            service.send(request.header("idempotency-key", "event")).await;
        }
    }
    observed.insert("record-order-event", permissions(&service, "record-order-event"));

    let key = service.api_key("shop", Role::Secret).await;
    let listed = json!({ "client_reference_id": "cart-1" });
    let listed = service.post("/checkout-sessions").json(&listed).header("x-api-key", &key);
    let listed = service.send(listed).await.ok()["id"].as_str().unwrap().to_owned();
    let created = with(order_for(&listed), json!({ "creatorAddress": "0x1" }));
    service.create_order(created).await.ok();
    service.calls.take();
    for query in ["", "?client_reference_id=cart-1", &format!("?starting_after={listed}")] {
        let request = service.get(&format!("/checkout-sessions{query}")).header("x-api-key", &key);
        service.send(request).await.ok();
    }
    observed.insert("list-checkout-sessions", permissions(&service, "list-checkout-sessions"));
    let request = service.get("/orders?creatorAddress=0x1").header("x-api-key", &key);
    service.send(request).await.ok();
    observed.insert("list-orders", permissions(&service, "list-orders"));

    let others = (service.session().await, service.session().await);
    let called_off = service.session().await;
    service.calls.take();
    signed_in(service.post(&format!("/checkout-sessions/{called_off}/expire"))).await;
    for session in [&others.0, &others.0, &linked, &unknown] {
        service.expire_session(session).await;
    }
    let path = format!("/checkout-sessions/{}/expire", others.1);
    for body in [json!({}), json!({}), json!({ "other": true })] {
        keyed(&path, "expire", body).await;
    }
    observed.insert("expire-checkout-session", permissions(&service, "expire-checkout-session"));
    observed
}

#[tokio::test]
async fn each_function_is_granted_exactly_the_actions_that_it_uses_on_the_one_table() {
    let mut observed = observed().await;
    // A request of the page costs no call: `checkout_page.rs` holds it to that.
    observed.insert(PAGE, Permissions::new());
    observed.extend(crate::card_payments::permissions().await);
    observed.insert("record-coinbase-event", crate::coinbase::permissions().await);
    // The other one needs a chain: `tests/chain` holds it.
    assert_eq!(observed.len() + 1, folders().len());
    for (folder, needed) in observed {
        let mut granted = granted(folder);
        // The one other thing that any of them may do.
        if folder == "record-order-event" {
            let secret = granted.remove("PaymentEventsSecretArn").unwrap();
            assert_eq!(secret, Names::from(["secretsmanager:GetSecretValue".to_owned()]));
        }
        let vendors: &[&str] = match folder {
            "pay-order" => &["CoinbaseSecretArn", "MoonPaySecretArn", "StripeSecretArn"],
            "record-coinbase-event" => &["CoinbaseSecretArn"],
            "record-stripe-event" | "watch-card" => &["StripeSecretArn"],
            _ => &[],
        };
        for secret in vendors {
            let actions = granted.remove(*secret).unwrap();
            assert_eq!(actions, Names::from(["secretsmanager:GetSecretValue".to_owned()]));
        }
        // Read once at the start, if the configuration is in the table.
        if ["create-order", "create-checkout-session", "pay-order", PAGE].contains(&folder) {
            let config = granted.remove("Table.Arn config").unwrap();
            assert_eq!(config, Names::from(["dynamodb:GetItem".to_owned()]));
        }
        assert_eq!(granted, needed, "{folder}");
    }
}

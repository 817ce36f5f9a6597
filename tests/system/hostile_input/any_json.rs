//! Any JSON in any field: 64 drawn cases for each test.

use harness::{Answer, RECIPIENT, Service, USDC, order, order_for, refund, with};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

/// Any JSON value, often one that some field takes.
fn any_json() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        any::<String>(),
        "[0-9]{1,80}",
        "0x[0-9a-fA-F]{40}",
        "https?://[a-z]{1,9}(\\.[a-z]{2,3})?[/?#]\\PC{0,20}",
        Just(RECIPIENT.to_owned()),
        Just(USDC.to_owned()),
        Just("swap".to_owned()),
        any::<u128>().prop_map(|bits| uuid::Uuid::from_u128(bits).to_string()),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (0u64..100_000).prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            vec((any::<String>(), inner), 0..6).prop_map(|members| members.into_iter().collect()),
        ]
    })
}

/// A request's known fields, each left out, or replaced by any JSON value.
fn any_fields(fields: &[&'static str]) -> impl Strategy<Value = Value> + use<> {
    let member = |name: &'static str| proptest::option::of(any_json().prop_map(move |value| (name, value)));
    let members: Vec<_> = fields.iter().copied().map(member).collect();
    members.prop_map(|members| {
        let members = members.into_iter().flatten();
        members.map(|(name, value)| (name.to_owned(), value)).collect()
    })
}

/// Sends the body of each of 64 drawn cases.
fn for_any<S: Strategy>(
    strategy: &S,
    send: &impl AsyncFn(&Service, &str, S::Value) -> Answer,
) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (service, order) = runtime.block_on(async {
        let service = Service::start().await;
        let created = service.create_order(order()).await;
        let order = created.ok()["id"].as_str().unwrap().to_owned();
        (service, order)
    });
    let config = Config { cases: 64, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(strategy, |value| {
        let answer = runtime.block_on(send(&service, &order, value));
        prop_assert!([200, 400, 404, 409, 413].contains(&answer.status), "{answer:?}");
        Ok(())
    });
    outcome.map_err(|error| error.to_string())
}

#[test]
fn any_json_in_the_fields_of_a_session_is_answered() -> Result<(), String> {
    let fields = any_fields(&["success_url", "cancel_url", "metadata", "client_reference_id", "expires_in"]);
    for_any(&fields, &async |service, _, fields| service.create_session(fields).await)
}

#[test]
fn any_json_in_one_field_of_a_session_is_answered() -> Result<(), String> {
    let fields = prop_oneof![
        Just("success_url"),
        Just("cancel_url"),
        Just("metadata"),
        Just("client_reference_id"),
        Just("expires_in"),
    ];
    for_any(&(fields, any_json()), &async |service, _, (field, value)| {
        service.create_session(json!({ field: value })).await
    })
}

/// The fields of an order.
const ORDER: [&str; 15] = [
    "type",
    "recipientAddress",
    "srcChain",
    "dstChain",
    "srcTokenAddress",
    "dstTokenAddress",
    "srcAmount",
    "payload",
    "metadata",
    "onramp",
    "creatorAddress",
    "partnerId",
    "callbackMetadata",
    "clientReferenceId",
    "checkoutSessionId",
];

#[test]
fn any_json_in_one_field_of_an_order_is_answered() -> Result<(), String> {
    let field = proptest::sample::select(ORDER.to_vec());
    for_any(&(field, any_json()), &async |service, _, (field, value)| {
        service.create_order(with(order(), json!({ field: value }))).await
    })
}

#[test]
fn any_json_within_the_objects_of_an_order_is_answered() -> Result<(), String> {
    let payload = any_fields(&["expectedDstAmount"]);
    let onramp = any_fields(&["vendor", "paymentMethod", "payment_method", "country", "redirectUrl"]);
    let callback = any_fields(&["checkoutSessionId"]);
    for_any(&(payload, onramp, callback), &async |service, _, (payload, mut onramp, callback)| {
        if onramp.get("vendor").is_none() {
            onramp["vendor"] = json!("none");
        }
        let mut fields = json!({ "onramp": onramp, "callbackMetadata": callback });
        if payload.get("expectedDstAmount").is_some() {
            fields["payload"] = payload;
        }
        service.create_order(with(order(), fields)).await
    })
}

#[test]
fn any_json_in_the_fields_of_a_signed_event_is_answered() -> Result<(), String> {
    let kind = proptest::sample::select(vec![
        "deposit.detected",
        "relay.updated",
        "order.executed",
        "order.failed",
        "refund.updated",
        "order.created",
    ]);
    let field = proptest::sample::select(vec![
        "chain",
        "from",
        "txHash",
        "amount",
        "createdAt",
        "status",
        "actualDstAmount",
        "relay",
        "points",
        "errorDetails",
    ]);
    for_any(&(kind, field, any_json()), &async |service, order, (kind, field, value)| {
        // Everything that any kind needs, so that only the drawn field can be wrong.
        let facts =
            with(refund("0x01", "1", "success"), json!({ "errorDetails": "no liquidity", field: value }));
        service.record_event(order, kind, facts).await
    })
}

#[test]
fn any_json_as_a_signed_event_is_answered() -> Result<(), String> {
    for_any(&prop_oneof![any_json(), any_fields(&["type", "data"])], &async |service, order, body| {
        let request = service.event(order, body.to_string().as_bytes());
        service.send(request).await
    })
}

#[test]
fn any_json_as_a_whole_body_is_answered() -> Result<(), String> {
    for_any(&any_json(), &async |service, _, body| {
        service.create_order(order_for(&body.to_string())).await;
        service.create_order(body.clone()).await;
        service.create_session(body).await
    })
}

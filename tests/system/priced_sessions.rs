//! Priced sessions: what can be asked for, and that nothing else is ever paid.

use std::time::Duration;

use domain::api_key::Role;
use domain::chain_config::Chains;
use harness::{
    Answer, BASE, RECIPIENT, Service, Setup, USDC, deposit, execution, new_uuid, order, order_for, with,
};
use reqwest::RequestBuilder;
use serde_json::{Value, json};

const OTHER: &str = "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed";
const POLYGON: u64 = 137;
const POLYGON_USDC: &str = "0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359";
const DAI: &str = "0x50c5725949A6F0c72E6C4a641F24049A917DB0Cb";
const EURC: &str = "0x60a3E35Cc302bFA44Cb288Bc5a4F316Fdb1adb42";

/// A service and a merchant's key.
struct Shop {
    service: Service,
    key: String,
}

impl Shop {
    async fn open() -> Self {
        Self::with(&Setup::default()).await
    }

    async fn with(setup: &Setup) -> Self {
        let service = Service::start_with(setup).await;
        let key = service.api_key("shop", Role::Secret).await;
        Self { service, key }
    }

    fn signed(&self, request: RequestBuilder) -> RequestBuilder {
        request.header("x-api-key", &self.key)
    }

    async fn create(&self, body: Value) -> Answer {
        self.service.send(self.signed(self.service.post("/checkout-sessions").json(&body))).await
    }

    async fn priced(&self, pricing: Value) -> Answer {
        self.create(json!({ "pricing": pricing })).await
    }

    /// The id of a new session with this price.
    async fn session(&self, pricing: Value) -> String {
        self.priced(pricing).await.ok()["id"].as_str().unwrap().to_owned()
    }
}

fn offer() -> Value {
    json!({ "chain_id": BASE, "token_address": USDC, "amount": "25000000" })
}

fn exact() -> Value {
    json!({ "recipient_address": RECIPIENT, "accepts": [offer()] })
}

/// An order that pays it.
fn payment(session: &str) -> Value {
    let amount = json!({ "srcAmount": "25000000", "payload": { "expectedDstAmount": "25000000" } });
    with(order_for(session), amount)
}

/// Base and Polygon, with two currencies and one allowed recipient each.
fn configured() -> Setup {
    let chains = json!([
        { "chainId": BASE, "tokens": [USDC, DAI, EURC], "finality": "safe", "recipients": [RECIPIENT] },
        { "chainId": POLYGON, "tokens": [POLYGON_USDC], "finality": "safe", "recipients": [RECIPIENT] },
    ]);
    Setup::watching(Chains::parse(&chains.to_string()).unwrap())
}

#[tokio::test]
async fn a_priced_session_shows_its_price_its_display_and_its_page() {
    let shop = Shop::open().await;
    let display = json!({
        "title": "Order 1042", "description": "Ships on Monday", "locale": "auto", "currency": "usd",
        "redirect_after": null, "theme": "ignored",
        "line_items": [{ "name": "Oolong 250 g", "quantity": 2, "amount": "12.50", "image": "ignored" }, { "name": "Cup" }],
    });
    let created = shop.create(json!({ "pricing": exact(), "display": display })).await;
    let session = created.ok()["id"].as_str().unwrap().to_owned();
    let expected_pricing = json!({ "mode": "exact", "accepts": [
        { "chain_id": BASE, "token_address": USDC, "recipient_address": RECIPIENT, "amount": "25000000" },
    ]});
    let expected_display = json!({
        "title": "Order 1042", "description": "Ships on Monday", "locale": "auto", "currency": "USD",
        "redirect_after": null,
        "line_items": [{ "name": "Oolong 250 g", "quantity": 2, "amount": "12.50" }, { "name": "Cup", "quantity": 1 }],
    });
    let page = format!("{}/checkout/{session}", shop.service.base);
    let retrieved = shop.service.get_session(&session).await;
    let with_order = shop.service.get_session_with_order(&session).await;
    let expired = shop.service.expire_session(&session).await;
    for answer in [created, retrieved, with_order, expired] {
        assert_eq!(answer.ok()["pricing"], expected_pricing, "{}", answer.text);
        assert_eq!(answer.ok()["display"], expected_display, "{}", answer.text);
        assert_eq!(answer.ok()["url"], page, "{}", answer.text);
    }
    let plain = shop.priced(exact()).await;
    assert_eq!(plain.ok()["display"], Value::Null);
}

#[tokio::test]
async fn the_page_of_a_session_is_linked_in_its_language() {
    let shop = Shop::open().await;
    for (locale, query) in [("auto", ""), ("de", "?lang=de"), ("pt-BR", "?lang=pt-BR"), ("de&x=\u{e9}", "")] {
        let body = json!({ "pricing": exact(), "display": { "locale": locale } });
        let created = shop.create(body).await;
        let session = created.ok()["id"].as_str().unwrap();
        let page = format!("{}/checkout/{session}{query}", shop.service.base);
        assert_eq!(created.ok()["url"], page, "{locale}");
    }
}

#[tokio::test]
async fn a_session_without_a_price_shows_none_of_it() {
    let shop = Shop::open().await;
    for body in [json!({}), json!({ "display": { "title": "Order 1042" } }), json!({ "pricing": null })] {
        let created = shop.create(body).await;
        let retrieved = shop.service.get_session(created.ok()["id"].as_str().unwrap()).await;
        for answer in [created, retrieved] {
            for name in ["pricing", "display", "url", "private_metadata"] {
                assert!(answer.ok().get(name).is_none(), "{}", answer.text);
            }
        }
    }
}

#[tokio::test]
async fn prices_and_displays_need_a_key() {
    let service = Service::start().await;
    for (name, value) in [("pricing", exact()), ("display", json!({})), ("pricing", json!("nonsense"))] {
        let refused = service.create_session(json!({ name: value })).await;
        assert_eq!(refused.failure(), (401, "key_missing", Some(name)));
    }
    let read = service.api_key("shop", Role::Read).await;
    let request = service.post("/checkout-sessions").json(&json!({ "pricing": exact() }));
    assert_eq!(service.send(request.header("x-api-key", read)).await.failure().0, 403);
}

#[tokio::test]
async fn the_short_form_becomes_an_offer_for_each_token_of_the_currency() {
    let shop = Shop::with(&configured()).await;
    let created = shop.priced(json!({ "amount": "25.5", "currency": "usd" })).await;
    let offer = |chain: u64, token: &str, amount: &str| json!({ "chain_id": chain, "token_address": token, "recipient_address": RECIPIENT, "amount": amount });
    let accepts = json!([
        offer(BASE, USDC, "25500000"),
        offer(BASE, DAI, "25500000000000000000"),
        offer(POLYGON, POLYGON_USDC, "25500000"),
    ]);
    assert_eq!(created.ok()["pricing"], json!({ "mode": "exact", "accepts": accepts }));
    let euros = shop.priced(json!({ "amount": "1", "currency": "EUR" })).await;
    assert_eq!(euros.ok()["pricing"]["accepts"], json!([offer(BASE, EURC, "1000000")]));
}

/// What is refused, and the field that is named.
#[tokio::test]
async fn each_mistake_in_a_price_names_its_field() {
    let shop = Shop::open().await;
    let accepts = |offers: Value| json!({ "recipient_address": RECIPIENT, "accepts": offers });
    let one = |members: Value| accepts(json!([with(offer(), members)]));
    let flexible = |members: Value| with(one(members), json!({ "mode": "at_least" }));
    let many: Vec<Value> = (1..=17).map(|chain| with(offer(), json!({ "chain_id": chain }))).collect();
    let invalid = "invalid_field_value";
    let missing = "missing_required_field";
    for (pricing, code, param) in [
        (json!("25.00"), invalid, "pricing"),
        (json!([]), invalid, "pricing"),
        (json!({}), missing, "pricing.accepts"),
        (json!({ "recipient_adress": RECIPIENT, "accepts": [offer()] }), invalid, "pricing.recipient_adress"),
        (json!({ "<script>": 1 }), invalid, "pricing.?"),
        (with(exact(), json!({ "mode": "about" })), invalid, "pricing.mode"),
        (with(exact(), json!({ "amount": "25.00" })), invalid, "pricing.amount"),
        (with(exact(), json!({ "currency": "USD" })), invalid, "pricing.currency"),
        (
            with(exact(), json!({ "recipient_address": "0x12" })),
            "invalid_address",
            "pricing.recipient_address",
        ),
        (accepts(json!([])), invalid, "pricing.accepts"),
        (accepts(json!({})), invalid, "pricing.accepts"),
        (accepts(json!(many)), invalid, "pricing.accepts"),
        (accepts(json!([offer(), 7])), invalid, "pricing.accepts[1]"),
        (accepts(json!([offer(), offer()])), invalid, "pricing.accepts[1].token_address"),
        (json!({ "accepts": [offer()] }), missing, "pricing.accepts[0].recipient_address"),
        (one(json!({ "chain_id": null })), missing, "pricing.accepts[0].chain_id"),
        (one(json!({ "chain_id": 0 })), invalid, "pricing.accepts[0].chain_id"),
        (one(json!({ "token_address": "USDC" })), "invalid_address", "pricing.accepts[0].token_address"),
        (
            one(json!({ "token_address": format!("0x{}", "e".repeat(40)) })),
            invalid,
            "pricing.accepts[0].token_address",
        ),
        (one(json!({ "amount": 25 })), invalid, "pricing.accepts[0].amount"),
        (one(json!({ "amount": "0" })), invalid, "pricing.accepts[0].amount"),
        (one(json!({ "amount": "2.5" })), invalid, "pricing.accepts[0].amount"),
        (one(json!({ "amout": "1" })), invalid, "pricing.accepts[0].amout"),
        (one(json!({ "recipient_address": USDC })), invalid, "pricing.accepts[0].recipient_address"),
        (one(json!({ "max_amount": "30000000" })), invalid, "pricing.accepts[0].max_amount"),
        (one(json!({ "suggested_amount": "25000000" })), invalid, "pricing.accepts[0].suggested_amount"),
        (flexible(json!({ "max_amount": "24999999" })), invalid, "pricing.accepts[0].max_amount"),
        (flexible(json!({ "suggested_amount": "24999999" })), invalid, "pricing.accepts[0].suggested_amount"),
        // Without configured chains, no token is known to stand for a currency.
        (json!({ "amount": "25.00", "currency": "USD" }), invalid, "pricing.currency"),
        (json!({ "amount": "25.00" }), missing, "pricing.currency"),
        (json!({ "currency": "USD" }), missing, "pricing.amount"),
        (json!({ "amount": "2,5", "currency": "USD" }), invalid, "pricing.amount"),
        (json!({ "amount": "25.00", "currency": "DOLLAR" }), invalid, "pricing.currency"),
    ] {
        let refused = shop.priced(pricing.clone()).await;
        assert_eq!(refused.failure(), (400, code, Some(param)), "{pricing}");
    }
}

#[tokio::test]
async fn prices_that_no_configured_chain_can_settle_are_refused() {
    let shop = Shop::with(&configured()).await;
    let accepts = |members: Value| json!({ "accepts": [with(offer(), members)] });
    for (pricing, code, param) in [
        (accepts(json!({ "chain_id": 1 })), "unsupported_route", "pricing.accepts[0].chain_id"),
        (
            accepts(json!({ "chain_id": 1, "recipient_address": RECIPIENT })),
            "unsupported_route",
            "pricing.accepts[0].chain_id",
        ),
        (
            accepts(json!({ "token_address": POLYGON_USDC })),
            "unsupported_route",
            "pricing.accepts[0].token_address",
        ),
        (
            accepts(json!({ "recipient_address": OTHER })),
            "invalid_field_value",
            "pricing.accepts[0].recipient_address",
        ),
        (json!({ "amount": "1", "currency": "CHF" }), "invalid_field_value", "pricing.currency"),
        (json!({ "amount": "0.0000001", "currency": "USD" }), "invalid_field_value", "pricing.amount"),
        (json!({ "amount": "0", "currency": "USD" }), "invalid_field_value", "pricing.amount"),
        (
            json!({ "amount": "1", "currency": "USD", "recipient_address": OTHER }),
            "invalid_field_value",
            "pricing.recipient_address",
        ),
    ] {
        let refused = shop.priced(pricing.clone()).await;
        assert_eq!(refused.failure(), (400, code, Some(param)), "{pricing}");
    }
    // The chain's only recipient is the default.
    let created = shop.priced(accepts(json!({}))).await;
    assert_eq!(created.ok()["pricing"]["accepts"][0]["recipient_address"], RECIPIENT);
}

#[tokio::test]
async fn each_mistake_in_a_display_names_its_field() {
    let shop = Shop::open().await;
    let long = "x".repeat(1_000);
    let items: Vec<Value> = (0..51).map(|_| json!({ "name": "x" })).collect();
    let heavy: Vec<Value> = (0..50).map(|_| json!({ "name": "x".repeat(190) })).collect();
    for (display, code, param) in [
        (json!("text"), "invalid_field_value", "display"),
        (json!({ "title": "" }), "invalid_field_value", "display.title"),
        (json!({ "title": long }), "invalid_field_value", "display.title"),
        (json!({ "description": format!("{long}x") }), "invalid_field_value", "display.description"),
        (json!({ "currency": "dollars" }), "invalid_field_value", "display.currency"),
        (json!({ "redirect_after": 61 }), "invalid_field_value", "display.redirect_after"),
        (json!({ "redirect_after": -1 }), "invalid_field_value", "display.redirect_after"),
        (json!({ "line_items": items }), "invalid_field_value", "display.line_items"),
        (json!({ "line_items": [{}] }), "missing_required_field", "display.line_items[0].name"),
        (
            json!({ "line_items": [{ "name": "x", "quantity": 0 }] }),
            "invalid_field_value",
            "display.line_items[0].quantity",
        ),
        (
            json!({ "line_items": [{ "name": "x", "amount": 12.5 }] }),
            "invalid_field_value",
            "display.line_items[0].amount",
        ),
        (json!({ "line_items": heavy }), "invalid_field_value", "display"),
    ] {
        let refused = shop.create(json!({ "pricing": exact(), "display": display })).await;
        assert_eq!(refused.failure(), (400, code, Some(param)), "{display}");
    }
    shop.create(json!({ "pricing": exact(), "display": { "line_items": [], "redirect_after": 0 } }))
        .await
        .ok();
}

#[tokio::test]
async fn what_pays_the_price_links_in_one_round_trip() {
    let shop = Shop::open().await;
    let session = shop.session(exact()).await;
    shop.service.calls.take();
    let order = shop.service.create_order(payment(&session)).await;
    assert_eq!(order.ok()["srcAmount"], "25000000");
    let operations: Vec<_> = shop.service.calls.take().into_iter().map(|call| call.operation).collect();
    assert_eq!(operations, ["UpdateItem"]);
}

#[tokio::test]
async fn a_session_id_is_enough_if_there_is_one_offer() {
    let shop = Shop::open().await;
    for key in [None, Some("a key")] {
        let session = shop.session(exact()).await;
        shop.service.calls.take();
        let request = shop.service.post("/orders").json(&json!({ "checkoutSessionId": session }));
        let request = key.into_iter().fold(request, |request, key| request.header("idempotency-key", key));
        let answer = shop.service.send(request).await;
        let reads = shop.service.calls.take().iter().filter(|call| call.operation == "GetItem").count();
        // Once for the terms, and with a key once beside the write, as always.
        assert_eq!(reads, 1 + usize::from(key.is_some()));
        let order = answer.ok();
        assert_eq!(order["type"], "swap");
        assert_eq!(order["recipientAddress"], RECIPIENT);
        assert_eq!((&order["srcChain"], &order["dstChain"]), (&json!(BASE), &json!(BASE)));
        assert_eq!((&order["srcTokenAddress"], &order["dstTokenAddress"]), (&json!(USDC), &json!(USDC)));
        assert_eq!(order["srcAmount"], "25000000");
        assert_eq!(order["payload"]["expectedDstAmount"], "25000000");
    }
}

#[tokio::test]
async fn among_several_offers_chain_and_token_select() {
    let shop = Shop::open().await;
    let polygon = json!({ "chain_id": POLYGON, "token_address": POLYGON_USDC, "amount": "26000000", "recipient_address": OTHER });
    let dai = json!({ "chain_id": BASE, "token_address": DAI, "amount": "25000000000000000000" });
    let pricing = json!({ "recipient_address": RECIPIENT, "accepts": [offer(), polygon, dai] });
    for (choice, expected) in [
        (json!({ "srcChain": POLYGON }), Ok((OTHER, "26000000"))),
        (json!({ "srcTokenAddress": DAI.to_lowercase() }), Ok((RECIPIENT, "25000000000000000000"))),
        (json!({ "srcChain": BASE, "srcTokenAddress": USDC }), Ok((RECIPIENT, "25000000"))),
        (json!({}), Err(("missing_required_field", "srcChain"))),
        (json!({ "srcChain": BASE }), Err(("missing_required_field", "srcTokenAddress"))),
        (
            json!({ "srcChain": 10, "recipientAddress": "0x000000000000000000000000000000000000dEaD" }),
            Err(("order_terms_mismatch", "recipientAddress")),
        ),
        (json!({ "srcChain": 10 }), Err(("order_terms_mismatch", "srcChain"))),
        (
            json!({ "srcChain": POLYGON, "srcTokenAddress": USDC }),
            Err(("order_terms_mismatch", "srcTokenAddress")),
        ),
        (json!({ "srcChain": POLYGON, "srcAmount": "1" }), Err(("order_terms_mismatch", "srcAmount"))),
        (
            json!({ "srcChain": POLYGON, "recipientAddress": RECIPIENT }),
            Err(("order_terms_mismatch", "recipientAddress")),
        ),
        (json!({ "srcChain": POLYGON, "dstChain": BASE }), Err(("order_terms_mismatch", "dstChain"))),
        (
            json!({ "srcChain": POLYGON, "payload": { "expectedDstAmount": "1" } }),
            Err(("order_terms_mismatch", "payload.expectedDstAmount")),
        ),
    ] {
        let session = shop.session(pricing.clone()).await;
        let answer =
            shop.service.create_order(with(choice.clone(), json!({ "checkoutSessionId": session }))).await;
        match expected {
            Ok((recipient, amount)) => {
                assert_eq!(answer.ok()["recipientAddress"], recipient, "{choice}");
                assert_eq!(answer.ok()["srcAmount"], amount, "{choice}");
            }
            Err((code, param)) => assert_eq!(answer.failure(), (400, code, Some(param)), "{choice}"),
        }
    }
}

#[tokio::test]
async fn with_at_least_the_payer_chooses_the_amount() {
    let shop = Shop::open().await;
    let bounded = with(offer(), json!({ "max_amount": "30000000", "suggested_amount": "26000000" }));
    let pricing = json!({ "mode": "at_least", "recipient_address": RECIPIENT, "accepts": [bounded] });
    let shown = shop.priced(pricing.clone()).await;
    assert_eq!(shown.ok()["pricing"]["accepts"][0]["max_amount"], "30000000");
    assert_eq!(shown.ok()["pricing"]["accepts"][0]["suggested_amount"], "26000000");
    // One amount that is both the least and the most is said to be both.
    let narrow = with(offer(), json!({ "max_amount": "25000000" }));
    let narrow = json!({ "mode": "at_least", "recipient_address": RECIPIENT, "accepts": [narrow] });
    assert_eq!(shop.priced(narrow).await.ok()["pricing"]["accepts"][0]["max_amount"], "25000000");
    for (amount, expected) in [
        (None, Some("missing_required_field")),
        (Some("24999999"), Some("order_terms_mismatch")),
        (Some("30000001"), Some("order_terms_mismatch")),
        // Shorter as a text, larger or smaller as a number.
        (Some("9"), Some("order_terms_mismatch")),
        (Some("250000000000000000000000000"), Some("order_terms_mismatch")),
        (Some("25000000"), None),
        (Some("30000000"), None),
    ] {
        let session = shop.session(pricing.clone()).await;
        let partial = json!({ "checkoutSessionId": session, "srcAmount": amount });
        let whole = with(
            order_for(&session),
            json!({ "srcAmount": amount, "payload": { "expectedDstAmount": amount } }),
        );
        let bodies = if amount.is_some() { vec![whole, partial] } else { vec![partial] };
        for body in bodies {
            let answer = shop.service.create_order(body).await;
            match expected {
                Some(code) => assert_eq!(answer.failure(), (400, code, Some("srcAmount")), "{amount:?}"),
                // The first order takes the session's one place.
                None => assert!(answer.status == 200 || answer.status == 409, "{}", answer.text),
            }
        }
    }
}

/// A payer who tries everything but to pay the price. Nothing is used up, and then they pay.
#[tokio::test]
async fn a_payer_can_pay_nothing_but_the_price_to_nobody_but_the_merchant() {
    let shop = Shop::open().await;
    let session = shop.session(exact()).await;
    let service = &shop.service;
    let amount = |amount: &str| json!({ "srcAmount": amount, "payload": { "expectedDstAmount": amount } });
    for (members, param) in [
        (amount("1"), "srcAmount"),
        (amount("24999999"), "srcAmount"),
        (amount("25000001"), "srcAmount"),
        (json!({ "recipientAddress": OTHER }), "recipientAddress"),
        (json!({ "srcTokenAddress": DAI, "dstTokenAddress": DAI }), "srcTokenAddress"),
        (json!({ "srcChain": 10, "dstChain": 10 }), "srcChain"),
        (json!({ "dstChain": 10 }), "dstChain"),
        (json!({ "dstTokenAddress": DAI }), "dstTokenAddress"),
        (json!({ "payload": { "expectedDstAmount": "1" } }), "payload.expectedDstAmount"),
        (json!({ "payload": { "expectedDstAmount": "25000001" } }), "payload.expectedDstAmount"),
        // The zero address, and the token itself.
        (json!({ "recipientAddress": format!("0x{}", "0".repeat(40)) }), "recipientAddress"),
        (json!({ "recipientAddress": USDC }), "recipientAddress"),
    ] {
        for key in [None, Some(new_uuid().to_string())] {
            let request = service.post("/orders").json(&with(payment(&session), members.clone()));
            let request =
                key.into_iter().fold(request, |request, key| request.header("idempotency-key", key));
            let refused = service.send(request).await;
            assert_eq!(refused.failure(), (400, "order_terms_mismatch", Some(param)), "{members}");
        }
    }
    // An order on its own is none of the session's.
    service.create_order(with(order(), amount("1"))).await.ok();
    assert_eq!(service.session_status(&session).await, "open");
    // By the other field as well.
    let hidden = json!({ "checkoutSessionId": null, "callbackMetadata": { "checkoutSessionId": session } });
    let refused = service.create_order(with(with(payment(&session), hidden.clone()), amount("1"))).await;
    assert_eq!(refused.failure(), (400, "order_terms_mismatch", Some("srcAmount")));

    let linked = service.create_order(with(payment(&session), hidden)).await;
    let order = linked.ok()["id"].as_str().unwrap().to_owned();
    let twice = service.create_order(payment(&session)).await;
    assert_eq!(twice.failure(), (409, "session_already_has_order", Some("checkoutSessionId")));
    // Less than the price, in the token.
    service.record_event(&order, "deposit.detected", deposit("0x01", "24999999")).await.ok();
    assert_eq!(service.session_status(&session).await, "open");
    service.record_event(&order, "deposit.detected", deposit("0x02", "1")).await.ok();
    assert_eq!(service.session_status(&session).await, "processing");
    service.record_event(&order, "order.executed", execution("0x03")).await.ok();
    assert_eq!(service.session_status(&session).await, "complete");
}

#[tokio::test]
async fn the_link_rules_keep_their_order() {
    let shop = Shop::open().await;
    let service = &shop.service;
    let cheap = |session: &str| with(order_for(session), json!({ "dstChain": 10 }));
    let partial = |session: &str| json!({ "checkoutSessionId": session, "srcAmount": "1" });
    let less = |session: &str| order_for(session);

    let unknown = new_uuid().to_string();
    for body in [partial(&unknown), less(&unknown)] {
        let refused = service.create_order(body).await;
        assert_eq!(refused.failure(), (400, "session_not_found", Some("checkoutSessionId")));
    }
    let linked = shop.session(exact()).await;
    let order = service.create_order(payment(&linked)).await;
    for body in [cheap(&linked), partial(&linked), less(&linked)] {
        let refused = service.create_order(body).await;
        assert_eq!(refused.failure(), (409, "session_already_has_order", Some("checkoutSessionId")));
        assert_eq!(refused.body["error"]["order_id"], order.ok()["id"]);
    }
    let expired = shop.session(exact()).await;
    service.expire_session(&expired).await.ok();
    for body in [cheap(&expired), partial(&expired), less(&expired)] {
        let refused = service.create_order(body).await;
        assert_eq!(refused.failure(), (400, "invalid_status_transition", Some("checkoutSessionId")));
    }
    // Without a price, what the service cannot settle is what is wrong.
    let unpriced = service.session().await;
    assert_eq!(
        service.create_order(cheap(&unpriced)).await.failure(),
        (400, "unsupported_route", Some("dstChain"))
    );
    let refused = service.create_order(partial(&unpriced)).await;
    assert_eq!(refused.failure(), (400, "missing_required_field", Some("type")));
}

#[tokio::test]
async fn a_key_that_was_used_for_another_order_is_a_conflict_whatever_the_price_says() {
    let shop = Shop::open().await;
    let service = &shop.service;
    let session = shop.session(exact()).await;
    let send = |body: Value| service.send(service.post("/orders").json(&body).header("idempotency-key", "k"));
    let made = send(json!({ "checkoutSessionId": session })).await;
    made.ok();
    for other in [
        json!({ "checkoutSessionId": session, "srcAmount": "1" }),
        json!({ "checkoutSessionId": new_uuid() }),
        with(order_for(&session), json!({ "dstChain": 10 })),
        order_for(&session),
        payment(&session),
        with(order(), json!({ "dstChain": 10 })),
    ] {
        let refused = send(other).await;
        assert_eq!(refused.failure(), (409, "idempotency_conflict", Some("Idempotency-Key")));
    }
    let again = send(json!({ "checkoutSessionId": session })).await;
    assert!(again.is_replay() && again.text == made.text, "{}", again.text);
    // Of a key that is free, or forgotten, the price is what refuses.
    service.clock.advance(Duration::from_hours(25));
    let refused = send(with(order(), json!({ "dstChain": 10 }))).await;
    assert_eq!(refused.failure(), (400, "unsupported_route", Some("dstChain")));
}

#[tokio::test]
async fn of_many_payers_at_once_one_links_and_pays_the_price() {
    let shop = Shop::open().await;
    let session = shop.session(exact()).await;
    let bodies = (0..12).map(|number| match number % 3 {
        0 => payment(&session),
        1 => json!({ "checkoutSessionId": session }),
        _ => with(payment(&session), json!({ "srcAmount": "1", "payload": { "expectedDstAmount": "1" } })),
    });
    let answers = futures::future::join_all(bodies.map(|body| shop.service.create_order(body))).await;
    let linked: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(linked.len(), 1);
    assert_eq!(linked[0].ok()["srcAmount"], "25000000");
}

#[tokio::test]
async fn a_replayed_creation_shows_the_same_price() {
    let shop = Shop::open().await;
    let create = || {
        let body = json!({ "pricing": exact(), "display": { "redirect_after": null } });
        shop.signed(shop.service.post("/checkout-sessions").json(&body)).header("idempotency-key", "cart-1")
    };
    let first = shop.service.send(create()).await;
    shop.service.clock.advance(Duration::from_mins(2));
    let again = shop.service.send(create()).await;
    assert!(again.is_replay());
    assert_eq!(first.text, again.text);
}

//! Coinbase Onramp, played by a double that checks what the vendor documents.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::chain_config::Chains;
use domain::onramps::Onramps;
use doubles::coinbase::{self, Fault, Outcome, SIGNATURE, Versions, sign};
use doubles::{Delivery, WebhookTarget};
use harness::permissions::{Permissions, granted, needed};
use harness::{Answer, BASE, RECIPIENT, Service, Setup, TestClock, USDC, id_of, order, order_for, with};
use http_client::{HttpsClient, Limits};
use onramp::{Coinbase, CoinbaseSecret, Vendor, Vendors};
use reqwest::header::HeaderMap;
use reqwest::{Client, Response, redirect};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};

const KEY_ID: &str = "organizations/1/apiKeys/2";
/// What signs webhooks, during a rotation.
const WEBHOOKS: [&str; 2] = ["hook0_old_4f8a1c", "hook0_new_9b2d7e"];
/// A test does not wait as long as a payer.
const PATIENCE: Duration = Duration::from_millis(400);

struct World {
    service: Service,
    coinbase: coinbase::Coinbase,
    /// What Coinbase sent.
    sent: Arc<Mutex<Vec<Delivery>>>,
}

impl World {
    async fn start() -> Self {
        let (secret, public) = ed25519();
        Self::with(secret, public, false).await
    }

    async fn with(key: String, public: Vec<u8>, is_sandbox: bool) -> Self {
        let clock = TestClock::at_the_present();
        let (now, sent) = (clock.clone(), Arc::new(Mutex::new(Vec::new())));
        let log = Arc::clone(&sent);
        let double = coinbase::Coinbase::start(
            coinbase::Settings {
                key_id: KEY_ID.to_owned(),
                public_key: public,
                allowed_redirects: vec!["shop.example".to_owned()],
                assets: vec![("base".to_owned(), "USDC".to_owned())],
                webhook: None,
                now: Arc::new(move || now.now().as_millis()),
                deliver: Arc::new(move |delivery| {
                    log.lock().unwrap().push(delivery);
                    Box::pin(async { Ok(format!("0x{:064x}", 7)) })
                }),
            },
            0,
        );
        let double = double.await.unwrap();
        harness::log::keep([key.clone()]);
        let secret =
            CoinbaseSecret::parse(&json!({ "keyId": KEY_ID, "keySecret": key }).to_string()).unwrap();
        let http = HttpsClient::new(Limits { answer: PATIENCE, ..Limits::default() }).unwrap();
        let vendor = Coinbase::new(http, &secret, is_sandbox).unwrap().at(double.url());
        let chain =
            json!([{ "chainId": BASE, "tokens": [USDC], "finality": "safe", "recipients": [RECIPIENT] }]);
        let setup = Setup {
            onramps: Onramps::parse("coinbase").unwrap(),
            vendors: Vendors::new(vec![Vendor::Coinbase(Box::new(vendor))]),
            coinbase_webhooks: WEBHOOKS.map(str::to_owned).to_vec(),
            ..Setup::watching(Chains::parse(&chain.to_string()).unwrap())
        };
        let service = Service::start_at(&setup, &clock).await;
        double.set_webhook(Some(WebhookTarget {
            url: format!("{}/webhooks/coinbase", service.base),
            secrets: vec![WEBHOOKS[1].to_owned()],
        }));
        Self { service, coinbase: double, sent }
    }

    /// Creates an order, and returns its id and its deposit address.
    async fn order(&self, onramp: Value) -> (String, String) {
        let onramp = with(json!({ "vendor": "coinbase" }), onramp);
        let made = self.service.create_order(with(order(), json!({ "onramp": onramp }))).await;
        (id_of(&made), made.ok()["globalAddress"].as_str().unwrap().to_owned())
    }

    async fn visit(&self, order: &str) -> Response {
        let client = Client::builder().redirect(redirect::Policy::none()).build().unwrap();
        let request = client.get(format!("{}/orders/{order}/pay", self.service.base));
        let request = request.header("sec-fetch-mode", "navigate").header("sec-fetch-dest", "document");
        request.send().await.unwrap()
    }

    /// Opens the link, and returns the page that it leads to.
    async fn page(&self, order: &str) -> String {
        let response = self.visit(order).await;
        assert_eq!(response.status(), 303);
        response.headers()["location"].to_str().unwrap().to_owned()
    }
}

/// A new key: its secret and its public half.
fn ed25519() -> (String, Vec<u8>) {
    let seed: [u8; 32] = std::array::from_fn(|_| fastrand::u8(..));
    let public = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap().public_key().as_ref().to_vec();
    (STANDARD.encode([&seed[..], &public].concat()), public)
}

#[tokio::test]
async fn each_visit_is_a_purchase_of_what_is_due_to_the_orders_own_address() {
    let world = World::start().await;
    let created = json!({ "success_url": "https://shop.example/ok?s={SESSION_ID}" });
    let session = id_of(&world.service.create_session(created).await);
    let onramp = json!({ "vendor": "coinbase", "paymentMethod": "card", "country": "us" });
    let made = world.service.create_order(with(order_for(&session), json!({ "onramp": onramp }))).await;
    let (id, address) = (id_of(&made), made.ok()["globalAddress"].as_str().unwrap());
    assert_eq!(world.coinbase.calls(), 0, "an order calls no vendor");
    let mut pages = Vec::new();
    for _ in 0..10 {
        pages.push(world.page(&id).await);
    }
    let expected = json!({
        "destinationAddress": address, "purchaseCurrency": "USDC", "destinationNetwork": "base",
        "purchaseAmount": "1", "paymentCurrency": "USD", "paymentMethod": "CARD", "country": "US",
        "redirectUrl": format!("https://shop.example/ok?s={session}"), "partnerUserRef": id,
    });
    assert_eq!(world.coinbase.requests(), vec![expected; 10]);
    pages.dedup();
    assert_eq!(pages.len(), 10, "each page is for one visit");
    world.coinbase.pay(&pages[3], Outcome::Exact).await.unwrap();
    let delivery = world.sent.lock().unwrap().pop().unwrap();
    assert_eq!((delivery.to.as_str(), delivery.amount.as_str()), (address, "1"));
    assert!(world.coinbase.pay(&pages[3], Outcome::Exact).await.is_err(), "a page can be used once");
}

#[tokio::test]
async fn what_is_not_meant_for_the_vendor_is_left_out() {
    let world = World::start().await;
    let onramp = json!({ "paymentMethod": "carrier pigeon", "country": "Germany", "redirectUrl": "https://shop.example/" });
    let (id, _) = world.order(onramp).await;
    world.page(&id).await;
    let [request] = &world.coinbase.requests()[..] else { panic!() };
    // The local address of this test is none that Coinbase takes.
    for name in ["paymentMethod", "country", "clientIp"] {
        assert_eq!(request.get(name), None, "{name}");
    }
    assert_eq!(request["redirectUrl"], "https://shop.example/");
    // A domain that is not on the account's list costs the way back, and not the payment.
    let (id, _) = world.order(json!({ "redirectUrl": "https://elsewhere.example/" })).await;
    world.page(&id).await;
    assert_eq!(world.coinbase.requests()[1].get("redirectUrl"), None);
}

#[tokio::test]
async fn in_the_sandbox_nothing_is_bought() {
    let (secret, public) = ed25519();
    let world = World::with(secret, public, true).await;
    let (id, _) = world.order(json!({})).await;
    let page = world.page(&id).await;
    assert_eq!(world.coinbase.requests()[0]["partnerUserRef"], format!("sandbox-{id}"));
    world.coinbase.pay(&page, Outcome::Exact).await.unwrap();
    assert!(world.sent.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_vendor_that_fails_costs_the_payer_nothing_but_a_page() {
    let world = World::start().await;
    let (id, address) = world.order(json!({})).await;
    for (fault, status) in [
        (Fault::Status(400, "invalid_request"), 400),
        (Fault::Status(401, "unauthorized"), 400),
        (Fault::Status(429, "rate_limit_exceeded"), 503),
        (Fault::Status(500, "internal_server_error"), 503),
        (Fault::Hang, 503),
        (Fault::CutResponse, 503),
        (Fault::InvalidBody, 400),
        (Fault::OtherHost, 400),
        (Fault::HttpUrl, 400),
    ] {
        let what = format!("{fault:?}");
        world.coinbase.fail_next(fault);
        let response = world.visit(&id).await;
        assert_eq!(response.status(), status, "{what}");
        assert_eq!(response.headers().get("location"), None, "{what}");
        assert_eq!(response.headers().contains_key("retry-after"), status == 503, "{what}");
        let html = response.text().await.unwrap();
        assert!(html.contains(&address) && html.contains("1 USDC"), "{what}: {html}");
        assert!(!html.contains("evil") && !html.contains(KEY_ID), "{what}: {html}");
    }
    assert_eq!(world.service.order_status(&id).await, "scanning_deposit_transaction");
    world.page(&id).await;
}

#[tokio::test]
async fn a_key_of_another_account_is_the_operators_affair() {
    let world = World::with(ed25519().0, ed25519().1, false).await;
    let (id, address) = world.order(json!({})).await;
    let response = world.visit(&id).await;
    assert_eq!(response.status(), 400);
    assert!(response.text().await.unwrap().contains(&address));
    assert!(world.coinbase.requests().is_empty());
}

#[tokio::test]
async fn a_key_of_the_other_kind_signs_as_well() {
    let public = include_str!("../../onramp/tests/p256-public.pem");
    let lines: String = public.lines().filter(|line| !line.starts_with("-----")).collect();
    // The point is at the end of the DER.
    let public = STANDARD.decode(lines).unwrap().last_chunk::<65>().unwrap().to_vec();
    for secret in
        [include_str!("../../onramp/tests/p256-sec1.pem"), include_str!("../../onramp/tests/p256-pkcs8.pem")]
    {
        let world = World::with(secret.to_owned(), public.clone(), false).await;
        let (id, _) = world.order(json!({})).await;
        world.page(&id).await;
    }
}

/// The body of a request with all that we send, and the webhooks of the double.
pub(crate) async fn samples() -> Value {
    let world = World::start().await;
    let onramp =
        json!({ "paymentMethod": "card", "country": "US", "redirectUrl": "https://shop.example/ok" });
    let (id, _) = world.order(onramp).await;
    world.page(&id).await;
    let webhooks = ["created", "updated", "success", "failed"].map(|kind| {
        let (_, body) = world.coinbase.webhook(&format!("onramp.transaction.{kind}"), &json!({}));
        serde_json::from_str::<Value>(&body).unwrap()
    });
    json!({ "request": world.coinbase.requests()[0], "webhooks": webhooks })
}

/// What the function of the webhooks did to the table.
pub(crate) async fn permissions() -> Permissions {
    let world = World::start().await;
    let (id, address) = world.order(json!({})).await;
    world.service.calls.take();
    world
        .webhook("onramp.transaction.created", &json!({ "partnerUserRef": id, "walletAddress": address }))
        .await;
    needed(&world.service.calls.take(), &granted("record-coinbase-event"))
}

impl World {
    /// Sends a webhook as Coinbase does.
    async fn webhook(&self, kind: &str, members: &Value) -> Answer {
        let (headers, body) = self.coinbase.webhook(kind, members);
        self.send(&headers, body).await
    }

    async fn send(&self, headers: &HeaderMap, body: String) -> Answer {
        let request = self.service.post("/webhooks/coinbase").headers(headers.clone()).body(body);
        self.service.send(request).await
    }

    async fn shown(&self, order: &str) -> Value {
        let mut shown = self.service.get_order(order).await.ok()["onramp"].clone();
        if let Some(shown) = shown.as_object_mut() {
            shown.remove("updatedAt");
        }
        shown
    }
}

#[tokio::test]
async fn what_coinbase_says_is_shown_and_decides_nothing() {
    let world = World::start().await;
    let (id, _) = world.order(json!({})).await;
    assert_eq!(world.shown(&id).await, Value::Null);
    let page = world.page(&id).await;
    world.coinbase.pay(&page, Outcome::Declined).await.unwrap();
    let shown = world.shown(&id).await;
    assert_eq!((&shown["vendor"], &shown["status"]), (&json!("coinbase"), &json!("failed")));
    assert!(shown["reason"].is_string(), "{shown}");
    // A later purchase is what is shown then. It says that it has paid, and the chain shows nothing.
    world.service.clock.advance(Duration::from_mins(1));
    let page = world.page(&id).await;
    world.coinbase.pay(&page, Outcome::Never).await.unwrap();
    let expected = json!({ "vendor": "coinbase", "status": "succeeded", "reason": null });
    assert_eq!(world.shown(&id).await, expected);
    assert_eq!(world.service.order_status(&id).await, "scanning_deposit_transaction");
}

#[tokio::test]
async fn reports_come_doubled_in_any_order_and_of_other_orders() {
    let world = World::start().await;
    let (id, address) = world.order(json!({})).await;
    let (other, _) = world.order(json!({})).await;
    let of = |transaction: &str| {
        let address = address.to_uppercase().replacen("0X", "0x", 1);
        json!({ "partnerUserRef": id, "walletAddress": address, "transactionId": transaction })
    };
    for kind in ["success", "created", "updated", "success", "failed"] {
        let answer = world.webhook(&format!("onramp.transaction.{kind}"), &of("t1")).await;
        assert_eq!(answer.body["message"], "Webhook received", "{kind}");
        assert_eq!(world.shown(&id).await["status"], "succeeded", "{kind}");
    }
    // An older purchase changes nothing.
    let older = with(of("t0"), json!({ "createdAt": "2020-01-01T00:00:00Z" }));
    world.webhook("onramp.transaction.failed", &older).await.ok();
    assert_eq!(world.shown(&id).await["status"], "succeeded");
    for ignored in [
        // Another order with this address, this order with another address, and none.
        with(of("t2"), json!({ "partnerUserRef": other })),
        with(of("t2"), json!({ "walletAddress": "0x1111111111111111111111111111111111111111" })),
        with(of("t2"), json!({ "partnerUserRef": "somebody" })),
        with(of("t2"), json!({ "partnerUserRef": null })),
        with(of("t2"), json!({ "eventType": "onramp.transaction.exploded" })),
        with(of("t2"), json!({ "transactionId": "x".repeat(300) })),
    ] {
        let answer = world.webhook("onramp.transaction.failed", &ignored).await;
        assert_eq!(answer.body["message"], "Webhook ignored", "{ignored}");
    }
    assert_eq!(world.shown(&id).await["status"], "succeeded");
    assert_eq!(world.shown(&other).await, Value::Null);
}

#[tokio::test]
async fn webhooks_are_believed_by_their_signature_alone() {
    let world = World::start().await;
    let (id, address) = world.order(json!({})).await;
    let members = json!({ "partnerUserRef": id, "walletAddress": address });
    let now = world.service.clock.now().as_seconds();
    let (headers, body) = world.coinbase.webhook("onramp.transaction.updated", &members);
    let signed = |secret: &str, seconds: i64, versions| {
        let mut headers = headers.clone();
        sign(&mut headers, &body, secret, seconds, versions);
        headers
    };
    for versions in [Versions::Both, Versions::V0, Versions::V1] {
        for secret in WEBHOOKS {
            world.send(&signed(secret, now, versions), body.clone()).await.ok();
        }
    }
    let mut unsigned = headers.clone();
    unsigned.remove(SIGNATURE);
    // Version 1 covers these headers.
    let mut changed = signed(WEBHOOKS[0], now, Versions::V1);
    changed.insert("x-event-type", "onramp.transaction.success".parse().unwrap());
    let mut removed = signed(WEBHOOKS[0], now, Versions::V1);
    removed.remove("x-event-id");
    for (headers, code) in [
        (unsigned, "signature_missing"),
        (signed("another", now, Versions::Both), "signature_invalid"),
        (changed, "signature_invalid"),
        (removed, "signature_invalid"),
        (signed(WEBHOOKS[0], now - 301, Versions::Both), "signature_expired"),
        (signed(WEBHOOKS[0], now + 301, Versions::V0), "signature_expired"),
    ] {
        let refused = world.send(&headers, body.clone()).await;
        assert_eq!(refused.failure(), (401, code, Some("X-Hook0-Signature")));
    }
    let refused = world.send(&signed(WEBHOOKS[0], now, Versions::Both), format!("{body} ")).await;
    assert_eq!(refused.failure().1, "signature_invalid");
    let service = Service::start().await;
    let answer = service.send(service.post("/webhooks/coinbase").body("{}")).await;
    assert_eq!(answer.failure(), (400, "onramp_not_configured", None));
}

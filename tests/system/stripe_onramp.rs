//! Stripe's crypto onramp, played by a double that checks what the vendor documents.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::chain_config::Chains;
use domain::onramps::Onramps;
use doubles::stripe::{self, Fault, OnrampSettings, sign};
use doubles::{Delivery, Outcome, WebhookTarget};
use harness::{Answer, BASE, RECIPIENT, Service, Setup, TestClock, USDC, id_of, order, with};
use http_client::{HttpsClient, Limits};
use onramp::{Stripe, StripeOnramp, StripeSecret, Vendor, Vendors};
use reqwest::{Client, Response, redirect};
use serde_json::{Value, json};

const KEY: &str = "rk_test_51Hd83kXyZ";
/// What signs webhooks, during a rotation.
const SECRETS: [&str; 2] = ["whsec_old_8sXk2", "whsec_new_9tYl3"];
/// A test does not wait as long as a payer.
const PATIENCE: Duration = Duration::from_millis(400);
const CREATE: &str = "POST /v1/crypto/onramp_sessions";
/// In which a proxy names the payer's address.
const PROXY_HEADER: &str = "x-payer";

struct World {
    service: Service,
    stripe: stripe::Stripe,
    /// What Stripe sent.
    sent: Arc<Mutex<Vec<Delivery>>>,
}

impl World {
    async fn start() -> Self {
        Self::with("stripe", true).await
    }

    /// A world with these vendors, at an account with or without access to the preview.
    async fn with(vendors: &str, has_access: bool) -> Self {
        let clock = TestClock::at_the_present();
        let (now, sent) = (clock.clone(), Arc::new(Mutex::new(Vec::new())));
        let log = Arc::clone(&sent);
        let deliver = move |delivery| {
            log.lock().unwrap().push(delivery);
            Box::pin(async { Ok(format!("0x{:064x}", 7)) }) as _
        };
        let onramp = OnrampSettings {
            api_version: onramp::STRIPE_ONRAMP_VERSION.to_owned(),
            deliver: Arc::new(deliver),
        };
        let settings = stripe::Settings {
            secret_key: KEY.to_owned(),
            api_version: onramp::STRIPE_VERSION.to_owned(),
            webhook: None,
            now: Arc::new(move || now.now().as_millis()),
            onramp: has_access.then_some(onramp),
        };
        let double = stripe::Stripe::start(settings, 0).await.unwrap();
        harness::log::keep([KEY.to_owned()].into_iter().chain(SECRETS.map(str::to_owned)));
        let secret = json!({ "key": KEY, "webhookSecrets": SECRETS }).to_string();
        let secret = StripeSecret::parse(&secret).unwrap();
        let http = HttpsClient::new(Limits { answer: PATIENCE, ..Limits::default() }).unwrap();
        let account = Stripe::new(http.clone(), secret.clone()).at(double.url());
        let vendor = StripeOnramp::new(http, secret, false).unwrap().at(double.url());
        let chain =
            json!([{ "chainId": BASE, "tokens": [USDC], "finality": "safe", "recipients": [RECIPIENT] }]);
        let setup = Setup {
            onramps: Onramps::parse(vendors).unwrap(),
            vendors: Vendors::new(vec![Vendor::Stripe(Box::new(vendor))]),
            stripe: vendors.contains("stripe-web2").then_some(account),
            stripe_webhooks: SECRETS.map(str::to_owned).to_vec(),
            client_ip_header: Some(PROXY_HEADER.to_owned()),
            ..Setup::watching(Chains::parse(&chain.to_string()).unwrap())
        };
        let service = Service::start_at(&setup, &clock).await;
        double.set_webhook(Some(WebhookTarget {
            url: format!("{}/webhooks/stripe", service.base),
            secrets: SECRETS.map(str::to_owned).to_vec(),
        }));
        Self { service, stripe: double, sent }
    }

    /// Creates an order, and returns its id and its deposit address.
    async fn order(&self) -> (String, String) {
        let onramp = json!({ "onramp": { "vendor": "stripe", "redirectUrl": "https://shop.example/" } });
        let made = self.service.create_order(with(order(), onramp)).await;
        (id_of(&made), made.ok()["globalAddress"].as_str().unwrap().to_owned())
    }

    /// A person with this network address follows an order's link.
    async fn visit(&self, order: &str, payer: &str) -> Response {
        let client = Client::builder().redirect(redirect::Policy::none()).build().unwrap();
        let request = client.get(format!("{}/orders/{order}/pay", self.service.base));
        let request = request.header("sec-fetch-mode", "navigate").header("sec-fetch-dest", "document");
        request.header(PROXY_HEADER, payer).send().await.unwrap()
    }

    /// Opens the link, and returns the page that it leads to.
    async fn page(&self, order: &str) -> String {
        let response = self.visit(order, "93.184.215.14:443").await;
        assert_eq!(response.status(), 303, "{}", response.text().await.unwrap_or_default());
        response.headers()["location"].to_str().unwrap().to_owned()
    }

    /// What the order shows of a purchase.
    async fn shown(&self, order: &str) -> Value {
        let mut shown = self.service.get_order(order).await.ok()["onramp"].clone();
        if let Some(shown) = shown.as_object_mut() {
            shown.remove("updatedAt");
        }
        shown
    }

    /// Sends a webhook as Stripe does: about a session of this order, in this status, with these members of its transaction.
    async fn webhook(&self, id: &str, order: &str, status: &str, transaction: Value) -> Answer {
        let session = json!({
            "id": id, "object": "crypto.onramp_session", "status": status, "metadata": { "order_id": order },
            "created": self.service.clock.now().as_seconds(), "transaction_details": transaction,
        });
        let (signature, body) = self.stripe.event("crypto.onramp_session.updated", &session);
        self.send(Some(&signature), body).await
    }

    async fn send(&self, signature: Option<&str>, body: String) -> Answer {
        let request = self.service.post("/webhooks/stripe").body(body);
        let request =
            signature.into_iter().fold(request, |request, it| request.header("stripe-signature", it));
        self.service.send(request).await
    }
}

/// The parameters of a request with all that we send, its version, and the session of the double.
pub(crate) async fn samples() -> Value {
    let world = World::start().await;
    let (order, _) = world.order().await;
    let page = world.page(&order).await;
    world.stripe.buy(&page, Outcome::Exact).await.unwrap();
    let (form, session) = (&world.stripe.calls()[0].1, &world.stripe.onramp_sessions()[0]);
    json!({ "form": form, "version": onramp::STRIPE_ONRAMP_VERSION, "session": session })
}

#[tokio::test]
async fn each_visit_is_a_purchase_of_what_is_due_to_the_orders_own_address() {
    let world = World::start().await;
    let (order, address) = world.order().await;
    assert!(world.stripe.calls().is_empty(), "an order calls no vendor");
    let mut pages = Vec::new();
    for _ in 0..3 {
        pages.push(world.page(&order).await);
    }
    let expected = [
        ("wallet_addresses[base_network]", address.as_str()),
        ("lock_wallet_address", "true"),
        ("destination_networks[0]", "base"),
        ("destination_network", "base"),
        ("destination_currencies[0]", "usdc"),
        ("destination_currency", "usdc"),
        ("destination_amount", "1"),
        ("source_currency", "usd"),
        ("settlement_speed", "instant"),
        ("metadata[order_id]", &order),
        ("customer_ip_address", "93.184.215.14"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    assert_eq!(world.stripe.calls(), vec![(CREATE.to_owned(), expected); 3]);
    pages.dedup();
    assert_eq!(pages.len(), 3, "each page is for one visit");
    // An address that is none of the internet's is not passed on.
    assert_eq!(world.visit(&order, "10.0.0.7").await.status(), 303);
    let (_, form) = world.stripe.calls().pop().unwrap();
    assert!(form.iter().all(|(name, _)| name != "customer_ip_address"), "{form:?}");

    world.stripe.buy(&pages[1], Outcome::Less).await.unwrap();
    let delivery = world.sent.lock().unwrap().pop().unwrap();
    assert_eq!((delivery.to.as_str(), delivery.amount.as_str()), (address.as_str(), "0.5"));
    let expected = json!({ "vendor": "stripe", "status": "succeeded", "reason": null });
    assert_eq!(world.shown(&order).await, expected);
    // The chain decides, and it shows nothing here.
    assert_eq!(world.service.order_status(&order).await, "scanning_deposit_transaction");
}

#[tokio::test]
async fn a_vendor_that_fails_costs_the_payer_nothing_but_a_page() {
    let world = World::start().await;
    let (order, address) = world.order().await;
    for (fault, status) in [
        (Fault::Status(400), 400),
        (Fault::Status(401), 400),
        (Fault::Status(403), 400),
        (Fault::Status(404), 400),
        (Fault::Status(409), 503),
        (Fault::Status(429), 503),
        (Fault::Status(500), 503),
        (Fault::Refused("crypto_onramp_disabled"), 503),
        (Fault::Refused("crypto_onramp_unsupported_country"), 400),
        (Fault::Refused("crypto_onramp_merchant_not_properly_setup"), 400),
        (Fault::Hang, 503),
        (Fault::CutResponse, 503),
        (Fault::InvalidBody, 400),
        (Fault::OtherHost, 400),
    ] {
        let what = format!("{fault:?}");
        world.stripe.fail_next(fault);
        let response = world.visit(&order, "93.184.215.14").await;
        assert_eq!(response.status(), status, "{what}");
        assert_eq!(response.headers().get("location"), None, "{what}");
        assert_eq!(response.headers().contains_key("retry-after"), status == 503, "{what}");
        let html = response.text().await.unwrap();
        assert!(html.contains(&address) && html.contains("1 USDC"), "{what}: {html}");
        assert!(!html.contains("evil") && !html.contains(KEY), "{what}: {html}");
    }
    assert_eq!(world.service.order_status(&order).await, "scanning_deposit_transaction");
    world.page(&order).await;
}

#[tokio::test]
async fn a_region_without_stripe_is_told_so_and_can_pay_from_a_wallet() {
    let world = World::start().await;
    let (order, address) = world.order().await;
    let response = world.visit(&order, "8.8.8.8").await;
    assert_eq!(response.status(), 400);
    let html = response.text().await.unwrap();
    assert!(html.contains("Stripe does not accept this payment") && html.contains(&address), "{html}");
    assert!(world.stripe.onramp_sessions().is_empty());
}

#[tokio::test]
async fn an_account_without_the_preview_opens_no_page() {
    let world = World::with("stripe", false).await;
    let (order, address) = world.order().await;
    let response = world.visit(&order, "93.184.215.14").await;
    assert_eq!(response.status(), 400);
    let html = response.text().await.unwrap();
    assert!(html.contains("Stripe cannot be reached") && html.contains(&address), "{html}");
}

#[tokio::test]
async fn only_usdc_on_base_is_sold() {
    let world = World::start().await;
    let chain = json!([{ "chainId": 10, "tokens": ["0x0b2C639c533813f4Aa9D7837CAf62653d097Ff85"], "finality": "safe", "recipients": [RECIPIENT] }]);
    let setup = Setup {
        onramps: Onramps::parse("stripe").unwrap(),
        ..Setup::watching(Chains::parse(&chain.to_string()).unwrap())
    };
    let service = Service::start_with(&setup).await;
    let token = "0x0b2C639c533813f4Aa9D7837CAf62653d097Ff85";
    let terms = json!({
        "srcChain": 10, "dstChain": 10, "srcTokenAddress": token, "dstTokenAddress": token,
        "onramp": { "vendor": "stripe" },
    });
    let refused = service.create_order(with(order(), terms)).await;
    assert_eq!(refused.failure(), (400, "invalid_field_value", Some("onramp.vendor")));
    // A deployment that sells crypto charges no card by that.
    let cards = json!({ "onramp": { "vendor": "stripe-web2" } });
    let refused = world.service.create_order(with(order(), cards)).await;
    assert_eq!(refused.failure(), (400, "onramp_not_configured", Some("onramp.vendor")));
}

#[tokio::test]
async fn what_stripe_says_is_shown_and_decides_nothing() {
    let world = World::start().await;
    let (order, _) = world.order().await;
    assert_eq!(world.shown(&order).await, Value::Null);
    let page = world.page(&order).await;
    world.stripe.buy(&page, Outcome::Declined).await.unwrap();
    let expected = json!({ "vendor": "stripe", "status": "failed", "reason": "transaction_failed" });
    assert_eq!(world.shown(&order).await, expected);
    // A later purchase is what is shown then. It says that it has paid, and the chain shows nothing.
    world.service.clock.advance(Duration::from_mins(1));
    let page = world.page(&order).await;
    world.stripe.buy(&page, Outcome::Never).await.unwrap();
    let expected = json!({ "vendor": "stripe", "status": "succeeded", "reason": null });
    assert_eq!(world.shown(&order).await, expected);
    assert_eq!(world.service.order_status(&order).await, "scanning_deposit_transaction");
}

#[tokio::test]
async fn reports_come_doubled_in_any_order_and_of_other_orders() {
    let world = World::start().await;
    let (order, address) = world.order().await;
    let (other, _) = world.order().await;
    // As some write addresses.
    let wallet = json!({ "wallet_address": address.to_uppercase().replacen("0X", "0x", 1) });
    for (status, shown) in [
        ("fulfillment_processing", "in_progress"),
        ("fulfillment_processing", "in_progress"),
        ("initialized", "in_progress"),
        ("fulfillment_complete", "succeeded"),
        ("requires_payment", "succeeded"),
        ("rejected", "succeeded"),
        ("fulfillment_complete", "succeeded"),
    ] {
        let answer = world.webhook("cos_1", &order, status, wallet.clone()).await;
        assert_eq!(answer.body["message"], "Webhook received", "{status}");
        assert_eq!(world.shown(&order).await["status"], shown, "{status}");
    }
    let foreign = json!({ "wallet_address": "0x1111111111111111111111111111111111111111" });
    for (order, status, transaction) in [
        // Another order with this address, this order with another address, and neither.
        (other.as_str(), "rejected", wallet.clone()),
        (&order, "rejected", foreign),
        (&order, "rejected", json!({})),
        ("somebody", "rejected", wallet.clone()),
        (&order, "exploded", wallet.clone()),
    ] {
        let answer = world.webhook("cos_2", order, status, transaction.clone()).await;
        assert_eq!(answer.body["message"], "Webhook ignored", "{order} {status} {transaction}");
    }
    assert_eq!(world.shown(&order).await["status"], "succeeded");
    assert_eq!(world.shown(&other).await, Value::Null);
    // The account's other events are about cards, and none are taken.
    let object = json!({ "object": "checkout.session", "client_reference_id": order });
    let (signature, body) = world.stripe.event("checkout.session.completed", &object);
    assert_eq!(world.send(Some(&signature), body).await.body["message"], "Webhook ignored");
    assert!(world.stripe.calls().is_empty(), "a webhook makes no call to Stripe");
}

#[tokio::test]
async fn webhooks_are_believed_by_their_signature_alone() {
    let world = World::start().await;
    let (order, address) = world.order().await;
    let session = json!({
        "id": "cos_1", "status": "fulfillment_complete", "metadata": { "order_id": order },
        "transaction_details": { "wallet_address": address },
    });
    let (_, body) = world.stripe.event("crypto.onramp_session.updated", &session);
    let now = world.service.clock.now().as_seconds();
    let signed = |secret: &str, seconds| Some(sign(&body, &[secret.to_owned()], seconds));
    for (signature, code) in [
        (None, "signature_missing"),
        (signed("whsec_another", now), "signature_invalid"),
        (signed(SECRETS[0], now - 301), "signature_expired"),
        (signed(SECRETS[1], now + 301), "signature_expired"),
    ] {
        let refused = world.send(signature.as_deref(), body.clone()).await;
        assert_eq!(refused.failure(), (401, code, Some("Stripe-Signature")));
    }
    let forged = world.send(signed(SECRETS[0], now).as_deref(), format!("{body} ")).await;
    assert_eq!(forged.failure().1, "signature_invalid");
    assert_eq!(world.shown(&order).await, Value::Null);
    for secret in SECRETS {
        world.send(signed(secret, now).as_deref(), body.clone()).await.ok();
    }
    assert_eq!(world.shown(&order).await["status"], "succeeded");
}

#[tokio::test]
async fn one_route_takes_the_webhooks_of_whatever_is_set_up() {
    let event = |world: &World, order: &str, address: &str| {
        let session = json!({
            "id": "cos_1", "status": "fulfillment_processing", "metadata": { "order_id": order },
            "transaction_details": { "wallet_address": address },
        });
        world.stripe.event("crypto.onramp_session.updated", &session)
    };
    // Both: a purchase is shown, and triggers no look at card payments.
    let world = World::with("stripe,stripe-web2", true).await;
    let (order, address) = world.order().await;
    let (signature, body) = event(&world, &order, &address);
    let answer = world.send(Some(&signature), body).await;
    assert_eq!(answer.body["message"], "Webhook received");
    assert_eq!(world.shown(&order).await["status"], "in_progress");
    assert!(world.stripe.calls().is_empty());
    // Cards alone: the account may sell crypto elsewhere.
    let world = World::with("stripe-web2", true).await;
    let cards = with(harness::order(), json!({ "onramp": { "vendor": "stripe-web2" } }));
    let made = world.service.create_order(cards).await;
    let (order, address) = (id_of(&made), made.ok()["globalAddress"].as_str().unwrap().to_owned());
    let (signature, body) = event(&world, &order, &address);
    let answer = world.send(Some(&signature), body).await;
    assert_eq!(answer.body["message"], "Webhook ignored");
    assert_eq!(world.shown(&order).await, Value::Null);
    // Neither.
    let service = Service::start().await;
    let answer = service.send(service.post("/webhooks/stripe").body("{}")).await;
    assert_eq!(answer.failure(), (400, "onramp_not_configured", None));
}

//! Card payments by Stripe Checkout, played by a double that checks what the vendor documents.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::StatusCode;
use cards::{Cards, LateMoney};
use domain::chain_config::Chains;
use domain::onramps::Onramps;
use doubles::WebhookTarget;
use doubles::stripe::{self, Fault, Outcome, sign};
use fastrand::Rng;
use futures::future::join_all;
use harness::fault::Fault as DatabaseFault;
use harness::permissions::{Permissions, granted, needed};
use harness::proxy::{Fate, Proxied, Wiring};
use harness::{
    Answer, BASE, RECIPIENT, Service, Setup, TestClock, USDC, deposit, execution, id_of, order, order_for,
    with,
};
use http_client::{HttpsClient, Limits};
use onramp::{Stripe, StripeSecret};
use reqwest::{Client, Response, redirect};
use serde_json::{Value, json};

const KEY: &str = "rk_test_51Hd83kXyZ";
const SECRETS: [&str; 2] = ["whsec_old_8sXk2", "whsec_new_9tYl3"];
/// A test does not wait as long as a payer.
const PATIENCE: Duration = Duration::from_millis(600);

struct World {
    service: Service,
    stripe: stripe::Stripe,
    /// What `watch-card` has.
    cards: Cards,
    setup: Setup,
}

impl World {
    /// A world in which no webhook arrives.
    async fn start() -> Self {
        let clock = TestClock::at_the_present();
        let now = clock.clone();
        let double = stripe::Stripe::start(
            stripe::Settings {
                secret_key: KEY.to_owned(),
                api_version: onramp::STRIPE_VERSION.to_owned(),
                webhook: None,
                now: Arc::new(move || now.now().as_millis()),
            },
            0,
        );
        let double = double.await.unwrap();
        harness::log::keep([KEY.to_owned()].into_iter().chain(SECRETS.map(str::to_owned)));
        let secret = json!({ "key": KEY, "webhookSecrets": SECRETS }).to_string();
        let http = HttpsClient::new(Limits { answer: PATIENCE, ..Limits::default() }).unwrap();
        let account = Stripe::new(http, StripeSecret::parse(&secret).unwrap()).at(double.url());
        let chain =
            json!([{ "chainId": BASE, "tokens": [USDC], "finality": "safe", "recipients": [RECIPIENT] }]);
        let setup = Setup {
            onramps: Onramps::parse("stripe-web2").unwrap(),
            stripe: Some(account.clone()),
            ..Setup::watching(Chains::parse(&chain.to_string()).unwrap())
        };
        let service = Service::start_at(&setup, &clock).await;
        let cards = Cards {
            store: service.store(),
            stripe: account,
            clock: clock.reader(),
            late_money: LateMoney::Refund,
        };
        Self { service, stripe: double, cards, setup }
    }

    /// A world in which webhooks arrive.
    async fn with_webhooks() -> Self {
        let world = Self::start().await;
        world.stripe.set_webhook(Some(WebhookTarget {
            url: format!("{}/webhooks/stripe", world.service.base),
            secrets: SECRETS.map(str::to_owned).to_vec(),
        }));
        world
    }

    /// A session with an order that is paid by card: the ids of both.
    async fn order(&self, seconds: u64) -> (String, String) {
        let session = json!({
            "expires_in": seconds, "success_url": "https://shop.example/ok?s={SESSION_ID}",
            "cancel_url": "https://shop.example/no?s={SESSION_ID}",
        });
        let session = id_of(&self.service.create_session(session).await);
        let amount = json!({ "srcAmount": "93354000", "payload": { "expectedDstAmount": "93354000" } });
        let onramp = json!({ "onramp": { "vendor": "stripe-web2" } });
        let made = self.service.create_order(with(with(order_for(&session), amount), onramp)).await;
        (session, id_of(&made))
    }

    async fn visit(&self, order: &str) -> Response {
        visit(&self.service, order).await
    }

    /// Opens the link, and returns the id of the Checkout Session that it leads to.
    async fn checkout(&self, order: &str) -> String {
        let response = self.visit(order).await;
        assert_eq!(response.status(), 303, "{}", response.text().await.unwrap_or_default());
        let location = response.headers()["location"].to_str().unwrap();
        location.rsplit('/').next().unwrap().to_owned()
    }

    /// How often a call was made.
    fn calls(&self, call: &str) -> usize {
        self.stripe.calls().iter().filter(|(made, _)| made.starts_with(call)).count()
    }

    async fn look(&self, order: &str) {
        let run = watch_card::run(&self.cards).await.unwrap();
        assert_eq!(run.failed, 0, "{order}");
    }

    async fn statuses(&self, session: &str, order: &str) -> (String, String) {
        (self.service.order_status(order).await, self.service.session_status(session).await)
    }

    async fn webhook(&self, signature: Option<&str>, body: &str) -> Answer {
        let request = self.service.post("/webhooks/stripe").body(body.to_owned());
        let request =
            signature.into_iter().fold(request, |request, it| request.header("stripe-signature", it));
        self.service.send(request).await
    }
}

/// A person follows an order's link.
async fn visit(service: &Service, order: &str) -> Response {
    let client = Client::builder().redirect(redirect::Policy::none()).build().unwrap();
    let request = client.get(format!("{}/orders/{order}/pay", service.base));
    let request = request.header("sec-fetch-mode", "navigate").header("sec-fetch-dest", "document");
    request.send().await.unwrap()
}

fn strings(order: &str, session: &str) -> (String, String) {
    (order.to_owned(), session.to_owned())
}

/// The calls of a payment that comes late, and a webhook of the double.
pub(crate) async fn samples() -> Value {
    let world = World::start().await;
    let (_, order) = world.order(600).await;
    let checkout = world.checkout(&order).await;
    world.service.clock.advance(Duration::from_mins(11));
    world.stripe.pay(&checkout, Outcome::Paid).await.unwrap();
    world.look(&order).await;
    let (_, ended) = world.order(600).await;
    world.checkout(&ended).await;
    world.service.clock.advance(Duration::from_mins(11));
    world.look(&ended).await;
    let calls: Vec<Value> =
        world.stripe.calls().into_iter().map(|(call, form)| json!({ "call": call, "form": form })).collect();
    let secrets = SECRETS.map(str::to_owned).to_vec();
    world.stripe.set_webhook(Some(WebhookTarget { url: String::new(), secrets }));
    let (signature, body) = world.stripe.event("checkout.session.completed", &json!({ "id": checkout }));
    json!({ "calls": calls, "webhook": { "signature": signature, "body": body, "secrets": SECRETS } })
}

/// What the functions of card payments did to the table.
pub(crate) async fn permissions() -> [(&'static str, Permissions); 3] {
    let world = World::start().await;
    let of = |folder| needed(&world.service.calls.take(), &granted(folder));
    let (_, order) = world.order(3_600).await;
    world.service.calls.take();
    let checkout = world.checkout(&order).await;
    world.stripe.pay(&checkout, Outcome::Paid).await.unwrap();
    // What is due has changed, so the visit looks at what was paid.
    world.service.record_event(&order, "deposit.detected", deposit("0x01", "1")).await.ok();
    let before = world.service.calls.take();
    world.visit(&order).await;
    let visits: Vec<_> = before.into_iter().filter(|call| call.operation != "TransactWriteItems").collect();
    let mut by_link = of("pay-order");
    for (resource, actions) in needed(&visits, &granted("pay-order")) {
        by_link.entry(resource).or_default().extend(actions);
    }
    let (_, order) = world.order(3_600).await;
    let checkout = world.checkout(&order).await;
    world.stripe.pay(&checkout, Outcome::Paid).await.unwrap();
    world
        .stripe
        .set_webhook(Some(WebhookTarget { url: String::new(), secrets: vec![SECRETS[0].to_owned()] }));
    let object = json!({ "client_reference_id": order });
    let (signature, body) = world.stripe.event("checkout.session.completed", &object);
    world.service.calls.take();
    world.webhook(Some(&signature), &body).await.ok();
    let by_webhook = of("record-stripe-event");
    // It looks as the other one does, and finds orders by the index.
    let mut by_clock = by_webhook.clone();
    let query = BTreeSet::from(["dynamodb:Query".to_owned()]);
    by_clock.insert("${Table.Arn}/index/watched-orders".to_owned(), query);
    [("pay-order", by_link), ("record-stripe-event", by_webhook), ("watch-card", by_clock)]
}

const CREATE: &str = "POST /v1/checkout/sessions";

#[tokio::test]
async fn a_card_payment_completes_the_session_and_is_shown_as_what_it_is() {
    let world = World::with_webhooks().await;
    let (session, order) = world.order(3_600).await;
    assert!(world.stripe.calls().is_empty(), "an order calls no vendor");
    assert_eq!(world.statuses(&session, &order).await, strings("waiting_stripe_payment", "open"));
    let shown = world.service.get_order(&order).await;
    assert_eq!(shown.ok()["order"]["onrampMetadata"]["stripeAmountInCents"], 9_336);
    assert_eq!(shown.ok()["order"]["stripePaymentIntentId"], Value::Null);

    let checkout = world.checkout(&order).await;
    let (_, form) = world.stripe.calls()[0].clone();
    let parameter = |name: &str| form.iter().find(|(given, _)| given == name).map(|(_, value)| value.clone());
    for (name, value) in [
        ("mode", "payment"),
        ("client_reference_id", &order),
        ("line_items[0][price_data][currency]", "usd"),
        ("line_items[0][price_data][unit_amount]", "9336"),
        ("allowed_payment_method_types[0]", "card"),
        ("adaptive_pricing[enabled]", "false"),
        ("success_url", &format!("https://shop.example/ok?s={session}")),
        ("cancel_url", &format!("https://shop.example/no?s={session}")),
    ] {
        assert_eq!(parameter(name).as_deref(), Some(value), "{name}");
    }
    world.stripe.pay(&checkout, Outcome::Paid).await.unwrap();
    assert_eq!(world.statuses(&session, &order).await, strings("executed", "complete"));
    let shown = world.service.get_order(&order).await;
    let shown = shown.ok();
    let [payment] = &shown["cardPayments"].as_array().unwrap()[..] else { panic!("{shown}") };
    let intent = shown["order"]["stripePaymentIntentId"].as_str().unwrap();
    let expected = json!({
        "orderId": order, "provider": "stripe", "paymentIntentId": intent, "amount": 9_336, "currency": "usd",
        "status": "succeeded", "counts": true, "refundedAmount": 0, "isDisputed": false,
        "createdAt": payment["createdAt"],
    });
    assert_eq!(*payment, expected);
    // No hash is invented.
    assert_eq!((&shown["depositTxs"], &shown["executeTx"]), (&json!([]), &Value::Null));
    assert_eq!(shown["order"]["filledAt"], payment["createdAt"]);
    assert_eq!(shown["order"]["receivedDepositAt"], payment["createdAt"]);
    assert_eq!(shown["order"]["settlement"], Value::Null);

    // Given back and disputed later, it stays complete and says so.
    world.stripe.refund_by_hand(intent, Some(336)).await.unwrap();
    world.stripe.dispute(intent).await.unwrap();
    let shown = world.service.get_order(&order).await;
    let payment = &shown.ok()["cardPayments"][0];
    assert_eq!((&payment["refundedAmount"], &payment["isDisputed"]), (&json!(336), &json!(true)));
    assert_eq!(world.statuses(&session, &order).await, strings("executed", "complete"));
    assert_eq!(world.visit(&order).await.status(), 200);
    assert_eq!(world.calls(CREATE), 1);
}

#[tokio::test]
async fn of_many_clicks_one_checkout_session_comes() {
    let world = World::start().await;
    let (_, order) = world.order(3_600).await;
    let visits = join_all((0..50).map(|_| world.visit(&order))).await;
    for visit in &visits {
        assert!(visit.status() == 303 || visit.status() == 503, "{}", visit.status());
    }
    assert_eq!(world.stripe.checkout_sessions().len(), 1);
    world.service.clock.advance(Duration::from_mins(50));
    let (_, other) = world.order(3_600).await;
    for _ in 0..10 {
        world.checkout(&other).await;
    }
    assert_eq!(world.stripe.checkout_sessions().len(), 2);
}

#[tokio::test]
async fn what_is_due_changes_and_so_does_the_checkout_session() {
    let world = World::start().await;
    let (session, order) = world.order(7_200).await;
    let first = world.checkout(&order).await;
    world.service.record_event(&order, "deposit.detected", deposit("0x01", "43354000")).await.ok();
    let second = world.checkout(&order).await;
    let [old, new] = &world.stripe.checkout_sessions()[..] else { panic!() };
    assert_eq!((&old["id"], &old["status"]), (&json!(first), &json!("expired")));
    assert_eq!(
        (&new["id"], &new["status"], &new["amount_total"]),
        (&json!(second), &json!("open"), &json!(5_000))
    );
    // The earlier page cannot be paid any more.
    assert!(world.stripe.pay(&first, Outcome::Paid).await.is_err());
    world.stripe.pay(&second, Outcome::Paid).await.unwrap();
    world.look(&order).await;
    assert_eq!(world.statuses(&session, &order).await, strings("executed", "complete"));
}

#[tokio::test]
async fn a_payment_whose_webhook_is_lost_is_found() {
    let world = World::start().await;
    for by_visit in [true, false] {
        let (session, order) = world.order(3_600).await;
        let checkout = world.checkout(&order).await;
        world.stripe.pay(&checkout, Outcome::Paid).await.unwrap();
        if by_visit {
            // The amount that is due has changed, so the page is not offered again blindly.
            world.service.record_event(&order, "deposit.detected", deposit("0x01", "1")).await.ok();
            assert_eq!(world.visit(&order).await.status(), 200);
        } else {
            assert_eq!(world.statuses(&session, &order).await, strings("waiting_stripe_payment", "open"));
            world.look(&order).await;
        }
        assert_eq!(world.statuses(&session, &order).await, strings("executed", "complete"));
    }
    // Nothing is open any more.
    let before = world.stripe.calls().len();
    world.look("").await;
    assert_eq!(world.stripe.calls().len(), before);
}

#[tokio::test]
async fn late_money_is_given_back_once() {
    let world = World::start().await;
    let (session, order) = world.order(600).await;
    let checkout = world.checkout(&order).await;
    // Stripe keeps the page open for half an hour at least.
    world.service.clock.advance(Duration::from_mins(11));
    world.stripe.pay(&checkout, Outcome::Paid).await.unwrap();
    assert_eq!(world.service.session_status(&session).await, "expired");
    world.stripe.fail_next(Fault::Status(500));
    assert_eq!(watch_card::run(&world.cards).await.unwrap().failed, 1);
    for _ in 0..3 {
        world.look(&order).await;
    }
    assert_eq!(world.statuses(&session, &order).await, strings("refunded", "expired"));
    let [refund] = &world.stripe.refunds()[..] else { panic!() };
    assert_eq!(refund["amount"], 9_336);
    let shown = world.service.get_order(&order).await;
    let payment = &shown.ok()["cardPayments"][0];
    assert_eq!((&payment["counts"], &payment["refundedAmount"]), (&json!(false), &json!(9_336)));
}

#[tokio::test]
async fn a_refund_that_stripe_does_not_make_is_tried_again_and_told() {
    let world = World::start().await;
    let (session, order) = world.order(600).await;
    let checkout = world.checkout(&order).await;
    world.service.clock.advance(Duration::from_mins(11));
    world.stripe.pay(&checkout, Outcome::Paid).await.unwrap();
    // The two looks before the refund are fine.
    let id = domain::id::OrderId::parse(&order).unwrap();
    world.stripe.fail_next(Fault::OtherHost);
    world.stripe.fail_next(Fault::RefundFails);
    let failed = world.cards.look(id).await.unwrap_err().to_string();
    assert!(failed.contains("refund"), "{failed}");
    assert_eq!(world.statuses(&session, &order).await, strings("refunding", "expired"));
    // Each run tries again and reports the failure: Stripe repeats a failed refund for a day.
    let run = watch_card::run(&world.cards).await.unwrap();
    assert_eq!((run.looked_at, run.failed), (1, 1));
}

#[tokio::test]
async fn what_ends_here_ends_at_stripe() {
    let world = World::start().await;
    for expires in [true, false] {
        let (session, order) = world.order(600).await;
        let checkout = world.checkout(&order).await;
        if expires {
            world.service.expire_session(&session).await.ok();
        } else {
            world.service.record_event(&order, "deposit.detected", deposit("0x01", "93354000")).await.ok();
            world.service.record_event(&order, "order.executed", execution("0x02")).await.ok();
        }
        world.look(&order).await;
        assert!(world.stripe.pay(&checkout, Outcome::Paid).await.is_err(), "{expires}");
    }
    // Paid by card and on the chain: the card's money goes back.
    let (session, order) = world.order(600).await;
    let checkout = world.checkout(&order).await;
    world.service.record_event(&order, "deposit.detected", deposit("0x01", "93354000")).await.ok();
    world.stripe.pay(&checkout, Outcome::Paid).await.unwrap();
    world.look(&order).await;
    assert_eq!(world.stripe.refunds().len(), 1);
    assert_eq!(world.service.session_status(&session).await, "processing");
}

#[tokio::test]
async fn a_declined_card_and_a_delayed_payment_hold_nothing() {
    let world = World::with_webhooks().await;
    let (session, order) = world.order(3_600).await;
    let checkout = world.checkout(&order).await;
    world.stripe.pay(&checkout, Outcome::Declined).await.unwrap();
    assert_eq!(world.statuses(&session, &order).await, strings("waiting_stripe_payment", "open"));
    assert_eq!(world.service.get_order(&order).await.ok()["cardPayments"][0]["status"], "failed");
    assert_eq!(world.checkout(&order).await, checkout, "the page can be used again");
    world.stripe.pay(&checkout, Outcome::Delayed).await.unwrap();
    assert_eq!(world.statuses(&session, &order).await, strings("waiting_stripe_payment", "open"));
    world.stripe.settle_delayed(&checkout, true).await.unwrap();
    assert_eq!(world.statuses(&session, &order).await, strings("executed", "complete"));
}

#[tokio::test]
async fn a_call_that_is_cut_off_is_finished_by_the_next() {
    let world = World::start().await;
    for fault in [Fault::CutResponse, Fault::InvalidBody, Fault::Hang, Fault::Status(409)] {
        let (_, order) = world.order(3_600).await;
        let before = world.stripe.checkout_sessions().len();
        world.stripe.fail_next(fault);
        let first = world.visit(&order).await;
        assert!([303, 400, 503].contains(&first.status().as_u16()), "{fault:?} {}", first.status());
        let checkout = world.checkout(&order).await;
        assert_eq!(world.stripe.checkout_sessions().len(), before + 1, "{fault:?}");
        world.stripe.pay(&checkout, Outcome::Paid).await.unwrap();
    }
    // Stripe repeats a failure for its idempotency key, so the next attempt has another one.
    let (_, order) = world.order(3_600).await;
    for fault in [Fault::DoneThen500, Fault::Status(500)] {
        world.stripe.fail_next(fault);
        assert_eq!(world.visit(&order).await.status(), 503);
    }
    world.checkout(&order).await;
    for (fault, status) in [(Fault::Status(401), 400), (Fault::Status(429), 503), (Fault::OtherHost, 400)] {
        let (_, order) = world.order(3_600).await;
        world.stripe.fail_next(fault);
        let response = world.visit(&order).await;
        assert_eq!(
            (response.status().as_u16(), response.headers().get("location")),
            (status, None),
            "{fault:?}"
        );
        let html = response.text().await.unwrap();
        assert!(html.contains("93.354 USDC") && !html.contains("evil"), "{html}");
    }
}

#[tokio::test]
async fn webhooks_are_believed_by_their_signature_alone_and_only_make_us_look() {
    let world = World::start().await;
    let target = WebhookTarget { url: String::new(), secrets: vec![SECRETS[1].to_owned()] };
    let (session, order) = world.order(3_600).await;
    world.checkout(&order).await;
    world.stripe.set_webhook(Some(target));
    let lie = json!({ "client_reference_id": order, "payment_status": "paid", "status": "complete" });
    let (signature, body) = world.stripe.event("checkout.session.completed", &lie);
    for _ in 0..2 {
        assert_eq!(world.webhook(Some(&signature), &body).await.body["message"], "Webhook received");
    }
    assert_eq!(world.statuses(&session, &order).await, strings("waiting_stripe_payment", "open"));

    let calls = world.stripe.calls().len();
    let now = world.service.clock.now().as_seconds();
    let secret = [SECRETS[0].to_owned()];
    for (signature, code) in [
        (None, "signature_missing"),
        (Some(sign(&body, &["whsec_other".to_owned()], now)), "signature_invalid"),
        (Some(sign("{}", &secret, now)), "signature_invalid"),
        (Some(sign(&body, &secret, now - 301)), "signature_expired"),
        (Some(sign(&body, &secret, now + 301)), "signature_expired"),
        (Some(String::new()), "signature_invalid"),
    ] {
        let refused = world.webhook(signature.as_deref(), &body).await;
        assert_eq!(refused.failure(), (401, code, Some("Stripe-Signature")));
    }
    assert_eq!(world.stripe.calls().len(), calls, "an unknown charge costs no call");
    for body in ["", "{", "[]", "{}", r#"{"data":{"object":{"metadata":{"order_id":"7"}}}}"#] {
        let answer = world.webhook(Some(&sign(body, &secret, now)), body).await;
        assert!(answer.status == 200 || answer.failure().1 == "invalid_json", "{}", answer.text);
    }
    // Of another payment of the account.
    let other = json!({ "object": "charge", "payment_intent": "pi_of_another_shop" });
    let (signature, body) = world.stripe.event("charge.refunded", &other);
    assert_eq!(world.webhook(Some(&signature), &body).await.body["message"], "Webhook ignored");
    // What cannot be looked at now is sent again.
    let (signature, body) = world.stripe.event("checkout.session.completed", &lie);
    world.stripe.fail_next(Fault::Status(500));
    assert_eq!(world.webhook(Some(&signature), &body).await.failure(), (503, "onramp_unavailable", None));
}

#[tokio::test]
async fn a_deployment_without_cards_takes_no_webhook_and_no_order() {
    let service = Service::start().await;
    let answer = service.send(service.post("/webhooks/stripe").body("{}")).await;
    assert_eq!(answer.failure(), (400, "onramp_not_configured", None));
    let world = World::start().await;
    let onramp = json!({ "onramp": { "vendor": "stripe-web2" } });
    for amount in ["490000", "1000000000001"] {
        let amount = json!({ "srcAmount": amount, "payload": { "expectedDstAmount": amount } });
        let refused = world.service.create_order(with(with(order(), amount), onramp.clone())).await;
        assert_eq!(refused.failure(), (400, "invalid_field_value", Some("srcAmount")));
    }
}

/// Stories of one order: payers click, keep old pages open and pay on them; the database, Stripe and webhooks fail; the
/// merchant expires the session, deposits come, time passes. At the end each charge counts or was given back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_fails_each_charge_counts_once_or_is_given_back() {
    let first = fastrand::u64(..);
    let mut ends = BTreeSet::new();
    for story in 0..STORIES {
        ends.insert(Box::pin(tell(first.wrapping_add(story))).await);
    }
    // Otherwise the stories say nothing.
    for end in ["complete by card", "refunded", "expired"] {
        assert!(ends.contains(end), "of {STORIES} stories from seed {first} none ends {end}: {ends:?}");
    }
}

const STORIES: u64 = 24;

/// Tells one story, and returns how it ends.
async fn tell(seed: u64) -> &'static str {
    let mut rng = Rng::with_seed(seed);
    let world = if rng.bool() { World::start().await } else { World::with_webhooks().await };
    let faults = Mutex::new(Rng::with_seed(seed ^ 1));
    let is_faulty = Arc::new(AtomicBool::new(true));
    let may_fail = Arc::clone(&is_faulty);
    let plan = move |_: &str| {
        let mut rng = faults.lock().unwrap();
        if may_fail.load(Ordering::SeqCst) && rng.u8(0..6) == 0 {
            Fate::Meet(*rng.choice(DATABASE_FAULTS.iter()).unwrap())
        } else {
            Fate::Forward
        }
    };
    let wiring = Wiring::of(&world.service).await;
    let shaky = Proxied::set_up(&world.service, &wiring, plan, &world.setup).await;
    let (session, order) = world.order(*rng.choice([600, 2_400].iter()).unwrap()).await;
    let (mut shown, mut was_expired, mut deposits) = (BTreeSet::new(), false, 0);
    for _ in 0..rng.usize(6..16) {
        match rng.u8(0..12) {
            0..4 => {
                let clicks = (0..rng.usize(1..4)).map(|_| visit(&shaky.service, &order));
                for response in join_all(clicks).await {
                    assert_ne!(response.status(), 500, "seed {seed}");
                    let location = response.headers().get("location").map(|url| url.to_str().unwrap());
                    shown.extend(location.map(|url| url.rsplit('/').next().unwrap().to_owned()));
                }
            }
            4..7 => {
                let pages: Vec<&String> = shown.iter().collect();
                if let Some(page) = rng.choice(pages) {
                    let outcome = [Outcome::Paid, Outcome::Paid, Outcome::Declined, Outcome::Delayed];
                    // An earlier page may have ended.
                    let _ = world.stripe.pay(page, *rng.choice(outcome.iter()).unwrap()).await;
                    let _ = world.stripe.settle_delayed(page, rng.bool()).await;
                }
            }
            7 => world.service.clock.advance(Duration::from_secs(rng.u64(1..400))),
            8 => world.stripe.fail_next(*rng.choice(STRIPE_FAULTS.iter()).unwrap()),
            9 => {
                deposits += 1;
                let amount = *rng.choice(["1", "40000000", "93354000"].iter()).unwrap();
                let deposit = deposit(&format!("0x{deposits}"), amount);
                world.service.record_event(&order, "deposit.detected", deposit).await.ok();
            }
            10 if rng.u8(0..3) == 0 => _ = world.service.expire_session(&session).await,
            _ => _ = watch_card::run(&world.cards).await.unwrap(),
        }
        let open = world.stripe.checkout_sessions().into_iter().filter(|checkout| {
            checkout["status"] == "open" && shown.contains(checkout["id"].as_str().unwrap())
        });
        assert!(open.count() <= 1, "seed {seed}: two pages can be paid");
        let status = world.service.session_status(&session).await;
        assert!(!(was_expired && status != "expired"), "seed {seed}: expired, and then {status}");
        was_expired |= status == "expired";
    }
    // All heals, and time passes.
    is_faulty.store(false, Ordering::SeqCst);
    world.stripe.heal();
    for _ in 0..4 {
        world.service.clock.advance(Duration::from_mins(20));
        let run = watch_card::run(&world.cards).await.unwrap();
        assert_eq!(run.failed, 0, "seed {seed}");
    }
    let (order_status, session_status) = world.statuses(&session, &order).await;
    let shown = world.service.get_order(&order).await;
    let payments = shown.ok()["cardPayments"].as_array().cloned().unwrap_or_default();
    let counting = payments.iter().filter(|payment| payment["counts"] == true).count();
    assert!(counting <= 1, "seed {seed}: {payments:?}");
    assert_eq!(counting == 1, session_status == "complete", "seed {seed}: {order_status} {payments:?}");
    let charges = world.stripe.charges();
    for charge in &charges {
        let known = payments.iter().find(|payment| payment["paymentIntentId"] == charge["payment_intent"]);
        let known = known.unwrap_or_else(|| panic!("seed {seed}: {charge} is not known"));
        let refunded = if known["counts"] == true { json!(0) } else { charge["amount"].clone() };
        assert_eq!(charge["amount_refunded"], refunded, "seed {seed}: {known}");
    }
    match (counting, charges.is_empty()) {
        (1, _) => "complete by card",
        (_, false) => "refunded",
        (_, true) => "expired",
    }
}

/// What a careful caller survives, and quickly.
const DATABASE_FAULTS: [DatabaseFault; 5] = [
    DatabaseFault::ResetBefore,
    DatabaseFault::LostReply,
    DatabaseFault::TruncatedReply,
    DatabaseFault::Error(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError"),
    DatabaseFault::Error(StatusCode::BAD_REQUEST, "ThrottlingException"),
];
const STRIPE_FAULTS: [Fault; 6] = [
    Fault::Status(500),
    Fault::Status(429),
    Fault::CutResponse,
    Fault::DoneThen500,
    Fault::InvalidBody,
    Fault::Status(409),
];

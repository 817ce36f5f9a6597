//! The onramp sessions of Stripe's double, rule by rule.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "the helpers read literals; clippy takes them for code that ships"
)]

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::HeaderMap;
use axum::routing::post;
use doubles::stripe::{Fault, OnrampSettings, Settings, Stripe, sign};
use doubles::{Delivery, Outcome, WebhookTarget};
use reqwest::Client;
use serde_json::{Value, json};
use tokio::net::TcpListener;

const KEY: &str = "rk_test_1";
const PREVIEW: &str = "2026-10-14.preview";
const ADDRESS: &str = "0x742d35Cc6634C0532925a3b844Bc454e4438f44e";
const SECRET: &str = "whsec_1";
const NOW: i64 = 1_752_505_811_000;

struct Bench {
    stripe: Stripe,
    client: Client,
    deliveries: Arc<Mutex<Vec<Delivery>>>,
    webhooks: Arc<Mutex<Vec<(String, String)>>>,
}

impl Bench {
    async fn new() -> Self {
        let deliveries = Arc::new(Mutex::new(Vec::new()));
        let list = Arc::clone(&deliveries);
        let deliver = move |delivery| {
            list.lock().unwrap().push(delivery);
            Box::pin(async { Ok("0x07".to_owned()) }) as _
        };
        let onramp = OnrampSettings { api_version: PREVIEW.to_owned(), deliver: Arc::new(deliver) };
        Self::with(Some(onramp), deliveries).await
    }

    async fn with(onramp: Option<OnrampSettings>, deliveries: Arc<Mutex<Vec<Delivery>>>) -> Self {
        let webhooks = Arc::new(Mutex::new(Vec::new()));
        let settings = Settings {
            secret_key: KEY.to_owned(),
            api_version: "2026-10-28.endive".to_owned(),
            webhook: Some(WebhookTarget {
                url: listen(Arc::clone(&webhooks)).await,
                secrets: vec![SECRET.to_owned()],
            }),
            now: Arc::new(|| NOW),
            onramp,
        };
        let stripe = Stripe::start(settings, 0).await.unwrap();
        Self { stripe, client: Client::new(), deliveries, webhooks }
    }

    async fn call(&self, version: &str, form: &[(&str, &str)]) -> (u16, Value) {
        let request = self.client.post(format!("{}/v1/crypto/onramp_sessions", self.stripe.url()));
        let request = request.header("stripe-version", version).bearer_auth(KEY);
        let body = form_urlencoded(form);
        let response = request.body(body).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    async fn create(&self, form: &[(&str, &str)]) -> (u16, Value) {
        self.call(PREVIEW, form).await
    }

    async fn page(&self) -> String {
        let (status, created) = self.create(&FORM).await;
        assert_eq!(status, 200, "{created}");
        created["redirect_url"].as_str().unwrap().to_owned()
    }

    /// The statuses that webhooks named, and the last session of them.
    fn told(&self) -> (Vec<String>, Value) {
        let webhooks = std::mem::take(&mut *self.webhooks.lock().unwrap());
        let mut statuses = Vec::new();
        let mut session = Value::Null;
        for (signature, body) in webhooks {
            assert_eq!(signature, sign(&body, &[SECRET.to_owned()], NOW / 1_000));
            let event: Value = serde_json::from_str(&body).unwrap();
            assert_eq!(event["type"], "crypto.onramp_session.updated");
            session = event["data"]["object"].clone();
            statuses.push(session["status"].as_str().unwrap().to_owned());
        }
        (statuses, session)
    }
}

/// Takes webhooks, and returns where.
async fn listen(webhooks: Arc<Mutex<Vec<(String, String)>>>) -> String {
    let take = move |headers: HeaderMap, body: String| async move {
        let signature = headers["stripe-signature"].to_str().unwrap().to_owned();
        webhooks.lock().unwrap().push((signature, body));
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/", post(take))).await });
    url
}

fn form_urlencoded(form: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish()
}

const FORM: [(&str, &str); 11] = [
    ("wallet_addresses[base_network]", ADDRESS),
    ("lock_wallet_address", "true"),
    ("destination_networks[0]", "base"),
    ("destination_network", "base"),
    ("destination_currencies[0]", "usdc"),
    ("destination_currency", "usdc"),
    ("destination_amount", "93.354"),
    ("source_currency", "usd"),
    ("customer_ip_address", "93.184.215.14"),
    ("metadata[order_id]", "o1"),
    ("settlement_speed", "instant"),
];

#[tokio::test]
async fn a_session_shows_what_it_was_asked_to_be() {
    let bench = Bench::new().await;
    let (status, created) = bench.create(&FORM).await;
    let id = created["id"].as_str().unwrap();
    assert!(status == 200 && id.starts_with("cos_"), "{created}");
    assert_eq!(created["redirect_url"], format!("{}/onramp/{id}", bench.stripe.url()));
    assert_eq!(
        (&created["status"], &created["metadata"]),
        (&json!("initialized"), &json!({ "order_id": "o1" }))
    );
    let details = &created["transaction_details"];
    assert_eq!(details["destination_amount"], "93.354");
    assert_eq!(details["lock_wallet_address"], true);
    // The wallet is the payer's choice until the payment.
    assert_eq!(details["wallet_address"], Value::Null);
    assert_eq!(details["wallet_addresses"]["base_network"], ADDRESS);
    assert_eq!(bench.stripe.onramp_sessions()[0], created);
}

#[tokio::test]
async fn what_stripe_does_not_document_is_refused() {
    let bench = Bench::new().await;
    let changed = |name: &'static str, value: Option<&'static str>| {
        let kept = FORM.into_iter().filter(|(given, _)| *given != name);
        kept.chain(value.map(|value| (name, value))).collect::<Vec<_>>()
    };
    for (name, value, code) in [
        ("wallet_addresses[base]", Some(ADDRESS), "parameter_unknown"),
        ("success_url", Some("https://shop.example/"), "parameter_unknown"),
        ("wallet_addresses[base_network]", Some("0x12"), "parameter_invalid"),
        ("destination_network", Some("solana"), "parameter_invalid"),
        ("destination_currency", Some("USDC"), "parameter_invalid"),
        ("destination_amount", Some("0"), "parameter_invalid"),
        ("destination_amount", Some("1.2345678"), "parameter_invalid"),
        ("source_currency", Some("USD"), "parameter_invalid"),
        ("settlement_speed", Some("fast"), "parameter_invalid"),
        ("lock_wallet_address", Some("yes"), "parameter_invalid"),
        ("customer_ip_address", Some("127.0.0.1"), "parameter_invalid"),
        ("customer_ip_address", Some("8.8.8.8"), "crypto_onramp_unsupportable_customer"),
        ("source_amount", Some("10"), "parameters_exclusive"),
        ("destination_networks[0]", None, "parameter_missing"),
        ("destination_network", None, "crypto_onramp_incomplete_destination_currency_and_network_pair"),
    ] {
        let (status, refused) = bench.create(&changed(name, value)).await;
        assert_eq!((status, refused["error"]["code"].as_str()), (400, Some(code)), "{name} {value:?}");
    }
    assert!(bench.stripe.onramp_sessions().is_empty());
}

#[tokio::test]
async fn the_preview_needs_its_version_and_access() {
    let bench = Bench::new().await;
    let (status, refused) = bench.call("2026-10-28.endive", &FORM).await;
    assert_eq!((status, &refused["error"]["code"]), (400, &json!("api_version_unknown")));
    bench.stripe.fail_next(Fault::Refused("crypto_onramp_disabled"));
    let (status, refused) = bench.create(&FORM).await;
    assert_eq!((status, &refused["error"]["code"]), (400, &json!("crypto_onramp_disabled")));
    let without = Bench::with(None, Arc::default()).await;
    let (status, refused) = without.create(&FORM).await;
    assert_eq!((status, &refused["error"]["code"]), (404, &json!("url_unknown")));
}

#[tokio::test]
async fn each_outcome_sends_what_it_says_and_tells_of_it() {
    let bench = Bench::new().await;
    let complete = ["requires_payment", "fulfillment_processing", "fulfillment_complete"];
    let rejected = ["requires_payment", "fulfillment_processing", "rejected"];
    for (outcome, statuses, amount, error) in [
        (Outcome::Exact, complete, Some("93.354"), None),
        (Outcome::Less, complete, Some("46.677"), None),
        (Outcome::More, complete, Some("94.354"), None),
        (Outcome::Later, complete, None, None),
        (Outcome::Never, complete, None, None),
        (Outcome::Declined, rejected, None, Some("transaction_failed")),
    ] {
        let page = bench.page().await;
        bench.stripe.buy(&page, outcome).await.unwrap();
        let (told, session) = bench.told();
        assert_eq!(told, statuses, "{outcome:?}");
        let details = &session["transaction_details"];
        assert_eq!(details["wallet_address"], ADDRESS, "{outcome:?}");
        assert_eq!(details["last_error"], json!(error), "{outcome:?}");
        let delivered: Vec<Delivery> = bench.deliveries.lock().unwrap().drain(..).collect();
        let amounts: Vec<&str> = delivered.iter().map(|delivery| delivery.amount.as_str()).collect();
        assert_eq!(amounts, amount.into_iter().collect::<Vec<_>>(), "{outcome:?}");
        assert_eq!(details["transaction_id"], json!(amount.map(|_| "0x07")), "{outcome:?}");
        assert!(bench.stripe.buy(&page, outcome).await.is_err(), "a page can be used once");
    }
    assert_eq!(bench.stripe.deliver_late().await.unwrap(), ["0x07"]);
    let late = bench.deliveries.lock().unwrap().pop().unwrap();
    assert_eq!((late.to.as_str(), late.amount.as_str()), (ADDRESS, "93.354"));
}

#[tokio::test]
async fn page_says_that_it_is_a_double_and_ends_with_a_purchase() {
    let bench = Bench::new().await;
    let page = bench.page().await;
    let get = async || bench.client.get(&page).send().await.unwrap();
    let press = async |name: &str| {
        bench.client.post(&page).body(format!("outcome={name}")).send().await.unwrap().status().as_u16()
    };
    for _ in 0..2 {
        let response = get().await;
        assert_eq!(response.status(), 200);
        let html = response.text().await.unwrap();
        assert!(html.contains("This is a DOUBLE of Stripe") && html.contains("93.354 USDC"), "{html}");
        assert!(html.contains(ADDRESS) && !html.contains("<script"), "{html}");
    }
    assert_eq!(press("other").await, 400);
    assert_eq!(press("exact").await, 200);
    assert_eq!(press("exact").await, 410);
    assert_eq!(get().await.status(), 410);
    assert_eq!(bench.deliveries.lock().unwrap().len(), 1);
    let unknown = format!("{}/onramp/cos_other", bench.stripe.url());
    assert_eq!(bench.client.get(unknown).send().await.unwrap().status(), 404);
}

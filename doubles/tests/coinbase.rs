//! The double of Coinbase, rule by rule.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "the helpers read literals; clippy takes them for code that ships"
)]

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use chrono::DateTime;
use doubles::coinbase::{Coinbase, Fault, Outcome, SIGNATURE, Settings, Versions, sign};
use doubles::{Delivery, WebhookTarget};
use hook0_client::verify_webhook_signature_with_current_time;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use reqwest::{Client, Response, redirect};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};
use tokio::net::TcpListener;

const KEY_ID: &str = "organizations/1/apiKeys/2";
const ADDRESS: &str = "0x742d35Cc6634C0532925a3b844Bc454e4438f44e";
const URI: &str = "POST api.cdp.coinbase.com/platform/v2/onramp/sessions";
const START: i64 = 1_752_505_811_000;

type Received = Arc<Mutex<Vec<(HeaderMap, String)>>>;

struct Bench {
    coinbase: Coinbase,
    client: Client,
    clock: Arc<AtomicI64>,
    deliveries: Arc<Mutex<Vec<Delivery>>>,
    webhooks: Received,
    algorithm: Algorithm,
    key: EncodingKey,
}

impl Bench {
    async fn new() -> Self {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let pair = Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap();
        let key = EncodingKey::from_ed_der(document.as_ref());
        Self::with_key(Algorithm::EdDSA, key, pair.public_key().as_ref().to_vec()).await
    }

    async fn with_key(algorithm: Algorithm, key: EncodingKey, public_key: Vec<u8>) -> Self {
        let clock = Arc::new(AtomicI64::new(START));
        let deliveries = Arc::new(Mutex::new(Vec::new()));
        let webhooks = Received::default();
        let (now, list) = (Arc::clone(&clock), Arc::clone(&deliveries));
        let settings = Settings {
            key_id: KEY_ID.to_owned(),
            public_key,
            allowed_redirects: vec!["shop.example".to_owned(), "localhost".to_owned()],
            assets: vec![("base".to_owned(), "USDC".to_owned()), ("solana".to_owned(), "USDC".to_owned())],
            webhook: Some(WebhookTarget {
                url: receiver(Arc::clone(&webhooks)).await,
                secrets: vec!["whsec".to_owned()],
            }),
            now: Arc::new(move || now.load(Ordering::Relaxed)),
            deliver: Arc::new(move |delivery| {
                let list = Arc::clone(&list);
                Box::pin(async move {
                    anyhow::ensure!(delivery.amount != "13", "the chain is down");
                    list.lock().unwrap().push(delivery);
                    Ok("0xabc".to_owned())
                })
            }),
        };
        let coinbase = Coinbase::start(settings, 0).await.unwrap();
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .timeout(Duration::from_millis(500))
            .build()
            .unwrap();
        Self { coinbase, client, clock, deliveries, webhooks, algorithm, key }
    }

    fn token(&self, header: &Value, claims: &Value) -> String {
        let now = self.clock.load(Ordering::Relaxed) / 1000;
        let mut all = json!({
            "sub": KEY_ID, "iss": "cdp", "aud": null, "nbf": now, "iat": now, "exp": now + 120, "uris": [URI],
        });
        merge(&mut all, claims);
        let mut head =
            json!({"alg": self.algorithm, "kid": KEY_ID, "typ": "JWT", "nonce": "1234567890123456"});
        merge(&mut head, header);
        encode(&serde_json::from_value::<Header>(head).unwrap(), &all, &self.key).unwrap()
    }

    async fn call(&self, authorization: &str, body: &Value) -> reqwest::Result<Response> {
        let url = format!("{}/platform/v2/onramp/sessions", self.coinbase.url());
        self.client.post(url).header("authorization", authorization).json(body).send().await
    }

    async fn create(&self, members: Value) -> (StatusCode, Value) {
        let mut body =
            json!({"destinationAddress": ADDRESS, "purchaseCurrency": "USDC", "destinationNetwork": "base"});
        merge(&mut body, &members);
        let token = self.token(&json!({}), &json!({}));
        let response = self.call(&format!("Bearer {token}"), &body).await.unwrap();
        (response.status(), response.json().await.unwrap())
    }

    async fn one_click(&self) -> String {
        self.url(json!({})).await
    }

    async fn url(&self, members: Value) -> String {
        let mut body = json!({
            "purchaseAmount": "93.354",
            "paymentCurrency": "USD",
            "partnerUserRef": "order-1",
            "redirectUrl": "https://shop.example/thanks?a=1",
        });
        merge(&mut body, &members);
        let (status, created) = self.create(body).await;
        assert_eq!(status, 201, "{created}");
        created["session"]["onrampUrl"].as_str().unwrap().to_owned()
    }

    fn amounts(&self) -> Vec<String> {
        self.deliveries.lock().unwrap().iter().map(|delivery| delivery.amount.clone()).collect()
    }

    /// Takes the bodies of the webhooks so far.
    fn bodies(&self) -> Vec<Value> {
        let webhooks = std::mem::take(&mut *self.webhooks.lock().unwrap());
        webhooks.iter().map(|(_, body)| serde_json::from_str(body).unwrap()).collect()
    }

    async fn press(&self, url: &str, button: &str) -> Response {
        let (page, query) = url.split_once('?').unwrap();
        self.client.post(page).body(format!("{query}&outcome={button}")).send().await.unwrap()
    }
}

/// Starts a server that stores what it receives, and answers the first request with 503.
async fn receiver(received: Received) -> String {
    let is_up = Arc::new(AtomicBool::new(false));
    let receive = async move |headers: HeaderMap, body: String| {
        if !is_up.swap(true, Ordering::Relaxed) {
            return StatusCode::SERVICE_UNAVAILABLE;
        }
        received.lock().unwrap().push((headers, body));
        StatusCode::OK
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/webhooks", listener.local_addr().unwrap());
    let router = Router::new().route("/webhooks", post(receive));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

fn merge(target: &mut Value, members: &Value) {
    for (name, value) in members.as_object().unwrap() {
        target[name] = value.clone();
    }
}

/// Verifies with the SDK of the webhook service that Coinbase uses.
fn is_genuine(headers: &HeaderMap, body: &str, secret: &str, now: i64) -> bool {
    let Some(signature) = headers.get(SIGNATURE) else { return false };
    let list: Vec<_> =
        headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect();
    verify_webhook_signature_with_current_time(
        signature.to_str().unwrap(),
        body.as_bytes(),
        &list,
        secret,
        Duration::from_mins(5),
        DateTime::from_timestamp_millis(now).unwrap(),
    )
    .is_ok()
}

#[tokio::test]
async fn token_must_be_of_this_key_call_and_time() {
    let bench = Bench::new().await;
    let body =
        json!({"destinationAddress": ADDRESS, "purchaseCurrency": "USDC", "destinationNetwork": "base"});
    let now = START / 1000;
    let bad = [
        (json!({"kid": "other"}), json!({})),
        (json!({"kid": null}), json!({})),
        (json!({}), json!({"sub": "other"})),
        (json!({}), json!({"iss": "coinbase"})),
        (json!({}), json!({"exp": now + 121})),
        (json!({}), json!({"nbf": now - 120, "iat": now - 120, "exp": now})),
        (json!({}), json!({"nbf": now + 1, "exp": now + 120})),
        (json!({}), json!({"iat": now + 1})),
        (json!({}), json!({"nbf": null})),
        (json!({}), json!({"exp": null})),
        (json!({}), json!({"uris": URI})),
        (json!({}), json!({"uris": []})),
        (json!({}), json!({"uris": [URI, URI]})),
        (json!({}), json!({"uris": [URI.replace("POST", "GET")]})),
        (json!({}), json!({"uris": [URI.replace("api.cdp", "https://api.cdp")]})),
    ];
    let mut headers: Vec<_> =
        bad.iter().map(|(header, claims)| format!("Bearer {}", bench.token(header, claims))).collect();
    let good = bench.token(&json!({}), &json!({}));
    headers.extend([String::new(), good.clone(), format!("Basic {good}"), "Bearer a.b.c".to_owned()]);
    headers.push(format!("Bearer {}", Bench::new().await.token(&json!({}), &json!({}))));
    let hmac = encode(&Header::default(), &json!({"sub": KEY_ID}), &EncodingKey::from_secret(&[])).unwrap();
    headers.push(format!("Bearer {hmac}"));
    for header in &headers {
        let response = bench.call(header, &body).await.unwrap();
        assert_eq!(response.status(), 401, "{header}");
        let error: Value = response.json().await.unwrap();
        assert_eq!(error["errorType"], "unauthorized");
        assert!(error["errorMessage"].is_string() && error["correlationId"].is_string());
    }
    assert!(bench.coinbase.requests().is_empty());
    assert_eq!(bench.call(&format!("Bearer {good}"), &body).await.unwrap().status(), 201);
    assert_eq!(bench.coinbase.requests(), std::slice::from_ref(&body));
    assert_eq!(bench.coinbase.calls(), headers.len() + 1);
    let brief = format!("Bearer {}", bench.token(&json!({}), &json!({"iat": null})));
    assert_eq!(bench.call(&brief, &body).await.unwrap().status(), 201);
    bench.clock.fetch_add(120_000, Ordering::Relaxed);
    assert_eq!(bench.call(&format!("Bearer {good}"), &body).await.unwrap().status(), 401);
}

#[tokio::test]
async fn token_may_be_of_a_p256_key() {
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    let pair =
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).unwrap();
    let key = EncodingKey::from_ec_der(document.as_ref());
    let bench = Bench::with_key(Algorithm::ES256, key, pair.public_key().as_ref().to_vec()).await;
    assert_eq!(bench.create(json!({})).await.0, 201);
}

#[tokio::test]
async fn body_must_follow_every_rule() {
    let bench = Bench::new().await;
    let amount = json!({"purchaseAmount": "1", "paymentCurrency": "USD"});
    let with = |members: Value| {
        let mut all = amount.clone();
        merge(&mut all, &members);
        all
    };
    let long = |length: usize| format!("https://shop.example/{}", "a".repeat(length - 21));
    let bad = [
        ("null", json!({"destinationAddress": null})),
        ("destination address", json!({"destinationAddress": "0x742d35Cc6634C0532925a3b844Bc454e4438f4"})),
        ("destination address", json!({"destinationAddress": "0x742d35Cc6634C0532925a3b844Bc454e4438f44g"})),
        ("destination address", json!({"destinationAddress": "742d35Cc6634C0532925a3b844Bc454e4438f44eaa"})),
        ("purchaseCurrency", json!({"purchaseCurrency": "DOGE"})),
        ("destinationNetwork", json!({"destinationNetwork": "ethereum"})),
        ("color", json!({"color": "red"})),
        ("exclude each other", with(json!({"paymentAmount": "1"}))),
        ("`paymentCurrency`", json!({"purchaseAmount": "1"})),
        ("an amount", with(json!({"purchaseAmount": "0"}))),
        ("an amount", with(json!({"purchaseAmount": "-1"}))),
        ("integer", with(json!({"purchaseAmount": 1}))),
        ("an amount", with(json!({"purchaseAmount": "1e3"}))),
        ("paymentCurrency", with(json!({"paymentCurrency": "dollar"}))),
        ("paymentMethod", json!({"paymentMethod": "CASH"})),
        ("country", json!({"country": "usa"})),
        ("subdivision", json!({"country": "DE", "subdivision": "NY"})),
        ("subdivision", json!({"subdivision": "NY"})),
        ("redirectUrl", json!({"redirectUrl": "https://evil.example/"})),
        ("redirectUrl", json!({"redirectUrl": "https://sub.shop.example/"})),
        ("redirectUrl", json!({"redirectUrl": "http://shop.example/"})),
        ("redirectUrl", json!({"redirectUrl": "/thanks"})),
        ("redirectUrl", json!({"redirectUrl": long(2049)})),
        ("clientIp", json!({"clientIp": "10.0.0.1"})),
        ("clientIp", json!({"clientIp": "127.0.0.1"})),
        ("clientIp", json!({"clientIp": "::1"})),
        ("clientIp", json!({"clientIp": "::ffff:192.168.0.1"})),
        ("clientIp", json!({"clientIp": "fd00::1"})),
        ("clientIp", json!({"clientIp": "localhost"})),
        ("partnerUserRef", json!({"partnerUserRef": "a".repeat(50)})),
    ];
    for (reason, members) in bad {
        let (status, error) = bench.create(members.clone()).await;
        assert!(error["errorMessage"].as_str().unwrap().contains(reason), "{members} {error}");
        assert_eq!((status.as_u16(), &error["errorType"]), (400, &json!("invalid_request")), "{members}");
    }
    assert!(bench.coinbase.requests().is_empty());
    let good = [
        amount.clone(),
        json!({"paymentAmount": "100.00", "paymentCurrency": "EUR", "paymentMethod": "CARD"}),
        json!({"country": "US", "subdivision": "NY", "clientIp": "192.0.2.1", "partnerUserRef": "a".repeat(49)}),
        json!({"redirectUrl": long(2048), "clientIp": "2001:db8::1"}),
        json!({"redirectUrl": "http://localhost:4000/"}),
        json!({"destinationNetwork": "solana", "destinationAddress": "4Nd1mBQtrMJVYVfKf2PJy9NZUZdTAsp7D4xWLs4gDB4T"}),
    ];
    for members in good {
        let (status, created) = bench.create(members.clone()).await;
        assert_eq!(status, 201, "{members} {created}");
        assert!(created.get("quote").is_none());
        let url = created["session"]["onrampUrl"].as_str().unwrap();
        assert!(url.starts_with(&format!("{}/buy?sessionToken=", bench.coinbase.url())), "{url}");
    }
    let quoted = with(json!({"paymentMethod": "CARD", "country": "US", "subdivision": "NY"}));
    assert_eq!(bench.create(quoted).await.1["quote"]["purchaseAmount"], "1");
}

#[tokio::test]
async fn url_ends_with_one_visit_or_after_five_minutes() {
    let bench = Bench::new().await;
    let url = bench.one_click().await;
    // The button of a page that was never opened.
    assert_eq!(bench.press(&url, "exact").await.status(), 410);
    let page = bench.client.get(&url).send().await.unwrap();
    assert_eq!(page.status(), 200);
    let html = page.text().await.unwrap();
    for text in ["<h1>This is a DOUBLE of Coinbase. No money moves.</h1>", "93.354 USDC", ADDRESS, "base"] {
        assert!(html.contains(text), "{html}");
    }
    assert!(!html.contains("<script"));
    let second = bench.client.get(&url).send().await.unwrap();
    assert_eq!(second.status(), 410);
    assert!(second.text().await.unwrap().contains("DOUBLE of Coinbase"));
    assert!(bench.coinbase.pay(&url, Outcome::Exact).await.is_err());

    let (young, old) = (bench.one_click().await, bench.one_click().await);
    bench.clock.fetch_add(299_999, Ordering::Relaxed);
    assert_eq!(bench.client.get(&young).send().await.unwrap().status(), 200);
    bench.clock.fetch_add(1, Ordering::Relaxed);
    assert_eq!(bench.client.get(&old).send().await.unwrap().status(), 410);
}

#[tokio::test]
async fn each_button_sends_leads_back_and_works_once() {
    let bench = Bench::new().await;
    for (button, sent) in [
        ("exact", vec!["93.354"]),
        ("less", vec!["93.354", "46.677"]),
        ("more", vec!["93.354", "46.677", "94.354"]),
        ("later", vec!["93.354", "46.677", "94.354"]),
        ("never", vec!["93.354", "46.677", "94.354"]),
        ("declined", vec!["93.354", "46.677", "94.354"]),
        ("cancel", vec!["93.354", "46.677", "94.354"]),
    ] {
        let url = bench.one_click().await;
        let html = bench.client.get(&url).send().await.unwrap().text().await.unwrap();
        assert!(html.contains(&format!("value=\"{button}\"")), "{html}");
        assert_eq!(bench.press(&url, "steal").await.status(), 400);
        let response = bench.press(&url, button).await;
        assert_eq!(response.status(), 303, "{button}");
        assert_eq!(response.headers()["location"], "https://shop.example/thanks?a=1");
        assert_eq!(bench.press(&url, button).await.status(), 410);
        assert_eq!(bench.amounts(), sent, "{button}");
    }
    assert_eq!(bench.coinbase.deliver_late().await.unwrap(), ["0xabc"]);
    assert_eq!(bench.amounts().last().unwrap(), "93.354");
    assert!(bench.coinbase.deliver_late().await.unwrap().is_empty());
    let delivery = bench.deliveries.lock().unwrap()[0].clone();
    assert_eq!((delivery.network.as_str(), delivery.asset.as_str()), ("base", "USDC"));
    assert_eq!(delivery.to, ADDRESS);

    let (_, created) = bench.create(json!({})).await;
    let url = created["session"]["onrampUrl"].as_str().unwrap();
    bench.client.get(url).send().await.unwrap();
    let done = bench.press(url, "never").await;
    assert_eq!(done.status(), 200);
    assert!(done.text().await.unwrap().contains("DOUBLE of Coinbase"));
}

#[tokio::test]
async fn webhooks_report_each_step() {
    let bench = Bench::new().await;
    for (outcome, members, last, hash, failure) in [
        (Outcome::Exact, json!({}), "SUCCESS", "0xabc", "UNSPECIFIED"),
        (Outcome::Later, json!({}), "SUCCESS", "0x", "UNSPECIFIED"),
        (Outcome::Never, json!({}), "SUCCESS", "0x", "UNSPECIFIED"),
        (Outcome::Exact, json!({"partnerUserRef": "sandbox-1"}), "SUCCESS", "0x", "UNSPECIFIED"),
        (Outcome::Declined, json!({}), "FAILED", "0x", "BUY_FAILED"),
        (Outcome::Exact, json!({"purchaseAmount": "13"}), "FAILED", "0x", "SEND_FAILED"),
    ] {
        let url = bench.url(members.clone()).await;
        let result = bench.coinbase.pay(&url, outcome).await;
        assert_eq!(result.is_err(), failure == "SEND_FAILED");
        let bodies = bench.bodies();
        let steps: Vec<_> = bodies.iter().map(|body| (&body["eventType"], &body["status"])).collect();
        let status = |name| json!(format!("ONRAMP_TRANSACTION_STATUS_{name}"));
        assert_eq!(
            steps,
            [
                (&json!("onramp.transaction.created"), &status("CREATED")),
                (&json!("onramp.transaction.updated"), &status("IN_PROGRESS")),
                (&json!(format!("onramp.transaction.{}", last.to_lowercase())), &status(last)),
            ]
        );
        assert!(bodies.iter().all(|body| body["transactionId"] == bodies[0]["transactionId"]));
        assert_eq!(bodies[2]["txHash"], hash);
        assert_eq!(bodies[2]["failureReason"], format!("FAILURE_REASON_{failure}"));
        assert_eq!(bodies[2]["walletAddress"], ADDRESS);
        assert_eq!(bodies[2]["purchaseAmount"]["currency"], "USDC");
        assert_eq!(bodies[2]["createdAt"], "2025-07-14T15:10:11Z");
        let reference = members.get("partnerUserRef").cloned().unwrap_or_else(|| json!("order-1"));
        assert_eq!(bodies[2]["partnerUserRef"], reference);
    }
    assert_eq!(bench.amounts(), ["93.354"]);
    bench.coinbase.pay(&bench.one_click().await, Outcome::Cancelled).await.unwrap();
    assert!(bench.bodies().is_empty());
    bench.coinbase.set_webhook(None);
    bench.coinbase.pay(&bench.one_click().await, Outcome::Exact).await.unwrap();
    assert!(bench.bodies().is_empty());
}

#[tokio::test]
async fn signatures_pass_the_sdk_of_the_webhook_service() {
    let bench = Bench::new().await;
    let kind = "onramp.transaction.success";
    for versions in [Versions::Both, Versions::V0, Versions::V1] {
        bench.coinbase.set_versions(versions);
        let (headers, body) =
            bench.coinbase.webhook(kind, &json!({"walletAddress": ADDRESS, "country": null}));
        let signature = headers[SIGNATURE].to_str().unwrap();
        assert_eq!(signature.contains("v0="), versions != Versions::V1);
        assert_eq!(signature.contains("v1="), versions != Versions::V0);
        assert!(is_genuine(&headers, &body, "whsec", START));
        assert!(!is_genuine(&headers, &body, "other", START));
        assert!(!is_genuine(&headers, &format!("{body} "), "whsec", START));
        assert!(!is_genuine(&headers, &body, "whsec", START + 301_000));
        let parsed: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((&parsed["walletAddress"], parsed.get("country")), (&json!(ADDRESS), None));
        // A stale one, of another secret.
        let mut stale = headers.clone();
        sign(&mut stale, &body, "old", START / 1000 - 301, versions);
        assert!(!is_genuine(&stale, &body, "old", START));
        assert!(is_genuine(&stale, &body, "old", START - 301_000));
    }
    bench.coinbase.set_versions(Versions::Both);
    // Two subscriptions: each event is sent for both.
    let url = format!("{}/nowhere", bench.coinbase.url());
    bench.coinbase.set_webhook(Some(WebhookTarget { url, secrets: Vec::new() }));
    bench.coinbase.pay(&bench.one_click().await, Outcome::Never).await.unwrap();
    let url = receiver(Arc::clone(&bench.webhooks)).await;
    let secrets = vec!["one".to_owned(), "two".to_owned()];
    bench.coinbase.set_webhook(Some(WebhookTarget { url, secrets }));
    bench.coinbase.pay(&bench.one_click().await, Outcome::Never).await.unwrap();
    let webhooks = bench.webhooks.lock().unwrap().clone();
    assert_eq!(webhooks.len(), 6);
    for (position, (headers, body)) in webhooks.iter().enumerate() {
        assert!(is_genuine(headers, body, ["one", "two"][position % 2], START));
    }
}

#[tokio::test]
async fn faults_come_in_order_and_once() {
    let bench = Bench::new().await;
    let body =
        json!({"destinationAddress": ADDRESS, "purchaseCurrency": "USDC", "destinationNetwork": "base"});
    let header = format!("Bearer {}", bench.token(&json!({}), &json!({})));
    for fault in [
        Fault::Status(429, "rate_limit_exceeded"),
        Fault::Hang,
        Fault::CutResponse,
        Fault::InvalidBody,
        Fault::OtherHost,
        Fault::HttpUrl,
    ] {
        bench.coinbase.fail_next(fault);
    }
    let limited = bench.call(&header, &body).await.unwrap();
    assert_eq!(limited.status(), 429);
    assert_eq!(limited.json::<Value>().await.unwrap()["errorType"], "rate_limit_exceeded");
    assert!(bench.call(&header, &body).await.unwrap_err().is_timeout());
    let cut = bench.call(&header, &body).await.unwrap();
    assert_eq!(cut.status(), 201);
    assert!(!cut.text().await.unwrap_err().is_timeout());
    let invalid = bench.call(&header, &body).await.unwrap();
    assert_eq!(invalid.status(), 201);
    assert!(invalid.json::<Value>().await.is_err());
    for start in ["https://evil.example/", "http://pay.coinbase.com/"] {
        let created: Value = bench.call(&header, &body).await.unwrap().json().await.unwrap();
        assert!(created["session"]["onrampUrl"].as_str().unwrap().starts_with(start));
    }
    assert_eq!(bench.call(&header, &body).await.unwrap().status(), 201);
    assert_eq!((bench.coinbase.calls(), bench.coinbase.requests().len()), (7, 5));
}

//! Payment links: which visitors are sent to a vendor, for what, and what all others find.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::chain_config::Chains;
use domain::onramps::Onramps;
use harness::{
    Answer, BASE, RECIPIENT, Service, Setup, USDC, deposit, execution, id_of, new_uuid, order, order_for,
    with,
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use onramp::{MoonPay, MoonPaySecret, Vendor, Vendors};
use reqwest::{Client, Method, Response, Url, redirect};
use serde_json::{Value, json};
use sha2::Sha256;

const SECRET: &str = "sk_test_1234567890";

fn chains(recipients: &Value) -> Chains {
    let base = json!({ "chainId": BASE, "tokens": [USDC], "finality": "safe", "recipients": recipients });
    let other = json!({
        "chainId": 43_114, "tokens": ["0xB97EF9Ef8734C71904D8002F8b6Bc66Dd9c48a6E"], "finality": "safe",
        "recipients": recipients,
    });
    Chains::parse(&json!([base, other]).to_string()).unwrap()
}

fn moonpay() -> Setup {
    let secret = json!({ "key": "pk_test_abc", "secret": SECRET }).to_string();
    let moonpay = Vendor::MoonPay(MoonPay::new(MoonPaySecret::parse(&secret).unwrap(), false));
    Setup {
        onramps: Onramps::parse("moonpay").unwrap(),
        vendors: Vendors::new(vec![moonpay]),
        ..Setup::watching(chains(&json!([RECIPIENT])))
    }
}

/// An order that is paid through a vendor.
fn bought(order: Value) -> Value {
    with(order, json!({ "onramp": { "vendor": "moonpay" } }))
}

/// What a browser sends when a person follows a link.
const NAVIGATION: [(&str, &str); 2] = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];

async fn visit(service: &Service, method: Method, order: &str, headers: &[(&str, &str)]) -> Response {
    let client = Client::builder().redirect(redirect::Policy::none()).build().unwrap();
    let request = client.request(method, format!("{}/orders/{order}/pay", service.base));
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.send().await.unwrap()
}

async fn navigate(service: &Service, order: &str) -> Response {
    visit(service, Method::GET, order, &NAVIGATION).await
}

fn header(response: &Response, name: &str) -> String {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned()
}

/// Where a visitor is sent, and with what.
fn sent_to(response: &Response) -> (String, BTreeMap<String, String>) {
    assert_eq!(response.status(), 303);
    let url = Url::parse(&header(response, "location")).unwrap();
    (url.host_str().unwrap().to_owned(), url.query_pairs().into_owned().collect())
}

#[tokio::test]
async fn an_order_with_a_vendor_has_a_link_and_nobody_was_called() {
    let service = Service::start_with(&moonpay()).await;
    let session = service.session().await;
    let linked = service.create_order(bought(order_for(&session))).await;
    let alone = service.create_order(bought(order())).await;
    for made in [&linked, &alone] {
        let id = id_of(made);
        let link = format!("{}/orders/{id}/pay", service.base);
        assert_eq!(made.ok()["oneClickBuyUrl"], link);
        assert_eq!(service.get_order(&id).await.ok()["order"]["oneClickBuyUrl"], link);
    }
    let shown = service.get_session_with_order(&session).await;
    assert_eq!(shown.ok()["order"]["order"]["oneClickBuyUrl"], linked.ok()["oneClickBuyUrl"]);
    // An order on its own waits an hour for a vendor.
    let lives =
        |made: &Answer| made.ok()["expiredAt"].as_i64().unwrap() - made.ok()["createdAt"].as_i64().unwrap();
    assert_eq!(lives(&alone), 3_600_000);
    let crypto = service.create_order(order()).await;
    assert_eq!(crypto.ok()["oneClickBuyUrl"], Value::Null);
    assert_eq!(navigate(&service, &id_of(&crypto)).await.status(), 404);
}

#[tokio::test]
async fn a_person_is_sent_to_the_vendor_for_what_is_due() {
    let service = Service::start_with(&moonpay()).await;
    let created =
        service.create_session(json!({ "success_url": "https://shop.example/ok?s={SESSION_ID}" })).await;
    let session = id_of(&created);
    let made = service.create_order(bought(order_for(&session))).await;
    let (id, address) = (id_of(&made), made.ok()["globalAddress"].as_str().unwrap());
    let response = navigate(&service, &id).await;
    assert_eq!(header(&response, "cache-control"), "no-store");
    assert_eq!(header(&response, "referrer-policy"), "no-referrer");
    assert_eq!(header(&response, "x-robots-tag"), "noindex");
    let (host, query) = sent_to(&response);
    assert_eq!(host, "buy.moonpay.com");
    let expected = [
        ("apiKey", "pk_test_abc"),
        ("currencyCode", "usdc_base"),
        ("walletAddress", address),
        ("baseCurrencyCode", "usd"),
        ("quoteCurrencyAmount", "1"),
        ("externalTransactionId", &id),
        ("redirectURL", &format!("https://shop.example/ok?s={session}")),
    ];
    for (name, value) in expected {
        assert_eq!(query[name], value, "{name}");
    }
    assert_eq!(query.len(), expected.len() + 1);
    // Signed over all of it, as MoonPay documents.
    let location = header(&response, "location");
    let (signed, _) = location.split_once("&signature=").unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(&signed.as_bytes()[signed.find('?').unwrap()..]);
    assert_eq!(query["signature"], STANDARD.encode(mac.finalize().into_bytes()));

    // After a short payment, the rest.
    service.record_event(&id, "deposit.detected", deposit("0x01", "400000")).await.ok();
    assert_eq!(sent_to(&navigate(&service, &id).await).1["quoteCurrencyAmount"], "0.6");
    let button = visit(&service, Method::POST, &id, &[("sec-fetch-site", "same-origin")]).await;
    assert_eq!(sent_to(&button).1["quoteCurrencyAmount"], "0.6");
    // In the browser of a session's payer, the order's id shows nothing of the session but the return URL.
    let page = visit(&service, Method::GET, &id, &[]).await.text().await.unwrap();
    assert!(
        page.contains("0.6 USDC") && !page.contains(&session) && !page.contains("shop.example"),
        "{page}"
    );
}

#[tokio::test]
async fn programs_that_look_at_a_link_buy_nothing() {
    let service = Service::start_with(&moonpay()).await;
    let id = id_of(&service.create_order(bought(order())).await);
    let counted = |service: &Service| {
        let calls = service.calls.take();
        calls.iter().filter(|call| call.operation == "UpdateItem").count()
    };
    service.calls.take();
    let prefetch = [&NAVIGATION[..], &[("sec-purpose", "prefetch;prerender")]].concat();
    let response = visit(&service, Method::GET, &id, &prefetch).await;
    assert_eq!((response.status().as_u16(), header(&response, "retry-after")), (503, "1".to_owned()));
    let script = [("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty"), ("accept", "application/json")];
    let response = visit(&service, Method::GET, &id, &script).await;
    assert_eq!(response.status(), 400);
    assert_eq!(response.json::<Value>().await.unwrap()["error"]["code"], "navigation_required");
    let frame = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")];
    assert_eq!(visit(&service, Method::GET, &id, &frame).await.status(), 400);
    let foreign = [&NAVIGATION[..], &[("sec-fetch-site", "cross-site")]].concat();
    assert_eq!(visit(&service, Method::POST, &id, &foreign).await.status(), 400);
    // There is no route for a HEAD.
    assert_eq!(visit(&service, Method::HEAD, &id, &NAVIGATION).await.status(), 404);
    assert!(service.calls.take().is_empty());

    let page = visit(&service, Method::GET, &id, &[("accept-language", "de")]).await;
    assert_eq!((page.status().as_u16(), header(&page, "content-language")), (200, "de".to_owned()));
    let policy = header(&page, "content-security-policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("form-action"));
    let html = page.text().await.unwrap();
    assert!(
        html.contains("Weiter zu MoonPay") && html.contains("1 USDC") && !html.contains("<script"),
        "{html}"
    );
    assert_eq!(counted(&service), 0);
    let another_site_links_here = [&NAVIGATION[..], &[("sec-fetch-site", "cross-site")]].concat();
    sent_to(&visit(&service, Method::GET, &id, &another_site_links_here).await);
    assert_eq!(counted(&service), 1);
}

#[tokio::test]
async fn a_text_says_all_that_it_names() {
    let service = Service::start_with(&moonpay()).await;
    let id = id_of(&service.create_order(bought(order())).await);
    let json = visit(&service, Method::GET, &id, &[("accept", "application/json")]).await;
    assert_eq!(json.status(), 400);
    let answer: Value = json.json().await.unwrap();
    assert_eq!(
        (&answer["message"], &answer["error"]["code"]),
        (&Value::from("Open this link in a browser"), &Value::from("navigation_required"))
    );
    // The operator has taken the vendor away since.
    let without = Service::on(service.table(), &service.aws, &service.clock, &Setup::default()).await;
    for headers in [&NAVIGATION[..], &[("accept", "application/json")]] {
        let response = visit(&without, Method::GET, &id, headers).await;
        assert_eq!(response.status(), 400);
        let text = response.text().await.unwrap();
        assert!(
            text.contains("This way to pay is not offered any more") && !text.contains("{vendor}"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_link_shows_what_became_of_its_order() {
    let service = Service::start_with(&moonpay()).await;
    let text = async |id: &str| {
        let response = navigate(&service, id).await;
        (response.status().as_u16(), response.text().await.unwrap())
    };
    for id in [new_uuid().to_string(), "7".to_owned(), "%3Cscript%3E".to_owned()] {
        let (status, html) = text(&id).await;
        assert!(status == 404 && html.contains("does not exist"), "{status} {html}");
    }
    let back =
        json!({ "onramp": { "vendor": "moonpay", "redirectUrl": "https://shop.example/a?b=1&c=\"2" } });
    let id = id_of(&service.create_order(with(order(), back)).await);
    service.record_event(&id, "deposit.detected", deposit("0x01", "1000000")).await.ok();
    let (status, html) = text(&id).await;
    assert!(status == 200 && html.contains("Payment received"), "{status} {html}");
    assert!(
        html.contains(r#"href="https://shop.example/a?b=1&amp;c=&quot;2""#)
            || html.contains("b=1&amp;c=%222"),
        "{html}"
    );
    service.record_event(&id, "order.executed", execution("0x02")).await.ok();
    let (status, html) = text(&id).await;
    assert!(status == 200 && html.contains("<h1>Paid</h1>"), "{status} {html}");

    // Too little time is left for a vendor; a wallet may still be quick enough.
    let session = service.session_for(600).await;
    let id = id_of(&service.create_order(bought(order_for(&session))).await);
    service.clock.advance(Duration::from_secs(299));
    sent_to(&navigate(&service, &id).await);
    service.clock.advance(Duration::from_secs(1));
    let (status, html) = text(&id).await;
    let address = service.get_order(&id).await.ok()["order"]["globalAddress"].as_str().unwrap().to_owned();
    assert!(status == 409 && html.contains(&address), "{status} {html}");
    service.clock.advance(Duration::from_mins(5));
    let (status, html) = text(&id).await;
    assert!(status == 410 && !html.contains(&address), "{status} {html}");
}

#[tokio::test]
async fn a_link_can_be_opened_fifty_times_an_hour() {
    let service = Service::start_with(&moonpay()).await;
    let session = service.session_for(86_400).await;
    let id = id_of(&service.create_order(bought(order_for(&session))).await);
    let visits = (0..60).map(|_| navigate(&service, &id));
    let visits = futures::future::join_all(visits).await;
    let sold = visits.iter().filter(|visit| visit.status() == 303).count();
    let refused: Vec<_> = visits.iter().filter(|visit| visit.status() == 429).collect();
    assert_eq!((sold, refused.len()), (50, 10));
    assert_eq!(header(refused[0], "retry-after"), "3600");
    // Only to look is not counted, and another order has its own count.
    assert_eq!(visit(&service, Method::GET, &id, &[]).await.status(), 200);
    let other = id_of(&service.create_order(bought(order())).await);
    sent_to(&navigate(&service, &other).await);
    service.clock.advance(Duration::from_hours(1));
    sent_to(&navigate(&service, &id).await);
}

#[tokio::test]
async fn what_a_vendor_cannot_be_paid_for_is_refused_at_once() {
    let service = Service::start_with(&moonpay()).await;
    let vendor = |vendor: &str| with(order(), json!({ "onramp": { "vendor": vendor } }));
    let refused = service.create_order(vendor("coinbase")).await;
    assert_eq!(refused.failure(), (400, "onramp_not_configured", Some("onramp.vendor")));
    let avalanche = "0xB97EF9Ef8734C71904D8002F8b6Bc66Dd9c48a6E";
    let elsewhere = json!({
        "srcChain": 43_114, "dstChain": 43_114, "srcTokenAddress": avalanche, "dstTokenAddress": avalanche,
    });
    let refused = service.create_order(with(bought(order()), elsewhere)).await;
    assert_eq!(refused.failure(), (400, "invalid_field_value", Some("onramp.vendor")));
    assert!(refused.text.contains("USDC on chain 8453"), "{}", refused.text);
    // Where anybody may be paid, no vendor pays.
    let open = Setup { chains: chains(&json!([])), ..moonpay() };
    let service = Service::start_with(&open).await;
    let refused = service.create_order(bought(order())).await;
    assert_eq!(refused.failure(), (400, "invalid_field_value", Some("recipientAddress")));
    service.create_order(order()).await.ok();
}

//! The checkout page: one document for every session, in the payer's language, that runs its own script alone.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::chain_config::Chains;
use harness::{Service, Setup, new_uuid};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

const USDC: &str = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913";

async fn open(service: &Service, path: &str, headers: &[(&str, &str)]) -> Response {
    let request =
        headers.iter().fold(service.get(path), |request, (name, value)| request.header(*name, *value));
    request.send().await.unwrap()
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn every_id_has_the_same_document_and_none_is_looked_up() {
    let service = Service::start().await;
    let session = service.session().await;
    service.calls.take();
    let mut documents = BTreeSet::new();
    for id in [&session, &new_uuid().to_string(), "not-a-session", "%3Cscript%3E", &"x".repeat(5_000)] {
        let response = open(&service, &format!("/checkout/{id}"), &[]).await;
        assert_eq!(response.status(), 200, "{id}");
        documents.insert(response.text().await.unwrap());
    }
    assert_eq!(documents.len(), 1);
    assert!(service.calls.take().is_empty());
}

#[tokio::test]
async fn the_policy_allows_the_script_and_the_style_of_the_document_and_nothing_else() {
    let service = Service::start().await;
    let response = open(&service, "/checkout/0", &[]).await;
    let policy = header(&response, "content-security-policy").to_owned();
    assert_eq!(header(&response, "referrer-policy"), "no-referrer");
    assert_eq!(header(&response, "x-content-type-options"), "nosniff");
    assert_eq!(header(&response, "x-robots-tag"), "noindex");
    assert_eq!(header(&response, "cross-origin-opener-policy"), "same-origin-allow-popups");
    let html = response.text().await.unwrap();
    let hash = |start: &str, end: &str| {
        let (_, rest) = html.split_once(start).unwrap();
        format!("'sha256-{}'", STANDARD.encode(Sha256::digest(rest.split_once(end).unwrap().0)))
    };
    let (script, style) = (hash("<script type=\"module\">", "</script>"), hash("<style>", "</style>"));
    let expected = format!(
        "default-src 'none'; script-src {script}; style-src {style}; img-src data:; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    assert_eq!(policy, expected);
    // A hash allows no attribute that runs or styles.
    for attribute in [" style=", " onclick=", " onload=", " src=\"http", "javascript:void"] {
        let markup = html.split("<script").next().unwrap();
        assert!(!markup.contains(attribute), "{attribute}");
    }
}

#[tokio::test]
async fn the_page_speaks_the_payers_language() {
    let service = Service::start().await;
    for (query, accepted, tag, direction) in [
        ("", "de-AT,de;q=0.9,en;q=0.8", "de", "ltr"),
        ("", "", "en", "ltr"),
        ("", "tlh", "en", "ltr"),
        ("?lang=ar", "de", "ar", "rtl"),
        ("?lang=pt", "", "pt-BR", "ltr"),
        ("?lang=xx&lang=", "fr", "fr", "ltr"),
        ("?lang=ja%22%3E", "zh-TW", "zh-CN", "ltr"),
    ] {
        let headers = [("accept-language", accepted)];
        let response = open(&service, &format!("/checkout/0{query}"), &headers).await;
        assert_eq!(header(&response, "content-language"), tag, "{query} {accepted}");
        assert!(header(&response, "vary").contains("Accept-Language"));
        let html = response.text().await.unwrap();
        assert!(html.contains(&format!("<html lang=\"{tag}\" dir=\"{direction}\">")), "{query} {accepted}");
    }
}

#[tokio::test]
async fn what_a_browser_has_already_is_not_sent_again() {
    let service = Service::start().await;
    let mut tags = BTreeSet::new();
    for headers in [
        vec![("accept-encoding", "gzip, br")],
        vec![("accept-encoding", "gzip;q=0, identity")],
        vec![("accept-encoding", "gzip"), ("accept-language", "fr")],
        vec![("accept", "application/json")],
    ] {
        let first = open(&service, "/checkout/0", &headers).await;
        let tag = header(&first, "etag").to_owned();
        assert_eq!(header(&first, "cache-control"), "private, max-age=300");
        assert!(!first.bytes().await.unwrap().is_empty());
        let known = [headers, vec![("if-none-match", tag.as_str())]].concat();
        let second = open(&service, "/checkout/1", &known).await;
        assert_eq!((second.status().as_u16(), header(&second, "etag")), (304, tag.as_str()));
        assert!(second.bytes().await.unwrap().is_empty());
        assert!(tags.insert(tag), "two representations have one tag");
    }
}

#[tokio::test]
async fn a_document_is_small_because_it_is_compressed() {
    let service = Service::start().await;
    let plain = open(&service, "/checkout/0", &[]).await;
    assert_eq!(header(&plain, "content-encoding"), "");
    let plain = plain.bytes().await.unwrap();
    let compressed = open(&service, "/checkout/0", &[("accept-encoding", "gzip")]).await;
    assert_eq!(header(&compressed, "content-encoding"), "gzip");
    let compressed = compressed.bytes().await.unwrap();
    let mut text = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&*compressed), &mut text).unwrap();
    assert_eq!(text, plain);
    assert!(compressed.len() * 2 < plain.len());
}

#[tokio::test]
async fn a_component_is_told_what_the_page_knows() {
    let recipient = "0xb34facb90a200251318e8841c05102366f2158cf";
    let chains = json!([{
        "chainId": 8453, "tokens": [USDC], "finality": "safe", "recipients": [recipient],
        "rpc": "https://mainnet.base.org",
    }]);
    let setup = Setup::watching(Chains::parse(&chains.to_string()).unwrap());
    let service = Service::start_with(&setup).await;
    let response = open(&service, "/checkout/0", &[("accept", "application/json")]).await;
    assert_eq!(header(&response, "content-type"), "application/json");
    let configuration: Value = response.json().await.unwrap();
    let expected = json!({
        "brand": {},
        "chains": [{
            "chainId": 8453, "name": "Base", "explorer": "https://basescan.org", "rpc": "https://mainnet.base.org",
            "tokens": [{ "address": USDC, "symbol": "USDC", "decimals": 6, "currency": "USD" }],
            "recipients": [recipient],
        }],
        "redirectSchemes": [],
        "onramps": [],
        "isLocal": false,
    });
    assert_eq!(configuration, expected);
    let html = open(&service, "/checkout/0", &[("accept", "text/html, application/json")]).await;
    let html = html.text().await.unwrap();
    assert!(html.contains(&format!(r#"id="configuration">{expected}</script>"#)));
}

#[tokio::test]
async fn a_link_checker_gets_the_headers_alone() {
    let service = Service::start().await;
    let response = service.request(Method::HEAD, "/checkout/0").send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "content-type"), "text/html; charset=utf-8");
    assert!(response.bytes().await.unwrap().is_empty());
}

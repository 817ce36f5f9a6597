//! What `cargo dev --chain` serves beside the API, so that one can pay in a browser at once: a demo shop, and a test wallet
//! within the checkout page. A deployment has neither.

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{
    ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::local_chain::PAYER;

const TEST_WALLET: &str = include_str!("test-wallet.js");
/// The shop's page with its script. `web/checkout-page` builds it.
const SHOP: &str = include_str!("../../../web/checkout-page/dist/shop.html");
/// Whom the demo shop is paid to: an account of the local chain's node that nothing else uses.
pub const SHOP_RECIPIENT: &str = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC";
/// A page of ours has some 80 KB.
const MAX_PAGE_BYTES: usize = 1024 * 1024;
/// What the test wallet asks the node. The node answers any page in this browser, so it gets nothing else to answer.
const METHODS: [&str; 6] = [
    "eth_blockNumber",
    "eth_call",
    "eth_chainId",
    "eth_getBalance",
    "eth_getTransactionReceipt",
    "eth_sendTransaction",
];

struct Demo {
    node: String,
    client: reqwest::Client,
    shop: String,
    wallet: String,
}

/// Adds the demo to the service's routes. `node` is the URL of the local chain's node.
pub fn router(service: Router, node: &str, api_key: &str) -> Router {
    let demo = Arc::new(Demo {
        node: node.to_owned(),
        client: reqwest::Client::new(),
        shop: SHOP.replace("{{key}}", api_key).replace("{{recipient}}", SHOP_RECIPIENT),
        wallet: TEST_WALLET.replace("{{payer}}", &PAYER.to_string()),
    });
    let service = service.layer(middleware::from_fn_with_state(Arc::clone(&demo), with_test_wallet));
    Router::new()
        .route("/shop", get(shop))
        .route("/demo/rpc", post(ask_node))
        .with_state(demo)
        .fallback_service(service)
}

/// Creates a priced session as the demo shop does. Returns the URL of its page.
pub async fn create_session(base: &str, api_key: &str) -> Result<String> {
    let body = json!({
        "success_url": format!("{base}/shop?session={{SESSION_ID}}"),
        "cancel_url": format!("{base}/shop"),
        "expires_in": 86_400,
        "client_reference_id": "demo",
        "pricing": { "amount": "25.00", "currency": "USD", "recipient_address": SHOP_RECIPIENT },
        "display": {
            "title": "Demo order",
            "currency": "USD",
            "line_items": [{ "name": "Oolong 250 g", "quantity": 2, "amount": "12.50" }],
        },
    });
    let request = reqwest::Client::new().post(format!("{base}/checkout-sessions")).bearer_auth(api_key);
    let response = request.header(CONTENT_TYPE, "application/json").body(body.to_string()).send().await?;
    let (status, text) = (response.status(), response.text().await?);
    ensure!(status.is_success(), "the demo's session cannot be created: {text}");
    let created: Value = serde_json::from_str(&text)?;
    let url = created.pointer("/data/url").and_then(Value::as_str);
    Ok(url.context("the demo's session has no page")?.to_owned())
}

async fn shop(State(demo): State<Arc<Demo>>) -> Html<String> {
    Html(demo.shop.clone())
}

/// Hands a call of the test wallet to the node, from the page's own origin: the page's policy allows no other.
async fn ask_node(State(demo): State<Arc<Demo>>, body: Bytes) -> Response {
    let method = serde_json::from_slice::<Value>(&body).ok();
    let method =
        method.as_ref().and_then(|call| call.get("method")).and_then(Value::as_str).unwrap_or_default();
    if !METHODS.contains(&method) {
        let error = json!({ "code": 4200, "message": format!("the test wallet knows no {method}") });
        return json_response(json!({ "jsonrpc": "2.0", "id": 1, "error": error }).to_string());
    }
    let call = demo.client.post(&demo.node).header(CONTENT_TYPE, "application/json").body(body);
    let answer = async { call.send().await?.text().await };
    match answer.await {
        Ok(text) => json_response(text),
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}

fn json_response(text: String) -> Response {
    ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], text).into_response()
}

/// Puts the test wallet's script into the checkout page, and its hash into the page's policy.
async fn with_test_wallet(State(demo): State<Arc<Demo>>, mut request: Request, next: Next) -> Response {
    if !request.uri().path().starts_with("/checkout/") {
        return next.run(request).await;
    }
    // As plain text, and always whole: what is changed here has another tag.
    request.headers_mut().remove(ACCEPT_ENCODING);
    request.headers_mut().remove(IF_NONE_MATCH);
    let (mut parts, body) = next.run(request).await.into_parts();
    let is_html =
        parts.headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if !is_html {
        return Response::from_parts(parts, body);
    }
    let Ok(page) = to_bytes(body, MAX_PAGE_BYTES).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let page = String::from_utf8_lossy(&page);
    let page = page.replacen("</head>", &format!("<script>{}</script>\n</head>", demo.wallet), 1);
    parts.headers.remove(ETAG);
    parts.headers.remove(CONTENT_LENGTH);
    allow_script(&mut parts.headers, &demo.wallet);
    Response::from_parts(parts, Body::from(page))
}

fn allow_script(headers: &mut HeaderMap, script: &str) {
    let hash = STANDARD.encode(Sha256::digest(script));
    let policy =
        headers.get(CONTENT_SECURITY_POLICY).and_then(|policy| policy.to_str().ok()).unwrap_or_default();
    let policy = policy.replacen("script-src ", &format!("script-src 'sha256-{hash}' "), 1);
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
}

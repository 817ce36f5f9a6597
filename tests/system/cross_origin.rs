//! Browser pages of other origins call the API: AnySpend's SDK runs in them.

use std::collections::BTreeSet;

use harness::{Service, new_uuid};
use reqwest::{Method, Response};

const ORIGIN: &str = "https://shop.example";
/// What AnySpend's SDK sends, and what a client of ours may.
const HEADERS: [&str; 6] = [
    "content-type",
    "authorization",
    "x-api-key",
    "idempotency-key",
    "x-fingerprint-request-id",
    "x-fingerprint-visitor-id",
];

/// The members of a header that is a comma-separated list.
fn list(response: &Response, header: &str) -> BTreeSet<String> {
    let values = response.headers().get_all(header).iter();
    values
        .flat_map(|value| value.to_str().unwrap().split(','))
        .map(|member| member.trim().to_ascii_lowercase())
        .collect()
}

fn assert_origin_is_allowed(response: &Response) {
    let allowed = &response.headers()["access-control-allow-origin"];
    assert!(allowed == "*" || allowed == ORIGIN, "{allowed:?}");
    // No cookies and no credentials of a browser's: with them, any page could act as its user.
    assert!(!response.headers().contains_key("access-control-allow-credentials"));
}

#[tokio::test]
async fn a_page_may_call_every_route_with_the_headers_that_clients_send() {
    let service = Service::start().await;
    let id = new_uuid();
    for (method, path) in [
        ("POST", "/checkout-sessions".to_owned()),
        ("GET", format!("/checkout-sessions/{id}")),
        ("POST", format!("/checkout-sessions/{id}/expire")),
        ("POST", "/orders".to_owned()),
        ("GET", format!("/orders/{id}")),
    ] {
        let preflight = service
            .request(Method::OPTIONS, &path)
            .header("origin", ORIGIN)
            .header("access-control-request-method", method)
            .header("access-control-request-headers", HEADERS.join(","))
            .send()
            .await
            .unwrap();
        assert!(preflight.status().is_success(), "{path}: {}", preflight.status());
        assert_origin_is_allowed(&preflight);
        let methods = list(&preflight, "access-control-allow-methods");
        assert!(methods.contains(&method.to_ascii_lowercase()), "{methods:?}");
        let headers = list(&preflight, "access-control-allow-headers");
        for header in HEADERS {
            assert!(headers.contains(header), "{path}: {header} in {headers:?}");
        }
        // A browser may remember it: each preflight is a round trip more for the payer.
        assert!(preflight.headers().contains_key("access-control-max-age"));
    }
    assert!(service.calls.take().is_empty(), "a preflight reached a function");
}

#[tokio::test]
async fn a_page_may_read_answers_and_failures_with_their_headers() {
    let service = Service::start().await;
    let session = service.session().await;
    for (path, status) in [
        (format!("/checkout-sessions/{session}"), 200),
        (format!("/checkout-sessions/{}", new_uuid()), 400),
        (format!("/orders/{}", new_uuid()), 404),
    ] {
        let response = service.get(&path).header("origin", ORIGIN).send().await.unwrap();
        assert_eq!(response.status(), status);
        assert_origin_is_allowed(&response);
        let exposed = list(&response, "access-control-expose-headers");
        for header in ["idempotent-replayed", "retry-after"] {
            assert!(exposed.contains(header), "{header} in {exposed:?}");
        }
    }
}

#[tokio::test]
async fn the_origin_is_no_reason_to_answer_differently() {
    let service = Service::start().await;
    let session = service.session().await;
    let path = format!("/checkout-sessions/{session}");
    let without = service.send(service.get(&path)).await;
    for origin in [ORIGIN, "null", "http://localhost:3000"] {
        let with = service.send(service.get(&path).header("origin", origin)).await;
        assert_eq!(with.text, without.text);
    }
}

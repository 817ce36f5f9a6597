//! `ETag` and `If-None-Match`: 304 exactly if the body would be the same.

use std::time::Duration;

use harness::{Service, deposit};
use reqwest::{Method, Response};

async fn get(service: &Service, path: &str, known: Option<&str>) -> Response {
    let request = service.request(Method::GET, path);
    let request = known.into_iter().fold(request, |request, tag| request.header("if-none-match", tag));
    request.send().await.unwrap()
}

fn tag(response: &Response) -> String {
    response.headers()["etag"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_did_not_change_is_not_sent_again() {
    let service = Service::start().await;
    let session = service.session().await;
    let order = service.linked_order(&session).await;
    for path in [
        format!("/checkout-sessions/{session}"),
        format!("/checkout-sessions/{session}?include=order"),
        format!("/orders/{order}"),
    ] {
        let first = tag(&get(&service, &path, None).await);
        assert!(first.starts_with('"') && first.ends_with('"') && first.len() == 26, "{first}");
        for known in [first.clone(), format!("W/{first}"), format!("\"other\", {first}"), "*".to_owned()] {
            let response = get(&service, &path, Some(&known)).await;
            assert_eq!(response.status(), 304, "{known}");
            assert_eq!(tag(&response), first);
            assert_eq!(response.headers()["cache-control"], "private, no-cache");
            assert!(response.bytes().await.unwrap().is_empty());
        }
        let other = get(&service, &path, Some("\"other\"")).await;
        assert_eq!(other.status(), 200);
        assert_eq!(tag(&other), first);
    }
}

#[tokio::test]
async fn a_change_and_the_clock_alone_make_another_tag() {
    let service = Service::start().await;
    let session = service.session().await;
    let path = format!("/checkout-sessions/{session}?include=order");
    let open = tag(&get(&service, &path, None).await);
    let order = service.linked_order(&session).await;
    let linked = get(&service, &path, Some(&open)).await;
    assert_eq!(linked.status(), 200);
    service.record_event(&order, "deposit.detected", deposit("0x01", "1")).await.ok();
    let paid = get(&service, &path, Some(&tag(&linked))).await;
    assert_eq!(paid.status(), 200);
    let paid = tag(&paid);
    assert_eq!(get(&service, &path, Some(&paid)).await.status(), 304);
    service.clock.advance(Duration::from_mins(30));
    assert_eq!(get(&service, &path, Some(&paid)).await.status(), 200);
}

#[tokio::test]
async fn refusals_and_writes_have_no_tag() {
    let service = Service::start().await;
    let unknown = get(&service, "/orders/unknown", Some("*")).await;
    assert_eq!(unknown.status(), 404);
    assert!(!unknown.headers().contains_key("etag"));
    let created = service.request(Method::POST, "/checkout-sessions").body("{}").send().await.unwrap();
    assert!(!created.headers().contains_key("etag"));
}

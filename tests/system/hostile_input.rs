//! Whatever a client sends, it gets an answer that says what is wrong with it: no panic, no 5xx.

use std::io::{Read, Write};
use std::net::TcpStream;

use api::Event;
use harness::{
    Answer, RECIPIENT, Service, USDC, deposit, execution, new_uuid, order, order_for, refund, relay, with,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use reqwest::{Method, RequestBuilder};
use serde_json::{Map, Value, json};

/// Sends bytes as they are; answers status and body.
async fn raw(service: &Service, request: impl Into<Vec<u8>>) -> (u16, String) {
    let (address, request) = (service.base.replace("http://", ""), request.into());
    let exchange = move || {
        let mut connection = TcpStream::connect(address)?;
        connection.write_all(&request)?;
        let mut answer = Vec::new();
        connection.read_to_end(&mut answer)?;
        Ok::<_, std::io::Error>(answer)
    };
    let answer = tokio::task::spawn_blocking(exchange).await.unwrap().unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, body.to_owned())
}

/// A request line with the headers that end the connection after its answer.
fn line(request_line: &str) -> String {
    format!("{request_line} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
}

fn post_text(service: &Service, path: &str, body: impl Into<Vec<u8>>) -> RequestBuilder {
    let request = service.post(path).header("content-type", "application/json");
    request.body(body.into())
}

async fn create_session(service: &Service, body: impl Into<Vec<u8>>) -> Answer {
    service.send(post_text(service, "/checkout-sessions", body)).await
}

/// An event's body with one member of its data written as `value`.
fn event_with(kind: &str, data: &Value, member: &str, value: &str) -> String {
    let data = with_text(data, member, value);
    format!(r#"{{"type":"{kind}","data":{data}}}"#)
}

/// An object as JSON text with one member written as `value`, which `serde_json` may be unable
/// to hold.
fn with_text(object: &Value, member: &str, value: &str) -> String {
    let mut members: Vec<String> = object
        .as_object()
        .unwrap()
        .iter()
        .filter(|(name, _)| *name != member)
        .map(|(name, value)| format!("{}:{value}", json!(name)))
        .collect();
    members.push(format!("{}:{value}", json!(member)));
    format!("{{{}}}", members.join(","))
}

fn nested(depth: usize) -> String {
    format!("{}{}", "[".repeat(depth), "]".repeat(depth))
}

#[tokio::test]
async fn metadata_as_deeply_nested_as_fits_is_given_back() {
    let service = Service::start().await;
    // Some eight thousand levels in 16 KiB. Readers of JSON give up long before that, so the
    // answer is looked at as text.
    let metadata = format!(r#"{{"a":{}}}"#, nested(8_180));
    let body = format!(r#"{{"metadata":{metadata}}}"#);
    let created = post_text(&service, "/checkout-sessions", body).send().await.unwrap();
    assert_eq!(created.status(), 200);
    let created = created.text().await.unwrap();
    assert!(created.contains(&metadata));

    let (_, id) = created.split_once(r#""id":""#).unwrap();
    let path = format!("/checkout-sessions/{}", &id[..36]);
    let read = service.get(&path).send().await.unwrap();
    assert_eq!(read.status(), 200);
    assert!(read.text().await.unwrap().contains(&metadata));

    for member in ["metadata", "callbackMetadata"] {
        let body = with_text(&order(), member, &metadata);
        let created = post_text(&service, "/orders", body).send().await.unwrap();
        assert_eq!(created.status(), 200, "{member}");
        assert!(created.text().await.unwrap().contains(&metadata));
    }
}

#[tokio::test]
async fn nesting_beyond_any_limit_is_refused_or_ignored() {
    let service = Service::start().await;
    let deep = nested(10_000);
    let too_large = create_session(&service, format!(r#"{{"metadata":{{"a":{deep}}}}}"#)).await;
    assert_eq!(too_large.failure(), (400, "invalid_field_value", Some("metadata")));
    create_session(&service, format!(r#"{{"unknown":{deep}}}"#)).await.ok();
    let whole = create_session(&service, deep.clone()).await;
    assert_eq!(whole.failure().1, "invalid_json");
    let objects = format!("{}0{}", r#"{"a":"#.repeat(10_000), "}".repeat(10_000));
    create_session(&service, objects).await.ok();
    // As deep as a body can be, and never closed.
    let open = create_session(&service, "[".repeat(250_000)).await;
    assert_eq!(open.failure().1, "invalid_json");
    let open = create_session(&service, r#"{"a":"#.repeat(50_000)).await;
    assert_eq!(open.failure().1, "invalid_json");

    // Where each known field is deep.
    let known = ["success_url", "cancel_url", "client_reference_id", "expires_in"];
    for field in known {
        let refused = create_session(&service, format!(r#"{{"{field}":{deep}}}"#)).await;
        assert_eq!(refused.failure(), (400, "invalid_field_value", Some(field)));
    }
    for field in order().as_object().unwrap().keys() {
        let body = with_text(&order(), field, &deep);
        let refused = service.send(post_text(&service, "/orders", body)).await;
        assert_eq!(refused.failure().0, 400, "{field}");
    }
    let created = service.create_order(order()).await;
    let id = created.ok()["id"].as_str().unwrap();
    for field in ["chain", "from", "txHash", "amount", "createdAt"] {
        let body = event_with("deposit.detected", &deposit("0x01", "1"), field, &deep);
        let refused = service.send(service.event(id, body.as_bytes())).await;
        assert_eq!(refused.failure().0, 400, "{field}");
    }
}

#[tokio::test]
async fn a_body_of_six_megabytes_is_too_large() {
    let service = Service::start().await;
    let session = service.session().await;
    let filler = "x".repeat(6_000_000);
    let body = format!(r#"{{"unknown":"{filler}"}}"#);
    let too_large = (413, "payload_too_large", None);

    let answer = create_session(&service, body.clone()).await;
    assert_eq!(answer.failure(), too_large);
    let answer = service.send(post_text(&service, "/orders", body.clone())).await;
    assert_eq!(answer.failure(), too_large);
    let id = new_uuid().to_string();
    let answer = service.send(service.event(&id, body.as_bytes())).await;
    assert_eq!(answer.failure(), too_large);
    // Signed or not, it is not read.
    let unsigned = post_text(&service, &format!("/orders/{id}/events"), body.clone());
    assert!([401, 413].contains(&service.send(unsigned).await.status));
    let path = format!("/checkout-sessions/{session}/expire");
    let request = post_text(&service, &path, body.clone()).header("idempotency-key", "a key");
    assert_eq!(service.send(request).await.failure(), too_large);

    // The size is that of the bytes, however they are written.
    let bytes = service.post("/checkout-sessions").body(body.into_bytes());
    assert_eq!(service.send(bytes).await.failure(), too_large);
}

#[tokio::test]
async fn a_key_that_appears_twice_is_refused_where_it_would_be_read() {
    let service = Service::start().await;
    for body in [
        r#"{"expires_in":300,"expires_in":600}"#,
        r#"{"expires_in":300,"expires\u005fin":600}"#,
        r#"{"unknown":1,"unknown":1}"#,
    ] {
        assert_eq!(create_session(&service, body).await.failure().1, "invalid_json");
    }
    let twice = with_text(&order(), "srcAmount", r#""1","srcAmount":"2""#);
    let answer = service.send(post_text(&service, "/orders", twice)).await;
    assert_eq!(answer.failure().1, "invalid_json");
    let twice = with_text(&order(), "payload", r#"{"expectedDstAmount":"1","expectedDstAmount":"2"}"#);
    let answer = service.send(post_text(&service, "/orders", twice)).await;
    assert_eq!(answer.failure(), (400, "invalid_field_value", Some("payload")));

    // What is only kept for the merchant is the merchant's.
    let metadata = r#"{"a":1,"a":2}"#;
    let created = create_session(&service, format!(r#"{{"metadata":{metadata}}}"#)).await;
    assert!(created.text.contains(metadata));
}

#[tokio::test]
async fn what_is_no_unicode_is_refused() {
    let service = Service::start().await;
    for body in [
        b"{\"client_reference_id\":\"\xff\"}".as_slice(),
        b"{\"unknown\":\"\xc3\x28\"}",
        b"{\"metadata\":{\"a\":\"\xed\xa0\x80\"}}",
        b"\xff\xfe{\x00}\x00",
        b"\xef\xbb\xbf\xef\xbb\xbf{}",
        b"\0",
        b"{\"client_reference_id\":\"a\0b\"}",
        r#"{"\ud800":1}"#.as_bytes(),
    ] {
        let answer = create_session(&service, body).await;
        assert_eq!(answer.failure().1, "invalid_json", "{body:?}");
    }
    for field in ["client_reference_id", "success_url", "metadata"] {
        for text in [r#""\ud800""#, r#"{"a":"\udc00"}"#, r#"{"\ud800":"\ud800x"}"#] {
            let answer = create_session(&service, format!(r#"{{"{field}":{text}}}"#)).await;
            assert_eq!(answer.failure(), (400, "invalid_field_value", Some(field)));
        }
    }
    // Half a pair in what nobody reads is nobody's business; a whole pair is a character.
    create_session(&service, r#"{"unknown":"\ud800"}"#).await.ok();
    let pair = r#"{"metadata":{"a":"\ud83d\ude00"}}"#;
    let created = create_session(&service, pair).await;
    assert_eq!(created.ok()["metadata"]["a"], "😀");
}

#[tokio::test]
async fn nul_characters_are_kept_where_any_text_may_be_and_refused_elsewhere() {
    let service = Service::start().await;
    let body = r#"{"client_reference_id":"a\u0000b","metadata":{"\u0000":"\u0000"}}"#;
    let created = create_session(&service, body).await;
    let id = created.ok()["id"].as_str().unwrap();
    let read = service.get_session(id).await;
    assert_eq!(read.ok()["client_reference_id"], "a\0b");
    assert_eq!(read.ok()["metadata"], json!({ "\0": "\0" }));

    let url = create_session(&service, r#"{"success_url":"https://a.example/\u0000"}"#).await;
    assert_eq!(url.failure().0, 400);
    for (field, value) in [
        ("recipientAddress", format!("{RECIPIENT}\0")),
        ("srcTokenAddress", format!("{USDC}\0")),
        ("srcAmount", "1\0".to_owned()),
        ("type", "swap\0".to_owned()),
        ("clientReferenceId", "cart\0".to_owned()),
        ("checkoutSessionId", format!("{}\0", new_uuid())),
    ] {
        let answer = service.create_order(with(order(), json!({ field: value }))).await;
        assert_eq!(answer.failure().0, 400, "{field}");
    }
}

#[tokio::test]
async fn numbers_that_no_machine_holds_are_refused_in_every_numeric_field() {
    let service = Service::start().await;
    let created = service.create_order(order()).await;
    let id = created.ok()["id"].as_str().unwrap();
    let digits = "9".repeat(400);
    let fraction = format!("0.{digits}");
    for number in [
        "1e999",
        "-1e999",
        "1e-999",
        "-1",
        "-0.5",
        "1.5",
        "18446744073709551616",
        "1e400000000000000000000",
        &digits,
        &fraction,
    ] {
        let body = format!(r#"{{"expires_in":{number}}}"#);
        let answer = create_session(&service, body).await;
        assert_eq!(answer.failure(), (400, "invalid_field_value", Some("expires_in")));
        for field in ["srcChain", "dstChain"] {
            let body = with_text(&order(), field, number);
            let answer = service.send(post_text(&service, "/orders", body)).await;
            assert_eq!(answer.failure(), (400, "invalid_field_value", Some(field)));
        }
        for (kind, data) in [
            ("deposit.detected", deposit("0x01", "1")),
            ("relay.updated", relay("0x01", "pending")),
            ("order.executed", execution("0x01")),
            ("refund.updated", refund("0x01", "1", "success")),
        ] {
            for field in ["chain", "createdAt"] {
                let body = event_with(kind, &data, field, number);
                let answer = service.send(service.event(id, body.as_bytes())).await;
                let param = format!("data.{field}");
                assert_eq!(answer.failure(), (400, "invalid_field_value", Some(&*param)));
            }
        }
        // Kept as it was written, and never computed with.
        let body = format!(r#"{{"metadata":{{"n":{number}}}}}"#);
        let response = post_text(&service, "/checkout-sessions", body).send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert!(response.text().await.unwrap().contains(&format!(r#""n":{number}}}"#)));
    }
    for points in ["1e999", "-1", &digits, "NaN", "\"1\"", "[1]"] {
        let body = event_with("order.executed", &execution("0x01"), "points", points);
        let answer = service.send(service.event(id, body.as_bytes())).await;
        assert_eq!(answer.failure().0, 400, "{points}");
    }
    assert_eq!(service.order_status(id).await, "scanning_deposit_transaction");
}

#[tokio::test]
async fn headers_of_any_number_and_length_are_no_way_in() {
    let service = Service::start().await;
    let mut many = service.post("/checkout-sessions").json(&json!({}));
    for number in 0..200 {
        many = many.header(format!("x-header-{number}"), "value");
    }
    // The server may refuse so many before the service sees them.
    let status = many.send().await.unwrap().status().as_u16();
    assert!([200, 431].contains(&status), "{status}");
    let mut many = service.post("/checkout-sessions").json(&json!({}));
    for _ in 0..40 {
        many = many.header("x-api-key", "value").header("idempotency-key", "value");
    }
    let status = service.send(many).await.status;
    assert!([200, 400].contains(&status), "{status}");

    let long = "x".repeat(50_000);
    for header in ["authorization", "x-api-key", "origin", "user-agent", "cookie"] {
        let request = service.post("/checkout-sessions").json(&json!({}));
        service.send(request.header(header, &long)).await.ok();
    }
    let request = service.post("/checkout-sessions").json(&json!({}));
    let answer = service.send(request.header("idempotency-key", &long)).await;
    assert_eq!(answer.failure(), (400, "invalid_field_value", Some("Idempotency-Key")));
    let path = format!("/orders/{}/events", new_uuid());
    for header in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        let mut request = service.post(&path).json(&json!({}));
        for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
            request = request.header(name, if name == header { &long } else { "1" });
        }
        assert_eq!(service.send(request).await.status, 401, "{header}");
    }
    // Bytes that are no text.
    for header in ["idempotency-key", "x-api-key", "authorization", "content-type"] {
        let request = service.post("/checkout-sessions").body("{}");
        let value = reqwest::header::HeaderValue::from_bytes(b"\xff\xfe").unwrap();
        let answer = service.send(request.header(header, value)).await;
        assert!([200, 400].contains(&answer.status), "{header}");
    }
}

#[tokio::test]
async fn a_body_of_any_content_type_or_none_is_read() {
    let service = Service::start().await;
    let body = r#"{"client_reference_id":"ü"}"#;
    for kind in [
        "",
        "application/json; charset=utf-8",
        "APPLICATION/JSON",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "image/png",
        ";;;",
    ] {
        let request = service.post("/checkout-sessions").body(body);
        service.send(request.header("content-type", kind)).await.ok();
    }
    let request = service.post("/checkout-sessions").body(body);
    service.send(request).await.ok();
    // Without a body there is nothing to read.
    let answer = service.send(service.post("/checkout-sessions")).await;
    assert_eq!(answer.failure().1, "invalid_json");
}

#[tokio::test]
async fn strange_hosts_and_queries_change_nothing() {
    let service = Service::start().await;
    let session = service.session().await;
    let path = format!("/checkout-sessions/{session}");
    for query in [
        "include=%zz&a=b",
        "include=order%00",
        "include=%ff%fe",
        "include[]=orders",
        "include[0]=order",
        "include=ORDER",
        "include",
        "=",
        "&&&&",
        "%",
        "?include=order",
        "include=order;DROP",
    ] {
        let (status, body) = raw(&service, line(&format!("GET {path}?{query}"))).await;
        assert_eq!(status, 200, "{query}");
        assert!(!body.contains(r#""order":"#), "{query}");
    }
    for query in
        ["include=order", "include=a,order", "a=%zz&include=order", "include=%6frder", "include[]=order"]
    {
        let (status, body) = raw(&service, line(&format!("GET {path}?{query}"))).await;
        assert_eq!(status, 200, "{query}");
        assert!(body.contains(r#""order":null"#), "{query}");
    }
    for host in ["", "<b>\"", "a b", "ü.example", "[::1", "x:99999999", "%00", "{}"] {
        let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        let (status, _) = raw(&service, request).await;
        assert!([200, 400].contains(&status), "{host}: {status}");
    }
    let (status, _) = raw(&service, format!("GET {path} HTTP/1.0\r\n\r\n")).await;
    assert_eq!(status, 200);

    // Queries that no URL may hold: the server may refuse them by itself.
    for query in
        [b"include=%zz&a=<b>\"".as_slice(), b"include={order}", "include=ordér".as_bytes(), b"a=\xff\xfe"]
    {
        let mut request = format!("GET {path}?").into_bytes();
        request.extend(query);
        request.extend(b" HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        let (status, _) = raw(&service, request).await;
        assert!([200, 400].contains(&status), "{query:?}: {status}");
    }
    let long = format!("include={}", "order,".repeat(1_000));
    let answer = service.send(service.get(&format!("{path}?{long}"))).await;
    assert_eq!(answer.ok()["order"], json!(null));
}

#[tokio::test]
async fn an_id_is_decoded_once_and_is_nothing_but_an_id() {
    let service = Service::start().await;
    let session = service.session().await;
    let encoded = session.bytes().fold(String::new(), |encoded, byte| format!("{encoded}%{byte:02x}"));
    let (status, body) = raw(&service, line(&format!("GET /checkout-sessions/{encoded}"))).await;
    assert_eq!(status, 200);
    assert!(body.contains(&session));
    let twice = encoded.replace('%', "%25");
    let (status, _) = raw(&service, line(&format!("GET /checkout-sessions/{twice}"))).await;
    assert_eq!(status, 400);

    for id in [
        "%00",
        "%ff",
        "%",
        "%zz",
        "..",
        ".",
        "%2e%2e%2forders",
        "a%2Fb",
        "null",
        "{sessionId}",
        "checkout%23x",
        &format!("{session}%20"),
        &format!("%7B{session}%7D"),
        &format!("urn:uuid:{session}"),
        &session.replace('-', ""),
        &format!("{session}{session}"),
        &"x".repeat(5_000),
    ] {
        for (request, refused) in [
            (format!("GET /checkout-sessions/{id}"), 400),
            (format!("POST /checkout-sessions/{id}/expire"), 400),
            (format!("GET /orders/{id}"), 404),
            (format!("POST /orders/{id}/events"), 401),
        ] {
            let (status, body) = raw(&service, line(&request)).await;
            assert_eq!(status, refused, "{request}: {body}");
        }
    }
    // Raw bytes that are no ASCII: the server may refuse them by itself.
    for id in ["é".as_bytes(), b"\xff\xfe"] {
        let mut request = b"GET /checkout-sessions/".to_vec();
        request.extend(id);
        request.extend(b" HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        assert_eq!(raw(&service, request).await.0, 400, "{id:?}");
    }
}

#[tokio::test]
async fn what_has_no_route_gets_the_gateways_404() {
    let service = Service::start().await;
    let session = service.session().await;
    service.calls.take();
    for request in [
        "GET /".to_owned(),
        "DELETE /checkout-sessions".to_owned(),
        "GET /checkout-sessions/".to_owned(),
        "POST /checkout-sessions/".to_owned(),
        format!("GET /checkout-sessions/{session}/"),
        format!("POST /checkout-sessions/{session}"),
        format!("PUT /checkout-sessions/{session}"),
        format!("PATCH /checkout-sessions/{session}"),
        format!("DELETE /checkout-sessions/{session}"),
        format!("GET /checkout-sessions/{session}/expire"),
        format!("POST /checkout-sessions/{session}/expire/"),
        format!("POST /checkout-sessions/{session}%2Fexpire"),
        "POST /checkout-sessions//expire".to_owned(),
        format!("GET //checkout-sessions/{session}"),
        format!("GET /checkout-sessions//{session}"),
        format!("GET /Checkout-Sessions/{session}"),
        format!("GET /checkout-sessions/../checkout-sessions/{session}"),
        "DELETE /orders".to_owned(),
        "POST /orders/".to_owned(),
        "GET /orders/".to_owned(),
        "POST /orders//events".to_owned(),
        format!("GET /orders/{session}/events"),
        format!("PUT /orders/{session}/events"),
        "GET /favicon.ico".to_owned(),
        "TRACE /orders".to_owned(),
        "FROBNICATE /orders".to_owned(),
    ] {
        let (status, body) = raw(&service, line(&request)).await;
        assert_eq!((status, &*body), (404, r#"{"message":"Not Found"}"#), "{request}");
    }
    // HEAD is a method of its own, and its answers have no body.
    for path in ["/orders", "/", &format!("/checkout-sessions/{session}")] {
        let response = service.request(Method::HEAD, path).send().await.unwrap();
        assert_eq!(response.status(), 404, "{path}");
        assert!(response.text().await.unwrap().is_empty());
    }
    assert!(service.calls.take().is_empty());
}

#[tokio::test]
async fn events_that_no_gateway_would_send_are_answered_all_the_same() {
    let service = Service::start().await;
    let functions = service.functions(&service.clock).await;
    let session = service.session().await;
    let context = |domain: &str| json!({ "http": { "method": "GET" }, "domainName": domain });
    let mut headers: Map<String, Value> = Map::new();
    for number in 0..200 {
        headers.insert(format!("x-header-{number}"), json!("x".repeat(100)));
    }
    let parameters = json!({ "sessionId": session, "orderId": session });
    for event in [
        json!({}),
        json!({ "headers": headers }),
        json!({ "rawPath": "no path", "rawQueryString": "%zz&a=<b>\"", "pathParameters": parameters }),
        json!({ "rawQueryString": "include=é\u{0}", "requestContext": context("<b>\" {}") }),
        json!({ "headers": { "host": "<b>\"", "x-forwarded-proto": "gopher" }, "requestContext": context("") }),
        json!({ "pathParameters": { "sessionId": "", "orderId": "\u{0}" } }),
        json!({ "pathParameters": { "other": session }, "body": "" }),
        json!({ "isBase64Encoded": true, "body": "not base64!" }),
        json!({ "isBase64Encoded": true, "body": "////" }),
        json!({ "isBase64Encoded": true }),
        json!({ "body": "{\u{0}" }),
        json!({ "queryStringParameters": { "include": "order" }, "pathParameters": parameters }),
    ] {
        for function in [
            "create-checkout-session",
            "get-checkout-session",
            "expire-checkout-session",
            "create-order",
            "get-order",
            "record-order-event",
        ] {
            let event = with(json!({ "requestContext": context("local") }), event.clone());
            let typed: Event = serde_json::from_value(event.clone()).unwrap();
            let response = functions.invoke(function, typed).await.unwrap();
            assert!([200, 400, 401, 404].contains(&response.status_code), "{function} {event}");
            let response = serde_json::to_value(response).unwrap();
            let body: Value = serde_json::from_str(response["body"].as_str().unwrap()).unwrap();
            assert_eq!(body["statusCode"], response["statusCode"]);
        }
    }
}

/// Any JSON value, often one that some field takes.
fn any_json() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        any::<String>(),
        "[0-9]{1,80}",
        "0x[0-9a-fA-F]{40}",
        "https?://[a-z]{1,9}(\\.[a-z]{2,3})?[/?#]\\PC{0,20}",
        Just(RECIPIENT.to_owned()),
        Just(USDC.to_owned()),
        Just("swap".to_owned()),
        any::<u128>().prop_map(|bits| uuid::Uuid::from_u128(bits).to_string()),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (0u64..100_000).prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            vec((any::<String>(), inner), 0..6).prop_map(|members| members.into_iter().collect()),
        ]
    })
}

/// A request's known fields, each left out, or replaced by any JSON value.
fn any_fields(fields: &[&'static str]) -> impl Strategy<Value = Value> + use<> {
    let member = |name: &'static str| proptest::option::of(any_json().prop_map(move |value| (name, value)));
    let members: Vec<_> = fields.iter().copied().map(member).collect();
    members.prop_map(|members| {
        let members = members.into_iter().flatten();
        members.map(|(name, value)| (name.to_owned(), value)).collect()
    })
}

/// Sends the body of each of 64 drawn cases.
fn for_any<S: Strategy>(
    strategy: &S,
    send: &impl AsyncFn(&Service, &str, S::Value) -> Answer,
) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (service, order) = runtime.block_on(async {
        let service = Service::start().await;
        let created = service.create_order(order()).await;
        let order = created.ok()["id"].as_str().unwrap().to_owned();
        (service, order)
    });
    let config = Config { cases: 64, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(strategy, |value| {
        let answer = runtime.block_on(send(&service, &order, value));
        prop_assert!([200, 400, 404, 409, 413].contains(&answer.status), "{answer:?}");
        Ok(())
    });
    outcome.map_err(|error| error.to_string())
}

#[test]
fn any_json_in_the_fields_of_a_session_is_answered() -> Result<(), String> {
    let fields = any_fields(&["success_url", "cancel_url", "metadata", "client_reference_id", "expires_in"]);
    for_any(&fields, &async |service, _, fields| service.create_session(fields).await)
}

#[test]
fn any_json_in_one_field_of_a_session_is_answered() -> Result<(), String> {
    let fields = prop_oneof![
        Just("success_url"),
        Just("cancel_url"),
        Just("metadata"),
        Just("client_reference_id"),
        Just("expires_in"),
    ];
    for_any(&(fields, any_json()), &async |service, _, (field, value)| {
        service.create_session(json!({ field: value })).await
    })
}

/// The fields of an order.
const ORDER: [&str; 15] = [
    "type",
    "recipientAddress",
    "srcChain",
    "dstChain",
    "srcTokenAddress",
    "dstTokenAddress",
    "srcAmount",
    "payload",
    "metadata",
    "onramp",
    "creatorAddress",
    "partnerId",
    "callbackMetadata",
    "clientReferenceId",
    "checkoutSessionId",
];

#[test]
fn any_json_in_one_field_of_an_order_is_answered() -> Result<(), String> {
    let field = proptest::sample::select(ORDER.to_vec());
    for_any(&(field, any_json()), &async |service, _, (field, value)| {
        service.create_order(with(order(), json!({ field: value }))).await
    })
}

#[test]
fn any_json_within_the_objects_of_an_order_is_answered() -> Result<(), String> {
    let payload = any_fields(&["expectedDstAmount"]);
    let onramp = any_fields(&["vendor", "paymentMethod", "payment_method", "country", "redirectUrl"]);
    let callback = any_fields(&["checkoutSessionId"]);
    for_any(&(payload, onramp, callback), &async |service, _, (payload, mut onramp, callback)| {
        if onramp.get("vendor").is_none() {
            onramp["vendor"] = json!("none");
        }
        let mut fields = json!({ "onramp": onramp, "callbackMetadata": callback });
        if payload.get("expectedDstAmount").is_some() {
            fields["payload"] = payload;
        }
        service.create_order(with(order(), fields)).await
    })
}

#[test]
fn any_json_in_the_fields_of_a_signed_event_is_answered() -> Result<(), String> {
    let kind = proptest::sample::select(vec![
        "deposit.detected",
        "relay.updated",
        "order.executed",
        "order.failed",
        "refund.updated",
        "order.created",
    ]);
    let field = proptest::sample::select(vec![
        "chain",
        "from",
        "txHash",
        "amount",
        "createdAt",
        "status",
        "actualDstAmount",
        "relay",
        "points",
        "errorDetails",
    ]);
    for_any(&(kind, field, any_json()), &async |service, order, (kind, field, value)| {
        // Everything that any kind needs, so that only the drawn field can be wrong.
        let facts =
            with(refund("0x01", "1", "success"), json!({ "errorDetails": "no liquidity", field: value }));
        service.record_event(order, kind, facts).await
    })
}

#[test]
fn any_json_as_a_signed_event_is_answered() -> Result<(), String> {
    for_any(&prop_oneof![any_json(), any_fields(&["type", "data"])], &async |service, order, body| {
        let request = service.event(order, body.to_string().as_bytes());
        service.send(request).await
    })
}

#[test]
fn any_json_as_a_whole_body_is_answered() -> Result<(), String> {
    for_any(&any_json(), &async |service, _, body| {
        service.create_order(order_for(&body.to_string())).await;
        service.create_order(body.clone()).await;
        service.create_session(body).await
    })
}

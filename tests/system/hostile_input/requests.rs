//! Headers, hosts, queries, paths and methods, and events that no gateway would send.

use std::io::{Read, Write};
use std::net::TcpStream;

use api::Event;
use harness::{Service, new_uuid, with};
use reqwest::Method;
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

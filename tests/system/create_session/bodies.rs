//! The body: which bytes are JSON, and why others are refused.

use harness::{Service, id_of};
use insta::assert_json_snapshot;

use super::create;

/// The most bytes of a body.
const LARGEST_BODY: usize = 256 * 1024;

#[tokio::test]
async fn a_body_that_is_no_json_object_is_refused_in_a_sentence() {
    let service = Service::start().await;
    let answer = create(&service, "session, please").await;
    assert_json_snapshot!(answer.body, @r#"
    {
      "error": {
        "code": "invalid_json",
        "message": "The body is not JSON: syntax error at line 1, column 1",
        "type": "invalid_request_error"
      },
      "message": "The body is not JSON: syntax error at line 1, column 1",
      "statusCode": 400,
      "success": false
    }
    "#);
}

#[tokio::test]
async fn what_is_no_json_object_with_distinct_keys_is_refused() {
    let service = Service::start().await;
    let bodies: [&[u8]; 24] = [
        b"",
        b" ",
        b"\n\t",
        b"session",
        b"null",
        b"true",
        b"1800",
        br#""{}""#,
        b"[]",
        b"[{}]",
        b"{",
        b"}",
        b"{}}",
        b"{} {}",
        b"{},",
        br#"{"expires_in":1800,}"#,
        br#"{"expires_in":}"#,
        b"{expires_in:1800}",
        b"{'expires_in':1800}",
        br#"{"expires_in":01800}"#,
        br#"{"metadata":{"a":NaN}}"#,
        br#"{"expires_in":300,"expires_in":300}"#,
        br#"{"expires_in":300,"\u0065xpires_in":86400}"#,
        br#"{"unknown":1,"unknown":2}"#,
    ];
    for body in bodies {
        let answer = create(&service, body).await;
        let shown = String::from_utf8_lossy(body);
        assert_eq!(answer.failure(), (400, "invalid_json", None), "{shown}");
    }
    let without_body = service.send(service.post("/checkout-sessions")).await;
    assert_eq!(without_body.failure(), (400, "invalid_json", None));
}

#[tokio::test]
async fn a_body_may_begin_with_a_byte_order_mark() {
    let service = Service::start().await;
    let answer = create(&service, "\u{feff}{\"client_reference_id\":\"a\"}").await;
    let read = service.get_session(answer.ok()["id"].as_str().unwrap()).await;
    assert_eq!(read.ok()["client_reference_id"], "a");
    create(&service, "\u{feff} {} ").await.ok();
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_answered_with_the_reason() {
    let service = Service::start().await;
    let gzip = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\xab\xae\x05\x00C\xbf\xa6\xa3\x02\x00\x00\x00";
    let cases: [(&[u8], &str, &str); 30] = [
        (b"", "", "empty"),
        (b" \n", "", "empty"),
        (b"\xef\xbb\xbf", "", "empty"),
        (gzip, "", "content encoding such as gzip"),
        (gzip, "content-encoding: gzip", "content encoding such as gzip"),
        (b"\x28\xb5\x2f\xfd\x04\x00", "", "content encoding"),
        (b"\x78\x9c\xab\xae\x05\x00", "", "content encoding"),
        (b"\x0b\x02\x80{}\x03", "content-encoding: br", "content encoding"),
        (b"expires_in=1800", "", "form"),
        (b"expires_in=1800&metadata%5Bcart%5D=7", "", "form"),
        (b"expires_in", "content-type: application/x-www-form-urlencoded", "form"),
        (b"--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--x--", "", "form"),
        (b"--x--", "content-type: Multipart/Form-Data; boundary=x", "form"),
        (b"{\"a\":1,}", "", "trailing comma"),
        (b"{\"a\":[1,2, ]}", "", "trailing comma"),
        (b"{\"a\":{\"b\":\",}\"\n,\n}}", "", "trailing comma"),
        (b"{\"a\":1,\"b\":2,\"a\":3}", "", "duplicate key at line 1, column"),
        (b"{\"a\":1,\"\\u0061\":3}", "", "duplicate key"),
        (b"{\"a\":\"\xff\"}", "", "UTF-8"),
        (b"\xff\xfe{\0}\0", "", "UTF-16"),
        (b"{\0}\0", "", "syntax error"),
        (b"{\"a\":", "", "ends too early"),
        (b"{\"a\":\"b", "", "ends too early"),
        (b"[{}]", "", "a JSON object, not an array"),
        (b"\"{}\"", "", "a JSON object, not a string"),
        (b"null", "", "a JSON object, not null"),
        (b"1.5", "", "a JSON object, not a number"),
        (b"true", "", "a JSON object, not a boolean"),
        (b"{'a':1}", "", "syntax error at line 1, column 2"),
        (b"{\"a\":\",}\" x}", "content-encoding: identity", "syntax error"),
    ];
    for (body, header, reason) in cases {
        let mut request = service.post("/checkout-sessions").body(body);
        if let Some((name, value)) = header.split_once(": ") {
            request = request.header(name, value);
        }
        let answer = service.send(request).await;
        let shown = String::from_utf8_lossy(body);
        assert_eq!(answer.failure(), (400, "invalid_json", None), "{shown}");
        let message = answer.body["message"].as_str().unwrap();
        assert!(message.contains(reason), "{shown}: {message}");
    }
    // JSON text is read whatever the headers call it.
    for (name, value) in [
        ("content-encoding", "identity"),
        ("content-encoding", "gzip"),
        ("content-type", "application/x-www-form-urlencoded"),
    ] {
        let request = service.post("/checkout-sessions").header(name, value).body(r#"{"expires_in":600}"#);
        service.send(request).await.ok();
    }
}

#[tokio::test]
async fn a_body_that_is_not_utf_8_is_refused() {
    let service = Service::start().await;
    for body in [
        b"\xff\xfe{\0}\0".as_slice(),
        b"\xef\xbb\xbf\xef\xbb\xbf{}",
        b"\xef\xbb{}",
        b"{\"client_reference_id\":\"\xff\"}",
        b"{\"client_reference_id\":\"\xc3\"}",
        b"{\"metadata\":{\"a\":\"\xed\xa0\x80\"}}",
    ] {
        let answer = create(&service, body).await;
        let (status, code, _) = answer.failure();
        assert!(
            status == 400 && (code == "invalid_json" || code == "invalid_field_value"),
            "{body:x?}: {}",
            answer.text
        );
    }
}

#[tokio::test]
async fn the_body_is_json_whatever_the_content_type_says() {
    let service = Service::start().await;
    let body = r#"{"client_reference_id":"ü😀"}"#;
    // API Gateway hands on as text what these call text or JSON, the rest in base64.
    for content_type in [
        None,
        Some("application/json; charset=utf-8"),
        Some("text/plain"),
        Some("application/octet-stream"),
        Some("application/x-www-form-urlencoded"),
        Some(""),
    ] {
        let request = service.post("/checkout-sessions").body(body);
        let request = match content_type {
            Some(content_type) => request.header("content-type", content_type),
            None => request,
        };
        let answer = service.send(request).await;
        assert_eq!(answer.status, 200, "{content_type:?}");
        let session = service.get_session(&id_of(&answer)).await;
        assert_eq!(session.ok()["client_reference_id"], "ü😀", "{content_type:?}");
    }
}

#[tokio::test]
async fn a_body_above_256_kibibytes_is_refused() {
    let service = Service::start().await;
    let padded = |bytes: usize| format!("{{{}}}", " ".repeat(bytes - 2));
    assert_eq!(create(&service, padded(LARGEST_BODY)).await.status, 200);

    let answer = create(&service, padded(LARGEST_BODY + 1)).await;
    assert_json_snapshot!(answer.body, @r#"
    {
      "error": {
        "code": "payload_too_large",
        "message": "The body is larger than 256 KiB",
        "type": "invalid_request_error"
      },
      "message": "The body is larger than 256 KiB",
      "statusCode": 413,
      "success": false
    }
    "#);

    let encoded = service.post("/checkout-sessions").body(padded(LARGEST_BODY + 1));
    assert_eq!(service.send(encoded).await.failure().0, 413);
}

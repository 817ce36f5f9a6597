//! `POST /checkout-sessions`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use domain::id::SessionId;
use harness::{Answer, DEFAULT_LIFETIME, Service, id_of, redact};
use insta::assert_json_snapshot;
use serde_json::{Value, json};

/// The most characters of a URL.
const LONGEST_URL: usize = 2048;
/// The most bytes of metadata.
const LARGEST_METADATA: usize = 16 * 1024;
/// The most bytes of a body.
const LARGEST_BODY: usize = 256 * 1024;
const THIRTY_DAYS: i64 = 30 * 24 * 60 * 60;

/// Sends this text as the body.
async fn create(service: &Service, body: impl Into<Vec<u8>>) -> Answer {
    let request = service.post("/checkout-sessions").body(body.into());
    service.send(request.header("content-type", "application/json")).await
}

/// A URL of this many characters.
fn url_of(characters: usize, filler: &str) -> String {
    let start = "https://shop.example/";
    format!("{start}{}", filler.repeat(characters - start.len()))
}

/// An object of this many bytes of JSON text.
fn object_of(bytes: usize) -> String {
    format!(r#"{{"a":"{}"}}"#, "x".repeat(bytes - r#"{"a":""}"#.len()))
}

#[tokio::test]
async fn an_empty_object_opens_a_session_with_every_default() {
    let service = Service::start().await;
    let answer = service.create_session(json!({})).await;
    let now = service.clock.now();
    assert_json_snapshot!(answer.body, {
        ".data.id" => redact::uuid(),
        ".data.created_at" => redact::iso8601(now, "[now]"),
        ".data.expires_at" => redact::iso8601(now + Duration::from_mins(30), "[now + 30 min]"),
    }, @r#"
    {
      "data": {
        "cancel_url": null,
        "created_at": "[now]",
        "expires_at": "[now + 30 min]",
        "id": "[uuid]",
        "metadata": {},
        "status": "open",
        "success_url": null
      },
      "message": "Checkout session created",
      "statusCode": 200,
      "success": true
    }
    "#);
}

#[tokio::test]
async fn everything_a_merchant_says_comes_back_with_templates_unresolved() {
    let service = Service::start().await;
    let answer = service
        .create_session(json!({
            "success_url": "https://shop.example/{SESSION_ID}/thanks?order={ORDER_ID}",
            "cancel_url": "https://shop.example/cart#top",
            "metadata": { "cart": "c-1042", "items": [{ "sku": "tea-250", "quantity": 2 }] },
            "client_reference_id": "cart-1042",
            "expires_in": 600,
        }))
        .await;
    let now = service.clock.now();
    assert_json_snapshot!(answer.body, {
        ".data.id" => redact::uuid(),
        ".data.created_at" => redact::iso8601(now, "[now]"),
        ".data.expires_at" => redact::iso8601(now + Duration::from_mins(10), "[now + 10 min]"),
    }, @r#"
    {
      "data": {
        "cancel_url": "https://shop.example/cart#top",
        "created_at": "[now]",
        "expires_at": "[now + 10 min]",
        "id": "[uuid]",
        "metadata": {
          "cart": "c-1042",
          "items": [
            {
              "quantity": 2,
              "sku": "tea-250"
            }
          ]
        },
        "status": "open",
        "success_url": "https://shop.example/{SESSION_ID}/thanks?order={ORDER_ID}"
      },
      "message": "Checkout session created",
      "statusCode": 200,
      "success": true
    }
    "#);
}

#[tokio::test]
async fn a_field_that_breaks_its_rule_is_named() {
    let service = Service::start().await;
    let answer = service.create_session(json!({ "expires_in": 299 })).await;
    assert_json_snapshot!(answer.body, @r#"
    {
      "error": {
        "code": "invalid_field_value",
        "message": "expires_in must be an integer number of seconds from 300 to 86400",
        "param": "expires_in",
        "type": "invalid_request_error"
      },
      "message": "expires_in must be an integer number of seconds from 300 to 86400",
      "statusCode": 400,
      "success": false
    }
    "#);
}

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
async fn keys_come_in_the_order_of_the_contract() {
    let service = Service::start().await;
    let made = service.create_session(json!({})).await;
    let (id, now) = (id_of(&made), service.clock.now());
    let deadline = now + DEFAULT_LIFETIME;
    let expected = [
        r#"{"success":true,"message":"Checkout session created","data":"#,
        &format!(r#"{{"id":"{id}","status":"open","success_url":null,"cancel_url":null,"metadata":{{}},"#),
        &format!(r#""expires_at":"{deadline}","created_at":"{now}"}},"statusCode":200}}"#),
    ];
    assert_eq!(made.text, expected.concat());

    let refused = service.create_session(json!({ "cancel_url": "" })).await;
    let message = refused.body["message"].as_str().unwrap();
    let expected = [
        &format!(r#"{{"success":false,"message":"{message}","statusCode":400,"error":"#),
        r#"{"type":"invalid_request_error","code":"invalid_field_value","#,
        &format!(r#""message":"{message}","param":"cancel_url"}}}}"#),
    ];
    assert_eq!(refused.text, expected.concat());
}

#[tokio::test]
async fn every_session_has_an_id_of_its_own() {
    let service = Service::start().await;
    let mut ids = Vec::new();
    for _ in 0..10 {
        ids.push(service.session().await);
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 10);
    for id in &ids {
        // Random: version 4 of RFC 9562.
        assert_eq!(id.as_bytes()[14], b'4', "{id}");
    }
}

#[tokio::test]
async fn a_session_lives_as_long_as_its_merchant_says() {
    let service = Service::start().await;
    for seconds in [300, 301, 1800, 86_399, 86_400] {
        let answer = service.create_session(json!({ "expires_in": seconds })).await;
        let deadline = service.clock.now() + Duration::from_secs(seconds);
        assert_eq!(answer.ok()["expires_at"], deadline.to_string(), "{seconds}");
        assert_eq!(answer.ok()["created_at"], service.clock.now().to_string(), "{seconds}");
    }
}

#[tokio::test]
async fn both_times_come_from_one_reading_of_the_clock() {
    fn millis_of_day(time: &Value) -> i64 {
        let (_, time) = time.as_str().unwrap().split_once('T').unwrap();
        let digits: Vec<i64> =
            time.trim_end_matches('Z').split([':', '.']).map(|digits| digits.parse().unwrap()).collect();
        ((digits[0] * 60 + digits[1]) * 60 + digits[2]) * 1000 + digits[3]
    }

    let service = Service::start().await;
    // Two readings of a clock that runs this fast would differ.
    let (clock, stop) = (service.clock.clone(), Arc::new(AtomicBool::new(false)));
    let stopped = Arc::clone(&stop);
    let running = std::thread::spawn(move || {
        while !stopped.load(Ordering::Relaxed) {
            clock.advance(Duration::from_millis(7));
        }
    });
    let mut sessions = Vec::new();
    for _ in 0..20 {
        sessions.push(service.create_session(json!({})).await);
    }
    stop.store(true, Ordering::Relaxed);
    running.join().unwrap();
    for session in sessions {
        let session = session.ok();
        let lifetime = millis_of_day(&session["expires_at"]) - millis_of_day(&session["created_at"]);
        assert_eq!(lifetime.rem_euclid(86_400_000), 1_800_000, "{session}");
    }
}

#[tokio::test]
async fn a_lifetime_that_is_no_integer_from_300_to_86400_is_refused() {
    let service = Service::start().await;
    for expires_in in [
        "299",
        "86401",
        "0",
        "-1",
        "-300",
        "300.5",
        "1800.5",
        "1.8001e3",
        "1e999",
        "1800e-4",
        "9223372036854775808",
        "18446744073709551616",
        "100000000000000000000000000000000000000000",
        r#""1800""#,
        r#""""#,
        "true",
        "[1800]",
        "{}",
    ] {
        let answer = create(&service, format!(r#"{{"expires_in":{expires_in}}}"#)).await;
        let expected = (400, "invalid_field_value", Some("expires_in"));
        assert_eq!(answer.failure(), expected, "{expires_in}");
    }
}

#[tokio::test]
async fn a_plain_absolute_url_is_kept_byte_for_byte() {
    let service = Service::start().await;
    for url in [
        "https://shop.example",
        "http://shop.example/",
        "http://localhost:3000/ok",
        "https://192.0.2.1/ok",
        "https://[2001:db8::1]:8443/ok",
        "HTTPS://Shop.Example:443/%7euser/../ok",
        "https://bücher.example/ü?straße=ß#ende",
        "https://shop.example/a b?c d",
        "https://shop.example/ok?a=1&&b=%zz&c#d#e",
        "https://shop.example/{SESSION_ID}/{X}/%7bORDER_ID%7d?{{}}",
        "https://shop.example/?next=https://user@other.example/",
    ] {
        let answer = service.create_session(json!({ "success_url": url, "cancel_url": url })).await;
        assert_eq!(answer.ok()["success_url"], url);
        assert_eq!(answer.ok()["cancel_url"], url);
    }
}

#[tokio::test]
async fn what_is_no_plain_absolute_url_is_refused() {
    let service = Service::start().await;
    for url in [
        json!(""),
        json!(" "),
        json!("shop.example"),
        json!("/thanks"),
        json!("//shop.example/thanks"),
        json!("ftp://shop.example"),
        json!("file:///etc/passwd"),
        json!("javascript:alert(1)"),
        json!("data:text/html,hi"),
        json!("https:shop.example"),
        json!("https:/shop.example"),
        json!("https:\\\\shop.example"),
        json!("https://"),
        json!("https:///thanks"),
        json!("https://?a"),
        json!("https://#a"),
        json!("https://:443/thanks"),
        json!("https://shop.example:99999"),
        json!("https://shop example/"),
        json!("https://user@shop.example"),
        json!("https://user:secret@shop.example"),
        json!("https://@shop.example"),
        json!("https://shop.example\\@other.example"),
        json!("https://shop.example/\n"),
        json!("https://shop.example/\t"),
        json!("https://shop.example/\u{0}"),
        json!("https://shop.example/\u{7f}"),
        json!("https://shop.example/\u{85}"),
        json!("https://sh\nop.example/"),
        json!("\u{1}https://shop.example/"),
        json!(1),
        json!(true),
        json!({ "href": "https://shop.example" }),
        json!(["https://shop.example"]),
    ] {
        for field in ["success_url", "cancel_url"] {
            let answer = service.create_session(json!({ field: url })).await;
            let expected = (400, "invalid_field_value", Some(field));
            assert_eq!(answer.failure(), expected, "{url}");
        }
    }
}

#[tokio::test]
async fn a_url_has_at_most_2048_characters() {
    let service = Service::start().await;
    for filler in ["x", "ü", "😀"] {
        let longest = url_of(LONGEST_URL, filler);
        let too_long = url_of(LONGEST_URL + 1, filler);
        for field in ["success_url", "cancel_url"] {
            let answer = service.create_session(json!({ field: longest })).await;
            assert_eq!(answer.ok()[field], longest);
            let answer = service.create_session(json!({ field: too_long })).await;
            assert_eq!(answer.failure(), (400, "invalid_field_value", Some(field)));
        }
    }
}

#[tokio::test]
async fn metadata_comes_back_to_the_letter_from_every_call() {
    let service = Service::start().await;
    let nested = format!("{}{}", r#"{"n":["#.repeat(40), "]}".repeat(40));
    let metadata = [
        r#"{ "z":1.0e+2, "b":[null, 12345678901234567890.10, -0, 0.10,{}],"#,
        r#""a":123456789012345678901234567890123456789012345678901234567890,  "ü":"\u00fc😀\ud83d\ude00\/\n","#,
        &format!(r#""":{{"y":null,"x":true}}, "deep":{nested},"#),
        r#" "{SESSION_ID}":"{SESSION_ID}", "id":"not yours" }"#,
    ]
    .concat();
    let answer = create(&service, format!(r#" {{ "metadata" : {metadata} , "x":1}} "#)).await;
    let kept = format!(r#""metadata":{metadata},""#);
    assert!(answer.text.contains(&kept), "{}", answer.text);

    let id = id_of(&answer);
    for answer in [
        service.get_session(&id).await,
        service.get_session_with_order(&id).await,
        service.expire_session(&id).await,
    ] {
        assert_eq!(answer.status, 200);
        assert!(answer.text.contains(&kept), "{}", answer.text);
    }
}

#[tokio::test]
async fn metadata_has_at_most_16_kibibytes_of_json_text() {
    let service = Service::start().await;
    let largest = object_of(LARGEST_METADATA);
    let answer = create(&service, format!(r#"{{"metadata":{largest}}}"#)).await;
    assert!(answer.text.contains(&largest));
    answer.ok();

    let multibyte = format!(r#"{{"a":"{}"}}"#, "ü".repeat(LARGEST_METADATA / 2 - 3));
    let spaces = format!("{{{}}}", " ".repeat(LARGEST_METADATA - 1));
    for too_large in [object_of(LARGEST_METADATA + 1), multibyte, spaces] {
        assert!(too_large.len() > LARGEST_METADATA);
        let answer = create(&service, format!(r#"{{"metadata":{too_large}}}"#)).await;
        let expected = (400, "invalid_field_value", Some("metadata"));
        assert_eq!(answer.failure(), expected);
    }
}

#[tokio::test]
async fn metadata_that_is_no_object_is_refused() {
    let service = Service::start().await;
    for metadata in
        [json!([]), json!([{}]), json!(""), json!("{}"), json!(0), json!(1.5), json!(true), json!(false)]
    {
        let answer = service.create_session(json!({ "metadata": metadata })).await;
        let expected = (400, "invalid_field_value", Some("metadata"));
        assert_eq!(answer.failure(), expected, "{metadata}");
    }
}

#[tokio::test]
async fn a_client_reference_id_has_1_to_255_characters() {
    let service = Service::start().await;
    for reference in ["x", " ", "cart 1042/ü😀\n", &"x".repeat(255), &"😀".repeat(255)] {
        let created = service.create_session(json!({ "client_reference_id": reference })).await;
        // The answer to this call has no such key.
        assert_eq!(created.ok().get("client_reference_id"), None);
        let session = service.get_session(&id_of(&created)).await;
        assert_eq!(session.ok()["client_reference_id"], reference);
    }
    for reference in [
        json!(""),
        json!("x".repeat(256)),
        json!("😀".repeat(256)),
        json!(1042),
        json!(true),
        json!(["cart"]),
        json!({}),
    ] {
        let answer = service.create_session(json!({ "client_reference_id": reference })).await;
        let expected = (400, "invalid_field_value", Some("client_reference_id"));
        assert_eq!(answer.failure(), expected, "{reference}");
    }
}

#[tokio::test]
async fn a_field_that_is_null_counts_as_absent() {
    let service = Service::start().await;
    let of_nulls = service
        .create_session(json!({
            "success_url": null,
            "cancel_url": null,
            "metadata": null,
            "client_reference_id": null,
            "expires_in": null,
        }))
        .await;
    let of_nothing = service.create_session(json!({})).await;
    assert_eq!(
        of_nulls.text.replace(&id_of(&of_nulls), ""),
        of_nothing.text.replace(&id_of(&of_nothing), "")
    );
    let session = service.get_session(&id_of(&of_nulls)).await;
    assert_eq!(session.ok()["client_reference_id"], json!(null));
}

#[tokio::test]
async fn fields_that_nobody_knows_are_ignored() {
    let service = Service::start().await;
    let answer = service
        .create_session(json!({
            "id": "00000000-0000-4000-8000-000000000000",
            "status": "complete",
            "created_at": "1970-01-01T00:00:00.000Z",
            "expires_at": 0,
            "mode": "payment",
            "line_items": [{ "price": "price_1042", "quantity": 1 }],
            "amount": 12.5,
            "Expires_In": 1,
            "expiresIn": 1,
            "": {},
        }))
        .await;
    assert_eq!(answer.ok()["status"], "open");
    assert_eq!(answer.ok()["created_at"], service.clock.now().to_string());
    assert_eq!(answer.ok()["expires_at"], (service.clock.now() + DEFAULT_LIFETIME).to_string());
    assert_ne!(id_of(&answer), "00000000-0000-4000-8000-000000000000");
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
async fn a_lifetime_is_a_whole_number_in_any_spelling() {
    let service = Service::start().await;
    for expires_in in ["1800", "1800.0", "1800.000", "1.8e3", "1.8E+3", "18000e-1"] {
        let answer = create(&service, format!(r#"{{"expires_in":{expires_in}}}"#)).await;
        let deadline = service.clock.now() + Duration::from_mins(30);
        assert_eq!(answer.ok()["expires_at"], deadline.to_string(), "{expires_in}");
    }
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
async fn credentials_that_nobody_knows_are_no_reason_to_refuse() {
    let service = Service::start().await;
    for (name, value) in [
        ("authorization", "Bearer sk_live_unknown"),
        ("authorization", "Basic dXNlcjpzZWNyZXQ="),
        ("authorization", "nonsense"),
        ("x-api-key", "pk_unknown"),
        ("x-api-key", ""),
    ] {
        let request = service.post("/checkout-sessions").header(name, value).json(&json!({}));
        let answer = service.send(request).await;
        assert_eq!(answer.status, 200, "{name}: {value}");
        if !value.is_empty() {
            assert!(!answer.text.contains(value));
        }
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

#[tokio::test]
async fn an_unused_session_may_be_removed_thirty_days_after_its_deadline() {
    let service = Service::start().await;
    for expires_in in [300, 1800, 86_400] {
        let id = service.session_for(expires_in).await;
        let deadline = service.clock.now() + Duration::from_secs(expires_in);
        let order = SessionId::parse(&id).unwrap().order();
        assert_eq!(service.stored_ttl(order).await, Some(deadline.as_seconds() + THIRTY_DAYS));
    }
}

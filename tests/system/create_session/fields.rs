//! Each field: its lifetime, URLs, metadata and reference, and which values are refused.

use std::time::Duration;

use harness::{Service, id_of};
use insta::assert_json_snapshot;
use serde_json::json;

use super::create;

/// The most characters of a URL.
const LONGEST_URL: usize = 2048;
/// The most bytes of metadata.
const LARGEST_METADATA: usize = 16 * 1024;

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
async fn a_lifetime_is_a_whole_number_in_any_spelling() {
    let service = Service::start().await;
    for expires_in in ["1800", "1800.0", "1800.000", "1.8e3", "1.8E+3", "18000e-1"] {
        let answer = create(&service, format!(r#"{{"expires_in":{expires_in}}}"#)).await;
        let deadline = service.clock.now() + Duration::from_mins(30);
        assert_eq!(answer.ok()["expires_at"], deadline.to_string(), "{expires_in}");
    }
}

//! The signatures of `POST /orders/{orderId}/events`, as in the Standard Webhooks
//! specification.

use std::time::Duration;

use harness::{Answer, SECRET, Service, Setup, deposit, id_of, new_uuid, order};
use insta::assert_json_snapshot;
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use standardwebhooks::Webhook;

const OTHER_SECRET: &str = "whsec_YW5vdGhlci1zZWNyZXQtb2YtdGhlLXNhbWUtbGVuZ3Ro";
const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";

/// What the specification's own library signs.
fn sign(secret: &str, id: &str, timestamp: i64, body: &str) -> String {
    let webhook = Webhook::new(secret).unwrap();
    webhook.sign(id, timestamp, body.as_bytes()).unwrap()
}

/// The body of a payment.
fn payment() -> String {
    json!({ "type": "deposit.detected", "data": deposit("0x01", "1000000") }).to_string()
}

/// An order of a service, and how events are sent about it.
struct Sender {
    service: Service,
    order: String,
}

impl Sender {
    async fn start(secrets: &str) -> Self {
        let service = Service::start_with(&Setup { secrets: secrets.to_owned(), ..Setup::default() }).await;
        let order = id_of(&service.create_order(order()).await);
        Self { service, order }
    }

    /// The service's time.
    fn now(&self) -> i64 {
        self.service.clock.now().as_seconds()
    }

    /// A request without the three headers.
    fn unsigned(&self, body: &str) -> RequestBuilder {
        self.service
            .post(&format!("/orders/{}/events", self.order))
            .header("content-type", "application/json")
            .body(body.to_owned())
    }

    /// Sends this body with these three headers.
    async fn send(&self, id: &str, timestamp: &str, signature: &str, body: &str) -> Answer {
        let request = self
            .unsigned(body)
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signature);
        self.service.send(request).await
    }

    /// Sends a payment, signed now, with this in the header.
    async fn send_signed(&self, signature: &str) -> Answer {
        self.send(ID, &self.now().to_string(), signature, &payment()).await
    }

    /// The right signature of a payment that is sent now.
    fn signature(&self, secret: &str) -> String {
        sign(secret, ID, self.now(), &payment())
    }

    /// The deposits that were recorded.
    async fn deposits(&self) -> Value {
        self.service.get_order(&self.order).await.ok()["depositTxs"].clone()
    }
}

#[tokio::test]
async fn what_the_specifications_library_signs_is_taken() {
    let sender = Sender::start(SECRET).await;
    sender.send_signed(&sender.signature(SECRET)).await.ok();
    assert_eq!(sender.deposits().await.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn every_header_is_required() {
    let sender = Sender::start(SECRET).await;
    let headers = [
        ("webhook-id", ID.to_owned()),
        ("webhook-timestamp", sender.now().to_string()),
        ("webhook-signature", sender.signature(SECRET)),
    ];
    for (missing, _) in &headers {
        let expected = (401, "signature_missing", Some(*missing));
        let (mut without, mut empty) = (sender.unsigned(&payment()), sender.unsigned(&payment()));
        for (name, value) in &headers {
            if name == missing {
                empty = empty.header(*name, "");
            } else {
                without = without.header(*name, value);
                empty = empty.header(*name, value);
            }
        }
        assert_eq!(sender.service.send(without).await.failure(), expected);
        assert_eq!(sender.service.send(empty).await.failure(), expected);
    }
    let unsigned = sender.service.send(sender.unsigned(&payment())).await;
    assert_json_snapshot!(unsigned.body, @r#"
    {
      "error": {
        "code": "signature_missing",
        "message": "The header webhook-id is missing",
        "param": "webhook-id",
        "type": "authentication_error"
      },
      "message": "The header webhook-id is missing",
      "statusCode": 401,
      "success": false
    }
    "#);
    assert_eq!(sender.deposits().await, json!([]));
}

#[tokio::test]
async fn the_headers_have_aliases() {
    let sender = Sender::start(SECRET).await;
    let (now, signature) = (sender.now().to_string(), sender.signature(SECRET));
    let values = [ID, &now, &signature];
    let send = async |names: [&str; 3]| {
        let mut request = sender.unsigned(&payment());
        for (name, value) in names.into_iter().zip(values) {
            request = request.header(name, value);
        }
        sender.service.send(request).await
    };
    for names in [
        ["svix-id", "svix-timestamp", "svix-signature"],
        ["Svix-Id", "Svix-Timestamp", "Svix-Signature"],
        ["svix-id", "webhook-timestamp", "webhook-signature"],
    ] {
        assert_eq!(send(names).await.status, 200, "{names:?}");
    }
    let missing = send(["svix-id", "svix-timestamp", "x-signature"]).await;
    assert_eq!(missing.failure(), (401, "signature_missing", Some("webhook-signature")));
    // The specification's own names come first, unless they are empty.
    let both = sender.unsigned(&payment()).header("svix-id", ID).header("svix-timestamp", &now);
    let both = both.header("svix-signature", &signature);
    let spoilt = both.try_clone().unwrap().header("webhook-signature", "v1,AAAA");
    assert_eq!(sender.service.send(spoilt).await.failure().1, "signature_invalid");
    sender.service.send(both.header("webhook-id", "")).await.ok();
}

#[tokio::test]
async fn a_message_id_under_its_alias_binds_as_well() {
    let sender = Sender::start(SECRET).await;
    let other = format!("checkout-order:{}:1", new_uuid());
    let now = sender.now();
    let request = sender
        .unsigned(&payment())
        .header("svix-id", &other)
        .header("svix-timestamp", now.to_string())
        .header("svix-signature", sign(SECRET, &other, now, &payment()));
    let answer = sender.service.send(request).await;
    assert_eq!(answer.failure(), (401, "signature_invalid", Some("webhook-id")));
}

#[tokio::test]
async fn credentials_of_another_kind_replace_no_signature() {
    let sender = Sender::start(SECRET).await;
    let request = sender
        .unsigned(&payment())
        .header("authorization", format!("Bearer {SECRET}"))
        .header("x-api-key", SECRET);
    let answer = sender.service.send(request).await;
    assert_eq!(answer.failure().1, "signature_missing");
    assert!(!answer.text.contains("whsec_"));
}

#[tokio::test]
async fn a_signature_with_another_secret_is_invalid() {
    let sender = Sender::start(SECRET).await;
    let answer = sender.send_signed(&sender.signature(OTHER_SECRET)).await;
    assert_json_snapshot!(answer.body, @r#"
    {
      "error": {
        "code": "signature_invalid",
        "message": "No signature matches",
        "param": "webhook-signature",
        "type": "authentication_error"
      },
      "message": "No signature matches",
      "statusCode": 401,
      "success": false
    }
    "#);
    assert_eq!(sender.deposits().await, json!([]));
}

#[tokio::test]
async fn whatever_was_tampered_with_no_longer_matches() {
    let sender = Sender::start(SECRET).await;
    let (now, body) = (sender.now(), payment());
    let signature = sender.signature(SECRET);
    let later = (now + 1).to_string();
    let now = now.to_string();
    let expected = (401, "signature_invalid", Some("webhook-signature"));
    for (id, timestamp, body) in [
        ("msg_other", &now, body.as_str()),
        (ID, &later, &body),
        (ID, &now, &body.replace("1000000", "1000001")),
        (ID, &now, &format!("{body} ")),
        (ID, &now, &body.replace(':', ": ")),
        (ID, &now, ""),
        (&format!("{ID}.{now}"), &now, &body),
    ] {
        let answer = sender.send(id, timestamp, &signature, body).await;
        assert_eq!(answer.failure(), expected, "{id} {timestamp} {body}");
    }
    assert_eq!(sender.deposits().await, json!([]));
    sender.send(ID, &now, &signature, &body).await.ok();
}

#[tokio::test]
async fn a_signature_is_good_for_five_minutes_before_and_after() {
    let sender = Sender::start(SECRET).await;
    let now = sender.now();
    for (offset, is_fresh) in [
        (0, true),
        (-1, true),
        (1, true),
        (-299, true),
        (299, true),
        (-300, true),
        (300, true),
        (-301, false),
        (301, false),
        (-86_400, false),
        (86_400, false),
        (-now, false),
        (i64::MAX - now, false),
    ] {
        let timestamp = now + offset;
        let signature = sign(SECRET, ID, timestamp, &payment());
        let answer = sender.send(ID, &timestamp.to_string(), &signature, &payment()).await;
        if is_fresh {
            assert_eq!(answer.status, 200, "{offset}");
        } else {
            let expected = (401, "signature_expired", Some("webhook-timestamp"));
            assert_eq!(answer.failure(), expected, "{offset}");
        }
    }
}

#[tokio::test]
async fn a_signature_grows_stale_on_the_services_clock() {
    let sender = Sender::start(SECRET).await;
    let (timestamp, signature) = (sender.now().to_string(), sender.signature(SECRET));
    sender.send(ID, &timestamp, &signature, &payment()).await.ok();
    sender.service.clock.advance(Duration::from_secs(301));
    let answer = sender.send(ID, &timestamp, &signature, &payment()).await;
    assert_json_snapshot!(answer.body, @r#"
    {
      "error": {
        "code": "signature_expired",
        "message": "The signature is more than five minutes off, or its timestamp is not in epoch seconds",
        "param": "webhook-timestamp",
        "type": "authentication_error"
      },
      "message": "The signature is more than five minutes off, or its timestamp is not in epoch seconds",
      "statusCode": 401,
      "success": false
    }
    "#);
}

#[tokio::test]
async fn a_timestamp_that_is_no_number_of_seconds_is_refused() {
    let sender = Sender::start(SECRET).await;
    for timestamp in ["now", "0x65", "1e9", "2026-01-31T12:00:00Z", "-", "9999999999999999999999"] {
        // `id.timestamp.7.{}` is what is signed, whichever dots one takes for the separators.
        let signature = sign(SECRET, &format!("{ID}.{timestamp}"), 7, "{}");
        let answer = sender.send(ID, timestamp, &signature, "7.{}").await;
        let (status, code, _) = answer.failure();
        assert_eq!((status, code), (401, "signature_expired"), "{timestamp}");
    }
    // Milliseconds are fifty thousand years off.
    let millis = sender.now() * 1000;
    let signature = sign(SECRET, ID, millis, &payment());
    let answer = sender.send(ID, &millis.to_string(), &signature, &payment()).await;
    assert_eq!(answer.failure().1, "signature_expired");
}

#[tokio::test]
async fn one_valid_signature_among_several_suffices() {
    let sender = Sender::start(SECRET).await;
    let (right, wrong) = (sender.signature(SECRET), sender.signature(OTHER_SECRET));
    for list in [
        format!("{right} {wrong}"),
        format!("{wrong} {right}"),
        format!("{right} {right}"),
        format!("{wrong} v1,nonsense v1a,nonsense {right}"),
        format!("v2,{} {right}", &right[3..]),
        format!("nonsense {right}"),
        format!("{wrong}  {right}"),
    ] {
        let answer = sender.send_signed(&list).await;
        assert_eq!(answer.status, 200, "{list}");
    }
    let answer = sender.send_signed(&format!("{wrong} {wrong}")).await;
    assert_eq!(answer.failure().1, "signature_invalid");
}

#[tokio::test]
async fn what_is_no_version_1_signature_counts_for_nothing() {
    let sender = Sender::start(SECRET).await;
    let right = sender.signature(SECRET);
    let base64 = &right["v1,".len()..];
    for signature in [
        base64.to_owned(),
        format!("v1a,{base64}"),
        format!("v2,{base64}"),
        format!("v0,{base64}"),
        format!("V1,{base64}"),
        format!("v1:{base64}"),
        format!("v1 {base64}"),
        format!("v1,,{base64}"),
        format!(",{base64}"),
        "v1,".to_owned(),
        "v1".to_owned(),
        "v1,*".to_owned(),
        format!("v1,{}", &base64[..40]),
        format!("v1,{base64}AAAA"),
        format!("v1,{}", base64.to_lowercase()),
        SECRET.to_owned(),
    ] {
        let answer = sender.send_signed(&signature).await;
        let expected = (401, "signature_invalid", Some("webhook-signature"));
        assert_eq!(answer.failure(), expected, "{signature}");
        assert!(!answer.text.contains(base64), "{}", answer.text);
    }
    assert_eq!(sender.deposits().await, json!([]));
}

#[tokio::test]
async fn while_a_secret_is_rotated_out_both_count() {
    let sender = Sender::start(&format!("{OTHER_SECRET} {SECRET}")).await;
    for secret in [SECRET, OTHER_SECRET] {
        let answer = sender.send_signed(&sender.signature(secret)).await;
        assert_eq!(answer.status, 200, "{secret}");
    }
    let both = format!("{} {}", sender.signature(SECRET), sender.signature(OTHER_SECRET));
    sender.send_signed(&both).await.ok();
    let third = sender.signature("whsec_YSB0aGlyZCBzZWNyZXQ=");
    assert_eq!(sender.send_signed(&third).await.failure().1, "signature_invalid");

    let rotated = Sender::start(OTHER_SECRET).await;
    let old = rotated.signature(SECRET);
    assert_eq!(rotated.send_signed(&old).await.failure().1, "signature_invalid");
    let new = rotated.signature(OTHER_SECRET);
    rotated.send_signed(&new).await.ok();
}

#[tokio::test]
async fn the_signature_is_checked_before_the_body_is_parsed() {
    let sender = Sender::start(SECRET).await;
    let now = sender.now();
    for body in ["", "{", "event", "[]", "{}", r#"{"type":"order.paid","data":{}}"#] {
        let wrong = sign(OTHER_SECRET, ID, now, body);
        let answer = sender.send(ID, &now.to_string(), &wrong, body).await;
        assert_eq!(answer.failure().1, "signature_invalid", "{body}");
        let answer = sender.service.send(sender.unsigned(body)).await;
        assert_eq!(answer.failure().1, "signature_missing", "{body}");
        let stale = sign(SECRET, ID, now - 301, body);
        let answer = sender.send(ID, &(now - 301).to_string(), &stale, body).await;
        assert_eq!(answer.failure().1, "signature_expired", "{body}");

        let right = sign(SECRET, ID, now, body);
        let answer = sender.send(ID, &now.to_string(), &right, body).await;
        assert_eq!(answer.failure().0, 400, "{body}");
    }
}

#[tokio::test]
async fn the_signature_is_checked_before_the_order_is_looked_up() {
    let mut sender = Sender::start(SECRET).await;
    let known = sender.send_signed(&sender.signature(OTHER_SECRET)).await;
    for order in [new_uuid().to_string(), "x".to_owned()] {
        sender.order = order;
        sender.service.calls.take();
        let answer = sender.send_signed(&sender.signature(OTHER_SECRET)).await;
        assert_eq!(answer.text, known.text);
        let answer = sender.service.send(sender.unsigned(&payment())).await;
        assert_eq!(answer.failure().1, "signature_missing");
        assert!(sender.service.calls.take().is_empty());

        let answer = sender.send_signed(&sender.signature(SECRET)).await;
        assert_eq!(answer.failure(), (404, "resource_not_found", Some("orderId")));
    }
}

#[tokio::test]
async fn the_bytes_of_the_body_are_signed_and_not_their_meaning() {
    let sender = Sender::start(SECRET).await;
    let now = sender.now();
    let body = format!(" {}\n", payment().replace(':', " :\t").replace("0x01", "\\u0030x01"));
    let signature = sign(SECRET, ID, now, &body);
    // In base64, as API Gateway hands on what it does not take for text.
    let request = sender
        .service
        .post(&format!("/orders/{}/events", sender.order))
        .header("webhook-id", ID)
        .header("webhook-timestamp", now.to_string())
        .header("webhook-signature", &signature)
        .body(body.clone());
    sender.service.send(request).await.ok();
    sender.send(ID, &now.to_string(), &signature, &body).await.ok();
    let deposits = sender.deposits().await;
    assert_eq!(deposits[0]["txHash"], "0x01");
    assert_eq!(deposits.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_message_that_comes_again_changes_nothing() {
    let sender = Sender::start(SECRET).await;
    let first = sender.send_signed(&sender.signature(SECRET)).await;
    let second = sender.send_signed(&sender.signature(SECRET)).await;
    assert_eq!(second.status, 200);
    assert_eq!(second.text, first.text);
}

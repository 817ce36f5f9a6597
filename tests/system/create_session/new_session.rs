//! What a new session shows, when it expires, and when the table may remove it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use domain::id::SessionId;
use harness::{DEFAULT_LIFETIME, Service, id_of, redact};
use insta::assert_json_snapshot;
use serde_json::{Value, json};

const THIRTY_DAYS: i64 = 30 * 24 * 60 * 60;

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
async fn an_unused_session_may_be_removed_thirty_days_after_its_deadline() {
    let service = Service::start().await;
    for expires_in in [300, 1800, 86_400] {
        let id = service.session_for(expires_in).await;
        let deadline = service.clock.now() + Duration::from_secs(expires_in);
        let order = SessionId::parse(&id).unwrap().order();
        assert_eq!(service.stored_ttl(order).await, Some(deadline.as_seconds() + THIRTY_DAYS));
    }
}

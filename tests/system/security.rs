//! What `SECURITY.md` promises and no other test shows.

use harness::{Answer, SECRET, Service, deposit, id_of, log, order};
use serde_json::json;
use standardwebhooks::Webhook;
use uuid::{Uuid, Variant};

#[tokio::test]
async fn sessions_and_orders_have_ids_of_122_random_bits() {
    let service = Service::start().await;
    let mut sessions = Vec::new();
    let mut orders = Vec::new();
    for _ in 0..64 {
        sessions.push(service.session().await);
        orders.push(id_of(&service.create_order(order()).await));
    }
    for ids in [sessions, orders] {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.parse().unwrap()).collect();
        assert!(ids.iter().all(|id| id.get_version_num() == 4 && id.get_variant() == Variant::RFC4122));
        let ones = ids.iter().fold(0, |ones, id| ones | id.as_u128());
        let zeros = ids.iter().fold(0, |zeros, id| zeros | !id.as_u128());
        // A bit that 64 draws left the same is one that is not drawn.
        assert_eq!((ones & zeros).count_ones(), 122);
    }
}

/// A deposit report under this message id, rightly signed.
async fn report(service: &Service, id: &str, order: &str) -> Answer {
    let body = json!({ "type": "deposit.detected", "data": deposit("0x01", "1000000") }).to_string();
    let timestamp = service.clock.now().as_seconds();
    let signature = Webhook::new(SECRET).unwrap().sign(id, timestamp, body.as_bytes()).unwrap();
    let request = service
        .post(&format!("/orders/{order}/events"))
        .header("webhook-id", id)
        .header("webhook-timestamp", timestamp)
        .header("webhook-signature", signature)
        .body(body);
    service.send(request).await
}

#[tokio::test]
async fn a_message_whose_id_names_its_order_cannot_be_sent_on_to_another() {
    let service = Service::start().await;
    let paid = service.linked_order(&service.session().await).await;
    let other = service.linked_order(&service.session().await).await;
    let ids = [
        format!("checkout-order:{paid}:1"),
        format!("checkout-order:{}:1", paid.to_uppercase()),
        format!("checkout-order:{paid}"),
    ];
    for id in &ids {
        let sent_on = report(&service, id, &other).await;
        assert_eq!(sent_on.failure(), (401, "signature_invalid", Some("webhook-id")), "{id}");
    }
    assert_eq!(service.get_order(&other).await.ok()["depositTxs"], json!([]));
    for id in &ids {
        report(&service, id, &paid).await.ok();
    }
    assert_eq!(service.get_order(&paid).await.ok()["depositTxs"].as_array().unwrap().len(), 1);

    // An id that means to name an order and does not is good for none.
    for id in ["checkout-order:", "checkout-order:1", &format!("checkout-order:{paid}_1")] {
        for order in [&paid, &other] {
            let refused = report(&service, id, order).await;
            assert_eq!(refused.failure(), (401, "signature_invalid", Some("webhook-id")), "{id}");
        }
    }
    // Any other id is a sender's own, and names no order.
    for id in [
        "order_1",
        "msg_1",
        &format!("msg_{paid}"),
        &format!("order_{paid}"),
        &format!("order_{paid}_1"),
        &format!("checkout-order-{paid}"),
        &format!("Checkout-Order:{paid}"),
        &format!("order_{}", "é".repeat(18)),
    ] {
        report(&service, id, &other).await.ok();
    }
}

/// Every test's lines are searched for what it sent (see the harness's `log`), the tests with a
/// failing database among them; here only that there are lines to search.
#[tokio::test]
async fn the_log_of_every_test_is_searched_for_what_it_sent() {
    let service = Service::start().await;
    let before = log::lines();
    let without_database = service.beside("http://127.0.0.1:1", &service.clock).await;
    assert_eq!(without_database.create_session(json!({})).await.status, 503);
    assert!(log::lines() > before);
}

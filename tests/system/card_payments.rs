//! Card payments by Stripe Checkout, played by a double that checks what the vendor documents.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::onramps::Onramps;
use doubles::WebhookTarget;
use doubles::stripe::{Fault, Outcome, sign};
use futures::future::join_all;
use harness::cards::{CardShop, SECRETS, account, visit};
use harness::permissions::{Permissions, granted, needed};
use harness::{Service, Setup, deposit, execution, id_of, order, order_for, with};
use serde_json::{Value, json};

fn strings(order: &str, session: &str) -> (String, String) {
    (order.to_owned(), session.to_owned())
}

/// The calls of a payment that comes late, and a webhook of the double.
pub(crate) async fn samples() -> Value {
    let shop = CardShop::start().await;
    let (_, order) = shop.order(600).await;
    let checkout = shop.checkout(&order).await;
    shop.service.clock.advance(Duration::from_mins(11));
    shop.stripe.pay(&checkout, Outcome::Paid).await.unwrap();
    shop.look(&order).await;
    let (_, ended) = shop.order(600).await;
    shop.checkout(&ended).await;
    shop.service.clock.advance(Duration::from_mins(11));
    shop.look(&ended).await;
    let calls: Vec<Value> =
        shop.stripe.calls().into_iter().map(|(call, form)| json!({ "call": call, "form": form })).collect();
    let secrets = SECRETS.map(str::to_owned).to_vec();
    shop.stripe.set_webhook(Some(WebhookTarget { url: String::new(), secrets }));
    let (signature, body) = shop.stripe.event("checkout.session.completed", &json!({ "id": checkout }));
    json!({ "calls": calls, "webhook": { "signature": signature, "body": body, "secrets": SECRETS } })
}

/// What the functions of card payments did to the table.
pub(crate) async fn permissions() -> [(&'static str, Permissions); 3] {
    let shop = CardShop::start().await;
    let of = |folder| needed(&shop.service.calls.take(), &granted(folder));
    let (_, order) = shop.order(3_600).await;
    shop.service.calls.take();
    let checkout = shop.checkout(&order).await;
    shop.stripe.pay(&checkout, Outcome::Paid).await.unwrap();
    // What is due has changed, so the visit looks at what was paid.
    shop.service.record_event(&order, "deposit.detected", deposit("0x01", "10000")).await.ok();
    let before = shop.service.calls.take();
    shop.visit(&order).await;
    let visits: Vec<_> = before.into_iter().filter(|call| call.operation != "TransactWriteItems").collect();
    let mut by_link = of("pay-order");
    for (resource, actions) in needed(&visits, &granted("pay-order")) {
        by_link.entry(resource).or_default().extend(actions);
    }
    let (_, order) = shop.order(3_600).await;
    let checkout = shop.checkout(&order).await;
    shop.stripe.pay(&checkout, Outcome::Paid).await.unwrap();
    shop.stripe.set_webhook(Some(WebhookTarget { url: String::new(), secrets: vec![SECRETS[0].to_owned()] }));
    let object = json!({ "client_reference_id": order });
    let (signature, body) = shop.stripe.event("checkout.session.completed", &object);
    shop.service.calls.take();
    shop.webhook(Some(&signature), &body).await.ok();
    let by_webhook = of("record-stripe-event");
    // It looks as the other one does, and finds orders by the index.
    let mut by_clock = by_webhook.clone();
    let query = BTreeSet::from(["dynamodb:Query".to_owned()]);
    by_clock.insert("${Table.Arn}/index/watched-orders".to_owned(), query);
    [("pay-order", by_link), ("record-stripe-event", by_webhook), ("watch-card", by_clock)]
}

const CREATE: &str = "POST /v1/checkout/sessions";

#[tokio::test]
async fn a_card_payment_completes_the_session_and_is_shown_as_what_it_is() {
    let shop = CardShop::with_webhooks().await;
    let (session, order) = shop.order(3_600).await;
    assert!(shop.stripe.calls().is_empty(), "an order calls no vendor");
    assert_eq!(shop.statuses(&session, &order).await, strings("waiting_stripe_payment", "open"));
    let shown = shop.service.get_order(&order).await;
    assert_eq!(shown.ok()["order"]["onrampMetadata"]["stripeAmountInCents"], 9_336);
    assert_eq!(shown.ok()["order"]["stripePaymentIntentId"], Value::Null);

    let checkout = shop.checkout(&order).await;
    let (_, form) = shop.stripe.calls()[0].clone();
    let parameter = |name: &str| form.iter().find(|(given, _)| given == name).map(|(_, value)| value.clone());
    for (name, value) in [
        ("mode", "payment"),
        ("client_reference_id", &order),
        ("line_items[0][price_data][currency]", "usd"),
        ("line_items[0][price_data][unit_amount]", "9336"),
        ("allowed_payment_method_types[0]", "card"),
        ("adaptive_pricing[enabled]", "false"),
        ("success_url", &format!("https://shop.example/ok?s={session}")),
        ("cancel_url", &format!("https://shop.example/no?s={session}")),
    ] {
        assert_eq!(parameter(name).as_deref(), Some(value), "{name}");
    }
    shop.stripe.pay(&checkout, Outcome::Paid).await.unwrap();
    assert_eq!(shop.statuses(&session, &order).await, strings("executed", "complete"));
    let shown = shop.service.get_order(&order).await;
    let shown = shown.ok();
    let [payment] = &shown["cardPayments"].as_array().unwrap()[..] else { panic!("{shown}") };
    let intent = shown["order"]["stripePaymentIntentId"].as_str().unwrap();
    let expected = json!({
        "orderId": order, "provider": "stripe", "paymentIntentId": intent, "amount": 9_336, "currency": "usd",
        "status": "succeeded", "counts": true, "refundedAmount": 0, "isDisputed": false,
        "createdAt": payment["createdAt"],
    });
    assert_eq!(*payment, expected);
    // No hash is invented.
    assert_eq!((&shown["depositTxs"], &shown["executeTx"]), (&json!([]), &Value::Null));
    assert_eq!(shown["order"]["filledAt"], payment["createdAt"]);
    assert_eq!(shown["order"]["receivedDepositAt"], payment["createdAt"]);
    assert_eq!(shown["order"]["settlement"], Value::Null);

    // Given back and disputed later, it stays complete and says so.
    shop.stripe.refund_by_hand(intent, Some(336)).await.unwrap();
    shop.stripe.dispute(intent).await.unwrap();
    let shown = shop.service.get_order(&order).await;
    let payment = &shown.ok()["cardPayments"][0];
    assert_eq!((&payment["refundedAmount"], &payment["isDisputed"]), (&json!(336), &json!(true)));
    assert_eq!(shop.statuses(&session, &order).await, strings("executed", "complete"));
    assert_eq!(shop.visit(&order).await.status(), 200);
    assert_eq!(shop.calls(CREATE), 1);
}

#[tokio::test]
async fn of_many_clicks_one_checkout_session_comes() {
    let shop = CardShop::start().await;
    let (_, order) = shop.order(3_600).await;
    let visits = join_all((0..50).map(|_| shop.visit(&order))).await;
    for visit in &visits {
        assert!(visit.status() == 303 || visit.status() == 503, "{}", visit.status());
    }
    assert_eq!(shop.stripe.checkout_sessions().len(), 1);
    shop.service.clock.advance(Duration::from_mins(50));
    let (_, other) = shop.order(3_600).await;
    for _ in 0..10 {
        shop.checkout(&other).await;
    }
    assert_eq!(shop.stripe.checkout_sessions().len(), 2);
}

#[tokio::test]
async fn what_is_due_changes_and_so_does_the_checkout_session() {
    let shop = CardShop::start().await;
    let (session, order) = shop.order(7_200).await;
    let first = shop.checkout(&order).await;
    shop.service.record_event(&order, "deposit.detected", deposit("0x01", "43354000")).await.ok();
    let second = shop.checkout(&order).await;
    let [old, new] = &shop.stripe.checkout_sessions()[..] else { panic!() };
    assert_eq!((&old["id"], &old["status"]), (&json!(first), &json!("expired")));
    assert_eq!(
        (&new["id"], &new["status"], &new["amount_total"]),
        (&json!(second), &json!("open"), &json!(5_000))
    );
    // The earlier page cannot be paid any more.
    assert!(shop.stripe.pay(&first, Outcome::Paid).await.is_err());
    shop.stripe.pay(&second, Outcome::Paid).await.unwrap();
    shop.look(&order).await;
    assert_eq!(shop.statuses(&session, &order).await, strings("executed", "complete"));
}

/// The payer pays a part from a wallet and leaves Stripe's page open. The whole amount must not be charged there.
#[tokio::test]
async fn a_page_that_asks_for_too_much_ends_without_another_visit() {
    let shop = CardShop::start().await;
    let (session, order) = shop.order(7_200).await;
    let page = shop.checkout(&order).await;
    watch_card::run(&shop.cards).await.unwrap();
    assert_eq!(shop.stripe.checkout_sessions()[0]["status"], "open");
    shop.service.record_event(&order, "deposit.detected", deposit("0x01", "20000")).await.ok();
    watch_card::run(&shop.cards).await.unwrap();
    assert!(shop.stripe.pay(&page, Outcome::Paid).await.is_err());
    let rest = shop.checkout(&order).await;
    assert_eq!(shop.stripe.checkout_sessions()[1]["amount_total"], 9_334);
    shop.stripe.pay(&rest, Outcome::Paid).await.unwrap();
    shop.look(&order).await;
    assert_eq!(shop.statuses(&session, &order).await, strings("executed", "complete"));
}

/// Its last look came before the payment, and Stripe took the payment nevertheless.
#[tokio::test]
async fn a_payment_on_a_page_that_has_ended_here_is_found_by_its_webhook() {
    let shop = CardShop::start().await;
    let (session, order) = shop.order(7_200).await;
    let page = shop.checkout(&order).await;
    shop.stripe.pay(&page, Outcome::Paid).await.unwrap();
    let id = domain::id::OrderId::parse(&order).unwrap();
    let mut card = shop.cards.store.read_card(id).await.unwrap().unwrap();
    card.attempts[0].end();
    assert!(shop.cards.store.write_card(&mut card, None).await.unwrap());
    shop.look(&order).await;
    assert_eq!(shop.statuses(&session, &order).await, strings("waiting_stripe_payment", "open"));
    shop.stripe.set_webhook(Some(WebhookTarget { url: String::new(), secrets: vec![SECRETS[0].to_owned()] }));
    let said = json!({ "id": page, "object": "checkout.session", "client_reference_id": order });
    let (signature, body) = shop.stripe.event("checkout.session.completed", &said);
    assert_eq!(shop.webhook(Some(&signature), &body).await.body["message"], "Webhook received");
    assert_eq!(shop.statuses(&session, &order).await, strings("executed", "complete"));
}

#[tokio::test]
async fn dust_on_the_chain_changes_no_page() {
    let shop = CardShop::start().await;
    let (_, order) = shop.order(7_200).await;
    let page = shop.checkout(&order).await;
    shop.service.record_event(&order, "deposit.detected", deposit("0x01", "1")).await.ok();
    assert_eq!(shop.checkout(&order).await, page);
    shop.stripe.pay(&page, Outcome::Paid).await.unwrap();
    shop.look(&order).await;
    assert_eq!(shop.service.order_status(&order).await, "executed");
}

#[tokio::test]
async fn addresses_that_stripe_does_not_take_are_left_out() {
    let shop = CardShop::start().await;
    let long = format!("https://shop.example/{}", "{ORDER_ID}".repeat(202));
    let session =
        id_of(&shop.service.create_session(json!({ "success_url": long.clone(), "cancel_url": long })).await);
    let onramp = json!({ "onramp": { "vendor": "stripe-web2" } });
    let order = id_of(&shop.service.create_order(with(order_for(&session), onramp)).await);
    shop.checkout(&order).await;
    let [page] = &shop.checkouts(&order)[..] else { panic!() };
    let link = format!("{}/orders/{order}/pay", shop.service.base);
    assert_eq!((&page["success_url"], &page["cancel_url"]), (&json!(link), &Value::Null));
}

#[tokio::test]
async fn a_payment_whose_webhook_is_lost_is_found() {
    let shop = CardShop::start().await;
    for by_visit in [true, false] {
        let (session, order) = shop.order(3_600).await;
        let checkout = shop.checkout(&order).await;
        shop.stripe.pay(&checkout, Outcome::Paid).await.unwrap();
        if by_visit {
            // The amount that is due has changed, so the page is not offered again blindly.
            shop.service.record_event(&order, "deposit.detected", deposit("0x01", "10000")).await.ok();
            assert_eq!(shop.visit(&order).await.status(), 200);
        } else {
            assert_eq!(shop.statuses(&session, &order).await, strings("waiting_stripe_payment", "open"));
            shop.look(&order).await;
        }
        assert_eq!(shop.statuses(&session, &order).await, strings("executed", "complete"));
    }
    // Nothing is open any more.
    let before = shop.stripe.calls().len();
    shop.look("").await;
    assert_eq!(shop.stripe.calls().len(), before);
}

#[tokio::test]
async fn late_money_is_given_back_once() {
    let shop = CardShop::start().await;
    let (session, order) = shop.order(600).await;
    let checkout = shop.checkout(&order).await;
    // Stripe keeps the page open for half an hour at least.
    shop.service.clock.advance(Duration::from_mins(11));
    shop.stripe.pay(&checkout, Outcome::Paid).await.unwrap();
    assert_eq!(shop.service.session_status(&session).await, "expired");
    shop.stripe.fail_next(Fault::Status(500));
    assert_eq!(watch_card::run(&shop.cards).await.unwrap().failed, 1);
    for _ in 0..3 {
        shop.look(&order).await;
    }
    assert_eq!(shop.statuses(&session, &order).await, strings("refunded", "expired"));
    let [refund] = &shop.stripe.refunds()[..] else { panic!() };
    assert_eq!(refund["amount"], 9_336);
    let shown = shop.service.get_order(&order).await;
    let payment = &shown.ok()["cardPayments"][0];
    assert_eq!((&payment["counts"], &payment["refundedAmount"]), (&json!(false), &json!(9_336)));
}

#[tokio::test]
async fn a_refund_that_stripe_does_not_make_is_tried_again_and_told() {
    let shop = CardShop::start().await;
    let (session, order) = shop.order(600).await;
    let checkout = shop.checkout(&order).await;
    shop.service.clock.advance(Duration::from_mins(11));
    shop.stripe.pay(&checkout, Outcome::Paid).await.unwrap();
    // The two looks before the refund are fine.
    let id = domain::id::OrderId::parse(&order).unwrap();
    shop.stripe.fail_next(Fault::OtherHost);
    shop.stripe.fail_next(Fault::RefundFails);
    let failed = shop.cards.look(id, None).await.unwrap_err().to_string();
    assert!(failed.contains("refund"), "{failed}");
    assert_eq!(shop.statuses(&session, &order).await, strings("refunding", "expired"));
    // Each run tries again and reports the failure. Within the hour Stripe repeats it.
    let run = watch_card::run(&shop.cards).await.unwrap();
    assert_eq!((run.looked_at, run.failed), (1, 1));
    shop.service.clock.advance(Duration::from_hours(1));
    let run = watch_card::run(&shop.cards).await.unwrap();
    assert_eq!((run.looked_at, run.failed), (1, 0));
    assert_eq!(shop.statuses(&session, &order).await, strings("refunded", "expired"));
}

/// What Stripe did not give back is asked for again. What the payer's bank sends back is not, and a person has to know.
#[tokio::test]
async fn a_refund_that_the_bank_sends_back_is_told_apart_from_one_that_was_repeated() {
    let shop = CardShop::start().await;
    let (_, order) = shop.order(600).await;
    let checkout = shop.checkout(&order).await;
    shop.service.clock.advance(Duration::from_mins(11));
    shop.stripe.pay(&checkout, Outcome::Paid).await.unwrap();
    let id = domain::id::OrderId::parse(&order).unwrap();
    shop.stripe.fail_next(Fault::OtherHost);
    shop.stripe.fail_next(Fault::RefundFails);
    assert!(shop.cards.look(id, None).await.is_err());
    assert_eq!(shop.cards.lost_refunds(id).await.unwrap(), 0, "it is asked for again");
    shop.service.clock.advance(Duration::from_hours(1));
    assert!(shop.cards.look(id, None).await.unwrap());
    assert_eq!(shop.cards.lost_refunds(id).await.unwrap(), 0, "the second one succeeded");
    shop.stripe.lose_refund().await.unwrap();
    assert!(shop.cards.look(id, None).await.unwrap());
    assert_eq!(shop.cards.lost_refunds(id).await.unwrap(), 9_336);
    assert_eq!(shop.stripe.refunds().len(), 2, "no repetition reaches a closed card");
}

/// Of another account, say: the key was replaced while pages were open.
#[tokio::test]
async fn a_page_that_stripe_never_knew_is_forgotten_after_a_day() {
    let shop = CardShop::start().await;
    let (_, order) = shop.order(3_600).await;
    shop.checkout(&order).await;
    let id = domain::id::OrderId::parse(&order).unwrap();
    let mut card = shop.cards.store.read_card(id).await.unwrap().unwrap();
    card.attempts[0].session = Some("cs_of_another_account".to_owned());
    assert!(shop.cards.store.write_card(&mut card, Some(shop.service.clock.now())).await.unwrap());
    // No payer is sent to a page whose payment would not be seen.
    assert_eq!(visit(&shop.service, &order).await.status(), 503);
    assert_eq!(watch_card::run(&shop.cards).await.unwrap().failed, 1);
    shop.service.clock.advance(Duration::from_hours(26));
    let run = watch_card::run(&shop.cards).await.unwrap();
    assert_eq!((run.looked_at, run.failed), (1, 0));
    assert_eq!(watch_card::run(&shop.cards).await.unwrap().looked_at, 0);
}

#[tokio::test]
async fn a_page_that_cannot_be_looked_at_keeps_no_other_from_it() {
    let shop = CardShop::start().await;
    let (session, order) = shop.order(7_200).await;
    let page = shop.checkout(&order).await;
    let id = domain::id::OrderId::parse(&order).unwrap();
    let mut card = shop.cards.store.read_card(id).await.unwrap().unwrap();
    card.attempts.push(card.attempts[0].clone());
    // The newest is looked at first.
    card.attempts[1].session = Some("cs_of_another_account".to_owned());
    assert!(shop.cards.store.write_card(&mut card, Some(shop.service.clock.now())).await.unwrap());
    shop.stripe.pay(&page, Outcome::Paid).await.unwrap();
    assert_eq!(watch_card::run(&shop.cards).await.unwrap().failed, 1);
    assert_eq!(shop.statuses(&session, &order).await, strings("executed", "complete"));
}

#[tokio::test]
async fn an_order_that_cannot_be_looked_at_waits_until_the_others_were() {
    let shop = CardShop::start().await;
    let (_, order) = shop.order(3_600).await;
    shop.checkout(&order).await;
    let id = domain::id::OrderId::parse(&order).unwrap();
    // Stripe does not know it, and never will.
    let mut card = shop.cards.store.read_card(id).await.unwrap().unwrap();
    card.attempts[0].session = Some("cs_of_another_account".to_owned());
    assert!(shop.cards.store.write_card(&mut card, Some(shop.service.clock.now())).await.unwrap());
    let place = async || {
        let key = |text: &str| AttributeValue::S(text.to_owned());
        let read = shop.service.database.get_item().table_name(&shop.service.table).consistent_read(true);
        let read = read.key("pk", key(&format!("card#{order}"))).key("sk", key("card"));
        read.send().await.unwrap().item.unwrap()["watch_order"].as_s().unwrap().clone()
    };
    let before = place().await;
    shop.service.clock.advance(Duration::from_mins(5));
    let run = watch_card::run(&shop.cards).await.unwrap();
    assert_eq!((run.looked_at, run.failed), (1, 1));
    // The index is read from the oldest place on.
    assert!(place().await > before);
}

#[tokio::test]
async fn what_ends_here_ends_at_stripe() {
    let shop = CardShop::start().await;
    for expires in [true, false] {
        let (session, order) = shop.order(600).await;
        let checkout = shop.checkout(&order).await;
        if expires {
            shop.service.expire_session(&session).await.ok();
        } else {
            shop.service.record_event(&order, "deposit.detected", deposit("0x01", "93354000")).await.ok();
            shop.service.record_event(&order, "order.executed", execution("0x02")).await.ok();
        }
        shop.look(&order).await;
        assert!(shop.stripe.pay(&checkout, Outcome::Paid).await.is_err(), "{expires}");
    }
    // Paid by card and on the chain: the card's money goes back.
    let (session, order) = shop.order(600).await;
    let checkout = shop.checkout(&order).await;
    shop.service.record_event(&order, "deposit.detected", deposit("0x01", "93354000")).await.ok();
    shop.stripe.pay(&checkout, Outcome::Paid).await.unwrap();
    shop.look(&order).await;
    assert_eq!(shop.stripe.refunds().len(), 1);
    assert_eq!(shop.service.session_status(&session).await, "processing");
}

#[tokio::test]
async fn a_declined_card_and_a_delayed_payment_hold_nothing() {
    let shop = CardShop::with_webhooks().await;
    let (session, order) = shop.order(3_600).await;
    let checkout = shop.checkout(&order).await;
    shop.stripe.pay(&checkout, Outcome::Declined).await.unwrap();
    assert_eq!(shop.statuses(&session, &order).await, strings("waiting_stripe_payment", "open"));
    assert_eq!(shop.service.get_order(&order).await.ok()["cardPayments"][0]["status"], "failed");
    assert_eq!(shop.checkout(&order).await, checkout, "the page can be used again");
    shop.stripe.pay(&checkout, Outcome::Delayed).await.unwrap();
    assert_eq!(shop.statuses(&session, &order).await, strings("waiting_stripe_payment", "open"));
    shop.stripe.settle_delayed(&checkout, true).await.unwrap();
    assert_eq!(shop.statuses(&session, &order).await, strings("executed", "complete"));
}

#[tokio::test]
async fn a_call_that_is_cut_off_is_finished_by_the_next() {
    let shop = CardShop::start().await;
    for fault in [Fault::CutResponse, Fault::InvalidBody, Fault::Hang, Fault::Status(409)] {
        let (_, order) = shop.order(3_600).await;
        let before = shop.stripe.checkout_sessions().len();
        shop.stripe.fail_next(fault);
        let first = shop.visit(&order).await;
        assert!([303, 400, 503].contains(&first.status().as_u16()), "{fault:?} {}", first.status());
        let checkout = shop.checkout(&order).await;
        assert_eq!(shop.stripe.checkout_sessions().len(), before + 1, "{fault:?}");
        shop.stripe.pay(&checkout, Outcome::Paid).await.unwrap();
    }
    // Stripe repeats a failure for its idempotency key, so the next attempt has another one.
    let (_, order) = shop.order(3_600).await;
    for fault in [Fault::DoneThen500, Fault::Status(500)] {
        shop.stripe.fail_next(fault);
        assert_eq!(shop.visit(&order).await.status(), 503);
    }
    shop.checkout(&order).await;
    for (fault, status) in [(Fault::Status(401), 400), (Fault::Status(429), 503), (Fault::OtherHost, 400)] {
        let (_, order) = shop.order(3_600).await;
        shop.stripe.fail_next(fault);
        let response = shop.visit(&order).await;
        assert_eq!(
            (response.status().as_u16(), response.headers().get("location")),
            (status, None),
            "{fault:?}"
        );
        let html = response.text().await.unwrap();
        assert!(html.contains("93.354 USDC") && !html.contains("evil"), "{html}");
    }
}

#[tokio::test]
async fn a_visit_and_a_webhook_end_before_their_function_does() {
    let shop = CardShop::start().await;
    let (_, clicked) = shop.order(3_600).await;
    let (_, looked_at) = shop.order(3_600).await;
    shop.checkout(&looked_at).await;
    // Each call alone may take longer than the function.
    let setup = Setup { stripe: Some(account(&shop.stripe, Duration::from_mins(1))), ..shop.setup.clone() };
    let patient = Service::on(shop.service.table(), &shop.service.aws, &shop.service.clock, &setup).await;
    shop.stripe.fail_next(Fault::Hang);
    shop.stripe.fail_next(Fault::Hang);
    let body = json!({ "data": { "object": { "client_reference_id": looked_at } } }).to_string();
    let signature = sign(&body, &[SECRETS[0].to_owned()], shop.service.clock.now().as_seconds());
    let webhook = patient.post("/webhooks/stripe").header("stripe-signature", signature).body(body);
    let both = async { tokio::join!(visit(&patient, &clicked), patient.send(webhook)) };
    // The functions end after 15 seconds (template.yaml).
    let (page, webhook) = tokio::time::timeout(Duration::from_secs(15), both).await.unwrap();
    assert_eq!(page.status(), 503);
    assert!(page.text().await.unwrap().contains("Try again in a moment"));
    assert_eq!(webhook.failure(), (503, "onramp_unavailable", None));
    // What was cut off is finished by the next visit.
    let page = shop.checkout(&clicked).await;
    shop.stripe.pay(&page, Outcome::Paid).await.unwrap();
}

#[tokio::test]
async fn webhooks_are_believed_by_their_signature_alone_and_only_make_us_look() {
    let shop = CardShop::start().await;
    let target = WebhookTarget { url: String::new(), secrets: vec![SECRETS[1].to_owned()] };
    let (session, order) = shop.order(3_600).await;
    shop.checkout(&order).await;
    shop.stripe.set_webhook(Some(target));
    let lie = json!({ "client_reference_id": order, "payment_status": "paid", "status": "complete" });
    let (signature, body) = shop.stripe.event("checkout.session.completed", &lie);
    for _ in 0..2 {
        assert_eq!(shop.webhook(Some(&signature), &body).await.body["message"], "Webhook received");
    }
    assert_eq!(shop.statuses(&session, &order).await, strings("waiting_stripe_payment", "open"));

    let calls = shop.stripe.calls().len();
    let now = shop.service.clock.now().as_seconds();
    let secret = [SECRETS[0].to_owned()];
    for (signature, code) in [
        (None, "signature_missing"),
        (Some(sign(&body, &["whsec_other".to_owned()], now)), "signature_invalid"),
        (Some(sign("{}", &secret, now)), "signature_invalid"),
        (Some(sign(&body, &secret, now - 301)), "signature_expired"),
        (Some(sign(&body, &secret, now + 301)), "signature_expired"),
        (Some(String::new()), "signature_invalid"),
    ] {
        let refused = shop.webhook(signature.as_deref(), &body).await;
        assert_eq!(refused.failure(), (401, code, Some("Stripe-Signature")));
    }
    assert_eq!(shop.stripe.calls().len(), calls, "an unknown charge costs no call");
    for body in [
        "",
        "{",
        "[]",
        "{}",
        r#"{"data":{"object":{"metadata":{"order_id":"7"}}}}"#,
        r#"{"data":{"object":{"payment_intent":""}}}"#,
        r#"{"data":{"object":{"payment_intent":"../refunds"}}}"#,
    ] {
        let answer = shop.webhook(Some(&sign(body, &secret, now)), body).await;
        assert!(answer.status == 200 || answer.failure().1 == "invalid_json", "{}", answer.text);
    }
    // A name that is none hides no other.
    let named = json!({ "metadata": { "order_id": "7" }, "client_reference_id": order });
    let (signature, body) = shop.stripe.event("checkout.session.completed", &named);
    assert_eq!(shop.webhook(Some(&signature), &body).await.body["message"], "Webhook received");
    // Of another payment of the account.
    let other = json!({ "object": "charge", "payment_intent": "pi_of_another_shop" });
    let (signature, body) = shop.stripe.event("charge.refunded", &other);
    assert_eq!(shop.webhook(Some(&signature), &body).await.body["message"], "Webhook ignored");
    // What cannot be looked at now is sent again.
    let (signature, body) = shop.stripe.event("checkout.session.completed", &lie);
    shop.stripe.fail_next(Fault::Status(500));
    assert_eq!(shop.webhook(Some(&signature), &body).await.failure(), (503, "onramp_unavailable", None));
}

#[tokio::test]
async fn a_page_that_is_open_counts_although_cards_are_offered_no_more() {
    let shop = CardShop::start().await;
    let (session, order) = shop.order(3_600).await;
    let page = shop.checkout(&order).await;
    let setup = Setup { onramps: Onramps::default(), ..shop.setup.clone() };
    let later = Service::on(shop.service.table(), &shop.service.aws, &shop.service.clock, &setup).await;
    assert_eq!(visit(&later, &order).await.status(), 400, "no new page");
    shop.stripe.pay(&page, Outcome::Paid).await.unwrap();
    let body = json!({ "data": { "object": { "client_reference_id": order } } }).to_string();
    let signature = sign(&body, &[SECRETS[0].to_owned()], shop.service.clock.now().as_seconds());
    let webhook = later.post("/webhooks/stripe").header("stripe-signature", signature).body(body);
    assert_eq!(later.send(webhook).await.body["message"], "Webhook received");
    assert_eq!(shop.statuses(&session, &order).await, strings("executed", "complete"));
    assert_eq!(visit(&later, &order).await.status(), 200, "the payer reads that it is paid");
}

/// No webhook came yet, and Stripe sends a payer without a return URL back to the link itself.
#[tokio::test]
async fn a_payer_who_comes_back_from_the_page_is_told_that_it_is_paid() {
    let shop = CardShop::start().await;
    let (session, order) = shop.order(3_600).await;
    let page = shop.checkout(&order).await;
    shop.stripe.pay(&page, Outcome::Paid).await.unwrap();
    assert_eq!(visit(&shop.service, &order).await.status(), 200);
    assert_eq!(shop.statuses(&session, &order).await, strings("executed", "complete"));
}

/// The session ends while the payer's bank asks them something. Stripe ends the page, but may let the payment finish.
#[tokio::test]
async fn a_payment_that_the_end_of_its_page_interrupts_is_not_forgotten() {
    for finishes in [true, false] {
        let shop = CardShop::start().await;
        let (session, order) = shop.order(3_600).await;
        let page = shop.checkout(&order).await;
        shop.stripe.pay(&page, Outcome::Authenticating).await.unwrap();
        shop.look(&order).await;
        shop.service.expire_session(&session).await.ok();
        shop.look(&order).await;
        assert_eq!(shop.stripe.checkout_sessions()[0]["status"], "expired");
        // No webhook names an expired page, so the order stays watched.
        shop.stripe.settle_delayed(&page, finishes).await.unwrap();
        assert_eq!(watch_card::run(&shop.cards).await.unwrap().looked_at, 1);
        assert_eq!(shop.stripe.refunds().len(), usize::from(finishes));
        let status = if finishes { "refunded" } else { "expired" };
        assert_eq!(shop.statuses(&session, &order).await, strings(status, "expired"));
        assert_eq!(watch_card::run(&shop.cards).await.unwrap().looked_at, 0);
    }
}

#[tokio::test]
async fn a_deployment_without_cards_takes_no_webhook_and_no_order() {
    let service = Service::start().await;
    let answer = service.send(service.post("/webhooks/stripe").body("{}")).await;
    assert_eq!(answer.failure(), (400, "onramp_not_configured", None));
    let shop = CardShop::start().await;
    let onramp = json!({ "onramp": { "vendor": "stripe-web2" } });
    for amount in ["490000", "1000000000001"] {
        let amount = json!({ "srcAmount": amount, "payload": { "expectedDstAmount": amount } });
        let refused = shop.service.create_order(with(with(order(), amount), onramp.clone())).await;
        assert_eq!(refused.failure(), (400, "invalid_field_value", Some("srcAmount")));
    }
}

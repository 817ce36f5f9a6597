//! What happens when many call at once. Every call here is in flight together with its
//! rivals; whichever comes first, the outcomes must fit together.

use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::{join, join_all};
use harness::{Answer, Service, deposit, execution, new_uuid, order, order_for, refund, with};
use serde_json::{Value, json};

const ROUNDS: usize = 40;

/// The number of items in the table that hold what `filter` says.
async fn count(service: &Service, filter: &str) -> i32 {
    service
        .database
        .scan()
        .table_name(&service.table)
        .consistent_read(true)
        .filter_expression(filter)
        .expression_attribute_names("#what", "order")
        .send()
        .await
        .unwrap()
        .count()
}

/// The payload of an order whose amount does not matter to its recipient.
fn expecting_nothing() -> Value {
    json!({ "expectedDstAmount": "0" })
}

/// The number of orders in the table.
async fn orders(service: &Service) -> i32 {
    count(service, "attribute_exists(#what)").await
}

/// The one answer of many that is a success, and the others.
fn winner(answers: &[Answer]) -> (&Answer, Vec<&Answer>) {
    let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!(won.len(), 1, "{won:#?}");
    (won[0], lost)
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_orders_at_one_session_make_one_and_all_others_learn_its_id() {
    let service = Service::start().await;
    let session = service.session().await;

    let answers = join_all((0..50).map(|_| service.create_order(order_for(&session)))).await;

    let (won, lost) = winner(&answers);
    assert_eq!(lost.len(), 49);
    for answer in lost {
        assert_eq!(answer.failure(), (409, "session_already_has_order", Some("checkoutSessionId")));
        assert_eq!(answer.body["error"]["order_id"], won.ok()["id"]);
    }
    assert_eq!(orders(&service).await, 1);
    assert_eq!(service.get_session(&session).await.ok()["order_id"], won.ok()["id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_different_orders_at_one_session_the_one_that_was_answered_is_kept() {
    let service = Service::start().await;
    let session = service.session().await;

    let answers = join_all((1..=50).map(|amount: u32| {
        let terms =
            json!({ "srcAmount": amount.to_string(), "payload": expecting_nothing(), "clientReferenceId": format!("rival-{amount}") });
        service.create_order(with(order_for(&session), terms))
    }))
    .await;

    let (won, lost) = winner(&answers);
    let id = won.ok()["id"].as_str().unwrap();
    assert!(lost.iter().all(|answer| answer.body["error"]["order_id"] == id), "{lost:#?}");
    assert_eq!(orders(&service).await, 1);
    assert_eq!(service.get_order(id).await.ok()["order"], *won.ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn expiring_a_session_while_an_order_is_made_never_contradicts_either_answer() {
    let service = &Service::start().await;

    join_all((0..ROUNDS).map(|round| async move {
        let session = &service.session().await;
        // Which of the two sets out first alternates.
        let (expired, ordered) = if round % 2 == 0 {
            join(service.expire_session(session), service.create_order(order_for(session))).await
        } else {
            let calls = join(service.create_order(order_for(session)), service.expire_session(session));
            let (ordered, expired) = calls.await;
            (expired, ordered)
        };

        // An unpaid order is no reason not to expire.
        assert_eq!(expired.ok()["status"], "expired");
        let seen = service.get_session_with_order(session).await;
        assert_eq!(seen.ok()["status"], "expired");
        if ordered.status == 200 {
            let id = &ordered.ok()["id"];
            assert_eq!(expired.ok()["order_id"], *id);
            assert_eq!(seen.ok()["order_id"], *id);
            assert_eq!(seen.ok()["order"]["order"]["status"], "expired");
        } else {
            let refused = (400, "invalid_status_transition", Some("checkoutSessionId"));
            assert_eq!(ordered.failure(), refused);
            assert_eq!(expired.ok()["order_id"], json!(null));
            assert_eq!(seen.ok()["order_id"], json!(null));
            assert_eq!(seen.ok()["order"], json!(null));
        }
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn expiring_a_session_while_it_is_paid_ends_in_one_of_the_two_and_keeps_the_deposit() {
    let service = &Service::start().await;

    join_all((0..ROUNDS).map(|round| async move {
        let session = &service.session().await;
        let order = &service.linked_order(session).await;
        let facts = deposit("0x01", "1000000");
        let (expired, paid) = if round % 2 == 0 {
            join(service.expire_session(session), service.record_event(order, "deposit.detected", facts))
                .await
        } else {
            let calls =
                join(service.record_event(order, "deposit.detected", facts), service.expire_session(session));
            let (paid, expired) = calls.await;
            (expired, paid)
        };

        // No deposit is ever lost, whichever of the two came first.
        assert_eq!(paid.ok()["depositTxs"][0]["txHash"], "0x01");
        let seen = service.get_session_with_order(session).await;
        let record = &seen.ok()["order"];
        assert_eq!(record["depositTxs"].as_array().unwrap().len(), 1);
        let (session_status, order_status) = if expired.status == 200 {
            assert_eq!(expired.ok()["status"], "expired");
            ("expired", "refunding")
        } else {
            let refused = (400, "invalid_status_transition", Some("sessionId"));
            assert_eq!(expired.failure(), refused);
            ("processing", "executing")
        };
        assert_eq!(seen.ok()["status"], session_status);
        assert_eq!(record["order"]["status"], order_status);
        assert_eq!(paid.ok()["order"]["status"], order_status);
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_expire_one_session_at_once_succeed_once() {
    let service = Service::start().await;
    let session = service.session().await;

    let answers = join_all((0..20).map(|_| service.expire_session(&session))).await;

    let (_, lost) = winner(&answers);
    for answer in lost {
        let refused = (400, "invalid_status_transition", Some("sessionId"));
        assert_eq!(answer.failure(), refused);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_deposits_at_once_are_all_kept_and_add_up() {
    let service = &Service::start().await;
    let session = service.session().await;
    // 1 + 2 + … + 50, so that only all of them together cover the order.
    let terms = with(order_for(&session), json!({ "srcAmount": "1275", "payload": expecting_nothing() }));
    let created = service.create_order(terms).await;
    let order = created.ok()["id"].as_str().unwrap();

    let answers = join_all((1..=50).map(|amount: u32| {
        let facts = deposit(&format!("0x{amount:02}"), &amount.to_string());
        service.record_event(order, "deposit.detected", facts)
    }))
    .await;

    for answer in &answers {
        answer.ok();
    }
    let seen = service.get_order(order).await;
    let deposits = seen.ok()["depositTxs"].as_array().unwrap();
    let mut amounts: Vec<u32> = deposits.iter().map(amount_of).collect();
    amounts.sort_unstable();
    assert!(amounts.iter().copied().eq(1..=50), "{amounts:?}");
    assert_eq!(seen.ok()["order"]["status"], "executing");
    assert_eq!(service.session_status(&session).await, "processing");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_reads_while_deposits_arrive_sees_status_and_deposits_that_fit_together() {
    let service = &Service::start().await;
    let session = &service.session().await;
    let terms = with(order_for(session), json!({ "srcAmount": "10", "payload": expecting_nothing() }));
    let created = service.create_order(terms).await;
    let order = created.ok()["id"].as_str().unwrap();

    let payers = join_all((0..20).map(|number| async move {
        let facts = deposit(&format!("0x{number:02}"), "1");
        service.record_event(order, "deposit.detected", facts).await.ok();
    }));
    let readers = join_all((0..4).map(|_| async {
        let mut most = 0;
        while most < 20 {
            let seen = service.get_session_with_order(session).await;
            let record = &seen.ok()["order"];
            let received = record["depositTxs"].as_array().unwrap().len();
            assert!(received >= most, "{received} after {most}");
            most = received;
            let (session_status, order_status) = if received < 10 {
                ("open", "scanning_deposit_transaction")
            } else {
                ("processing", "executing")
            };
            assert_eq!(seen.ok()["status"], session_status, "{received}");
            assert_eq!(record["order"]["status"], order_status, "{received}");
        }
    }));
    join(payers, readers).await;
}

/// Where a session can go from each status.
fn may_follow(before: &str, after: &str) -> bool {
    match before {
        "open" => true,
        "processing" => after != "open",
        terminal => after == terminal,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_at_once_no_reader_sees_a_session_go_back() {
    let service = &Service::start().await;

    join_all((0..ROUNDS / 2).map(|round| async move {
        let session = &service.session().await;
        let order = &service.linked_order(session).await;
        let report = async |kind: &str, facts: Value| {
            service.record_event(order, kind, facts).await.ok();
        };
        let writers = async {
            let paid = report("deposit.detected", deposit("0x01", "1000000"));
            let executed = report("order.executed", execution("0x02"));
            let refunded = report("refund.updated", refund("0x03", "1", "success"));
            let failed = report("order.failed", json!({ "errorDetails": "no liquidity" }));
            let expired = service.expire_session(session);
            // Which of the rivals take part differs from round to round.
            match round % 4 {
                0 => drop(join(expired, join(paid, executed)).await),
                1 => drop(join(join(failed, paid), join(executed, expired)).await),
                2 => drop(join(join(refunded, paid), executed).await),
                _ => drop(join(join(failed, refunded), join(executed, expired)).await),
            }
        };
        let done = AtomicBool::new(false);
        let reader = async {
            let mut before = "open".to_owned();
            while !done.load(Ordering::SeqCst) {
                let after = service.session_status(session).await;
                assert!(may_follow(&before, &after), "{after} after {before}");
                before = after;
            }
            before
        };
        let writers = async {
            writers.await;
            done.store(true, Ordering::SeqCst);
        };
        let (last_seen, ()) = Box::pin(join(reader, writers)).await;
        let at_last = service.session_status(session).await;
        assert!(may_follow(&last_seen, &at_last), "{at_last} after {last_seen}");
        assert!(["complete", "expired"].contains(&&*at_last), "{at_last}");
    }))
    .await;
}

fn amount_of(deposit: &Value) -> u32 {
    deposit["amount"].as_str().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_deposit_reported_twenty_times_at_once_counts_once() {
    let service = &Service::start().await;
    let session = service.session().await;
    let order = &service.linked_order(&session).await;

    // Counted twenty times, it would cover the order.
    let report = || service.record_event(order, "deposit.detected", deposit("0x01", "60000"));
    let answers = join_all((0..20).map(|_| report())).await;

    for answer in &answers {
        assert_eq!(answer.ok()["depositTxs"].as_array().unwrap().len(), 1);
    }
    let seen = service.get_order(order).await;
    assert_eq!(seen.ok()["depositTxs"].as_array().unwrap().len(), 1);
    assert_eq!(seen.ok()["order"]["status"], "scanning_deposit_transaction");
    assert_eq!(service.session_status(&session).await, "open");
}

/// Twenty identical calls with one key at once: one is carried out, and all are answered
/// alike. Returns what they were told.
async fn twenty_calls_with_one_key(service: &Service, path: &str, body: &Value) -> Value {
    let key = format!("key of {}", new_uuid());
    let answers = join_all((0..20).map(|_| {
        let request = service.post(path).header("idempotency-key", &key).json(body);
        service.send(request)
    }))
    .await;
    all_alike(&answers)
}

/// Checks that all are the same success and all but one are replays.
fn all_alike(answers: &[Answer]) -> Value {
    for answer in answers {
        answer.ok();
        assert_eq!(answer.text, answers[0].text);
    }
    let first_answers = answers.iter().filter(|answer| !answer.is_replay()).count();
    assert_eq!(first_answers, 1, "{answers:#?}");
    answers[0].ok().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_sessions_with_one_key_at_once_are_one_session() {
    let service = Service::start().await;
    let body = json!({ "client_reference_id": "cart-1" });

    twenty_calls_with_one_key(&service, "/checkout-sessions", &body).await;

    // `#what` is only named because the expression must use every name it is given.
    let sessions = count(&service, "attribute_exists(deadline) AND attribute_not_exists(#what)");
    assert_eq!(sessions.await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_orders_with_one_key_at_once_are_one_order() {
    let service = Service::start().await;

    twenty_calls_with_one_key(&service, "/orders", &order()).await;

    assert_eq!(orders(&service).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_links_with_one_key_at_once_are_one_linked_order() {
    let service = Service::start().await;
    let session = service.session().await;

    let made = twenty_calls_with_one_key(&service, "/orders", &order_for(&session)).await;

    assert_eq!(orders(&service).await, 1);
    assert_eq!(service.get_session(&session).await.ok()["order_id"], made["id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_expirations_with_one_key_at_once_are_one_expiration() {
    let service = Service::start().await;
    let session = service.session().await;

    let path = format!("/checkout-sessions/{session}/expire");
    let made = twenty_calls_with_one_key(&service, &path, &json!({})).await;

    assert_eq!(made["status"], "expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_reports_with_one_key_at_once_are_one_report() {
    let service = Service::start().await;
    let session = service.session().await;
    let order = service.linked_order(&session).await;
    let body = json!({ "type": "deposit.detected", "data": deposit("0x01", "1000000") }).to_string();

    let answers = join_all((0..20).map(|_| {
        let request = service.event(&order, body.as_bytes());
        service.send(request.header("idempotency-key", "report 1"))
    }))
    .await;

    let made = all_alike(&answers);
    assert_eq!(made["depositTxs"].as_array().unwrap().len(), 1);
    assert_eq!(service.order_status(&order).await, "executing");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_with_two_bodies_at_once_makes_one_thing_and_refuses_the_other_body() {
    let service = &Service::start().await;

    let answers = join_all((0..20).map(|call| {
        let reference = if call % 2 == 0 { "even" } else { "odd" };
        let body = json!({ "client_reference_id": reference });
        let request = service.post("/checkout-sessions").json(&body);
        async move { (reference, service.send(request.header("idempotency-key", "shared")).await) }
    }))
    .await;

    let made = answers.iter().find(|(_, answer)| answer.status == 200 && !answer.is_replay());
    let (kept, first) = made.unwrap();
    for (reference, answer) in &answers {
        if reference == kept {
            assert_eq!(answer.text, first.text);
        } else {
            let refused = (409, "idempotency_conflict", Some("Idempotency-Key"));
            assert_eq!(answer.failure(), refused);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_sessions_linked_at_once_under_one_key_link_one_of_them() {
    let service = Service::start().await;
    let sessions = [service.session().await, service.session().await];

    let answers = join_all(sessions.iter().map(|session| {
        let request = service.post("/orders").json(&order_for(session));
        service.send(request.header("idempotency-key", "shared"))
    }))
    .await;

    let (_, lost) = winner(&answers);
    let refused = (409, "idempotency_conflict", Some("Idempotency-Key"));
    assert_eq!(lost[0].failure(), refused);
    assert_eq!(orders(&service).await, 1);
}

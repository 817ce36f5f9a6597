//! A database that is out of reach, busy, refusing or silent; and replies that are lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use domain::time::{CLOCK_SKEW_BOUND_MS, Timestamp};
use futures::FutureExt;
use futures::future::join_all;
use harness::fault::{self, Fault};
use harness::proxy::{Fate, interpose};
use harness::{Answer, DEFAULT_LIFETIME, Service, deposit, order, order_for};
use reqwest::RequestBuilder;
use serde_json::json;

/// After this long API Gateway responds by itself, and the function's response is dropped.
const GATEWAY_TIMEOUT: Duration = Duration::from_secs(30);

// -- Between the functions and the engine ---------------------------------------------------

/// An error of DynamoDB.
fn error(status: u16, code: &str) -> Fate {
    Fate::Fail(StatusCode::from_u16(status).unwrap(), fault::error(code))
}

/// A transaction cancelled for these reasons.
fn cancelled(reasons: &[&str]) -> Fate {
    Fate::Fail(StatusCode::BAD_REQUEST, fault::cancelled(reasons))
}

const LOSE_REPLY: Fate = Fate::Meet(Fault::LostReply);

fn is_write(operation: &str) -> bool {
    ["PutItem", "UpdateItem", "TransactWriteItems"].contains(&operation)
}

/// Gives the first so many of the calls that `concerns` picks a fate, and forwards all others.
/// `seen` counts the calls that it concerns.
fn first(
    seen: Arc<AtomicUsize>,
    times: usize,
    concerns: fn(&str) -> bool,
    fate: impl Fn() -> Fate + Clone + Send + Sync,
) -> impl Fn(&str) -> Fate + Clone + Send + Sync {
    move |operation| {
        if concerns(operation) && seen.fetch_add(1, Ordering::SeqCst) < times {
            fate()
        } else {
            Fate::Forward
        }
    }
}

// -- What is asked of the service -----------------------------------------------------------

/// A request that would succeed, with a name for it.
type Named = (String, RequestBuilder);

/// A request for each way in which each endpoint reads.
fn reads(service: &Service, session: &str, order: &str) -> Vec<Named> {
    [
        format!("/checkout-sessions/{session}"),
        format!("/checkout-sessions/{session}?include=order"),
        format!("/orders/{order}"),
    ]
    .into_iter()
    .map(|path| (format!("GET {path}"), service.get(&path)))
    .collect()
}

/// The number of ways in which endpoints write.
const WRITES: usize = 10;

/// A request for each way in which each endpoint writes. `session` is open and has no order;
/// `order` belongs to a session of its own, `expirable`.
fn writes(service: &Service, session: &str, order: &str, expirable: &str) -> Vec<Named> {
    let report = json!({ "type": "deposit.detected", "data": deposit("0x01", "1") }).to_string();
    let expire = format!("/checkout-sessions/{expirable}/expire");
    let requests = || {
        [
            ("create a session", service.post("/checkout-sessions").json(&json!({}))),
            ("create an order", service.post("/orders").json(&self::order())),
            ("link an order", service.post("/orders").json(&order_for(session))),
            ("record an event", service.event(order, report.as_bytes())),
            ("expire a session", service.post(&expire)),
        ]
    };
    let plain = requests().map(|(name, request)| (name.to_owned(), request));
    let with_key = requests().map(|(name, request)| {
        let key = format!("to {name}");
        (format!("{name} with a key"), request.header("idempotency-key", key))
    });
    plain.into_iter().chain(with_key).collect()
}

/// The stage for all of it, made while the database still works.
struct Stage {
    healthy: Service,
    session: String,
    order: String,
    expirable: String,
}

impl Stage {
    async fn new() -> Self {
        let healthy = Service::start().await;
        let session = healthy.session().await;
        let expirable = healthy.session().await;
        let order = healthy.linked_order(&expirable).await;
        Self { healthy, session, order, expirable }
    }

    async fn service(&self, endpoint: &str) -> Service {
        self.healthy.beside(endpoint, &self.healthy.clock).await
    }

    fn reads(&self, service: &Service) -> Vec<Named> {
        reads(service, &self.session, &self.order)
    }

    fn writes(&self, service: &Service) -> Vec<Named> {
        writes(service, &self.session, &self.order, &self.expirable)
    }

    /// What an observer sees; refused and failed calls must not change it.
    async fn seen(&self) -> [String; 3] {
        [
            self.healthy.get_session_with_order(&self.session).await.text,
            self.healthy.get_session_with_order(&self.expirable).await.text,
            self.healthy.get_order(&self.order).await.text,
        ]
    }
}

/// Sends all of them at once. Each must be answered before API Gateway gives up.
async fn answers(service: &Service, requests: Vec<Named>) -> Vec<(String, Answer)> {
    join_all(requests.into_iter().map(|(name, request)| async move {
        let answer = tokio::time::timeout(GATEWAY_TIMEOUT, service.send(request)).await;
        let answer = answer.unwrap_or_else(|_| panic!("{name}: not answered in time"));
        (name, answer)
    }))
    .await
}

fn assert_unavailable(answers: &[(String, Answer)]) {
    for (name, answer) in answers {
        assert_eq!(answer.failure(), (503, "temporarily_unavailable", None), "{name}: {}", answer.text);
        assert_eq!(answer.body["error"]["type"], "api_error");
        let seconds: u32 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!(seconds >= 1);
        assert_tells_nothing(name, answer);
    }
}

fn assert_internal_error(answers: &[(String, Answer)]) {
    for (name, answer) in answers {
        assert_eq!(answer.failure(), (500, "internal_error", None), "{name}: {}", answer.text);
        assert_eq!(answer.body["error"]["type"], "api_error");
        assert_tells_nothing(name, answer);
    }
}

/// Nothing of the inside leaks into an answer.
fn assert_tells_nothing(name: &str, answer: &Answer) {
    let text = answer.text.to_lowercase();
    for word in [
        "inside",
        "arn:",
        "dynamo",
        "table",
        "exception",
        "throttl",
        "transaction",
        "127.0.0.1",
        "connect",
        "panic",
    ] {
        assert!(!text.contains(word), "{name}: {word} in {text}");
    }
}

// -- The database cannot serve --------------------------------------------------------------

/// Each endpoint, over a database with this one answer, is unavailable and changes nothing.
async fn all_are_unavailable(fate: Fate) {
    let stage = Stage::new().await;
    let before = stage.seen().await;
    let endpoint = interpose(&stage.healthy, move |_| fate.clone()).await;
    let service = stage.service(&endpoint).await;
    let mut requests = stage.reads(&service);
    requests.extend(stage.writes(&service));
    assert_unavailable(&answers(&service, requests).await);
    assert_eq!(stage.seen().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_connection_to_the_database_the_service_is_unavailable() {
    let stage = Stage::new().await;
    // A port on which nothing listens, and which no listener is ever given by chance.
    let service = stage.service("http://127.0.0.1:1").await;
    let mut requests = stage.reads(&service);
    requests.extend(stage.writes(&service));
    assert_unavailable(&answers(&service, requests).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn over_a_database_that_never_answers_the_service_gives_up_in_time() {
    all_are_unavailable(Fate::Silence).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_a_throttled_or_failing_database_the_service_is_unavailable() {
    let no_error_of_its_own = Fate::Fail(StatusCode::BAD_GATEWAY, json!(null));
    let fates = [
        error(400, "ThrottlingException"),
        error(400, "ProvisionedThroughputExceededException"),
        error(400, "RequestLimitExceeded"),
        error(500, "InternalServerError"),
        error(503, "ServiceUnavailable"),
        no_error_of_its_own,
    ];
    join_all(fates.map(all_are_unavailable)).await;
}

/// Every write, over a database whose reads work, is unavailable and changes nothing where
/// this is the fate of each transaction and each write on its own.
async fn all_writes_are_unavailable((transaction, single): (Fate, Fate)) {
    let stage = Stage::new().await;
    let before = stage.seen().await;
    let endpoint = interpose(&stage.healthy, move |operation| match operation {
        "TransactWriteItems" => transaction.clone(),
        "PutItem" | "UpdateItem" => single.clone(),
        _ => Fate::Forward,
    });
    let service = stage.service(&endpoint.await).await;
    assert_unavailable(&answers(&service, stage.writes(&service)).await);
    assert_eq!(stage.seen().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_or_a_throttled_item_is_never_taken_for_an_outcome() {
    let conflict = || error(400, "TransactionConflictException");
    let throttled = || error(400, "ThrottlingException");
    let fates = [
        (cancelled(&["TransactionConflict", "None"]), conflict()),
        // A failed condition beside it says nothing: it was judged by what may not stay.
        (cancelled(&["ConditionalCheckFailed", "TransactionConflict"]), conflict()),
        (cancelled(&["None", "ThrottlingError"]), throttled()),
        (cancelled(&["ProvisionedThroughputExceeded", "None"]), throttled()),
        (error(400, "TransactionInProgressException"), throttled()),
    ];
    join_all(fates.map(all_writes_are_unavailable)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_retry_cannot_mend_is_an_error_of_ours_without_detail() {
    let stage = &Stage::new().await;
    let before = stage.seen().await;
    join_all(
        [
            "AccessDeniedException",
            "ValidationException",
            "ResourceNotFoundException",
            "UnrecognizedClientException",
            "ItemCollectionSizeLimitExceededException",
        ]
        .map(|code| async move {
            let endpoint = interpose(&stage.healthy, move |_| error(400, code)).await;
            let service = stage.service(&endpoint).await;
            let mut requests = stage.reads(&service);
            requests.extend(stage.writes(&service));
            assert_internal_error(&answers(&service, requests).await);
        }),
    )
    .await;
    assert_eq!(stage.seen().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_cancelled_for_a_mistake_is_an_error_of_ours() {
    let stage = Stage::new().await;
    for reasons in [["ValidationError", "None"], ["None", "ItemCollectionSizeLimitExceeded"]] {
        let endpoint = interpose(&stage.healthy, move |operation| match operation {
            "TransactWriteItems" => cancelled(&reasons),
            _ => Fate::Forward,
        });
        let service = stage.service(&endpoint.await).await;
        let in_transactions = |(name, _): &Named| {
            name.ends_with("with a key") && !name.starts_with("expire") || name.starts_with("record")
        };
        let requests = stage.writes(&service).into_iter().filter(in_transactions);
        assert_internal_error(&answers(&service, requests.collect()).await);
    }
}

// -- The database falters -------------------------------------------------------------------

/// Every write, each on a stage of its own with the database's first write having this fate,
/// is answered as the first success, and is done once.
async fn all_writes_succeed_over(times: usize, fate: fn() -> Fate) {
    join_all((0..WRITES).map(|at| async move {
        let stage = Stage::new().await;
        let struck = Arc::new(AtomicUsize::new(0));
        let endpoint = interpose(&stage.healthy, first(Arc::clone(&struck), times, is_write, fate)).await;
        let service = stage.service(&endpoint).await;
        let mut requests = stage.writes(&service);
        assert_eq!(requests.len(), WRITES);
        let (name, request) = requests.swap_remove(at);
        let items_before = items(&stage.healthy).await;

        let answered = answers(&service, vec![(name.clone(), request)]).await;

        let answer = &answered[0].1;
        answer.ok();
        assert!(!answer.is_replay(), "{name}");
        assert_ne!(struck.load(Ordering::SeqCst), 0, "{name}");
        assert_done_once(&stage, &name, answer, items_before).await;
    }))
    .await;
}

/// The number of items in the table.
async fn items(service: &Service) -> i32 {
    let scan = service.database.scan().table_name(&service.table);
    scan.consistent_read(true).send().await.unwrap().count()
}

async fn assert_done_once(stage: &Stage, name: &str, answer: &Answer, items_before: i32) {
    let healthy = &stage.healthy;
    let (what, with_key) = match name.strip_suffix(" with a key") {
        Some(what) => (what, true),
        None => (name, false),
    };
    // A session, an order and a transaction are an item each, a linked order is none; a key is
    // an item, except that of an expiration.
    let (made, remembered) = match what {
        "create a session" => {
            let id = answer.ok()["id"].as_str().unwrap();
            assert_eq!(healthy.session_status(id).await, "open");
            (1, 1)
        }
        "create an order" => {
            let id = answer.ok()["id"].as_str().unwrap();
            assert_eq!(healthy.get_order(id).await.ok()["order"], *answer.ok());
            (1, 1)
        }
        "link an order" => {
            let session = healthy.get_session(&stage.session).await;
            assert_eq!(session.ok()["order_id"], answer.ok()["id"]);
            (0, 1)
        }
        "record an event" => {
            let seen = healthy.get_order(&stage.order).await;
            assert_eq!(seen.ok(), answer.ok());
            assert_eq!(seen.ok()["depositTxs"].as_array().unwrap().len(), 1);
            (1, 1)
        }
        "expire a session" => {
            assert_eq!(answer.ok()["status"], "expired");
            assert_eq!(healthy.session_status(&stage.expirable).await, "expired");
            (0, 0)
        }
        other => panic!("{other} is not looked at"),
    };
    let expected = items_before + made + if with_key { remembered } else { 0 };
    assert_eq!(items(healthy).await, expected, "{name}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_whose_reply_was_lost_is_answered_as_the_success_it_was() {
    all_writes_succeed_over(1, || LOSE_REPLY).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_whose_reply_was_lost_twice_is_answered_as_the_success_it_was() {
    all_writes_succeed_over(2, || LOSE_REPLY).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_was_throttled_once_succeeds() {
    all_writes_succeed_over(1, || error(400, "ThrottlingException")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_was_never_answered_is_tried_again() {
    all_writes_succeed_over(1, || Fate::Silence).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_whose_reply_was_lost_is_still_a_replay() {
    let stage = Stage::new().await;
    let requests = || stage.writes(&stage.healthy).into_iter();
    let with_key = requests().filter(|(name, _)| name.ends_with("with a key"));
    // Recorded and expired last, so that the other requests find what they need.
    let mut firsts = Vec::new();
    for (name, request) in with_key {
        let answer = stage.healthy.send(request).await;
        answer.ok();
        firsts.push((name, answer));
    }
    for (name, first_answer) in &firsts {
        let endpoint = interpose(&stage.healthy, first(Arc::default(), 1, is_write, || LOSE_REPLY)).await;
        let service = stage.service(&endpoint).await;
        let (_, request) = stage.writes(&service).into_iter().find(|(other, _)| other == name).unwrap();
        let answered = answers(&service, vec![(name.clone(), request)]).await;
        let again = &answered[0].1;
        assert_eq!(again.text, first_answer.text, "{name}");
        assert!(again.is_replay(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_whose_reply_was_lost_is_made_again() {
    let stage = Stage::new().await;
    let endpoint = interpose(&stage.healthy, first(Arc::default(), 1, |_| true, || LOSE_REPLY)).await;
    let service = stage.service(&endpoint).await;
    for (name, request) in stage.reads(&service) {
        assert_eq!(service.send(request).await.status, 200, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_whose_lost_link_was_expired_meanwhile_is_still_answered_as_made() {
    let stage = Stage::new().await;
    let healthy = Arc::new(stage.healthy);
    let (other, session) = (Arc::clone(&healthy), stage.session.clone());
    let expired_meanwhile = first(Arc::default(), 1, is_write, move || {
        let (other, session) = (Arc::clone(&other), session.clone());
        Fate::LoseReplyAfter(
            async move {
                other.expire_session(&session).await.ok();
            }
            .boxed()
            .shared(),
        )
    });
    let endpoint = interpose(&healthy, expired_meanwhile);
    let service = healthy.beside(&endpoint.await, &healthy.clock).await;
    let linked = service.create_order(order_for(&stage.session)).await;
    assert!(linked.ok()["id"].is_string());
    let seen = healthy.get_session(&stage.session).await;
    assert_eq!(seen.ok()["order_id"], linked.ok()["id"]);
    assert_eq!(seen.ok()["status"], "expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_whose_reply_was_lost_is_answered_as_its_key_remembers_it() {
    let stage = Stage::new().await;
    let healthy = Arc::new(stage.healthy);
    let (other, order) = (Arc::clone(&healthy), stage.order.clone());
    let paid_meanwhile = first(Arc::default(), 1, is_write, move || {
        let (other, order) = (Arc::clone(&other), order.clone());
        Fate::LoseReplyAfter(
            async move {
                other.record_event(&order, "deposit.detected", deposit("0x02", "1")).await.ok();
            }
            .boxed()
            .shared(),
        )
    });
    let endpoint = interpose(&healthy, paid_meanwhile);
    let service = healthy.beside(&endpoint.await, &healthy.clock).await;
    let report = json!({ "type": "deposit.detected", "data": deposit("0x01", "1") }).to_string();
    let request = || healthy.event(&stage.order, report.as_bytes()).header("idempotency-key", "a report");
    let through_the_fault =
        service.event(&stage.order, report.as_bytes()).header("idempotency-key", "a report");

    let first = service.send(through_the_fault).await;
    assert_eq!(first.ok()["depositTxs"].as_array().unwrap().len(), 1);
    assert!(!first.is_replay());
    let again = healthy.send(request()).await;
    assert!(again.is_replay());
    assert_eq!(again.text, first.text);
    assert_eq!(healthy.get_order(&stage.order).await.ok()["depositTxs"].as_array().unwrap().len(), 2);
}

// -- The deadline passes while the database falters ------------------------------------------

/// A service whose first write fails in passing while the clock passes the session's deadline.
async fn over_the_deadline(stage: &Stage, fate: fn() -> Fate) -> Service {
    let clock = stage.healthy.clock.clone();
    let deadline = clock.now() + DEFAULT_LIFETIME;
    // Just in time, if it were not for the failure.
    let margin = CLOCK_SKEW_BOUND_MS + 1;
    clock.set(Timestamp::from_millis(deadline.as_millis() - margin));
    let passing = first(Arc::default(), 1, is_write, move || {
        clock.set(deadline);
        fate()
    });
    let endpoint = interpose(&stage.healthy, passing).await;
    stage.service(&endpoint).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_was_retried_past_the_deadline_is_late() {
    for fate in [
        || error(400, "ThrottlingException"),
        || error(500, "InternalServerError"),
        || cancelled(&["TransactionConflict", "None"]),
    ] {
        let stage = Stage::new().await;
        let service = over_the_deadline(&stage, fate).await;
        let facts = deposit("0x01", "1000000");
        let late = service.record_event(&stage.order, "deposit.detected", facts).await;
        assert_eq!(late.ok()["depositTxs"].as_array().unwrap().len(), 1);
        assert_eq!(late.ok()["order"]["status"], "refunding");
        assert_eq!(stage.healthy.session_status(&stage.expirable).await, "expired");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expire_call_that_was_retried_past_the_deadline_is_refused() {
    for fate in [
        || error(400, "ThrottlingException"),
        || error(500, "InternalServerError"),
        || error(400, "TransactionConflictException"),
    ] {
        let stage = Stage::new().await;
        let service = over_the_deadline(&stage, fate).await;
        let late = service.expire_session(&stage.expirable).await;
        assert_eq!(late.failure(), (400, "invalid_status_transition", Some("sessionId")));
        assert_eq!(late.body["message"], "Checkout session is expired, not open");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_was_retried_past_the_deadline_is_refused() {
    for fate in [
        || error(400, "ThrottlingException"),
        || error(500, "InternalServerError"),
        || error(400, "TransactionConflictException"),
    ] {
        let stage = Stage::new().await;
        let service = over_the_deadline(&stage, fate).await;
        // Whether the first attempt arrives after all, nobody knows yet.
        let late = service.create_order(order_for(&stage.session)).await;
        assert_eq!(late.failure(), (503, "temporarily_unavailable", None));
        let again = service.create_order(order_for(&stage.session)).await;
        assert_eq!(again.failure(), (400, "invalid_status_transition", Some("checkoutSessionId")));
        let seen = stage.healthy.get_session(&stage.session).await;
        assert_eq!(seen.ok()["order_id"], json!(null));
    }
}

//! Clients that do whatever comes to their mind, and try again when told to.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use domain::id::SessionId;
use domain::time::Timestamp;
use fastrand::Rng;
use harness::{BASE, RECIPIENT, SECRET, USDC, execution, log, order_for, refund, relay, with};
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use tokio::time::sleep;

use super::history::{CHEAP, Call, Fact, Operation, Outcome};
use super::reference::{PRICE, REFUND};
use super::world::World;

/// How long a session stays open: the shortest there is.
const LIFETIME: Duration = Duration::from_mins(5);
/// The most attempts of a client.
const ATTEMPTS: usize = 4;

/// The session that a history is about.
#[derive(Clone)]
pub(super) struct Subject {
    pub(super) session: String,
    pub(super) order: String,
    pub(super) deadline: Timestamp,
}

impl Subject {
    /// Two callers who make one priced session under one key, through whatever is in the way.
    pub(super) async fn create(world: &World) -> Self {
        let one = || async {
            loop {
                let offer = json!({ "chain_id": BASE, "token_address": USDC, "amount": PRICE.to_string() });
                let pricing = json!({ "recipient_address": RECIPIENT, "accepts": [offer] });
                let body = json!({ "expires_in": LIFETIME.as_secs(), "pricing": pricing });
                let request = post("/checkout-sessions")
                    .header("idempotency-key", "the session")
                    .header("x-api-key", &world.key)
                    .body(Body::from(body.to_string()));
                let answer = world.send(0, request.unwrap()).await;
                if answer.status != 503 {
                    return answer.ok().clone();
                }
                sleep(Duration::from_secs(1)).await;
            }
        };
        let (session, again) = tokio::join!(one(), one());
        assert_eq!(session, again, "two sessions under one key");
        let id = session["id"].as_str().unwrap();
        // Of its clock the caller learns by the answer alone.
        let created: chrono::DateTime<chrono::Utc> = session["expires_at"].as_str().unwrap().parse().unwrap();
        Self {
            session: id.to_owned(),
            order: SessionId::parse(id).unwrap().order().to_string(),
            deadline: Timestamp::from_millis(created.timestamp_millis()),
        }
    }
}

/// A client's whole life. `patience` is how many of a hundred times it waits for the deadline.
pub(super) async fn live(
    world: World,
    subject: Subject,
    client: usize,
    patience: u32,
    mut rng: Rng,
) -> Vec<Call> {
    let mut calls = Vec::new();
    for _ in 0..rng.u8(2..6) {
        sleep(pause(&world, &subject, patience, &mut rng)).await;
        let operation = think_of(client, &mut rng);
        let may_have_key = !operation.is_read() && operation.has_route();
        let key = (may_have_key && rng.u8(0..5) < 2).then(|| rng.u8(0..2));
        for attempt in 1..=ATTEMPTS {
            let instance = rng.usize(0..World::INSTANCES);
            let call = send(&world, &subject, operation, key, client, instance).await;
            let again = call.outcome == Outcome::Unavailable
                // The answer was lost on its way to the client, who cannot know.
                || (attempt == 1 && rng.u8(0..20) == 0);
            calls.push(call);
            if !again {
                break;
            }
            sleep(Duration::from_millis(rng.u64(10..1_500))).await;
        }
    }
    calls
}

/// Soon, some time later, or around the deadline.
fn pause(world: &World, subject: &Subject, patience: u32, rng: &mut Rng) -> Duration {
    let left = subject.deadline.since(world.now());
    if !left.is_zero() && rng.u32(0..100) < patience {
        return (left + Duration::from_millis(rng.u64(0..1_300))).saturating_sub(Duration::from_secs(1));
    }
    match rng.u8(0..3) {
        0 => Duration::from_millis(rng.u64(0..4_000)),
        _ => Duration::from_micros(rng.u64(0..20_000)),
    }
}

fn think_of(client: usize, rng: &mut Rng) -> Operation {
    // Without a link little else can happen, and without a payment not much more.
    match (client, rng.u8(0..3)) {
        (0, 0..=1) => return Operation::Link(0),
        (1, 0) => return Operation::Report(Fact::Deposit { hash: 1, amount: PRICE }),
        (2, 0) => return Operation::Report(Fact::Execution),
        _ => {}
    }
    match rng.u8(0..26) {
        0..=3 => Operation::Link(rng.u8(0..=CHEAP)),
        4 => Operation::Expire,
        5..=7 => Operation::GetSession,
        8..=10 => Operation::GetSessionWithOrder,
        11..=12 => Operation::GetOrder,
        13..=14 => Operation::Report(Fact::Deposit { hash: 1, amount: PRICE }),
        15..=17 => Operation::Report(Fact::Deposit { hash: rng.u8(2..4), amount: PRICE / 2 }),
        // One transaction, reported once as less than it was.
        18 => Operation::Report(Fact::Deposit { hash: 2, amount: 1 }),
        19 => Operation::Report(Fact::Relay),
        20..=21 => Operation::Report(Fact::Execution),
        22 => Operation::Report(Fact::Failure),
        23 => Operation::Report(Fact::Refund),
        _ => Operation::Report(Fact::Card { intent: rng.u8(1..3), refunded: rng.u8(0..3) == 0 }),
    }
}

/// Makes one call.
pub(super) async fn send(
    world: &World,
    subject: &Subject,
    operation: Operation,
    key: Option<u8>,
    client: usize,
    instance: usize,
) -> Call {
    let start = world.now();
    let outcome = if let Operation::Report(Fact::Card { intent, refunded }) = operation {
        world.look_at_card(instance, &subject.order, intent, refunded).await
    } else {
        let request = request(world, subject, operation, key);
        operation.read(&world.send(instance, request).await, &subject.order)
    };
    Call { operation, key, start, end: world.now(), outcome, client, instance }
}

fn request(world: &World, subject: &Subject, operation: Operation, key: Option<u8>) -> Request<Body> {
    let Subject { session, order, deadline: _ } = subject;
    let (request, body) = match operation {
        Operation::GetSession => (get(&format!("/checkout-sessions/{session}")), String::new()),
        Operation::GetSessionWithOrder => {
            (get(&format!("/checkout-sessions/{session}?include=order")), String::new())
        }
        Operation::GetOrder => (get(&format!("/orders/{order}")), String::new()),
        Operation::Expire => (post(&format!("/checkout-sessions/{session}/expire")), String::new()),
        Operation::Link(variant) => {
            let amount = if variant == CHEAP { 1 } else { PRICE }.to_string();
            let terms = json!({
                "clientReferenceId": format!("variant-{variant}"),
                "srcAmount": amount,
                "payload": { "expectedDstAmount": amount },
            });
            let body = with(order_for(session), terms);
            (post("/orders"), body.to_string())
        }
        Operation::Report(fact) => {
            let body = report(fact).to_string();
            let timestamp = world.now().as_seconds();
            let signature =
                Webhook::new(SECRET).unwrap().sign("a message", timestamp, body.as_bytes()).unwrap();
            let request = post(&format!("/orders/{order}/events"))
                .header("webhook-id", "a message")
                .header("webhook-timestamp", timestamp.to_string())
                .header("webhook-signature", signature);
            (request, body)
        }
    };
    let request = match key {
        Some(key) => request.header("idempotency-key", format!("key {key}")),
        None => request,
    };
    let request = request.body(body).unwrap();
    log::keep_from(request.headers(), request.body().as_bytes());
    request.map(Body::from)
}

fn report(fact: Fact) -> Value {
    let at = 1_769_860_800_000_u64;
    let (kind, data) = match fact {
        Fact::Deposit { hash, amount } => {
            let (hash, amount) = (format!("0x{hash}"), amount.to_string());
            ("deposit.detected", json!({ "chain": BASE, "txHash": hash, "amount": amount, "createdAt": at }))
        }
        Fact::Relay => ("relay.updated", relay("0x4", "pending")),
        Fact::Execution => ("order.executed", execution("0x5")),
        Fact::Failure => ("order.failed", json!({ "errorDetails": "the settlement failed" })),
        Fact::Refund => ("refund.updated", refund("0x6", &REFUND.to_string(), "success")),
        Fact::Card { .. } => panic!("no route reports a card payment"),
    };
    json!({ "type": kind, "data": data })
}

fn get(path: &str) -> axum::http::request::Builder {
    Request::get(path)
}

fn post(path: &str) -> axum::http::request::Builder {
    Request::post(path).header("content-type", "application/json")
}

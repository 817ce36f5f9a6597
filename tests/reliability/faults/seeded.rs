//! Long random runs over a database that keeps failing, drawn from a seed. A failure names the
//! seed; with `FAULTS_SEED` set to it the same run is made again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_sdk_dynamodb::types::AttributeValue;
use fastrand::Rng;
use futures::future::join_all;
use harness::fault::Fault;
use harness::proxy::{Arrival, Fate, Plan, Proxied, Wiring};
use harness::{Answer, Service, deposit, execution, id_of, new_uuid, order_for, refund, relay, with};
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use super::paths::plain;

/// How many walk at once, each on sessions of its own behind a proxy of its own.
const WALKERS: u64 = 24;
/// How many requests each makes.
const STEPS: usize = 40;
/// How many calls to the database meet a fault, and how many during an outage.
const RATE: f64 = 0.15;
const OUTAGE_RATE: f64 = 0.95;
/// How many calls an outage lasts, and how many of such spells are one.
const SPELL: usize = 12;
const OUTAGES: f64 = 0.2;
/// How often a client tries again before it waits for a healthy database.
const PATIENCE: usize = 4;
/// What an order asks for.
const ASKED: u64 = 1_000_000;
/// What each refund returns: of a sum of 1,050,000 a part that is not needed.
const REFUND: u64 = 50_000;

/// Faults by the number of the call. Each is drawn on its own, so that one call more or less
/// changes no other's.
struct Drawn {
    seed: u64,
}

impl Drawn {
    fn fault(&self, number: usize) -> Option<Fault> {
        let draw = |what: usize| Rng::with_seed(self.seed.wrapping_add(what as u64));
        let is_outage = draw(usize::MAX - number / SPELL).f64() < OUTAGES;
        let mut rng = draw(number);
        (rng.f64() < if is_outage { OUTAGE_RATE } else { RATE })
            .then(|| Fault::ALL[rng.usize(..Fault::ALL.len())])
    }
}

impl Plan for Drawn {
    fn fate(&self, call: &Arrival) -> Fate {
        self.fault(call.number).map_or(Fate::Forward, Fate::Meet)
    }

    fn refuses(&self, number: usize) -> bool {
        self.fault(number) == Some(Fault::Refused)
    }
}

/// What is true of a session, by what its client was told.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own; any combination can be true")]
struct Known {
    session: String,
    order: Option<String>,
    called_off: bool,
    paid: bool,
    deposits: BTreeMap<String, u64>,
    relays: BTreeSet<String>,
    executed: bool,
    /// Each refund, and whether it succeeded.
    refunds: BTreeMap<String, bool>,
    failed: bool,
    /// How the facts ended it.
    outcome: Option<&'static str>,
}

impl Known {
    fn session_status(&self) -> &'static str {
        match self.outcome {
            Some(outcome) => outcome,
            None if self.paid => "processing",
            None if self.called_off => "expired",
            None => "open",
        }
    }

    fn order_status(&self) -> &'static str {
        if self.executed {
            "executed"
        } else if self.is_refunded() {
            "refunded"
        } else if self.failed {
            "failure"
        } else if self.paid {
            if self.relays.is_empty() { "executing" } else { "relay" }
        } else if self.called_off {
            if self.deposits.is_empty() { "expired" } else { "refunding" }
        } else {
            "scanning_deposit_transaction"
        }
    }

    fn received(&self) -> u64 {
        self.deposits.values().sum()
    }

    /// Decides what a new fact makes true once and for all.
    fn decide(&mut self) {
        self.paid |= self.received() >= ASKED && !self.called_off;
        if self.outcome.is_none() {
            if self.executed && self.session_status() != "expired" {
                self.outcome = Some("complete");
            } else if self.failed || self.is_refunded() {
                self.outcome = Some("expired");
            }
        }
    }

    /// Whether something was refunded, and what is left does not pay the order.
    fn is_refunded(&self) -> bool {
        let succeeded = self.refunds.values().filter(|succeeded| **succeeded).count();
        let returned = u64::try_from(succeeded).unwrap() * REFUND;
        returned > 0 && self.received().saturating_sub(returned) < ASKED
    }
}

/// A client who makes requests at random, one after the other, and gives none of them up.
struct Walker {
    name: String,
    rng: Rng,
    healthy: Arc<Service>,
    behind: Proxied,
    sessions: Vec<Known>,
    refused_to_serve: usize,
}

impl Walker {
    async fn new(seed: u64, number: u64, healthy: &Arc<Service>, wiring: &Wiring) -> Self {
        let mut rng = Rng::with_seed(seed.wrapping_add(number << 32));
        let plan = Drawn { seed: rng.u64(..) };
        let behind = Proxied::beside(healthy, wiring, plan).await;
        let name = format!("FAULTS_SEED={seed}, walker {number}");
        Self { name, rng, healthy: Arc::clone(healthy), behind, sessions: Vec::new(), refused_to_serve: 0 }
    }

    /// Sends a request until it is answered. Says too whether an earlier attempt may have done
    /// it already, unknown to the client.
    async fn send(&mut self, request: impl Fn(&Service) -> RequestBuilder) -> (Answer, bool) {
        let key = self.rng.bool().then(|| format!("key {}", new_uuid()));
        let request = |service: &Service| match &key {
            None => request(service),
            Some(key) => request(service).header("idempotency-key", key),
        };
        for tried in 0..PATIENCE {
            let answer = self.behind.service.send(request(&self.behind.service)).await;
            if answer.status != 503 {
                return (answer, tried > 0 && key.is_none());
            }
            self.refused_to_serve += 1;
        }
        (self.healthy.send(request(&self.healthy)).await, key.is_none())
    }

    async fn step(&mut self) {
        if self.sessions.is_empty() || self.rng.f64() < 0.1 {
            let (answer, _) = self.send(|to| to.post("/checkout-sessions").json(&json!({}))).await;
            self.sessions.push(Known { session: id_of(&answer), ..Known::default() });
            return;
        }
        let at = self.rng.usize(..self.sessions.len());
        match self.rng.u8(..20) {
            0..=4 => self.link(at).await,
            5..=6 => self.expire(at).await,
            7..=8 => self.look(at).await,
            _ => self.report(at).await,
        }
    }

    async fn link(&mut self, at: usize) {
        let (session, status) = (self.sessions[at].session.clone(), self.sessions[at].session_status());
        let body = with(order_for(&session), json!({ "srcAmount": ASKED.to_string() }));
        let (answer, maybe_done) = self.send(|to| to.post("/orders").json(&body)).await;
        let known = &mut self.sessions[at];
        let name = format!("{}: {known:?}: {}", self.name, answer.text);
        match (status, &known.order) {
            ("open", Some(order)) => {
                assert_eq!(answer.status, 409, "{name}");
                assert_eq!(answer.body["error"]["order_id"], **order, "{name}");
            }
            ("open", None) if answer.status == 409 => {
                assert!(maybe_done, "{name}");
                known.order = Some(answer.body["error"]["order_id"].as_str().unwrap().to_owned());
            }
            ("open", None) => {
                assert_eq!(answer.status, 200, "{name}");
                known.order = Some(id_of(&answer));
            }
            _ => assert_eq!(answer.failure().1, "invalid_status_transition", "{name}"),
        }
    }

    async fn expire(&mut self, at: usize) {
        let (session, status) = (self.sessions[at].session.clone(), self.sessions[at].session_status());
        let path = format!("/checkout-sessions/{session}/expire");
        let (answer, maybe_done) = self.send(|to| to.post(&path)).await;
        let known = &mut self.sessions[at];
        let name = format!("{}: {known:?}: {}", self.name, answer.text);
        if status == "open" && (answer.status == 200 || maybe_done) {
            known.called_off = true;
        }
        if status != "open" || answer.status != 200 {
            assert!(status != "open" || maybe_done, "{name}");
            assert_eq!(answer.failure().1, "invalid_status_transition", "{name}");
        }
    }

    async fn look(&mut self, at: usize) {
        let path = format!("/checkout-sessions/{}", self.sessions[at].session);
        let (answer, _) = self.send(|to| to.get(&path)).await;
        let known = &self.sessions[at];
        assert_eq!(answer.ok()["status"], known.session_status(), "{}: {known:?}", self.name);
        assert_eq!(answer.ok()["order_id"], json!(known.order), "{}: {known:?}", self.name);
    }

    /// Reports a fact; of few transactions, so that many are reported again.
    async fn report(&mut self, at: usize) {
        let hash = format!("0x{:02}", self.rng.u8(..4));
        let amount = self.rng.u64(1..4) * 150_000;
        let succeeded = self.rng.bool();
        let which = self.rng.u8(..20);
        let (kind, data) = match which {
            0..=12 => ("deposit.detected", deposit(&hash, &amount.to_string())),
            13..=15 => ("relay.updated", relay(&hash, "success")),
            16 => ("order.failed", json!({ "errorDetails": "out of gas" })),
            17 => ("order.executed", execution("0x0e")),
            _ => {
                let status = if succeeded { "success" } else { "failure" };
                ("refund.updated", refund(&hash, &REFUND.to_string(), status))
            }
        };
        let known = &self.sessions[at];
        let order = known.order.clone().unwrap_or_else(|| new_uuid().to_string());
        let body = json!({ "type": kind, "data": data }).to_string();
        let (answer, _) = self.send(|to| to.event(&order, body.as_bytes())).await;
        let known = &mut self.sessions[at];
        if known.order.is_none() {
            assert_eq!(answer.failure().1, "resource_not_found", "{}", self.name);
            return;
        }
        match which {
            0..=12 => {
                let kept = known.deposits.entry(hash).or_default();
                *kept = amount.max(*kept);
            }
            13..=15 => drop(known.relays.insert(hash)),
            16 => known.failed = true,
            17 => known.executed = true,
            _ => *known.refunds.entry(hash).or_default() |= succeeded,
        }
        known.decide();
        let status = &answer.ok()["order"]["status"];
        assert_eq!(*status, known.order_status(), "{}: {known:?}: {}", self.name, answer.text);
    }

    /// Once nothing is on the way any more the table holds what the client knows, once.
    async fn settle_up(&self) {
        self.behind.proxy.settled().await;
        for known in &self.sessions {
            let name = format!("{}: {known:?}", self.name);
            let seen = self.healthy.get_session_with_order(&known.session).await;
            let seen = seen.ok();
            assert_eq!(seen["status"], known.session_status(), "{name}");
            assert_eq!(seen["order_id"], json!(known.order), "{name}");
            let Some(order) = &known.order else { continue };

            assert_eq!(seen["order"]["order"]["status"], known.order_status(), "{name}");
            let deposits: BTreeMap<String, u64> = rows(&seen["order"]["depositTxs"])
                .map(|row| (row["txHash"].as_str().unwrap().to_owned(), amount(&row["amount"])))
                .collect();
            assert_eq!(deposits, known.deposits, "{name}");

            let items = items(&self.healthy, order).await;
            let (checkout, transactions): (Vec<_>, Vec<_>) =
                items.iter().partition(|item| item["sk"] == "checkout");
            assert_eq!(checkout.len(), 1, "{name}");
            let received = checkout[0].pointer("/ledger/received").map_or(0, amount);
            assert_eq!(received, known.received(), "{name}");
            let facts = known.deposits.len() + known.relays.len() + known.refunds.len();
            assert_eq!(transactions.len(), facts + usize::from(known.executed), "{name}");
        }
    }
}

fn rows(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().unwrap().iter()
}

fn amount(text: &Value) -> u64 {
    text.as_str().unwrap().parse().unwrap()
}

/// Every item that is stored of an order.
async fn items(service: &Service, order: &str) -> Vec<Value> {
    let read = service.database.query().table_name(&service.table).consistent_read(true);
    let read = read.key_condition_expression("pk = :pk");
    let read = read.expression_attribute_values(":pk", AttributeValue::S(format!("checkout#{order}")));
    read.send().await.unwrap().items.unwrap().into_iter().map(plain).collect()
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stdout, reason = "the seed must be known to make the run again")]
async fn whatever_fails_a_client_who_does_not_give_up_gets_what_was_asked_for_once() {
    let seed = runtime::config::optional("FAULTS_SEED")
        .map_or_else(|| fastrand::u64(..), |seed| seed.parse().unwrap());
    println!("FAULTS_SEED={seed}");
    let healthy = Arc::new(Service::start().await);
    let wiring = Arc::new(Wiring::of(&healthy).await);
    let walks = join_all((0..WALKERS).map(|number| {
        let (healthy, wiring) = (Arc::clone(&healthy), Arc::clone(&wiring));
        tokio::spawn(async move {
            let mut walker = Walker::new(seed, number, &healthy, &wiring).await;
            for _ in 0..STEPS {
                walker.step().await;
            }
            walker.settle_up().await;
            [walker.sessions.len(), walker.behind.proxy.hits(), walker.refused_to_serve]
        })
    }));
    let mut sums = [0; 3];
    for walk in walks.await {
        for (sum, number) in sums.iter_mut().zip(walk.unwrap()) {
            *sum += number;
        }
    }
    let [sessions, hits, unavailable] = sums;
    assert!(hits > 0);
    println!("{sessions} sessions, {hits} faults, {unavailable} answers of 503");
}

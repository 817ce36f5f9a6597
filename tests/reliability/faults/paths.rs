//! Every path through every endpoint: a scene, a request, and what an observer sees of it.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::api_key::Role;
use domain::id::SessionId;
use harness::redact::expected_deposit_address;
use harness::{
    Answer, BASE, RECIPIENT, Service, USDC, deposit, execution, id_of, new_uuid, order, order_for, refund,
    relay, with,
};
use reqwest::RequestBuilder;
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// What there is before the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scene {
    /// Nothing: the ids that are asked for are unknown.
    Nothing,
    /// An open session.
    Open,
    /// An open session with a price.
    Priced,
    /// An open session with an order.
    Linked,
    /// The same, and a deposit that falls short.
    Deposited,
    /// The same, fully paid.
    Paid,
    /// A session that was called off.
    Expired,
    /// A session whose order was executed.
    Complete,
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    CreateSession,
    GetSession,
    GetSessionWithOrder,
    Expire,
    CreateOrder,
    Link,
    /// Links an order of less than any price.
    LinkCheap,
    /// Links an order that leaves out what the price says.
    LinkBySession,
    GetOrder,
    Deposit,
    LargerDeposit,
    Relay,
    Execution,
    Failure,
    Refund,
}

/// Whether it bears an idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    /// It bears none.
    Without,
    /// A key that was not used before.
    New,
    /// One that came with the same request before.
    Used,
    /// One that came with another request before.
    UsedOtherwise,
}

/// A path through an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Path {
    pub(super) scene: Scene,
    pub(super) ask: Ask,
    pub(super) key: Key,
}

/// Every path.
pub(super) fn all() -> Vec<Path> {
    use {Ask::*, Key::*, Scene::*};
    let reads = [
        (Nothing, GetSession),
        (Nothing, GetSessionWithOrder),
        (Nothing, GetOrder),
        (Open, GetSession),
        (Open, GetSessionWithOrder),
        (Open, GetOrder),
        (Paid, GetSession),
        (Paid, GetSessionWithOrder),
        (Paid, GetOrder),
    ];
    let writes = [
        (Nothing, CreateSession),
        (Nothing, CreateOrder),
        (Nothing, Expire),
        (Open, Expire),
        (Linked, Expire),
        (Deposited, Expire),
        (Expired, Expire),
        (Complete, Expire),
        (Nothing, Link),
        (Open, Link),
        (Linked, Link),
        (Expired, Link),
        (Priced, Link),
        (Priced, LinkCheap),
        (Priced, LinkBySession),
        (Nothing, Deposit),
        (Open, Deposit),
        (Linked, Deposit),
        (Deposited, Deposit),
        (Deposited, LargerDeposit),
        (Complete, LargerDeposit),
        (Paid, Relay),
        (Paid, Execution),
        (Paid, Failure),
        (Paid, Refund),
    ];
    let again = [
        (Nothing, CreateSession),
        (Nothing, CreateOrder),
        (Open, Link),
        (Open, Expire),
        (Linked, Deposit),
        (Paid, Execution),
    ];
    let path = |key| move |(scene, ask)| Path { scene, ask, key };
    let mut paths: Vec<Path> = reads.into_iter().map(path(Without)).collect();
    paths.extend(writes.map(path(Without)));
    paths.extend(writes.map(path(New)));
    paths.extend(again.map(path(Used)));
    paths.extend(again.map(path(UsedOtherwise)));
    paths
}

/// The body of a request; the other one differs where a caller's mistake would.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Body {
    Right,
    Other,
}

impl Path {
    /// Sets the scene, over a healthy database.
    pub(super) async fn stage(self, healthy: &Service) -> Stage {
        let stage = self.scene.stage(healthy).await;
        let earlier = match self.key {
            Key::Without | Key::New => return stage,
            Key::Used => Body::Right,
            Key::UsedOtherwise => Body::Other,
        };
        let earlier = self.ask.request(healthy, &stage, earlier).header("idempotency-key", stage.key());
        healthy.send(earlier).await.ok();
        stage
    }

    /// The request; `service` is whom it is sent to.
    pub(super) fn request(self, service: &Service, stage: &Stage) -> RequestBuilder {
        let request = self.ask.request(service, stage, Body::Right);
        match self.key {
            Key::Without => request,
            Key::New | Key::Used | Key::UsedOtherwise => request.header("idempotency-key", stage.key()),
        }
    }
}

impl Scene {
    async fn stage(self, healthy: &Service) -> Stage {
        let session = match self {
            Self::Nothing => new_uuid().to_string(),
            Self::Priced => priced_session(healthy).await,
            Self::Open | Self::Linked | Self::Deposited | Self::Paid | Self::Expired | Self::Complete => {
                healthy.session().await
            }
        };
        let order = SessionId::parse(&session).unwrap().order().to_string();
        let stage = Stage { session, order, tag: new_uuid().to_string() };
        let Stage { session, order, .. } = &stage;
        match self {
            Self::Nothing | Self::Open | Self::Priced => return stage,
            Self::Expired => {
                healthy.expire_session(session).await.ok();
                return stage;
            }
            Self::Linked | Self::Deposited | Self::Paid | Self::Complete => {
                assert_eq!(healthy.linked_order(session).await, *order);
            }
        }
        match self {
            Self::Nothing | Self::Open | Self::Priced | Self::Expired | Self::Linked => {}
            Self::Deposited => {
                healthy.record_event(order, "deposit.detected", deposit("0x01", "400000")).await.ok();
            }
            Self::Paid | Self::Complete => {
                healthy.record_event(order, "deposit.detected", deposit("0x01", "1000000")).await.ok();
            }
        }
        if self == Self::Complete {
            healthy.record_event(order, "order.executed", execution("0x02")).await.ok();
        }
        stage
    }
}

/// A new session at the price of the orders here.
async fn priced_session(healthy: &Service) -> String {
    let key = healthy.api_key("shop", Role::Secret).await;
    let offer = json!({ "chain_id": BASE, "token_address": USDC, "amount": "1000000" });
    let body = json!({ "pricing": { "recipient_address": RECIPIENT, "accepts": [offer] } });
    id_of(&healthy.send(healthy.post("/checkout-sessions").json(&body).header("x-api-key", key)).await)
}

impl Ask {
    fn request(self, service: &Service, stage: &Stage, body: Body) -> RequestBuilder {
        let Stage { session, order: order_id, tag } = stage;
        let is_other = body == Body::Other;
        let amount = if is_other { "300000" } else { "400000" };
        let hash = if is_other { "0x0f" } else { "0x03" };
        let orders = |body| {
            let other = json!({ "srcAmount": if is_other { "2000000" } else { "1000000" } });
            let body = with(with(body, json!({ "clientReferenceId": tag })), other);
            service.post("/orders").json(&body)
        };
        let event = |kind: &str, data: Value| {
            let body = json!({ "type": kind, "data": data }).to_string();
            service.event(order_id, body.as_bytes())
        };
        match self {
            Self::CreateSession => {
                let metadata = json!({ "other": is_other });
                let body = json!({ "client_reference_id": tag, "metadata": metadata });
                service.post("/checkout-sessions").json(&body)
            }
            Self::GetSession => service.get(&format!("/checkout-sessions/{session}")),
            Self::GetSessionWithOrder => service.get(&format!("/checkout-sessions/{session}?include=order")),
            Self::Expire => {
                let request = service.post(&format!("/checkout-sessions/{session}/expire"));
                if is_other { request.json(&json!({ "why": "other" })) } else { request }
            }
            Self::CreateOrder => orders(order()),
            Self::Link => orders(order_for(session)),
            Self::LinkCheap => {
                let amount = json!({ "srcAmount": "1", "payload": { "expectedDstAmount": "1" } });
                service.post("/orders").json(&with(order_for(session), amount))
            }
            Self::LinkBySession => {
                let body = json!({ "checkoutSessionId": session, "clientReferenceId": tag });
                service.post("/orders").json(&body)
            }
            Self::GetOrder => service.get(&format!("/orders/{order_id}")),
            Self::Deposit => event("deposit.detected", deposit("0x01", amount)),
            Self::LargerDeposit => event("deposit.detected", deposit("0x01", "1000001")),
            Self::Relay => event("relay.updated", relay(hash, "success")),
            Self::Execution => event("order.executed", execution(hash)),
            Self::Failure => event("order.failed", json!({ "errorDetails": "out of gas" })),
            Self::Refund => event("refund.updated", refund(hash, "1000000", "success")),
        }
    }

    /// Whether it makes something new whenever it is asked.
    pub(super) fn makes_another(self) -> bool {
        matches!(self, Self::CreateSession | Self::CreateOrder)
    }
}

/// The things of a path.
#[derive(Debug, Clone)]
pub(super) struct Stage {
    session: String,
    /// The session's, whether or not it is there already.
    order: String,
    /// In everything that the request makes.
    pub(super) tag: String,
}

impl Stage {
    fn key(&self) -> String {
        format!("key of {}", self.tag)
    }

    /// Every item that is stored of the session and the order, without what differs from run to
    /// run. What an observer sees follows from these alone: the clock stands still.
    pub(super) async fn stored(&self, healthy: &Service) -> String {
        let read = healthy.database.query().table_name(&healthy.table).consistent_read(true);
        let read = read.key_condition_expression("pk = :pk");
        let read =
            read.expression_attribute_values(":pk", AttributeValue::S(format!("checkout#{}", self.order)));
        let items = read.send().await.unwrap().items.unwrap();
        redacted(items.into_iter().map(plain).collect())
    }

    /// What an observer sees of the session and its order.
    pub(super) async fn seen(&self, healthy: &Service) -> String {
        redacted(healthy.get_session_with_order(&self.session).await.body)
    }

    /// What an observer sees of what a request made; nothing, if nothing was.
    pub(super) async fn made(&self, ask: Ask, answer: &Answer, healthy: &Service) -> String {
        if answer.status != 200 || !ask.makes_another() {
            return String::new();
        }
        let id = id_of(answer);
        let is_session = ask == Ask::CreateSession;
        let seen = if is_session { healthy.get_session(&id).await } else { healthy.get_order(&id).await };
        redacted(seen.body)
    }

    /// For whom an idempotency record of this path was put: the order that the request made
    /// or changed, or whose session it did.
    pub(super) fn subject(&self, ask: Ask, answer: &Answer) -> String {
        if ask == Ask::CreateSession {
            SessionId::parse(&id_of(answer)).unwrap().order().to_string()
        } else if ask == Ask::CreateOrder {
            id_of(answer)
        } else {
            self.order.clone()
        }
    }
}

/// An answer without what differs from run to run.
pub(super) fn told(answer: &Answer) -> String {
    redacted(json!([answer.status, answer.is_replay(), answer.body]))
}

/// An item as JSON.
pub(super) fn plain(item: HashMap<String, AttributeValue>) -> Value {
    Value::Object(item.into_iter().map(|(name, value)| (name, plain_attribute(value))).collect())
}

fn plain_attribute(value: AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) | AttributeValue::N(text) => text.into(),
        AttributeValue::Bool(truth) => truth.into(),
        AttributeValue::Null(_) => Value::Null,
        AttributeValue::M(members) => plain(members),
        AttributeValue::L(values) => values.into_iter().map(plain_attribute).collect(),
        AttributeValue::B(_) | AttributeValue::Bs(_) | AttributeValue::Ns(_) | AttributeValue::Ss(_) | _ => {
            panic!("nothing of this kind is stored")
        }
    }
}

/// Replaces each id by a number, the same wherever it occurs, each deposit address and each
/// hash of a key by a word. Times stay: the clock stands still.
fn redacted(value: Value) -> String {
    let mut names = HashMap::new();
    let mut value = value;
    redact(&mut value, &mut names);
    serde_json::to_string_pretty(&value).unwrap()
}

fn redact(value: &mut Value, names: &mut HashMap<String, usize>) {
    match value {
        Value::Object(members) => {
            if let (Some(id), Some(address)) = deposit_address(members) {
                assert_eq!(address, expected_deposit_address(&id, RECIPIENT));
            }
            for (name, value) in members {
                match name.as_str() {
                    "globalAddress" | "deposit_address" => *value = json!("[deposit address]"),
                    "key_hash" | "request_hash" => *value = json!("[hash]"),
                    // They have the session's id in them, or a digit of it.
                    "list_at" | "list_shard" | "url" => *value = json!("[place]"),
                    _ => redact(value, names),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| redact(value, names)),
        Value::String(text) => {
            let id = text.strip_prefix("checkout#").unwrap_or(text);
            if Uuid::try_parse(id).is_ok() {
                let next = names.len();
                let number = *names.entry(id.to_owned()).or_insert(next);
                *text = format!("[id {number}]");
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// An order's id and deposit address, where this is one.
fn deposit_address(members: &Map<String, Value>) -> (Option<String>, Option<String>) {
    let text = |name: &str| members.get(name).and_then(Value::as_str).map(str::to_owned);
    (text("id"), text("globalAddress").or_else(|| text("deposit_address")))
}

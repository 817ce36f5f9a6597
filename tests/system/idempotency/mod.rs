//! The `Idempotency-Key` of every POST.

mod keys;
mod refusals;
mod replays;

use aws_sdk_dynamodb::types::Select;
use harness::{Answer, Service, deposit, id_of, order, order_for, with};
use reqwest::RequestBuilder;
use serde_json::{Value, json};

const KEY: &str = "cart-1042";

/// A call that makes or changes something.
#[derive(Debug, Clone)]
enum Call {
    CreateSession(Value),
    Expire(String, Value),
    CreateOrder(Value),
    RecordEvent(String, Value),
}

use Call::{CreateOrder, CreateSession, Expire, RecordEvent};

impl Call {
    /// Returns the request, with a valid signature if the route needs one.
    fn request(&self, service: &Service) -> RequestBuilder {
        match self {
            CreateSession(body) => service.post("/checkout-sessions").json(body),
            Expire(session, body) => service.post(&format!("/checkout-sessions/{session}/expire")).json(body),
            CreateOrder(body) => service.post("/orders").json(body),
            RecordEvent(order, body) => service.event(order, body.to_string().as_bytes()),
        }
    }

    /// The same call with another body that is just as good.
    fn with_another_body(&self) -> Self {
        match self {
            CreateSession(_) => CreateSession(json!({ "expires_in": 600 })),
            Expire(session, _) => Expire(session.clone(), json!({ "reason": "another" })),
            CreateOrder(body) => CreateOrder(with(body.clone(), json!({ "srcAmount": "2000000" }))),
            RecordEvent(order, _) => RecordEvent(order.clone(), event_of("0x99", "99")),
        }
    }

    /// Sends it with an idempotency key.
    async fn send(&self, service: &Service, key: &str) -> Answer {
        let request = self.request(service).header("idempotency-key", key.as_bytes());
        service.send(request).await
    }
}

/// The body of a `deposit.detected`.
fn event_of(hash: &str, amount: &str) -> Value {
    json!({ "type": "deposit.detected", "data": deposit(hash, amount) })
}

/// One call of every kind, each of which can succeed. The last two are of one route and share its keys.
async fn every_call(service: &Service) -> [Call; 5] {
    let (to_link, to_expire) = (service.session().await, service.session().await);
    let order_to_pay = id_of(&service.create_order(order()).await);
    [
        CreateSession(json!({ "metadata": { "cart": "c-1042" } })),
        Expire(to_expire, json!({})),
        RecordEvent(order_to_pay, event_of("0x01", "400000")),
        CreateOrder(order()),
        CreateOrder(order_for(&to_link)),
    ]
}

/// How many items the table holds.
async fn stored_items(service: &Service) -> i32 {
    let scan = service.database.scan().table_name(&service.table);
    scan.select(Select::Count).send().await.unwrap().count
}

/// Asserts that a call is answered as the first one was.
async fn assert_replayed(service: &Service, call: &Call, key: &str, first: &Answer) {
    let answer = call.send(service, key).await;
    assert_eq!(answer.status, 200, "{call:?}: {}", answer.text);
    assert!(answer.is_replay(), "{call:?}");
    assert_eq!(answer.text, first.text, "{call:?}");
}

/// Asserts that a call was done, and not for the second time.
fn assert_done(call: &Call, answer: &Answer) {
    assert_eq!(answer.status, 200, "{call:?}: {}", answer.text);
    assert_eq!(answer.header("idempotent-replayed"), None, "{call:?}");
}

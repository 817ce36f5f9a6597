//! The files of `events/`, as `sam local invoke` and `cargo lambda invoke` hand them to the
//! functions.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use api::Event;
use dev::event::Events;
use domain::api_key::Role;
use domain::time::Timestamp;
use harness::{SECRET, Service, TestClock};
use serde_json::{Value, json};

fn file(name: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../events");
    let text = fs::read_to_string(folder.join(format!("{name}.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Returns what `events/expected.json` says of each function. A record's signature is good at its own time.
fn expected() -> serde_json::Map<String, Value> {
    file("expected").as_object().unwrap().clone()
}

/// The event with another id in its path.
fn addressed(mut event: Value, id: &str) -> Value {
    let parameters = event["pathParameters"].as_object_mut().unwrap();
    let replaced: Vec<String> = parameters
        .values_mut()
        .map(|value| std::mem::replace(value, json!(id)).as_str().unwrap().to_owned())
        .collect();
    let mut path = event["rawPath"].as_str().unwrap().to_owned();
    for old in replaced {
        path = path.replace(&old, id);
    }
    event["rawPath"] = json!(path);
    event["requestContext"]["http"]["path"] = json!(path);
    event
}

/// Hands an event to a function whose clock shows the event's own time.
async fn invoke(service: &Service, function: &str, event: Value) -> (i64, Value) {
    let clock = TestClock::at_the_present();
    let time = event["requestContext"]["timeEpoch"].as_i64().unwrap();
    clock.set(Timestamp::from_millis(time));
    let event: Event = serde_json::from_value(event).unwrap();
    let functions = service.functions(&clock).await;
    let response = functions.invoke(function, event).await.unwrap();
    let response = serde_json::to_value(response).unwrap();
    let body: Value = serde_json::from_str(response["body"].as_str().unwrap()).unwrap();
    let status = response["statusCode"].as_i64().unwrap();
    assert_eq!(body["statusCode"], status);
    assert_eq!(body["success"], status == 200);
    (status, body)
}

#[tokio::test]
async fn the_good_events_take_a_session_from_creation_to_payment() {
    let service = Service::start().await;
    let ok = async |function: &str, event: Value| {
        let (status, body) = invoke(&service, function, event).await;
        assert_eq!(status, 200, "{function}: {body}");
        body["data"].clone()
    };

    let create_session = file("create-checkout-session");
    let session = ok("create-checkout-session", create_session).await;
    let id = session["id"].as_str().unwrap();
    let read = ok("get-checkout-session", addressed(file("get-checkout-session"), id)).await;
    assert_eq!(read["status"], "open");
    // The file asks for the order too.
    assert_eq!(read.get("order"), Some(&json!(null)));

    let created = ok("create-order", file("create-order")).await;
    let order = created["id"].as_str().unwrap();
    let read = ok("get-order", addressed(file("get-order"), order)).await;
    assert_eq!(read["order"]["status"], "scanning_deposit_transaction");
    let paid = ok("record-order-event", addressed(file("record-order-event"), order)).await;
    assert_eq!(paid["order"]["status"], "executing");

    let expired = ok("expire-checkout-session", addressed(file("expire-checkout-session"), id)).await;
    assert_eq!(expired["status"], "expired");
}

#[tokio::test]
async fn the_order_of_the_event_file_comes_in_base64() {
    let event = file("create-order");
    assert_eq!(event["isBase64Encoded"], true);
    assert!(serde_json::from_str::<Value>(event["body"].as_str().unwrap()).is_err());
}

#[tokio::test]
async fn each_event_as_it_is_gets_its_answer_on_an_empty_table() {
    let service = Service::start().await;
    for (function, expected) in expected() {
        for (name, outcome) in [(function.clone(), "as_is"), (format!("{function}.bad"), "bad")] {
            let (answered, body) = invoke(&service, &function, file(&name)).await;
            assert_eq!(answered, expected[outcome]["status"], "{name}: {body}");
            let code = expected[outcome].get("code");
            assert_eq!(body.get("error").map(|error| &error["code"]), code, "{name}");
        }
    }
}

#[tokio::test]
async fn the_signed_event_is_stale_five_minutes_after_its_time() {
    let service = Service::start().await;
    let signed = file("record-order-event");
    let signed_at = signed["requestContext"]["timeEpoch"].as_i64().unwrap();
    for (seconds, status) in [(300, 404), (301, 401), (-300, 404), (-301, 401)] {
        let mut event = signed.clone();
        event["requestContext"]["timeEpoch"] = json!(signed_at + seconds * 1000);
        let (answered, body) = invoke(&service, "record-order-event", event).await;
        assert_eq!(answered, status, "{seconds} s after: {body}");
        if status == 401 {
            assert_eq!(body["error"]["code"], "signature_expired");
        }
    }
}

#[tokio::test]
async fn each_printed_event_is_answered_with_a_success() {
    let service = Service::start().await;
    let functions = service.functions(&service.clock).await;
    // The key of the running service is one of several that the event is signed with.
    let key = service.api_key("shop", Role::Read).await;
    let events = Events::new(&service.base, [SECRET.to_owned()]).unwrap().with_key(Some(key));
    for (function, expected) in expected() {
        // A function without a success has nothing to do in a local run.
        if expected.get("message").is_none() {
            continue;
        }
        let event = events.event(&function).await.unwrap();
        let event: Event = serde_json::from_value(event).unwrap();
        let response = serde_json::to_value(functions.invoke(&function, event).await.unwrap()).unwrap();
        let body: Value = serde_json::from_str(response["body"].as_str().unwrap()).unwrap();
        assert_eq!(body["message"], expected["message"], "{function}: {body}");
        assert_eq!(response["statusCode"], 200, "{function}");
    }
    assert_eq!(events.event("watch-chain").await.unwrap(), json!({}));
    let unknown = events.event("get-orders").await.unwrap_err().to_string();
    assert!(unknown.contains("get-order, "), "{unknown}");
}

/// `sam local` has the secret of `dev/sam-local.json`, and the running service another one.
#[tokio::test]
async fn a_printed_event_is_signed_for_sam_local_and_for_the_running_service() {
    let service = Service::start().await;
    let of_service = "whsec_YW5vdGhlciBzZWNyZXQgb2YgYW5vdGhlciBydW4=".to_owned();
    let events = Events::new(&service.base, [of_service.clone(), of_service]).unwrap();
    let event = events.event("record-order-event").await.unwrap();
    let signatures = event["headers"]["webhook-signature"].as_str().unwrap();
    assert_eq!(signatures.split(' ').collect::<BTreeSet<_>>().len(), 2, "{signatures}");
    let event: Event = serde_json::from_value(event).unwrap();
    let functions = service.functions(&service.clock).await;
    let response =
        serde_json::to_value(functions.invoke("record-order-event", event).await.unwrap()).unwrap();
    assert_eq!(response["statusCode"], 200, "{response}");
}

#[tokio::test]
async fn there_is_no_function_of_another_name() {
    let service = Service::start().await;
    let functions = service.functions(&service.clock).await;
    let event: Event = serde_json::from_value(file("get-order")).unwrap();
    assert!(functions.invoke("get-orders", event).await.is_none());
}

//! Bodies of any shape to the four functions that take one, as a row of requests about what is
//! there: each line of the input is one.
//!
//! A line begins with three bytes, in a seed three digits: the function, how the body is sent,
//! and whom it is about. The rest is the body. Events are signed.

#![no_main]

use api::MAX_BODY_BYTES;
use fuzz::{Answer, Request, Service, subject};
use libfuzzer_sys::fuzz_target;
use serde::Deserialize;
use serde_json::value::RawValue;

/// The most requests in a row: enough for a session's whole life.
const MOST_REQUESTS: usize = 8;

fuzz_target!(|input: &[u8]| {
    Service::run(|service| {
        for line in input.split(|byte| *byte == b'\n').take(MOST_REQUESTS) {
            if let [function, sending, about, body @ ..] = line {
                let about = subject(about.wrapping_sub(b'0'));
                send(service, function.wrapping_sub(b'0'), *sending, &about, body);
            }
        }
    });
});

/// Sends one request, and reads what it made or changed: what was accepted can be read, for
/// ever.
fn send(service: &mut Service, function: u8, sending: u8, subject: &str, body: &[u8]) {
    let sending = Sending::of(sending);
    let body = sending.pad(body);
    let function = match function % 4 {
        0 => "create-checkout-session",
        1 => "create-order",
        2 => "expire-checkout-session",
        _ => "record-order-event",
    };
    let mut request = Request::new(function, subject).body(body.clone());
    if function == "record-order-event" {
        request = request.signed();
    }
    match sending {
        Sending::Once => request = request.header("idempotency-key", "once"),
        Sending::FalselyFlagged => request = request.falsely_flagged(),
        Sending::Plain | Sending::AsLargeAsMayBe | Sending::TooLarge => {}
    }
    let answer = service.send(&request).expect("an event");
    if sending != Sending::FalselyFlagged {
        assert_eq!(answer.status == 413, body.len() > MAX_BODY_BYTES, "{answer:?}");
        assert_ne!(answer.status, 401, "{answer:?}");
    }
    if answer.status == 200 && sending != Sending::FalselyFlagged {
        match function {
            "create-checkout-session" => session_is_kept(service, &body, &answer),
            "create-order" => order_is_kept(service, &body, &answer),
            _ => {}
        }
    }
    for function in ["get-checkout-session", "get-order"] {
        service.send(&Request::new(function, subject));
    }
}

/// How a body is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sending {
    /// As it is.
    Plain,
    /// With an idempotency key.
    Once,
    /// With spaces after it, up to the largest size that is read.
    AsLargeAsMayBe,
    /// With one space more.
    TooLarge,
    /// Flagged as base64, which it is not.
    FalselyFlagged,
}

impl Sending {
    fn of(byte: u8) -> Self {
        match byte.wrapping_sub(b'0') % 5 {
            0 => Self::Plain,
            1 => Self::Once,
            2 => Self::AsLargeAsMayBe,
            3 => Self::TooLarge,
            _ => Self::FalselyFlagged,
        }
    }

    fn pad(self, body: &[u8]) -> Vec<u8> {
        let length = match self {
            Self::AsLargeAsMayBe => MAX_BODY_BYTES.max(body.len()),
            Self::TooLarge => (MAX_BODY_BYTES + 1).max(body.len()),
            Self::Plain | Self::Once | Self::FalselyFlagged => body.len(),
        };
        let mut padded = body.to_vec();
        padded.resize(length, b' ');
        padded
    }
}

/// What a request asks for, and an answer shows, to the letter.
#[derive(Deserialize, Debug, PartialEq, Eq)]
struct Kept<'a> {
    success_url: Option<String>,
    cancel_url: Option<String>,
    #[serde(borrow)]
    metadata: Option<Verbatim<'a>>,
    #[serde(borrow, rename = "callbackMetadata")]
    callback_metadata: Option<Verbatim<'a>>,
    #[serde(rename = "clientReferenceId")]
    client_reference_id: Option<String>,
}

/// The text of a JSON value.
#[derive(Deserialize, Debug, Clone, Copy)]
struct Verbatim<'a>(#[serde(borrow)] &'a RawValue);

impl PartialEq for Verbatim<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
    }
}

impl Eq for Verbatim<'_> {}

#[derive(Deserialize)]
struct Made {
    id: String,
}

fn session_is_kept(service: &mut Service, body: &[u8], answer: &Answer) {
    let asked: Kept = serde_json::from_slice(body).expect("an accepted body");
    let shown: Kept = serde_json::from_str(&answer.data).expect("a session");
    assert_eq!(shown.success_url, asked.success_url);
    assert_eq!(shown.cancel_url, asked.cancel_url);
    let metadata = asked.metadata.as_ref().map_or("{}", |metadata| metadata.0.get());
    assert_eq!(shown.metadata.map(|shown| shown.0.get().to_owned()).as_deref(), Some(metadata));

    let read = read(service, "get-checkout-session", &answer.data);
    let read: Kept = serde_json::from_str(&read.data).expect("a session");
    assert_eq!(read.metadata.map(|read| read.0.get().to_owned()).as_deref(), Some(metadata));
    assert_eq!(read.success_url.is_some(), asked.success_url.is_some());
}

fn order_is_kept(service: &mut Service, body: &[u8], answer: &Answer) {
    #[derive(Deserialize)]
    struct Found<'a> {
        #[serde(borrow)]
        order: Kept<'a>,
    }
    let asked: Kept = serde_json::from_slice(body).expect("an accepted body");
    let shown: Kept = serde_json::from_str(&answer.data).expect("an order");
    assert_eq!(shown.metadata, asked.metadata);
    assert_eq!(shown.callback_metadata, asked.callback_metadata);
    assert_eq!(shown.client_reference_id, asked.client_reference_id);

    let read = read(service, "get-order", &answer.data);
    let read: Found = serde_json::from_str(&read.data).expect("an order");
    // `GET /orders/{orderId}` replaces the session's id in `callbackMetadata` (docs/api.md, *Orders*).
    let hides_session =
        matches!(&read.order.callback_metadata, Some(text) if text.0.get().contains("[session id]"));
    let expected =
        if hides_session { Kept { callback_metadata: read.order.callback_metadata, ..shown } } else { shown };
    assert_eq!(read.order, expected);
}

/// What the function answers about the thing that `data` shows.
fn read(service: &mut Service, function: &str, data: &str) -> Answer {
    let made: Made = serde_json::from_str(data).expect("an id");
    let answer = service.send(&Request::new(function, &made.id)).expect("an event");
    assert_eq!(answer.status, 200, "it was made and cannot be read: {answer:?}");
    answer
}

//! An `Idempotency-Key`, with the headers that tell its callers apart: 1 to 256 characters are
//! accepted; the same key and body bring the first answer back, another body conflicts, and
//! another caller, key or route is another call.
//!
//! The input's lines are the route, a digit in a seed, the key, `x-api-key`, `authorization`,
//! and a text that the body holds, twice: two calls have the same body where the two are the
//! same.

#![no_main]

use fuzz::{Answer, Request, Service, deposit, order, subject};
use libfuzzer_sys::{Corpus, fuzz_target};
use serde_json::{Value, json};

fuzz_target!(|input: &[u8]| -> Corpus {
    let Ok(input) = std::str::from_utf8(input) else {
        return Corpus::Reject;
    };
    let mut lines = input.splitn(6, '\n');
    let mut line = || lines.next().unwrap_or_default();
    let route = Route::of(line().bytes().next().unwrap_or_default());
    let (key, caller, text, other_text) = (line(), (line(), line()), line(), line());
    if route.request(text, key, caller).event().is_none() {
        return Corpus::Reject;
    }
    Service::run(|service| check(service, route, key, caller, text, other_text));
    Corpus::Keep
});

fn check(
    service: &mut Service,
    route: Route,
    key: &str,
    caller @ (api_key, authorization): (&str, &str),
    text: &str,
    other_text: &str,
) {
    let mut send = |route: Route, text: &str, key: &str, caller: (&str, &str)| {
        service.send(&route.request(text, key, caller)).expect("an event")
    };
    let first = send(route, text, key, caller);
    if !(1..=256).contains(&key.chars().count()) {
        let refusal = (first.status, first.code.as_str(), first.param.as_deref());
        assert_eq!(refusal, (400, "invalid_field_value", Some("Idempotency-Key")));
        return;
    }
    assert_eq!((first.status, first.is_replay), (200, false), "{first:?}");
    let is_first = |answer: &Answer| answer.is_replay && answer.data == first.data;
    assert!(is_first(&send(route, text, key, caller)), "the same call is another");

    let other_body = send(route, other_text, key, caller);
    if text == other_text {
        assert!(is_first(&other_body), "the same body is another");
    } else {
        assert_eq!(other_body.code, "idempotency_conflict");
    }

    let longer = |text: &str| format!("{text}x");
    let joined = format!("{api_key}{authorization}");
    let other_callers = [
        (longer(api_key), authorization.to_owned()),
        (api_key.to_owned(), longer(authorization)),
        (joined.clone(), String::new()),
        (String::new(), joined),
    ];
    for (api_key, authorization) in &other_callers {
        let other = (api_key.as_str(), authorization.as_str());
        if other != caller {
            route.expect_another(&send(route, text, key, other));
        }
    }
    let last = key.chars().next_back().map_or(0, char::len_utf8);
    let other_key = if key.chars().count() < 256 { longer(key) } else { key[..key.len() - last].to_owned() };
    route.expect_another(&send(route, text, &other_key, caller));

    for other in Route::DISTINCT.into_iter().filter(|other| *other != route) {
        let answer = send(other, text, key, caller);
        // Both ways to make an order are one route, with bodies that differ.
        let conflicts = (route, other) == (Route::LinkOrder, Route::CreateOrder);
        assert_eq!(answer.code == "idempotency_conflict", conflicts, "{answer:?}");
        assert!(!answer.is_replay, "another route's answer: {answer:?}");
    }
    assert!(is_first(&send(route, text, key, caller)), "the first answer is forgotten");
}

/// A call that an idempotency key can go with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Route {
    CreateSession,
    CreateOrder,
    LinkOrder,
    RecordEvent,
    ExpireSession,
}

impl Route {
    /// One of each route.
    const DISTINCT: [Self; 4] =
        [Self::CreateSession, Self::CreateOrder, Self::RecordEvent, Self::ExpireSession];

    fn of(byte: u8) -> Self {
        match byte.wrapping_sub(b'0') % 5 {
            0 => Self::CreateSession,
            1 => Self::CreateOrder,
            2 => Self::LinkOrder,
            3 => Self::RecordEvent,
            _ => Self::ExpireSession,
        }
    }

    /// A request that would succeed, were it the first.
    fn request(self, text: &str, key: &str, (api_key, authorization): (&str, &str)) -> Request {
        let (open_session, order_alone) = (subject(0), subject(1));
        let (function, body) = match self {
            Self::CreateSession => ("create-checkout-session", json!({})),
            Self::CreateOrder => ("create-order", order(None)),
            Self::LinkOrder => ("create-order", order(Some(&open_session))),
            Self::RecordEvent => ("record-order-event", deposit()),
            Self::ExpireSession => ("expire-checkout-session", json!({})),
        };
        let about = if self == Self::RecordEvent { order_alone } else { open_session };
        Request::new(function, &about)
            .body(with_text(body, text).to_string())
            .signed()
            .header("idempotency-key", key)
            .header("x-api-key", api_key)
            .header("authorization", authorization)
    }

    /// Checks the answer to a call that is like an earlier one and yet another.
    fn expect_another(self, answer: &Answer) {
        let expected = match self {
            Self::CreateSession | Self::CreateOrder | Self::RecordEvent => (200, ""),
            Self::LinkOrder => (409, "session_already_has_order"),
            Self::ExpireSession => (400, "invalid_status_transition"),
        };
        assert_eq!((answer.status, answer.code.as_str()), expected, "{answer:?}");
        assert!(!answer.is_replay, "another caller's answer: {answer:?}");
    }
}

/// Returns the body with one unknown member.
fn with_text(mut body: Value, text: &str) -> Value {
    body["text"] = json!(text);
    body
}

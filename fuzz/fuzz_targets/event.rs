//! An event of API Gateway's, in any shape that a function can be handed, to each of the six
//! functions; and once more to `record-order-event` with a good signature, so that its body is
//! reached.

#![no_main]

use api::{Event, MAX_BODY_BYTES};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fuzz::{Request, Service};
use libfuzzer_sys::{Corpus, fuzz_mutator, fuzz_target};

const FUNCTIONS: [&str; 6] = [
    "create-checkout-session",
    "get-checkout-session",
    "expire-checkout-session",
    "create-order",
    "get-order",
    "record-order-event",
];

fuzz_target!(|input: &[u8]| -> Corpus {
    let Ok(event) = serde_json::from_slice::<Event>(input) else {
        return Corpus::Reject;
    };
    Service::run(|service| {
        for function in FUNCTIONS {
            service.invoke(function, event.clone());
        }
        if let Some(signed) = signed(event) {
            let answer = service.invoke("record-order-event", signed);
            assert_ne!(answer.status, 401, "a good signature is refused: {answer:?}");
        }
    });
    Corpus::Keep
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    fuzz::json::mutate(data, size, max_size, seed)
});

/// Returns the event with a signature of its body; `None` if the body cannot be read.
fn signed(mut event: Event) -> Option<Event> {
    let text = event.body.clone().unwrap_or_default();
    let body = if event.is_base64_encoded { STANDARD.decode(text).ok()? } else { text.into_bytes() };
    if body.len() > MAX_BODY_BYTES {
        return None;
    }
    let signature = Request::new("record-order-event", "").body(body).signed().event()?;
    event.headers.extend(signature.headers);
    Some(event)
}

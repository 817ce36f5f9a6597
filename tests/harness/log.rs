//! The log of the whole suite, read line by line as it is written.
//!
//! Whatever a test sends (bodies, metadata, keys, signatures, secrets) is remembered, and a line
//! that holds any of it ends the suite. The lines are those of production at their most verbose.

use std::collections::HashSet;
use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, Once, PoisonError};

use reqwest::header::HeaderMap;
use runtime::log_lines;
use serde_json::Value;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::SECRET;

/// Shorter texts are in any line by chance.
const TELLING: usize = 12;

static CONFIDENTIAL: Mutex<Option<HashSet<String>>> = Mutex::new(None);
static LINES: AtomicUsize = AtomicUsize::new(0);

/// Reads every line from now on.
pub fn watch() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        keep([SECRET.trim_start_matches("whsec_").to_owned()]);
        tracing_subscriber::registry().with(log_lines(LevelFilter::TRACE, false, || Watch)).init();
    });
}

/// How many lines there were.
pub fn lines() -> usize {
    LINES.load(Ordering::SeqCst)
}

/// Remembers what a request tells in confidence.
pub fn keep_from(headers: &HeaderMap, body: &[u8]) {
    let named = ["idempotency-key", "webhook-signature", "authorization", "x-api-key"];
    let values = named.iter().flat_map(|name| headers.get_all(*name));
    keep(values.filter_map(|value| value.to_str().ok().map(ToOwned::to_owned)));
    if let Ok(body) = serde_json::from_slice(body) {
        let mut texts = Vec::new();
        texts_of(&body, &mut texts);
        keep(texts);
    }
}

/// Every text in a body, the names of its own members included.
fn texts_of(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => texts.push(text.clone()),
        Value::Array(values) => values.iter().for_each(|value| texts_of(value, texts)),
        Value::Object(members) => members.values().for_each(|value| texts_of(value, texts)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Remembers texts that no line may have.
pub fn keep(texts: impl IntoIterator<Item = String>) {
    let mut confidential = CONFIDENTIAL.lock().unwrap_or_else(PoisonError::into_inner);
    let telling = texts.into_iter().filter(|text| (TELLING..4096).contains(&text.len()));
    confidential.get_or_insert_default().extend(telling);
}

/// What a line gives away.
fn given_away(line: &str) -> Option<String> {
    let confidential = CONFIDENTIAL.lock().unwrap_or_else(PoisonError::into_inner);
    confidential.iter().flatten().find(|text| line.contains(text.as_str())).cloned()
}

struct Watch;

impl Write for Watch {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        LINES.fetch_add(1, Ordering::SeqCst);
        let text = String::from_utf8_lossy(line);
        if let Some(secret) = given_away(&text) {
            // Not by a macro: what those print is kept back until a test ends.
            let _last_words = writeln!(io::stderr(), "the log gives away `{secret}`:\n{text}");
            std::process::abort();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_line_that_gives_anything_away_is_noticed() {
    let body = br#"{ "metadata": { "customer": ["Ada Lovelace, of London"] }, "amount": 1 }"#;
    keep_from(
        &HeaderMap::from_iter([("x-api-key".parse().unwrap(), "a very secret key".parse().unwrap())]),
        body,
    );
    assert_eq!(
        given_away("a request failed, customer: Ada Lovelace, of London!").unwrap(),
        "Ada Lovelace, of London"
    );
    assert_eq!(given_away("by a very secret key").unwrap(), "a very secret key");
    assert!(given_away("a request failed").is_none());
}

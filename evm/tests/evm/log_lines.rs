//! What is logged of endpoints that fail: constant messages, and never a URL.

use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex};

use evm::block::BlockTag;
use evm::{Endpoint, LogReader, Node, Rpc};
use serde_json::{Value, json};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Metadata, Subscriber};

use crate::chain::{PAYEE, block, filter, log, number_in};
use crate::double::{Double, KEY, LIMITS, error, over, reply};

/// Keeps each event of this crate as a line: its level, its message and its fields.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    /// Collects the events of this thread until the guard is dropped.
    fn collect() -> (Self, DefaultGuard) {
        let lines = Self::default();
        let guard = tracing::subscriber::set_default(lines.clone());
        (lines, guard)
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            write!(self.0, " {value:?}").unwrap();
        } else {
            write!(self.0, " {}={value:?}", field.name()).unwrap();
        }
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("evm::")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn an_endpoint_that_fails_is_logged_once_by_its_position() {
    let (lines, _guard) = Lines::collect();
    let broken = Double::responding(|_, _| error(-32603, &format!("{KEY} of 127.0.0.1 failed"))).await;
    let sound = Double::honest(|_, _| json!("0x5")).await;
    let node = Node::new(over(&[&broken, &sound]));
    for _ in 0..3 {
        assert!(node.nonce(PAYEE, BlockTag::Latest).await.is_ok());
    }
    node.distrust("leaves out logs");
    let expected = [
        "WARN endpoint left endpoint=0 cause=the node refused: … of … failed (code -32603)",
        "WARN endpoint distrusted endpoint=1 cause=\"leaves out logs\"",
    ];
    assert_eq!(lines.all(), expected);
}

#[tokio::test]
async fn an_endpoint_of_another_chain_is_logged_once_as_an_error() {
    let (lines, _guard) = Lines::collect();
    let theirs = Double::honest(|_, _| json!("0x1")).await;
    let rpc = theirs.rpc().for_chain(8453);
    for _ in 0..3 {
        assert!(Node::new(rpc.clone()).head().await.is_err());
    }
    assert_eq!(lines.all(), ["ERROR endpoint is of another chain endpoint=0 expected=8453 found=1"]);
}

#[tokio::test]
async fn lowered_limits_and_dropped_logs_are_logged() {
    let (lines, _guard) = Lines::collect();
    let double = Double::capped(
        1,
        |_| reply(&error(-32600, "no batches")),
        |method, params| match method {
            "eth_getBlockByNumber" => json!({ "result": block(number_in(params)) }),
            _ if params[0]["fromBlock"] == params[0]["toBlock"] => {
                json!({ "result": [log(1, 0), log(9, 0), {}] })
            }
            _ => error(-32000, "too wide"),
        },
    )
    .await;
    let node = double.node();
    assert!(node.blocks(&[1, 2]).await.is_ok());
    let reader = LogReader::new(node, 2);
    assert_eq!(reader.read(1..=2, &filter(), &mut 2).await.unwrap().last.number, 1);
    let expected = [
        "WARN batch limit lowered endpoint=0 limit=1 cause=the node refused: no batches (code -32600)",
        "WARN block range lowered endpoint=0 blocks=1 cause=the node refused: too wide (code -32000)",
        "WARN logs dropped endpoint=0 unreadable=1 foreign=1 replaced=0",
    ];
    assert_eq!(lines.all(), expected);
}

#[tokio::test]
async fn no_line_shows_a_url() {
    let (lines, _guard) = Lines::collect();
    let telling = |_: &Value| reply(&error(-32000, &format!("the key {KEY} is unknown at 127.0.0.1")));
    let telling = Double::start(telling).await;
    let gone = Endpoint::parse(&format!("http://127.0.0.1:1/{KEY}")).unwrap();
    let nowhere = Endpoint::parse(&format!("https://127.0.0.1:1/{KEY}")).unwrap();
    let endpoints = vec![telling.endpoint.clone(), gone, nowhere];
    let node = Node::new(Rpc::new(endpoints, LIMITS).unwrap().for_chain(1));
    assert!(node.head().await.is_err());
    assert!(node.receipts(&[PAYEE.into_word()]).await.is_err());
    assert!(node.logs_up_to(1..=2, &filter()).await.is_err());
    let lines = lines.all();
    assert!(lines.len() >= 6, "{lines:?}");
    assert!(lines.iter().all(|line| !line.contains("sEcReTkEy") && !line.contains("127.0.0.1")), "{lines:?}");
}

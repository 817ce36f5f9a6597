//! DynamoDB's stand-in: the embedded engine behind TLS, so that a function's handshake counts. It notes each call, how
//! long it took and what it consumed.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::serve::Listener;
use dev::engine;
use dev::in_process::InProcessEngine;
use dev::template::Template;
use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::cold_start::certificate::{Certificates, HOST};

/// The table's name.
pub const TABLE: &str = "checkout";

/// A call that a function made.
#[derive(Debug, Clone)]
pub struct Call {
    /// The operation, such as `PutItem`.
    pub operation: String,
    /// When all of it was there.
    pub from: Instant,
    /// When its answer was.
    pub to: Instant,
    /// The read units that it consumed.
    pub read_units: f64,
    /// The write units that it consumed.
    pub write_units: f64,
}

/// The stand-in.
pub struct DynamoDb {
    /// Where a function finds it.
    pub endpoint: String,
    calls: mpsc::UnboundedReceiver<Call>,
    line: Arc<Line>,
}

impl DynamoDb {
    /// Starts it, with an empty table. `secret` is what it answers as Secrets Manager.
    pub async fn start(certificates: &Certificates, secret: &'static str) -> Result<Self> {
        let database = Database::memory().map_err(|error| anyhow!("the engine cannot start: {error}"))?;
        let (sender, calls) = mpsc::unbounded_channel();
        let line = Arc::new(Line { database, secret, calls: sender, round_trip: AtomicU64::default() });
        line.create_table().await?;
        let listener = TcpListener::bind((HOST, 0)).await?;
        let endpoint = format!("https://{HOST}:{}", listener.local_addr()?.port());
        let router = Router::new().fallback(answer).with_state(Arc::clone(&line));
        let door = Door::open(listener, TlsAcceptor::from(Arc::clone(&certificates.server)), &line)?;
        tokio::spawn(async move { axum::serve(door, router).await });
        Ok(Self { endpoint, calls, line })
    }

    /// How long every answer takes at least from now on.
    pub fn set_round_trip(&self, time: Duration) {
        self.line.round_trip.store(u64::try_from(time.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Returns the calls since the last call of this function.
    pub fn take_calls(&mut self) -> Vec<Call> {
        std::iter::from_fn(|| self.calls.try_recv().ok()).collect()
    }
}

/// How long `calls` took together: what went on at the same time counts once.
pub fn time_in(calls: &[Call]) -> Duration {
    let mut calls: Vec<_> = calls.iter().collect();
    calls.sort_by_key(|call| call.from);
    let (mut sum, mut counted_to) = (Duration::ZERO, None);
    for call in calls {
        let from = counted_to.map_or(call.from, |counted: Instant| counted.max(call.from));
        sum += call.to.saturating_duration_since(from);
        counted_to = Some(from.max(call.to));
    }
    sum
}

/// How many of `calls` had to wait for one another.
pub fn depth(calls: &[Call]) -> usize {
    let mut calls: Vec<_> = calls.iter().collect();
    calls.sort_by_key(|call| call.to);
    let (mut depth, mut ended) = (0, None);
    for call in calls {
        if ended.is_none_or(|ended| call.from >= ended) {
            depth += 1;
            ended = Some(call.to);
        }
    }
    depth
}

/// What all connections share.
struct Line {
    database: Database,
    secret: &'static str,
    calls: mpsc::UnboundedSender<Call>,
    /// In microseconds.
    round_trip: AtomicU64,
}

impl Line {
    fn round_trip(&self) -> Duration {
        Duration::from_micros(self.round_trip.load(Ordering::Relaxed))
    }

    /// Creates the table that the template declares.
    async fn create_table(&self) -> Result<()> {
        let config = InProcessEngine::from(self.database.clone()).sdk_config().await;
        engine::create_table(&config, TABLE, &Template::compiled_in()?.table).await
    }

    /// The operations that the functions use.
    fn dispatch(&self, operation: &str, request: &Value) -> dynoxide::Result<Value> {
        let database = &self.database;
        match operation {
            "PutItem" => carry_out(request, |request| database.put_item(request)),
            "UpdateItem" => carry_out(request, |request| database.update_item(request)),
            "GetItem" => carry_out(request, |request| database.get_item(request)),
            "Query" => carry_out(request, |request| database.query(request)),
            "TransactWriteItems" => carry_out(request, |request| database.transact_write_items(request)),
            _ => Err(DynoxideError::ValidationException(format!("{operation} is not offered"))),
        }
    }

    /// Lets the engine answer, asks for what that consumed, and keeps it from the function, which did not ask.
    fn call(&self, operation: &str, body: &[u8]) -> (StatusCode, String, f64) {
        let answered = serde_json::from_slice(body).map_err(unreadable).and_then(|mut request: Map<_, _>| {
            request.insert("ReturnConsumedCapacity".to_owned(), json!("TOTAL"));
            self.dispatch(operation, &request.into())
        });
        match answered {
            Ok(mut answer) => {
                let consumed = answer.as_object_mut().and_then(|answer| answer.remove("ConsumedCapacity"));
                (StatusCode::OK, answer.to_string(), units(consumed.as_ref()))
            }
            Err(error) => {
                let status = StatusCode::from_u16(error.status_code());
                (status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), error.to_json(), 0.0)
            }
        }
    }
}

fn carry_out<Request: DeserializeOwned, Answer: Serialize>(
    request: &Value,
    run: impl FnOnce(Request) -> dynoxide::Result<Answer>,
) -> dynoxide::Result<Value> {
    // By way of its text, as the engine's own server reads it.
    let request = serde_json::from_str(&request.to_string()).map_err(unreadable)?;
    serde_json::to_value(run(request)?).map_err(unreadable)
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn unreadable(error: serde_json::Error) -> DynoxideError {
    DynoxideError::SerializationException(error.to_string())
}

/// A transaction says for each of its tables what it consumed, any other call for the one.
fn units(consumed: Option<&Value>) -> f64 {
    let of = |table: &Value| table.get("CapacityUnits").and_then(Value::as_f64).unwrap_or_default();
    match consumed {
        Some(Value::Array(tables)) => tables.iter().map(of).sum(),
        Some(table) => of(table),
        None => 0.0,
    }
}

async fn answer(State(line): State<Arc<Line>>, method: Method, headers: HeaderMap, body: Bytes) -> Response {
    let from = Instant::now();
    if method == Method::GET {
        // What the real one says to who only wants to know whether it is there.
        return "healthy".into_response();
    }
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let (service, operation) = target.split_once('.').unwrap_or_default();
    let (status, text, units) = if service == "secretsmanager" {
        let secret = json!({ "ARN": "arn", "Name": "events", "VersionId": "1", "SecretString": line.secret });
        (StatusCode::OK, secret.to_string(), 0.0)
    } else {
        line.call(operation, &body)
    };
    pause_until(from + line.round_trip()).await;
    let (read_units, write_units) =
        if matches!(operation, "GetItem" | "Query") { (units, 0.0) } else { (0.0, units) };
    let call = Call { operation: operation.to_owned(), from, to: Instant::now(), read_units, write_units };
    // Nobody hears it once the run is over.
    let _over = line.calls.send(call);
    (status, [("content-type", "application/x-amz-json-1.0")], text).into_response()
}

/// Waits until then. If that is past, it does not wait: the timer would wait for the next millisecond.
async fn pause_until(time: Instant) {
    if time > Instant::now() {
        tokio::time::sleep_until(time.into()).await;
    }
}

/// Accepts connections once their handshake is done. Each handshake is a task of its own: a silent client does not hold up
/// the others.
struct Door {
    address: SocketAddr,
    connections: mpsc::UnboundedReceiver<(TlsStream<TcpStream>, SocketAddr)>,
}

impl Door {
    fn open(listener: TcpListener, acceptor: TlsAcceptor, line: &Arc<Line>) -> Result<Self> {
        let address = listener.local_addr()?;
        let (sender, connections) = mpsc::unbounded_channel();
        let line = Arc::clone(line);
        tokio::spawn(async move {
            while let Ok((stream, caller)) = listener.accept().await {
                let came = Instant::now();
                let (acceptor, sender, line) = (acceptor.clone(), sender.clone(), Arc::clone(&line));
                tokio::spawn(async move {
                    // TCP's handshake and that of TLS 1.3 take a round trip each.
                    pause_until(came + line.round_trip() * 2).await;
                    if stream.set_nodelay(true).is_ok()
                        && let Ok(stream) = acceptor.accept(stream).await
                    {
                        let _over = sender.send((stream, caller));
                    }
                });
            }
        });
        Ok(Self { address, connections })
    }
}

impl Listener for Door {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.connections.recv().await {
            Some(connection) => connection,
            // Nobody listens any more, so nobody ever comes.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        Ok(self.address)
    }
}

/// Which operations `calls` were, and how often each.
pub fn operations(calls: &[Call]) -> String {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for call in calls {
        *counts.entry(&call.operation).or_default() += 1;
    }
    let mut names: Vec<_> = counts
        .into_iter()
        .map(|(name, count)| if count == 1 { name.to_owned() } else { format!("{count} × {name}") })
        .collect();
    names.sort();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_template_declares_a_table_that_the_stand_in_can_make() {
        let folder = tempfile::tempdir().unwrap();
        let certificates = Certificates::new(folder.path()).unwrap();
        let stand_in = DynamoDb::start(&certificates, "").await.unwrap();
        let query = json!({
            "TableName": TABLE,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": { ":pk": { "S": "checkout#none" } },
        });
        let (status, answer, _) = stand_in.line.call("Query", query.to_string().as_bytes());
        assert_eq!(status, StatusCode::OK, "{answer}");
    }

    fn calls(spans: &[(u64, u64)]) -> Vec<Call> {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let call = |&(from, to)| Call {
            operation: "GetItem".to_owned(),
            from: at(from),
            to: at(to),
            read_units: 1.0,
            write_units: 0.0,
        };
        spans.iter().map(call).collect()
    }

    #[test]
    fn what_goes_on_at_the_same_time_counts_once() {
        assert_eq!(time_in(&[]), Duration::ZERO);
        assert_eq!(time_in(&calls(&[(0, 5), (7, 9)])), Duration::from_millis(7));
        assert_eq!(time_in(&calls(&[(2, 6), (0, 5)])), Duration::from_millis(6));
        assert_eq!(time_in(&calls(&[(0, 9), (2, 3), (4, 10)])), Duration::from_millis(10));
    }

    #[test]
    fn calls_are_as_deep_as_they_wait_for_one_another() {
        assert_eq!(depth(&[]), 0);
        assert_eq!(depth(&calls(&[(0, 5), (1, 6)])), 1);
        assert_eq!(depth(&calls(&[(0, 5), (1, 6), (6, 9)])), 2);
        assert_eq!(depth(&calls(&[(5, 8), (0, 5)])), 2);
    }

    #[test]
    fn a_transaction_says_its_units_for_each_table() {
        assert!(
            (units(Some(&json!([{ "CapacityUnits": 2.0 }, { "CapacityUnits": 4.0 }]))) - 6.0).abs() < 1e-9
        );
        assert!((units(Some(&json!({ "CapacityUnits": 0.5 }))) - 0.5).abs() < 1e-9);
        assert!(units(None).abs() < 1e-9);
    }
}

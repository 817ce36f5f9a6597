//! Stands between the functions and the engine, on the wire, and decides what becomes of each
//! call to DynamoDB.

use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aws_config::SdkConfig;
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use dev::engine;
use futures::future::{self, BoxFuture, Shared};
use reqwest::Client;
use serde_json::Value;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::fault::Fault;
use super::{Recorder, Service, Setup, Table};

/// How often a shut door is looked at.
const LOOK: Duration = Duration::from_millis(2);

/// What becomes of a call to DynamoDB.
#[derive(Clone)]
pub enum Fate {
    /// The engine answers it.
    Forward,
    /// It is answered like this, and the engine never receives it.
    Fail(StatusCode, Value),
    /// It is never answered, and the engine never receives it.
    Silence,
    /// The engine carries it out; once this has happened the connection breaks, without a reply.
    LoseReplyAfter(Shared<BoxFuture<'static, ()>>),
    /// It meets this fault.
    Meet(Fault),
    /// It meets this fault, after a while.
    MeetAfter(Duration, Fault),
}

/// Which call it is.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// How many came before it.
    pub number: usize,
    /// The operation, such as `PutItem`; empty where the call was refused before it could be read.
    pub operation: String,
    /// How many of the same operation came before it.
    pub of_its_kind: usize,
}

/// Decides what becomes of calls.
pub trait Plan: Send + Sync + 'static {
    /// What becomes of this call.
    fn fate(&self, call: &Arrival) -> Fate;

    /// Whether nothing listens when the call of this number is made. This is asked before the
    /// call: once a connection stands, it can only be reset.
    fn refuses(&self, _number: usize) -> bool {
        false
    }
}

/// Decides by the operation alone.
impl<F: Fn(&str) -> Fate + Send + Sync + 'static> Plan for F {
    fn fate(&self, call: &Arrival) -> Fate {
        self(&call.operation)
    }
}

/// Stands between the functions and the engine. Answers its endpoint.
pub async fn interpose(service: &Service, fate: impl Fn(&str) -> Fate + Send + Sync + 'static) -> String {
    Proxy::start(service, fate).await.endpoint()
}

/// What many services behind proxies share: it takes long to make.
pub struct Wiring {
    config: SdkConfig,
}

impl Wiring {
    pub async fn of(service: &Service) -> Self {
        Self { config: engine::sdk_config(&service.endpoint).await }
    }
}

/// A service on the table of another, with a proxy before the engine.
pub struct Proxied {
    pub service: Service,
    pub proxy: Proxy,
    /// Listens again once a connection was refused.
    doorkeeper: JoinHandle<()>,
}

impl Proxied {
    pub async fn beside(other: &Service, wiring: &Wiring, plan: impl Plan) -> Self {
        Self::set_up(other, wiring, plan, &Setup::default()).await
    }

    /// The same, set up in another way.
    pub async fn set_up(other: &Service, wiring: &Wiring, plan: impl Plan, setup: &Setup) -> Self {
        let proxy = Proxy::start(other, plan).await;
        let endpoint = proxy.line.endpoint();
        let aws = wiring.config.to_builder().endpoint_url(&endpoint).build();
        let table = Table { endpoint, ..other.table() };
        let service = Service::on(table, &aws, &other.clock, setup).await;
        let calls = service.calls.clone();
        let doorkeeper = tokio::spawn(Arc::clone(&proxy.line).keep_the_door(calls));
        Self { service, proxy, doorkeeper }
    }
}

impl Drop for Proxied {
    fn drop(&mut self) {
        self.doorkeeper.abort();
    }
}

/// A proxy before the engine.
pub struct Proxy {
    line: Arc<Line>,
}

impl Proxy {
    pub async fn start(service: &Service, plan: impl Plan) -> Self {
        let holder = socket_that_shares(([127, 0, 0, 1], 0).into());
        let line = Arc::new(Line {
            engine: service.endpoint.clone(),
            http: service.http.clone(),
            address: holder.local_addr().unwrap(),
            _holder: holder,
            plan: Box::new(plan),
            arrivals: Mutex::default(),
            hits: watch::Sender::new(0),
            busy: watch::Sender::new(0),
            shut: watch::Sender::new(Some(Instant::now())),
            listening: tokio::sync::Mutex::default(),
        });
        if !line.plan.refuses(0) {
            line.open().await;
        }
        Self { line }
    }

    /// The address that it listens on.
    pub fn endpoint(&self) -> String {
        self.line.endpoint()
    }

    /// The calls so far, in their order.
    pub fn arrivals(&self) -> Vec<Arrival> {
        self.line.arrivals.lock().unwrap().clone()
    }

    /// How many of them met a fault.
    pub fn hits(&self) -> usize {
        *self.line.hits.borrow()
    }

    /// Waits until no call is under way any more, whether or not a client still waits for one.
    pub async fn settled(&self) {
        self.line.busy.subscribe().wait_for(|calls| *calls == 0).await.unwrap();
    }
}

/// A socket on an address that another of its kind may be bound to.
fn socket_that_shares(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    #[cfg(unix)]
    socket.set_reuseport(true).unwrap();
    // On Windows this says the same.
    #[cfg(windows)]
    socket.set_reuseaddr(true).unwrap();
    socket.bind(address).unwrap();
    socket
}

/// What all connections of a proxy share.
struct Line {
    engine: String,
    http: Client,
    address: SocketAddr,
    /// Never listens. It keeps the port from others while nothing does.
    _holder: TcpSocket,
    plan: Box<dyn Plan>,
    arrivals: Mutex<Vec<Arrival>>,
    hits: watch::Sender<usize>,
    /// The number of calls on the way.
    busy: watch::Sender<usize>,
    /// Since when nothing listens; `None` while it listens.
    shut: watch::Sender<Option<Instant>>,
    listening: tokio::sync::Mutex<Option<JoinHandle<()>>>,
}

impl Line {
    fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    // -- The door ----------------------------------------------------------------------------

    async fn open(self: &Arc<Self>) {
        let mut listening = self.listening.lock().await;
        let listener = socket_that_shares(self.address).listen(1024).unwrap();
        self.shut.send_replace(None);
        let line = Arc::clone(self);
        *listening = Some(tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(Arc::clone(&line).attend(stream));
            }
        }));
    }

    /// Stops listening, and closes idle connections, before it returns.
    async fn close(&self) {
        let mut listening = self.listening.lock().await;
        if let Some(task) = listening.take() {
            task.abort();
            // The listener is gone when its task is.
            task.await.unwrap_err();
            self.shut.send_replace(Some(Instant::now()));
        }
    }

    /// Counts the calls that were refused, by what the caller's side wrote down, and opens the
    /// door to the first that is not to be.
    async fn keep_the_door(self: Arc<Self>, calls: Recorder) {
        let mut shut = self.shut.subscribe();
        loop {
            let since = shut.wait_for(Option::is_some).await.unwrap().unwrap();
            tokio::time::sleep(LOOK).await;
            // What was sent since, and has ended, came to nobody.
            for _ in calls.take().iter().filter(|call| call.sent >= since) {
                let next = {
                    let mut arrivals = self.arrivals.lock().unwrap();
                    let number = arrivals.len();
                    if self.plan.refuses(number) {
                        self.hits.send_modify(|hits| *hits += 1);
                        arrivals.push(Arrival { number, operation: String::new(), of_its_kind: 0 });
                    }
                    arrivals.len()
                };
                if !self.plan.refuses(next) && shut.borrow().is_some() {
                    self.open().await;
                }
            }
        }
    }

    // -- A connection ------------------------------------------------------------------------

    /// Attends to a connection for as long as it lasts.
    async fn attend(self: Arc<Self>, stream: TcpStream) {
        stream.set_nodelay(true).unwrap();
        let mut stream = BufReader::new(stream);
        let mut shut = self.shut.subscribe();
        loop {
            tokio::select! {
                arrived = stream.fill_buf() => if !arrived.is_ok_and(|bytes| !bytes.is_empty()) { return },
                // Who kept a connection would otherwise get round a door that is shut.
                _ = shut.wait_for(Option::is_some) => return,
            }
            let Some(request) = Request::read(&mut stream).await else { return };
            self.busy.send_modify(|calls| *calls += 1);
            let fate = self.fate(&request).await;
            let bytes = self.carry_out(fate, &request).await;
            self.busy.send_modify(|calls| *calls -= 1);
            match bytes {
                Outcome::Reply(reply) => {
                    let ends = self.shut.borrow().is_some();
                    if stream.write_all(&reply.bytes(ends)).await.is_err() || ends {
                        return;
                    }
                }
                Outcome::Truncated(reply) => {
                    // The caller may be gone already.
                    let _gone = stream.write_all(&reply.first_half()).await;
                    return;
                }
                Outcome::Close => return,
                Outcome::Reset => {
                    // Closing then sends RST instead of FIN.
                    stream.get_ref().set_zero_linger().unwrap();
                    return;
                }
            }
        }
    }

    /// What becomes of a call. Shuts the door if the next one is to be refused: once this call
    /// is answered it would be too late.
    async fn fate(&self, request: &Request) -> Fate {
        let (fate, next) = {
            let mut arrivals = self.arrivals.lock().unwrap();
            let operation = request.operation().to_owned();
            let of_its_kind = arrivals.iter().filter(|earlier| earlier.operation == operation).count();
            let call = Arrival { number: arrivals.len(), operation, of_its_kind };
            let fate = self.plan.fate(&call);
            arrivals.push(call);
            (fate, arrivals.len())
        };
        if matches!(fate, Fate::Meet(_) | Fate::MeetAfter(..)) {
            self.hits.send_modify(|hits| *hits += 1);
        }
        if self.plan.refuses(next) {
            self.close().await;
        }
        fate
    }

    async fn carry_out(&self, fate: Fate, request: &Request) -> Outcome {
        match fate {
            Fate::Forward => Outcome::Reply(self.forward(request).await),
            Fate::Fail(status, error) => Outcome::Reply(Reply::error(status, &error)),
            Fate::Silence => future::pending().await,
            Fate::LoseReplyAfter(meanwhile) => {
                self.forward(request).await;
                meanwhile.await;
                Outcome::Close
            }
            Fate::Meet(fault) => self.meet(fault, request).await,
            Fate::MeetAfter(delay, fault) => {
                tokio::time::sleep(delay).await;
                self.meet(fault, request).await
            }
        }
    }

    async fn meet(&self, fault: Fault, request: &Request) -> Outcome {
        match fault {
            // Two calls at once: this one was connected before the door was shut.
            Fault::Refused | Fault::ResetBefore => Outcome::Reset,
            Fault::LostReply => {
                self.forward(request).await;
                Outcome::Close
            }
            Fault::TruncatedReply => Outcome::Truncated(self.forward(request).await),
            Fault::LateRequest(delay) => {
                tokio::time::sleep(delay).await;
                Outcome::Reply(self.forward(request).await)
            }
            Fault::LateReply(delay) => {
                let reply = self.forward(request).await;
                tokio::time::sleep(delay).await;
                Outcome::Reply(reply)
            }
            Fault::Error(..) | Fault::Cancelled(_) => {
                let (status, error) = fault.refusal(request.operation()).unwrap();
                Outcome::Reply(Reply::error(status, &error))
            }
        }
    }

    /// Lets the engine carry a call out.
    async fn forward(&self, request: &Request) -> Reply {
        let Request { headers, body } = request;
        let call = self.http.post(&self.engine).headers(headers.clone()).body(body.clone());
        let answer = call.send().await.unwrap();
        let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
        Reply { status: answer.status(), kind, body: answer.bytes().await.unwrap() }
    }
}

/// A call, as it came over the wire.
struct Request {
    headers: HeaderMap,
    body: Bytes,
}

impl Request {
    /// Reads a request of HTTP/1.1; `None` where the caller gave up meanwhile.
    async fn read(stream: &mut (impl AsyncBufRead + Unpin)) -> Option<Self> {
        let (mut headers, mut line) = (HeaderMap::new(), String::new());
        stream.read_line(&mut line).await.ok()?;
        loop {
            line.clear();
            stream.read_line(&mut line).await.ok()?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.insert(HeaderName::from_str(name).unwrap(), value.trim().parse().unwrap());
        }
        let length = headers.get("content-length")?.to_str().unwrap().parse().unwrap();
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.ok()?;
        for of_the_connection in ["host", "content-length", "connection"] {
            headers.remove(of_the_connection);
        }
        Some(Self { headers, body: body.into() })
    }

    fn operation(&self) -> &str {
        let target = self.headers["x-amz-target"].to_str().unwrap();
        target.rsplit('.').next().unwrap()
    }
}

/// How a call ends for its caller.
enum Outcome {
    Reply(Reply),
    /// Half of this reply, then the connection ends.
    Truncated(Reply),
    /// The connection ends in order, without a reply.
    Close,
    /// The connection is reset.
    Reset,
}

/// What the engine says, or what is said in its place.
struct Reply {
    status: StatusCode,
    kind: String,
    body: Bytes,
}

impl Reply {
    fn error(status: StatusCode, error: &Value) -> Self {
        Self { status, kind: "application/x-amz-json-1.0".to_owned(), body: error.to_string().into() }
    }

    fn head(&self, ends: bool) -> Vec<u8> {
        let Self { status, kind, body } = self;
        let (status, length) = (status.as_u16(), body.len());
        let connection = if ends { "close" } else { "keep-alive" };
        format!(
            "HTTP/1.1 {status} -\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: {connection}\r\n\r\n"
        )
        .into_bytes()
    }

    fn bytes(&self, ends: bool) -> Vec<u8> {
        [self.head(ends), self.body.to_vec()].concat()
    }

    /// It promises the whole body.
    fn first_half(&self) -> Vec<u8> {
        let half = self.body.slice(..self.body.len() / 2);
        [self.head(false), half.to_vec()].concat()
    }
}

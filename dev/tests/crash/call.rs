//! The calls that clients make.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use fastrand::Rng;
use reqwest::{Client, RequestBuilder};
use runtime::Clock;
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::process::{Life, PATIENCE};

/// How long to wait before a call that got 503 is sent again.
const PAUSE: Duration = Duration::from_millis(100);

/// A client's call.
#[derive(Debug, Clone)]
pub(crate) enum Call {
    /// Opens a session.
    Open { reference: String },
    /// Makes a session's order.
    Link { session: String, reference: String, amount: u64 },
    /// Reports a deposit.
    Deposit { order: String, hash: String, amount: u64 },
    /// Reports the execution.
    Execute { order: String, hash: String },
    /// Calls a session off.
    Expire { session: String },
    /// Reads a session with its order.
    Look { session: String },
    /// Reads an order by itself.
    LookAtOrder { order: String },
}

impl Call {
    /// Whether it changes anything.
    pub(crate) fn is_write(&self) -> bool {
        !matches!(self, Self::Look { .. } | Self::LookAtOrder { .. })
    }
}

/// A call as it is sent.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    /// The call itself.
    pub(crate) call: Call,
    /// Its idempotency key.
    pub(crate) key: Option<String>,
}

impl Sent {
    /// Half of all writes bear a key.
    pub(crate) fn new(call: Call, rng: &mut Rng) -> Self {
        let key = (call.is_write() && rng.bool()).then(|| name(rng));
        Self { call, key }
    }

    /// The call by itself.
    pub(crate) fn without_key(call: Call) -> Self {
        Self { call, key: None }
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// Whether an idempotency key brought it back.
    pub(crate) is_replay: bool,
    /// The body as it was sent.
    pub(crate) text: String,
    /// The same, read.
    pub(crate) body: Value,
}

impl Answer {
    /// The status and code of a failure.
    pub(crate) fn refusal(&self) -> (u16, &str) {
        (self.status, self.body["error"]["code"].as_str().unwrap_or_default())
    }
}

/// What an order is told that came after another.
pub(crate) const ALREADY_LINKED: (u16, &str) = (409, "session_already_has_order");
/// The error codes of an order or an expire call that is too late.
pub(crate) const NOT_OPEN: (u16, &str) = (400, "invalid_status_transition");

/// A client of one life.
#[derive(Clone)]
pub(crate) struct Caller {
    http: Client,
    base: String,
    secret: String,
    /// How many writes were acknowledged.
    pub(crate) acknowledged: Arc<AtomicUsize>,
    /// Whether the process is being killed, so that to hear nothing is no wonder.
    pub(crate) is_killed: Arc<AtomicBool>,
}

impl Caller {
    /// Creates a client of this process.
    pub(crate) fn new(life: &Life) -> Result<Self> {
        Ok(Self {
            // New in each life: a kept connection would lead to the last one.
            http: Client::builder().timeout(PATIENCE).build()?,
            base: life.base.clone(),
            secret: life.secret.clone(),
            acknowledged: Arc::default(),
            is_killed: Arc::default(),
        })
    }

    /// The request of a call.
    fn request(&self, call: &Call) -> Result<RequestBuilder> {
        let url = |path: &str| format!("{}{path}", self.base);
        Ok(match call {
            Call::Open { reference } => {
                let body = json!({
                    "client_reference_id": reference,
                    "expires_in": 86_400,
                    "metadata": { "cart": reference },
                });
                self.http.post(url("/checkout-sessions")).json(&body)
            }
            Call::Link { session, reference, amount } => {
                let body = json!({
                    "type": "swap",
                    "checkoutSessionId": session,
                    "clientReferenceId": reference,
                    "recipientAddress": "0xb34facb90a200251318e8841c05102366f2158cf",
                    "srcChain": 8453,
                    "dstChain": 8453,
                    "srcTokenAddress": "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
                    "dstTokenAddress": "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
                    "srcAmount": amount.to_string(),
                    "payload": { "expectedDstAmount": amount.to_string() },
                });
                self.http.post(url("/orders")).json(&body)
            }
            Call::Deposit { order, hash, amount } => {
                let data = json!({
                    "chain": 8453, "txHash": hash, "amount": amount.to_string(),
                    "createdAt": 1_769_860_800_000_u64,
                });
                self.event(order, &json!({ "type": "deposit.detected", "data": data }))?
            }
            Call::Execute { order, hash } => {
                let data = json!({ "chain": 8453, "txHash": hash, "createdAt": 1_769_860_801_000_u64 });
                self.event(order, &json!({ "type": "order.executed", "data": data }))?
            }
            Call::Expire { session } => self.http.post(url(&format!("/checkout-sessions/{session}/expire"))),
            Call::Look { session } => {
                self.http.get(url(&format!("/checkout-sessions/{session}?include=order")))
            }
            Call::LookAtOrder { order } => self.http.get(url(&format!("/orders/{order}"))),
        })
    }

    /// A signed report of a fact.
    fn event(&self, order: &str, body: &Value) -> Result<RequestBuilder> {
        let body = body.to_string();
        let id = format!("msg_{:016x}", fastrand::u64(..));
        let timestamp = Clock::system().now().as_seconds();
        let signature = Webhook::new(&self.secret)?.sign(&id, timestamp, body.as_bytes())?;
        Ok(self
            .http
            .post(format!("{}/orders/{order}/events", self.base))
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp.to_string())
            .header("webhook-signature", signature)
            .body(body))
    }

    /// Sends a call. Returns `None` if it is unknown whether it was carried out: no whole response came, or the response
    /// was 503.
    pub(crate) async fn send(&self, sent: &Sent) -> Result<Option<Answer>> {
        let mut request = self.request(&sent.call)?;
        if let Some(key) = &sent.key {
            request = request.header("idempotency-key", key);
        }
        let answer = async {
            let response = request.send().await?;
            let status = response.status().as_u16();
            let is_replay = response.headers().contains_key("idempotent-replayed");
            Ok::<_, reqwest::Error>((status, is_replay, response.text().await?))
        };
        let (status, is_replay, text) = match answer.await {
            Ok((503, ..)) => return Ok(None),
            Ok(answer) => answer,
            Err(_) if self.is_killed.load(Ordering::SeqCst) => return Ok(None),
            Err(error) => return Err(error).context(format!("{sent:?} of a living process")),
        };
        let body: Value = serde_json::from_str(&text).with_context(|| format!("{sent:?}: {text}"))?;
        ensure!(status < 500, "{sent:?} failed: {text}");
        if status == 200 && sent.call.is_write() {
            self.acknowledged.fetch_add(1, Ordering::SeqCst);
        }
        Ok(Some(Answer { status, is_replay, text, body }))
    }

    /// Sends a call to a process that is not killed, until it is answered. Where the disk stalls for seconds, the
    /// response is 503 each time until it goes on.
    pub(crate) async fn ask(&self, sent: &Sent) -> Result<Answer> {
        let asked = Instant::now();
        while asked.elapsed() < PATIENCE {
            if let Some(answer) = self.send(sent).await? {
                return Ok(answer);
            }
            sleep(PAUSE).await;
        }
        bail!("{sent:?} is never answered")
    }

    /// Sends calls at once.
    pub(crate) async fn send_together(&self, calls: Vec<Sent>) -> Result<Vec<(Sent, Option<Answer>)>> {
        let mut all = JoinSet::new();
        for sent in calls {
            let caller = self.clone();
            all.spawn(async move { caller.send(&sent).await.map(|answer| (sent, answer)) });
        }
        all.join_all().await.into_iter().collect()
    }
}

/// A name that nothing else has: of a session, an order, a transaction or a key.
pub(crate) fn name(rng: &mut Rng) -> String {
    format!("{:016x}", rng.u64(..))
}

//! Lambda's Runtime API of 2018-06-01, for one process.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;

/// The time that a function has for an invocation. Lambda says so in epoch milliseconds; this is in the year 2100.
const DEADLINE: &str = "4102444800000";
const ARN: &str = "arn:aws:lambda:eu-central-1:123456789012:function:cold-start";

/// What the process said.
#[derive(Debug)]
pub enum Notice {
    /// It asked for an event, for the first time or again.
    Ready(Instant),
    /// It answered the last event.
    Answered(Instant, Bytes),
    /// It could not start, or failed at the last event.
    Failed(String),
}

/// The Runtime API as one process sees it.
pub struct RuntimeApi {
    /// Its address: the value of `AWS_LAMBDA_RUNTIME_API`.
    pub address: SocketAddr,
    events: mpsc::UnboundedSender<Bytes>,
    notices: mpsc::UnboundedReceiver<Notice>,
    server: JoinHandle<std::io::Result<()>>,
}

impl RuntimeApi {
    /// Starts it.
    pub async fn start() -> Result<Self> {
        let (events, waiting) = mpsc::unbounded_channel();
        let (said, notices) = mpsc::unbounded_channel();
        let line = Arc::new(Line { waiting: Mutex::new(waiting), said });
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .route("/2018-06-01/runtime/init/error", post(error))
            .with_state(line);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let listener = listener.tap_io(|stream| {
            // Only slower where it fails.
            let _slower = stream.set_nodelay(true);
        });
        let server = tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, events, notices, server })
    }

    /// Has an event for the next who asks.
    pub fn hand_out(&self, event: Bytes) -> Result<()> {
        self.events.send(event).context("the Runtime API has ended")
    }

    /// What the process says next.
    pub async fn notice(&mut self) -> Result<Notice> {
        self.notices.recv().await.context("the Runtime API has ended")
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

struct Line {
    waiting: Mutex<mpsc::UnboundedReceiver<Bytes>>,
    said: mpsc::UnboundedSender<Notice>,
}

impl Line {
    fn note(&self, notice: Notice) -> (StatusCode, &'static str) {
        // Nobody hears it once the measurement of this process is over.
        let _over = self.said.send(notice);
        (StatusCode::ACCEPTED, r#"{"status":"OK"}"#)
    }
}

async fn next(State(line): State<Arc<Line>>) -> Response {
    line.note(Notice::Ready(Instant::now()));
    let Some(event) = line.waiting.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    let headers = [
        ("content-type", "application/json"),
        ("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd"),
        ("lambda-runtime-deadline-ms", DEADLINE),
        ("lambda-runtime-invoked-function-arn", ARN),
        (
            "lambda-runtime-trace-id",
            "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0",
        ),
    ];
    (headers, event).into_response()
}

async fn response(State(line): State<Arc<Line>>, Path(_): Path<String>, body: Bytes) -> impl IntoResponse {
    line.note(Notice::Answered(Instant::now(), body))
}

async fn error(State(line): State<Arc<Line>>, body: Bytes) -> impl IntoResponse {
    line.note(Notice::Failed(String::from_utf8_lossy(&body).into_owned()))
}

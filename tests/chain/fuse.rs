//! The point at which a watcher crashes: its calls to node and database are counted, and from one of them on no call is
//! answered. The waiting task is dropped there, like a process that ends.
//!
//! To have crashed after a call, its answer unread, is to have crashed before the next one: what is lasting is the same.

use std::future::{self, Future};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_config::SdkConfig;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use harness::interceptor::{Exchange, Interceptor, Outcome, intercepted, response};
use tokio::sync::watch;

/// Counts calls, and ends their answers.
#[derive(Debug, Clone)]
pub struct Fuse(Arc<Counter>);

#[derive(Debug)]
struct Counter {
    calls: AtomicUsize,
    /// How many are answered.
    answered: AtomicUsize,
    /// How many index queries are answered until one is refused; `usize::MAX` if none is.
    queries_left: AtomicUsize,
    blown: watch::Sender<bool>,
}

impl Default for Fuse {
    fn default() -> Self {
        Self(Arc::new(Counter {
            calls: AtomicUsize::new(0),
            answered: AtomicUsize::new(usize::MAX),
            queries_left: AtomicUsize::new(usize::MAX),
            blown: watch::Sender::new(false),
        }))
    }
}

impl Fuse {
    /// Answers so many calls from now on.
    pub fn arm(&self, answered: usize) {
        self.0.calls.store(0, Ordering::SeqCst);
        self.0.answered.store(answered, Ordering::SeqCst);
        self.0.blown.send_replace(false);
    }

    /// Answers every call from now on.
    pub fn disarm(&self) {
        self.arm(usize::MAX);
    }

    /// Answers so many index queries from now on, and refuses the next one.
    pub fn refuse_query_after(&self, answered: usize) {
        self.0.queries_left.store(answered, Ordering::SeqCst);
    }

    fn refuses_query(&self) -> bool {
        let one_less = |left: usize| (left < usize::MAX).then(|| left.checked_sub(1).unwrap_or(usize::MAX));
        self.0.queries_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less) == Ok(0)
    }

    /// Does some work; `None` if it crashed.
    pub async fn survives<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut blown = self.0.blown.subscribe();
        tokio::select! {
            biased;
            _ = blown.wait_for(|blown| *blown) => None,
            done = work => Some(done),
        }
    }

    /// Makes a call, as far as it is to be made.
    pub async fn call<T>(&self, carry_out: impl Future<Output = T>) -> T {
        let number = self.0.calls.fetch_add(1, Ordering::SeqCst);
        if number < self.0.answered.load(Ordering::SeqCst) {
            return carry_out.await;
        }
        self.0.blown.send_replace(true);
        future::pending().await
    }

    /// A configuration whose calls are counted here.
    pub fn counts(&self, config: &SdkConfig) -> SdkConfig {
        intercepted(config, self.clone())
    }
}

impl Interceptor for Fuse {
    fn intercept(&self, exchange: Exchange) -> BoxFuture<'static, Outcome> {
        let fuse = self.clone();
        async move {
            // A step reads sixteen shards of the index. Who crashes between two of them might as well have crashed
            // before the first: nothing is changed there.
            if exchange.body.get("IndexName").is_none() {
                return fuse.call(exchange.send()).await;
            }
            if fuse.refuses_query() {
                let body =
                    r#"{"__type":"com.amazonaws.dynamodb.v20120810#AccessDeniedException","message":"no"}"#;
                return Ok(response(400, body));
            }
            exchange.send().await
        }
        .boxed()
    }
}

//! The threads on which everything but the watcher runs, so that none of its CPU time is taken for the watcher's.

use std::future::Future;

use anyhow::Result;
use axum::Router;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

/// Where engine and meters run.
#[derive(Debug)]
pub struct Backstage(Runtime);

impl Backstage {
    /// Starts the threads.
    pub fn open() -> Result<Self> {
        Ok(Self(Builder::new_multi_thread().worker_threads(2).enable_all().build()?))
    }

    /// Does this there.
    pub async fn run<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Result<T> {
        Ok(self.0.spawn(work).await?)
    }

    /// Does this there, until it or the program ends.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.0.spawn(work);
    }

    /// Serves this there, until the program ends. Returns where.
    pub async fn serve(&self, router: Router) -> Result<String> {
        let (listener, endpoint) = self.listen().await?;
        self.0.spawn(async move { axum::serve(listener, router).await });
        Ok(endpoint)
    }

    /// A listener on a free port there, and its address.
    pub async fn listen(&self) -> Result<(TcpListener, String)> {
        let listener = self.run(TcpListener::bind(("127.0.0.1", 0))).await??;
        let endpoint = format!("http://{}", listener.local_addr()?);
        Ok((listener, endpoint))
    }
}

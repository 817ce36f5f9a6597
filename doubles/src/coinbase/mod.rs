//! A double of Coinbase Onramp: the v2 session API, the payment page and the webhooks.
//!
//! Simplified: one unit of crypto costs one unit of fiat, and there are no fees.

mod faults;
mod page;
mod payment;
mod request;
mod sessions;
mod token;
mod webhooks;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use axum::Router;
use axum::http::HeaderMap;
use axum::routing::{get, post};
pub use faults::Fault;
use serde_json::Value;
use sessions::Session;
use tokio::net::TcpListener;
use url::Url;
pub use webhooks::{SIGNATURE, Versions, sign};

pub use crate::Outcome;
use crate::{Deliver, Delivery, Now, WebhookTarget};

/// What a double is started with.
pub struct Settings {
    /// The id of the CDP key.
    pub key_id: String,
    /// The key's public half: 32 bytes of Ed25519, or an uncompressed P-256 point of 65 bytes.
    pub public_key: Vec<u8>,
    /// The hosts that `redirectUrl` may name.
    pub allowed_redirects: Vec<String>,
    /// What the double sells: networks and symbols.
    pub assets: Vec<(String, String)>,
    /// Where webhooks go.
    pub webhook: Option<WebhookTarget>,
    /// The clock.
    pub now: Now,
    /// How crypto is sent.
    pub deliver: Deliver,
}

/// A running double. Clones refer to the same one. It listens until the runtime ends.
#[derive(Clone)]
pub struct Coinbase(Arc<Shared>);

struct Shared {
    settings: Settings,
    url: String,
    http: reqwest::Client,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By session token. A session that is paid or dismissed is removed.
    sessions: HashMap<String, Session>,
    faults: VecDeque<Fault>,
    requests: Vec<Value>,
    calls: usize,
    late: Vec<Delivery>,
    webhook: Option<WebhookTarget>,
    versions: Versions,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> i64 {
        (self.settings.now)()
    }
}

impl Coinbase {
    /// Starts a double on `127.0.0.1`. Port 0 is any free port.
    pub async fn start(settings: Settings, port: u16) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.context("cannot listen")?;
        let url = format!("http://{}", listener.local_addr()?);
        let http = reqwest::Client::builder().timeout(Duration::from_secs(2)).build()?;
        let state = State { webhook: settings.webhook.clone(), ..State::default() };
        let shared = Arc::new(Shared { settings, url, http, state: Mutex::new(state) });
        let router = Router::new()
            .route(sessions::PATH, post(sessions::create))
            .route("/buy", get(page::show).post(page::submit))
            .with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self(shared))
    }

    /// Returns the URL of both the API and the page, such as `http://127.0.0.1:4010`.
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// Changes where webhooks go.
    pub fn set_webhook(&self, target: Option<WebhookTarget>) {
        self.0.state().webhook = target;
    }

    /// Changes which versions the signatures of webhooks have. At first, both.
    pub fn set_versions(&self, versions: Versions) {
        self.0.state().versions = versions;
    }

    /// Queues a fault. Each create call takes one from the queue, refused calls too.
    pub fn fail_next(&self, fault: Fault) {
        self.0.state().faults.push_back(fault);
    }

    /// Returns the bodies of accepted create calls, oldest first.
    pub fn requests(&self) -> Vec<Value> {
        self.0.state().requests.clone()
    }

    /// Returns how many create calls arrived, including refused ones.
    pub fn calls(&self) -> usize {
        self.0.state().calls
    }

    /// Does what a payer does on the page: visits the URL, which uses it up, and presses a button. Returns when crypto
    /// and webhooks are sent.
    pub async fn pay(&self, onramp_url: &str, outcome: Outcome) -> Result<()> {
        let url = Url::parse(onramp_url)?;
        anyhow::ensure!(url.as_str().starts_with(&format!("{}/buy?", self.0.url)), "another host's URL");
        let token = url.query_pairs().find(|(name, _)| name == "sessionToken");
        let token = token.context("the URL has no `sessionToken`")?.1;
        self.0.visit(&token).context("the URL was used before, or its five minutes are over")?;
        let session = self.0.finish(&token).context("the session has ended")?;
        self.0.pay(&session, outcome).await
    }

    /// Sends the crypto of every [`Outcome::Later`] so far. Returns the hashes of the transactions.
    pub async fn deliver_late(&self) -> Result<Vec<String>> {
        let late = std::mem::take(&mut self.0.state().late);
        let mut hashes = Vec::new();
        for delivery in late {
            hashes.push((self.0.settings.deliver)(delivery).await?);
        }
        Ok(hashes)
    }

    /// Returns the headers and the body of a webhook, signed now with the first secret. `overrides` replace members of
    /// the body; `null` removes one. For other times and secrets, see [`sign`].
    pub fn webhook(&self, event_type: &str, overrides: &Value) -> (HeaderMap, String) {
        let mut event = webhooks::sample(event_type, self.0.now());
        event.replace(overrides);
        let (secret, versions) = {
            let state = self.0.state();
            let secret = state.webhook.as_ref().and_then(|target| target.secrets.first().cloned());
            (secret.unwrap_or_default(), state.versions)
        };
        let (mut headers, body) = event.into_request();
        sign(&mut headers, &body, &secret, self.0.now().div_euclid(1000), versions);
        (headers, body)
    }
}

//! A double of Stripe: Checkout Sessions, their payments, refunds and webhooks, with a payment page. If it is set up to, it
//! also sells crypto by onramp sessions, which are a public preview with a version of its own.
//!
//! Simplified: no fees, one charge for each payment, and the only method is a card.

mod api;
mod faults;
mod form;
mod idempotency;
mod objects;
mod onramp_page;
mod onramp_sessions;
mod page;
mod webhooks;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use axum::Router;
use axum::routing::{get, post};
pub use faults::Fault;
use idempotency::Remembered;
use objects::{Checkout, Payment};
use onramp_sessions::OnrampSession;
pub use page::Outcome;
use serde_json::{Value, json};
use tokio::net::TcpListener;
pub use webhooks::sign;

use crate::{Deliver, Delivery, Now, WebhookTarget};

/// What a double is started with.
pub struct Settings {
    /// The account's key.
    pub secret_key: String,
    /// The version that a request must name.
    pub api_version: String,
    /// Where webhooks go.
    pub webhook: Option<WebhookTarget>,
    /// The clock.
    pub now: Now,
    /// How crypto is sold; `None` if the account has no access to the preview.
    pub onramp: Option<OnrampSettings>,
}

/// How a double sells crypto.
pub struct OnrampSettings {
    /// The version that a request must name.
    pub api_version: String,
    /// How crypto is sent.
    pub deliver: Deliver,
}

/// A call that the double got: method and path, and its parameters.
pub type Call = (String, Vec<(String, String)>);

/// A running double. Clones refer to the same one. It listens until the runtime ends.
#[derive(Clone)]
pub struct Stripe(Arc<Shared>);

struct Shared {
    settings: Settings,
    url: String,
    http: reqwest::Client,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// In the order in which they were created.
    checkouts: Vec<Checkout>,
    payments: Vec<Payment>,
    refunds: Vec<Value>,
    onramp_sessions: Vec<OnrampSession>,
    late: Vec<Delivery>,
    remembered: HashMap<String, Remembered>,
    faults: VecDeque<Option<Fault>>,
    calls: Vec<Call>,
    webhook: Option<WebhookTarget>,
    next_id: u64,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now_seconds(&self) -> i64 {
        (self.settings.now)().div_euclid(1_000)
    }
}

impl State {
    fn id(&mut self, prefix: &str) -> String {
        self.next_id += 1;
        format!("{prefix}_test_{:08}", self.next_id)
    }

    fn checkout(&mut self, id: &str) -> Option<&mut Checkout> {
        self.checkouts.iter_mut().find(|checkout| checkout.id == id)
    }

    fn onramp_session(&mut self, id: &str) -> Option<&mut OnrampSession> {
        self.onramp_sessions.iter_mut().find(|session| session.id == id)
    }

    fn payment(&mut self, id: &str) -> Option<&mut Payment> {
        self.payments.iter_mut().find(|payment| payment.intent == id)
    }
}

impl Stripe {
    /// Starts a double on `127.0.0.1`. Port 0 is any free port.
    pub async fn start(settings: Settings, port: u16) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.context("cannot listen")?;
        let url = format!("http://{}", listener.local_addr()?);
        let http = reqwest::Client::builder().timeout(Duration::from_secs(5)).build()?;
        let state = State { webhook: settings.webhook.clone(), ..State::default() };
        let shared = Arc::new(Shared { settings, url, http, state: Mutex::new(state) });
        let router = Router::new()
            .route("/c/pay/{id}", get(page::show).post(page::submit))
            .route("/onramp/{id}", get(onramp_page::show).post(onramp_page::submit))
            .route("/v1/{*path}", post(api::answer).get(api::answer))
            .with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self(shared))
    }

    /// Returns the URL of both the API and the page.
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// Changes where webhooks go.
    pub fn set_webhook(&self, target: Option<WebhookTarget>) {
        self.0.state().webhook = target;
    }

    /// Queues a fault. Each call of the API takes one from the queue.
    pub fn fail_next(&self, fault: Fault) {
        self.fail_after(0, fault);
    }

    /// Queues a fault behind so many calls without one.
    pub fn fail_after(&self, calls: usize, fault: Fault) {
        let faults = &mut self.0.state().faults;
        faults.extend(std::iter::repeat_n(None, calls));
        faults.push_back(Some(fault));
    }

    /// Takes back the faults that have not struck.
    pub fn heal(&self) {
        self.0.state().faults.clear();
    }

    /// Returns the charges that were made, oldest first.
    pub fn charges(&self) -> Vec<Value> {
        let state = self.0.state();
        let charged = state.payments.iter().filter(|payment| payment.charged.is_some());
        charged.map(Payment::charge_json).collect()
    }

    /// Returns the calls, oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.0.state().calls.clone()
    }

    /// Returns the Checkout Sessions, oldest first.
    pub fn checkout_sessions(&self) -> Vec<Value> {
        self.selected(|_| true)
    }

    /// Returns the Checkout Sessions with this `client_reference_id`, oldest first.
    pub fn checkout_sessions_for(&self, reference: &str) -> Vec<Value> {
        self.selected(|checkout| checkout.reference.as_deref() == Some(reference))
    }

    fn selected(&self, is_selected: impl Fn(&Checkout) -> bool) -> Vec<Value> {
        let now = self.0.now_seconds();
        let mut state = self.0.state();
        state.checkouts.iter_mut().for_each(|checkout| checkout.end_at(now));
        let selected = state.checkouts.iter().filter(|checkout| is_selected(checkout));
        selected.map(|checkout| checkout.to_json(Value::Null)).collect()
    }

    /// Returns the refunds, oldest first.
    pub fn refunds(&self) -> Vec<Value> {
        self.0.state().refunds.clone()
    }

    /// Does what the page's buttons do.
    pub async fn pay(&self, checkout: &str, outcome: Outcome) -> Result<()> {
        page::pay(&self.0, checkout, outcome).await.map(|_| ())
    }

    /// Ends a delayed payment: money came, or it did not.
    pub async fn settle_delayed(&self, checkout: &str, has_succeeded: bool) -> Result<()> {
        page::settle(&self.0, checkout, has_succeeded).await
    }

    /// The payer disputes a payment.
    pub async fn dispute(&self, intent: &str) -> Result<()> {
        let charge = {
            let mut state = self.0.state();
            let payment = state.payment(intent).context("there is no such payment")?;
            payment.is_disputed = true;
            payment.charge.clone()
        };
        let dispute =
            json!({ "object": "dispute", "id": "dp_test", "charge": charge, "payment_intent": intent });
        webhooks::send(&self.0, "charge.dispute.created", &dispute).await;
        Ok(())
    }

    /// The merchant gives money back in the dashboard: so many cents, or all that is left.
    pub async fn refund_by_hand(&self, intent: &str, amount: Option<u64>) -> Result<()> {
        let refund = {
            let mut state = self.0.state();
            let id = state.id("re");
            match objects::refund(&mut state, &id, intent, amount, false) {
                Ok(refund) => refund,
                Err(why) => bail!("refused: {why}"),
            }
        };
        // A refund made by hand names the payment alone.
        webhooks::send(&self.0, "refund.created", &refund).await;
        Ok(())
    }

    /// The payer's bank sends the last refund back, and Stripe says so.
    pub async fn lose_refund(&self) -> Result<()> {
        let refund = {
            let mut state = self.0.state();
            let refund = state.refunds.last_mut().context("there is no refund")?;
            refund["status"] = json!("failed");
            refund.clone()
        };
        webhooks::send(&self.0, "refund.failed", &refund).await;
        Ok(())
    }

    /// Returns the onramp sessions, oldest first.
    pub fn onramp_sessions(&self) -> Vec<Value> {
        self.0.state().onramp_sessions.iter().map(OnrampSession::to_json).collect()
    }

    /// Does what the buttons of the page at this URL do. Returns when crypto and webhooks are sent.
    pub async fn buy(&self, page: &str, outcome: crate::Outcome) -> Result<()> {
        let id = page.strip_prefix(&format!("{}/onramp/", self.0.url)).context("another host's URL")?;
        onramp_page::buy(&self.0, id, outcome).await
    }

    /// Sends the crypto of every [`crate::Outcome::Later`] so far. Returns the hashes of the transactions.
    pub async fn deliver_late(&self) -> Result<Vec<String>> {
        let settings = self.0.settings.onramp.as_ref().context("the account sells no crypto")?;
        let late = std::mem::take(&mut self.0.state().late);
        let mut hashes = Vec::new();
        for delivery in late {
            hashes.push((settings.deliver)(delivery).await?);
        }
        Ok(hashes)
    }

    /// Returns a signed webhook: the header and the body.
    pub fn event(&self, kind: &str, object: &Value) -> (String, String) {
        webhooks::event(&self.0, kind, object)
    }
}

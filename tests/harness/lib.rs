//! A service for one test, and a client with a method for each endpoint.

#![expect(
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::unwrap_used,
    missing_docs,
    reason = "for tests: one that meets what it does not expect must fail, and says what it is by its name"
)]

mod answer;
pub mod cards;
mod clock;
pub mod fault;
pub mod interceptor;
pub mod log;
pub mod meter;
pub mod openapi;
pub mod permissions;
pub mod proxy;
mod recorder;
pub mod redact;

use std::sync::LazyLock;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::types::AttributeValue;
use axum::Router;
use dev::functions::{Environment, Functions};
use dev::in_process::InProcessEngine;
use dev::keys::{self, NewKey};
use dev::template::Template;
use dev::{engine, gateway};
use domain::api_key::Role;
use domain::chain_config::Chains;
use domain::deposit_address::ForwarderFactory;
use domain::id::OrderId;
use domain::merchant::Merchant;
use domain::onramps::Onramps;
use domain::redirect::RedirectSchemes;
use onramp::{Stripe, Vendors};
use reqwest::{Client, Method, RequestBuilder};
use runtime::{Clock, SigningSecrets};
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use store::Store;
use tokio::net::TcpListener;
use uuid::Uuid;

pub use answer::Answer;
pub use clock::TestClock;
pub use recorder::{Call, Recorder};

/// The secret in `events/record-order-event.json`.
pub const SECRET: &str = "whsec_Y2hlY2tvdXQtc2Vzc2lvbnMtbG9jYWwtc2VjcmV0";
pub const RECIPIENT: &str = "0xb34facb90a200251318e8841c05102366f2158cf";
pub const USDC: &str = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913";
pub const BASE: u64 = 8453;

/// The service, served on a port of its own.
pub struct Service {
    pub base: String,
    http: Client,
    /// The functions' clock. It stands still until a test moves it.
    pub clock: TestClock,
    /// Every call that the functions made to DynamoDB.
    pub calls: Recorder,
    /// How to reach the table behind the service's back.
    pub database: aws_sdk_dynamodb::Client,
    pub table: String,
    /// Where the engine is.
    pub endpoint: String,
    /// How to reach the engine behind the service's back.
    pub aws: SdkConfig,
}

impl Service {
    /// A service with an empty table.
    pub async fn start() -> Self {
        Self::start_with(&Setup::default()).await
    }

    /// The same, set up in another way.
    pub async fn start_with(setup: &Setup) -> Self {
        Self::start_at(setup, &TestClock::at_the_present()).await
    }

    /// The same, by a clock that something else has, too.
    pub async fn start_at(setup: &Setup, clock: &TestClock) -> Self {
        let endpoint = match runtime::config::optional("DYNAMODB_ENDPOINT") {
            Some(endpoint) => endpoint,
            None => engine::start_embedded(None, 0).await.unwrap(),
        };
        let aws = engine::sdk_config(&endpoint).await;
        let table = Table::create(&aws, &endpoint).await;
        Self::on(table, &aws, clock, setup).await
    }

    /// A service with an empty table, and the configuration by which a watcher reaches it. The engine is in this
    /// process: a watcher calls it often, and what a connection does is tested elsewhere.
    pub async fn start_in_process(setup: &Setup) -> (Self, SdkConfig) {
        let aws = InProcessEngine::new().unwrap().sdk_config().await;
        let table = Table::create(&aws, "").await;
        (Self::on(table, &aws, &TestClock::at_the_present(), setup).await, aws)
    }

    /// A service on a table that exists. Its functions reach the engine by `aws` and go by `clock`.
    pub async fn on(table: Table, aws: &SdkConfig, clock: &TestClock, setup: &Setup) -> Self {
        let calls = Recorder::default();
        let functions = functions(calls.listen_on(aws), &table.name, clock.reader(), setup);
        let router = gateway::router(template(), functions, clock.reader()).unwrap();
        let Table { name, endpoint, client, aws } = table;
        Self {
            base: serve(router).await,
            http: Client::new(),
            clock: clock.clone(),
            calls,
            database: client,
            table: name,
            endpoint,
            aws,
        }
    }

    /// Another service on the same table, with functions that go by `clock` and reach the
    /// database through `endpoint`.
    pub async fn beside(&self, endpoint: &str, clock: &TestClock) -> Self {
        let aws = engine::sdk_config(endpoint).await;
        let table = Table { endpoint: endpoint.to_owned(), ..self.table() };
        Self::on(table, &aws, clock, &Setup::default()).await
    }

    /// The functions on the same table, without HTTP.
    pub async fn functions(&self, clock: &TestClock) -> Functions {
        let aws = engine::sdk_config(&self.endpoint).await;
        functions(aws, &self.table, clock.reader(), &Setup::default())
    }

    /// The table, as a store that no recorder hears.
    pub fn store(&self) -> Store {
        Store::new(&self.aws, &self.table)
    }

    /// A new API key of a merchant.
    pub async fn api_key(&self, merchant: &str, role: Role) -> String {
        self.api_key_for(merchant, role, None).await.0
    }

    /// A new API key of a merchant that is accepted for this long, and its id.
    pub async fn api_key_for(
        &self,
        merchant: &str,
        role: Role,
        lifetime: Option<Duration>,
    ) -> (String, String) {
        let new = NewKey { merchant: Merchant::parse(merchant).unwrap(), role, name: None, lifetime };
        let (key, record) = keys::create(&self.store(), new, self.clock.now()).await.unwrap();
        (key.reveal().to_owned(), record.id)
    }

    /// The service's table.
    pub fn table(&self) -> Table {
        Table {
            name: self.table.clone(),
            endpoint: self.endpoint.clone(),
            client: self.database.clone(),
            aws: self.aws.clone(),
        }
    }

    pub async fn create_session(&self, body: Value) -> Answer {
        self.send(self.post("/checkout-sessions").json(&body)).await
    }

    pub async fn get_session(&self, id: &str) -> Answer {
        self.send(self.get(&format!("/checkout-sessions/{id}"))).await
    }

    pub async fn get_session_with_order(&self, id: &str) -> Answer {
        self.send(self.get(&format!("/checkout-sessions/{id}?include=order"))).await
    }

    pub async fn expire_session(&self, id: &str) -> Answer {
        self.send(self.post(&format!("/checkout-sessions/{id}/expire"))).await
    }

    pub async fn create_order(&self, body: Value) -> Answer {
        self.send(self.post("/orders").json(&body)).await
    }

    pub async fn get_order(&self, id: &str) -> Answer {
        self.send(self.get(&format!("/orders/{id}"))).await
    }

    /// Reports a fact, properly signed.
    pub async fn record_event(&self, order: &str, kind: &str, data: Value) -> Answer {
        self.send(self.event(order, json!({ "type": kind, "data": data }).to_string().as_bytes())).await
    }

    /// A properly signed report with any body.
    pub fn event(&self, order: &str, body: &[u8]) -> RequestBuilder {
        let id = format!("msg_{}", new_uuid());
        let timestamp = self.clock.now().as_seconds();
        let signature = Webhook::new(SECRET).unwrap().sign(&id, timestamp, body).unwrap();
        self.post(&format!("/orders/{order}/events"))
            .header("content-type", "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp.to_string())
            .header("webhook-signature", signature)
            .body(body.to_vec())
    }

    pub fn post(&self, path: &str) -> RequestBuilder {
        self.http.request(Method::POST, format!("{}{path}", self.base))
    }

    pub fn get(&self, path: &str) -> RequestBuilder {
        self.http.request(Method::GET, format!("{}{path}", self.base))
    }

    /// Any request to the service, its answer not checked against the contract.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    /// Sends a request and checks the answer against what all answers promise.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        let request = request.build().unwrap();
        let body = request.body().and_then(reqwest::Body::as_bytes);
        log::keep_from(request.headers(), body.unwrap_or_default());
        let (method, path) = (request.method().clone(), request.url().path().to_owned());
        let response = self.http.execute(request).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer::new(&method, &path, status, headers, response.text().await.unwrap())
    }

    /// The TTL attribute, in epoch seconds, of what is stored of an order and its session.
    pub async fn stored_ttl(&self, order: OrderId) -> Option<i64> {
        let read = self.database.get_item().table_name(&self.table).consistent_read(true);
        let read = read.key("pk", AttributeValue::S(format!("checkout#{order}")));
        let read = read.key("sk", AttributeValue::S("checkout".to_owned()));
        let item = read.send().await.unwrap().item.unwrap();
        item.get("ttl").map(|ttl| ttl.as_n().unwrap().parse().unwrap())
    }

    /// A new session's id.
    pub async fn session(&self) -> String {
        self.create_session(json!({})).await.ok()["id"].as_str().unwrap().to_owned()
    }

    /// A new session that stays open for this long.
    pub async fn session_for(&self, seconds: u64) -> String {
        let created = self.create_session(json!({ "expires_in": seconds })).await;
        created.ok()["id"].as_str().unwrap().to_owned()
    }

    /// The id of a new order, linked to a session.
    pub async fn linked_order(&self, session: &str) -> String {
        self.create_order(order_for(session)).await.ok()["id"].as_str().unwrap().to_owned()
    }

    /// The session's status as it is now.
    pub async fn session_status(&self, id: &str) -> String {
        self.get_session(id).await.ok()["status"].as_str().unwrap().to_owned()
    }

    /// The order's status as it is now.
    pub async fn order_status(&self, id: &str) -> String {
        self.get_order(id).await.ok()["order"]["status"].as_str().unwrap().to_owned()
    }
}

/// A table of the service.
#[derive(Debug, Clone)]
pub struct Table {
    pub name: String,
    /// The URL of its engine; empty if that is in this process.
    pub endpoint: String,
    /// How to reach it behind the service's back.
    pub client: aws_sdk_dynamodb::Client,
    aws: SdkConfig,
}

impl Table {
    async fn create(aws: &SdkConfig, endpoint: &str) -> Self {
        let name = format!("checkout-{}", new_uuid());
        engine::create_table(aws, &name, &template().table).await.unwrap();
        Self {
            name,
            endpoint: endpoint.to_owned(),
            client: aws_sdk_dynamodb::Client::new(aws),
            aws: aws.clone(),
        }
    }
}

/// How the functions of a service are set up.
#[derive(Debug, Clone)]
pub struct Setup {
    /// What events are signed with.
    pub secrets: String,
    pub factory: ForwarderFactory,
    pub chains: Chains,
    /// Whether sessions, and orders that belong to none, need an API key.
    pub requires_key: bool,
    /// Whether callers without a key may list orders.
    pub public_orders: bool,
    /// The schemes that redirects may have beside `http` and `https`.
    pub schemes: RedirectSchemes,
    /// The onramp vendors that payers may buy from, and how they are called.
    pub onramps: Onramps,
    pub vendors: Vendors,
    /// What signs Coinbase's webhooks.
    pub coinbase_webhooks: Vec<String>,
    /// The merchant's Stripe account, if cards are taken.
    pub stripe: Option<Stripe>,
    /// What signs Stripe's webhooks, if it sells crypto and no cards are taken.
    pub stripe_webhooks: Vec<String>,
    /// The header in which a proxy names the payer's address.
    pub client_ip_header: Option<String>,
}

impl Default for Setup {
    /// No chain is watched.
    fn default() -> Self {
        Self {
            secrets: SECRET.to_owned(),
            factory: ForwarderFactory::default(),
            chains: Chains::default(),
            requires_key: false,
            public_orders: false,
            schemes: RedirectSchemes::default(),
            onramps: Onramps::default(),
            vendors: Vendors::default(),
            coinbase_webhooks: Vec::new(),
            stripe: None,
            stripe_webhooks: Vec::new(),
            client_ip_header: None,
        }
    }
}

impl Setup {
    /// These chains are watched.
    pub fn watching(chains: Chains) -> Self {
        Self { chains, ..Self::default() }
    }
}

/// The functions over a table, as they would be deployed.
pub fn functions(aws: SdkConfig, table: &str, clock: Clock, setup: &Setup) -> Functions {
    log::watch();
    let secrets = SigningSecrets::parse(&setup.secrets).unwrap();
    Functions::new(Environment {
        chains: setup.chains.clone(),
        requires_key: setup.requires_key,
        public_orders: setup.public_orders,
        schemes: setup.schemes.clone(),
        onramps: setup.onramps.clone(),
        vendors: setup.vendors.clone(),
        coinbase_webhooks: setup.coinbase_webhooks.clone(),
        stripe: setup.stripe.clone(),
        stripe_webhooks: setup.stripe_webhooks.clone(),
        client_ip_header: setup.client_ip_header.clone(),
        ..Environment::with_defaults(aws, table, clock, secrets, setup.factory)
    })
}

/// The template, read once: that takes longer than most requests.
pub fn template() -> &'static Template {
    static TEMPLATE: LazyLock<Template> = LazyLock::new(|| Template::compiled_in().unwrap());
    &TEMPLATE
}

/// The id of what a call made.
pub fn id_of(answer: &Answer) -> String {
    answer.ok()["id"].as_str().unwrap().to_owned()
}

/// Returns a POST with this text as its body, be it JSON or not.
pub fn post_text(service: &Service, path: &str, body: impl Into<Vec<u8>>) -> RequestBuilder {
    service.post(path).header("content-type", "application/json").body(body.into())
}

/// Serves a router for as long as the test runs; answers its base URL.
pub async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    base
}

/// One million units of USDC on Base, to be paid as they are.
pub fn order() -> Value {
    json!({
        "type": "swap",
        "recipientAddress": RECIPIENT,
        "srcChain": BASE,
        "dstChain": BASE,
        "srcTokenAddress": USDC,
        "dstTokenAddress": USDC,
        "srcAmount": "1000000",
        "payload": { "expectedDstAmount": "1000000" },
    })
}

/// The same, linked to a session.
pub fn order_for(session: &str) -> Value {
    with(order(), json!({ "checkoutSessionId": session }))
}

/// An object with members added or replaced.
pub fn with(mut object: Value, members: Value) -> Value {
    let Value::Object(members) = members else {
        panic!("no object: {members}");
    };
    object.as_object_mut().unwrap().extend(members);
    object
}

/// The data of a `deposit.detected`.
pub fn deposit(hash: &str, amount: &str) -> Value {
    json!({ "chain": BASE, "from": RECIPIENT, "txHash": hash, "amount": amount, "createdAt": 1_769_860_800_000_u64 })
}

/// The data of an `order.executed`.
pub fn execution(hash: &str) -> Value {
    json!({ "chain": BASE, "txHash": hash, "createdAt": 1_769_860_801_000_u64 })
}

/// The data of a `relay.updated`.
pub fn relay(hash: &str, status: &str) -> Value {
    json!({ "chain": BASE, "txHash": hash, "status": status, "createdAt": 1_769_860_800_500_u64 })
}

/// The data of a `refund.updated`.
pub fn refund(hash: &str, amount: &str, status: &str) -> Value {
    json!({ "chain": BASE, "txHash": hash, "amount": amount, "status": status, "createdAt": 1_769_860_802_000_u64 })
}

/// A session's lifetime if its request names none.
pub const DEFAULT_LIFETIME: Duration = Duration::from_mins(30);

#[expect(clippy::disallowed_methods, reason = "names of tables and messages")]
pub fn new_uuid() -> Uuid {
    Uuid::new_v4()
}

//! A world in one thread, with a time of its own: the gateway, several instances of the
//! functions whose clocks differ, and an engine that can be reached only through faults.
//!
//! Time passes only if nothing else is left to do, and every random choice comes from one
//! seed. So a history that went wrong goes wrong again, however rare it was, and half an hour
//! of retries takes no longer than its computation.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use api::view::OrderRecordView;
use aws_config::SdkConfig;
use aws_smithy_runtime_api::client::result::ConnectorError;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use dev::gateway;
use dev::in_process::InProcessEngine;
use dev::template::Template;
use domain::amount::Amount;
use domain::api_key::{ApiKey, KeyRecord, Role};
use domain::card::{CardPayment, CardStatus};
use domain::id::OrderId;
use domain::merchant::Merchant;
use domain::payment::PaymentEvent;
use domain::text::Text;
use domain::time::{CLOCK_SKEW_BOUND_MS, Timestamp};
use fastrand::Rng;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use harness::fault::Fault;
use harness::interceptor::{Exchange, Interceptor, Outcome, intercepted, response};
use harness::{Answer, Setup, functions};
use runtime::{Clock, DependencyError};
use store::{Recording, Store};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};
use tower::ServiceExt as _;

use super::history::{Outcome as Told, order_sight};
use super::reference::PRICE;

const TABLE: &str = "checkout";
/// When every world begins.
const BEGINNING: Timestamp = Timestamp::from_millis(1_769_860_800_000);

/// What the price is on a card.
const CENTS: u64 = 100;

/// How far a clock is from the true time, in milliseconds: two of them differ by as much as is
/// allowed.
pub(super) const FARTHEST: i64 = CLOCK_SKEW_BOUND_MS / 2;

/// Everything that a history happens in.
#[derive(Clone)]
pub(super) struct World {
    instances: Arc<[Instance]>,
    /// A merchant's API key.
    pub(super) key: String,
    weather: Arc<Weather>,
    began: Instant,
}

/// The functions of one machine, by its clock.
struct Instance {
    gateway: Router,
    store: Store,
    clock: Clock,
}

/// What every world shares: loading it reads files.
pub(super) struct Foundation {
    pub(super) aws: SdkConfig,
    pub(super) template: Template,
}

/// When which fault strikes.
pub(super) struct Weather {
    chances: Mutex<Chances>,
    /// From this instant on nothing moves the session forward any more.
    pub(super) deadline: Mutex<Option<Timestamp>>,
    began: Instant,
    /// The faults that struck, for readers of the history.
    pub(super) log: Mutex<Vec<(Timestamp, String)>>,
}

struct Chances {
    rng: Rng,
    /// How many calls of a hundred meet a fault.
    percent: u32,
    /// While these last, every call meets one.
    outages: Vec<(Timestamp, Timestamp)>,
    /// What strikes the next write, before chance has its say.
    next_write: Option<Fault>,
}

impl World {
    /// A world of its own for one seed.
    pub(super) async fn new(foundation: &Foundation, rng: &mut Rng) -> Self {
        let began = Instant::now();
        let engine = InProcessEngine::new().unwrap();
        let direct = engine.reached_from(&foundation.aws);
        dev::engine::create_table(&direct, TABLE, &foundation.template.table).await.unwrap();

        let key = api_key(&Store::new(&direct, TABLE)).await;
        let percent = *rng.choice([0, 3, 10, 30].iter()).unwrap();
        let outages = (0..rng.u8(0..3)).map(|_| outage(rng)).collect();
        let chances = Mutex::new(Chances { rng: rng.fork(), percent, outages, next_write: None });
        let weather = Arc::new(Weather { chances, deadline: Mutex::default(), began, log: Mutex::default() });

        let aws = intercepted(&direct, FaultyWay(Arc::clone(&weather)));
        let skews = [-FARTHEST, FARTHEST, rng.i64(-FARTHEST..=FARTHEST)];
        let instances = skews.map(|skew| {
            let clock = Clock::new(move || Timestamp::from_millis(true_time(began).as_millis() + skew));
            let functions = functions(aws.clone(), TABLE, clock.clone(), &Setup::default());
            let gateway = gateway::router(&foundation.template, functions, clock.clone()).unwrap();
            Instance { gateway, store: Store::new(&aws, TABLE), clock }
        });
        Self { instances: instances.into(), key, weather, began }
    }

    /// The true time.
    pub(super) fn now(&self) -> Timestamp {
        true_time(self.began)
    }

    pub(super) fn weather(&self) -> &Weather {
        &self.weather
    }

    pub(super) const INSTANCES: usize = 3;
    /// The instance with the slowest clock, and that with the fastest.
    pub(super) const SLOW: usize = 0;
    pub(super) const FAST: usize = 1;
    /// A client who only looks, when all others are done.
    pub(super) const OBSERVER: usize = 99;

    /// Sends a request to one instance; checks the answer as every answer is checked.
    pub(super) async fn send(&self, instance: usize, request: Request<Body>) -> Answer {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let response = self.instances[instance].gateway.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
        Answer::new(&method, &path, parts.status.as_u16(), parts.headers, text)
    }

    /// Records what a look at Stripe shows, as the functions of cards do it.
    pub(super) async fn look_at_card(
        &self,
        instance: usize,
        order: &str,
        intent: u8,
        refunded: bool,
    ) -> Told {
        let Instance { store, clock, .. } = &self.instances[instance];
        let event = PaymentEvent::Card(card(intent, refunded));
        let id = OrderId::parse(order).unwrap();
        let (record, now) = match store.record_event(id, &event, || clock.now(), None, |_, _| None).await {
            Ok(Recording::Recorded(record, now)) => (record, now),
            Ok(Recording::NoOrder) => return Told::NoOrder,
            Err(DependencyError::Unavailable(_) | DependencyError::Contended(_)) => return Told::Unavailable,
            other => panic!("a look at a card cannot end so: {other:?}"),
        };
        let view = serde_json::to_value(OrderRecordView::new(&record, "", now).unwrap()).unwrap();
        Told::Recorded { replayed: false, sight: order_sight(&view, order) }
    }
}

/// A card payment of the whole price, charged in time.
fn card(intent: u8, refunded: bool) -> CardPayment {
    let text = |text: &str| Text::parse(text.to_owned()).unwrap();
    CardPayment {
        intent: text(&format!("pi_{intent}")),
        amount: CENTS,
        currency: text("usd"),
        covers: Amount::parse(&PRICE.to_string()).unwrap(),
        is_as_asked: true,
        status: CardStatus::Succeeded,
        created_at: BEGINNING,
        paid_at: Some(BEGINNING),
        refunded: if refunded { CENTS } else { 0 },
        is_disputed: false,
        standing: None,
    }
}

/// The key of a merchant, the same in each world: a random one would make each history another.
async fn api_key(store: &Store) -> String {
    let key = ApiKey::new(Role::Secret, [7; 32]);
    let record = KeyRecord {
        id: "key_7".to_owned(),
        merchant: Merchant::parse("shop").unwrap(),
        role: Role::Secret,
        name: None,
        hint: key.hint(),
        created_at: BEGINNING,
        expires_at: None,
        revoked_at: None,
        rotated_at: None,
    };
    store.create_key(&key.hash(), &record).await.unwrap();
    key.reveal().to_owned()
}

/// Half a minute at most, in the first minute or around the deadline.
fn outage(rng: &mut Rng) -> (Timestamp, Timestamp) {
    let begins = if rng.bool() { rng.u64(0..60_000) } else { rng.u64(295_000..302_000) };
    let begins = BEGINNING + Duration::from_millis(begins);
    (begins, begins + Duration::from_millis(rng.u64(100..30_000)))
}

fn true_time(began: Instant) -> Timestamp {
    BEGINNING + began.elapsed()
}

impl Weather {
    /// From now on nothing goes wrong.
    pub(super) fn clear_up(&self) {
        let mut chances = self.chances.lock().unwrap();
        chances.percent = 0;
        chances.outages.clear();
    }

    /// Lets this strike the next write.
    pub(super) fn strike_next_write(&self, fault: Fault) {
        self.chances.lock().unwrap().next_write = Some(fault);
    }

    /// What strikes a call now, and how long it is under way to the engine and back.
    fn strike(&self, operation: &str) -> (Option<Fault>, Duration, Duration) {
        let now = true_time(self.began);
        let mut chances = self.chances.lock().unwrap();
        let there = Duration::from_micros(chances.rng.u64(100..6_000));
        let back = Duration::from_micros(chances.rng.u64(100..6_000));
        let is_outage = chances.outages.iter().any(|(begins, ends)| (*begins..*ends).contains(&now));
        let strikes = is_outage || chances.rng.u32(0..100) < chances.percent;
        let chosen = if is_write(operation) { chances.next_write.take() } else { None };
        let fault = chosen.or_else(|| strikes.then(|| *chances.rng.choice(Fault::ALL.iter()).unwrap()));
        (fault, there, back)
    }

    /// Whether a request whose sender has given up may still arrive.
    ///
    /// What was judged in time must not arrive once a reader may have seen the deadline pass.
    /// No condition can exclude that, because DynamoDB has no clock in conditions; the functions
    /// stop waiting that long before, and this world, like a closed connection, lets nothing of
    /// it through.
    fn may_still_arrive(&self, sent: Timestamp) -> bool {
        let Some(deadline) = *self.deadline.lock().unwrap() else { return true };
        let (sent, now) = (sent.as_millis(), true_time(self.began).as_millis());
        let deadline = deadline.as_millis();
        sent > deadline + FARTHEST || now < deadline - FARTHEST
    }

    fn note(&self, what: String) {
        self.log.lock().unwrap().push((true_time(self.began), what));
    }
}

/// The way to the engine through all that weather.
struct FaultyWay(Arc<Weather>);

impl Interceptor for FaultyWay {
    fn intercept(&self, exchange: Exchange) -> BoxFuture<'static, Outcome> {
        pass(Arc::clone(&self.0), exchange).boxed()
    }
}

async fn pass(weather: Arc<Weather>, exchange: Exchange) -> Outcome {
    let operation = exchange.operation.clone();
    let (fault, there, back) = weather.strike(&operation);
    if let Some(fault) = fault {
        weather.note(format!("{operation} meets {fault:?}"));
    }
    sleep(there).await;
    let answer = match fault {
        None => exchange.send().await?,
        Some(Fault::Refused | Fault::ResetBefore) => return Err(broken("the connection breaks")),
        Some(Fault::LostReply) => {
            exchange.send().await?;
            return Err(broken("the connection breaks before the reply"));
        }
        Some(Fault::TruncatedReply) => {
            exchange.send().await?;
            return Err(broken("the connection breaks within the reply"));
        }
        Some(Fault::LateRequest(by)) => arrive_late(weather, exchange, by).await?,
        Some(Fault::LateReply(by)) => {
            let answer = exchange.send().await?;
            sleep(by).await;
            answer
        }
        Some(refused @ (Fault::Error(..) | Fault::Cancelled(_))) => {
            let (status, body) = refused.refusal(&operation).unwrap();
            response(status.as_u16(), &body.to_string())
        }
    };
    sleep(back).await;
    Ok(answer)
}

/// Applies a request after a while, whether or not its sender still waits.
async fn arrive_late(weather: Arc<Weather>, exchange: Exchange, by: Duration) -> Outcome {
    let sent = true_time(weather.began);
    let (reply, answered) = oneshot::channel();
    tokio::spawn(async move {
        sleep(by).await;
        if !reply.is_closed() {
            let _nobody_waits = reply.send(exchange.send().await);
        } else if weather.may_still_arrive(sent) {
            weather.note("a request arrives that its sender has given up".to_owned());
            exchange.send().await.unwrap();
        }
    });
    answered.await.unwrap_or_else(|_| Err(broken("the connection breaks")))
}

fn is_write(operation: &str) -> bool {
    ["PutItem", "UpdateItem", "TransactWriteItems"].contains(&operation)
}

fn broken(how: &'static str) -> ConnectorError {
    ConnectorError::io(how.into())
}

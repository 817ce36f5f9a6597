//! DynamoDB's conditions, held to the rules that they stand for: over the real engine an order links
//! and a session expires exactly where [`Checkout::link`] and [`Checkout::expire`] allow it, and is
//! refused for the same reason.

use std::collections::HashSet;
use std::sync::Mutex;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use dev::engine;
use domain::address::EvmAddress;
use domain::amount::Amount;
use domain::chain_fact::{ChainFact, ChainFactKind};
use domain::id::SessionId;
use domain::idempotency_key::IdempotencyKey;
use domain::json_object::JsonObject;
use domain::lifecycle::{Checkout, ExpireRefusal, LinkRefusal};
use domain::merchant::Merchant;
use domain::order::{ChainId, Order, OrderKind, OrderTerms};
use domain::payment::{PaymentEvent, RefundStatus, RelayStatus, Transaction, TransactionKind, TxHash};
use domain::payment_state::PaymentState;
use domain::pricing::{Offer, PriceMode, Pricing};
use domain::session::{CheckoutSession, MerchantTerms, SessionStatus, SessionTerms};
use domain::text::Text;
use domain::time::{CLOCK_SKEW_BOUND_MS, Timestamp};
use harness::{BASE, RECIPIENT, Service, USDC, new_uuid};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use store::{Expiry, Linking, Store};

/// What a checkout's order asks for.
const PRICE: &str = "100";

/// Well before any deadline of these tests.
const EARLY: i64 = -60_000;

/// How long after the deadline a client calls: well before it, and at and beside the instants at which a verdict changes.
const INSTANTS: [i64; 5] = [EARLY, -CLOCK_SKEW_BOUND_MS - 1, -CLOCK_SKEW_BOUND_MS, -1, 0];

/// What happened to a checkout before the call.
#[derive(Debug, Clone)]
struct History {
    /// It is an order that belongs to no session.
    is_alone: bool,
    /// Each with its instant, in milliseconds after the deadline.
    deeds: Vec<(Deed, i64)>,
}

/// A thing that happens to a checkout.
#[derive(Debug, Clone)]
enum Deed {
    Link,
    Expire,
    Report(PaymentEvent),
    /// The chain shows a deposit of so much, which is final or not.
    See(&'static str, bool),
}

impl History {
    /// The checkout that it leads to. What the rules refuse does not happen.
    fn checkout(&self, session: SessionId, deadline: Timestamp) -> Checkout {
        let order = order(session, deadline);
        let mut checkout = Checkout {
            session: (!self.is_alone).then(|| new_session(session, deadline)),
            order: self.is_alone.then(|| order.clone()),
            deadline,
            expired_at: None,
            payment_state: PaymentState::default(),
            version: 0,
        };
        let (mut known, mut on_chain): (Vec<Transaction>, Vec<ChainFact>) = (Vec::new(), Vec::new());
        for (deed, at) in &self.deeds {
            let now = after(deadline, *at);
            match deed {
                Deed::Link => checkout = checkout.link(&order, now).unwrap_or(checkout),
                Deed::Expire => checkout = checkout.expire(now).unwrap_or(checkout),
                Deed::See(amount, is_final) => {
                    let Some(order) = &checkout.order else {
                        continue;
                    };
                    on_chain = vec![seen_deposit(deadline, amount, *is_final)];
                    checkout.payment_state = checkout.observe(order, &known, &on_chain, now);
                    checkout.version += 1;
                }
                Deed::Report(event) => {
                    let Some(order) = &checkout.order else {
                        continue;
                    };
                    let Some(recorded) = checkout.record(order, &known, &on_chain, event.clone(), now) else {
                        continue;
                    };
                    checkout.payment_state = recorded.payment_state;
                    checkout.version += 1;
                    if let Some(transaction) = recorded.transaction {
                        known.retain(|stored| !stored.is_same_as(&transaction));
                        known.push(transaction);
                    }
                }
            }
        }
        checkout
    }
}

/// The outcome of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Outcome {
    Linked,
    LinkRefused(LinkRefusalKind),
    Expired,
    ExpiryRefused(ExpireRefusal),
}

/// Why a link was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum LinkRefusalKind {
    NotOpen(SessionStatus),
    AlreadyLinked,
    AboutToExpire,
    TermsMismatch(&'static str),
}

/// The store over a real engine.
struct Database {
    service: Service,
    store: Store,
}

impl Database {
    async fn start() -> Self {
        let service = Service::start().await;
        let store = Store::new(&engine::sdk_config(&service.endpoint).await, &service.table);
        Self { service, store }
    }

    /// Calls to link and to expire a checkout with this history, so long after its deadline, by itself
    /// and with an idempotency key. Each does what the rules say, and nothing else.
    async fn agrees(&self, history: &History, at: i64) -> Vec<Outcome> {
        let now = self.service.clock.now();
        let deadline = Timestamp::from_millis(now.as_millis() - at);
        let mut outcomes = Vec::new();
        for key in [None, Some(new_key())] {
            outcomes.push(self.links_by_the_rules(history, deadline, now, key.as_ref()).await);
            outcomes.push(self.expires_by_the_rules(history, deadline, now, key.as_ref()).await);
        }
        outcomes
    }

    async fn links_by_the_rules(
        &self,
        history: &History,
        deadline: Timestamp,
        now: Timestamp,
        key: Option<&IdempotencyKey>,
    ) -> Outcome {
        let session = runtime::random::session_id();
        let before = history.checkout(session, deadline);
        let mut order = order(session, deadline);
        // Not the order that may be there already.
        order.created_at = now;
        self.links_as_ruled(session, &before, &order, now, key).await
    }

    /// Links an order to a checkout's session. The database does what the rules say.
    async fn links_as_ruled(
        &self,
        session: SessionId,
        before: &Checkout,
        order: &Order,
        now: Timestamp,
        key: Option<&IdempotencyKey>,
    ) -> Outcome {
        self.put(session, before).await;
        let linking = self.store.link_order(session, order, || now, key).await.unwrap();
        let after = self.read(session).await;
        match (before.link(order, now), linking) {
            (Ok(linked), Linking::Linked(answered)) => {
                assert_eq!(*answered, linked);
                assert_eq!(after, linked);
                Outcome::Linked
            }
            (Err(refusal), refused) => {
                assert_eq!(after, *before, "a refused link changes nothing");
                Outcome::LinkRefused(match (refusal, refused) {
                    (LinkRefusal::NotOpen(status), Linking::NotOpen(answered)) => {
                        assert_eq!(answered, status);
                        LinkRefusalKind::NotOpen(status)
                    }
                    (LinkRefusal::AlreadyLinked(order), Linking::AlreadyLinked(answered)) => {
                        assert_eq!(answered, order);
                        LinkRefusalKind::AlreadyLinked
                    }
                    (LinkRefusal::AboutToExpire, Linking::NotOpen(SessionStatus::Open)) => {
                        LinkRefusalKind::AboutToExpire
                    }
                    (LinkRefusal::TermsMismatch(field), Linking::TermsMismatch(answered)) => {
                        assert_eq!(answered, field);
                        LinkRefusalKind::TermsMismatch(field)
                    }
                    (refusal, refused) => panic!("{refusal:?} by the rules, {refused:?} by the database"),
                })
            }
            (Ok(_), refused) => panic!("linked by the rules, {refused:?} by the database"),
        }
    }

    async fn expires_by_the_rules(
        &self,
        history: &History,
        deadline: Timestamp,
        now: Timestamp,
        key: Option<&IdempotencyKey>,
    ) -> Outcome {
        let session = runtime::random::session_id();
        let before = history.checkout(session, deadline);
        self.put(session, &before).await;
        let expiry = self.store.expire_session(session, || now, key).await.unwrap();
        let after = self.read(session).await;
        match (before.expire(now), expiry) {
            (Ok(expired), Expiry::Expired(answered)) => {
                assert_eq!(*answered, expired);
                assert_eq!(after, expired);
                Outcome::Expired
            }
            (Err(refusal), Expiry::Refused(answered)) => {
                assert_eq!(after, before, "a refused expire call changes nothing");
                assert_eq!(answered, refusal);
                Outcome::ExpiryRefused(refusal)
            }
            (ruled, done) => panic!("{ruled:?} by the rules, {done:?} by the database"),
        }
    }

    /// Puts a checkout as the store would have left it, and makes sure of that.
    async fn put(&self, session: SessionId, checkout: &Checkout) {
        let Checkout { session: opened, order, deadline, expired_at, payment_state, version } = checkout;
        let item = json!({
            "pk": format!("checkout#{}", session.order()),
            "sk": "checkout",
            "session": opened,
            "order": order,
            "deadline": deadline,
            "expired_at": expired_at,
            "ledger": (*payment_state != PaymentState::default()).then_some(payment_state),
            "version": version,
        });
        let put = self.service.database.put_item().table_name(&self.service.table);
        let AttributeValue::M(item) = attribute(item) else {
            panic!("an item is a map");
        };
        put.set_item(Some(item)).send().await.unwrap();
        assert_eq!(self.read(session).await, *checkout);
    }

    async fn read(&self, session: SessionId) -> Checkout {
        self.store.read_checkout(session.order()).await.unwrap().unwrap()
    }
}

/// A value as DynamoDB stores it; what is `null` is absent.
fn attribute(value: Value) -> AttributeValue {
    match value {
        Value::Null => AttributeValue::Null(true),
        Value::Bool(value) => AttributeValue::Bool(value),
        Value::Number(number) => AttributeValue::N(number.to_string()),
        Value::String(text) => AttributeValue::S(text),
        Value::Array(values) => AttributeValue::L(values.into_iter().map(attribute).collect()),
        Value::Object(members) => {
            let members = members.into_iter().filter(|(_, value)| !value.is_null());
            AttributeValue::M(members.map(|(name, value)| (name, attribute(value))).collect())
        }
    }
}

fn after(deadline: Timestamp, millis: i64) -> Timestamp {
    Timestamp::from_millis(deadline.as_millis() + millis)
}

fn new_session(id: SessionId, deadline: Timestamp) -> CheckoutSession {
    CheckoutSession {
        id,
        terms: SessionTerms {
            success_url: None,
            cancel_url: None,
            metadata: JsonObject::empty(),
            client_reference_id: None,
        },
        created_at: after(deadline, -1_800_000),
        merchant: None,
    }
}

fn order(session: SessionId, deadline: Timestamp) -> Order {
    Order {
        id: session.order(),
        terms: OrderTerms {
            kind: OrderKind::Swap,
            recipient: EvmAddress::parse(RECIPIENT).unwrap(),
            src_chain: ChainId::parse(BASE).unwrap(),
            dst_chain: ChainId::parse(BASE).unwrap(),
            src_token: EvmAddress::parse(USDC).unwrap(),
            dst_token: EvmAddress::parse(USDC).unwrap(),
            src_amount: Amount::parse(PRICE).unwrap(),
            expected_dst_amount: Amount::parse(PRICE).unwrap(),
            metadata: None,
            onramp: None,
            creator_address: None,
            partner_id: None,
            callback_metadata: None,
            client_reference_id: None,
        },
        deposit_address: RECIPIENT.to_owned(),
        factory: None,
        is_watched: false,
        created_at: after(deadline, -1_700_000),
        merchant: None,
    }
}

fn new_key() -> IdempotencyKey {
    IdempotencyKey { key_hash: new_uuid().to_string(), request_hash: "request".to_owned() }
}

fn report(hash: &str, kind: TransactionKind) -> Deed {
    Deed::Report(PaymentEvent::Transaction(Transaction {
        chain: ChainId::parse(BASE).unwrap(),
        hash: TxHash::parse(hash.to_owned()).unwrap(),
        created_at: Timestamp::from_millis(1_769_860_800_000),
        kind,
    }))
}

fn deposit(hash: &str, amount: &str) -> Deed {
    report(hash, TransactionKind::Deposit { from: None, amount: Amount::parse(amount).unwrap() })
}

/// A deposit on the chain, well before the deadline.
fn seen_deposit(deadline: Timestamp, amount: &str, is_final: bool) -> ChainFact {
    let from = Text::parse(RECIPIENT.to_owned()).unwrap();
    ChainFact {
        hash: TxHash::parse("d".to_owned()).unwrap(),
        block: 1,
        at: after(deadline, EARLY),
        is_final,
        kind: ChainFactKind::Deposit { from, amount: Amount::parse(amount).unwrap() },
    }
}

fn execution() -> Deed {
    report("e", TransactionKind::Execution { actual_dst_amount: None, relay: None, points: None })
}

fn refund(status: RefundStatus) -> Deed {
    report("r", TransactionKind::Refund { amount: Amount::parse(PRICE).unwrap(), status })
}

fn failure() -> Deed {
    Deed::Report(PaymentEvent::OrderFailed(Text::parse("no route".to_owned()).unwrap()))
}

/// Everything that can happen to a checkout.
fn deeds() -> Vec<Deed> {
    vec![
        Deed::Link,
        Deed::Expire,
        deposit("a", "0"),
        deposit("a", "99"),
        deposit("b", "1"),
        deposit("c", PRICE),
        report("l", TransactionKind::Relay { status: RelayStatus::Pending }),
        execution(),
        failure(),
        refund(RefundStatus::Failure),
        refund(RefundStatus::Success),
        Deed::See("99", false),
        Deed::See(PRICE, false),
        Deed::See(PRICE, true),
    ]
}

#[tokio::test]
async fn in_every_state_and_at_every_instant_the_database_and_the_rules_agree() {
    let of_a_session = |deeds: Vec<Deed>| History {
        is_alone: false,
        deeds: deeds.into_iter().map(|deed| (deed, EARLY)).collect(),
    };
    let linked = |deeds: Vec<Deed>| of_a_session([vec![Deed::Link], deeds].concat());
    let alone = |deeds: Vec<Deed>| History { is_alone: true, ..of_a_session(deeds) };
    let late =
        |deed: Deed, told: i64| History { is_alone: false, deeds: vec![(Deed::Link, EARLY), (deed, told)] };
    let histories = [
        of_a_session(vec![]),
        of_a_session(vec![Deed::Expire]),
        linked(vec![]),
        linked(vec![Deed::Expire]),
        linked(vec![deposit("a", "99")]),
        linked(vec![deposit("a", "99"), Deed::Expire]),
        linked(vec![deposit("c", PRICE)]),
        linked(vec![Deed::Expire, deposit("c", PRICE)]),
        linked(vec![deposit("c", PRICE), execution()]),
        linked(vec![execution()]),
        linked(vec![Deed::Expire, execution()]),
        linked(vec![failure()]),
        linked(vec![deposit("c", PRICE), failure()]),
        linked(vec![deposit("c", PRICE), refund(RefundStatus::Success)]),
        linked(vec![refund(RefundStatus::Failure)]),
        late(deposit("c", PRICE), -CLOCK_SKEW_BOUND_MS - 1),
        late(deposit("c", PRICE), -CLOCK_SKEW_BOUND_MS),
        late(execution(), -CLOCK_SKEW_BOUND_MS - 1),
        late(execution(), -CLOCK_SKEW_BOUND_MS),
        linked(vec![Deed::See(PRICE, false)]),
        linked(vec![Deed::See("99", false)]),
        linked(vec![Deed::See("99", false), deposit("b", "1")]),
        linked(vec![Deed::See(PRICE, false), Deed::See(PRICE, true)]),
        linked(vec![Deed::See(PRICE, false), Deed::See("99", false)]),
        linked(vec![Deed::Expire, Deed::See(PRICE, false)]),
        alone(vec![]),
        alone(vec![deposit("c", PRICE)]),
        alone(vec![failure()]),
    ];
    let database = Database::start().await;
    let mut outcomes = HashSet::new();
    for history in histories {
        for at in INSTANTS {
            outcomes.extend(database.agrees(&history, at).await);
        }
    }
    // Each was met at least once.
    let ended = [SessionStatus::Processing, SessionStatus::Complete, SessionStatus::Expired];
    let expected = ended
        .iter()
        .flat_map(|status| {
            let refusal = LinkRefusalKind::NotOpen(*status);
            [Outcome::LinkRefused(refusal), Outcome::ExpiryRefused(ExpireRefusal::NotOpen(*status))]
        })
        .chain([Outcome::ExpiryRefused(ExpireRefusal::PaymentPending)])
        .chain([LinkRefusalKind::AlreadyLinked, LinkRefusalKind::AboutToExpire].map(Outcome::LinkRefused))
        .chain([Outcome::Linked, Outcome::Expired]);
    assert_eq!(outcomes, expected.collect());
}

#[test]
fn after_any_history_the_database_and_the_rules_agree() -> Result<(), String> {
    let millis = || prop_oneof![3 => select(INSTANTS.to_vec()), 1 => Just(EARLY), 1 => -2_000..2_000_i64];
    // Most begin with an order: without one nothing can be reported.
    let history = (any::<bool>(), proptest::bool::weighted(0.8), vec((select(deeds()), millis()), 0..6))
        .prop_map(|(is_alone, is_linked, mut deeds)| {
            if is_linked {
                deeds.insert(0, (Deed::Link, EARLY));
            }
            History { is_alone, deeds }
        });
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let database = runtime.block_on(Database::start());
    let config = Config { cases: 64, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&(history, millis()), |(history, at)| {
        runtime.block_on(database.agrees(&history, at));
        Ok(())
    });
    outcome.map_err(|error| error.to_string())
}

const OTHER_TOKEN: &str = "0xfde4c96c8593536e31f229ea8f37b2ada2699bb2";
const OTHER_RECIPIENT: &str = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
/// Amounts whose order as texts differs from their order as numbers, unless they are padded.
const AMOUNTS: [&str; 5] = ["1", "9", "10", "100", "1000000000000000000000000000000000000000000000000000"];

/// A price of one or two offers.
fn a_price() -> impl Strategy<Value = Pricing> {
    let offer = (
        select(vec![BASE, 10]),
        select(vec![USDC, OTHER_TOKEN]),
        select(vec![RECIPIENT, OTHER_RECIPIENT]),
        select(AMOUNTS.to_vec()),
        select(AMOUNTS.to_vec()),
    );
    let offer = offer.prop_map(|(chain, token, recipient, one, other)| {
        let (one, other) = (Amount::parse(one).unwrap(), Amount::parse(other).unwrap());
        Offer {
            chain: ChainId::parse(chain).unwrap(),
            token: EvmAddress::parse(token).unwrap(),
            recipient: EvmAddress::parse(recipient).unwrap(),
            least: one.min(other),
            most: one.max(other),
            suggested: None,
        }
    });
    vec(offer, 1..3).prop_map(|mut offers| {
        let first = offers[0].key();
        let mut is_first = true;
        // A chain and token occur once.
        offers.retain(|offer| offer.key() != first || std::mem::take(&mut is_first));
        Pricing { mode: PriceMode::AtLeast, offers }
    })
}

/// The terms of an order that may pay such a price.
fn a_payment() -> impl Strategy<Value = OrderTerms> {
    let chain = || select(vec![BASE, BASE, 10]);
    let token = || select(vec![USDC, USDC, OTHER_TOKEN]);
    let amount = || select(AMOUNTS.to_vec());
    // Half of them give the recipient something else than what is paid.
    let elsewhere = (0..6, chain(), token(), amount());
    let recipient = select(vec![RECIPIENT, RECIPIENT, OTHER_RECIPIENT]);
    (chain(), token(), recipient, amount(), elsewhere).prop_map(
        |(chain, token, recipient, amount, elsewhere)| {
            let (dst_chain, dst_token, expected) = match elsewhere {
                (0, other, ..) => (other, token, amount),
                (1, _, other, _) => (chain, other, amount),
                (2, _, _, other) => (chain, token, other),
                _ => (chain, token, amount),
            };
            OrderTerms {
                recipient: EvmAddress::parse(recipient).unwrap(),
                src_chain: ChainId::parse(chain).unwrap(),
                dst_chain: ChainId::parse(dst_chain).unwrap(),
                src_token: EvmAddress::parse(token).unwrap(),
                dst_token: EvmAddress::parse(dst_token).unwrap(),
                src_amount: Amount::parse(amount).unwrap(),
                expected_dst_amount: Amount::parse(expected).unwrap(),
                ..order(runtime::random::session_id(), Timestamp::from_millis(1_769_860_800_000)).terms
            }
        },
    )
}

#[test]
fn database_and_rules_agree_on_what_pays_a_price() -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let database = runtime.block_on(Database::start());
    let now = database.service.clock.now();
    let deadline = now + Duration::from_mins(10);
    let outcomes = Mutex::new(HashSet::new());
    let config = Config { cases: 400, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&(a_price(), a_payment()), |(price, terms)| {
        for key in [None, Some(new_key())] {
            let session = runtime::random::session_id();
            let history = History { is_alone: false, deeds: Vec::new() };
            let mut before = history.checkout(session, deadline);
            if let Some(session) = &mut before.session {
                session.merchant = Some(MerchantTerms {
                    name: Merchant::parse("shop").unwrap(),
                    pricing: Some(price.clone()),
                    display: None,
                    private_metadata: None,
                });
            }
            let order = Order { terms: terms.clone(), created_at: now, ..order(session, deadline) };
            let links = database.links_as_ruled(session, &before, &order, now, key.as_ref());
            outcomes.lock().unwrap().insert(runtime.block_on(links));
        }
        Ok(())
    });
    outcome.map_err(|error| error.to_string())?;
    // The rarer ones have tests of their own in `priced_sessions.rs`.
    let outcomes = outcomes.into_inner().unwrap();
    assert!(outcomes.contains(&Outcome::Linked), "{outcomes:?}");
    for field in ["recipientAddress", "srcChain", "srcTokenAddress", "srcAmount"] {
        let refused = Outcome::LinkRefused(LinkRefusalKind::TermsMismatch(field));
        assert!(outcomes.contains(&refused), "{field} of {outcomes:?}");
    }
    Ok(())
}

#[tokio::test]
async fn what_is_not_there_neither_links_nor_expires() {
    let database = Database::start().await;
    let now = database.service.clock.now();
    for key in [None, Some(new_key())] {
        let session = runtime::random::session_id();
        let order = order(session, now + Duration::from_mins(30));
        let linking = database.store.link_order(session, &order, || now, key.as_ref()).await.unwrap();
        assert!(matches!(linking, Linking::NoSession), "{linking:?}");
        let expiry = database.store.expire_session(session, || now, key.as_ref()).await.unwrap();
        assert!(matches!(expiry, Expiry::NoSession), "{expiry:?}");
        assert!(database.store.read_checkout(session.order()).await.unwrap().is_none());
    }
}

//! What each endpoint's success consumes of DynamoDB: every call that it makes, with its units.
//!
//! AWS counts like this, and so does the engine. A read takes a unit for each 4 KB of all that it reads, a write one
//! for each 1 KB of its item, before or after, whichever is larger. In a transaction each item is counted by itself, and
//! twice. A write that is refused is charged as well, but its answer does not say how much.
//!
//! Nothing here is closer than a hundred bytes to where the next unit begins. Sizes differ a little from run to run: the
//! zeros at the end of a time take no room.

use domain::api_key::Role;
use harness::meter::{Meter, Metered};
use harness::{Answer, BASE, RECIPIENT, Service, USDC, deposit, execution, id_of, order, order_for, with};
use insta::assert_snapshot;
use reqwest::RequestBuilder;
use serde_json::{Value, json};

/// A line for each request: what it is, and the calls that it led to.
struct Bill {
    service: Service,
    meter: Meter,
    lines: Vec<String>,
}

impl Bill {
    async fn start() -> Self {
        let (service, meter) = Meter::beside(&Service::start().await).await;
        Self { service, meter, lines: Vec::new() }
    }

    /// Sends a request, which must succeed, and writes it down.
    async fn add(&mut self, what: &str, request: RequestBuilder) -> Answer {
        self.meter.take();
        let answer = self.service.send(request).await;
        answer.ok();
        let calls: Vec<_> = self.meter.take().iter().map(ToString::to_string).collect();
        self.lines.push(format!("{what}: {}", calls.join(", ")));
        answer
    }

    /// The same with an idempotency key, and once more: the answer that the key brings back.
    async fn add_with_key(&mut self, what: &str, request: RequestBuilder) -> Answer {
        let request = request.header("idempotency-key", format!("a key to {what}"));
        let again = request.try_clone().unwrap();
        let answer = self.add(&format!("{what}, with a key"), request).await;
        assert!(self.add("  the same again", again).await.is_replay());
        answer
    }
}

fn open(service: &Service) -> RequestBuilder {
    service.post("/checkout-sessions").json(&json!({}))
}

fn make(service: &Service, order: &Value) -> RequestBuilder {
    service.post("/orders").json(order)
}

fn expire(service: &Service, session: &str) -> RequestBuilder {
    service.post(&format!("/checkout-sessions/{session}/expire"))
}

/// A report of a deposit, one of many.
fn report(service: &Service, order: &str, number: u32) -> RequestBuilder {
    let data = deposit(&format!("0x{number:064x}"), "1000");
    service.event(order, json!({ "type": "deposit.detected", "data": data }).to_string().as_bytes())
}

async fn report_ten(service: &Service, order: &str) {
    for number in 1..=10 {
        service.send(report(service, order, number)).await.ok();
    }
}

/// An order as an application sends it that shows its tokens: with that it takes more than 1 KB beside its session.
fn with_token_metadata(order: Value) -> Value {
    let token = json!({
        "chainId": BASE,
        "address": USDC,
        "symbol": "USDC",
        "name": "USD Coin",
        "decimals": 6,
        "metadata": {
            "logoURI": format!("https://tokens.example/{BASE}/{USDC}/logo.png"),
            "description": "A dollar of digital cash, redeemable one for one, on Base.",
        },
    });
    with(order, json!({ "metadata": { "srcToken": token, "dstToken": token } }))
}

#[tokio::test]
async fn opening_a_session_consumes_a_unit() {
    let mut bill = Bill::start().await;
    bill.add("open", open(&bill.service)).await;
    bill.add_with_key("open", open(&bill.service)).await;
    assert_snapshot!(bill.lines.join("\n"), @"
    open: PutItem 1
    open, with a key: TransactWriteItems 4
      the same again: GetItem 1, TransactWriteItems refused
    ");
}

#[tokio::test]
async fn reading_a_session_consumes_a_unit() {
    let mut bill = Bill::start().await;
    let session = bill.service.session().await;
    let path = format!("/checkout-sessions/{session}");
    let with_order = format!("{path}?include=order");
    bill.add("read", bill.service.get(&path)).await;
    bill.add("read with its order", bill.service.get(&with_order)).await;

    let order = bill.service.linked_order(&session).await;
    report_ten(&bill.service, &order).await;
    bill.lines.push("once it has an order and ten deposits".to_owned());
    bill.add("  read", bill.service.get(&path)).await;
    bill.add("  read with its order", bill.service.get(&with_order)).await;
    assert_snapshot!(bill.lines.join("\n"), @"
    read: GetItem 1
    read with its order: Query 1
    once it has an order and ten deposits
      read: GetItem 1
      read with its order: Query 1
    ");
}

#[tokio::test]
async fn expiring_a_session_consumes_a_unit() {
    let mut bill = Bill::start().await;
    let (alone, keyed) = (bill.service.session().await, bill.service.session().await);
    bill.add("expire", expire(&bill.service, &alone)).await;
    bill.add_with_key("expire", expire(&bill.service, &keyed)).await;

    let (linked, keyed) = (bill.service.session().await, bill.service.session().await);
    for session in [&linked, &keyed] {
        bill.service.linked_order(session).await;
    }
    bill.add("expire a session with an order", expire(&bill.service, &linked)).await;
    bill.add_with_key("expire a session with an order", expire(&bill.service, &keyed)).await;
    assert_snapshot!(bill.lines.join("\n"), @"
    expire: UpdateItem 1
    expire, with a key: UpdateItem 1
      the same again: UpdateItem refused
    expire a session with an order: UpdateItem 1
    expire a session with an order, with a key: UpdateItem 1
      the same again: UpdateItem refused
    ");
}

#[tokio::test]
async fn making_an_order_consumes_a_unit_for_each_kilobyte() {
    let mut bill = Bill::start().await;
    bill.add("make", make(&bill.service, &order())).await;
    bill.add_with_key("make", make(&bill.service, &order())).await;

    for (what, shape) in [
        ("link", order_for as fn(&str) -> Value),
        ("link with token metadata", |session| with_token_metadata(order_for(session))),
    ] {
        let (session, keyed) = (bill.service.session().await, bill.service.session().await);
        bill.add(what, make(&bill.service, &shape(&session))).await;
        bill.add_with_key(what, make(&bill.service, &shape(&keyed))).await;
    }
    assert_snapshot!(bill.lines.join("\n"), @"
    make: PutItem 1
    make, with a key: TransactWriteItems 4
      the same again: GetItem 1, TransactWriteItems refused
    link: UpdateItem 1
    link, with a key: GetItem 1, TransactWriteItems 4
      the same again: GetItem 1, GetItem 1, TransactWriteItems refused
    link with token metadata: UpdateItem 2
    link with token metadata, with a key: GetItem 1, TransactWriteItems 6
      the same again: GetItem 1, GetItem 1, TransactWriteItems refused
    ");
}

#[tokio::test]
async fn reading_an_order_consumes_a_unit() {
    let mut bill = Bill::start().await;
    let order = id_of(&bill.service.create_order(order()).await);
    let path = format!("/orders/{order}");
    bill.add("read", bill.service.get(&path)).await;
    report_ten(&bill.service, &order).await;
    bill.add("read with ten deposits", bill.service.get(&path)).await;
    assert_snapshot!(bill.lines.join("\n"), @"
    read: Query 1
    read with ten deposits: Query 1
    ");
}

#[tokio::test]
async fn recording_an_event_consumes_a_read_and_a_transaction() {
    let mut bill = Bill::start().await;
    let order = bill.service.linked_order(&bill.service.session().await).await;
    bill.add("the first deposit", report(&bill.service, &order, 1)).await;
    bill.add("the next", report(&bill.service, &order, 2)).await;
    bill.add("the next again", report(&bill.service, &order, 2)).await;
    bill.add_with_key("another", report(&bill.service, &order, 3)).await;
    report_ten(&bill.service, &order).await;
    bill.add("the eleventh", report(&bill.service, &order, 11)).await;

    let order = with_token_metadata(order_for(&bill.service.session().await));
    let order = id_of(&bill.service.create_order(order).await);
    bill.lines.push("with token metadata".to_owned());
    bill.add("  the first deposit", report(&bill.service, &order, 1)).await;
    bill.add_with_key("  the next", report(&bill.service, &order, 2)).await;
    let failure = json!({ "type": "order.failed", "data": { "errorDetails": "out of gas" } });
    bill.add("  a failure", bill.service.event(&order, failure.to_string().as_bytes())).await;
    assert_snapshot!(bill.lines.join("\n"), @"
    the first deposit: Query 1, TransactWriteItems 4
    the next: Query 1, TransactWriteItems 4
    the next again: Query 1
    another, with a key: Query 1, TransactWriteItems 8
      the same again: Query 1, TransactWriteItems refused
    the eleventh: Query 1, TransactWriteItems 4
    with token metadata
      the first deposit: Query 1, TransactWriteItems 6
      the next, with a key: Query 1, TransactWriteItems 12
      the same again: Query 1, TransactWriteItems refused
      a failure: Query 1, TransactWriteItems 4
    ");
}

/// An API key costs a unit when it is read, and a session of a merchant one for each list that it is in. A price costs
/// what its size does.
#[tokio::test]
async fn what_is_a_merchants_consumes_a_unit_for_each_list_and_a_key_one_when_it_is_read() {
    let mut bill = Bill::start().await;
    let key = bill.service.api_key("shop", Role::Secret).await;
    let signed = |request: RequestBuilder| request.header("x-api-key", &key);
    let create = |bill: &Bill, body: Value| signed(bill.service.post("/checkout-sessions").json(&body));
    let offer = json!({ "chain_id": BASE, "token_address": USDC, "amount": "1000000" });
    let price = json!({ "recipient_address": RECIPIENT, "accepts": [offer] });

    bill.add("open, the key unknown", create(&bill, json!({}))).await;
    bill.add("open", create(&bill, json!({}))).await;
    bill.add("open with a reference", create(&bill, json!({ "client_reference_id": "cart-1" }))).await;
    let priced = bill.add("open with a price", create(&bill, json!({ "pricing": price }))).await;
    let priced = id_of(&priced);
    let whole = make(&bill.service, &order_for(&priced));
    bill.add("link, all terms given", whole).await;
    let priced = id_of(&bill.service.send(create(&bill, json!({ "pricing": price }))).await);
    let partial = make(&bill.service, &json!({ "checkoutSessionId": priced }));
    bill.add("link, terms taken from the price", partial).await;
    let creator = with(order(), json!({ "creatorAddress": RECIPIENT }));
    bill.add("order with a creator", make(&bill.service, &creator)).await;
    assert_snapshot!(bill.lines.join("\n"), @"
    open, the key unknown: GetItem 1, PutItem 2
    open: PutItem 2
    open with a reference: PutItem 3
    open with a price: PutItem 2
    link, all terms given: UpdateItem 2
    link, terms taken from the price: GetItem 1, UpdateItem 2
    order with a creator: PutItem 2
    ");
}

/// The table of what a million sessions cost in docs/costs.md goes by this sum.
#[tokio::test]
async fn a_paid_session_consumes_what_the_costs_document_says() {
    let (service, meter) = Meter::beside(&Service::start().await).await;
    let session = service.session().await;
    let order = with_token_metadata(order_for(&session));
    let order = id_of(&service.create_order(order).await);
    service.record_event(&order, "deposit.detected", deposit(&"1".repeat(66), "1000000")).await.ok();
    service.record_event(&order, "order.executed", execution(&"2".repeat(66))).await.ok();
    for _ in 0..10 {
        assert_eq!(service.session_status(&session).await, "complete");
    }

    let (reads, writes): (Vec<_>, Vec<_>) = meter.take().into_iter().partition(Metered::is_read);
    let costs = include_str!("../../docs/costs.md");
    for (kind, calls) in [("reads", reads), ("writes", writes)] {
        let units: f64 = calls.iter().map(|call| call.units.unwrap()).sum();
        let row = costs.lines().find(|line| line.starts_with(&format!("| DynamoDB {kind} |"))).unwrap();
        assert!(row.contains(&format!(" = {units} units |")), "{units} units, but {row}");
    }
}

/// One line for each endpoint, in the order of a checkout's life.
async fn bill_of_a_checkout(service: &Service) -> Vec<String> {
    let (service, meter) = Meter::beside(service).await;
    let mut bill = Bill { service, meter, lines: Vec::new() };
    let session = id_of(&bill.add("open", open(&bill.service)).await);
    bill.add("read", bill.service.get(&format!("/checkout-sessions/{session}"))).await;
    let link = make(&bill.service, &order_for(&session));
    let linked = id_of(&bill.add("link", link).await);
    bill.add("read order", bill.service.get(&format!("/orders/{linked}"))).await;
    bill.add("report", report(&bill.service, &linked, 1)).await;
    bill.add("expire", expire(&bill.service, &session)).await;
    bill.lines
}

#[tokio::test]
async fn calls_and_units_stay_the_same_as_the_table_grows() {
    let service = Service::start().await;
    let empty = bill_of_a_checkout(&service).await;
    for _ in 0..1_000 {
        service.session().await;
    }
    assert_eq!(bill_of_a_checkout(&service).await, empty);
}

#[tokio::test]
async fn one_more_deposit_writes_the_same_units_as_an_order_grows() {
    let mut bill = Bill::start().await;
    let order = id_of(&bill.service.send(make(&bill.service, &order())).await);
    bill.add("the first", report(&bill.service, &order, 1)).await;
    for number in 2..=300 {
        bill.service.send(report(&bill.service, &order, number)).await.ok();
    }
    bill.add("the 301st", report(&bill.service, &order, 301)).await;
    // What it reads grows: the response shows the whole order. The engines differ by a unit there.
    for line in &bill.lines {
        assert!(line.ends_with(", TransactWriteItems 4"), "{line}");
    }
}

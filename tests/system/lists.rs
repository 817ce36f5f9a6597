//! Lists of sessions and orders: what they show, in which order, and to whom.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::api_key::Role;
use domain::listing::MOST_EXAMINED;
use domain::session::SessionStatus;
use fastrand::Rng;
use harness::{Answer, RECIPIENT, Service, Setup, deposit, execution, new_uuid, order, order_for, with};
use serde_json::{Value, json};

struct Shop {
    service: Service,
    key: String,
}

impl Shop {
    async fn open() -> Self {
        let service = Service::start().await;
        let key = service.api_key("shop", Role::Secret).await;
        Self { service, key }
    }

    async fn create(&self, body: Value) -> String {
        let request = self.service.post("/checkout-sessions").json(&body).header("x-api-key", &self.key);
        self.service.send(request).await.ok()["id"].as_str().unwrap().to_owned()
    }

    async fn list(&self, query: &str) -> Answer {
        let request = self.service.get(&format!("/checkout-sessions?{query}"));
        self.service.send(request.header("x-api-key", &self.key)).await
    }

    /// The ids of all pages, one after the other.
    async fn all(&self, query: &str, limit: usize) -> Vec<String> {
        let (mut ids, mut cursor) = (Vec::new(), String::new());
        for _ in 0..1_000 {
            let page = self.list(&format!("{query}&limit={limit}{cursor}")).await;
            assert!(ids_of(&page).len() <= limit);
            ids.extend(ids_of(&page));
            match page.body["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return ids,
            }
        }
        panic!("the list does not end");
    }
}

fn ids_of(page: &Answer) -> Vec<String> {
    let shown = page.ok().as_array().unwrap();
    shown.iter().map(|session| session["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn sessions_are_listed_newest_first_as_they_are_retrieved() {
    let shop = Shop::open().await;
    let empty = shop.list("").await;
    let (has_more, next) = (&empty.body["has_more"], &empty.body["next_cursor"]);
    assert_eq!((empty.ok(), has_more, next), (&json!([]), &json!(false), &Value::Null));
    assert_eq!((&empty.body["object"], &empty.body["url"]), (&json!("list"), &json!("/checkout-sessions")));

    let mut created = Vec::new();
    for number in 0..12 {
        created.push(shop.create(json!({ "metadata": { "number": number }, "private_metadata": {} })).await);
        shop.service.clock.advance(Duration::from_millis(3));
    }
    created.reverse();
    let page = shop.list("").await;
    assert_eq!(ids_of(&page), created[..10]);
    assert_eq!(page.body["has_more"], true);
    for shown in page.ok().as_array().unwrap() {
        let path = format!("/checkout-sessions/{}", shown["id"].as_str().unwrap());
        let retrieved = shop.service.send(shop.service.get(&path).header("x-api-key", &shop.key)).await;
        assert_eq!(shown, retrieved.ok());
    }
    let cursor = page.body["next_cursor"].as_str().unwrap();
    let rest = shop.list(&format!("cursor={cursor}")).await;
    assert_eq!((ids_of(&rest), &rest.body["has_more"]), (created[10..].to_vec(), &json!(false)));
    let after = shop.list(&format!("starting_after={}&limit=1", created[10])).await;
    assert_eq!(ids_of(&after), created[11..]);
    assert_eq!(after.body["has_more"], false);
}

#[tokio::test]
async fn a_merchant_sees_its_own_sessions_alone() {
    let shop = Shop::open().await;
    let own = shop.create(json!({ "client_reference_id": "cart-1" })).await;
    let other_key = shop.service.api_key("shop-2", Role::Read).await;
    let nobodys = shop.service.create_session(json!({ "client_reference_id": "cart-1" })).await;
    let nobodys = nobodys.ok()["id"].as_str().unwrap();
    for query in ["", "client_reference_id=cart-1", "status=open"] {
        assert_eq!(ids_of(&shop.list(query).await), std::slice::from_ref(&own), "{query}");
        let path = format!("/checkout-sessions?{query}");
        let other = shop.service.send(shop.service.get(&path).header("x-api-key", &other_key)).await;
        assert!(ids_of(&other).is_empty(), "{query}");
        assert_eq!(shop.service.send(shop.service.get(&path)).await.failure(), (401, "key_missing", None));
    }
    let path = format!("/checkout-sessions?starting_after={own}");
    let foreign = shop.service.send(shop.service.get(&path).header("x-api-key", &other_key)).await;
    let unknown = shop.list(&format!("starting_after={}", new_uuid())).await;
    let of_nobody = shop.list(&format!("starting_after={nobodys}")).await;
    for refused in [&foreign, &unknown, &of_nobody] {
        assert_eq!(refused.failure(), (400, "invalid_field_value", Some("starting_after")));
        assert_eq!(refused.text, foreign.text);
    }
}

#[tokio::test]
async fn each_mistake_in_a_query_names_its_parameter() {
    let shop = Shop::open().await;
    let session = shop.create(json!({})).await;
    for (query, param) in [
        ("status=paid", "status"),
        ("status=open&status=open", "status"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=ten", "limit"),
        ("limit=-1", "limit"),
        ("created[gte]=yesterday", "created[gte]"),
        ("created%5Blt%5D=1e9", "created[lt]"),
        ("cursor=abc", "cursor"),
        ("cursor=MDAwMDAwMDAwMDAwMDAx", "cursor"),
        ("starting_after=7", "starting_after"),
        ("status=", "status"),
        ("limit=", "limit"),
        ("cursor=", "cursor"),
        ("created[gte]=", "created[gte]"),
        ("client_reference_id=", "client_reference_id"),
        (&format!("client_reference_id={}", "x".repeat(256)), "client_reference_id"),
    ] {
        assert_eq!(shop.list(query).await.failure(), (400, "invalid_field_value", Some(param)), "{query}");
    }
    let page = shop.list("limit=1").await;
    shop.create(json!({})).await;
    let page_of_two = shop.list("limit=1").await;
    let cursor = page_of_two.body["next_cursor"].as_str().unwrap();
    let both = shop.list(&format!("cursor={cursor}&starting_after={session}")).await;
    assert_eq!(both.failure(), (400, "invalid_field_value", Some("cursor")));
    assert_eq!(ids_of(&page), [session]);
    shop.list("theme=dark").await.ok();
}

#[tokio::test]
async fn sessions_are_found_by_the_time_of_their_creation() {
    let shop = Shop::open().await;
    let base = shop.service.clock.now().as_seconds() + 1;
    shop.service.clock.set(domain::time::Timestamp::from_millis(base * 1000));
    let mut created = Vec::new();
    for _ in 0..3 {
        created.push(shop.create(json!({})).await);
        shop.service.clock.advance(Duration::from_secs(1));
    }
    let iso = domain::time::Timestamp::from_millis((base + 1) * 1000);
    for (query, expected) in [
        (format!("created[gte]={}", base + 1), vec![2, 1]),
        (format!("created[gt]={}", base + 1), vec![2]),
        (format!("created[lte]={}", base + 1), vec![1, 0]),
        (format!("created[lt]={}", base + 1), vec![0]),
        (format!("created%5Bgte%5D={iso}&created%5Blte%5D={iso}"), vec![1]),
        (format!("created[gte]={}&created[lt]={}", base + 2, base + 1), vec![]),
        // Without an offset, and with one whose `+` is not encoded.
        (format!("created[gt]={}", iso.to_string().trim_end_matches('Z')), vec![2]),
        (format!("created[gt]={}", iso.to_string().replace('Z', "+00:00")), vec![2]),
    ] {
        let expected: Vec<String> = expected.into_iter().map(|at: usize| created[at].clone()).collect();
        assert_eq!(ids_of(&shop.list(&query).await), expected, "{query}");
    }
}

#[tokio::test]
async fn a_status_is_that_of_the_moment() {
    let shop = Shop::open().await;
    let session = shop.create(json!({ "expires_in": 300 })).await;
    shop.service.clock.advance(Duration::from_secs(299));
    assert_eq!(ids_of(&shop.list("status=open").await), std::slice::from_ref(&session));
    assert!(ids_of(&shop.list("status=expired").await).is_empty());
    shop.service.clock.advance(Duration::from_secs(1));
    shop.service.calls.take();
    assert_eq!(ids_of(&shop.list("status=expired").await), [session]);
    assert!(ids_of(&shop.list("status=open").await).is_empty());
    let writes = ["PutItem", "UpdateItem", "TransactWriteItems", "DeleteItem"];
    assert!(shop.service.calls.take().iter().all(|call| !writes.contains(&call.operation.as_str())));
}

/// Sessions are created, linked, paid and expired between the pages. Each that was there all the time is shown exactly
/// once, newest first, and no result contradicts its filter.
#[tokio::test]
async fn pages_lose_and_repeat_nothing_while_sessions_change() {
    let seed = fastrand::u64(..);
    let mut rng = Rng::with_seed(seed);
    let shop = Shop::open().await;
    let mut before: Vec<(String, bool)> = Vec::new();
    for _ in 0..60 {
        let is_marked = rng.bool();
        let body = if is_marked { json!({ "client_reference_id": "cart 1/ä#" }) } else { json!({}) };
        before.push((shop.create(body).await, is_marked));
        // Some are of the same millisecond.
        shop.service.clock.advance(Duration::from_millis(rng.u64(0..3)));
    }
    before.reverse();
    for limit in [1, 3, 10, 100] {
        for reference in [None, Some("client_reference_id=cart%201%2F%C3%A4%23")] {
            let (mut shown, mut cursor) = (Vec::new(), String::new());
            loop {
                let query = format!("{}&limit={limit}{cursor}", reference.unwrap_or_default());
                let page = shop.list(&query).await;
                shown.extend(ids_of(&page));
                let Some(next) = page.body["next_cursor"].as_str() else { break };
                cursor = format!("&cursor={next}");
                change(&shop, &mut rng, &before).await;
            }
            let expected = before.iter().filter(|(_, is_marked)| *is_marked || reference.is_none());
            let expected: BTreeSet<&String> = expected.map(|(id, _)| id).collect();
            let known: Vec<&String> =
                shown.iter().filter(|id| before.iter().any(|(known, _)| known == *id)).collect();
            assert_eq!(known.len(), expected.len(), "seed {seed}, limit {limit}: once each");
            assert_eq!(BTreeSet::from_iter(known), expected, "seed {seed}, limit {limit}");
        }
    }
    let mut counted = 0;
    for status in ["open", "processing", "complete", "expired"] {
        let ids = shop.all(&format!("status={status}"), rng.usize(1..20)).await;
        for id in &ids {
            assert_eq!(shop.service.session_status(id).await, status, "seed {seed}");
        }
        counted += ids.len();
    }
    assert_eq!(counted, shop.all("", 100).await.len(), "seed {seed}: each session has one status");
}

/// Something that happens between two pages.
async fn change(shop: &Shop, rng: &mut Rng, sessions: &[(String, bool)]) {
    let (session, _) = &sessions[rng.usize(..sessions.len())];
    let service = &shop.service;
    match rng.u8(0..4) {
        0 => {
            shop.create(json!({})).await;
        }
        1 => {
            service.expire_session(session).await;
        }
        _ => {
            let made = service.create_order(order_for(session)).await;
            if made.status == 200 && rng.bool() {
                let order = made.ok()["id"].as_str().unwrap();
                service.record_event(order, "deposit.detected", deposit("0x01", "1000000")).await.ok();
                if rng.bool() {
                    service.record_event(order, "order.executed", execution("0x02")).await.ok();
                }
            }
        }
    }
}

#[tokio::test]
async fn a_call_looks_at_a_bounded_number_of_sessions() {
    let shop = Shop::open().await;
    // Behind more expired sessions than a call looks at.
    let oldest = shop.create(json!({ "expires_in": 86_400 })).await;
    shop.service.linked_order(&oldest).await;
    let order = shop.service.get_session(&oldest).await.ok()["order_id"].as_str().unwrap().to_owned();
    shop.service.record_event(&order, "deposit.detected", deposit("0x01", "1000000")).await.ok();
    for _ in 0..MOST_EXAMINED + 50 {
        shop.create(json!({ "expires_in": 300 })).await;
        shop.service.clock.advance(Duration::from_millis(1));
    }
    shop.service.clock.advance(Duration::from_mins(6));
    shop.service.calls.take();
    let page = shop.list("status=processing").await;
    assert!(ids_of(&page).is_empty());
    assert_eq!(page.body["has_more"], true);
    let read = |call: &harness::Call| match call.request["RequestItems"].as_object() {
        Some(tables) => tables.values().map(|table| table["Keys"].as_array().unwrap().len()).sum(),
        None => 0,
    };
    let examined: usize = shop.service.calls.take().iter().map(read).sum();
    assert_eq!(examined, MOST_EXAMINED);
    let cursor = page.body["next_cursor"].as_str().unwrap();
    assert_eq!(ids_of(&shop.list(&format!("status=processing&cursor={cursor}")).await), [oldest]);
    // What is open is at most a day old, and nothing else is read.
    assert_eq!(SessionStatus::parse("open"), Ok(SessionStatus::Open));
    shop.service.clock.advance(Duration::from_hours(25));
    shop.service.calls.take();
    assert!(ids_of(&shop.list("status=open").await).is_empty());
    assert!(shop.service.calls.take().iter().all(|call| call.operation != "BatchGetItem"));
}

#[tokio::test]
async fn a_list_costs_two_round_trips_and_creating_stays_one_write() {
    let shop = Shop::open().await;
    for _ in 0..3 {
        shop.create(json!({ "client_reference_id": "cart-1" })).await;
    }
    shop.service.calls.take();
    shop.create(json!({ "client_reference_id": "cart-1" })).await;
    let operations = |shop: &Shop| -> Vec<String> {
        shop.service.calls.take().into_iter().map(|call| call.operation).collect()
    };
    assert_eq!(operations(&shop), ["PutItem"]);
    // The key is read once.
    shop.list("").await.ok();
    shop.service.calls.take();
    shop.list("").await.ok();
    let listed = operations(&shop);
    assert_eq!(listed.iter().filter(|operation| *operation == "Query").count(), 8, "{listed:?}");
    assert_eq!(listed.iter().filter(|operation| *operation == "BatchGetItem").count(), 1, "{listed:?}");
    assert_eq!(listed.len(), 9, "{listed:?}");
    shop.list("client_reference_id=cart-1").await.ok();
    assert_eq!(operations(&shop), ["Query", "BatchGetItem"]);
}

const WALLET: &str = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";

async fn orders(service: &Service, query: &str, key: Option<&str>) -> Answer {
    let request = service.get(&format!("/orders?{query}"));
    let request = key.into_iter().fold(request, |request, key| request.header("x-api-key", key));
    service.send(request).await
}

#[tokio::test]
async fn orders_are_listed_by_their_creator_to_their_merchant() {
    let shop = Shop::open().await;
    let (service, key) = (&shop.service, Some(shop.key.as_str()));
    let other = service.api_key("other", Role::Secret).await;
    let members = json!({ "creatorAddress": WALLET, "clientReferenceId": "c-1", "metadata": { "a": 1 } });
    let session = shop.create(json!({})).await;
    let linked = service.create_order(with(order_for(&session), members.clone())).await;
    service.clock.advance(Duration::from_millis(5));
    let request =
        service.post("/orders").json(&with(order(), members.clone())).header("x-api-key", &shop.key);
    let alone = service.send(request).await;
    // Of nobody, and of another wallet.
    service.create_order(with(order(), members)).await.ok();
    service.create_order(with(order(), json!({ "creatorAddress": RECIPIENT }))).await.ok();
    let id = linked.ok()["id"].as_str().unwrap();
    service.record_event(id, "deposit.detected", deposit("0x01", "1000000")).await.ok();
    service.record_event(id, "order.executed", execution("0x02")).await.ok();

    for wallet in [WALLET.to_owned(), WALLET.to_lowercase()] {
        let page = orders(service, &format!("creatorAddress={wallet}"), key).await;
        assert_eq!(page.body["message"], "Get orders by creator successfully");
        assert_eq!(ids_of(&page), [alone.ok()["id"].as_str().unwrap(), id]);
        assert_eq!(page.body["has_more"], false);
        // As the order is retrieved.
        assert_eq!(page.ok()[1], service.get_order(id).await.ok()["order"]);
        assert_eq!(page.ok()[1]["status"], "executed");
    }
    let query = format!("creatorAddress={WALLET}");
    let second = orders(service, &format!("{query}&offset=1&limit=1"), key).await;
    assert_eq!(ids_of(&second), [id]);
    let first = orders(service, &format!("{query}&limit=1"), key).await;
    assert_eq!(first.body["has_more"], true);
    let cursor = first.body["next_cursor"].as_str().unwrap();
    let rest = orders(service, &format!("{query}&offset=0&cursor={cursor}"), key).await;
    assert_eq!((ids_of(&rest), &rest.body["has_more"]), (vec![id.to_owned()], &json!(false)));
    let in_another_list = shop.list(&format!("cursor={cursor}")).await;
    assert_eq!(in_another_list.failure(), (400, "invalid_field_value", Some("cursor")));
    let both = orders(service, &format!("{query}&offset=1&cursor={cursor}"), key).await;
    assert_eq!(both.failure(), (400, "invalid_field_value", Some("cursor")));
    assert!(ids_of(&orders(service, &query, Some(&other)).await).is_empty());
    assert_eq!(orders(service, &query, None).await.failure(), (401, "key_missing", None));
    for (query, code, param) in [
        ("limit=5", "missing_required_field", "creatorAddress"),
        ("creatorAddress=", "missing_required_field", "creatorAddress"),
        ("creatorAddress=0x1&offset=1001", "invalid_field_value", "offset"),
        ("creatorAddress=0x1&limit=101", "invalid_field_value", "limit"),
        ("creatorAddress=0x1&cursor=1", "invalid_field_value", "cursor"),
        (&format!("creatorAddress=0x1&cursor={cursor}.1001"), "invalid_field_value", "cursor"),
        (&format!("creatorAddress=0x1&cursor={cursor}.-1"), "invalid_field_value", "cursor"),
    ] {
        assert_eq!(orders(service, query, key).await.failure(), (400, code, Some(param)), "{query}");
    }
}

/// Creates an order that names [`WALLET`]; of no merchant without a key.
async fn order_of_the_wallet(service: &Service, key: Option<&str>) -> String {
    let request = service.post("/orders").json(&with(order(), json!({ "creatorAddress": WALLET })));
    let request = key.into_iter().fold(request, |request, key| request.header("x-api-key", key));
    let made = service.send(request).await;
    service.clock.advance(Duration::from_millis(1));
    made.ok()["id"].as_str().unwrap().to_owned()
}

/// All pages, from a query on.
async fn all_orders(service: &Service, query: &str, key: Option<&str>) -> Vec<String> {
    let (mut ids, mut query) = (Vec::new(), query.to_owned());
    for _ in 0..1_000 {
        let page = orders(service, &query, key).await;
        ids.extend(ids_of(&page));
        let Some(next) = page.body["next_cursor"].as_str() else { return ids };
        let limit = query.split('&').find(|part| part.starts_with("limit=")).unwrap_or("limit=100");
        query = format!("creatorAddress={WALLET}&{limit}&cursor={next}");
    }
    panic!("the list does not end");
}

#[tokio::test]
async fn strangers_who_name_the_same_wallet_push_no_order_out_of_a_list() {
    let shop = Shop::open().await;
    let (service, key) = (&shop.service, Some(shop.key.as_str()));
    let mut own = vec![order_of_the_wallet(service, key).await, order_of_the_wallet(service, key).await];
    for _ in 0..MOST_EXAMINED + 50 {
        order_of_the_wallet(service, None).await;
    }
    own.push(order_of_the_wallet(service, key).await);
    own.reverse();
    let query = format!("creatorAddress={WALLET}");
    service.calls.take();
    let first = orders(service, &query, key).await;
    assert_eq!((ids_of(&first), &first.body["has_more"]), (own[..1].to_vec(), &json!(true)));
    let queried = |call: &harness::Call| call.operation == "Query" && call.request["IndexName"].is_null();
    let records = service.calls.take().iter().filter(|call| queried(call)).count();
    assert_eq!(records, 1, "the transactions of strangers' orders are not read");
    for limit in [1, 2, 100] {
        assert_eq!(all_orders(service, &format!("{query}&limit={limit}"), key).await, own);
    }
    // An offset counts the merchant's own orders, also across calls.
    for offset in 0..=3 {
        assert_eq!(all_orders(service, &format!("{query}&offset={offset}"), key).await, own[offset..]);
    }
}

/// A function's response is a JSON string to API Gateway, so each quote and backslash takes two bytes of the 6 MB.
#[tokio::test]
async fn a_page_has_no_more_bytes_than_a_function_may_return() {
    let shop = Shop::open().await;
    let (service, key) = (&shop.service, Some(shop.key.as_str()));
    let large = json!({ "a": "\\".repeat(8_180) });
    let (mut sessions, mut made) = (Vec::new(), Vec::new());
    for _ in 0..100 {
        let session = shop.create(json!({ "metadata": large, "private_metadata": large })).await;
        let body = json!({ "creatorAddress": WALLET, "metadata": large, "callbackMetadata": large });
        made.push(
            service.create_order(with(order_for(&session), body)).await.ok()["id"]
                .as_str()
                .unwrap()
                .to_owned(),
        );
        sessions.push(session);
        service.clock.advance(Duration::from_millis(1));
    }
    sessions.reverse();
    made.reverse();
    let query = format!("creatorAddress={WALLET}&limit=100");
    for page in [shop.list("limit=100").await, orders(service, &query, key).await] {
        let bytes = json!(page.text).to_string().len();
        assert!((4_000_000..6_000_000).contains(&bytes), "{bytes} bytes");
        assert_eq!(page.body["has_more"], true);
    }
    assert_eq!(shop.all("", 100).await, sessions);
    assert_eq!(all_orders(service, &query, key).await, made);
}

/// Orders are created between the pages, by the merchant and by strangers. Each that was there before is shown exactly
/// once, newest first, from any offset and with any limit.
#[tokio::test]
async fn pages_of_orders_lose_and_repeat_nothing_while_orders_are_created() {
    let seed = fastrand::u64(..);
    let mut rng = Rng::with_seed(seed);
    let service = Service::start_with(&Setup { public_orders: true, ..Setup::default() }).await;
    let key = service.api_key("shop", Role::Secret).await;
    let (mut everyones, mut own) = (Vec::new(), Vec::new());
    for _ in 0..60 {
        let caller = rng.bool().then_some(key.as_str());
        let id = order_of_the_wallet(&service, caller).await;
        own.extend(caller.map(|_| id.clone()));
        everyones.push(id);
    }
    everyones.reverse();
    own.reverse();
    for caller in [None, Some(key.as_str())] {
        for limit in [1, 7, 100] {
            let expected = if caller.is_some() { &mut own } else { &mut everyones };
            let offset = rng.usize(..expected.len());
            let mut query = format!("creatorAddress={WALLET}&limit={limit}&offset={offset}");
            let (mut shown, mut created) = (Vec::new(), Vec::new());
            loop {
                let page = orders(&service, &query, caller).await;
                shown.extend(ids_of(&page));
                let Some(next) = page.body["next_cursor"].as_str() else { break };
                query = format!("creatorAddress={WALLET}&limit={limit}&cursor={next}");
                if rng.u8(0..4) == 0 {
                    created.push(order_of_the_wallet(&service, Some(&key)).await);
                }
            }
            assert_eq!(shown, expected[offset..], "seed {seed}, limit {limit}, offset {offset}");
            created.reverse();
            own.splice(0..0, created.clone());
            everyones.splice(0..0, created);
        }
    }
}

#[tokio::test]
async fn a_public_history_shows_no_more_than_the_chain_does() {
    let service = Service::start_with(&Setup { public_orders: true, ..Setup::default() }).await;
    let members = json!({
        "creatorAddress": WALLET, "clientReferenceId": "c-1", "metadata": { "secret": 1 },
        "callbackMetadata": { "secret": 2 },
    });
    service.create_order(with(order(), members)).await.ok();
    let page = orders(&service, &format!("creatorAddress={WALLET}&limit=100&offset=0"), None).await;
    let shown = &page.ok()[0];
    for name in ["clientReferenceId", "onrampMetadata", "metadata", "payload", "callbackMetadata"] {
        assert_eq!(shown[name], Value::Null, "{name}");
    }
    assert_eq!(shown["creatorAddress"], WALLET);
    assert!(!page.text.contains("secret"));
}

//! Orders where chains are configured: what cannot be seen and settled there is refused, and says what can.

use domain::chain_config::Chains;
use domain::deposit_address::ForwarderFactory;
use domain::id::OrderId;
use domain::order::{ChainId, Order};
use domain::retention::Retention;
use harness::{BASE, RECIPIENT, Service, Setup, USDC, id_of, order, order_for, with};
use serde_json::{Value, json};
use store::{DepositAddresses, Store, WATCHED_FOR, WatchedOrder};

const OTHER_TOKEN: &str = "0xfde4c96c8593536e31f229ea8f37b2ada2699bb2";

fn chains(recipients: &[&str]) -> Chains {
    let chains = json!([
        { "chainId": BASE, "tokens": [USDC, OTHER_TOKEN], "finality": "safe", "recipients": recipients },
        { "chainId": 10, "tokens": [OTHER_TOKEN], "finality": "blocks:3" },
    ]);
    Chains::parse(&chains.to_string()).unwrap()
}

/// The status, code, field and message of a refused order.
async fn refused(service: &Service, members: Value) -> (u16, String, String, String) {
    let answer = service.create_order(with(order(), members)).await;
    let (status, code, field) = answer.failure();
    let message = answer.body["error"]["message"].as_str().unwrap().to_owned();
    (status, code.to_owned(), field.unwrap_or_default().to_owned(), message)
}

/// The watched orders of a chain.
async fn watched_orders(service: &Service, store: &Store, chain: ChainId) -> Vec<WatchedOrder> {
    let now = service.clock.now();
    match store.deposit_addresses(chain, (now, now), 1_000).await.unwrap() {
        DepositAddresses::Listed(orders) => orders,
        DepositAddresses::TooMany => panic!("two orders are not too many"),
    }
}

#[tokio::test]
async fn an_order_on_a_configured_chain_is_made() {
    let (service, _) = Service::start_in_process(&Setup::watching(chains(&[]))).await;
    service.create_order(order()).await.ok();
    let session = service.session().await;
    service.create_order(order_for(&session)).await.ok();
}

#[tokio::test]
async fn another_chain_is_refused_with_those_that_are_configured() {
    let (service, _) = Service::start_in_process(&Setup::watching(chains(&[]))).await;
    let (status, code, field, message) = refused(&service, json!({ "srcChain": 1, "dstChain": 1 })).await;
    assert_eq!((status, code.as_str(), field.as_str()), (400, "unsupported_route", "srcChain"));
    assert!(message.contains("8453, 10"), "{message}");
}

#[tokio::test]
async fn another_token_is_refused_with_those_of_the_chain_and_so_is_native_money() {
    let (service, _) = Service::start_in_process(&Setup::watching(chains(&[]))).await;
    for token in ["0x4200000000000000000000000000000000000006", "0x0000000000000000000000000000000000000000"]
    {
        let token = json!({ "srcTokenAddress": token, "dstTokenAddress": token });
        let (status, code, field, message) = refused(&service, token).await;
        assert_eq!((status, code.as_str(), field.as_str()), (400, "unsupported_route", "srcTokenAddress"));
        assert!(message.contains(USDC) && message.contains(OTHER_TOKEN), "{message}");
    }
}

#[tokio::test]
async fn a_route_that_needs_a_relay_is_refused_with_all_that_is_configured() {
    let (service, _) = Service::start_in_process(&Setup::watching(chains(&[]))).await;
    for (route, refused_field) in [
        (json!({ "dstChain": 10 }), "dstChain"),
        (json!({ "srcChain": 10 }), "dstChain"),
        (json!({ "dstTokenAddress": OTHER_TOKEN }), "dstTokenAddress"),
    ] {
        let (status, code, field, message) = refused(&service, route).await;
        assert_eq!((status, code.as_str(), field.as_str()), (400, "unsupported_route", refused_field));
        let configured = format!("chain 8453 with {USDC}, {OTHER_TOKEN}; chain 10 with {OTHER_TOKEN}");
        assert!(message.contains(&configured), "{message}");
    }
}

#[tokio::test]
async fn a_watched_order_is_kept_until_its_chain_is_watched_no_more() {
    let (service, aws) = Service::start_in_process(&Setup::watching(chains(&[]))).await;
    let store = Store::new(&aws, &service.table);
    let day: Retention = "1".parse().unwrap();
    let now = service.clock.now();
    let (id, deposit_address) = (runtime::random::order_id(), RECIPIENT.to_owned());
    let template = service.create_order(order()).await;
    let stored = store.read_checkout(OrderId::parse(&id_of(&template)).unwrap()).await.unwrap().unwrap();
    let order = Order { id, deposit_address, created_at: now, ..stored.order.unwrap() };
    assert!(order.is_watched);
    store.create_order(order, day, None).await.unwrap();
    let kept_for = service.stored_ttl(id).await.unwrap() - now.as_seconds();
    assert!(kept_for >= 48 * 60 * 60, "{kept_for}");
}

#[tokio::test]
async fn a_recipient_that_takes_no_money_is_refused() {
    let (service, _) = Service::start_in_process(&Setup::watching(chains(&[]))).await;
    let factory = format!("{:#x}", ForwarderFactory::DEPLOYED);
    for recipient in ["0x0000000000000000000000000000000000000000", USDC, OTHER_TOKEN, &factory] {
        let (status, code, field, message) =
            refused(&service, json!({ "recipientAddress": recipient })).await;
        assert_eq!((status, code.as_str(), field.as_str()), (400, "invalid_field_value", "recipientAddress"));
        assert!(message.contains("not the zero address"), "{message}");
    }
}

#[tokio::test]
async fn where_recipients_are_named_nobody_else_is_paid() {
    let (service, _) = Service::start_in_process(&Setup::watching(chains(&[RECIPIENT]))).await;
    service.create_order(order()).await.ok();
    let stranger = json!({ "recipientAddress": "0x1111111111111111111111111111111111111111" });
    let (status, code, field, message) = refused(&service, stranger).await;
    assert_eq!((status, code.as_str(), field.as_str()), (400, "invalid_field_value", "recipientAddress"));
    assert!(message.contains(RECIPIENT), "{message}");
}

#[tokio::test]
async fn a_refused_order_leaves_its_session_free() {
    let (service, _) = Service::start_in_process(&Setup::watching(chains(&[]))).await;
    let session = service.session().await;
    let elsewhere = with(order_for(&session), json!({ "srcChain": 1, "dstChain": 1 }));
    service.create_order(elsewhere).await.failure();
    service.create_order(order_for(&session)).await.ok();
}

#[tokio::test]
async fn exactly_the_orders_on_watched_chains_are_in_the_index() {
    let (service, aws) = Service::start_in_process(&Setup::watching(chains(&[]))).await;
    let alone = service.create_order(order()).await;
    let session = service.session().await;
    let linked = service.create_order(order_for(&session)).await;
    let _unlinked = service.session().await;

    let store = Store::new(&aws, &service.table);
    let chain = ChainId::parse(BASE).unwrap();
    let mut watched: Vec<String> = watched_orders(&service, &store, chain)
        .await
        .into_iter()
        .map(|order| format!("{} {}", order.id, order.address))
        .collect();
    let expected = |order: &Value| {
        format!("{} {}", order["id"].as_str().unwrap(), order["globalAddress"].as_str().unwrap())
    };
    let mut made = vec![expected(alone.ok()), expected(linked.ok())];
    watched.sort_unstable();
    made.sort_unstable();
    assert_eq!(watched, made);
    assert!(!store.has_work(chain).await.unwrap());

    let elsewhere = ChainId::parse(10).unwrap();
    assert!(watched_orders(&service, &store, elsewhere).await.is_empty());

    let address = alone.ok()["globalAddress"].as_str().unwrap();
    let now = service.clock.now();
    let found = store.order_at(chain, (now, now), address).await.unwrap();
    assert_eq!(found.map(|id| id.to_string()).as_deref(), alone.ok()["id"].as_str());
    assert_eq!(store.order_at(elsewhere, (now, now), address).await.unwrap(), None);
    let later = now + WATCHED_FOR * 2;
    assert_eq!(store.order_at(chain, (later, later), address).await.unwrap(), None);
}

#[test]
fn a_configuration_that_cannot_be_right_says_why() {
    for (json, why) in [
        ("[", "a JSON list of chains"),
        ("[{}]", "missing field `chainId`"),
        (r#"[{"chainId":1,"tokens":[],"finality":"safe"}]"#, "at least one token"),
        (r#"[{"chainId":1,"tokens":["0x1"],"finality":"safe"}]"#, "EVM address"),
        (
            r#"[{"chainId":1,"tokens":["0x833589fcd6edb6e08f4c7c32d4f71b54bda02913"],"finality":"soon"}]"#,
            "blocks:",
        ),
        (
            r#"[{"chainId":1,"tokens":["0x833589fcd6edb6e08f4c7c32d4f71b54bda02913"],"finality":"safe"},
                {"chainId":1,"tokens":["0x833589fcd6edb6e08f4c7c32d4f71b54bda02913"],"finality":"safe"}]"#,
            "`chainId` of chain 1 must occur once",
        ),
    ] {
        let error = Chains::parse(json).unwrap_err().to_string();
        assert!(error.contains(why), "{json}: {error}");
    }
}

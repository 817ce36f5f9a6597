//! What the table holds before each input.

use domain::address::EvmAddress;
use domain::amount::Amount;
use domain::deposit_address::ForwarderFactory;
use domain::id::{OrderId, SessionId};
use domain::json_object::JsonObject;
use domain::order::{ChainId, Order, OrderKind, OrderTerms};
use domain::redirect::RedirectUrl;
use domain::retention::Retention;
use domain::session::{CheckoutSession, ExpiresIn, SessionTerms};
use domain::time::Timestamp;
use serde_json::{Value, json};
use store::Store;

use crate::request::Request;

/// The time of `events/record-order-event.json`, at which its signature is fresh. The clock
/// stands there.
pub const NOW: Timestamp = Timestamp::from_millis(1_768_471_350_000);

/// The secret with which that event is signed.
pub const SECRET: &str = "whsec_Y2hlY2tvdXQtc2Vzc2lvbnMtbG9jYWwtc2VjcmV0";

/// The factory of the deposit addresses' test vector.
pub(crate) const FACTORY: &str = "0xb8f034f6ab8280ad7534f4850e0c243dc4f92a0d";

/// The subjects of requests: sessions in every status and their orders, an order on its own,
/// and ids that do not exist. The first two stand in the files of `events/`.
pub fn subject(index: u8) -> String {
    let order = |session: &str| SessionId::parse(session).expect("a session's id").order().to_string();
    match index % 10 {
        0 => OPEN.to_owned(),
        1 => ALONE.to_owned(),
        2 => LINKED.to_owned(),
        3 => order(LINKED),
        4 => PAID.to_owned(),
        5 => order(PAID),
        6 => COMPLETE.to_owned(),
        7 => order(COMPLETE),
        8 => EXPIRED.to_owned(),
        _ => "00000000-0000-4000-8000-000000000000".to_owned(),
    }
}

const OPEN: &str = "7b1c2a34-5d6e-4f80-91a2-b3c4d5e6f708";
const ALONE: &str = "5392f7a7-d472-4d6b-9848-bd07117fb82d";
const LINKED: &str = "11111111-1111-4111-8111-111111111111";
const PAID: &str = "22222222-2222-4222-8222-222222222222";
const COMPLETE: &str = "33333333-3333-4333-8333-333333333333";
const EXPIRED: &str = "44444444-4444-4444-8444-444444444444";

const RECIPIENT: &str = "0xb34facb90a200251318e8841c05102366f2158cf";
const USDC: &str = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913";

/// Puts sessions and an order under ids of our own choice, which no call can.
pub(crate) async fn put(store: &Store) {
    for id in [OPEN, LINKED, PAID, COMPLETE, EXPIRED] {
        let url = |path: &str| RedirectUrl::parse(format!("https://shop.example/{path}")).ok();
        let terms = SessionTerms {
            success_url: url("thanks?session={SESSION_ID}"),
            cancel_url: url("cart#top"),
            metadata: JsonObject::empty(),
            client_reference_id: None,
        };
        let id = SessionId::parse(id).expect("a session's id");
        let deadline = NOW + ExpiresIn::DEFAULT.as_duration();
        let session = CheckoutSession { id, terms, merchant: None, created_at: NOW };
        store.create_session(session, deadline, deadline.as_seconds(), None).await.expect("a session");
    }
    store.create_order(stored_order(ALONE), Retention::DEFAULT, None).await.expect("an order");
}

/// The calls that take the sessions to their statuses.
pub(crate) fn calls() -> Vec<Request> {
    let link = |session: &str| Request::new("create-order", "").body(order(Some(session)).to_string());
    let report = |index: u8, event: &Value| {
        Request::new("record-order-event", &subject(index)).body(event.to_string()).signed()
    };
    let execution = json!({
        "type": "order.executed",
        "data": { "chain": 8453, "txHash": "0xa2", "createdAt": NOW.as_millis(), "points": 7 },
    });
    vec![
        link(LINKED),
        link(PAID),
        report(5, &deposit()),
        link(COMPLETE),
        report(7, &deposit()),
        report(7, &execution),
        Request::new("expire-checkout-session", EXPIRED),
    ]
}

/// Returns the body of an order of one US dollar, linked to a session if one is named.
pub fn order(session: Option<&str>) -> Value {
    json!({
        "type": "swap", "recipientAddress": RECIPIENT, "checkoutSessionId": session,
        "srcChain": 8453, "dstChain": 8453, "srcTokenAddress": USDC, "dstTokenAddress": USDC,
        "srcAmount": "1000000", "payload": { "expectedDstAmount": "1000000" },
    })
}

/// The body of an event: that order is paid.
pub fn deposit() -> Value {
    json!({
        "type": "deposit.detected",
        "data": { "chain": 8453, "txHash": "0xa1", "amount": "1000000", "createdAt": NOW.as_millis() },
    })
}

fn stored_order(id: &str) -> Order {
    let id = OrderId::parse(id).expect("an order's id");
    let address = |text: &str| EvmAddress::parse(text).expect("an address");
    let chain = || ChainId::parse(8453).expect("a chain");
    let amount = || Amount::parse("1000000").expect("an amount");
    let factory = ForwarderFactory::parse(FACTORY).expect("a factory");
    Order {
        id,
        deposit_address: factory.deposit_address(id, &address(RECIPIENT)),
        factory: None,
        is_watched: false,
        terms: OrderTerms {
            kind: OrderKind::parse("swap").expect("a kind"),
            recipient: address(RECIPIENT),
            src_chain: chain(),
            dst_chain: chain(),
            src_token: address(USDC),
            dst_token: address(USDC),
            src_amount: amount(),
            expected_dst_amount: amount(),
            metadata: None,
            onramp: None,
            creator_address: None,
            partner_id: None,
            callback_metadata: None,
            client_reference_id: None,
        },
        created_at: NOW,
        merchant: None,
    }
}

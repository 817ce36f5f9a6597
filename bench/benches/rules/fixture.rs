//! What is measured: the events of `events/`, and an order with as many deposits as one likes.

use std::time::Duration;

use api::{Event, Request, object};
use domain::address::EvmAddress;
use domain::amount::Amount;
use domain::deposit_address::ForwarderFactory;
use domain::id::SessionId;
use domain::json_object::JsonObject;
use domain::lifecycle::Checkout;
use domain::order::{ChainId, Order, OrderKind, OrderTerms};
use domain::payment::{PaymentEvent, Transaction, TransactionKind, TxHash};
use domain::payment_state::PaymentState;
use domain::record::CheckoutRecord;
use domain::redirect::RedirectUrl;
use domain::session::{CheckoutSession, SessionTerms};
use domain::text::Text;
use domain::time::Timestamp;

/// How many deposits an order may have before it is measured.
pub(crate) const DEPOSITS: [u64; 3] = [0, 10, 1_000];

/// The factory of the deposit addresses' test vector.
pub(crate) const FACTORY: &str = "0xb8f034f6ab8280ad7534f4850e0c243dc4f92a0d";
pub(crate) const RECIPIENT: &str = "0xb34facb90a200251318e8841c05102366f2158cf";
pub(crate) const USDC: &str = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913";

/// When the session was opened.
pub(crate) const OPENED: Timestamp = Timestamp::from_millis(1_768_471_200_000);

pub(crate) const CREATE_SESSION: &str = include_str!("../../../events/create-checkout-session.json");
pub(crate) const CREATE_ORDER: &str = include_str!("../../../events/create-order.json");
pub(crate) const RECORD_EVENT: &str = include_str!("../../../events/record-order-event.json");

/// A request out of an event's JSON.
pub(crate) fn request(event: &str) -> Request {
    Request::from(serde_json::from_str::<Event>(event).unwrap())
}

/// A moment at which the session is open.
pub(crate) fn meanwhile() -> Timestamp {
    OPENED + Duration::from_mins(1)
}

pub(crate) fn session_id() -> SessionId {
    SessionId::parse("7b1c2a34-5d6e-4f80-91a2-b3c4d5e6f708").unwrap()
}

pub(crate) fn url(text: &str) -> RedirectUrl {
    RedirectUrl::parse(text.to_owned()).unwrap()
}

/// The deposit of this number, of one unit.
pub(crate) fn deposit(number: u64) -> Transaction {
    Transaction {
        chain: ChainId::parse(8453).unwrap(),
        // Hashes differ from their first digit on, or telling them apart would take longer than it does.
        hash: TxHash::parse(format!("0x{:016x}{number:048x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
            .unwrap(),
        created_at: OPENED + Duration::from_millis(number),
        kind: TransactionKind::Deposit {
            from: Some(Text::parse(RECIPIENT.to_owned()).unwrap()),
            amount: Amount::parse("1").unwrap(),
        },
    }
}

/// The order of a session, paid in part by so many deposits.
///
/// Their sum is what the rules make of the last of them: that must not take what all of them took one by one.
pub(crate) fn record(deposits: u64) -> CheckoutRecord {
    let transactions: Vec<_> = (0..deposits).map(deposit).collect();
    let mut checkout = Checkout {
        session: Some(session()),
        order: Some(order()),
        deadline: OPENED + Duration::from_mins(30),
        expired_at: None,
        payment_state: PaymentState::default(),
        version: deposits,
    };
    if let Some((last, before)) = transactions.split_last() {
        let event = PaymentEvent::Transaction(last.clone());
        let recorded = checkout.record(&order(), before, &[], event, meanwhile()).unwrap();
        checkout.payment_state = recorded.payment_state;
    }
    assert_eq!(checkout.payment_state.received, Amount::parse(&deposits.to_string()).unwrap());
    CheckoutRecord { checkout, transactions, on_chain: None, vendor_report: None }
}

fn session() -> CheckoutSession {
    let metadata = r#"{"cart":{"items":3,"total":19.90},"note":null,"gift":"für Zoë 🎁"}"#;
    CheckoutSession {
        id: session_id(),
        terms: SessionTerms {
            success_url: Some(url("https://shop.example/thanks/{SESSION_ID}?from=pay")),
            cancel_url: Some(url("https://shop.example/cart#top")),
            metadata: json_object(metadata),
            client_reference_id: Some(Text::parse("cart-1042".to_owned()).unwrap()),
        },
        created_at: OPENED,
        merchant: None,
    }
}

pub(crate) fn order() -> Order {
    let recipient = EvmAddress::parse(RECIPIENT).unwrap();
    let (token, chain) = (EvmAddress::parse(USDC).unwrap(), ChainId::parse(8453).unwrap());
    let (id, amount) = (session_id().order(), Amount::parse("1000000").unwrap());
    let metadata = r#"{"srcToken":{"symbol":"USDC","decimals":6},"dstToken":{"symbol":"USDC","decimals":6}}"#;
    Order {
        id,
        deposit_address: ForwarderFactory::parse(FACTORY).unwrap().deposit_address(id, &recipient),
        factory: None,
        is_watched: false,
        terms: OrderTerms {
            kind: OrderKind::Swap,
            recipient,
            src_chain: chain,
            dst_chain: chain,
            src_token: token.clone(),
            dst_token: token,
            src_amount: amount,
            expected_dst_amount: amount,
            metadata: Some(json_object(metadata)),
            onramp: None,
            creator_address: None,
            partner_id: None,
            callback_metadata: None,
            client_reference_id: None,
        },
        created_at: OPENED,
        merchant: None,
    }
}

fn json_object(text: &str) -> JsonObject {
    JsonObject::parse(object(serde_json::from_str(text).unwrap()).unwrap()).unwrap()
}

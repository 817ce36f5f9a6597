//! One session, the orders that payers bring to it, and the facts that are reported.

use std::sync::LazyLock;

use domain::address::EvmAddress;
use domain::amount::Amount;
use domain::card::{CardPayment, CardStatus};
use domain::id::SessionId;
use domain::json_object::JsonObject;
use domain::lifecycle::Checkout;
use domain::merchant::Merchant;
use domain::order::{ChainId, Order, OrderKind, OrderTerms};
use domain::payment::{PaymentEvent, RefundStatus, RelayStatus, Transaction, TransactionKind, TxHash};
use domain::payment_state::PaymentState;
use domain::pricing::{Offer, PriceMode, Pricing};
use domain::session::{CheckoutSession, MerchantTerms, SessionTerms};
use domain::text::{OrderReference, Text};
use domain::time::Timestamp;

const DEADLINE: i64 = 1_769_862_600_000;
const OPENED: i64 = DEADLINE - 1_800_000;
/// What every order asks for, and the session too.
const PRICE: &str = "100";
/// The payer whose order asks for less than the price.
pub(crate) const CHEAT: usize = 2;

/// So many milliseconds after the deadline, or before it.
pub(crate) fn after_the_deadline(millis: i64) -> Timestamp {
    Timestamp::from_millis(DEADLINE + millis)
}

/// A new session.
pub(crate) fn session() -> Checkout {
    Checkout {
        session: Some(CheckoutSession {
            id: session_id(),
            terms: SessionTerms {
                success_url: None,
                cancel_url: None,
                metadata: JsonObject::empty(),
                client_reference_id: None,
            },
            created_at: Timestamp::from_millis(OPENED),
            merchant: Some(MerchantTerms {
                name: Merchant::parse("shop").unwrap(),
                pricing: Some(price()),
                display: None,
                private_metadata: None,
            }),
        }),
        order: None,
        deadline: Timestamp::from_millis(DEADLINE),
        expired_at: None,
        payment_state: PaymentState::default(),
        version: 0,
    }
}

/// The price of the session: what the first payers' orders pay.
fn price() -> Pricing {
    let amount = Amount::parse(PRICE).unwrap();
    let (token, recipient) = (token(), recipient());
    let offer = Offer { chain: chain(), token, recipient, least: amount, most: amount, suggested: None };
    Pricing { mode: PriceMode::Exact, offers: vec![offer] }
}

fn token() -> EvmAddress {
    EvmAddress::parse("0x0000000000000000000000000000000000000000").unwrap()
}

fn recipient() -> EvmAddress {
    EvmAddress::parse("0xb34facb90a200251318e8841c05102366f2158cf").unwrap()
}

/// The order that a payer brings.
pub(crate) fn order_of(payer: usize) -> &'static Order {
    static ORDERS: LazyLock<[Order; 3]> = LazyLock::new(|| [0, 1, 2].map(new_order));
    &ORDERS[payer]
}

/// All have the one id that the session gives them, so each bears its payer's name.
fn new_order(payer: usize) -> Order {
    let amount = Amount::parse(if payer == CHEAT { "1" } else { PRICE }).unwrap();
    Order {
        id: session_id().order(),
        terms: OrderTerms {
            kind: OrderKind::Swap,
            recipient: recipient(),
            src_chain: chain(),
            dst_chain: chain(),
            src_token: token(),
            dst_token: token(),
            src_amount: amount,
            expected_dst_amount: amount,
            metadata: None,
            onramp: None,
            creator_address: None,
            partner_id: None,
            callback_metadata: None,
            client_reference_id: Some(OrderReference::parse(format!("payer-{payer}")).unwrap()),
        },
        deposit_address: "0x31befe53c658e1253d72f2dacd7dfaf471c86652".to_owned(),
        factory: None,
        is_watched: false,
        created_at: Timestamp::from_millis(OPENED),
        merchant: None,
    }
}

/// A deposit that may fall short.
pub(crate) fn deposit(hash: &str, amount: &str) -> PaymentEvent {
    transaction(hash, TransactionKind::Deposit { from: None, amount: Amount::parse(amount).unwrap() })
}

/// A deposit of all that the order asks for.
pub(crate) fn payment() -> PaymentEvent {
    deposit("a", PRICE)
}

/// A relay that arrived.
pub(crate) fn relay() -> PaymentEvent {
    transaction("relay", TransactionKind::Relay { status: RelayStatus::Success })
}

/// The recipient was paid.
pub(crate) fn execution() -> PaymentEvent {
    let kind = TransactionKind::Execution { actual_dst_amount: None, relay: None, points: None };
    transaction("execution", kind)
}

/// The settlement failed.
pub(crate) fn failure() -> PaymentEvent {
    PaymentEvent::OrderFailed(Text::parse("no route".to_owned()).unwrap())
}

/// A card was charged well before the deadline; so many cents of it were given back since.
pub(crate) fn card(intent: &str, refunded: u64) -> PaymentEvent {
    PaymentEvent::Card(CardPayment {
        intent: Text::parse(intent.to_owned()).unwrap(),
        amount: 100,
        currency: Text::parse("usd".to_owned()).unwrap(),
        covers: Amount::parse(PRICE).unwrap(),
        is_as_asked: true,
        status: CardStatus::Succeeded,
        created_at: Timestamp::from_millis(OPENED),
        paid_at: Some(Timestamp::from_millis(OPENED)),
        refunded,
        is_disputed: false,
        standing: None,
    })
}

/// The money went back.
pub(crate) fn refund() -> PaymentEvent {
    refund_of(PRICE)
}

/// So much of the money went back.
pub(crate) fn refund_of(amount: &str) -> PaymentEvent {
    let amount = Amount::parse(amount).unwrap();
    transaction("refund", TransactionKind::Refund { amount, status: RefundStatus::Success })
}

fn transaction(hash: &str, kind: TransactionKind) -> PaymentEvent {
    PaymentEvent::Transaction(Transaction {
        chain: chain(),
        hash: TxHash::parse(hash.to_owned()).unwrap(),
        created_at: Timestamp::from_millis(OPENED),
        kind,
    })
}

fn session_id() -> SessionId {
    SessionId::parse("7b1c2a34-5d6e-4f80-91a2-b3c4d5e6f708").unwrap()
}

fn chain() -> ChainId {
    ChainId::parse(8453).unwrap()
}

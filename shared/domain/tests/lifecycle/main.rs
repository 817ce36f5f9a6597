//! How a checkout lives: the contract's table of statuses row by row, and random histories.

#![expect(clippy::unwrap_used, reason = "the helpers read literals; clippy takes them for code that ships")]

mod endings;
mod histories;
mod paid;
mod refunds;
mod repeated_reports;
mod statuses;

use domain::address::EvmAddress;
use domain::amount::Amount;
use domain::id::SessionId;
use domain::json_object::JsonObject;
use domain::lifecycle::{Checkout, Recorded};
use domain::onramp::{Onramp, OnrampVendor};
use domain::order::{ChainId, Order, OrderKind, OrderStatus, OrderTerms};
use domain::payment::{PaymentEvent, RefundStatus, RelayStatus, Transaction, TransactionKind, TxHash};
use domain::payment_state::PaymentState;
use domain::session::{CheckoutSession, ExpiresIn, SessionStatus, SessionTerms};
use domain::text::Text;
use domain::time::{CLOCK_SKEW_BOUND_MS, Timestamp};

const OPENED: i64 = 1_769_860_800_000;
const DEADLINE: i64 = OPENED + 1_800_000;
/// Well before the deadline.
const IN_TIME: i64 = OPENED + 60_000;
/// The last instant at which a session is still moved forward.
const LAST: i64 = DEADLINE - CLOCK_SKEW_BOUND_MS - 1;
/// The order's own chain, and another.
const HERE: u64 = 8453;
const ELSEWHERE: u64 = 1;
/// What the order asks for.
const PRICE: &str = "100";
const MAX: &str = "115792089237316195423570985008687907853269984665640564039457584007913129639935";
const MAX_LESS_ONE: &str = "115792089237316195423570985008687907853269984665640564039457584007913129639934";

/// A checkout and its transactions, written to as the store writes to them.
#[derive(Debug, Clone)]
struct Record {
    checkout: Checkout,
    order: Order,
    transactions: Vec<Transaction>,
}

impl Record {
    /// A session with an order over `price`.
    fn over(price: &str) -> Self {
        let session = SessionId::parse("7b1c2a34-5d6e-4f80-91a2-b3c4d5e6f708").unwrap();
        let opened = Timestamp::from_millis(OPENED);
        let order = order(session, price);
        let checkout = Checkout {
            session: Some(CheckoutSession {
                id: session,
                terms: SessionTerms {
                    success_url: None,
                    cancel_url: None,
                    metadata: JsonObject::empty(),
                    client_reference_id: None,
                },
                created_at: opened,
                merchant: None,
            }),
            order: Some(order.clone()),
            deadline: opened + ExpiresIn::DEFAULT.as_duration(),
            expired_at: None,
            payment_state: PaymentState::default(),
            version: 0,
        };
        Self { checkout, order, transactions: Vec::new() }
    }

    fn new() -> Self {
        Self::over(PRICE)
    }

    /// A session with an order, of which this was reported well before the deadline.
    fn after(events: impl IntoIterator<Item = PaymentEvent>) -> Self {
        let mut record = Self::new();
        for event in events {
            record.report(event, IN_TIME);
        }
        record
    }

    fn with_onramp(vendor: OnrampVendor) -> Self {
        let mut record = Self::new();
        record.order.terms.onramp =
            Some(Onramp { vendor, payment_method: None, country: None, redirect_url: None, cents: None });
        record.checkout.order = Some(record.order.clone());
        record
    }

    /// Whether the event was news.
    fn report(&mut self, event: PaymentEvent, now: i64) -> bool {
        let now = Timestamp::from_millis(now);
        let recorded = self.checkout.record(&self.order, &self.transactions, &[], event, now);
        let Some(Recorded { payment_state, transaction }) = recorded else {
            return false;
        };
        self.checkout.payment_state = payment_state;
        self.checkout.version += 1;
        if let Some(transaction) = transaction {
            let same = self.transactions.iter_mut().find(|stored| stored.is_same_as(&transaction));
            match same {
                Some(stored) => *stored = transaction,
                None => self.transactions.push(transaction),
            }
        }
        true
    }

    /// Whether the call succeeded: only an open session can be expired.
    fn expire(&mut self, now: i64) -> bool {
        let is_open = self.session(now) == SessionStatus::Open;
        if is_open {
            self.checkout.expired_at = Some(Timestamp::from_millis(now));
            self.checkout.version += 1;
        }
        is_open
    }

    fn order(&self, now: i64) -> OrderStatus {
        self.checkout.order_status(&self.order, Timestamp::from_millis(now))
    }

    fn session(&self, now: i64) -> SessionStatus {
        self.checkout.session_status(Timestamp::from_millis(now))
    }

    fn at(&self, now: i64) -> (OrderStatus, SessionStatus) {
        (self.order(now), self.session(now))
    }

    fn received(&self) -> String {
        self.checkout.payment_state.received.to_string()
    }

    /// Whether both know the same transactions, in whatever order.
    fn knows_the_same_as(&self, other: &Self) -> bool {
        self.transactions.len() == other.transactions.len()
            && self.transactions.iter().all(|t| other.transactions.contains(t))
    }
}

fn order(session: SessionId, price: &str) -> Order {
    let token = EvmAddress::parse("0x0000000000000000000000000000000000000000").unwrap();
    Order {
        id: session.order(),
        terms: OrderTerms {
            kind: OrderKind::Swap,
            recipient: EvmAddress::parse("0xb34facb90a200251318e8841c05102366f2158cf").unwrap(),
            src_chain: chain(HERE),
            dst_chain: chain(HERE),
            src_token: token.clone(),
            dst_token: token,
            src_amount: amount(price),
            expected_dst_amount: amount(price),
            metadata: None,
            onramp: None,
            creator_address: None,
            partner_id: None,
            callback_metadata: None,
            client_reference_id: None,
        },
        deposit_address: "0x31befe53c658e1253d72f2dacd7dfaf471c86652".to_owned(),
        factory: None,
        is_watched: false,
        created_at: Timestamp::from_millis(OPENED),
        merchant: None,
    }
}

fn chain(id: u64) -> ChainId {
    ChainId::parse(id).unwrap()
}

fn amount(text: &str) -> Amount {
    Amount::parse(text).unwrap()
}

fn transaction(chain_id: u64, hash: &str, created_at: i64, kind: TransactionKind) -> PaymentEvent {
    PaymentEvent::Transaction(Transaction {
        chain: chain(chain_id),
        hash: TxHash::parse(hash.to_owned()).unwrap(),
        created_at: Timestamp::from_millis(created_at),
        kind,
    })
}

fn deposit_on(chain_id: u64, hash: &str, text: &str) -> PaymentEvent {
    let kind = TransactionKind::Deposit { from: None, amount: amount(text) };
    transaction(chain_id, hash, OPENED, kind)
}

fn deposit(hash: &str, text: &str) -> PaymentEvent {
    deposit_on(HERE, hash, text)
}

/// A deposit of all that the order asks for.
fn payment() -> PaymentEvent {
    deposit("paid", PRICE)
}

fn relay(status: RelayStatus) -> PaymentEvent {
    transaction(HERE, "relay", OPENED, TransactionKind::Relay { status })
}

fn execution_at(hash: &str, created_at: i64) -> PaymentEvent {
    let kind = TransactionKind::Execution { actual_dst_amount: None, relay: None, points: None };
    transaction(HERE, hash, created_at, kind)
}

fn execution() -> PaymentEvent {
    execution_at("executed", OPENED)
}

fn refund(status: RefundStatus) -> PaymentEvent {
    let kind = TransactionKind::Refund { amount: amount(PRICE), status };
    transaction(HERE, "refund", OPENED, kind)
}

fn failure() -> PaymentEvent {
    failure_because("no route")
}

fn failure_because(details: &str) -> PaymentEvent {
    PaymentEvent::OrderFailed(Text::parse(details.to_owned()).unwrap())
}

/// An EVM hash that repeats four hex digits.
fn evm(digits: &str) -> String {
    format!("0x{}", digits.repeat(16))
}

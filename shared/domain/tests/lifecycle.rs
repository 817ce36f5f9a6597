//! How a checkout lives: the contract's table of statuses row by row, and random histories.
//!
//! The clocks of the random histories: every writer and every reader has a clock of its own,
//! none further than half of [`CLOCK_SKEW_BOUND_MS`] from the true time, so that no two
//! differ by more than the bound. A writer may have another clock at each write; a reader
//! keeps its own. A write takes effect at the instant its clock is read, and what readers
//! answer is put in the order of the true time.

#![expect(clippy::unwrap_used, reason = "the helpers read literals; clippy takes them for code that ships")]

use std::collections::BTreeMap;
use std::time::Duration;

use domain::address::EvmAddress;
use domain::amount::Amount;
use domain::id::SessionId;
use domain::json_object::JsonObject;
use domain::lifecycle::{Checkout, ExpireRefusal, Recorded};
use domain::onramp::{Onramp, OnrampVendor};
use domain::order::{ChainId, Order, OrderKind, OrderStatus, OrderTerms};
use domain::payment::{
    PaymentEvent, Points, RefundStatus, RelayStatus, Transaction, TransactionKind, TxHash,
};
use domain::payment_state::{Outcome, PaymentState, covered_at};
use domain::session::{CheckoutSession, ExpiresIn, SessionStatus, SessionTerms};
use domain::text::Text;
use domain::time::{CLOCK_SKEW_BOUND_MS, Timestamp};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::Config;

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

// The table of statuses, row by row.

#[test]
fn an_executed_order_completes_its_session() {
    let record = Record::after([payment(), execution()]);
    assert_eq!(record.at(IN_TIME), (OrderStatus::Executed, SessionStatus::Complete));
    assert_eq!(record.at(DEADLINE), (OrderStatus::Executed, SessionStatus::Complete));
}

#[test]
fn a_refunded_order_expires_its_session() {
    for before in [vec![], vec![payment()]] {
        let mut record = Record::after(before);
        record.report(refund(RefundStatus::Success), IN_TIME);
        assert_eq!(record.at(IN_TIME), (OrderStatus::Refunded, SessionStatus::Expired));
        assert_eq!(record.at(DEADLINE), (OrderStatus::Refunded, SessionStatus::Expired));
    }
}

#[test]
fn a_refund_that_failed_says_nothing_about_the_order() {
    let mut record = Record::after([payment(), refund(RefundStatus::Failure)]);
    assert_eq!(record.at(IN_TIME), (OrderStatus::Executing, SessionStatus::Processing));
    record.report(refund(RefundStatus::Success), IN_TIME);
    assert_eq!(record.at(IN_TIME), (OrderStatus::Refunded, SessionStatus::Expired));
}

/// A successful refund of so much.
fn refund_of(chain_id: u64, hash: &str, text: &str) -> PaymentEvent {
    let kind = TransactionKind::Refund { amount: amount(text), status: RefundStatus::Success };
    transaction(chain_id, hash, OPENED, kind)
}

#[test]
fn a_refund_of_the_excess_ends_no_paid_session() {
    let facts = [payment(), deposit("more", "50"), refund_of(HERE, "r", "50")];
    let record = Record::after(facts);
    assert_eq!(record.at(IN_TIME), (OrderStatus::Executing, SessionStatus::Processing));
    assert_eq!(record.at(DEADLINE), (OrderStatus::Executing, SessionStatus::Processing));
    let mut executed = record.clone();
    executed.report(execution(), DEADLINE);
    assert_eq!(executed.at(DEADLINE), (OrderStatus::Executed, SessionStatus::Complete));
    // One unit more, and the order is not paid any more.
    let mut refunded = record;
    refunded.report(refund_of(HERE, "s", "1"), IN_TIME);
    assert_eq!(refunded.at(IN_TIME), (OrderStatus::Refunded, SessionStatus::Expired));
}

#[test]
fn a_refund_of_the_excess_that_is_reported_first_ends_in_the_same_order_status() {
    let facts = [payment(), refund_of(HERE, "r", "50"), deposit("more", "50")];
    let record = Record::after(facts);
    // The session was seen `expired` in between, and stays so.
    assert_eq!(record.at(IN_TIME), (OrderStatus::Executing, SessionStatus::Expired));
}

#[test]
fn several_refunds_add_up() {
    let part = |hash: &str, text: &str| refund_of(HERE, hash, text);
    let record = Record::after([payment(), deposit("more", "50"), part("r", "20"), part("s", "30")]);
    assert_eq!(record.at(IN_TIME), (OrderStatus::Executing, SessionStatus::Processing));
    let record = Record::after([payment(), deposit("more", "50"), part("r", "20"), part("s", "31")]);
    assert_eq!(record.at(IN_TIME), (OrderStatus::Refunded, SessionStatus::Expired));
}

#[test]
fn a_refund_on_another_chain_takes_nothing_from_what_pays() {
    let astray = [payment(), deposit_on(ELSEWHERE, "b", "70"), refund_of(ELSEWHERE, "r", "70")];
    assert_eq!(Record::after(astray).at(IN_TIME), (OrderStatus::Executing, SessionStatus::Processing));
    let unpaid = [deposit_on(ELSEWHERE, "b", "70"), refund_of(ELSEWHERE, "r", "70")];
    assert_eq!(Record::after(unpaid).at(IN_TIME), (OrderStatus::Refunded, SessionStatus::Expired));
}

#[test]
fn a_late_payment_less_its_refunded_excess_is_still_to_be_refunded() {
    let mut record = Record::new();
    for event in [payment(), deposit("more", "50"), refund_of(HERE, "r", "50")] {
        record.report(event, DEADLINE);
    }
    assert_eq!(record.at(DEADLINE), (OrderStatus::Refunding, SessionStatus::Expired));
}

#[test]
fn a_payment_state_from_before_refunds_were_summed_keeps_its_status() {
    let mut record = Record::after([payment(), refund(RefundStatus::Success)]);
    record.checkout.payment_state.returned = None;
    assert_eq!(record.at(IN_TIME), (OrderStatus::Refunded, SessionStatus::Expired));
    let mut record = Record::after([payment()]);
    record.checkout.payment_state.returned = None;
    assert_eq!(record.at(IN_TIME), (OrderStatus::Executing, SessionStatus::Processing));
}

#[test]
fn a_session_that_is_being_paid_cannot_be_called_off() {
    let mut record = Record::new();
    let at = |millis: i64| Timestamp::from_millis(millis);
    record.checkout.payment_state.pending_since = Some(at(IN_TIME));
    assert_eq!(record.session(IN_TIME), SessionStatus::Open);
    assert_eq!(record.checkout.expire(at(IN_TIME)), Err(ExpireRefusal::PaymentPending));
    record.checkout.payment_state.pending_since = None;
    assert!(record.checkout.expire(at(IN_TIME)).is_ok());
    assert_eq!(record.checkout.expire(at(DEADLINE)), Err(ExpireRefusal::NotOpen(SessionStatus::Expired)));
}

#[test]
fn an_order_with_an_onramp_lives_an_hour_on_its_own() {
    for (vendor, minutes) in [
        (OnrampVendor::Coinbase, 60),
        (OnrampVendor::Stripe, 60),
        (OnrampVendor::StripeWeb2, 60),
        (OnrampVendor::Moonpay, 60),
        (OnrampVendor::None, 15),
    ] {
        let lifetime = Record::with_onramp(vendor).order.terms.standalone_lifetime();
        assert_eq!(lifetime, Duration::from_mins(minutes), "{vendor:?}");
    }
    assert_eq!(Record::new().order.terms.standalone_lifetime(), Duration::from_mins(15));
}

/// One transfer of a transaction.
fn deposit_log(hash: &str, log_index: u64, text: &str) -> PaymentEvent {
    let kind = TransactionKind::DepositLog { log_index, from: None, amount: amount(text) };
    transaction(HERE, hash, OPENED, kind)
}

#[test]
fn the_transfers_of_one_transaction_add_up() {
    let mut record = Record::after([deposit_log("a", 4, "40"), deposit_log("a", 4, "40")]);
    assert_eq!(record.received(), "40");
    record.report(deposit_log("a", 7, "60"), IN_TIME);
    assert_eq!(record.received(), "100");
    assert_eq!(record.at(IN_TIME), (OrderStatus::Executing, SessionStatus::Processing));
    // The total of the same transaction is no further money.
    record.report(deposit("a", "100"), IN_TIME);
    assert_eq!(record.received(), "100");
    record.report(deposit("a", "101"), IN_TIME);
    assert_eq!(record.received(), "101");
}

#[test]
fn a_failed_order_expires_its_session() {
    let record = Record::after([failure()]);
    assert_eq!(record.at(IN_TIME), (OrderStatus::Failure, SessionStatus::Expired));
    assert_eq!(record.at(DEADLINE), (OrderStatus::Failure, SessionStatus::Expired));
}

#[test]
fn a_failure_while_processing_expires_the_session() {
    let record = Record::after([payment(), failure()]);
    assert_eq!(record.at(IN_TIME), (OrderStatus::Failure, SessionStatus::Expired));
}

#[test]
fn a_paid_order_is_executing_and_its_session_processing() {
    let record = Record::after([payment()]);
    assert_eq!(record.at(IN_TIME), (OrderStatus::Executing, SessionStatus::Processing));
    assert_eq!(record.at(DEADLINE), (OrderStatus::Executing, SessionStatus::Processing));
}

#[test]
fn a_paid_order_with_a_relay_is_relayed_whatever_the_relay_came_to() {
    for status in [
        RelayStatus::Waiting,
        RelayStatus::Pending,
        RelayStatus::Delayed,
        RelayStatus::Refund,
        RelayStatus::Failure,
        RelayStatus::Success,
    ] {
        for events in [[payment(), relay(status)], [relay(status), payment()]] {
            let record = Record::after(events);
            assert_eq!(record.at(IN_TIME), (OrderStatus::Relay, SessionStatus::Processing));
            assert_eq!(record.at(DEADLINE), (OrderStatus::Relay, SessionStatus::Processing));
        }
    }
}

#[test]
fn a_relay_of_an_unpaid_order_moves_nothing() {
    let record = Record::after([relay(RelayStatus::Success)]);
    assert_eq!(record.at(IN_TIME), (OrderStatus::ScanningDepositTransaction, SessionStatus::Open));
    assert_eq!(record.at(DEADLINE), (OrderStatus::Expired, SessionStatus::Expired));
}

#[test]
fn past_the_deadline_a_deposit_that_fell_short_is_to_be_refunded() {
    let record = Record::after([deposit("a", "99")]);
    assert_eq!(record.at(DEADLINE), (OrderStatus::Refunding, SessionStatus::Expired));
}

#[test]
fn past_the_deadline_an_order_without_deposits_is_expired() {
    assert_eq!(Record::new().at(DEADLINE), (OrderStatus::Expired, SessionStatus::Expired));
}

#[test]
fn a_deposit_of_nothing_is_kept_and_leaves_nothing_to_refund() {
    let record = Record::after([deposit("a", "0")]);
    assert_eq!(record.transactions.len(), 1);
    assert_eq!(record.at(DEADLINE), (OrderStatus::Expired, SessionStatus::Expired));
}

#[test]
fn an_unpaid_order_waits_for_its_deposit() {
    let record = Record::new();
    assert_eq!(record.at(OPENED), (OrderStatus::ScanningDepositTransaction, SessionStatus::Open));
}

#[test]
fn only_the_card_payment_of_stripe_is_waited_for_by_name() {
    for (vendor, status) in [
        (OnrampVendor::StripeWeb2, OrderStatus::WaitingStripePayment),
        (OnrampVendor::Stripe, OrderStatus::ScanningDepositTransaction),
        (OnrampVendor::Coinbase, OrderStatus::ScanningDepositTransaction),
        (OnrampVendor::Moonpay, OrderStatus::ScanningDepositTransaction),
        (OnrampVendor::None, OrderStatus::ScanningDepositTransaction),
    ] {
        let mut record = Record::with_onramp(vendor);
        assert_eq!(record.at(IN_TIME), (status, SessionStatus::Open));
        assert_eq!(record.at(DEADLINE), (OrderStatus::Expired, SessionStatus::Expired));
        record.report(deposit("a", "99"), IN_TIME);
        assert_eq!(record.at(IN_TIME), (status, SessionStatus::Open));
        record.report(deposit("b", "1"), IN_TIME);
        assert_eq!(record.at(IN_TIME), (OrderStatus::Executing, SessionStatus::Processing));
    }
}

#[test]
fn of_the_rows_that_fit_the_first_counts() {
    let rows = [
        (execution(), OrderStatus::Executed),
        (refund(RefundStatus::Success), OrderStatus::Refunded),
        (failure(), OrderStatus::Failure),
        (relay(RelayStatus::Pending), OrderStatus::Relay),
        (payment(), OrderStatus::Executing),
    ];
    // Each row with every later one; a relay counts only beside a payment.
    for (at, (_, first)) in rows.iter().enumerate() {
        let facts = rows.iter().skip(at).map(|(event, _)| event.clone());
        let forwards = Record::after(facts.clone());
        let backwards = Record::after(facts.rev());
        for now in [IN_TIME, DEADLINE] {
            assert_eq!(forwards.order(now), *first);
            assert_eq!(backwards.order(now), *first);
        }
    }
}

#[test]
fn a_session_without_an_order_is_open_until_its_deadline() {
    let mut record = Record::new();
    record.checkout.order = None;
    assert_eq!(record.session(DEADLINE - 1), SessionStatus::Open);
    assert_eq!(record.session(DEADLINE), SessionStatus::Expired);
}

#[test]
fn an_order_on_its_own_follows_the_same_table() {
    let alone = || {
        let mut record = Record::new();
        record.checkout.session = None;
        record
    };
    assert_eq!(alone().order(DEADLINE - 1), OrderStatus::ScanningDepositTransaction);
    assert_eq!(alone().order(DEADLINE), OrderStatus::Expired);
    let mut paid = alone();
    paid.report(payment(), LAST);
    assert_eq!(paid.order(DEADLINE), OrderStatus::Executing);
    let mut late = alone();
    late.report(payment(), LAST + 1);
    assert_eq!(late.order(DEADLINE), OrderStatus::Refunding);
}

// What counts as paid.

#[test]
fn deposits_that_fall_short_leave_the_session_open_until_they_add_up() {
    let mut record = Record::after([deposit("a", "60"), deposit("b", "39")]);
    assert_eq!(record.received(), "99");
    assert_eq!(record.at(IN_TIME), (OrderStatus::ScanningDepositTransaction, SessionStatus::Open));
    record.report(deposit("c", "1"), IN_TIME);
    assert_eq!(record.received(), "100");
    assert_eq!(record.at(IN_TIME), (OrderStatus::Executing, SessionStatus::Processing));
}

#[test]
fn more_than_asked_for_pays_as_well() {
    let mut record = Record::after([deposit("a", "250")]);
    assert_eq!(record.session(IN_TIME), SessionStatus::Processing);
    let paid_at = record.checkout.payment_state.paid_at;
    assert!(record.report(deposit("b", "1"), DEADLINE));
    assert_eq!(record.received(), "251");
    assert_eq!(record.checkout.payment_state.paid_at, paid_at);
    assert_eq!(record.at(DEADLINE), (OrderStatus::Executing, SessionStatus::Processing));
}

#[test]
fn a_deposit_on_another_chain_is_kept_and_pays_nothing() {
    let mut record = Record::new();
    assert!(record.report(deposit_on(ELSEWHERE, "a", MAX), IN_TIME));
    assert_eq!(record.transactions.len(), 1);
    assert_eq!(record.received(), "0");
    assert_eq!(record.at(IN_TIME), (OrderStatus::ScanningDepositTransaction, SessionStatus::Open));
    assert_eq!(record.at(DEADLINE), (OrderStatus::Refunding, SessionStatus::Expired));
}

#[test]
fn one_hash_on_two_chains_is_two_deposits() {
    let record = Record::after([deposit_on(ELSEWHERE, "a", "60"), deposit("a", "60")]);
    assert_eq!(record.transactions.len(), 2);
    assert_eq!(record.received(), "60");
}

#[test]
fn one_hash_of_every_kind_is_one_transaction_of_each() {
    let refund = TransactionKind::Refund { amount: amount("1"), status: RefundStatus::Failure };
    let relay = TransactionKind::Relay { status: RelayStatus::Pending };
    let record = Record::after([
        deposit("a", "100"),
        transaction(HERE, "a", OPENED, relay),
        execution_at("a", OPENED),
        transaction(HERE, "a", OPENED, refund),
    ]);
    assert_eq!(record.transactions.len(), 4);
    assert_eq!(record.at(IN_TIME), (OrderStatus::Executed, SessionStatus::Complete));
}

#[test]
fn the_largest_amount_is_paid_exactly() {
    let mut record = Record::over(MAX);
    record.report(deposit("a", MAX_LESS_ONE), IN_TIME);
    assert_eq!(record.session(IN_TIME), SessionStatus::Open);
    record.report(deposit("b", "1"), IN_TIME);
    assert_eq!(record.received(), MAX);
    assert_eq!(record.session(IN_TIME), SessionStatus::Processing);
}

#[test]
fn a_sum_beyond_the_largest_amount_does_not_wrap() {
    for price in [PRICE, MAX] {
        let mut record = Record::over(price);
        record.report(deposit("a", MAX_LESS_ONE), IN_TIME);
        record.report(deposit("b", MAX), IN_TIME);
        record.report(deposit("c", "1"), IN_TIME);
        assert_eq!(record.received(), MAX);
        assert_eq!(record.transactions.len(), 3);
        assert_eq!(record.at(IN_TIME), (OrderStatus::Executing, SessionStatus::Processing));
    }
}

#[test]
fn the_deposits_own_times_say_when_they_covered_the_order() {
    let at = |hash: &str, text: &str, created_at: i64| {
        let kind = TransactionKind::Deposit { from: None, amount: amount(text) };
        transaction(HERE, hash, created_at, kind)
    };
    let record = Record::after([at("c", "1", 3_000), at("b", "40", 2_000), at("a", "60", 1_000)]);
    let covered = |record: &Record| covered_at(&record.order, &record.transactions);
    assert_eq!(covered(&record), Some(Timestamp::from_millis(2_000)));
    let short = Record::after([at("a", "60", 1_000), deposit_on(ELSEWHERE, "b", "40")]);
    assert_eq!(covered(&short), None);
}

// The deadline, the margin before it, and the expire call.

#[test]
fn the_deadline_is_met_to_the_millisecond() {
    let empty = Record::new();
    let short = Record::after([deposit("a", "1")]);
    for record in [&empty, &short] {
        assert_eq!(record.at(DEADLINE - 1), (OrderStatus::ScanningDepositTransaction, SessionStatus::Open));
    }
    assert_eq!(empty.at(DEADLINE), (OrderStatus::Expired, SessionStatus::Expired));
    assert_eq!(short.at(DEADLINE), (OrderStatus::Refunding, SessionStatus::Expired));
}

#[test]
fn a_payment_just_before_the_margin_is_in_time() {
    let mut record = Record::new();
    record.report(payment(), DEADLINE - 501);
    assert_eq!(record.checkout.payment_state.paid_at, Some(Timestamp::from_millis(DEADLINE - 501)));
    for now in [DEADLINE - 501, DEADLINE - 1, DEADLINE, DEADLINE + 1_000_000] {
        assert_eq!(record.at(now), (OrderStatus::Executing, SessionStatus::Processing));
    }
}

#[test]
fn a_payment_within_the_margin_is_kept_and_pays_nothing() {
    // At the first of these instants a clock ahead by the whole bound shows the deadline.
    for now in [DEADLINE - 500, DEADLINE - 499, DEADLINE - 1] {
        let mut record = Record::new();
        assert_eq!(record.session(now + CLOCK_SKEW_BOUND_MS), SessionStatus::Expired);
        assert!(record.report(payment(), now));
        assert_eq!(record.received(), PRICE);
        assert_eq!(record.checkout.payment_state.paid_at, None);
        assert_eq!(record.at(now), (OrderStatus::ScanningDepositTransaction, SessionStatus::Open));
        assert_eq!(record.at(DEADLINE), (OrderStatus::Refunding, SessionStatus::Expired));
    }
}

#[test]
fn a_late_deposit_is_kept_and_pays_nothing() {
    let mut record = Record::after([deposit("a", "99")]);
    assert!(record.report(deposit("b", "1"), DEADLINE));
    assert_eq!(record.received(), "100");
    assert_eq!(record.transactions.len(), 2);
    assert_eq!(record.at(DEADLINE), (OrderStatus::Refunding, SessionStatus::Expired));
}

#[test]
fn an_execution_just_before_the_margin_completes_an_unpaid_order() {
    let mut record = Record::new();
    record.report(execution(), DEADLINE - 501);
    for now in [DEADLINE - 501, DEADLINE] {
        assert_eq!(record.at(now), (OrderStatus::Executed, SessionStatus::Complete));
    }
}

#[test]
fn an_execution_within_the_margin_completes_no_unpaid_order() {
    for now in [DEADLINE - 500, DEADLINE - 499, DEADLINE - 1] {
        let mut record = Record::new();
        assert!(record.report(execution(), now));
        assert_eq!(record.at(now), (OrderStatus::Executed, SessionStatus::Open));
        assert_eq!(record.at(DEADLINE), (OrderStatus::Executed, SessionStatus::Expired));
    }
}

#[test]
fn an_execution_completes_a_paid_order_however_late() {
    for now in [DEADLINE - 500, DEADLINE, DEADLINE + 1_000_000] {
        let mut record = Record::after([payment()]);
        record.report(execution(), now);
        assert_eq!(record.at(now), (OrderStatus::Executed, SessionStatus::Complete));
    }
}

#[test]
fn an_execution_reported_before_its_deposit_completes_an_open_session() {
    let mut record = Record::after([execution()]);
    assert_eq!(record.at(IN_TIME), (OrderStatus::Executed, SessionStatus::Complete));
    assert!(record.report(payment(), DEADLINE));
    assert_eq!(record.received(), PRICE);
    assert_eq!(record.at(DEADLINE), (OrderStatus::Executed, SessionStatus::Complete));
}

#[test]
fn an_expire_call_ends_an_open_session_at_once() {
    let mut empty = Record::new();
    assert!(empty.expire(IN_TIME));
    assert_eq!(empty.at(IN_TIME), (OrderStatus::Expired, SessionStatus::Expired));
    let mut short = Record::after([deposit("a", "99")]);
    assert!(short.expire(IN_TIME));
    assert_eq!(short.at(IN_TIME), (OrderStatus::Refunding, SessionStatus::Expired));
}

#[test]
fn an_expire_call_ends_nothing_but_an_open_session() {
    for events in [vec![payment()], vec![execution()], vec![failure()], vec![refund(RefundStatus::Success)]] {
        assert!(!Record::after(events).expire(IN_TIME));
    }
    assert!(!Record::new().expire(DEADLINE));
    let mut twice = Record::new();
    assert!(twice.expire(IN_TIME));
    assert!(!twice.expire(IN_TIME));
}

#[test]
fn a_payment_after_an_expire_call_is_kept_and_pays_nothing() {
    let mut record = Record::new();
    record.expire(IN_TIME);
    assert!(record.report(payment(), IN_TIME));
    assert_eq!(record.received(), PRICE);
    assert_eq!(record.at(IN_TIME), (OrderStatus::Refunding, SessionStatus::Expired));
}

#[test]
fn a_relay_makes_no_late_payment_good() {
    let mut record = Record::after([relay(RelayStatus::Success)]);
    record.expire(IN_TIME);
    record.report(payment(), IN_TIME);
    assert_eq!(record.at(IN_TIME), (OrderStatus::Refunding, SessionStatus::Expired));
}

// What has ended stays ended.

#[test]
fn an_execution_after_the_end_is_kept_and_the_session_stays_expired() {
    let expired_by_call = {
        let mut record = Record::new();
        record.expire(IN_TIME);
        record
    };
    for (mut record, now) in [
        (Record::new(), DEADLINE),
        (Record::after([deposit("a", "99")]), DEADLINE),
        (expired_by_call, IN_TIME),
        (Record::after([failure()]), IN_TIME),
        (Record::after([payment(), failure()]), IN_TIME),
        (Record::after([payment(), failure()]), DEADLINE),
        (Record::after([refund(RefundStatus::Success)]), IN_TIME),
        (Record::after([payment(), refund(RefundStatus::Success)]), IN_TIME),
    ] {
        let known = record.transactions.len();
        assert_eq!(record.session(now), SessionStatus::Expired);
        assert!(record.report(execution(), now));
        assert_eq!(record.transactions.len(), known + 1);
        assert_eq!(record.at(now), (OrderStatus::Executed, SessionStatus::Expired));
        // Nor does any other report bring it back.
        for event in [payment(), relay(RelayStatus::Success), execution_at("again", OPENED)] {
            record.report(event, now);
            assert_eq!(record.at(now), (OrderStatus::Executed, SessionStatus::Expired));
        }
    }
}

#[test]
fn a_payment_after_a_failure_is_kept_and_the_session_stays_expired() {
    let mut record = Record::after([failure(), payment()]);
    assert_eq!(record.received(), PRICE);
    assert_eq!(record.at(IN_TIME), (OrderStatus::Failure, SessionStatus::Expired));
    record.report(refund(RefundStatus::Success), IN_TIME);
    assert_eq!(record.at(IN_TIME), (OrderStatus::Refunded, SessionStatus::Expired));
}

#[test]
fn a_failure_or_refund_after_completion_leaves_the_session_complete() {
    for now in [IN_TIME, DEADLINE] {
        let mut record = Record::after([payment(), execution()]);
        for event in [failure(), refund(RefundStatus::Failure), refund(RefundStatus::Success)] {
            assert!(record.report(event, now));
            assert_eq!(record.at(now), (OrderStatus::Executed, SessionStatus::Complete));
        }
    }
}

#[test]
fn a_failure_after_the_deadline_is_kept() {
    let mut record = Record::new();
    assert!(record.report(failure(), DEADLINE));
    assert_eq!(record.at(DEADLINE), (OrderStatus::Failure, SessionStatus::Expired));
}

// Two reports of one thing.

#[test]
fn a_repeated_fact_is_no_news() {
    for event in [
        payment(),
        deposit("a", "1"),
        deposit_on(ELSEWHERE, "a", "1"),
        relay(RelayStatus::Pending),
        execution(),
        refund(RefundStatus::Failure),
        refund(RefundStatus::Success),
        failure(),
    ] {
        for now in [IN_TIME, LAST + 1, DEADLINE] {
            let mut record = Record::new();
            assert!(record.report(event.clone(), now));
            let before = record.checkout.clone();
            assert!(!record.report(event.clone(), now));
            assert!(!record.report(event.clone(), DEADLINE + 1));
            assert_eq!(record.checkout, before);
        }
    }
}

#[test]
fn an_evm_hash_in_another_case_is_the_same_deposit() {
    let record = Record::after(["1abc", "1ABC", "1aBc"].map(|digits| deposit(&evm(digits), "60")));
    assert_eq!(record.transactions.len(), 1);
    assert_eq!(record.received(), "60");
    assert_eq!(record.session(IN_TIME), SessionStatus::Open);
}

#[test]
fn other_hashes_are_told_apart_by_case() {
    let record = Record::after([deposit("5VERv8", "60"), deposit("5verv8", "60")]);
    assert_eq!(record.transactions.len(), 2);
    assert_eq!(record.received(), "120");
}

#[test]
fn the_larger_report_of_a_deposit_counts() {
    let mut record = Record::after([deposit("a", "60")]);
    assert!(!record.report(deposit("a", "59"), IN_TIME));
    assert_eq!(record.received(), "60");
    assert!(record.report(deposit("a", "100"), IN_TIME));
    assert_eq!(record.received(), "100");
    assert_eq!(record.transactions.len(), 1);
    assert_eq!(record.session(IN_TIME), SessionStatus::Processing);
    assert!(!record.report(deposit("a", "60"), IN_TIME));
    assert_eq!(record.session(IN_TIME), SessionStatus::Processing);
}

#[test]
fn the_later_stage_of_a_relay_counts_in_either_order() {
    let stages = [RelayStatus::Pending, RelayStatus::Success];
    let forwards = Record::after(stages.map(relay));
    let mut backwards = Record::after([relay(RelayStatus::Success)]);
    assert!(!backwards.report(relay(RelayStatus::Pending), IN_TIME));
    for record in [forwards, backwards] {
        let kinds: Vec<_> = record.transactions.iter().map(|t| &t.kind).collect();
        let success = TransactionKind::Relay { status: RelayStatus::Success };
        assert_eq!(kinds, [&success]);
    }
}

#[test]
fn a_refund_that_arrived_is_not_undone_by_an_older_report() {
    let mut record = Record::after([refund(RefundStatus::Success)]);
    assert!(!record.report(refund(RefundStatus::Failure), IN_TIME));
    assert_eq!(record.order(IN_TIME), OrderStatus::Refunded);
}

#[test]
fn the_details_of_an_execution_add_up() {
    let with = |actual: Option<&str>, points: Option<&str>| {
        let kind = TransactionKind::Execution {
            actual_dst_amount: actual.map(amount),
            relay: None,
            points: points.map(|points| Points::parse(points).unwrap()),
        };
        transaction(HERE, "executed", OPENED, kind)
    };
    let parts = [with(Some("99"), None), with(None, Some("7"))];
    let whole = Record::after([with(Some("99"), Some("7"))]);
    let forwards = Record::after(parts.clone());
    let backwards = Record::after(parts.into_iter().rev());
    assert_eq!(forwards.transactions, whole.transactions);
    assert_eq!(backwards.transactions, whole.transactions);
}

#[test]
fn of_two_reports_of_one_execution_the_first_moment_counts() {
    for [one, other] in [[1, 2], [2, 1]] {
        let record = Record::after([execution_at("a", OPENED + one), execution_at("a", OPENED + other)]);
        let moments: Vec<_> = record.transactions.iter().map(|t| t.created_at).collect();
        assert_eq!(moments, [Timestamp::from_millis(OPENED + 1)]);
    }
}

#[test]
fn two_executions_are_both_kept() {
    let mut record = Record::after([execution_at("a", OPENED + 2)]);
    assert!(record.report(execution_at("b", OPENED + 1), IN_TIME));
    assert_eq!(record.transactions.len(), 2);
    assert_eq!(record.at(IN_TIME), (OrderStatus::Executed, SessionStatus::Complete));
}

#[test]
fn of_two_failures_the_same_one_is_kept_in_either_order() {
    let reasons = ["no route", "no liquidity"].map(failure_because);
    let forwards = Record::after(reasons.clone());
    let backwards = Record::after(reasons.into_iter().rev());
    assert_eq!(forwards.checkout.payment_state, backwards.checkout.payment_state);
}

// Random histories.

/// Half the bound: how far a clock may be from the true time.
const SKEW: i64 = CLOCK_SKEW_BOUND_MS / 2;
/// How far each reader's clock is ahead.
const READERS: [i64; 5] = [-SKEW, -1, 0, 1, SKEW];

/// What happens to a checkout at one instant of the true time.
#[derive(Debug, Clone)]
struct Step {
    at: i64,
    /// How far the writer's clock is ahead.
    ahead: i64,
    deed: Deed,
}

impl Step {
    /// What the writer's clock shows.
    fn now(&self) -> i64 {
        self.at + self.ahead
    }
}

#[derive(Debug, Clone)]
enum Deed {
    Report(PaymentEvent),
    Expire,
    /// Nothing but reading.
    Look,
}

fn config() -> Config {
    Config { cases: 2_000, failure_persistence: None, ..Config::default() }
}

/// A fact; few distinct ones, so that they meet.
fn fact() -> impl Strategy<Value = PaymentEvent> {
    let bare = evm("1aBc").replace("0x", "");
    let hashes = [&evm("1abc"), &evm("1ABC"), &bare, "5VERv8", "5verv8"].map(ToOwned::to_owned);
    let amounts = vec!["0", "1", "40", "60", "99", "100", "101", MAX_LESS_ONE, MAX];
    let amounts = select(amounts).prop_map(amount);
    let from = proptest::option::of(select(vec!["alice", "bob"]))
        .prop_map(|from| from.map(|from| Text::parse(from.to_owned()).unwrap()));
    let deposit =
        (from.clone(), amounts.clone()).prop_map(|(from, amount)| TransactionKind::Deposit { from, amount });
    let log = (0..3u64, from, amounts.clone())
        .prop_map(|(log_index, from, amount)| TransactionKind::DepositLog { log_index, from, amount });
    let relay = select(vec![
        RelayStatus::Waiting,
        RelayStatus::Pending,
        RelayStatus::Delayed,
        RelayStatus::Refund,
        RelayStatus::Failure,
        RelayStatus::Success,
    ])
    .prop_map(|status| TransactionKind::Relay { status });
    let details = (
        proptest::option::of(amounts.clone()),
        any::<bool>(),
        proptest::option::of(select(vec!["0", "7", "12.5"])),
    );
    let execution = details.prop_map(|(actual_dst_amount, relay, points)| TransactionKind::Execution {
        actual_dst_amount,
        relay: relay.then(JsonObject::empty),
        points: points.map(|points| Points::parse(points).unwrap()),
    });
    let refund = (amounts, select(vec![RefundStatus::Failure, RefundStatus::Success]))
        .prop_map(|(amount, status)| TransactionKind::Refund { amount, status });
    let kind = prop_oneof![6 => deposit, 4 => log, 2 => relay, 2 => execution, 2 => refund];
    let chains = prop_oneof![4 => Just(HERE), 1 => Just(ELSEWHERE)];
    let transaction = (chains, select(hashes.to_vec()), 0..3i64, kind)
        .prop_map(|(chain, hash, created_at, kind)| transaction(chain, &hash, OPENED + created_at, kind));
    let failure = select(vec!["no route", "no liquidity"]).prop_map(failure_because);
    prop_oneof![14 => transaction, 1 => failure]
}

/// An instant of the true time; those around the deadline are the telling ones.
fn instant() -> impl Strategy<Value = i64> {
    prop_oneof![
        3 => OPENED + SKEW..DEADLINE - 1_000,
        2 => DEADLINE - 1_000..DEADLINE + 1_000,
        // When the fastest clock passes the deadline.
        1 => DEADLINE - SKEW - 1..=DEADLINE - SKEW + 1,
        1 => DEADLINE + 1_000..DEADLINE + 10_000_000,
    ]
}

fn ahead() -> impl Strategy<Value = i64> {
    prop_oneof![1 => Just(-SKEW), 1 => Just(SKEW), 2 => -SKEW..=SKEW]
}

/// What happens to a checkout, in the order of the true time: facts, some of them more than
/// once, an expire call or none, and readers who look at the instants that tell most.
fn history() -> impl Strategy<Value = Vec<Step>> {
    let reports = prop::collection::vec((any::<Index>(), instant(), ahead()), 0..12);
    let expire = proptest::option::weighted(0.4, (instant(), ahead()));
    let looks = prop::collection::vec(instant(), 0..4);
    (prop::collection::vec(fact(), 1..8), reports, expire, looks).prop_map(
        |(facts, reports, expire, looks)| {
            let reports = reports.into_iter().map(|(fact, at, ahead)| Step {
                at,
                ahead,
                deed: Deed::Report(fact.get(&facts).clone()),
            });
            let expire = expire.map(|(at, ahead)| Step { at, ahead, deed: Deed::Expire });
            // The instants at which the fastest, the true and the slowest clock pass the deadline.
            let telling =
                [-SKEW - 1, -SKEW, -1, 0, SKEW - 1, SKEW, 100_000_000].map(|after| DEADLINE + after);
            let looks = looks.into_iter().chain(telling).map(|at| Step { at, ahead: 0, deed: Deed::Look });
            let mut steps: Vec<Step> = reports.chain(expire).chain(looks).collect();
            steps.sort_by_key(|step| step.at);
            steps
        },
    )
}

/// What all the reports say, without the code under test: each transaction once, at the larger of its largest total and
/// the sum of its transfers, each of them at its largest. The failure and what was decided are left out.
fn sum_of<'a>(reports: impl IntoIterator<Item = &'a Transaction>) -> PaymentState {
    let mut sum = PaymentState::default();
    let (mut totals, mut logs, mut refunds) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for report in reports {
        match &report.kind {
            TransactionKind::Deposit { amount, .. } => {
                let largest = totals.entry(identity(report)).or_insert(*amount);
                *largest = (*largest).max(*amount);
            }
            TransactionKind::DepositLog { log_index, amount, .. } => {
                let largest = logs.entry((identity(report), *log_index)).or_insert(*amount);
                *largest = (*largest).max(*amount);
            }
            TransactionKind::Relay { .. } => sum.relayed = true,
            TransactionKind::Execution { .. } => sum.executed = true,
            TransactionKind::Refund { status: RefundStatus::Success, amount } => {
                sum.refunded = true;
                let largest = refunds.entry(identity(report)).or_insert(*amount);
                *largest = (*largest).max(*amount);
            }
            TransactionKind::Refund { status: RefundStatus::Failure, amount: _ } => {}
        }
    }
    let mut sums: BTreeMap<_, Amount> = BTreeMap::new();
    for ((transaction, _), amount) in logs {
        let sum = sums.entry(transaction).or_insert(Amount::ZERO);
        *sum = sum.saturating_add(amount);
    }
    let mut deposits = totals;
    for (transaction, sum) in sums {
        let amount = deposits.entry(transaction).or_insert(sum);
        *amount = (*amount).max(sum);
    }
    let returned = refunds.iter().filter(|((chain, _), _)| *chain == HERE);
    sum.returned = Some(returned.fold(Amount::ZERO, |sum, (_, amount)| sum.saturating_add(*amount)));
    sum.deposited = deposits.values().any(|amount| *amount != Amount::ZERO);
    sum.received = deposits
        .iter()
        .filter(|((chain, _), _)| *chain == HERE)
        .fold(Amount::ZERO, |sum, (_, amount)| sum.saturating_add(*amount));
    sum
}

/// What tells a transaction from others of its kind.
fn identity(transaction: &Transaction) -> (u64, String) {
    let hash = transaction.hash.as_str().trim_start_matches("0x");
    let hash = if hash.len() == 64 { hash.to_lowercase() } else { hash.to_owned() };
    (transaction.chain.as_u64(), hash)
}

/// Whether the deposits less the refunds fall short.
fn is_short(sum: &PaymentState) -> bool {
    sum.received.saturating_sub(sum.returned.unwrap()) < amount(PRICE)
}

/// A history as the contract tells it: what was reported, and whether it paid in time.
#[derive(Debug, Default)]
struct Story {
    reports: Vec<Transaction>,
    failures: Vec<Text<4096>>,
    paid: bool,
    called_off: bool,
}

impl Story {
    fn hear(&mut self, event: PaymentEvent, now: i64) {
        match event {
            PaymentEvent::Transaction(report) => self.reports.push(report),
            PaymentEvent::OrderFailed(details) => self.failures.push(details),
            PaymentEvent::Card(_) => unreachable!("these stories have no card"),
        }
        let covered = sum_of(&self.reports).received >= amount(PRICE);
        self.paid |= covered && !self.called_off && now <= LAST;
    }

    /// The first row of the contract's table that fits.
    fn order_status(&self, now: i64) -> OrderStatus {
        let sum = sum_of(&self.reports);
        let over = self.called_off || now >= DEADLINE;
        let rows = [
            (sum.executed, OrderStatus::Executed),
            (sum.refunded && is_short(&sum), OrderStatus::Refunded),
            (!self.failures.is_empty(), OrderStatus::Failure),
            (self.paid && sum.relayed, OrderStatus::Relay),
            (self.paid, OrderStatus::Executing),
            (over && sum.deposited, OrderStatus::Refunding),
            (over, OrderStatus::Expired),
        ];
        rows.into_iter()
            .find_map(|(fits, status)| fits.then_some(status))
            .unwrap_or(OrderStatus::ScanningDepositTransaction)
    }
}

/// The arrows of the contract's opening diagram, with the one that an execution takes where
/// it is reported before its deposit.
fn is_arrow(from: SessionStatus, to: SessionStatus) -> bool {
    match from {
        SessionStatus::Open => true,
        SessionStatus::Processing => to != SessionStatus::Open,
        SessionStatus::Complete | SessionStatus::Expired => to == from,
    }
}

/// What readers have answered so far.
#[derive(Debug, Default)]
struct Answers {
    /// Each reader's last.
    each: [Option<SessionStatus>; READERS.len()],
    /// Anybody's, as far as it went.
    furthest: Option<SessionStatus>,
}

impl Answers {
    /// Lets every reader answer at one instant of the true time.
    fn look(&mut self, record: &Record, at: i64) -> Result<(), TestCaseError> {
        for (ahead, last) in READERS.iter().zip(&mut self.each) {
            let now = at + ahead;
            let seen = record.session(now);
            if let Some(last) = last.replace(seen) {
                prop_assert!(is_arrow(last, seen), "a reader saw {last:?}, then {seen:?}");
            }
            // A deadline passes on one clock after the other: a slow reader may still answer
            // `open` where a fast one has answered `expired`. Only nothing may come of it.
            let deadline_only =
                record.checkout.expired_at.is_none() && record.checkout.payment_state.outcome.is_none();
            match self.furthest {
                Some(SessionStatus::Expired)
                    if seen == SessionStatus::Open && deadline_only && now < DEADLINE => {}
                Some(furthest) => {
                    prop_assert!(is_arrow(furthest, seen), "{furthest:?} was answered, then {seen:?}");
                    self.furthest = Some(seen);
                }
                None => self.furthest = Some(seen),
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_reader_sees_a_session_move_but_along_the_arrows(history in history()) {
        let mut record = Record::new();
        let mut answers = Answers::default();
        for step in history {
            answers.look(&record, step.at)?;
            let now = step.now();
            match step.deed {
                Deed::Report(event) => {
                    record.report(event, now);
                }
                Deed::Expire => {
                    record.expire(now);
                }
                Deed::Look => {}
            }
            answers.look(&record, step.at)?;
        }
        prop_assert!(record.session(i64::MAX) != SessionStatus::Open);
    }

    #[test]
    fn the_facts_decide_and_none_is_lost(history in history(), any_time: i64) {
        let mut record = Record::new();
        let mut story = Story::default();
        for step in history {
            let now = step.now();
            let before = record.checkout.payment_state.clone();
            match step.deed {
                Deed::Report(event) => {
                    record.report(event.clone(), now);
                    let known = record.clone();
                    prop_assert!(!record.report(event.clone(), now), "repeated at once");
                    prop_assert!(!record.report(event.clone(), now + 1), "repeated later");
                    prop_assert_eq!(&record.checkout, &known.checkout);
                    story.hear(event, now);
                }
                Deed::Expire => story.called_off |= record.expire(now),
                Deed::Look => {}
            }
            let payment_state = &record.checkout.payment_state;

            // The payment state is the sum of what is kept, and what is kept of what was reported.
            let summed = PaymentState { failure: None, paid_at: None, outcome: None, ..payment_state.clone() };
            prop_assert_eq!(&summed, &sum_of(&record.transactions));
            prop_assert_eq!(&summed, &sum_of(&story.reports));
            prop_assert_eq!(payment_state.failure.is_some(), !story.failures.is_empty());
            prop_assert!(payment_state.failure.iter().all(|details| story.failures.contains(details)));

            // No report is lost.
            for report in &story.reports {
                let is_kept = record.transactions.iter().any(|kept| {
                    identity(kept) == identity(report) && tells_as_much(&kept.kind, &report.kind)
                });
                prop_assert!(is_kept, "{report:?} is lost");
            }

            // What was decided stays decided.
            prop_assert!(before.paid_at.is_none() || payment_state.paid_at == before.paid_at);
            prop_assert!(before.outcome.is_none() || payment_state.outcome == before.outcome);
            prop_assert_eq!(payment_state.paid_at.is_some(), story.paid);

            for now in [now, LAST, LAST + 1, DEADLINE - 1, DEADLINE, i64::MIN, i64::MAX, any_time] {
                let (order, session) = record.at(now);
                prop_assert_eq!(order, story.order_status(now));
                prop_assert!(
                    fits(&record.checkout.payment_state, order, session, now),
                    "{order:?} with {session:?}"
                );
            }
        }
    }

    #[test]
    fn the_order_and_the_number_of_reports_do_not_matter(
        (facts, again) in two_tellings(),
        now in prop_oneof![3 => Just(IN_TIME), 1 => Just(LAST), 1 => Just(LAST + 1), 1 => Just(DEADLINE)],
        called_off in proptest::bool::weighted(0.2),
    ) {
        let mut records = [Record::new(), Record::new()];
        for (record, facts) in records.iter_mut().zip([facts, again]) {
            if called_off {
                record.expire(now);
            }
            for event in facts {
                record.report(event, now);
            }
        }
        let [one, other] = records;
        prop_assert!(one.knows_the_same_as(&other), "{:?}\n{:?}", one.transactions, other.transactions);
        let covered = |record: &Record| covered_at(&record.order, &record.transactions);
        prop_assert_eq!(covered(&one), covered(&other));
        let (payment_state, other_payment_state) = (&one.checkout.payment_state, &other.checkout.payment_state);
        // A refund may end the session before the excess that it returns is reported.
        let may_have_ended = payment_state.refunded && !payment_state.is_refunded(&one.order);
        let is_contested = may_have_ended || payment_state.executed && (payment_state.refunded || payment_state.failure.is_some());
        if is_contested {
            let outcome = payment_state.outcome;
            prop_assert_eq!(payment_state, &PaymentState { outcome, ..other_payment_state.clone() });
        } else {
            prop_assert_eq!(payment_state, other_payment_state);
        }
        for later in [now, DEADLINE - 1, DEADLINE] {
            prop_assert_eq!(one.order(later), other.order(later));
            prop_assert!(is_contested || one.session(later) == other.session(later));
        }
    }
}

/// Whether a kept transaction says at least what a report of it said.
fn tells_as_much(kept: &TransactionKind, reported: &TransactionKind) -> bool {
    match (kept, reported) {
        (
            TransactionKind::Deposit { amount: kept, .. },
            TransactionKind::Deposit { amount: reported, .. },
        ) => kept >= reported,
        (
            TransactionKind::DepositLog { log_index: kept_index, amount: kept, .. },
            TransactionKind::DepositLog { log_index, amount: reported, .. },
        ) => kept_index == log_index && kept >= reported,
        (TransactionKind::Relay { status: kept }, TransactionKind::Relay { status: reported }) => {
            kept >= reported
        }
        (TransactionKind::Refund { status: kept, .. }, TransactionKind::Refund { status: reported, .. }) => {
            kept >= reported
        }
        (
            TransactionKind::Execution { actual_dst_amount: kept, .. },
            TransactionKind::Execution { actual_dst_amount: reported, .. },
        ) => kept >= reported,
        (_, _) => false,
    }
}

/// Whether a row of the contract's table holds. Two things leave the table, because they move the order
/// and the session not at all: an execution that came too late to complete its session, and a deposit that came
/// after a refund had ended the session, and of which that refund was the excess.
fn fits(payment_state: &PaymentState, order: OrderStatus, session: SessionStatus, now: i64) -> bool {
    if payment_state.refunded && payment_state.outcome == Some(Outcome::Expired) {
        return session == SessionStatus::Expired;
    }
    match order {
        OrderStatus::Executed => match payment_state.outcome {
            Some(Outcome::Complete) => session == SessionStatus::Complete,
            Some(Outcome::Expired) => session == SessionStatus::Expired,
            None => session == SessionStatus::Expired || (session == SessionStatus::Open && now < DEADLINE),
        },
        OrderStatus::Relay | OrderStatus::Executing => session == SessionStatus::Processing,
        OrderStatus::Refunded | OrderStatus::Failure | OrderStatus::Refunding | OrderStatus::Expired => {
            session == SessionStatus::Expired
        }
        OrderStatus::WaitingStripePayment | OrderStatus::ScanningDepositTransaction => {
            session == SessionStatus::Open
        }
    }
}

/// The same facts told twice: once as they come, once in another order and some repeated.
fn two_tellings() -> impl Strategy<Value = (Vec<PaymentEvent>, Vec<PaymentEvent>)> {
    let facts = prop::collection::vec(fact(), 1..8);
    let repeated = prop::collection::vec(any::<Index>(), 0..5);
    (facts, repeated).prop_flat_map(|(facts, repeated)| {
        let more = repeated.iter().map(|which| which.get(&facts).clone());
        let again: Vec<_> = facts.iter().cloned().chain(more).collect();
        (Just(facts), Just(again).prop_shuffle())
    })
}

//! What the chain shows, and what a processor reports, under one set of rules: by example and by property.

#![expect(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that meets what it does not expect must fail"
)]

use domain::address::EvmAddress;
use domain::amount::Amount;
use domain::chain_fact::{ChainFact, ChainFactKind, ChainTotals, transactions, with_reported};
use domain::id::{OrderId, SessionId};
use domain::json_object::JsonObject;
use domain::lifecycle::{Checkout, ExpireRefusal};
use domain::order::{ChainId, Order, OrderKind, OrderStatus, OrderTerms};
use domain::payment::{PaymentEvent, Transaction, TransactionKind, TxHash, by_transaction};
use domain::payment_state::PaymentState;
use domain::session::{CheckoutSession, SessionStatus, SessionTerms};
use domain::settlement::NextStep;
use domain::text::Text;
use domain::time::Timestamp;
use proptest::prelude::*;

const OPENED: i64 = 1_800_000_000_000;
const DEADLINE: i64 = OPENED + 1_800_000;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn amount(units: u64) -> Amount {
    Amount::parse(&units.to_string()).unwrap()
}

fn hash(name: u64) -> TxHash {
    TxHash::parse(format!("0x{name:064x}")).unwrap()
}

/// An order of 100 units on chain 1, linked to a session.
struct Story {
    checkout: Checkout,
    order: Order,
    reported: Vec<Transaction>,
    on_chain: Vec<ChainFact>,
}

impl Story {
    fn begin() -> Self {
        let id = SessionId::parse("7b1c2a34-5d6e-4f80-91a2-b3c4d5e6f708").unwrap();
        let account = |digit: &str| EvmAddress::parse(&format!("0x{}", digit.repeat(40))).unwrap();
        let terms = OrderTerms {
            kind: OrderKind::Swap,
            recipient: account("1"),
            src_chain: ChainId::parse(1).unwrap(),
            dst_chain: ChainId::parse(1).unwrap(),
            src_token: account("2"),
            dst_token: account("2"),
            src_amount: amount(100),
            expected_dst_amount: amount(100),
            metadata: None,
            onramp: None,
            creator_address: None,
            partner_id: None,
            callback_metadata: None,
            client_reference_id: None,
        };
        let order = Order {
            id: OrderId::from_bytes([7; 16]),
            terms,
            deposit_address: "0x31befe53c658e1253d72f2dacd7dfaf471c86652".to_owned(),
            factory: None,
            is_watched: true,
            created_at: at(OPENED),
            merchant: None,
        };
        let terms = SessionTerms {
            success_url: None,
            cancel_url: None,
            metadata: JsonObject::empty(),
            client_reference_id: None,
        };
        let checkout = Checkout {
            session: Some(CheckoutSession { id, terms, merchant: None, created_at: at(OPENED) }),
            order: Some(order.clone()),
            deadline: at(DEADLINE),
            expired_at: None,
            payment_state: PaymentState::default(),
            version: 0,
        };
        Self { checkout, order, reported: Vec::new(), on_chain: Vec::new() }
    }

    /// The chain shows this, and nothing else.
    fn sees(&mut self, facts: Vec<ChainFact>, now: i64) {
        self.checkout.payment_state = self.checkout.observe(&self.order, &self.reported, &facts, at(now));
        self.checkout.version += 1;
        self.on_chain = facts;
    }

    /// A processor reports a deposit.
    fn hears_of(&mut self, deposit: Transaction, now: i64) {
        let event = PaymentEvent::Transaction(deposit);
        let Some(recorded) =
            self.checkout.record(&self.order, &self.reported, &self.on_chain, event, at(now))
        else {
            return;
        };
        self.checkout.payment_state = recorded.payment_state;
        let transaction = recorded.transaction.unwrap();
        self.reported.retain(|stored| !stored.is_same_as(&transaction));
        self.reported.push(transaction);
    }

    fn session(&self, now: i64) -> SessionStatus {
        self.checkout.session_status(at(now))
    }

    fn order(&self, now: i64) -> OrderStatus {
        self.checkout.order_status(&self.order, at(now))
    }
}

fn deposit(name: u64, units: u64, block: u64, is_final: bool) -> ChainFact {
    let from = Text::parse("0xpayer".to_owned()).unwrap();
    let kind = ChainFactKind::Deposit { from, amount: amount(units) };
    ChainFact { hash: hash(name), block, at: time_of(block), is_final, kind }
}

fn sweep(name: u64, units: u64, block: u64, is_final: bool) -> ChainFact {
    let kind = ChainFactKind::Sweep { amount: amount(units), arrived: amount(units) };
    ChainFact { hash: hash(name), block, at: time_of(block), is_final, kind }
}

/// A settlement of ours that failed, in a transaction that paid another recipient or none.
fn failed(name: u64, block: u64, others_were_paid: bool) -> ChainFact {
    let reason = Text::parse("blocked".to_owned()).unwrap();
    let kind = ChainFactKind::SweepFailed { reason, others_were_paid };
    ChainFact { hash: hash(name), block, at: time_of(block), is_final: true, kind }
}

/// A block a second.
fn time_of(block: u64) -> Timestamp {
    at(OPENED + i64::try_from(block).unwrap() * 1000)
}

fn reported(name: u64, units: u64) -> Transaction {
    Transaction {
        chain: ChainId::parse(1).unwrap(),
        hash: hash(name),
        created_at: at(OPENED),
        kind: TransactionKind::Deposit { from: None, amount: amount(units) },
    }
}

const IN_TIME: i64 = OPENED + 60_000;
const AFTER: i64 = DEADLINE + 60_000;

#[test]
fn a_deposit_pays_once_it_is_final() {
    let mut story = Story::begin();
    story.sees(vec![deposit(1, 100, 10, false)], IN_TIME);
    assert_eq!(story.session(IN_TIME), SessionStatus::Open);
    story.sees(vec![deposit(1, 100, 10, true)], IN_TIME);
    assert_eq!(story.session(IN_TIME), SessionStatus::Processing);
}

#[test]
fn a_sweep_of_what_was_paid_completes_the_session_once_it_is_final() {
    let mut story = Story::begin();
    story.sees(vec![deposit(1, 100, 10, true)], IN_TIME);
    story.sees(vec![deposit(1, 100, 10, true), sweep(2, 100, 12, false)], IN_TIME);
    assert_eq!(story.session(IN_TIME), SessionStatus::Processing);
    story.sees(vec![deposit(1, 100, 10, true), sweep(2, 100, 12, true)], IN_TIME);
    assert_eq!(story.session(AFTER), SessionStatus::Complete);
    assert_eq!(story.order(AFTER), OrderStatus::Executed);
}

#[test]
fn sweeping_a_part_executes_nothing() {
    let mut story = Story::begin();
    story.sees(vec![deposit(1, 1, 10, true), sweep(2, 1, 11, true)], IN_TIME);
    assert_eq!(story.session(IN_TIME), SessionStatus::Open);
    story.sees(vec![deposit(1, 1, 10, true), sweep(2, 1, 11, true), deposit(3, 99, 20, true)], IN_TIME);
    assert_eq!(story.session(IN_TIME), SessionStatus::Processing);
    let all = vec![
        deposit(1, 1, 10, true),
        sweep(2, 1, 11, true),
        deposit(3, 99, 20, true),
        sweep(4, 99, 22, true),
    ];
    story.sees(all, IN_TIME);
    assert_eq!(story.session(IN_TIME), SessionStatus::Complete);
    let execution = transactions(&story.order, &story.on_chain).pop().unwrap();
    assert_eq!(execution.hash, hash(4));
    let TransactionKind::Execution { actual_dst_amount, .. } = execution.kind else { panic!() };
    assert_eq!(actual_dst_amount, Some(amount(100)));
}

#[test]
fn what_was_seen_before_the_deadline_holds_the_session_until_it_is_final() {
    let mut story = Story::begin();
    story.sees(vec![deposit(1, 100, 1799, false)], DEADLINE - 1000);
    assert_eq!(story.session(DEADLINE - 1), SessionStatus::Open);
    assert_eq!(story.session(DEADLINE), SessionStatus::Processing);
    assert_eq!(story.order(DEADLINE), OrderStatus::Executing);
    story.sees(vec![deposit(1, 100, 1799, true)], AFTER);
    assert_eq!(story.session(AFTER), SessionStatus::Processing);
    assert!(story.checkout.payment_state.paid_at.is_some());
}

#[test]
fn what_was_seen_before_the_deadline_and_is_taken_back_expires_the_session() {
    let mut story = Story::begin();
    story.sees(vec![deposit(1, 100, 1799, false)], DEADLINE - 1000);
    story.sees(vec![], AFTER);
    assert_eq!(story.session(AFTER), SessionStatus::Expired);
    // It comes back, but somebody may have seen the session expired.
    story.sees(vec![deposit(1, 100, 1799, true)], AFTER + 1);
    assert_eq!(story.session(AFTER + 1), SessionStatus::Expired);
    assert_eq!(story.order(AFTER + 1), OrderStatus::Refunding);
}

#[test]
fn what_is_seen_within_the_margin_of_the_deadline_is_late() {
    let mut story = Story::begin();
    story.sees(vec![deposit(1, 100, 1799, false)], DEADLINE - 500);
    assert_eq!(story.session(DEADLINE), SessionStatus::Expired);
}

#[test]
fn a_session_that_was_called_off_is_not_held() {
    let mut story = Story::begin();
    story.checkout = story.checkout.expire(at(IN_TIME)).unwrap();
    assert_eq!(story.session(IN_TIME), SessionStatus::Expired);
    for is_final in [false, true] {
        story.sees(vec![deposit(1, 100, 10, is_final)], IN_TIME);
        assert_eq!(story.session(AFTER), SessionStatus::Expired);
    }
}

#[test]
fn a_session_whose_order_is_covered_by_pending_deposits_cannot_be_called_off() {
    let mut story = Story::begin();
    story.sees(vec![deposit(1, 99, 10, false)], IN_TIME);
    assert!(story.checkout.expire(at(IN_TIME)).is_ok());
    story.sees(vec![deposit(1, 99, 10, false), deposit(2, 1, 11, false)], IN_TIME);
    assert_eq!(story.session(IN_TIME), SessionStatus::Open);
    assert_eq!(story.checkout.expire(at(IN_TIME)), Err(ExpireRefusal::PaymentPending));
    // A reorganisation takes the payment back.
    story.sees(vec![], IN_TIME);
    assert!(story.checkout.expire(at(IN_TIME)).is_ok());
}

/// One transfer of the same chain's transaction, as a processor reports it.
fn reported_log(name: u64, log_index: u64, units: u64) -> Transaction {
    let kind = TransactionKind::DepositLog { log_index, from: None, amount: amount(units) };
    Transaction { kind, ..reported(name, units) }
}

#[test]
fn transfers_that_are_reported_and_seen_on_the_chain_count_once() {
    for is_final in [false, true] {
        let mut story = Story::begin();
        story.hears_of(reported_log(1, 4, 40), IN_TIME);
        story.hears_of(reported_log(1, 7, 20), IN_TIME);
        story.sees(vec![deposit(1, 60, 10, is_final)], IN_TIME);
        assert_eq!(story.checkout.payment_state.received, amount(60));
        assert_eq!(story.session(IN_TIME), SessionStatus::Open);
        let totals = ChainTotals::of(&story.on_chain, &by_transaction(&story.reported), at(DEADLINE));
        assert_eq!(totals.pending(), amount(0));
    }
}

#[test]
fn a_hash_without_0x_is_the_one_that_the_chain_shows() {
    for is_final in [false, true] {
        let mut story = Story::begin();
        let bare = TxHash::parse(format!("{:064X}", 1)).unwrap();
        story.hears_of(Transaction { hash: bare, ..reported(1, 60) }, IN_TIME);
        story.sees(vec![deposit(1, 60, 10, is_final)], IN_TIME);
        assert_eq!(story.checkout.payment_state.received, amount(60));
        assert_eq!(with_reported(&story.order, &story.reported, &story.on_chain).len(), 1);
        assert_eq!(story.session(IN_TIME), SessionStatus::Open);
    }
}

#[test]
fn a_payment_that_a_reorganisation_takes_back_pays_no_more() {
    let mut story = Story::begin();
    story.sees(vec![deposit(1, 100, 10, true)], IN_TIME);
    story.sees(vec![], IN_TIME);
    assert_eq!(story.session(IN_TIME), SessionStatus::Open);
    assert_eq!(story.session(AFTER), SessionStatus::Expired);
}

#[test]
fn a_payment_that_only_moved_to_another_block_still_pays() {
    let mut story = Story::begin();
    story.sees(vec![deposit(1, 100, 10, true)], IN_TIME);
    story.sees(vec![deposit(1, 100, 14, false)], IN_TIME);
    assert_eq!(story.session(AFTER), SessionStatus::Processing);
}

#[test]
fn one_deposit_from_both_sources_counts_once() {
    for is_final in [false, true] {
        let mut story = Story::begin();
        story.hears_of(reported(1, 60), IN_TIME);
        story.sees(vec![deposit(1, 60, 10, is_final)], IN_TIME);
        assert_eq!(story.checkout.payment_state.received, amount(60));
        assert_eq!(story.checkout.payment_state.pending_since, None);
        assert_eq!(story.session(DEADLINE), SessionStatus::Expired);
    }
}

#[test]
fn a_reported_deposit_that_the_chain_does_not_show_is_kept() {
    let mut story = Story::begin();
    story.hears_of(reported(1, 100), IN_TIME);
    story.sees(vec![], IN_TIME);
    assert_eq!(story.session(IN_TIME), SessionStatus::Processing);
    assert_eq!(with_reported(&story.order, &story.reported, &story.on_chain).len(), 1);
}

/// Six hours, in blocks of a second.
const SIX_HOURS: u64 = 6 * 3600;

#[test]
fn a_settlement_that_fails_for_everybody_fails_no_order() {
    let mut story = Story::begin();
    let mut facts = vec![deposit(1, 100, 10, true)];
    facts.extend((0..50).map(|at| failed(2 + at, 12 + at * 3600, false)));
    story.sees(facts, AFTER);
    assert_eq!(story.order(AFTER), OrderStatus::Refunding);
    let mut story = Story::begin();
    story.sees(vec![deposit(1, 100, 10, true)], IN_TIME);
    let mut facts = vec![deposit(1, 100, 10, true)];
    facts.extend((0..50).map(|at| failed(2 + at, 12 + at * 3600, false)));
    story.sees(facts, AFTER);
    assert_eq!(
        (story.order(AFTER), story.session(AFTER)),
        (OrderStatus::Executing, SessionStatus::Processing)
    );
}

#[test]
fn an_order_fails_once_others_were_paid_three_times_over_six_hours() {
    let paid = deposit(1, 100, 10, true);
    let times = |blocks: &[u64]| {
        let failures = blocks.iter().enumerate().map(|(at, block)| failed(2 + at as u64, *block, true));
        let mut story = Story::begin();
        story.sees(vec![paid.clone()], IN_TIME);
        story.sees(std::iter::once(paid.clone()).chain(failures).collect(), AFTER);
        (story.order(AFTER), story.session(AFTER))
    };
    let processing = (OrderStatus::Executing, SessionStatus::Processing);
    assert_eq!(times(&[12]), processing);
    assert_eq!(times(&[12, 12 + SIX_HOURS]), processing, "twice");
    assert_eq!(times(&[12, 13, 11 + SIX_HOURS]), processing, "a second too early");
    assert_eq!(times(&[12, 13, 12 + SIX_HOURS]), (OrderStatus::Failure, SessionStatus::Expired));
}

#[test]
fn money_that_is_forwarded_after_all_ends_the_failure_and_not_the_session() {
    let mut story = Story::begin();
    let paid = deposit(1, 100, 10, true);
    story.sees(vec![paid.clone()], IN_TIME);
    let mut facts = vec![paid, failed(2, 12, true), failed(3, 13, true), failed(4, 12 + SIX_HOURS, true)];
    story.sees(facts.clone(), AFTER);
    assert_eq!(story.session(AFTER), SessionStatus::Expired);
    facts.push(sweep(5, 100, 20 + SIX_HOURS, true));
    story.sees(facts, AFTER);
    assert_eq!((story.order(AFTER), story.session(AFTER)), (OrderStatus::Executed, SessionStatus::Expired));
}

/// The policy of the watcher, as one table.
#[test]
fn the_next_step_follows_from_status_money_and_firmness() {
    const FIRM: u64 = 20;
    let paid = || deposit(1, 100, 10, true);
    let part = || deposit(1, 60, 10, true);
    let unfirm = || deposit(9, 1, 30, false);
    let refused = || vec![paid(), failed(2, 12, true), failed(3, 13, true), failed(4, 12 + SIX_HOURS, true)];
    let table: Vec<(&str, Vec<ChainFact>, i64, NextStep)> = vec![
        ("nothing was paid", vec![], IN_TIME, NextStep::Done),
        ("seen and not firm", vec![deposit(1, 100, 21, false)], IN_TIME, NextStep::Observe),
        ("paid", vec![paid()], IN_TIME, NextStep::Sweep),
        ("paid, and the deadline has passed", vec![paid()], AFTER, NextStep::Sweep),
        ("paid, and more is on its way", vec![paid(), unfirm()], IN_TIME, NextStep::Sweep),
        ("a part, while the session is open", vec![part()], IN_TIME, NextStep::AwaitDeadline),
        ("a part, and more is on its way", vec![part(), unfirm()], IN_TIME, NextStep::Observe),
        ("a part, and the session is over", vec![part()], AFTER, NextStep::Sweep),
        ("a part, over, and more is on its way", vec![part(), unfirm()], AFTER, NextStep::Observe),
        ("swept, not firm", vec![paid(), sweep(2, 100, 30, false)], IN_TIME, NextStep::Observe),
        ("swept", vec![paid(), sweep(2, 100, 12, true)], IN_TIME, NextStep::Done),
        ("swept in part", vec![paid(), sweep(2, 40, 12, true)], IN_TIME, NextStep::Sweep),
        ("failed once", vec![paid(), failed(2, 12, true)], IN_TIME, NextStep::Sweep),
        ("refused for good, not firm", refused(), IN_TIME, NextStep::Observe),
    ];
    for (what, facts, now, expected) in table {
        let mut story = Story::begin();
        // What is paid in time was seen in time.
        story.sees(facts.iter().take(1).cloned().collect(), IN_TIME);
        story.sees(facts, now);
        let next = NextStep::of(&story.checkout, &story.order, &story.on_chain, FIRM, None, at(now));
        assert_eq!(next, expected, "{what}");
    }
    let mut story = Story::begin();
    story.sees(vec![paid()], IN_TIME);
    story.sees(refused(), AFTER);
    let next = NextStep::of(&story.checkout, &story.order, &story.on_chain, 2 * SIX_HOURS, None, at(AFTER));
    assert_eq!(next, NextStep::Done, "refused for good");
}

#[test]
fn pending_dust_holds_money_back_for_an_hour_at_most() {
    let mut story = Story::begin();
    story.sees(vec![deposit(1, 60, 10, true), deposit(2, 1, 30, false)], AFTER);
    let next = |since: i64, now: i64| {
        let since = Some(at(since));
        NextStep::of(&story.checkout, &story.order, &story.on_chain, 20, since, at(now))
    };
    assert_eq!(next(AFTER, AFTER + 3_599_999), NextStep::Observe);
    assert_eq!(next(AFTER, AFTER + 3_600_000), NextStep::Sweep);
}

/// What happens to a story.
#[derive(Debug, Clone)]
enum Happening {
    Seen(Vec<ChainFact>),
    Reported(Transaction),
    CalledOff,
}

fn fact() -> impl Strategy<Value = ChainFact> {
    let block = prop_oneof![1..40_u64, 1790..1830_u64];
    (0..5_u64, 0..130_u64, block, any::<bool>(), 0..6_u8).prop_map(|(name, units, block, is_final, kind)| {
        match kind {
            0..=3 => deposit(name, units, block, is_final),
            4 => sweep(name + 10, units, block, is_final),
            _ => failed(name + 20, block, name % 2 == 0),
        }
    })
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        6 => proptest::collection::vec(fact(), 0..5).prop_map(|mut facts| {
            // A transaction is one fact.
            facts.sort_by(|one, other| one.hash.cmp(&other.hash));
            facts.dedup_by(|one, other| one.hash == other.hash);
            Happening::Seen(facts)
        }),
        2 => (0..5_u64, 0..130_u64).prop_map(|(name, units)| Happening::Reported(reported(name, units))),
        1 => Just(Happening::CalledOff),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn no_observer_ever_sees_a_terminal_session_move(
        happenings in proptest::collection::vec((happening(), 0..400_000_i64, 0..=500_i64), 1..14),
    ) {
        let mut story = Story::begin();
        let mut now = OPENED;
        let mut terminal: Option<SessionStatus> = None;
        for (happening, later, skew) in happenings {
            now += later;
            match happening {
                Happening::Seen(facts) => story.sees(facts, now),
                Happening::Reported(deposit) => story.hears_of(deposit, now),
                Happening::CalledOff => {
                    if let Ok(expired) = story.checkout.expire(at(now)) {
                        story.checkout = expired;
                    }
                }
            }
            // Readers whose clocks are up to the bound ahead.
            for seen_at in [now, now + skew] {
                let status = story.session(seen_at);
                if let Some(terminal) = terminal {
                    prop_assert_eq!(status, terminal);
                }
                if status.is_terminal() {
                    terminal = Some(status);
                }
            }
        }
    }

    #[test]
    fn all_money_counts_once_and_none_is_lost(
        facts in proptest::collection::vec(fact(), 0..6),
        reports in proptest::collection::vec((0..5_u64, 0..130_u64), 0..5),
    ) {
        let mut story = Story::begin();
        let mut facts = facts;
        facts.sort_by(|one, other| one.hash.cmp(&other.hash));
        facts.dedup_by(|one, other| one.hash == other.hash);
        for (name, units) in reports {
            story.hears_of(reported(name, units), IN_TIME);
        }
        story.sees(facts, IN_TIME);
        let known = with_reported(&story.order, &story.reported, &story.on_chain);
        for (position, one) in known.iter().enumerate() {
            prop_assert!(!known.iter().skip(position + 1).any(|other| one.is_same_as(other)));
        }
        for report in &story.reported {
            prop_assert!(known.iter().any(|one| one.is_same_as(report)));
        }
        let deposits = known.iter().filter_map(|one| match &one.kind {
            TransactionKind::Deposit { amount, .. } => Some(*amount),
            _ => None,
        });
        let sum = deposits.fold(Amount::ZERO, Amount::saturating_add);
        prop_assert_eq!(story.checkout.payment_state.received, sum);
        let totals = ChainTotals::of(&story.on_chain, &story.reported, story.checkout.deadline);
        prop_assert!(totals.confirmed <= sum);
    }

    #[test]
    fn looking_twice_changes_nothing(facts in proptest::collection::vec(fact(), 0..6)) {
        let mut facts = facts;
        facts.sort_by(|one, other| one.hash.cmp(&other.hash));
        facts.dedup_by(|one, other| one.hash == other.hash);
        let mut story = Story::begin();
        story.sees(facts.clone(), IN_TIME);
        let once = story.checkout.payment_state.clone();
        story.sees(facts, IN_TIME + 1);
        prop_assert_eq!(&story.checkout.payment_state, &once);
    }
}

//! A checkout: a session, its order, the facts about its payment, and the statuses that follow from them.
//!
//! This is the only place that decides a status. Everything here is a pure function of
//! stored facts and an instant.

use std::borrow::Cow;

use crate::amount::Amount;
use crate::card::{self, CardStatus, Standing};
use crate::chain_fact::{ChainFact, ChainTotals};
use crate::id::OrderId;
use crate::merchant::Merchant;
use crate::onramp::OnrampVendor;
use crate::order::{Order, OrderStatus, OrderTerms};
use crate::payment::{PaymentEvent, Transaction, by_transaction};
use crate::payment_state::{Outcome, PaymentState};
use crate::session::{CheckoutSession, SessionStatus};
use crate::time::Timestamp;

/// A session with the order that linked to it, or an order on its own.
///
/// Both live in one database item. That item is the invariant: one session has room for one
/// order, and each transition is one conditional write to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkout {
    /// The session; `None` for an order on its own.
    pub session: Option<CheckoutSession>,
    /// The order; `None` until one links.
    pub order: Option<Order>,
    /// From this instant on nothing opens it again.
    pub deadline: Timestamp,
    /// When the merchant expired it; `None` if it did not.
    pub expired_at: Option<Timestamp>,
    /// What the facts reported of the order come to.
    pub payment_state: PaymentState,
    /// Counts the writes that the next fact must not overlook.
    pub version: u64,
}

/// What a newly reported fact changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The sum after it.
    pub payment_state: PaymentState,
    /// The transaction as it is known now; `None` for a reported failure.
    pub transaction: Option<Transaction>,
}

/// Why an order cannot link to its session (docs/api.md, *Link rules*).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LinkRefusal {
    /// The session is not open.
    NotOpen(SessionStatus),
    /// The session is open and has this order.
    AlreadyLinked(OrderId),
    /// The session is open and free, but so close to its deadline that another clock may have
    /// passed it. This says nothing of where the session goes from here: a function whose clock
    /// is slower may still link an order, and that order may still be paid.
    AboutToExpire,
    /// The session is open and free, and the order does not pay its price: this field differs first.
    TermsMismatch(&'static str),
}

/// Why a session cannot be called off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExpireRefusal {
    /// The session is not open.
    NotOpen(SessionStatus),
    /// Deposits that cover its order are seen, but not final yet: a paid session cannot be called off.
    PaymentPending,
}

impl Checkout {
    /// Returns the merchant whose API key created the session, or the order if there is no session.
    pub fn merchant(&self) -> Option<&Merchant> {
        match &self.session {
            Some(session) => session.merchant.as_ref().map(|merchant| &merchant.name),
            None => self.order.as_ref()?.merchant.as_ref(),
        }
    }

    /// Where the session stands (docs/api.md, *Statuses*).
    pub fn session_status(&self, now: Timestamp) -> SessionStatus {
        match self.payment_state.outcome {
            Some(Outcome::Complete) => SessionStatus::Complete,
            Some(Outcome::Expired) => SessionStatus::Expired,
            None if self.payment_state.paid_at.is_some() => SessionStatus::Processing,
            None if self.is_held(now) => SessionStatus::Processing,
            None if self.is_over(now) => SessionStatus::Expired,
            None => SessionStatus::Open,
        }
    }

    /// Where the order stands: the first row of the table that fits (docs/api.md, *Statuses*). Unlike the
    /// session's, this status follows from the facts alone, in whatever order they came.
    pub fn order_status(&self, order: &Order, now: Timestamp) -> OrderStatus {
        let payment_state = &self.payment_state;
        if payment_state.executed || payment_state.is_paid_by_card() {
            OrderStatus::Executed
        } else if payment_state.is_refunded(order)
            || (payment_state.is_late_card_money_returned() && !payment_state.deposited)
        {
            OrderStatus::Refunded
        } else if payment_state.any_failure().is_some() {
            OrderStatus::Failure
        } else if payment_state.paid_at.is_some() || self.is_held(now) {
            if payment_state.relayed { OrderStatus::Relay } else { OrderStatus::Executing }
        } else if self.is_over(now) {
            let has_money = payment_state.deposited || payment_state.has_late_card_money();
            if has_money { OrderStatus::Refunding } else { OrderStatus::Expired }
        } else {
            match order.terms.onramp.as_ref().map(|onramp| onramp.vendor) {
                Some(OnrampVendor::StripeWeb2) => OrderStatus::WaitingStripePayment,
                Some(
                    OnrampVendor::Coinbase
                    | OnrampVendor::Stripe
                    | OnrampVendor::Moonpay
                    | OnrampVendor::None,
                )
                | None => OrderStatus::ScanningDepositTransaction,
            }
        }
    }

    /// Links an order to the session. The rules are checked in the order of docs/api.md, *Link rules*.
    ///
    /// The version stays: no fact can have been read of an order that was not there.
    pub fn link(&self, order: &Order, now: Timestamp) -> Result<Self, LinkRefusal> {
        match (self.session_status(now), &self.order) {
            (SessionStatus::Open, Some(linked)) => Err(LinkRefusal::AlreadyLinked(linked.id)),
            // What moves the session forward is judged by the fastest clock within the bound.
            (SessionStatus::Open, None) if self.is_over(now.on_the_fastest_clock()) => {
                Err(LinkRefusal::AboutToExpire)
            }
            (SessionStatus::Open, None) => match self.mismatch(&order.terms) {
                Some(field) => Err(LinkRefusal::TermsMismatch(field)),
                None => Ok(Self { order: Some(order.clone()), ..self.clone() }),
            },
            (status, _) => Err(LinkRefusal::NotOpen(status)),
        }
    }

    /// Returns the first field of an order that does not agree with the session's price; `None` if all agree, or if there
    /// is no price.
    pub fn mismatch(&self, terms: &OrderTerms) -> Option<&'static str> {
        self.session.as_ref()?.pricing()?.mismatch(terms)
    }

    /// Calls the session off, whether or not an unpaid order is linked.
    ///
    /// The version counts it: a payment that was judged before it must not come through after it.
    pub fn expire(&self, now: Timestamp) -> Result<Self, ExpireRefusal> {
        match self.session_status(now) {
            SessionStatus::Open if self.payment_state.pending_since.is_some() => {
                Err(ExpireRefusal::PaymentPending)
            }
            SessionStatus::Open => {
                Ok(Self { expired_at: Some(now), version: self.version + 1, ..self.clone() })
            }
            status @ (SessionStatus::Processing | SessionStatus::Complete | SessionStatus::Expired) => {
                Err(ExpireRefusal::NotOpen(status))
            }
        }
    }

    /// Records a reported fact. Returns `None` if it says nothing new.
    ///
    /// `known` is every transaction reported so far, `on_chain` what the chain shows. No fact is refused, whatever
    /// the state: refusing one would lose money. What a late fact cannot do is move a session that
    /// some reader may already have seen terminal.
    pub fn record(
        &self,
        order: &Order,
        known: &[Transaction],
        on_chain: &[ChainFact],
        event: PaymentEvent,
        now: Timestamp,
    ) -> Option<Recorded> {
        let mut transactions = Cow::Borrowed(known);
        let mut failure = self.payment_state.failure.clone();
        let mut card_payments = self.payment_state.card_payments.clone();
        let transaction = match event {
            PaymentEvent::Transaction(reported) => {
                let at = known.iter().position(|transaction| transaction.is_same_as(&reported));
                if let Some(stored) = at.and_then(|at| transactions.to_mut().get_mut(at)) {
                    *stored = stored.clone().merge(reported);
                    Some(stored.clone())
                } else {
                    transactions.to_mut().push(reported.clone());
                    Some(reported)
                }
            }
            PaymentEvent::OrderFailed(details) => {
                failure = failure.max(Some(details));
                None
            }
            PaymentEvent::Card(look) => {
                card_payments = card::with_look(&card_payments, look);
                None
            }
        };
        let mut payment_state =
            PaymentState::sum(order, &transactions, on_chain, failure, &self.payment_state);
        payment_state.card_payments = card_payments;
        self.decide(order, &mut payment_state, &transactions, on_chain, now);
        let is_news = payment_state != self.payment_state || *transactions != *known;
        is_news.then_some(Recorded { payment_state, transaction })
    }

    /// The sum after the chain was looked at. `on_chain` is all that it shows of the order, and replaces what it showed
    /// before; `reported` is what a payment processor said.
    pub fn observe(
        &self,
        order: &Order,
        reported: &[Transaction],
        on_chain: &[ChainFact],
        now: Timestamp,
    ) -> PaymentState {
        let mut payment_state = PaymentState::sum(
            order,
            reported,
            on_chain,
            self.payment_state.failure.clone(),
            &self.payment_state,
        );
        self.decide(order, &mut payment_state, reported, on_chain, now);
        payment_state
    }

    /// Decides what a new fact makes true once and for all.
    fn decide(
        &self,
        order: &Order,
        payment_state: &mut PaymentState,
        reported: &[Transaction],
        on_chain: &[ChainFact],
        now: Timestamp,
    ) {
        // What moves the session forward is judged by the fastest clock within the bound:
        // a reader with that clock must not have answered `expired` already.
        let fastest = now.on_the_fastest_clock();
        let is_in_time = !self.is_over(fastest);
        let asked = order.terms.src_amount;
        let totals = ChainTotals::of(on_chain, &by_transaction(reported), self.deadline);
        // What does not count on the chain's word alone.
        let besides = payment_state.received.saturating_sub(totals.confirmed);

        // What was seen before the deadline holds the session until it is final, or gone.
        payment_state.pending_since = if totals.seen > Amount::ZERO
            && besides.saturating_add(totals.seen_in_time) >= asked
            && self.expired_at.is_none()
        {
            self.payment_state.pending_since.or(is_in_time.then_some(now))
        } else {
            None
        };
        payment_state.paid_at = if besides.saturating_add(totals.seen) < asked {
            // A reorganisation took the payment back. What a processor reports never shrinks.
            None
        } else if payment_state.paid_at.is_some() {
            payment_state.paid_at
        } else if payment_state.covers(order) && is_in_time {
            Some(now)
        } else {
            let is_confirmed = besides.saturating_add(totals.confirmed_in_time) >= asked;
            (is_confirmed
                && self.payment_state.pending_since.is_some()
                && payment_state.pending_since.is_some())
            .then_some(now)
        };
        let may_complete = !self.session_status(fastest).is_terminal();
        self.judge_card_payments(order, payment_state, is_in_time && may_complete);
        if payment_state.outcome.is_some() {
            return;
        }
        if (payment_state.executed || payment_state.is_paid_by_card()) && may_complete {
            payment_state.outcome = Some(Outcome::Complete);
        } else if payment_state.is_refunded(order) || payment_state.any_failure().is_some() {
            payment_state.outcome = Some(Outcome::Expired);
        }
    }

    /// Decides what card payments mean that are first known to have succeeded. A payment is in time if the card was charged
    /// before the deadline, by Stripe's clock, and no reader can have seen the session expire.
    fn judge_card_payments(&self, order: &Order, payment_state: &mut PaymentState, is_in_time: bool) {
        let is_paid_on_chain = payment_state.executed || payment_state.covers(order);
        let received = payment_state.received;
        for at in 0..payment_state.card_payments.len() {
            let is_covered = is_paid_on_chain || payment_state.is_paid_by_card();
            let Some(payment) = payment_state.card_payments.get_mut(at) else { continue };
            if payment.status != CardStatus::Succeeded || payment.standing.is_some() {
                continue;
            }
            // A part that was paid on the chain may be gone: then a card that was charged for the rest pays too little.
            let together = received.saturating_add(payment.covers);
            let is_enough = payment.is_as_asked && together >= order.terms.src_amount;
            let was_charged_in_time = payment.paid_at.is_some_and(|paid_at| paid_at < self.deadline);
            payment.standing = Some(if is_covered || !is_enough {
                Standing::Surplus
            } else if is_in_time && was_charged_in_time {
                Standing::Counts
            } else {
                Standing::Late
            });
        }
    }

    /// Whether the deadline has passed, but a payment that was seen before it waits for its finality.
    fn is_held(&self, now: Timestamp) -> bool {
        self.payment_state.pending_since.is_some() && self.expired_at.is_none() && now >= self.deadline
    }

    /// Whether the deadline has passed or the merchant called it off.
    fn is_over(&self, now: Timestamp) -> bool {
        self.expired_at.is_some() || now >= self.deadline
    }
}

//! Looking at an order's Checkout Sessions, and taking what they show into the order.

use std::time::Duration;

use domain::card::CardStatus;
use domain::id::OrderId;
use domain::lifecycle::Checkout;
use domain::payment::PaymentEvent;
use domain::record::CheckoutRecord;
use domain::session::SessionStatus;
use domain::time::Timestamp;
use onramp::StripeError;
use store::{CardRecord, Recording};
use tokio::time::timeout;

use crate::{CardError, Cards, LateMoney};

/// How long a look may take. It makes several calls, and a function that answers a webhook ends after 15 seconds.
const LONGEST_LOOK: Duration = Duration::from_secs(13);
/// For so long after the end of a page Stripe is asked about a payment on it that it does not know, or never decides.
const LONGEST_WAIT: Duration = Duration::from_hours(24);

impl Cards {
    /// Looks at all Checkout Sessions of an order that may have been paid, records what they show, gives back what is to be
    /// given back, and ends those that no one may pay any more. `named` is the Checkout Session that Stripe speaks of: it is
    /// looked at although it has ended here. Returns `false` if Stripe was never asked for this order.
    ///
    /// A Checkout Session that cannot be looked at keeps no other from it. The look then fails at its end.
    pub async fn look(&self, order: OrderId, named: Option<&str>) -> Result<bool, CardError> {
        timeout(LONGEST_LOOK, self.look_at_all(order, named)).await.unwrap_or(Err(CardError::TooSlow))
    }

    async fn look_at_all(&self, order: OrderId, named: Option<&str>) -> Result<bool, CardError> {
        let Some(mut card) = self.store.read_card(order).await? else {
            return Ok(false);
        };
        // A page that has ended here and nevertheless was paid: whatever happens now, the order is looked at again.
        if let Some(attempt) = card.attempts.iter_mut().find(|attempt| {
            attempt.is_over && !attempt.has_payment && attempt.session.as_deref() == named && named.is_some()
        }) {
            attempt.has_payment = true;
            if !self.store.write_card(&mut card, Some(self.clock.now())).await? {
                return Err(CardError::Busy);
            }
        }
        let failure = &mut None;
        let mut record = self.record_all(&mut card, failure).await?;
        if let Some(seen) = &record
            && self.end_pages(&mut card, seen, failure).await
        {
            record = self.record_all(&mut card, failure).await?;
        }
        if let Some(seen) = &record
            && self.refund(seen, failure).await
        {
            record = self.record_all(&mut card, failure).await?;
        }
        let is_open = card.attempts.iter().any(|attempt| !attempt.is_over)
            || record.as_ref().is_some_and(|record| self.owes(record) || self.is_undecided(record))
            || failure.is_some();
        // If another look has written meanwhile, that one knows as much.
        self.store.write_card(&mut card, is_open.then(|| self.clock.now())).await?;
        failure.take().map_or(Ok(true), Err)
    }

    /// Ends the pages on which the payer would pay for nothing, or too much: the order is paid or over, or a part of it was
    /// paid on the chain since. Returns whether one was paid already, or is being paid.
    async fn end_pages(
        &self,
        card: &mut CardRecord,
        record: &CheckoutRecord,
        failure: &mut Option<CardError>,
    ) -> bool {
        let Checkout { order: Some(order), payment_state, .. } = &record.checkout else { return false };
        let is_open = record.checkout.session_status(self.clock.now()) == SessionStatus::Open;
        let due = order.terms.src_amount.saturating_sub(payment_state.received);
        let mut was_paid = false;
        for attempt in card.attempts.iter_mut().filter(|attempt| !attempt.is_over) {
            if is_open && !attempt.charge.is_too_much(attempt.due, due) {
                continue;
            }
            // A reservation without a page was shown to no payer. Stripe ends it by itself.
            let Some(session) = &attempt.session else {
                attempt.end();
                continue;
            };
            match self.stripe.expire(session).await {
                Ok(true) if !attempt.has_payment => attempt.end(),
                // The payer was paying: Stripe may let them finish.
                Ok(_) => was_paid = true,
                Err(error) => *failure = Some(error.into()),
            }
        }
        was_paid
    }

    /// Lets an order that could not be looked at wait until the others were.
    pub async fn postpone(&self, order: OrderId) -> Result<(), CardError> {
        if let Some(mut card) = self.store.read_card(order).await? {
            // If something else was written meanwhile, it has a new place anyway.
            self.store.write_card(&mut card, Some(self.clock.now())).await?;
        }
        Ok(())
    }

    /// Records what each Checkout Session shows. Returns the order, if there is one.
    async fn record_all(
        &self,
        card: &mut CardRecord,
        failure: &mut Option<CardError>,
    ) -> Result<Option<CheckoutRecord>, CardError> {
        let (order, now) = (card.order, self.clock.now());
        let mut record = None;
        // The newest first: it is the page that a payer has.
        for attempt in card.attempts.iter_mut().rev() {
            let may_be_paid = !attempt.is_over || attempt.has_payment;
            let Some(session) = attempt.session.as_ref().filter(|_| may_be_paid) else { continue };
            let ended_at = Timestamp::from_millis(attempt.expires_at.saturating_mul(1_000));
            let look = match self.stripe.look(session, order, (attempt.due, &attempt.charge)).await {
                Ok(look) => look,
                Err(StripeError::Unknown) if now > ended_at + LONGEST_WAIT => {
                    tracing::error!(%order, "page of another Stripe account is forgotten");
                    attempt.end();
                    attempt.has_payment = false;
                    continue;
                }
                Err(error) => {
                    *failure = Some(error.into());
                    continue;
                }
            };
            let is_pending =
                look.payment.as_ref().is_some_and(|payment| payment.status == CardStatus::Pending);
            // Of a payment that failed there is nothing more to come, once the page has ended.
            attempt.has_payment |=
                look.payment.as_ref().is_some_and(|payment| payment.status != CardStatus::Failed);
            if !look.is_open && !is_pending {
                attempt.end();
            }
            if let Some(payment) = look.payment {
                let event = PaymentEvent::Card(payment);
                let clock = || self.clock.now();
                record = match self.store.record_event(order, &event, clock, None, |_, _| None).await? {
                    Recording::Recorded(record, _) | Recording::Replayed(_, record) => Some(*record),
                    Recording::Remembered(_) | Recording::KeyReused | Recording::NoOrder => None,
                };
            }
        }
        match record {
            Some(record) => Ok(Some(record)),
            None => Ok(self.store.read_record(order).await?),
        }
    }

    /// Gives back what came late or is not needed. Returns whether anything was.
    async fn refund(&self, record: &CheckoutRecord, failure: &mut Option<CardError>) -> bool {
        let Some(order) = record.checkout.order.as_ref().filter(|_| self.late_money == LateMoney::Refund)
        else {
            return false;
        };
        let mut was_refunded = false;
        let payments = &record.checkout.payment_state.card_payments;
        for payment in payments.iter().filter(|payment| payment.refund_due() > 0) {
            // One that Stripe does not give back keeps no other from it.
            match self.stripe.refund(payment.intent.as_str(), order.id, self.clock.now()).await {
                Ok(()) => {
                    tracing::info!(order = %order.id, "card payment is given back");
                    was_refunded = true;
                }
                // Another look gives it back at this moment.
                Err(StripeError::InUse) => {}
                Err(error) => *failure = Some(error.into()),
            }
        }
        was_refunded
    }

    /// Returns how much of what an order's payers were given back did not reach them, in cents: their bank sent it back.
    pub async fn lost_refunds(&self, order: OrderId) -> Result<u64, CardError> {
        let Some(record) = self.store.read_record(order).await? else { return Ok(0) };
        let mut lost = 0_u64;
        for payment in &record.checkout.payment_state.card_payments {
            // What Stripe did not give back at all is not lost: it is asked for again.
            if payment.refunded > 0 {
                let refunded = self.stripe.refunded(payment.intent.as_str()).await?;
                lost = lost.saturating_add(payment.refunded.saturating_sub(refunded));
            }
        }
        Ok(lost)
    }

    /// Whether a payment is not decided yet, on a page that may have ended here.
    fn is_undecided(&self, record: &CheckoutRecord) -> bool {
        let now = self.clock.now();
        let payments = &record.checkout.payment_state.card_payments;
        let is_recent = |at: Timestamp| now < at + LONGEST_WAIT * 2;
        payments.iter().any(|payment| payment.status == CardStatus::Pending && is_recent(payment.created_at))
    }

    /// Whether anything is still to be given back.
    fn owes(&self, record: &CheckoutRecord) -> bool {
        let payments = &record.checkout.payment_state.card_payments;
        self.late_money == LateMoney::Refund && payments.iter().any(|payment| payment.refund_due() > 0)
    }
}

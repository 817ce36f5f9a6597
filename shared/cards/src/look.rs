//! Looking at an order's Checkout Sessions, and taking what they show into the order.

use std::time::Duration;

use domain::card::CardStatus;
use domain::id::OrderId;
use domain::lifecycle::Checkout;
use domain::payment::PaymentEvent;
use domain::record::CheckoutRecord;
use domain::session::SessionStatus;
use store::{CardRecord, Recording};
use tokio::time::timeout;

use crate::{CardError, Cards, LateMoney};

/// How long a look may take. It makes several calls, and a function that answers a webhook ends after 15 seconds.
const LONGEST_LOOK: Duration = Duration::from_secs(13);

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
        let failure = &mut None;
        let mut record = self.record_all(&mut card, named, failure).await?;
        if let Some(seen) = &record
            && self.end_pages(&mut card, seen, failure).await
        {
            record = self.record_all(&mut card, named, failure).await?;
        }
        if let Some(seen) = &record
            && self.refund(seen, failure).await
        {
            record = self.record_all(&mut card, named, failure).await?;
        }
        let is_open = card.attempts.iter().any(|attempt| !attempt.is_over)
            || record.as_ref().is_some_and(|record| self.owes(record))
            || failure.is_some();
        // If another look has written meanwhile, that one knows as much.
        self.store.write_card(&mut card, is_open.then(|| self.clock.now())).await?;
        failure.take().map_or(Ok(true), Err)
    }

    /// Ends the pages on which the payer would pay for nothing, or too much: the order is paid or over, or a part of it was
    /// paid on the chain since. Returns whether one was paid already.
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
                Ok(true) => attempt.end(),
                Ok(false) => was_paid = true,
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
        named: Option<&str>,
        failure: &mut Option<CardError>,
    ) -> Result<Option<CheckoutRecord>, CardError> {
        let order = card.order;
        let mut record = None;
        // The newest first: it is the page that a payer has.
        for attempt in card.attempts.iter_mut().rev() {
            let may_be_paid = |session: &&String| {
                !attempt.is_over || attempt.has_payment || named == Some(session.as_str())
            };
            let Some(session) = attempt.session.as_ref().filter(may_be_paid) else { continue };
            let look = match self.stripe.look(session, order, (attempt.due, &attempt.charge)).await {
                Ok(look) => look,
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
                Err(error) => *failure = Some(error.into()),
            }
        }
        was_refunded
    }

    /// Whether anything is still to be given back.
    fn owes(&self, record: &CheckoutRecord) -> bool {
        let payments = &record.checkout.payment_state.card_payments;
        self.late_money == LateMoney::Refund && payments.iter().any(|payment| payment.refund_due() > 0)
    }
}

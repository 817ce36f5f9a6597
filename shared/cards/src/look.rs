//! Looking at an order's Checkout Sessions, and taking what they show into the order.

use std::time::Duration;

use domain::card::CardStatus;
use domain::id::OrderId;
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
    /// given back, and ends those that no one may pay any more. Returns `false` if Stripe was never asked for this order.
    pub async fn look(&self, order: OrderId) -> Result<bool, CardError> {
        timeout(LONGEST_LOOK, self.look_at_all(order)).await.unwrap_or(Err(CardError::TooSlow))
    }

    async fn look_at_all(&self, order: OrderId) -> Result<bool, CardError> {
        let Some(mut card) = self.store.read_card(order).await? else {
            return Ok(false);
        };
        let mut record = self.record_all(&mut card).await?;
        // What has ended here must not be paid there.
        let is_over = record.as_ref().is_some_and(|record| {
            let status = record.checkout.session_status(self.clock.now());
            matches!(status, SessionStatus::Complete | SessionStatus::Expired)
        });
        if is_over {
            let mut was_paid = false;
            for attempt in card.attempts.iter_mut().filter(|attempt| !attempt.is_over) {
                match &attempt.session {
                    Some(session) if !self.stripe.expire(session).await? => was_paid = true,
                    // A reservation without a page was shown to no payer. Stripe ends it by itself.
                    Some(_) | None => attempt.end(),
                }
            }
            if was_paid {
                record = self.record_all(&mut card).await?;
            }
        }
        let refunded = match &record {
            Some(record) => self.refund(record).await,
            None => Ok(false),
        };
        if matches!(refunded, Ok(true)) {
            record = self.record_all(&mut card).await?;
        }
        let is_open = card.attempts.iter().any(|attempt| !attempt.is_over)
            || record.as_ref().is_some_and(|record| self.owes(record))
            || refunded.is_err();
        // If another look has written meanwhile, that one knows as much.
        self.store.write_card(&mut card, is_open.then(|| self.clock.now())).await?;
        refunded.map(|_| true)
    }

    /// Lets an order that could not be looked at wait until the others were.
    pub async fn postpone(&self, order: OrderId) -> Result<(), CardError> {
        if let Some(mut card) = self.store.read_card(order).await? {
            // If something else was written meanwhile, it has a new place anyway.
            self.store.write_card(&mut card, Some(self.clock.now())).await?;
        }
        Ok(())
    }

    /// Records what each Checkout Session shows. Returns the order, if there was anything to record or to read.
    async fn record_all(&self, card: &mut CardRecord) -> Result<Option<CheckoutRecord>, CardError> {
        let order = card.order;
        let mut record = None;
        // The newest first: it is the page that a payer has.
        for attempt in card.attempts.iter_mut().rev() {
            let Some(session) = attempt.session.as_ref().filter(|_| !attempt.is_over || attempt.has_payment)
            else {
                continue;
            };
            let look = self.stripe.look(session, order, (attempt.due, &attempt.charge)).await?;
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
    async fn refund(&self, record: &CheckoutRecord) -> Result<bool, CardError> {
        let Some(order) = &record.checkout.order else { return Ok(false) };
        if self.late_money == LateMoney::Keep {
            return Ok(false);
        }
        let (mut was_refunded, mut failure) = (false, None);
        let payments = &record.checkout.payment_state.card_payments;
        for payment in payments.iter().filter(|payment| payment.refund_due() > 0) {
            // One that Stripe does not give back keeps no other from it.
            match self.stripe.refund(payment.intent.as_str(), order.id).await {
                Ok(()) => {
                    tracing::info!(order = %order.id, "card payment is given back");
                    was_refunded = true;
                }
                Err(error) => failure = Some(error),
            }
        }
        failure.map_or(Ok(was_refunded), |error| Err(error.into()))
    }

    /// Whether anything is still to be given back.
    fn owes(&self, record: &CheckoutRecord) -> bool {
        let payments = &record.checkout.payment_state.card_payments;
        self.late_money == LateMoney::Refund && payments.iter().any(|payment| payment.refund_due() > 0)
    }
}

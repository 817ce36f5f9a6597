//! Opening a Checkout Session for what is due.
//!
//! 1. A live one for the same charge is used again, if Stripe still shows it open.
//! 2. Else a new one is reserved in the table. Of many callers one reserves.
//! 3. It is created under an idempotency key of the reservation, so every caller that creates it gets the same one. A caller
//!    that finds a reservation without a page can finish it.
//! 4. Its id and its page are written.

use std::time::Duration;

use domain::amount::Amount;
use domain::card::Charge;
use domain::id::OrderId;
use domain::time::Timestamp;
use onramp::{CheckoutTerms, OnrampError, StripeError};
use store::{CardAttempt, CardRecord};
use tokio::time::sleep;
use url::Url;

use crate::{CardError, Cards};

/// Stripe takes no Checkout Session that ends sooner than in half an hour, or later than in a day.
const SHORTEST: Duration = Duration::from_mins(31);
const LONGEST: Duration = Duration::from_hours(24);
/// A page that ends sooner is not worth a payer's time.
const LEAST_LEFT_SECONDS: i64 = 60;
/// How often Stripe is asked for one order. More would only fill the item.
const MOST_ATTEMPTS: usize = 100;
/// How often one call tries to get through among others.
const MOST_TRIES: usize = 4;
/// Between two of those tries.
const PAUSE: Duration = Duration::from_millis(300);

/// Where a payer goes from Stripe's page.
#[derive(Debug, Clone)]
pub struct PayerUrls {
    /// After a payment.
    pub success: String,
    /// Without one.
    pub cancel: Option<String>,
}

/// What a payer at the link gets.
#[derive(Debug)]
pub enum Opening {
    /// Stripe's page.
    Page(Url),
    /// Something was recorded of the order meanwhile: what is due has to be judged again.
    Changed,
}

impl Cards {
    /// Returns a page on which the payer pays what is due.
    pub async fn open(
        &self,
        order: OrderId,
        (due, charge): (Amount, &Charge),
        deadline: Timestamp,
        urls: &PayerUrls,
    ) -> Result<Opening, CardError> {
        for attempt in 0..MOST_TRIES {
            if attempt > 0 {
                sleep(PAUSE).await;
            }
            let now = self.clock.now();
            let card = self.store.read_card(order).await?;
            let mut card = card.unwrap_or_else(|| CardRecord::new(order));
            let Some(last) = card.attempts.last().filter(|last| !last.is_over).cloned() else {
                if card.attempts.len() >= MOST_ATTEMPTS {
                    return Err(CardError::TooOften);
                }
                card.attempts.push(reservation(due, charge.clone(), deadline, urls, now));
                if self.store.write_card(&mut card, Some(now)).await? {
                    match self.create(&mut card, now).await {
                        Ok(Some(url)) => return Ok(Opening::Page(url)),
                        Ok(None) => {}
                        Err(error) => return Err(error),
                    }
                }
                continue;
            };
            let (Some(session), Some(url)) = (&last.session, &last.url) else {
                // Another call has reserved it, and is at work or was cut off.
                match self.create(&mut card, now).await {
                    Ok(Some(url)) if last.charge == *charge && last.due >= due => {
                        return Ok(Opening::Page(url));
                    }
                    Ok(_) | Err(CardError::Stripe(StripeError::Vendor(OnrampError::Refused(_)))) => continue,
                    Err(error) => return Err(error),
                }
            };
            let is_live = last.expires_at - now.as_seconds() >= LEAST_LEFT_SECONDS;
            // Dust on the chain changes what is due, and not what the card is charged. Less than is due pays nothing.
            let is_same = last.charge == *charge && last.due >= due;
            if is_same && is_live {
                // Who comes back from a page on which they have paid must not be sent there again.
                if self.stripe.look(session, order, (last.due, &last.charge)).await?.is_open {
                    return self.stripe.page(url).map(Opening::Page).map_err(CardError::from);
                }
                self.look(order, None).await?;
                return Ok(Opening::Changed);
            }
            if card.attempts.len() >= MOST_ATTEMPTS {
                return Err(CardError::TooOften);
            }
            if !self.stripe.expire(session).await? || last.has_payment {
                // It was paid, is being paid or has ended.
                self.look(order, None).await?;
                return Ok(Opening::Changed);
            }
            if let Some(last) = card.attempts.last_mut() {
                last.end();
            }
            self.store.write_card(&mut card, Some(now)).await?;
        }
        Err(CardError::Busy)
    }

    /// Creates the Checkout Session of the last reservation and writes its page. Returns `None` if another call has to be
    /// awaited.
    async fn create(&self, card: &mut CardRecord, now: Timestamp) -> Result<Option<Url>, CardError> {
        let number = u32::try_from(card.attempts.len()).unwrap_or(u32::MAX);
        let order = card.order;
        let Some(last) = card.attempts.last_mut() else { return Ok(None) };
        let terms = CheckoutTerms {
            order,
            attempt: number,
            charge: last.charge.clone(),
            expires_at: last.expires_at,
            success_url: last.success_url.clone(),
            cancel_url: last.cancel_url.clone(),
        };
        let created = self.stripe.create_checkout(&terms).await;
        match created {
            Ok(opened) => {
                (last.session, last.url) = (Some(opened.id), Some(opened.url.to_string()));
                // If another call has written the same meanwhile, that stands.
                let is_written = self.store.write_card(card, Some(now)).await?;
                Ok(is_written.then_some(opened.url))
            }
            Err(StripeError::InUse) => Ok(None),
            Err(error) => {
                let is_final = matches!(
                    error,
                    // Stripe repeats a failure, and what it refuses of this reservation it refuses again.
                    StripeError::Failed(_) | StripeError::Vendor(OnrampError::Refused(_))
                );
                if is_final {
                    last.end();
                    self.store.write_card(card, Some(now)).await?;
                }
                Err(error.into())
            }
        }
    }
}

fn reservation(
    due: Amount,
    charge: Charge,
    deadline: Timestamp,
    urls: &PayerUrls,
    now: Timestamp,
) -> CardAttempt {
    CardAttempt {
        due,
        charge,
        expires_at: deadline.max(now + SHORTEST).min(now + LONGEST).as_seconds(),
        success_url: urls.success.clone(),
        cancel_url: urls.cancel.clone(),
        session: None,
        url: None,
        is_over: false,
        has_payment: false,
    }
}

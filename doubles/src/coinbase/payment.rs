//! What happens when a payer presses a button: crypto and webhooks.

use anyhow::{Context as _, Result};
use serde_json::json;

use super::Shared;
use super::amount::Amount;
use super::sessions::Session;
use super::webhooks::{CREATED, FAILED, SUCCESS, Transaction, UPDATED};
use crate::Delivery;

/// How a payment ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The amount that was asked for is sent.
    Exact,
    /// Half of it is sent.
    Less,
    /// One more is sent.
    More,
    /// Success is reported now. The crypto is sent by `Coinbase::deliver_late`.
    Later,
    /// Success is reported, but nothing is sent.
    Never,
    /// The payment method is declined.
    Declined,
    /// The payer dismisses the page. Nothing is sent, no webhook either.
    Cancelled,
}

impl Outcome {
    /// The outcomes, with the name and the text of their buttons.
    pub(super) const BUTTONS: [(Self, &str, &str); 7] = [
        (Self::Exact, "exact", "Pay: the exact amount arrives"),
        (Self::Less, "less", "Pay: half of the amount arrives"),
        (Self::More, "more", "Pay: one more arrives"),
        (Self::Later, "later", "Pay: the crypto arrives later"),
        (Self::Never, "never", "Pay: the crypto never arrives"),
        (Self::Declined, "declined", "Pay: the card is declined"),
        (Self::Cancelled, "cancel", "Cancel"),
    ];

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::BUTTONS.iter().find(|(_, button, _)| *button == name).map(|(outcome, ..)| *outcome)
    }
}

impl Shared {
    /// Pays for a session that has just ended.
    pub(super) async fn pay(&self, session: &Session, outcome: Outcome) -> Result<()> {
        if outcome == Outcome::Cancelled {
            return Ok(());
        }
        let request = &session.request;
        let amount = Amount::parse(request.amount()).context("the amount is not a number")?;
        let amount = match outcome {
            Outcome::Less => amount.half().to_string(),
            Outcome::More => amount.plus_one().to_string(),
            Outcome::Exact | Outcome::Later | Outcome::Never | Outcome::Declined | Outcome::Cancelled => {
                request.amount().to_owned()
            }
        };
        let transaction = Transaction::new(request, &amount, self.now());
        self.report(transaction.event(CREATED, self.now())).await;
        self.report(transaction.event(UPDATED, self.now())).await;
        let delivery = Delivery {
            network: request.destination_network.clone(),
            asset: request.purchase_currency.clone(),
            to: request.destination_address.clone(),
            amount: amount.clone(),
        };
        let (event_type, detail, result) = match outcome {
            Outcome::Declined => (FAILED, json!({"failureReason": "FAILURE_REASON_BUY_FAILED"}), Ok(())),
            _ if request.is_sandbox() => (SUCCESS, json!({}), Ok(())),
            Outcome::Later => {
                self.state().late.push(delivery);
                (SUCCESS, json!({}), Ok(()))
            }
            Outcome::Never | Outcome::Cancelled => (SUCCESS, json!({}), Ok(())),
            Outcome::Exact | Outcome::Less | Outcome::More => match (self.settings.deliver)(delivery).await {
                Ok(hash) => (SUCCESS, json!({"txHash": hash}), Ok(())),
                Err(error) => (FAILED, json!({"failureReason": "FAILURE_REASON_SEND_FAILED"}), Err(error)),
            },
        };
        let mut event = transaction.event(event_type, self.now());
        event.replace(&detail);
        self.report(event).await;
        result
    }
}

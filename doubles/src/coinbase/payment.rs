//! What happens when a payer presses a button: crypto and webhooks.

use anyhow::Result;
use serde_json::json;

use super::Shared;
use super::sessions::Session;
use super::webhooks::{CREATED, FAILED, SUCCESS, Transaction, UPDATED};
use crate::{Delivery, Outcome};

impl Shared {
    /// Pays for a session that has just ended.
    pub(super) async fn pay(&self, session: &Session, outcome: Outcome) -> Result<()> {
        if outcome == Outcome::Cancelled {
            return Ok(());
        }
        let request = &session.request;
        let amount = outcome.amount(request.amount())?;
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

//! The payment processor, played: it signs events as the Standard Webhooks specification says
//! and reports them to the service.
#![expect(clippy::indexing_slicing, reason = "a JSON value is `null` where it has no such member")]

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use domain::amount::Amount;
use reqwest::StatusCode;
use serde_json::{Value, json};
use standardwebhooks::Webhook;

use crate::standing::{Service, text};

/// How a payment goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payment {
    /// What is due is deposited, and the order executed.
    Full,
    /// Only this much is deposited.
    Partial(Amount),
    /// The settlement fails.
    Fail,
    /// What was deposited goes back.
    Refund,
}

/// Reports events to the service at `base`.
#[derive(Debug)]
pub struct PaymentProcessor {
    service: Service,
    secret: String,
}

impl PaymentProcessor {
    /// A processor that signs with the first of `secrets`.
    pub fn new(base: impl Into<String>, secrets: &str) -> Self {
        Self {
            service: Service::new(base),
            secret: secrets.split_whitespace().next().unwrap_or_default().to_owned(),
        }
    }

    /// Plays a payment of the order, or of the session's order, that `id` names. Each event
    /// is handed to `report` with the order's status after it.
    pub async fn pay(&self, id: &str, payment: Payment, mut report: impl FnMut(&str, &str)) -> Result<()> {
        let standing = self.service.standing(id).await?;
        let (id, order) = (standing.text("id")?, standing.order());
        let chain = order["srcChain"].clone();
        let (received, due) = (standing.received()?, standing.due()?);
        let transaction = |amount: Amount| {
            let now = now_millis();
            json!({ "chain": chain, "txHash": random_hash(), "amount": amount, "createdAt": now })
        };
        let deposit = |amount| ("deposit.detected", transaction(amount));
        let events = match payment {
            Payment::Full => {
                let mut executed = transaction(Amount::ZERO);
                executed["actualDstAmount"] = order["srcAmount"].clone();
                let deposit = (due > Amount::ZERO).then(|| deposit(due));
                deposit.into_iter().chain([("order.executed", executed)]).collect()
            }
            Payment::Partial(amount) => vec![deposit(amount)],
            Payment::Fail => {
                vec![("order.failed", json!({ "errorDetails": "The simulated settlement failed" }))]
            }
            Payment::Refund => {
                if received == Amount::ZERO {
                    bail!("nothing was deposited for order {id}, so there is nothing to refund");
                }
                let mut refund = transaction(received);
                refund["status"] = json!("success");
                vec![("refund.updated", refund)]
            }
        };
        for (kind, data) in events {
            let record = self.send(&id, kind, &data).await?;
            let status = record.get("order").map(|order| text(order, "status")).transpose()?;
            report(kind, &status.unwrap_or_default());
        }
        Ok(())
    }

    /// Signs an event and sends it; answers the order's record after it.
    pub async fn send(&self, order: &str, kind: &str, data: &Value) -> Result<Value> {
        let body = json!({ "type": kind, "data": data }).to_string();
        let id = format!("checkout-order:{order}:{:032x}", fastrand::u128(..));
        let timestamp = now_millis() / 1000;
        let webhook = Webhook::new(&self.secret).context("the events' secret")?;
        let signature = webhook.sign(&id, timestamp, body.as_bytes())?;
        let Service { http, base } = &self.service;
        let response = http
            .post(format!("{base}/orders/{order}/events"))
            .header("content-type", "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp.to_string())
            .header("webhook-signature", signature)
            .body(body)
            .send()
            .await
            .with_context(|| format!("no service answers at {base}"))?;
        let status = response.status();
        let answer: Value = response.json().await?;
        if status != StatusCode::OK {
            bail!("{kind} was refused with {status}: {}", answer["message"]);
        }
        Ok(answer["data"].clone())
    }
}

fn random_hash() -> String {
    format!("0x{:032x}{:032x}", fastrand::u128(..), fastrand::u128(..))
}

#[expect(clippy::disallowed_methods, reason = "a payment processor has a clock of its own")]
fn now_millis() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}

//! The state of an order, as the service shows it to its payer.
#![expect(clippy::indexing_slicing, reason = "a JSON value is `null` where it has no such member")]

use anyhow::{Context as _, Result, anyhow, bail};
use domain::amount::Amount;
use reqwest::{Client, StatusCode};
use serde_json::Value;

/// The service, asked over HTTP.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) http: Client,
    pub(crate) base: String,
}

impl Service {
    /// The service at `base`.
    pub(crate) fn new(base: impl Into<String>) -> Self {
        Self { http: Client::new(), base: base.into() }
    }

    /// How the order that `id` names stands, or the session with its order.
    pub(crate) async fn standing(&self, id: &str) -> Result<Standing> {
        match self.get(&format!("checkout-sessions/{id}?include=order")).await? {
            Some(session) if session["order"].is_null() => {
                bail!("session {id} has no order yet; make one with POST /orders")
            }
            Some(session) => {
                Ok(Standing { session: Some(text(&session, "status")?), record: session["order"].clone() })
            }
            None => match self.get(&format!("orders/{id}")).await? {
                Some(record) => Ok(Standing { session: None, record }),
                None => bail!("{id} is neither an order nor a session"),
            },
        }
    }

    async fn get(&self, path: &str) -> Result<Option<Value>> {
        let response = self.http.get(format!("{}/{path}", self.base)).send().await;
        let response = response.with_context(|| format!("no service answers at {}", self.base))?;
        if response.status() != StatusCode::OK {
            return Ok(None);
        }
        let answer: Value = response.json().await?;
        Ok(Some(answer["data"].clone()))
    }
}

/// How an order stands, and the session that it was found by.
#[derive(Debug)]
pub(crate) struct Standing {
    session: Option<String>,
    record: Value,
}

impl Standing {
    /// The order.
    pub(crate) fn order(&self) -> &Value {
        &self.record["order"]
    }

    /// A member of the order.
    pub(crate) fn text(&self, name: &str) -> Result<String> {
        text(self.order(), name)
    }

    /// The session's status, or that of an order which was named itself.
    pub(crate) fn status(&self) -> Result<String> {
        self.session.clone().map_or_else(|| self.text("status"), Ok)
    }

    /// Whether nothing that is paid can change the status any more.
    pub(crate) fn is_over(&self) -> Result<bool> {
        let over = ["complete", "executed", "expired", "failure", "refunded", "refunding"];
        Ok(over.contains(&self.status()?.as_str()))
    }

    /// Whether this transaction is among the order's deposits.
    pub(crate) fn has_deposit(&self, hash: &str) -> bool {
        self.deposits().any(|deposit| deposit["txHash"] == hash)
    }

    /// What is left to be paid.
    pub(crate) fn due(&self) -> Result<Amount> {
        Ok(Amount::parse(&self.text("srcAmount")?)?.saturating_sub(self.received()?))
    }

    /// What the deposits on the order's chain add up to.
    pub(crate) fn received(&self) -> Result<Amount> {
        let mut sum = Amount::ZERO;
        for deposit in self.deposits().filter(|deposit| deposit["chain"] == self.order()["srcChain"]) {
            sum = sum.saturating_add(Amount::parse(&text(deposit, "amount")?)?);
        }
        Ok(sum)
    }

    fn deposits(&self) -> impl Iterator<Item = &Value> {
        self.record["depositTxs"].as_array().into_iter().flatten()
    }
}

/// A member that is a text.
pub(crate) fn text(value: &Value, name: &str) -> Result<String> {
    let text = value.get(name).and_then(Value::as_str);
    Ok(text.ok_or_else(|| anyhow!("the answer has no {name}"))?.to_owned())
}

//! A merchant with one payer, over HTTP.

use anyhow::{Context as _, Result, ensure};
use dev::local_chain::{CHAIN, USDC};
use reqwest::Client;
use serde_json::{Value, json};

use super::RECIPIENT;

/// Asks the service for what README's example asks for.
pub(crate) struct Shop {
    http: Client,
    base: String,
}

impl Shop {
    pub(crate) fn new(base: &str) -> Self {
        Self { http: Client::new(), base: base.to_owned() }
    }

    /// The id of a new session.
    pub(crate) async fn session(&self) -> Result<String> {
        let answer = self.post("checkout-sessions", &json!({})).await?;
        Ok(answer["data"]["id"].as_str().with_context(|| answer.to_string())?.to_owned())
    }

    /// A session's new order.
    pub(crate) async fn order(&self, session: &str, amount: &str) -> Result<Value> {
        let mut answer = self.post("orders", &order(session, amount)).await?;
        ensure!(answer["success"] == true, "{answer}");
        Ok(answer["data"].take())
    }

    /// Which field of an order was refused.
    pub(crate) async fn refused(&self, session: &str, members: Value) -> Result<String> {
        let mut order = order(session, "1");
        let members = members.as_object().into_iter().flatten();
        order
            .as_object_mut()
            .context("an order")?
            .extend(members.map(|(name, value)| (name.clone(), value.clone())));
        let answer = self.post("orders", &order).await?;
        ensure!(answer["error"]["code"] == "unsupported_route", "{answer}");
        Ok(answer["error"]["param"].as_str().unwrap_or_default().to_owned())
    }

    /// A session with its order.
    pub(crate) async fn session_with_order(&self, session: &str) -> Result<Value> {
        let url = format!("{}/checkout-sessions/{session}?include=order", self.base);
        let mut answer: Value = self.http.get(url).send().await?.json().await?;
        Ok(answer["data"].take())
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        Ok(self.http.post(format!("{}/{path}", self.base)).json(body).send().await?.json().await?)
    }
}

fn order(session: &str, amount: &str) -> Value {
    json!({
        "type": "swap",
        "checkoutSessionId": session,
        "recipientAddress": RECIPIENT,
        "srcChain": CHAIN,
        "dstChain": CHAIN,
        "srcTokenAddress": USDC.to_string(),
        "dstTokenAddress": USDC.to_string(),
        "srcAmount": amount,
        "payload": { "expectedDstAmount": amount },
    })
}

//! A payer on the local chain: sends an order's token to its deposit address, and watches what becomes of it.

use std::time::Duration;

use alloy_primitives::{Address, B256, U256};
use anyhow::{Context as _, Result, ensure};
use domain::amount::Amount;
use evm::rpc::Call;
use evm::{Rpc, abi};
use serde_json::json;
use tokio::time::sleep;

use crate::local_chain::{self, PAYER};
use crate::standing::Service;

/// Between two looks at the service.
const POLL: Duration = Duration::from_millis(250);

/// Pays with real transfers.
#[derive(Debug)]
pub struct Payer {
    service: Service,
    node: Rpc,
}

impl Payer {
    /// A payer for orders of the service at `base`, on the chain of the node at `endpoint`.
    pub fn new(base: impl Into<String>, endpoint: &str) -> Result<Self> {
        Ok(Self { service: Service::new(base), node: local_chain::rpc(endpoint)? })
    }

    /// Pays the order, or the session's order, that `id` names: this much, or what is due. Returns once that ended the
    /// order, or was seen not to be enough. `report` is handed the first status, the transfer, and each status after it.
    pub async fn pay(&self, id: &str, amount: Option<Amount>, mut report: impl FnMut(&str)) -> Result<()> {
        let before = self.service.standing(id).await?;
        let mut status = before.status()?;
        report(&status);
        let amount = amount.map_or_else(|| before.due(), Ok)?;
        ensure!(amount > Amount::ZERO, "nothing is due for {id} any more");
        let (token, to) = (before.text("srcTokenAddress")?, before.text("globalAddress")?);
        let hash = self.transfer(token.parse()?, to.parse()?, amount).await?;
        report(&format!("{amount} sent to {to} by {hash}"));
        loop {
            sleep(POLL).await;
            let standing = self.service.standing(id).await?;
            let now = standing.status()?;
            if now != status {
                report(&now);
                status = now;
            }
            let falls_short = standing.has_deposit(&hash) && standing.due()? > Amount::ZERO;
            if standing.is_over()? || falls_short {
                return Ok(());
            }
        }
    }

    /// Sends tokens of the payer's. Returns the transaction's hash.
    pub(crate) async fn transfer(&self, token: Address, to: Address, amount: Amount) -> Result<String> {
        let amount: U256 = amount.to_string().parse()?;
        let transaction = json!([{ "from": PAYER, "to": token, "input": abi::transfer(to, amount) }]);
        let hash = self.node.call(Call::new("eth_sendTransaction", transaction)).await;
        let hash: B256 = hash.context("the transfer was not sent")?;
        Ok(format!("{hash:#x}"))
    }
}

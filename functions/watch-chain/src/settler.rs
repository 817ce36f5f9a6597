//! Settling: what was paid is forwarded to whom it is for.
//!
//! One settlement at a time is under way on a chain: one nonce. It is signed, kept, and only then sent; whatever is lost
//! after that is sent again, and what is not mined is replaced under the same nonce with higher fees. Sweeping twice moves
//! nothing twice, so nothing here has to be exactly once.

use std::time::Duration;

use alloy_primitives::{Address, B256, Bytes, U256, hex};
use checkout::amount::Amount;
use checkout::order::OrderStatus;
use checkout::store::{CheckoutRecord, PendingSettlement, Progress, SignedVersion, StoreError};
use checkout::time::Timestamp;
use evm::RpcError;
use evm::abi::{self, Sweep};
use evm::block::BlockTag;
use evm::fees::Fees;
use evm::transaction::Transaction;
use lambda_http::tracing;

use crate::WatchError;
use crate::watcher::ChainWatcher;

/// The most orders in one transaction: at some 60,000 gas each, a fifth of the smallest block among the chains in use.
const BATCH: usize = 100;
/// After how long an unmined settlement is replaced.
const PATIENCE: Duration = Duration::from_secs(30);
/// How many times as much as is usual now a replacement may offer. What waits at such a price waits for something else,
/// for a gas payer that has money, say; raised on and on, it would take all of that money once there is some.
const MOST_OVER_USUAL: u128 = 4;

impl ChainWatcher {
    /// Sees to the settlement that is under way, or else sends one for what is due. Returns its hash.
    pub(crate) async fn settle(&self, records: &[CheckoutRecord]) -> Result<Option<B256>, WatchError> {
        let Some(payer) = self.payer.address() else {
            return Ok(None);
        };
        if let Some(pending) = self.store.settlement(self.chain.id).await? {
            if self.is_over(&pending, payer).await? {
                // The records were read before that, and may still show as due what it forwarded: the next step
                // reads them anew.
                return Ok(None);
            }
            return self.insist(&pending).await;
        }
        let now = self.clock.now();
        let due: Vec<&CheckoutRecord> =
            records.iter().filter(|record| is_due(record, now)).take(BATCH).collect();
        if due.is_empty() {
            return Ok(None);
        }
        let nonce = self.node.nonce(payer, BlockTag::Latest).await?;
        let fees = self.node.fees().await?;
        if self.is_too_dear(fees) {
            return Ok(None);
        }
        let input = abi::sweep_many(&due.iter().filter_map(|record| sweep(record)).collect::<Vec<_>>());
        let gas = self.node.estimate_gas(payer, self.factory.address(), &input).await?;
        let mut settlement = PendingSettlement {
            nonce,
            // What an estimate leaves out: money that comes to an address until then.
            gas_limit: gas.saturating_add(gas / 4),
            input: hex::encode_prefixed(&input),
            versions: Vec::new(),
            orders: due.iter().filter_map(|record| Some(record.checkout.order.as_ref()?.id)).collect(),
            version: 1,
        };
        let version = self.sign(&settlement, fees).await?;
        settlement.versions.push(version);
        self.keep_and_send(None, settlement).await
    }

    /// Signs a settlement's next version.
    async fn sign(&self, settlement: &PendingSettlement, fees: Fees) -> Result<SignedVersion, WatchError> {
        let input =
            hex::decode(&settlement.input).map_err(|_| StoreError::Broken("a call is no hex".to_owned()))?;
        let transaction = Transaction {
            chain_id: self.chain_id(),
            nonce: settlement.nonce,
            fees,
            gas_limit: settlement.gas_limit,
            to: self.factory.address(),
            value: U256::ZERO,
            input: input.into(),
        };
        let signed = self.payer.sign_transaction(&transaction).await?;
        Ok(SignedVersion {
            hash: format!("{:#x}", signed.hash),
            raw: hex::encode_prefixed(&signed.raw),
            max_fee_per_gas: fees.max,
            max_priority_fee_per_gas: fees.priority,
            signed_at: self.clock.now(),
        })
    }

    /// Whether fees are above what is configured: a node that lies of them must not burn the gas balance.
    fn is_too_dear(&self, fees: Fees) -> bool {
        let most = u128::from(self.chain.max_fee_gwei) * 1_000_000_000;
        let is_too_dear = fees.max > most;
        if is_too_dear {
            tracing::error!(
                chain = self.chain_id(),
                max_fee_per_gas = fees.max,
                most,
                "gas is too dear to settle"
            );
        }
        is_too_dear
    }

    /// Whether the chain has one of the settlement's versions, or has given its nonce to something else. Then it is
    /// forgotten: what became of its orders is read from the chain, as if a stranger had swept them.
    async fn is_over(&self, pending: &PendingSettlement, payer: Address) -> Result<bool, WatchError> {
        let next = self.node.nonce(payer, BlockTag::Latest).await?;
        // A reorganisation may have taken back the settlements before it, and then its turn may never come. Not at once:
        // a node that is behind says the same.
        let is_stranded = next < pending.nonce && self.has_waited(pending);
        if next <= pending.nonce && !is_stranded {
            return Ok(false);
        }
        match self.store.forget_settlement(self.chain.id, pending).await? {
            Progress::Made => Ok(true),
            Progress::Overtaken => Err(WatchError::Overtaken),
        }
    }

    /// Whether a settlement's newest version should have been mined by now.
    fn has_waited(&self, pending: &PendingSettlement) -> bool {
        let now = self.clock.now();
        pending.versions.last().is_some_and(|last| now.since(last.signed_at) >= PATIENCE)
    }

    /// Sends what is under way again, and with higher fees once it has waited for long.
    async fn insist(&self, pending: &PendingSettlement) -> Result<Option<B256>, WatchError> {
        let Some(last) = pending.versions.last() else {
            return Ok(None);
        };
        if !self.has_waited(pending) {
            self.send(last).await?;
            return Ok(None);
        }
        let usual = self.node.fees().await?;
        let fees = Fees { max: last.max_fee_per_gas, priority: last.max_priority_fee_per_gas };
        let fees = fees.raised().or_more(usual);
        let is_unusual =
            fees.max / MOST_OVER_USUAL > usual.max || fees.priority / MOST_OVER_USUAL > usual.priority;
        if is_unusual || self.is_too_dear(fees) {
            self.send(last).await?;
            return Ok(None);
        }
        let version = self.sign(pending, fees).await?;
        tracing::warn!(
            chain = self.chain_id(),
            nonce = pending.nonce,
            "a settlement was not mined: its fees are raised"
        );
        let mut replaced = pending.clone();
        // Only the newest is ever sent again. With all their bytes the versions of a large settlement would soon
        // not fit into an item any more, and nothing would be settled again.
        replaced.versions.iter_mut().for_each(|version| version.raw.clear());
        replaced.versions.push(version);
        replaced.version += 1;
        self.keep_and_send(Some(pending), replaced).await
    }

    async fn keep_and_send(
        &self,
        seen: Option<&PendingSettlement>,
        settlement: PendingSettlement,
    ) -> Result<Option<B256>, WatchError> {
        match self.store.keep_settlement(self.chain.id, seen, &settlement).await? {
            Progress::Made => {}
            Progress::Overtaken => return Err(WatchError::Overtaken),
        }
        let Some(version) = settlement.versions.last() else {
            return Ok(None);
        };
        self.send(version).await?;
        Ok(version.hash.parse().ok())
    }

    /// Hands a version in. That the node has it already is as good as that it takes it; any other refusal is seen
    /// again at the next step, and is no reason not to watch.
    async fn send(&self, version: &SignedVersion) -> Result<(), WatchError> {
        let Ok(raw) = hex::decode(&version.raw) else {
            return Ok(());
        };
        match self.node.send_raw_transaction(&Bytes::from(raw)).await {
            Err(error) if error.is_already_known() => Ok(()),
            // No gas to pay with, most likely: somebody has to see to it.
            Err(error @ RpcError::Node(_)) => {
                tracing::error!(chain = self.chain_id(), hash = version.hash, cause = %error, "a settlement was not taken");
                Ok(())
            }
            Err(error) => {
                tracing::warn!(chain = self.chain_id(), hash = version.hash, cause = %error, "a settlement was not sent");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }
}

/// Whether what lies at an order's address is to be forwarded: what was paid at once, everything else once the session is
/// over. Not while a part of it may still be taken back, which would take two transactions where one does.
fn is_due(record: &CheckoutRecord, now: Timestamp) -> bool {
    let (Some(order), Some(totals)) = (&record.checkout.order, record.on_chain) else {
        return false;
    };
    let has_ended = match record.checkout.order_status(order, now) {
        OrderStatus::WaitingStripePayment | OrderStatus::ScanningDepositTransaction => false,
        OrderStatus::Executing | OrderStatus::Relay => record.checkout.ledger.paid_at.is_some(),
        OrderStatus::Executed
        | OrderStatus::Refunding
        | OrderStatus::Refunded
        | OrderStatus::Failure
        | OrderStatus::Expired => totals.pending() == Amount::ZERO,
    };
    totals.unswept() > Amount::ZERO && has_ended && !totals.is_refused
}

fn sweep(record: &CheckoutRecord) -> Option<Sweep> {
    let order = record.checkout.order.as_ref()?;
    Some(Sweep {
        recipient: Address::from(order.terms.recipient.to_bytes()),
        order: abi::order_word(*order.id.as_bytes()),
        token: Address::from(order.terms.src_token.to_bytes()),
    })
}

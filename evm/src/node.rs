//! What is asked of a node, and what its answers are held to.

use std::ops::RangeInclusive;

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::abi;
use crate::block::{Block, BlockTag};
use crate::error::RpcError;
use crate::fees::{FeeHistory, Fees};
use crate::filter::LogFilter;
use crate::log::Log;
use crate::quantity::Quantity;
use crate::receipt::Receipt;
use crate::rpc::{Call, Rpc, read};

/// A chain's nodes, asked in types.
#[derive(Debug, Clone)]
pub struct Node {
    rpc: Rpc,
}

/// The logs of a range of blocks, with the last of these as the proof that the node has seen them all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogsUpTo {
    /// The last block of the range.
    pub last: Block,
    /// The logs, in the chain's order.
    pub logs: Vec<Log>,
}

impl Node {
    /// A node behind `rpc`.
    pub fn new(rpc: Rpc) -> Self {
        Self { rpc }
    }

    /// Which chain it is of. To be asked once at the start: with another chain's endpoint every deposit
    /// would be missed.
    pub async fn chain_id(&self) -> Result<u64, RpcError> {
        self.number("eth_chainId", json!([])).await
    }

    /// A block, or `None` where the node has not seen it.
    pub async fn block(&self, tag: BlockTag) -> Result<Option<Block>, RpcError> {
        let block = self.rpc.call(block_by_number(tag)).await?;
        match tag {
            BlockTag::Number(number) => is_numbered(block, number),
            BlockTag::Latest | BlockTag::Safe | BlockTag::Finalized | BlockTag::Pending => Ok(block),
        }
    }

    /// The logs of all these blocks, asked for in one batch with the last of them.
    ///
    /// A node that has not seen the last block may answer "no logs" instead of an error, and behind a
    /// balancer the node that told the head is not the one that is asked for the logs. So the block is
    /// the proof, from the same node at the same time; without it, or if anything else is wrong, there
    /// are no logs but an error, and the caller stays where it is.
    pub async fn logs_up_to(
        &self,
        blocks: RangeInclusive<u64>,
        filter: &LogFilter,
    ) -> Result<LogsUpTo, RpcError> {
        let (from, to) = (BlockTag::Number(*blocks.start()), BlockTag::Number(*blocks.end()));
        let parameter = filter.parameter(&from.parameter(), &to.parameter());
        let calls = [block_by_number(to), Call::new("eth_getLogs", json!([parameter]))];
        let mut answers = self.rpc.batch(&calls).await?.into_iter();
        let (Some(last), Some(logs)) = (answers.next(), answers.next()) else {
            return Err(RpcError::Malformed("lacks the block or the logs"));
        };
        // The block first: whoever has not seen it may refuse the logs for that very reason.
        let last = is_numbered(read(&last?)?, *blocks.end())?.ok_or(RpcError::Behind(*blocks.end()))?;
        let mut logs: Vec<Log> = read(&logs?)?;
        if !logs.iter().all(|log| blocks.contains(&log.place.block_number) && filter.matches(log)) {
            return Err(RpcError::Malformed("holds a log that was not asked for"));
        }
        logs.sort_unstable_by_key(|log| log.place);
        are_of_one_chain(&logs, &last)?;
        Ok(LogsUpTo { last, logs })
    }

    /// These blocks; `None` for each that the node has not seen.
    pub async fn blocks(&self, numbers: &[u64]) -> Result<Vec<Option<Block>>, RpcError> {
        let calls = numbers.iter().map(|number| block_by_number(BlockTag::Number(*number)));
        let blocks = self.batch(calls).await?;
        blocks.into_iter().zip(numbers).map(|(block, number)| is_numbered(block, *number)).collect()
    }

    /// What became of these transactions; `None` for each that is in no block.
    pub async fn receipts(&self, transactions: &[B256]) -> Result<Vec<Option<Receipt>>, RpcError> {
        let calls = transactions.iter().map(|hash| Call::new("eth_getTransactionReceipt", json!([hash])));
        let receipts: Vec<Option<Receipt>> = self.batch(calls).await?;
        let is_another = |(receipt, hash): (&Option<Receipt>, &B256)| {
            receipt.as_ref().is_some_and(|receipt| receipt.transaction_hash != *hash)
        };
        if receipts.iter().zip(transactions).any(is_another) {
            return Err(RpcError::Malformed("is the receipt of another transaction"));
        }
        Ok(receipts)
    }

    /// What these owners have of a token. One balance that cannot be read fails them all: who acts on
    /// balances must not take one for nothing.
    pub async fn balances(
        &self,
        token: Address,
        owners: &[Address],
        at: BlockTag,
    ) -> Result<Vec<U256>, RpcError> {
        let calls = owners.iter().map(|owner| view(token, &abi::balance_of(*owner), at));
        let words: Vec<Bytes> = self.batch(calls).await?;
        let balance = |word: Bytes| {
            let word = B256::try_from(word.as_ref()).map_err(|_| RpcError::Malformed("is no balance"))?;
            Ok(word.into())
        };
        words.into_iter().map(balance).collect()
    }

    /// What an account has of the native token, in wei.
    pub async fn native_balance(&self, owner: Address, at: BlockTag) -> Result<U256, RpcError> {
        self.number("eth_getBalance", json!([owner, at.parameter()])).await
    }

    /// The number of an account's next transaction: after those in blocks with [`BlockTag::Latest`],
    /// after those that wait as well with [`BlockTag::Pending`].
    pub async fn nonce(&self, account: Address, at: BlockTag) -> Result<u64, RpcError> {
        self.number("eth_getTransactionCount", json!([account, at.parameter()])).await
    }

    /// What a contract's function answers.
    pub async fn view(&self, contract: Address, input: &Bytes, at: BlockTag) -> Result<Bytes, RpcError> {
        self.rpc.call(view(contract, input, at)).await
    }

    /// The gas that a call would take. A call that would fail is refused, with the reason.
    pub async fn estimate_gas(&self, from: Address, to: Address, input: &Bytes) -> Result<u64, RpcError> {
        let call = json!({ "from": from, "to": to, "input": input });
        self.number("eth_estimateGas", json!([call])).await
    }

    /// What a transaction should offer now, by the last ten blocks.
    pub async fn fees(&self) -> Result<Fees, RpcError> {
        let call = Call::new("eth_feeHistory", json!(["0xa", BlockTag::Latest.parameter(), [50]]));
        let history: FeeHistory = self.rpc.call(call).await?;
        history.fees().ok_or(RpcError::Malformed("is a fee history of nothing"))
    }

    /// Hands in a signed transaction. That it was taken says nothing of what becomes of it; and a refusal
    /// [may mean that it is in already](RpcError::is_already_known).
    pub async fn send_raw_transaction(&self, raw: &Bytes) -> Result<(), RpcError> {
        let hash: B256 = self.rpc.call(Call::new("eth_sendRawTransaction", json!([raw]))).await?;
        if hash == keccak256(raw) {
            Ok(())
        } else {
            Err(RpcError::Malformed("is the hash of another transaction"))
        }
    }

    async fn number<T: TryFrom<U256>>(&self, method: &'static str, params: Value) -> Result<T, RpcError> {
        let Quantity(number) = self.rpc.call(Call::new(method, params)).await?;
        Ok(number)
    }

    /// A batch of which every answer is of one type, and every one is needed.
    async fn batch<T: DeserializeOwned>(
        &self,
        calls: impl Iterator<Item = Call>,
    ) -> Result<Vec<T>, RpcError> {
        let calls: Vec<Call> = calls.collect();
        let answers = self.rpc.batch(&calls).await?;
        answers.into_iter().map(|answer| read(&answer?)).collect()
    }
}

/// Without its transactions.
fn block_by_number(tag: BlockTag) -> Call {
    Call::new("eth_getBlockByNumber", json!([tag.parameter(), false]))
}

fn view(contract: Address, input: &Bytes, at: BlockTag) -> Call {
    Call::new("eth_call", json!([{ "to": contract, "input": input }, at.parameter()]))
}

/// Some balancers answer with what they have in their cache.
fn is_numbered(block: Option<Block>, number: u64) -> Result<Option<Block>, RpcError> {
    match block {
        Some(block) if block.number != number => Err(RpcError::Malformed("is another block")),
        Some(_) | None => Ok(block),
    }
}

/// Whether logs, in their order, can stand in one chain that ends with `last`: none twice, or a deposit
/// would count twice, and all of a block's in the same one. They cannot where the chain was reorganised
/// meanwhile.
fn are_of_one_chain(logs: &[Log], last: &Block) -> Result<(), RpcError> {
    let pairs = logs.iter().map(|log| log.place).zip(logs.iter().skip(1).map(|log| log.place));
    for (one, next) in pairs {
        if one.block_number == next.block_number {
            if one.log_index == next.log_index {
                return Err(RpcError::Malformed("holds a log twice"));
            }
            if one.block_hash != next.block_hash {
                return Err(RpcError::Malformed("mixes two chains"));
            }
        }
    }
    match logs.last().map(|log| log.place) {
        Some(place) if place.block_number == last.number && place.block_hash != last.hash => {
            Err(RpcError::Malformed("mixes two chains"))
        }
        Some(_) | None => Ok(()),
    }
}

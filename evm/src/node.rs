//! Typed questions to a node, and what its responses are held to.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::abi;
use crate::block::{Block, BlockTag};
use crate::error::RpcError;
use crate::fees::{FeeHistory, Fees};
use crate::quantity::Quantity;
use crate::receipt::Receipt;
use crate::rpc::{Answer, Call, Rpc};
use crate::session::{Failure, Of, Session, read};

pub use crate::logs::LogsUpTo;

/// The nodes of one chain. Clones share what is known of each endpoint.
///
/// A response of the wrong form is the endpoint's failure: the same question goes to the next one.
#[derive(Debug, Clone)]
pub struct Node {
    rpc: Rpc,
}

impl Node {
    /// Creates a node behind `rpc`.
    pub fn new(rpc: Rpc) -> Self {
        Self { rpc }
    }

    pub(crate) fn rpc(&self) -> &Rpc {
        &self.rpc
    }

    /// Leaves the current endpoint as after an error, because what it said cannot be true. Nothing changes if
    /// it is the only one.
    pub fn distrust(&self, why: &str) {
        self.rpc.distrust(why);
    }

    /// Returns the chain's id. [`Rpc::for_chain`] verifies it for each endpoint.
    pub async fn chain_id(&self) -> Result<u64, RpcError> {
        self.number("eth_chainId", json!([])).await
    }

    /// Returns a block, or `None` if the node does not have it.
    ///
    /// Some nodes respond to `safe` and `finalized` with an error until their consensus client has told them
    /// these blocks. This means that there is no such block yet.
    pub async fn block(&self, tag: BlockTag) -> Result<Option<Block>, RpcError> {
        self.rpc.on_one(|session| ask_block(session, tag)).await
    }

    /// Returns these blocks, with `None` for each that the node does not have.
    pub async fn blocks(&self, numbers: &[u64]) -> Result<Vec<Option<Block>>, RpcError> {
        if numbers.is_empty() {
            return Ok(Vec::new());
        }
        let tags = || numbers.iter().map(|number| BlockTag::Number(*number));
        let calls: &Vec<Call> = &tags().map(block_by_number).collect();
        self.rpc
            .on_one(|session| async move {
                let answers = session.batch(calls).await?;
                let blocks = answers.into_iter().zip(tags()).map(|(answer, tag)| block_in(answer, tag));
                Ok(blocks.collect::<Result<_, _>>()?)
            })
            .await
    }

    /// Returns the receipts of these transactions, with `None` for each that is in no block.
    pub async fn receipts(&self, transactions: &[B256]) -> Result<Vec<Option<Receipt>>, RpcError> {
        let calls = transactions.iter().map(|hash| Call::new("eth_getTransactionReceipt", json!([hash])));
        self.batch(calls.collect(), |receipts: Vec<Option<Receipt>>| {
            let is_another = |(receipt, hash): (&Option<Receipt>, &B256)| {
                receipt.as_ref().is_some_and(|receipt| receipt.transaction_hash != *hash)
            };
            if receipts.iter().zip(transactions).any(is_another) {
                return Err(RpcError::Malformed("is the receipt of another transaction"));
            }
            Ok(receipts)
        })
        .await
    }

    /// Returns the balances of these owners in a token. If one of them cannot be read, all of them fail:
    /// otherwise the caller could take it for zero.
    pub async fn balances(
        &self,
        token: Address,
        owners: &[Address],
        at: BlockTag,
    ) -> Result<Vec<U256>, RpcError> {
        let calls = owners.iter().map(|owner| view(token, &abi::balance_of(*owner), at));
        let balance = |word: Bytes| {
            let word = B256::try_from(word.as_ref()).map_err(|_| RpcError::Malformed("is no balance"))?;
            Ok(word.into())
        };
        self.batch(calls.collect(), |words: Vec<Bytes>| words.into_iter().map(balance).collect()).await
    }

    /// Returns an account's balance in the native token, in wei.
    pub async fn native_balance(&self, owner: Address, at: BlockTag) -> Result<U256, RpcError> {
        self.number("eth_getBalance", json!([owner, at.parameter()])).await
    }

    /// Returns the number of an account's next transaction: the one after those in blocks with
    /// [`BlockTag::Latest`], and the one after those that are pending with [`BlockTag::Pending`].
    pub async fn nonce(&self, account: Address, at: BlockTag) -> Result<u64, RpcError> {
        self.number("eth_getTransactionCount", json!([account, at.parameter()])).await
    }

    /// Returns the code of a contract at the latest block; empty if there is no contract.
    pub async fn code(&self, address: Address) -> Result<Bytes, RpcError> {
        let latest = BlockTag::Latest.parameter();
        self.rpc.call(Call::new("eth_getCode", json!([address, latest]))).await
    }

    /// Returns what a contract's function returns.
    pub async fn view(&self, contract: Address, input: &Bytes, at: BlockTag) -> Result<Bytes, RpcError> {
        self.rpc.call(view(contract, input, at)).await
    }

    /// Returns the decimals of a token, or `None` if the contract has no such function, or returns something
    /// else than a number up to 255.
    pub async fn token_decimals(&self, token: Address) -> Result<Option<u8>, RpcError> {
        let call = &view(token, &abi::decimals(), BlockTag::Latest);
        let word = self
            .rpc
            .on_one(|session| async move {
                match session.call::<Bytes>(call).await {
                    Ok(word) => Ok(B256::try_from(word.as_ref()).ok()),
                    // A revert.
                    Err(Failure { of: Of::Call, .. }) => Ok(None),
                    Err(failure) => Err(failure),
                }
            })
            .await?;
        Ok(word.and_then(|word| U256::from_be_bytes(word.0).try_into().ok()))
    }

    /// Returns the gas that a call would take. A call that would fail is refused with the reason.
    pub async fn estimate_gas(&self, from: Address, to: Address, input: &Bytes) -> Result<u64, RpcError> {
        let call = json!({ "from": from, "to": to, "input": input });
        self.number("eth_estimateGas", json!([call])).await
    }

    /// Returns what a transaction should offer now, by the last ten blocks.
    pub async fn fees(&self) -> Result<Fees, RpcError> {
        let call = &Call::new("eth_feeHistory", json!(["0xa", BlockTag::Latest.parameter(), [50]]));
        self.rpc
            .on_one(|session| async move {
                let history: FeeHistory = session.call(call).await?;
                Ok(history.fees().ok_or(RpcError::Malformed("is a fee history of nothing"))?)
            })
            .await
    }

    /// Sends a signed transaction. That the node accepts it does not mean that it will be mined, and a refusal
    /// [may mean that it is in already](RpcError::is_already_known).
    pub async fn send_raw_transaction(&self, raw: &Bytes) -> Result<(), RpcError> {
        let call = &Call::new("eth_sendRawTransaction", json!([raw]));
        self.rpc
            .on_one(|session| async move {
                let hash: B256 = session.call(call).await?;
                if hash == keccak256(raw) {
                    Ok(())
                } else {
                    Err(RpcError::Malformed("is the hash of another transaction").into())
                }
            })
            .await
    }

    async fn number<T: TryFrom<U256>>(&self, method: &'static str, params: Value) -> Result<T, RpcError> {
        let Quantity(number) = self.rpc.call(Call::new(method, params)).await?;
        Ok(number)
    }

    /// Makes a batch of which every answer is needed and has one type.
    async fn batch<T: DeserializeOwned, U>(
        &self,
        calls: Vec<Call>,
        check: impl Fn(Vec<T>) -> Result<U, RpcError>,
    ) -> Result<U, RpcError> {
        if calls.is_empty() {
            return check(Vec::new());
        }
        let (calls, check) = (&calls, &check);
        self.rpc
            .on_one(|session| async move {
                let answers = session.batch(calls).await?;
                let read = answers.into_iter().map(|answer| Ok::<T, Failure>(read(&answer?)?));
                Ok(check(read.collect::<Result<_, _>>()?)?)
            })
            .await
    }
}

/// Asks for a block without its transactions.
pub(crate) fn block_by_number(tag: BlockTag) -> Call {
    Call::new("eth_getBlockByNumber", json!([tag.parameter(), false]))
}

/// Asks one endpoint for a block.
pub(crate) async fn ask_block(session: Session<'_>, tag: BlockTag) -> Result<Option<Block>, Failure> {
    match session.call(&block_by_number(tag)).await {
        Ok(block) => Ok(as_tagged(block, tag)?),
        Err(Failure { of: Of::Call, .. }) => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// Reads the answer to [`block_by_number`]. The only error that is an answer is "unknown block".
pub(crate) fn block_in(answer: Answer, tag: BlockTag) -> Result<Option<Block>, RpcError> {
    match answer {
        Ok(block) => as_tagged(read(&block)?, tag),
        Err(_unknown) => Ok(None),
    }
}

/// Some balancers respond with another block that they have in their cache.
fn as_tagged(block: Option<Block>, tag: BlockTag) -> Result<Option<Block>, RpcError> {
    match (block, tag) {
        (Some(block), BlockTag::Number(number)) if block.number != number => {
            Err(RpcError::Malformed("is another block"))
        }
        (block, _) => Ok(block),
    }
}

fn view(contract: Address, input: &Bytes, at: BlockTag) -> Call {
    Call::new("eth_call", json!([{ "to": contract, "input": input }, at.parameter()]))
}

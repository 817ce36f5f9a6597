//! A chain on this machine to be paid on: a node that plays Base, with the forwarder factory and a USDC of play money in
//! place, watched and settled as a real one is.
//!
//! It is Base by its id and USDC by its address, and the factory has the address that it has on every chain. Requests to
//! a deployed service therefore work here unchanged, and deposit addresses are the same.

use std::time::Duration;

use alloy_primitives::{Address, Bytes, U256, address};
use alloy_sol_types::{SolCall as _, sol};
use anyhow::{Context as _, Result, ensure};
use aws_config::SdkConfig;
use domain::chain_config::Chains;
use domain::deposit_address::ForwarderFactory;
use evm::Limits;
use evm::rpc::Call;
use evm::{Endpoint, Node, Rpc};
use runtime::Clock;
use serde_json::{Value, json};
use store::Store;
use tokio::time::sleep;
use watch_chain::{ChainWatcher, NodeSettings, Step};

use crate::evm_node::{EvmNode, Mining, Options};

/// Base.
pub const CHAIN: u64 = 8453;
/// Base's USDC.
pub const USDC: Address = address!("0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913");
/// The payer: the node's first account. The node signs for it.
pub const PAYER: Address = address!("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266");
/// What the payer begins with, in USDC's smallest unit: a million dollars.
pub const FUNDS: u64 = 1_000_000_000_000;

/// Who settles: the node's second account.
const SETTLER: Address = address!("0x70997970C51812dc3A010C7d01b50e0d17dc79C8");
/// Its key. The node tells it to everybody, and it opens play money alone.
const GAS_KEY: &str = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";
/// A token without a peculiarity: it keeps to ERC-20 and has six decimals, as USDC does.
const TOKEN: &str = include_str!("../../contracts/out/test/PlayDollar.json");
/// Often enough to see every block.
const POLL: Duration = Duration::from_millis(500);

sol! {
    function mint(address to, uint256 amount);
}

/// A running chain. It ends when this is dropped.
#[derive(Debug)]
pub struct LocalChain {
    node: EvmNode,
    rpc: Rpc,
}

impl LocalChain {
    /// Starts a node that makes a block each second, places factory and token, and funds the payer.
    pub async fn start() -> Result<Self> {
        let options = Options { chain: CHAIN, mining: Mining::Every(1), ..Options::default() };
        let node = EvmNode::start(options).await?;
        let chain = Self { rpc: rpc(node.endpoint())?, node };
        chain.place_token().await.context("the token cannot be placed")?;
        let mint = mintCall { to: PAYER, amount: U256::from(FUNDS) }.abi_encode().into();
        // Together, so that one block takes both. From two accounts: the node would number them alike.
        tokio::try_join!(
            chain.send(SETTLER, contracts::DEPLOYER, contracts::placement()?),
            chain.send(PAYER, USDC, mint),
        )
        .context("the chain cannot be furnished")?;
        Ok(chain)
    }

    /// Where the node's JSON-RPC is.
    pub fn endpoint(&self) -> &str {
        self.node.endpoint()
    }

    /// The chain as the functions are told of it. One block of finality makes each status last long enough to be seen.
    /// Only `recipients` can be paid; any, if there is none.
    pub fn chains(recipients: &[&str]) -> Result<Chains> {
        let chain = json!({
            "chainId": CHAIN, "tokens": [USDC.to_string()], "finality": "blocks:1", "recipients": recipients,
        });
        Ok(Chains::parse(&json!([chain]).to_string())?)
    }

    /// The factory that was placed.
    pub fn factory() -> Result<ForwarderFactory> {
        Ok(ForwarderFactory::at(contracts::factory_address()?))
    }

    /// A watcher of this chain, for orders in a table.
    pub fn watcher(&self, aws: &SdkConfig, table: &str, clock: Clock) -> Result<ChainWatcher> {
        let secret = json!({ "endpoints": { CHAIN.to_string(): [self.endpoint()] }, "gasKey": GAS_KEY });
        let settings = NodeSettings::parse(&secret.to_string())?;
        let chain = Self::chains(&[])?.iter().next().cloned().context("no chain is configured")?;
        let node = Node::new(settings.rpc(chain.id)?);
        let store = Store::new(aws, table);
        Ok(ChainWatcher::new(chain, node, store, clock, Self::factory()?, settings.payer))
    }

    /// Places the token where USDC stands. No transaction could: its address follows from who placed it on Base. What
    /// the creation code answers is the code to be placed.
    async fn place_token(&self) -> Result<()> {
        let create = json!([{ "input": contracts::creation_code(TOKEN)? }, "latest"]);
        let code: Bytes = self.rpc.call(Call::new("eth_call", create)).await?;
        let _: Value = self.rpc.call(Call::new("anvil_setCode", json!([USDC, code]))).await?;
        Ok(())
    }

    /// Sends a transaction and waits until it is in a block.
    async fn send(&self, from: Address, to: Address, input: Bytes) -> Result<()> {
        let transaction = json!([{ "from": from, "to": to, "input": input }]);
        let receipt: Value = self.rpc.call(Call::new("eth_sendTransactionSync", transaction)).await?;
        ensure!(receipt.get("status") == Some(&json!("0x1")), "a transaction failed: {receipt}");
        Ok(())
    }
}

/// Watches a chain and settles what was paid there, for as long as it is awaited. `report` is told of each settlement,
/// and of trouble once.
pub async fn watch(mut watcher: ChainWatcher, mut report: impl FnMut(String)) {
    let mut trouble = String::new();
    let mut step = watcher.begin().await.map(|()| Step::default());
    loop {
        match step {
            Ok(Step { sent, .. }) => {
                trouble.clear();
                if let Some(hash) = sent {
                    report(format!("settles by {hash:#x}"));
                }
            }
            Err(error) => {
                let news = format!("cannot be watched: {error}");
                if news != trouble {
                    report(news.clone());
                    trouble = news;
                }
            }
        }
        sleep(POLL).await;
        // Boxed: it is large, and every future that awaits this would contain it.
        step = Box::pin(watcher.step()).await;
    }
}

/// How a local node is asked.
pub(crate) fn rpc(endpoint: &str) -> Result<Rpc> {
    Ok(Rpc::new(vec![Endpoint::parse(endpoint)?], Limits::default())?)
}

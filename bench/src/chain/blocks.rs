//! The chain itself: blocks are made when they are wanted, each with transfers of strangers beside what is measured.

use alloy_primitives::{Address, B256, Bytes, U256};
use anyhow::{Result, ensure};
use dev::local_chain::{LocalChain, PAYER, USDC};
use evm::Limits;
use evm::block::BlockTag;
use evm::receipt::Receipt;
use evm::rpc::Call;
use evm::{Endpoint, Node, Rpc, abi};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// How many payments fit into one of the node's blocks, by the gas that each may take.
const PAYMENTS_IN_A_BLOCK: usize = 200;

/// A running chain.
#[derive(Debug)]
pub struct Blocks {
    local: LocalChain,
    rpc: Rpc,
    traffic: u32,
}

impl Blocks {
    /// Starts a chain with as many transfers of strangers in each block.
    pub async fn start(traffic: u32) -> Result<Self> {
        let local = LocalChain::start().await?;
        let rpc = Rpc::new(vec![Endpoint::parse(local.endpoint())?], Limits::default())?;
        let blocks = Self { local, rpc, traffic };
        // From here on no block comes by itself.
        blocks.tell("evm_setIntervalMining", json!([0])).await?;
        Ok(blocks)
    }

    /// Where the node is.
    pub fn endpoint(&self) -> &str {
        self.local.endpoint()
    }

    /// Makes a block of what waits and of strangers' transfers, each to another recipient: what is looked up for one
    /// recipient is remembered for the next transfer to it.
    pub async fn make(&self) -> Result<()> {
        let strangers: Vec<Address> =
            std::iter::repeat_with(stranger).take(usize::try_from(self.traffic)?).collect();
        self.transfer(&strangers, 1).await?;
        self.tell("evm_mine", json!([])).await
    }

    /// Makes as many empty blocks, two seconds apart.
    pub async fn skip(&self, blocks: u32) -> Result<()> {
        // A node that is to make more at once does not answer in time.
        for part in std::iter::repeat_n(200, usize::try_from(blocks / 200)?).chain([blocks % 200]) {
            self.tell("anvil_mine", json!([format!("{part:#x}"), "0x2"])).await?;
        }
        Ok(())
    }

    /// Pays as much to each of these addresses, in as many blocks as that needs.
    pub async fn pay(&self, addresses: &[Address], amount: u64) -> Result<()> {
        for addresses in addresses.chunks(PAYMENTS_IN_A_BLOCK) {
            self.transfer(addresses, amount).await?;
            self.make().await?;
        }
        Ok(())
    }

    /// Gives an account native money.
    pub async fn endow(&self, account: Address, wei: U256) -> Result<()> {
        self.tell("anvil_setBalance", json!([account, wei])).await
    }

    /// What became of these transactions; each must be in a block.
    pub async fn receipts(&self, transactions: &[B256]) -> Result<Vec<Receipt>> {
        let receipts = Node::new(self.rpc.clone()).receipts(transactions).await?;
        let receipts: Vec<Receipt> = receipts.into_iter().flatten().collect();
        ensure!(receipts.len() == transactions.len(), "a settlement is in no block");
        Ok(receipts)
    }

    /// How much of the token an account has.
    pub async fn holds(&self, account: Address) -> Result<U256> {
        let node = Node::new(self.rpc.clone());
        let balances = node.balances(USDC, &[account], BlockTag::Latest).await?;
        Ok(balances.into_iter().sum())
    }

    async fn transfer(&self, recipients: &[Address], amount: u64) -> Result<()> {
        let first: U256 = self.ask("eth_getTransactionCount", json!([PAYER, "pending"])).await?;
        let calls = recipients.iter().zip(0_u64..).map(|(to, place)| {
            let input: Bytes = abi::transfer(*to, U256::from(amount));
            // Its number is given: of a batch, the node would number several alike. So is its gas: it would try each out.
            let (nonce, gas) = (first + U256::from(place), U256::from(100_000));
            let transaction =
                json!({ "from": PAYER, "to": USDC, "input": input, "nonce": nonce, "gas": gas });
            Call::new("eth_sendTransaction", json!([transaction]))
        });
        let calls: Vec<Call> = calls.collect();
        for answer in self.rpc.batch(&calls).await? {
            answer?;
        }
        Ok(())
    }

    async fn ask<T: DeserializeOwned>(&self, method: &'static str, params: Value) -> Result<T> {
        Ok(self.rpc.call(Call::new(method, params)).await?)
    }

    async fn tell(&self, method: &'static str, params: Value) -> Result<()> {
        self.ask::<Value>(method, params).await.map(drop)
    }
}

/// An address that belongs to no order.
fn stranger() -> Address {
    let mut address = [0; 20];
    fastrand::Rng::new().fill(&mut address);
    Address::from(address)
}

//! Money on the local chain, from the payer's transfer to the recipient's balance: in one process, where the test makes
//! the blocks, and by the commands that README shows.

#![expect(clippy::indexing_slicing, reason = "a JSON value is `null` where it has no such member")]

mod commands;
mod shop;

use std::time::Duration;

use alloy_primitives::{Address, address};
use anyhow::{Context as _, Result, bail, ensure};
use dev::functions::{Environment, Functions};
use dev::local_chain::{self, FUNDS, LocalChain, PAYER, USDC};
use dev::payer::Payer;
use dev::template::Template;
use dev::{engine, gateway};
use domain::amount::Amount;
use evm::Limits;
use evm::block::BlockTag;
use evm::receipt::Receipt;
use evm::rpc::Call;
use evm::{Endpoint, Node, Rpc};
use runtime::{Clock, SigningSecrets};
use serde_json::{Value, json};
use shop::Shop;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use watch_chain::ChainWatcher;

/// Whatever has not happened by then never will. Nothing that passes waits so long.
const PATIENCE: Duration = Duration::from_mins(2);
const TABLE: &str = "checkout";
const SECRET: &str = "whsec_Y2hlY2tvdXQtc2Vzc2lvbnMtbG9jYWwtc2VjcmV0";
/// The recipient in README's example.
const RECIPIENT: Address = address!("0xb34facb90a200251318e8841c05102366f2158cf");

/// The service, its chain, and who makes the chain's blocks.
struct World {
    chain: LocalChain,
    rpc: Rpc,
    listener: TcpListener,
    router: axum::Router,
    watcher: ChainWatcher,
    base: String,
}

impl World {
    async fn new() -> Result<Self> {
        let chain = LocalChain::start().await?;
        let rpc = Rpc::new(vec![Endpoint::parse(chain.endpoint())?], Limits::default())?;
        // From here on the test makes the blocks: a status then lasts until it was seen.
        let _: Value = rpc.call(Call::new("evm_setIntervalMining", json!([0]))).await?;

        let template = Template::compiled_in()?;
        let aws = engine::sdk_config(&engine::start_embedded(None, 0).await?).await;
        engine::create_table(&aws, TABLE, &template.table).await?;
        let clock = Clock::system();
        let watcher = chain.watcher(&aws, TABLE, clock.clone())?;
        let (secrets, factory) = (SigningSecrets::parse(SECRET)?, LocalChain::factory()?);
        let functions = Functions::new(Environment {
            chains: LocalChain::chains(&[])?,
            is_local: true,
            ..Environment::with_defaults(aws, TABLE, clock.clone(), secrets, factory)
        });
        let router = gateway::router(&template, functions, clock)?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let base = format!("http://{}", listener.local_addr()?);
        Ok(Self { chain, rpc, listener, router, watcher, base })
    }

    /// Lets the service serve and the watcher watch until the story is told.
    async fn tell(self, story: impl AsyncFnOnce(Shop, Payer, Blocks) -> Result<()>) -> Result<()> {
        let (shop, blocks) = (Shop::new(&self.base), Blocks { rpc: self.rpc });
        let payer = Payer::new(&self.base, self.chain.endpoint())?;
        let trouble = |news: String| assert!(news.starts_with("settles by"), "the chain {news}");
        tokio::select! {
            told = timeout(PATIENCE, Box::pin(story(shop, payer, blocks))) => told?,
            served = async { axum::serve(self.listener, self.router).await } => bail!("it serves no more: {served:?}"),
            () = local_chain::watch(self.watcher, trouble) => bail!("it watches no more"),
        }
    }
}

/// Makes blocks, and reads what they come to.
struct Blocks {
    rpc: Rpc,
}

impl Blocks {
    async fn make(&self, blocks: usize) -> Result<()> {
        for _ in 0..blocks {
            let _: Value = self.rpc.call(Call::new("evm_mine", json!([]))).await?;
        }
        Ok(())
    }

    /// Makes blocks until something has happened.
    async fn make_until<T>(&self, happened: impl Future<Output = T>) -> Result<T> {
        tokio::select! {
            it = happened => Ok(it),
            made = async {
                loop {
                    self.make(1).await?;
                    sleep(Duration::from_millis(100)).await;
                }
            } => made,
        }
    }

    fn node(&self) -> Node {
        Node::new(self.rpc.clone())
    }

    /// What became of a transaction that the service shows.
    async fn receipt(&self, shown: &Value) -> Result<Receipt> {
        let hash = shown["txHash"].as_str().unwrap_or_default().parse()?;
        let mut receipts = self.node().receipts(&[hash]).await?;
        receipts.pop().flatten().with_context(|| format!("no block has {shown}"))
    }

    async fn usdc_of(&self, owner: Address) -> Result<u64> {
        let balances = self.node().balances(USDC, &[owner], BlockTag::Latest).await?;
        Ok(balances[0].to())
    }
}

#[tokio::test]
async fn a_transfer_takes_a_session_from_open_over_processing_to_complete() -> Result<()> {
    World::new()
        .await?
        .tell(async |shop, payer, blocks| {
            let session = shop.session().await?;
            let order = shop.order(&session, "5000000").await?;
            let (heard, mut news) = mpsc::unbounded_channel();

            let paid = payer.pay(&session, None, |news| drop(heard.send(news.to_owned())));
            let observed = async {
                let mut next = async || news.recv().await.unwrap_or_default();
                ensure!(next().await == "open");
                ensure!(next().await.starts_with("5000000 sent to 0x"));
                // One block for the transfer, and one that makes it final.
                blocks.make(2).await?;
                ensure!(next().await == "processing");
                ensure!(blocks.usdc_of(RECIPIENT).await? == 0, "no block, yet money has moved");
                ensure!(blocks.make_until(next()).await? == "complete");
                Ok(())
            };
            tokio::try_join!(paid, observed)?;

            let record = shop.session_with_order(&session).await?["order"].take();
            ensure!(record["order"]["id"] == order["id"] && record["order"]["status"] == "executed");
            ensure!(record["order"]["settlement"]["actualDstAmount"] == "5000000");
            ensure!(record["depositTxs"].as_array().is_some_and(|deposits| deposits.len() == 1));
            ensure!(record["executeTx"]["txHash"] != record["depositTxs"][0]["txHash"]);
            let deposit: Address = serde_json::from_value(order["globalAddress"].clone())?;
            ensure!(blocks.usdc_of(RECIPIENT).await? == 5_000_000);
            ensure!(blocks.usdc_of(PAYER).await? == FUNDS - 5_000_000);
            ensure!(blocks.usdc_of(deposit).await? == 0);
            ensure!(blocks.receipt(&record["executeTx"]).await?.from != PAYER, "the payer settled it");
            Ok(())
        })
        .await
}

#[tokio::test]
async fn a_part_leaves_the_session_open_and_the_rest_completes_it() -> Result<()> {
    World::new()
        .await?
        .tell(async |shop, payer, blocks| {
            let session = shop.session().await?;
            let order = shop.order(&session, "5000000").await?;
            let mut news = Vec::new();
            let part =
                payer.pay(&session, Some(Amount::parse("2000000")?), |heard| news.push(heard.to_owned()));
            blocks.make_until(part).await??;
            ensure!(news.len() == 2 && news[0] == "open" && news[1].starts_with("2000000 sent"), "{news:?}");

            // Named by the order this time.
            let order = order["id"].as_str().unwrap_or_default();
            let mut news = Vec::new();
            let rest = payer.pay(order, None, |heard| news.push(heard.to_owned()));
            blocks.make_until(rest).await??;
            ensure!(
                news[1].starts_with("3000000 sent") && news.last().is_some_and(|last| last == "executed"),
                "{news:?}"
            );
            let session = shop.session_with_order(&session).await?;
            ensure!(session["status"] == "complete", "{session}");
            ensure!(
                session["order"]["depositTxs"].as_array().is_some_and(|deposits| deposits.len() == 2),
                "{session}"
            );
            ensure!(blocks.usdc_of(RECIPIENT).await? == 5_000_000);
            // The factory's placement and one settlement: the part was not forwarded by itself.
            let settler = blocks.receipt(&session["order"]["executeTx"]).await?.from;
            ensure!(blocks.node().nonce(settler, BlockTag::Latest).await? == 2);
            Ok(())
        })
        .await
}

#[tokio::test]
async fn an_order_on_another_chain_or_in_another_token_is_refused() -> Result<()> {
    World::new()
        .await?
        .tell(async |shop, _, _| {
            let session = shop.session().await?;
            let another_chain = json!({ "srcChain": 1, "dstChain": 1 });
            ensure!(shop.refused(&session, another_chain).await? == "srcChain");
            let another_token = json!({ "srcTokenAddress": PAYER, "dstTokenAddress": PAYER });
            ensure!(shop.refused(&session, another_token).await? == "srcTokenAddress");
            shop.order(&session, "1").await?;
            Ok(())
        })
        .await
}

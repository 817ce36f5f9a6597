//! A service, a chain, and a watcher between them with a meter on either side.

use std::time::{Duration, Instant};

use alloy_primitives::U256;
use anyhow::{Context as _, Result, anyhow, ensure};
use checkout::api::{Clock, Event, SigningSecrets};
use checkout::chain_config::Chains;
use checkout::config::Retention;
use checkout::store::Store;
use dev::engine;
use dev::functions::{Environment, Functions};
use dev::local_chain::{CHAIN, LocalChain, USDC};
use dev::template::Template;
use dynoxide::Database;
use evm::local::LocalKey;
use evm::rpc::Limits;
use evm::{Endpoint, Node, Rpc, Signer};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};
use watch_chain::{ChainWatcher, Step};

use crate::backstage::Backstage;
use crate::blocks::Blocks;
use crate::engine_meter::EngineMeter;
use crate::node_meter::NodeMeter;
use crate::step::Cost;

/// The table's name.
pub const TABLE: &str = "checkout";
/// Who pays for settlements: the key in the vector of EIP-155.
const GAS_KEY: &str = "0x4646464646464646464646464646464646464646464646464646464646464646";
/// The secret in `events/record-order-event.json`. No event is signed here.
const SECRET: &str = "whsec_Y2hlY2tvdXQtc2Vzc2lvbnMtbG9jYWwtc2VjcmV0";

/// All of it, new for each measurement.
pub struct World {
    /// The chain, behind the watcher's back.
    pub blocks: Blocks,
    /// The table, behind the watcher's back.
    pub database: Database,
    /// The table, as the service sees it.
    pub store: Store,
    functions: Functions,
    node: (NodeMeter, String),
    engine: EngineMeter,
}

impl World {
    /// An empty table, and a chain with as many transfers of strangers in each block.
    pub async fn new(backstage: &Backstage, traffic: u32) -> Result<Self> {
        let database = Database::memory().map_err(|error| anyhow!("the engine cannot start: {error}"))?;
        let (listener, endpoint) = backstage.listen().await?;
        backstage.spawn(dynoxide::server::serve_on(listener, database.clone()));
        let unmetered = engine::sdk_config(&endpoint).await;
        engine::create_table(&unmetered, TABLE, &Template::compiled_in()?.table).await?;
        let (engine, endpoint) = EngineMeter::before(endpoint, backstage).await?;
        let aws = engine::sdk_config(&endpoint).await;

        let blocks = Blocks::start(traffic).await?;
        let node = NodeMeter::before(blocks.endpoint().to_owned(), backstage).await?;
        blocks.endow(LocalKey::parse(GAS_KEY)?.address(), U256::from(10_u128.pow(18))).await?;
        let functions = Functions::new(Environment {
            aws: aws.clone(),
            table: TABLE.to_owned(),
            clock: Clock::system(),
            secrets: SigningSecrets::parse(SECRET)?,
            factory: LocalChain::factory()?,
            chains: chains()?,
            retention: Retention::DEFAULT,
        });
        Ok(Self { blocks, database, store: Store::new(&aws, TABLE), functions, node, engine })
    }

    /// A watcher that has not begun.
    pub fn watcher(&self) -> Result<ChainWatcher> {
        let chain = chains()?.iter().next().cloned().context("no chain is configured")?;
        let rpc = Rpc::new(vec![Endpoint::parse(&self.node.1)?], Limits::default())?;
        let payer = Signer::Local(LocalKey::parse(GAS_KEY)?);
        let (node, store, clock) = (Node::new(rpc), self.store.clone(), Clock::system());
        Ok(ChainWatcher::new(chain, node, store, clock, LocalChain::factory()?, payer))
    }

    /// The first step of a run.
    pub async fn first_step(&self, watcher: &mut ChainWatcher) -> Result<(Step, Cost)> {
        self.metered(async {
            watcher.begin().await?;
            Ok(watcher.step().await?)
        })
        .await
    }

    /// Another step of the same run.
    pub async fn step(&self, watcher: &mut ChainWatcher) -> Result<(Step, Cost)> {
        self.metered(async { Ok(watcher.step().await?) }).await
    }

    async fn metered(&self, step: impl Future<Output = Result<Step>>) -> Result<(Step, Cost)> {
        let _of_others = (self.node.0.take(), self.engine.take());
        let (began, cpu) = (Instant::now(), cpu_time());
        let step = step.await?;
        let cost = Cost {
            wall: began.elapsed(),
            cpu: cpu_time().saturating_sub(cpu),
            node: self.node.0.take(),
            table: self.engine.take(),
        };
        ensure!(cost.table.read_units > 0.0, "a step that reads nothing was not metered");
        Ok((step, cost))
    }

    /// Hands an event with another body to a function, which must succeed. Returns the data of its answer.
    pub async fn invoke(&self, function: &str, event: &str, body: &Value) -> Result<Value> {
        let mut event: Value = serde_json::from_str(event)?;
        let event_parts = event.as_object_mut().context("an event that is no object")?;
        event_parts.insert("body".to_owned(), json!(body.to_string()));
        event_parts.insert("isBase64Encoded".to_owned(), json!(false));
        let event: Event = serde_json::from_value(event)?;
        let response = self.functions.invoke(function, event).await.context("no such function")?;
        let answer = response.body.as_deref().unwrap_or_default();
        ensure!(response.status_code == 200, "{function} answered {}", String::from_utf8_lossy(answer));
        let mut answer: Value = serde_json::from_slice(answer)?;
        answer.get_mut("data").map(Value::take).context("an answer without data")
    }
}

/// Base, as the example of the configuration has it.
fn chains() -> Result<Chains> {
    let chain = json!({ "chainId": CHAIN, "tokens": [USDC.to_string()], "finality": "safe" });
    Ok(Chains::parse(&json!([chain]).to_string())?)
}

/// The CPU time of this thread so far.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap_or_default(), time.tv_nsec.try_into().unwrap_or_default())
}

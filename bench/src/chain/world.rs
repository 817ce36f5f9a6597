//! A service, a chain, and a watcher between them with a meter on either side.

use alloy_primitives::U256;
use anyhow::{Context as _, Result, anyhow, ensure};
use api::Event;
use dev::engine;
use dev::functions::{Environment, Functions};
use dev::local_chain::{CHAIN, LocalChain, USDC};
use dev::template::Template;
use domain::chain_config::{Chain, Chains};
use dynoxide::Database;
use evm::local::LocalKey;
use runtime::{Clock, SigningSecrets};
use serde_json::{Value, json};
use store::Store;

use crate::chain::backstage::Backstage;
use crate::chain::blocks::Blocks;
use crate::chain::engine_meter::EngineMeter;
use crate::chain::node_meter::NodeMeter;
use crate::chain::step::Cost;
use crate::chain::watcher::{Command, Step, Watcher};

/// The table's name.
pub const TABLE: &str = "checkout";
/// The account that pays for settlements: the key in the vector of EIP-155.
pub const GAS_KEY: &str = "0x4646464646464646464646464646464646464646464646464646464646464646";
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
    engine: (EngineMeter, String),
}

impl World {
    /// An empty table, and a chain with as many transfers of strangers in each block.
    pub async fn new(backstage: &Backstage, traffic: u32) -> Result<Self> {
        let database = Database::memory().map_err(|error| anyhow!("the engine cannot start: {error}"))?;
        let (listener, endpoint) = backstage.listen().await?;
        backstage.spawn(dynoxide::server::serve_on(listener, database.clone()));
        let unmetered = engine::sdk_config(&endpoint).await;
        engine::create_table(&unmetered, TABLE, &Template::compiled_in()?.table).await?;
        let engine = EngineMeter::before(endpoint, backstage).await?;
        let aws = engine::sdk_config(&engine.1).await;

        let blocks = Blocks::start(traffic).await?;
        let node = NodeMeter::before(blocks.endpoint().to_owned(), backstage).await?;
        blocks.endow(LocalKey::parse(GAS_KEY)?.address(), U256::from(10_u128.pow(18))).await?;
        let (secrets, factory) = (SigningSecrets::parse(SECRET)?, LocalChain::factory()?);
        let functions = Functions::new(Environment {
            chains: chains()?,
            ..Environment::with_defaults(aws.clone(), TABLE, Clock::system(), secrets, factory)
        });
        Ok(Self { blocks, database, store: Store::new(&aws, TABLE), functions, node, engine })
    }

    /// A watcher that has not begun, in a process of its own.
    pub fn watcher(&self) -> Result<Watcher> {
        Watcher::start(&self.node.1, &self.engine.1)
    }

    /// The first step of a run.
    pub fn first_step(&self, watcher: &mut Watcher) -> Result<(Step, Cost)> {
        self.metered(watcher, Command::First)
    }

    /// Another step of the same run.
    pub fn step(&self, watcher: &mut Watcher) -> Result<(Step, Cost)> {
        self.metered(watcher, Command::Later)
    }

    fn metered(&self, watcher: &mut Watcher, command: Command) -> Result<(Step, Cost)> {
        let _of_others = (self.node.0.take(), self.engine.0.take());
        let step = watcher.step(command)?;
        let cost = Cost {
            wall: step.wall,
            cpu: step.cpu,
            memory_kib: step.memory_kib,
            node: self.node.0.take(),
            table: self.engine.0.take(),
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

/// The chain that is watched.
pub fn chain() -> Result<Chain> {
    chains()?.iter().next().cloned().context("no chain is configured")
}

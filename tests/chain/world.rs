//! A service, a chain, and what goes on between payers, recipients and the watcher.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use alloy_primitives::{Address, B256, U256};
use aws_config::SdkConfig;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::chain_config::Chains;
use domain::deposit_address::ForwarderFactory;
use domain::id::OrderId;
use domain::order::ChainId;
use evm::Limits;
use evm::abi::{self, Sweep};
use evm::local::LocalKey;
use evm::{Endpoint, Node, Rpc, Signer};
use harness::{Recorder, Service, id_of, order_for, with};
use serde_json::{Value, json};
use store::Store;
use watch_chain::{ChainWatcher, Step, WatchError};

use crate::fuse::Fuse;
use crate::local_chain::Evm;
use crate::node_double::NodeDouble;

/// What an order asks for.
pub const ASKED: u64 = 1_000_000;
/// How many blocks follow one that counts, where a test does not say otherwise.
pub const FINALITY: u64 = 3;
/// Between two blocks.
const BLOCK_TIME: Duration = Duration::from_secs(2);
/// The key in the vector of EIP-155.
const GAS_KEY: &str = "0x4646464646464646464646464646464646464646464646464646464646464646";

/// What a world is made with, besides its chain's settings.
#[derive(Default)]
pub struct Setup {
    /// Whether there is a second endpoint before the same node.
    pub has_second: bool,
    pub limits: Limits,
}

/// All of it.
pub struct World {
    pub service: Service,
    pub evm: Evm,
    pub double: NodeDouble,
    /// The second endpoint. The watcher asks it only in a world with two.
    pub second: NodeDouble,
    /// Where the watcher crashes.
    pub fuse: Fuse,
    /// What the watcher asks of the table.
    pub calls: Recorder,
    endpoints: Vec<Endpoint>,
    limits: Limits,
    pub store: Store,
    aws: SdkConfig,
    chains: Chains,
    /// The factory that functions and watcher are configured with.
    factory: ForwarderFactory,
    gas_key: LocalKey,
    /// What sessions were last seen to be.
    seen: Mutex<HashMap<String, String>>,
}

/// An order, and its session.
#[derive(Debug, Clone)]
pub struct Deal {
    pub session: String,
    pub order: String,
    pub deposit: Address,
    /// The recipient of no other order, so that its balance is what this order paid.
    pub recipient: Address,
}

impl Deal {
    /// How the factory is told to forward the order's money.
    fn sweep(&self, token: Address) -> Sweep {
        let order = abi::order_word(*OrderId::parse(&self.order).unwrap().as_bytes());
        Sweep { recipient: self.recipient, order, token }
    }
}

/// What the service shows of a deal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    pub session: String,
    pub order: String,
    /// The deposits that count, in no particular order.
    pub deposits: Vec<u64>,
    pub execution: Option<B256>,
    /// What the recipient got, as the order says it.
    pub arrived: Option<u64>,
    pub failure: Option<String>,
    /// What was seen and does not count yet.
    pub pending: u64,
    pub is_late: bool,
}

impl World {
    pub async fn new() -> Self {
        Self::with(json!({})).await
    }

    /// A world whose chain is configured in another way.
    pub async fn with(settings: Value) -> Self {
        Self::set_up(settings, Setup::default()).await
    }

    /// A world with two endpoints.
    pub async fn with_two_endpoints() -> Self {
        Self::set_up(json!({}), Setup { has_second: true, ..Setup::default() }).await
    }

    pub async fn set_up(settings: Value, setup: Setup) -> Self {
        let evm = Evm::start().await;
        let chains = chains(&evm, settings);
        let (service, aws) = Service::start_in_process(&harness::Setup::watching(chains.clone())).await;
        let fuse = Fuse::default();
        let (double, endpoint) = NodeDouble::before(evm.endpoint(), fuse.clone()).await;
        let (second, second_endpoint) = NodeDouble::before(evm.endpoint(), fuse.clone()).await;
        let mut endpoints = vec![Endpoint::parse(&endpoint).unwrap()];
        if setup.has_second {
            endpoints.push(Endpoint::parse(&second_endpoint).unwrap());
        }
        let calls = Recorder::default();
        let engine = aws.clone();
        let aws = calls.listen_on(&fuse.counts(&aws));
        let gas_key = LocalKey::parse(GAS_KEY).unwrap();
        evm.endow(gas_key.address(), U256::from(10_u128.pow(21))).await;
        Self {
            store: Store::new(&aws, service.table.clone()),
            endpoints,
            limits: setup.limits,
            seen: Mutex::default(),
            service,
            evm,
            double,
            second,
            fuse,
            calls,
            aws: engine,
            chains,
            factory: ForwarderFactory::default(),
            gas_key,
        }
    }

    /// The chain that is watched.
    pub fn chain(&self) -> ChainId {
        self.chains.iter().next().unwrap().id
    }

    /// The account that pays for settlements.
    pub fn gas_payer(&self) -> Address {
        self.gas_key.address()
    }

    /// A watcher that has just begun a run.
    pub async fn watch(&self) -> ChainWatcher {
        let mut watcher = self.watcher(Signer::Local(self.gas_key.clone()));
        watcher.begin().await.unwrap();
        watcher
    }

    /// One that leaves sweeping to others.
    pub async fn watch_only(&self) -> ChainWatcher {
        let mut watcher = self.watcher(Signer::None);
        watcher.begin().await.unwrap();
        watcher
    }

    /// A watcher that has just begun a run, with the chain configured in another way than it was.
    pub async fn watch_with(&self, settings: Value) -> ChainWatcher {
        let mut watcher = self.watcher_of(&chains(&self.evm, settings), self.signer());
        watcher.begin().await.unwrap();
        watcher
    }

    /// A watcher that has not begun.
    pub fn watcher(&self, payer: Signer) -> ChainWatcher {
        self.watcher_of(&self.chains, payer)
    }

    fn watcher_of(&self, chains: &Chains, payer: Signer) -> ChainWatcher {
        let chain = chains.iter().next().unwrap().clone();
        let clock = self.service.clock.reader();
        // As a new process, it knows nothing of the endpoints.
        let rpc = Rpc::new(self.endpoints.clone(), self.limits).unwrap().for_chain(chain.id.as_u64());
        ChainWatcher::new(chain, Node::new(rpc), self.store.clone(), clock, self.factory, payer)
    }

    /// Configures functions and watchers that begin from now on with another factory.
    pub async fn configure_factory(&mut self, factory: ForwarderFactory) {
        self.factory = factory;
        let setup = harness::Setup { factory, ..harness::Setup::watching(self.chains.clone()) };
        self.service = Service::on(self.service.table(), &self.aws, &self.service.clock, &setup).await;
    }

    pub fn signer(&self) -> Signer {
        Signer::Local(self.gas_key.clone())
    }

    /// A session with an order.
    pub async fn deal(&self) -> Deal {
        self.deal_in(&self.service.session().await).await
    }

    /// An order in a session.
    pub async fn deal_in(&self, session: &str) -> Deal {
        let recipient = Address::from_slice(&harness::new_uuid().as_bytes().repeat(2)[..20]);
        let token = format!("{:#x}", self.evm.token);
        let order = json!({
            "recipientAddress": format!("{recipient:#x}"),
            "srcTokenAddress": token,
            "dstTokenAddress": token,
            "srcAmount": ASKED.to_string(),
        });
        let created = self.service.create_order(with(order_for(session), order)).await;
        let deposit = created.ok()["globalAddress"].as_str().unwrap().parse().unwrap();
        Deal { session: session.to_owned(), order: id_of(&created), deposit, recipient }
    }

    /// Makes an order's item one that nothing can read. Returns what it was.
    pub async fn spoil(&self, deal: &Deal) -> HashMap<String, AttributeValue> {
        let service = &self.service;
        let key = HashMap::from([
            ("pk".to_owned(), AttributeValue::S(format!("checkout#{}", deal.order))),
            ("sk".to_owned(), AttributeValue::S("checkout".to_owned())),
        ]);
        let get = service.database.get_item().table_name(&service.table).set_key(Some(key));
        let whole = get.send().await.unwrap().item.unwrap();
        let mut spoiled = whole.clone();
        spoiled.insert("ledger".to_owned(), AttributeValue::S("spoiled".to_owned()));
        self.restore(spoiled).await;
        whole
    }

    /// Puts an item as it is.
    pub async fn restore(&self, item: HashMap<String, AttributeValue>) {
        let put = self.service.database.put_item().table_name(&self.service.table).set_item(Some(item));
        put.send().await.unwrap();
    }

    /// Pays into an order. It is in the next block.
    pub async fn pay(&self, deal: &Deal, amount: u64) -> B256 {
        self.evm.transfer(self.evm.token, deal.deposit, amount).await
    }

    /// A stranger forwards what lies at an order's address. It is in the next block.
    pub async fn sweep(&self, deal: &Deal) -> B256 {
        let sweep = abi::sweep(deal.sweep(self.evm.token));
        self.evm.send(self.evm.stranger, Some(ForwarderFactory::DEPLOYED), &sweep).await
    }

    /// The same, through another factory.
    pub async fn sweep_through(&self, deal: &Deal, factory: Address) -> B256 {
        let sweep = abi::sweep(deal.sweep(self.evm.token));
        self.evm.send(self.evm.stranger, Some(factory), &sweep).await
    }

    /// The same, in a batch, whose items fail alone.
    pub async fn sweep_many(&self, deal: &Deal) -> B256 {
        let sweeps = abi::sweep_many(&[deal.sweep(self.evm.token)]);
        self.evm.send(self.evm.stranger, Some(ForwarderFactory::DEPLOYED), &sweeps).await
    }

    /// How much was paid into an order, by the chain's own logs.
    pub async fn deposited(&self, deal: &Deal) -> u64 {
        self.evm.transferred(self.evm.token, deal.deposit).await
    }

    /// Makes blocks; the first has all that waits. Clock and chain go on together.
    pub async fn mine(&self, blocks: u64) {
        let Some(empty) = blocks.checked_sub(1) else { return };
        self.service.clock.advance(BLOCK_TIME);
        let now = u64::try_from(self.service.clock.now().as_seconds()).unwrap();
        self.evm.mine_at(now.max(self.evm.head().await.timestamp + 1)).await;
        if empty > 0 {
            self.evm.mine_empty(empty).await;
            self.service.clock.advance(BLOCK_TIME * u32::try_from(empty).unwrap());
        }
    }

    /// Has a watcher look at the chain, and holds what anybody can see afterwards to what could be seen before.
    pub async fn step(&self, watcher: &mut ChainWatcher) -> Step {
        let step = watcher.step().await.unwrap();
        self.observe().await;
        step
    }

    /// The same, but it may fail.
    pub async fn try_step(&self, watcher: &mut ChainWatcher) -> Result<Step, WatchError> {
        let step = watcher.step().await;
        self.observe().await;
        step
    }

    /// Looks and makes a block, so many times.
    pub async fn go_on(&self, watcher: &mut ChainWatcher, rounds: u64) {
        for _ in 0..rounds {
            self.step(watcher).await;
            self.mine(1).await;
        }
        self.step(watcher).await;
    }

    /// What the service shows. A session that could be seen at its end must be there still.
    pub async fn shown(&self, deal: &Deal) -> Shown {
        let session = self.service.session_status(&deal.session).await;
        let before = self.seen.lock().unwrap().insert(deal.session.clone(), session.clone());
        if let Some(before) = before.filter(|before| before == "complete" || before == "expired") {
            assert_eq!(session, before, "a session left its end: {deal:?}");
        }
        let answer = self.service.get_order(&deal.order).await;
        let data = answer.ok();
        let amount = |value: &Value| value.as_str().map(|digits| digits.parse::<u64>().unwrap());
        let deposits = data["depositTxs"].as_array().unwrap();
        Shown {
            session,
            order: data["order"]["status"].as_str().unwrap().to_owned(),
            deposits: deposits.iter().map(|deposit| amount(&deposit["amount"]).unwrap()).collect(),
            execution: data["executeTx"]["txHash"].as_str().map(|hash| hash.parse().unwrap()),
            arrived: amount(&data["order"]["settlement"]["actualDstAmount"]),
            failure: data["order"]["errorDetails"].as_str().map(ToOwned::to_owned),
            pending: amount(&data["payment"]["pendingAmount"]).unwrap_or_default(),
            is_late: data["payment"]["isLate"] == true,
        }
    }

    /// Looks at every session that was looked at before.
    pub async fn observe(&self) {
        let sessions: Vec<String> = self.seen.lock().unwrap().keys().cloned().collect();
        for session in sessions {
            let status = self.service.session_status(&session).await;
            let before = self.seen.lock().unwrap().insert(session, status.clone());
            if let Some(before) = before.filter(|before| before == "complete" || before == "expired") {
                assert_eq!(status, before, "a session left its end");
            }
        }
    }

    /// How much a recipient got.
    pub async fn received(&self, deal: &Deal) -> u64 {
        self.evm.holds(self.evm.token, deal.recipient).await
    }

    /// All is well: the order is settled, with this deposited, counted once, and in the recipient's hands.
    pub async fn assert_settled(&self, deal: &Deal, deposited: u64) {
        let shown = self.shown(deal).await;
        assert_eq!(shown.session, "complete", "{shown:?}");
        assert_eq!(shown.order, "executed", "{shown:?}");
        assert!(shown.execution.is_some(), "{shown:?}");
        assert_eq!(shown.arrived, Some(deposited), "{shown:?}");
        self.assert_forwarded(deal, deposited).await;
    }

    /// What was deposited is counted once, and the recipient has all of it.
    pub async fn assert_forwarded(&self, deal: &Deal, deposited: u64) {
        let shown = self.shown(deal).await;
        assert_eq!(shown.deposits.iter().sum::<u64>(), deposited, "{shown:?}");
        assert_eq!(self.received(deal).await, deposited, "{shown:?}");
        assert_eq!(self.evm.holds(self.evm.token, deal.deposit).await, 0, "{shown:?}");
    }
}

/// The chain that a node plays, as it is configured.
fn chains(evm: &Evm, settings: Value) -> Chains {
    let chain = json!({
        "chainId": harness::BASE,
        "tokens": [format!("{:#x}", evm.token), format!("{:#x}", evm.other_token)],
        "finality": format!("blocks:{FINALITY}"),
    });
    Chains::parse(&json!([with(chain, settings)]).to_string()).unwrap()
}

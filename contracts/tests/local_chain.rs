//! A chain with the factory in place, and what the tests do on it.

use std::path::Path;

use alloy_primitives::{Address, B256, Bytes, Log, U256, hex};
use alloy_sol_types::{SolCall, SolEvent};
use dev::evm_node::{EvmNode, Options};
use domain::address::EvmAddress;
use domain::deposit_address::ForwarderFactory;
use domain::id::OrderId;
use reqwest::Client;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::abi::{Factory, Token};

/// The zero address, where a token is expected: the chain's native money.
pub const NATIVE: Address = Address::ZERO;

/// The factory that is compiled now. A test of its own holds the service's to it.
pub fn factory() -> Address {
    contracts::factory_address().unwrap()
}

/// A node of its own for each test.
pub struct LocalChain {
    pub node: EvmNode,
    http: Client,
    /// The sender of what needs no particular sender.
    pub stranger: Address,
    /// What placing the factory cost.
    pub placement_gas: u64,
}

/// What became of a transaction.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    status: U256,
    gas_used: U256,
    contract_address: Option<Address>,
    pub logs: Vec<Log>,
}

impl Receipt {
    pub fn succeeded(&self) -> bool {
        self.status == U256::ONE
    }

    pub fn gas(&self) -> u64 {
        self.gas_used.to()
    }

    /// The factory's logs, each as what it says.
    pub fn outcomes(&self) -> Vec<Outcome> {
        outcomes(&self.logs)
    }
}

/// What the factory said of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Swept { order: B256, recipient: Address, token: Address, deposit: Address, amount: U256 },
    Failed { order: B256, recipient: Address, token: Address, deposit: Address, reason: Bytes },
}

pub fn outcomes(logs: &[Log]) -> Vec<Outcome> {
    let of_the_factory = logs.iter().filter(|log| log.address == factory());
    let outcomes = of_the_factory.map(|log| {
        if let Ok(swept) = Factory::Swept::decode_log(log) {
            let Factory::Swept { orderId: order, recipient, token, deposit, amount } = swept.data;
            Outcome::Swept { order, recipient, token, deposit, amount }
        } else {
            let failed = Factory::SweepFailed::decode_log(log).unwrap();
            let Factory::SweepFailed { orderId: order, recipient, token, deposit, reason } = failed.data;
            Outcome::Failed { order, recipient, token, deposit, reason }
        }
    });
    outcomes.collect()
}

/// An order and its recipient.
#[derive(Debug, Clone, Copy)]
pub struct Deposit {
    pub order: OrderId,
    pub recipient: Address,
    pub token: Address,
}

impl Deposit {
    /// An order that no contract has seen before.
    pub fn new(recipient: Address, token: Address) -> Self {
        Self { order: runtime::random::order_id(), recipient, token }
    }

    /// The order as the contracts know it.
    pub fn order_id(self) -> B256 {
        B256::left_padding_from(self.order.as_bytes())
    }

    /// Computed as the service does it, and not by the contract.
    pub fn address(self) -> Address {
        let recipient = EvmAddress::parse(&format!("{:#x}", self.recipient)).unwrap();
        ForwarderFactory::at(factory()).deposit_address(self.order, &recipient).parse().unwrap()
    }

    pub fn item(self) -> Factory::Item {
        Factory::Item { recipient: self.recipient, orderId: self.order_id(), token: self.token }
    }

    pub fn sweep(self) -> Factory::sweepCall {
        Factory::sweepCall { recipient: self.recipient, orderId: self.order_id(), token: self.token }
    }

    pub fn swept(self, amount: u64) -> Outcome {
        let Self { recipient, token, .. } = self;
        let (order, deposit) = (self.order_id(), self.address());
        Outcome::Swept { order, recipient, token, deposit, amount: U256::from(amount) }
    }

    pub fn failed(self, reason: impl Into<Bytes>) -> Outcome {
        let Self { recipient, token, .. } = self;
        let (order, deposit) = (self.order_id(), self.address());
        Outcome::Failed { order, recipient, token, deposit, reason: reason.into() }
    }
}

pub fn sweep_many(deposits: &[Deposit]) -> Factory::sweepManyCall {
    Factory::sweepManyCall { items: deposits.iter().map(|deposit| deposit.item()).collect() }
}

/// An account that was never seen before.
pub fn somebody() -> Address {
    Address::from(std::array::from_fn(|_| fastrand::u8(..)))
}

impl LocalChain {
    /// A new chain, on which a stranger has placed the factory.
    pub async fn start() -> Self {
        let node = EvmNode::start(Options::default()).await.unwrap();
        let mut chain = Self { node, http: Client::new(), stranger: Address::ZERO, placement_gas: 0 };
        let accounts = chain.rpc("eth_accounts", json!([])).await;
        chain.stranger = accounts[0].as_str().unwrap().parse().unwrap();
        let placed = chain.send(contracts::DEPLOYER, 0, &contracts::placement().unwrap()).await;
        assert!(placed.succeeded());
        chain.placement_gas = placed.gas();
        chain
    }

    /// Asks the node; what it answers, be it an error.
    pub async fn ask(&self, request: &Value) -> Value {
        let response = self.http.post(self.node.endpoint()).json(request).send().await.unwrap();
        response.json().await.unwrap()
    }

    /// Asks the node for what it must be able to answer.
    pub async fn rpc(&self, method: &str, params: Value) -> Value {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let mut answer = self.ask(&request).await;
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].take()
    }

    /// Sends a transaction with more gas than any call of these tests needs.
    pub async fn send(&self, to: Address, value: u64, data: &[u8]) -> Receipt {
        self.transact(&json!({ "to": to, "data": hex::encode_prefixed(data), "value": U256::from(value) }))
            .await
    }

    /// Sends a transaction that calls a contract.
    pub async fn execute(&self, to: Address, call: &impl SolCall) -> Receipt {
        self.send(to, 0, &call.abi_encode()).await
    }

    /// Sends a transaction that must succeed.
    pub async fn must(&self, to: Address, call: &impl SolCall) -> Receipt {
        let receipt = self.execute(to, call).await;
        assert!(receipt.succeeded(), "{receipt:?}");
        receipt
    }

    async fn transact(&self, transaction: &Value) -> Receipt {
        let mut transaction = transaction.clone();
        transaction["from"] = json!(self.stranger);
        // Given, or the node would first try it out, and refuse to send what fails. The most that a transaction may
        // have since EIP-7825.
        transaction["gas"] = json!(U256::from(1 << 24));
        // It answers once there is a receipt.
        let receipt = self.rpc("eth_sendTransactionSync", json!([transaction])).await;
        serde_json::from_value(receipt).unwrap()
    }

    /// Places one of the contracts that are made for the tests.
    pub async fn place(&self, name: &str) -> Address {
        self.place_with(name, &[]).await
    }

    /// The same, with the arguments of its constructor.
    pub async fn place_with(&self, name: &str, arguments: &[u8]) -> Address {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("out/test").join(format!("{name}.json"));
        let artifact = std::fs::read_to_string(path).unwrap();
        let code = [&contracts::creation_code(&artifact).unwrap(), arguments].concat();
        let receipt = self.transact(&json!({ "data": hex::encode_prefixed(code) })).await;
        assert!(receipt.succeeded(), "{name}");
        receipt.contract_address.unwrap()
    }

    /// Calls a contract without a transaction. The error is what the contract reverted with.
    pub async fn try_call<C: SolCall>(&self, to: Address, call: &C) -> Result<C::Return, Bytes> {
        let transaction =
            json!({ "from": self.stranger, "to": to, "data": hex::encode_prefixed(call.abi_encode()) });
        let params = json!([transaction, "latest"]);
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": params });
        let answer = self.ask(&request).await;
        let Some(data) = answer["result"].as_str() else {
            return Err(answer["error"]["data"].as_str().unwrap_or("0x").parse().unwrap());
        };
        Ok(C::abi_decode_returns(&hex::decode(data).unwrap()).unwrap())
    }

    pub async fn call<C: SolCall>(&self, to: Address, call: &C) -> C::Return {
        let answer = self.try_call(to, call).await;
        answer.unwrap_or_else(|reason| panic!("{} reverts: {reason}", C::SIGNATURE))
    }

    /// How much an account holds.
    pub async fn holds(&self, account: Address, token: Address) -> u64 {
        let held = if token == NATIVE {
            self.rpc("eth_getBalance", json!([account, "latest"])).await.as_str().unwrap().parse().unwrap()
        } else {
            self.call(token, &Token::balanceOfCall { account }).await
        };
        held.to()
    }

    pub async fn code(&self, account: Address) -> Bytes {
        self.rpc("eth_getCode", json!([account, "latest"])).await.as_str().unwrap().parse().unwrap()
    }

    /// Pays into a deposit address: a transfer of native money, or newly minted money of a token.
    pub async fn pay(&self, deposit: Deposit, amount: u64) {
        let to = deposit.address();
        if deposit.token == NATIVE {
            assert!(self.send(to, amount, &[]).await.succeeded());
        } else {
            self.must(deposit.token, &Token::mintCall { to, amount: U256::from(amount) }).await;
        }
    }

    /// A deposit that was paid.
    pub async fn paid(&self, recipient: Address, token: Address, amount: u64) -> Deposit {
        let deposit = Deposit::new(recipient, token);
        self.pay(deposit, amount).await;
        deposit
    }
}

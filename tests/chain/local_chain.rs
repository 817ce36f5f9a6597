//! The chain itself: a node with the factory and two tokens in place, on which a block is made when a test says so.

use std::path::Path;

use alloy_primitives::{Address, B256, Bytes, U256, hex};
use alloy_sol_types::{SolCall as _, sol};
use dev::evm_node::{EvmNode, Mining, Options};
use reqwest::Client;
use serde_json::{Value, json};

sol! {
    interface TestToken {
        function mint(address to, uint256 amount) external;
        function transfer(address to, uint256 amount) external returns (bool);
        function setBlocked(address account, bool value) external;
    }
}

/// More than any test pays.
const PLENTY: u64 = 1 << 60;

/// A running chain.
pub struct Evm {
    node: EvmNode,
    http: Client,
    /// The payer. It has plenty of both tokens.
    pub payer: Address,
    /// An account that sweeps the money of others.
    pub stranger: Address,
    /// The token that orders are paid in. It can refuse recipients.
    pub token: Address,
    /// Another one.
    pub other_token: Address,
}

/// A block, as far as the tests look at it.
#[derive(Debug, Clone, Copy)]
pub struct Head {
    pub number: u64,
    pub timestamp: u64,
}

impl Evm {
    pub async fn start() -> Self {
        let node = EvmNode::start(Options { mining: Mining::OnCommand, ..Options::default() }).await.unwrap();
        let zero = Address::ZERO;
        let http = Client::new();
        let mut evm = Self { node, http, payer: zero, stranger: zero, token: zero, other_token: zero };
        let accounts = evm.rpc("eth_accounts", json!([])).await;
        evm.payer = accounts[0].as_str().unwrap().parse().unwrap();
        evm.stranger = accounts[1].as_str().unwrap().parse().unwrap();
        evm.send(evm.stranger, Some(contracts::DEPLOYER), &contracts::placement().unwrap()).await;
        let tokens = [evm.place("BlockingToken").await, evm.place("PlainToken").await];
        evm.mine_at(evm.head().await.timestamp + 1).await;
        evm.token = evm.placed(tokens[0]).await;
        evm.other_token = evm.placed(tokens[1]).await;
        for token in [evm.token, evm.other_token] {
            let mint = TestToken::mintCall { to: evm.payer, amount: U256::from(PLENTY) };
            evm.send(evm.payer, Some(token), &mint.abi_encode()).await;
        }
        evm.mine_at(evm.head().await.timestamp + 1).await;
        evm
    }

    pub fn endpoint(&self) -> &str {
        self.node.endpoint()
    }

    /// Asks the node for what it must be able to answer.
    pub async fn rpc(&self, method: &str, params: Value) -> Value {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let response = self.http.post(self.endpoint()).json(&request).send().await.unwrap();
        let mut answer: Value = response.json().await.unwrap();
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].take()
    }

    pub async fn head(&self) -> Head {
        let block = self.rpc("eth_getBlockByNumber", json!(["latest", false])).await;
        Head { number: number(&block["number"]), timestamp: number(&block["timestamp"]) }
    }

    /// Makes a block of what waits, at a time.
    pub async fn mine_at(&self, timestamp: u64) {
        self.rpc("evm_setNextBlockTimestamp", json!([timestamp])).await;
        self.rpc("evm_mine", json!([])).await;
    }

    /// Makes empty blocks, two seconds apart.
    pub async fn mine_empty(&self, blocks: u64) {
        self.rpc("anvil_mine", json!([format!("{blocks:#x}"), "0x2"])).await;
    }

    /// Takes the last blocks back, and what was in them.
    pub async fn roll_back(&self, blocks: u64) {
        self.rpc("anvil_rollback", json!([blocks])).await;
    }

    /// Hands in a transaction; it is in the next block. Sent again after it was rolled back, it is the same transaction.
    pub async fn send(&self, from: Address, to: Option<Address>, data: &[u8]) -> B256 {
        let mut transaction = json!({
            "from": from,
            "data": hex::encode_prefixed(data),
            // Given, or the node would first try it out.
            "gas": "0x200000",
            "maxFeePerGas": "0x2540be400",
            "maxPriorityFeePerGas": "0x1",
        });
        if let Some(to) = to {
            transaction["to"] = json!(format!("{to:#x}"));
        }
        self.rpc("eth_sendTransaction", json!([transaction])).await.as_str().unwrap().parse().unwrap()
    }

    /// Sends some of a token to a deposit address.
    pub async fn transfer(&self, token: Address, to: Address, amount: u64) -> B256 {
        let call = TestToken::transferCall { to, amount: U256::from(amount) };
        self.send(self.payer, Some(token), &call.abi_encode()).await
    }

    /// Sends one unit to a deposit address in each of many transactions.
    pub async fn transfer_many(&self, to: Address, transactions: usize) {
        let call = TestToken::transferCall { to, amount: U256::from(1) };
        let transaction = json!({
            "from": self.payer,
            "to": format!("{:#x}", self.token),
            "data": hex::encode_prefixed(call.abi_encode()),
            "gas": "0x13880",
            "maxFeePerGas": "0x2540be400",
            "maxPriorityFeePerGas": "0x1",
        });
        let calls: Vec<Value> = (0..transactions)
            .map(|id| json!({ "jsonrpc": "2.0", "id": id, "method": "eth_sendTransaction", "params": [transaction] }))
            .collect();
        let answers: Value =
            self.http.post(self.endpoint()).json(&calls).send().await.unwrap().json().await.unwrap();
        assert!(answers.as_array().unwrap().iter().all(|answer| answer["result"].is_string()), "{answers}");
    }

    /// Has the token refuse an account, or no longer refuse it.
    pub async fn block(&self, account: Address, value: bool) {
        let call = TestToken::setBlockedCall { account, value };
        self.send(self.stranger, Some(self.token), &call.abi_encode()).await;
    }

    /// Places a second instance of the factory. It stands there after the next block.
    pub async fn place_factory(&self, salt: u8) -> Address {
        let (salt, code) =
            (B256::repeat_byte(salt), contracts::creation_code(contracts::FORWARDER_FACTORY).unwrap());
        self.send(self.stranger, Some(contracts::DEPLOYER), &[salt.as_slice(), &code].concat()).await;
        contracts::DEPLOYER.create2_from_code(salt, code)
    }

    /// How much of a token an account holds.
    pub async fn holds(&self, token: Address, owner: Address) -> u64 {
        let call = json!({ "to": format!("{token:#x}"), "data": evm::abi::balance_of(owner).to_string() });
        let word = self.rpc("eth_call", json!([call, "latest"])).await;
        word.as_str().unwrap().parse::<U256>().unwrap().to()
    }

    /// How much of a token was ever sent to an account.
    pub async fn transferred(&self, token: Address, to: Address) -> u64 {
        let filter = json!({
            "fromBlock": "0x0",
            "toBlock": "latest",
            "address": format!("{token:#x}"),
            "topics": [format!("{:#x}", evm::abi::TRANSFER), null, format!("{:#x}", to.into_word())],
        });
        let logs = self.rpc("eth_getLogs", json!([filter])).await;
        let amount = |log: &Value| log["data"].as_str().unwrap().parse::<U256>().unwrap().to::<u64>();
        logs.as_array().unwrap().iter().map(amount).sum()
    }

    /// How many transactions of an account are in blocks.
    pub async fn sent_by(&self, account: Address) -> u64 {
        number(&self.rpc("eth_getTransactionCount", json!([format!("{account:#x}"), "latest"])).await)
    }

    /// What a unit of gas costs at least in the next block.
    pub async fn set_base_fee_in_gwei(&self, gwei: u64) {
        let wei = format!("{:#x}", gwei * 1_000_000_000);
        self.rpc("anvil_setNextBlockBaseFeePerGas", json!([wei])).await;
    }

    /// Gives an account native money, or takes it.
    pub async fn endow(&self, account: Address, wei: U256) {
        self.rpc("anvil_setBalance", json!([format!("{account:#x}"), format!("{wei:#x}")])).await;
    }

    async fn place(&self, name: &str) -> B256 {
        let compiled = Path::new(env!("CARGO_MANIFEST_DIR")).join("../contracts/out/test");
        let artifact = std::fs::read_to_string(compiled.join(format!("{name}.json"))).unwrap();
        let code: Bytes = contracts::creation_code(&artifact).unwrap();
        self.send(self.stranger, None, &code).await
    }

    async fn placed(&self, transaction: B256) -> Address {
        let receipt = self.rpc("eth_getTransactionReceipt", json!([format!("{transaction:#x}")])).await;
        assert_eq!(receipt["status"], "0x1", "{receipt}");
        receipt["contractAddress"].as_str().unwrap().parse().unwrap()
    }
}

/// A number as nodes write it.
pub fn number(value: &Value) -> u64 {
    let digits = value.as_str().and_then(|text| text.strip_prefix("0x"));
    u64::from_str_radix(digits.unwrap_or_else(|| panic!("no number: {value}")), 16).unwrap()
}

//! A double of the watcher's node: a balancer over nodes of which some are behind, with a provider's limits, faults and
//! habits. Every one of them can be switched on by itself.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alloy_primitives::{Address, B256, keccak256};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use harness::serve;
use reqwest::Client;
use serde_json::{Value, json};

use crate::fuse::Fuse;
use crate::local_chain::number;

/// The most values that a place of a filter takes, as geth has it.
const MOST_VALUES: usize = 1_000;

/// What goes wrong with one exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeFault {
    /// Nothing is carried out, and the answer is this status.
    Status(u16),
    /// Nothing is carried out, and each call is refused in these words.
    Refuses(&'static str),
    /// The last call is refused; in a batch the others are answered.
    FailsTheLast,
    /// All is carried out, and the answer is lost.
    LosesTheAnswer,
}

impl NodeFault {
    /// One of each kind.
    pub const ALL: [Self; 6] = [
        Self::Status(500),
        Self::Status(429),
        Self::Refuses("over rate limit"),
        Self::Refuses("header not found"),
        Self::FailsTheLast,
        Self::LosesTheAnswer,
    ];
}

/// Says what goes wrong with an exchange, by its calls' methods.
type Faults = Box<dyn FnMut(&[String]) -> Option<NodeFault> + Send>;

/// How many calls the node takes in one batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Batches {
    /// Any number.
    Any,
    /// At most so many. A larger batch is refused as a whole.
    AtMost(usize),
    /// At most so many. The others of a larger batch are refused one by one.
    AnswersAtMost(usize),
    /// None.
    Refused,
}

/// How the node refuses a range of blocks that is too wide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RangeRefusal {
    /// With a JSON-RPC error.
    Words(i64, &'static str),
    /// With an HTTP status.
    Status(u16),
    /// With no response.
    Silence,
    /// With a response of so many bytes.
    Bytes(usize),
}

impl RangeRefusal {
    /// What providers write. No two agree.
    pub const WORDS: [Self; 6] = [
        Self::Words(-32_602, "eth_getLogs is limited to a smaller range"),
        Self::Words(-32_005, "query returned more than 10000 results"),
        Self::Words(-32_000, "execution timeout"),
        Self::Words(-32_603, "Internal error"),
        Self::Words(-32_614, "bitte weniger"),
        Self::Words(0, ""),
    ];
}

/// What is wrong with the logs of one deposit address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFault {
    /// Beside each is one of another token.
    Foreign,
    /// Beside each is one that cannot be read.
    UnreadableBeside,
    /// None can be read.
    Unreadable,
    /// Each names a block that is not on the chain.
    WrongBlock,
}

/// Habits of nodes that are no faults: everything that they say is true, in a way of their own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is switched by itself")]
pub struct Habits {
    /// `null` instead of an empty list of logs.
    pub null_logs: bool,
    /// `"removed": null` in each log.
    pub null_removed: bool,
    /// Beside each log stands the same log of a block that was replaced, marked as removed.
    pub shows_removed: bool,
    /// Each log is listed twice.
    pub repeats: bool,
    /// `logIndex` counts within the transaction.
    pub index_per_transaction: bool,
}

struct Manners {
    lags: Vec<u64>,
    batches: Batches,
    habits: Habits,
    refusal: RangeRefusal,
    stuck_at: Option<u64>,
    tags_fail: bool,
    broken: Option<(i64, &'static str)>,
    chain: Option<u64>,
    log_fault: Option<(Address, LogFault)>,
    /// How many transfers to others each block holds besides.
    busy: u64,
    range: u64,
    reorders: bool,
    omits_logs: bool,
    faults: Faults,
    exchanges: usize,
    methods: Vec<String>,
    short_answers: usize,
}

/// The double.
#[derive(Clone)]
pub struct NodeDouble {
    node: String,
    http: Client,
    fuse: Fuse,
    manners: Arc<Mutex<Manners>>,
}

impl fmt::Debug for NodeDouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NodeDouble")
    }
}

impl NodeDouble {
    /// Starts in front of a node. Returns its own URL.
    pub async fn before(node: &str, fuse: Fuse) -> (Self, String) {
        let manners = Manners {
            lags: vec![0],
            batches: Batches::Any,
            habits: Habits::default(),
            refusal: RangeRefusal::Words(-32_602, "query exceeds max block range"),
            stuck_at: None,
            tags_fail: false,
            broken: None,
            chain: None,
            log_fault: None,
            busy: 0,
            range: 100_000,
            reorders: false,
            omits_logs: false,
            faults: Box::new(|_| None),
            exchanges: 0,
            methods: Vec::new(),
            short_answers: 0,
        };
        let manners = Arc::new(Mutex::new(manners));
        let double = Self { node: node.to_owned(), http: Client::new(), fuse, manners };
        let endpoint = serve(Router::new().route("/", post(attend)).with_state(double.clone())).await;
        (double, endpoint)
    }

    /// So many blocks behind are the nodes that are asked in turns.
    pub fn lag(&self, lags: &[u64]) {
        self.manners.lock().unwrap().lags = lags.to_vec();
    }

    /// So many blocks are looked through for logs at once.
    pub fn limit_range(&self, blocks: u64) {
        self.manners.lock().unwrap().range = blocks;
    }

    /// Refuses wider ranges than this in this way.
    pub fn refuse_ranges(&self, blocks: u64, refusal: RangeRefusal) {
        let mut manners = self.manners.lock().unwrap();
        (manners.range, manners.refusal) = (blocks, refusal);
    }

    /// Takes batches of this size.
    pub fn limit_batches(&self, batches: Batches) {
        self.manners.lock().unwrap().batches = batches;
    }

    /// Writes its answers in this way.
    pub fn set_habits(&self, habits: Habits) {
        self.manners.lock().unwrap().habits = habits;
    }

    /// Shows no block after this one.
    pub fn stick_at(&self, head: Option<u64>) {
        self.manners.lock().unwrap().stuck_at = head;
    }

    /// Answers `safe` and `finalized` with an error.
    pub fn fail_tags(&self, fails: bool) {
        self.manners.lock().unwrap().tags_fail = fails;
    }

    /// Answers every call with HTTP 200 and this error.
    pub fn break_with(&self, error: Option<(i64, &'static str)>) {
        self.manners.lock().unwrap().broken = error;
    }

    /// Says that it is of this chain.
    pub fn claim_chain(&self, chain: Option<u64>) {
        self.manners.lock().unwrap().chain = chain;
    }

    /// Answers wrongly about the logs of one deposit address.
    pub fn spoil_logs(&self, fault: Option<(Address, LogFault)>) {
        self.manners.lock().unwrap().log_fault = fault;
    }

    /// Adds so many transfers to others to each block, as a busy token has them. Only who asks for all transfers of the
    /// token gets them.
    pub fn add_transfers(&self, per_block: u64) {
        self.manners.lock().unwrap().busy = per_block;
    }

    /// The answers of a batch come in another order.
    pub fn reorder(&self) {
        self.manners.lock().unwrap().reorders = true;
    }

    /// It has every block, but finds no logs: its index is not there yet.
    pub fn omit_logs(&self, omits: bool) {
        self.manners.lock().unwrap().omits_logs = omits;
    }

    /// What goes wrong from now on.
    pub fn fail(&self, faults: impl FnMut(&[String]) -> Option<NodeFault> + Send + 'static) {
        self.manners.lock().unwrap().faults = Box::new(faults);
    }

    /// From now on it is a good node.
    pub fn heal(&self) {
        self.lag(&[0]);
        self.omit_logs(false);
        self.fail(|_| None);
        self.stick_at(None);
        self.fail_tags(false);
        self.break_with(None);
        self.claim_chain(None);
        self.spoil_logs(None);
    }

    /// Returns the methods that were called since the last call of this function.
    pub fn take_methods(&self) -> Vec<String> {
        std::mem::take(&mut self.manners.lock().unwrap().methods)
    }

    /// How many times it answered with the logs of fewer blocks than it was asked for, and said nothing of it.
    pub fn short_answers(&self) -> usize {
        self.manners.lock().unwrap().short_answers
    }

    async fn exchange(&self, request: Value) -> Response {
        let calls = request.as_array().cloned().unwrap_or_else(|| vec![request.clone()]);
        let methods: Vec<String> =
            calls.iter().map(|call| call["method"].as_str().unwrap().to_owned()).collect();
        let (lag, fault, reorders, batches, broken, stuck_at) = {
            let mut manners = self.manners.lock().unwrap();
            let lag = manners.lags[manners.exchanges % manners.lags.len()];
            manners.exchanges += 1;
            let fault = (manners.faults)(&methods);
            manners.methods.extend(methods);
            (lag, fault, manners.reorders, manners.batches, manners.broken, manners.stuck_at)
        };
        if let Some((code, words)) = broken {
            return answer(&request, calls.iter().map(|call| refusal(call, code, words)).collect());
        }
        match batches {
            Batches::AtMost(most) if request.is_array() && calls.len() > most => {
                let words = format!("this plan takes {most} calls in a batch");
                return (
                    [("content-type", "application/json")],
                    refusal(&Value::Null, -32_600, &words).to_string(),
                )
                    .into_response();
            }
            Batches::Refused if request.is_array() => return StatusCode::BAD_REQUEST.into_response(),
            Batches::AtMost(_) | Batches::AnswersAtMost(_) | Batches::Any | Batches::Refused => {}
        }
        match fault {
            Some(NodeFault::Status(status)) => {
                return StatusCode::from_u16(status).unwrap().into_response();
            }
            Some(NodeFault::Refuses(words)) => {
                let answers = calls.iter().map(|call| refusal(call, -32_000, words)).collect();
                return answer(&request, answers);
            }
            Some(NodeFault::FailsTheLast | NodeFault::LosesTheAnswer) | None => {}
        }
        let head = number(
            &self
                .forward(&json!({ "jsonrpc": "2.0", "id": 0, "method": "eth_blockNumber", "params": [] }))
                .await["result"],
        );
        let visible = stuck_at.unwrap_or(head).min(head.saturating_sub(lag));
        let mut answers = Vec::new();
        for (position, call) in calls.iter().enumerate() {
            if matches!(batches, Batches::AnswersAtMost(most) if position >= most) {
                answers.push(refusal(call, -32_014, "too many calls in one batch"));
                continue;
            }
            match self.answer(call, visible, visible < head).await {
                Ok(given) => answers.push(given),
                Err(RangeRefusal::Status(status)) => {
                    return StatusCode::from_u16(status).unwrap().into_response();
                }
                Err(RangeRefusal::Bytes(bytes)) => {
                    answers
                        .push(json!({ "jsonrpc": "2.0", "id": call["id"], "result": [" ".repeat(bytes)] }));
                }
                Err(RangeRefusal::Silence) => {
                    tokio::time::sleep(Duration::from_mins(1)).await;
                    return StatusCode::GATEWAY_TIMEOUT.into_response();
                }
                Err(RangeRefusal::Words(code, words)) => answers.push(refusal(call, code, words)),
            }
        }
        if fault == Some(NodeFault::LosesTheAnswer) {
            return StatusCode::BAD_GATEWAY.into_response();
        }
        if let Some((last, call)) = answers.last_mut().zip(calls.last())
            && fault == Some(NodeFault::FailsTheLast)
        {
            *last = refusal(call, -32_000, "missing trie node");
        }
        if reorders {
            answers.reverse();
        }
        answer(&request, answers)
    }

    /// What a node answers that has seen no block after `head`. Fails with how it refuses a range that is too wide.
    async fn answer(&self, call: &Value, head: u64, is_behind: bool) -> Result<Value, RangeRefusal> {
        let mut call = call.clone();
        let params = call["params"].clone();
        let own_head = json!(format!("{head:#x}"));
        let answered = |result: Value| json!({ "jsonrpc": "2.0", "id": call["id"], "result": result });
        let tags_fail = self.manners.lock().unwrap().tags_fail;
        match call["method"].as_str().unwrap() {
            "eth_chainId" => {
                if let Some(chain) = self.manners.lock().unwrap().chain {
                    return Ok(answered(json!(format!("{chain:#x}"))));
                }
            }
            "eth_getLogs" => {
                let (from, to) = (number(&params[0]["fromBlock"]), number(&params[0]["toBlock"]));
                if let Some(words) = objection(&params[0]) {
                    return Ok(refusal(&call, -32_602, words));
                }
                {
                    let mut manners = self.manners.lock().unwrap();
                    if to.saturating_sub(from) + 1 > manners.range {
                        return Err(manners.refusal);
                    }
                    if manners.omits_logs {
                        return Ok(answered(json!([])));
                    }
                    // As older nodes do it: without a word.
                    if to > head {
                        manners.short_answers += 1;
                        if from > head {
                            return Ok(answered(json!([])));
                        }
                        call["params"][0]["toBlock"] = own_head;
                    }
                }
                let mut given = self.forward(&call).await;
                self.add_busy(&call["params"][0], &mut given).await;
                self.rewrite(&mut given["result"]);
                return Ok(given);
            }
            "eth_getBlockByNumber" if tags_fail && (params[0] == "safe" || params[0] == "finalized") => {
                return Ok(refusal(&call, -39_001, "Unknown block"));
            }
            "eth_getBlockByNumber" if is_behind => match params[0].as_str().unwrap() {
                "latest" => call["params"][0] = own_head,
                numbered if numbered.starts_with("0x") && number(&params[0]) > head => {
                    return Ok(answered(Value::Null));
                }
                _ => {}
            },
            "eth_getTransactionCount" if is_behind => call["params"][1] = own_head,
            "eth_getTransactionReceipt" if is_behind => {
                let answer = self.forward(&call).await;
                let is_unseen = answer["result"]["blockNumber"].is_string()
                    && number(&answer["result"]["blockNumber"]) > head;
                return Ok(if is_unseen { answered(Value::Null) } else { answer });
            }
            _ => {}
        }
        Ok(self.forward(&call).await)
    }

    /// Adds transfers to others, if all transfers are asked for.
    async fn add_busy(&self, filter: &Value, given: &mut Value) {
        let busy = self.manners.lock().unwrap().busy;
        let topics = filter["topics"].as_array().unwrap();
        let is_open = topics.len() == 1 && topics[0][0] == format!("{:#x}", evm::abi::TRANSFER);
        if busy == 0 || !is_open {
            return;
        }
        let mut added = Vec::new();
        for block in number(&filter["fromBlock"])..=number(&filter["toBlock"]) {
            let asked = json!({
                "jsonrpc": "2.0", "id": 0, "method": "eth_getBlockByNumber",
                "params": [format!("{block:#x}"), false],
            });
            let hash = self.forward(&asked).await["result"]["hash"].take();
            added.extend((0..busy).map(|index| {
                let id = keccak256([block.to_be_bytes(), index.to_be_bytes()].concat());
                let to = Address::from_word(id).into_word();
                json!({
                    "address": filter["address"][0],
                    "topics": [evm::abi::TRANSFER, B256::ZERO, to],
                    "data": B256::with_last_byte(1),
                    "blockNumber": format!("{block:#x}"),
                    "blockHash": hash,
                    "transactionHash": id,
                    "logIndex": format!("{:#x}", 1_000 + index),
                    "removed": false,
                })
            }));
        }
        given["result"].as_array_mut().unwrap().extend(added);
    }

    /// Writes logs as this node does.
    fn rewrite(&self, result: &mut Value) {
        let (habits, fault) = {
            let manners = self.manners.lock().unwrap();
            (manners.habits, manners.log_fault)
        };
        let Some(logs) = result.as_array() else { return };
        let mut written: Vec<Value> = Vec::new();
        for log in logs {
            let mut log = log.clone();
            if habits.index_per_transaction {
                let is_same = |other: &&Value| other["transactionHash"] == log["transactionHash"];
                let index = written.iter().filter(is_same).count();
                log["logIndex"] = json!(format!("{index:#x}"));
            }
            if habits.null_removed {
                log["removed"] = Value::Null;
            }
            if habits.shows_removed {
                let mut removed = log.clone();
                removed["removed"] = json!(true);
                removed["blockHash"] = json!(B256::repeat_byte(0xee));
                written.push(removed);
            }
            let is_of = |deposit: Address| {
                let topic = json!(format!("{:#x}", deposit.into_word()));
                log["topics"].as_array().unwrap().contains(&topic)
            };
            match fault.filter(|(deposit, _)| is_of(*deposit)) {
                Some((_, LogFault::Foreign)) => {
                    let mut foreign = log.clone();
                    foreign["address"] = json!(Address::repeat_byte(0xfe));
                    written.push(foreign);
                }
                Some((_, LogFault::UnreadableBeside)) => {
                    let mut unreadable = log.clone();
                    unreadable["data"] = json!("0xzz");
                    written.push(unreadable);
                }
                Some((_, LogFault::Unreadable)) => log["data"] = json!("0xzz"),
                Some((_, LogFault::WrongBlock)) => log["blockHash"] = json!(B256::repeat_byte(0xdd)),
                None => {}
            }
            written.push(log.clone());
            if habits.repeats {
                written.push(log);
            }
        }
        *result = if written.is_empty() && habits.null_logs { Value::Null } else { Value::Array(written) };
    }

    async fn forward(&self, call: &Value) -> Value {
        self.http.post(&self.node).json(call).send().await.unwrap().json().await.unwrap()
    }
}

async fn attend(State(double): State<NodeDouble>, body: Bytes) -> Response {
    let request = serde_json::from_slice(&body).unwrap();
    double.fuse.call(double.exchange(request)).await
}

fn answer(request: &Value, mut answers: Vec<Value>) -> Response {
    let body = if request.is_array() { Value::Array(answers) } else { answers.remove(0) };
    ([("content-type", "application/json")], body.to_string()).into_response()
}

/// Why a filter is refused. An empty list would match everything, and geth would answer it.
fn objection(filter: &Value) -> Option<&'static str> {
    let places = filter["topics"].as_array().unwrap().iter().chain([&filter["address"]]);
    let sizes: Vec<usize> = places.filter_map(|place| Some(place.as_array()?.len())).collect();
    if sizes.contains(&0) {
        Some("an empty list matches everything")
    } else {
        sizes.iter().any(|size| *size > MOST_VALUES).then_some("exceed max topics")
    }
}

fn refusal(call: &Value, code: i64, words: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": call["id"], "error": { "code": code, "message": words } })
}

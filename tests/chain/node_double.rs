//! What the watcher takes for its node: a balancer over nodes of which some are behind, with a provider's limits, which
//! sometimes errs and sometimes forgets.

use std::fmt;
use std::sync::{Arc, Mutex};

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

struct Manners {
    lags: Vec<u64>,
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
    /// Stands before a node. Answers where it is itself.
    pub async fn before(node: &str, fuse: Fuse) -> (Self, String) {
        let manners = Manners {
            lags: vec![0],
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
    }

    /// The methods that were called since somebody asked.
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
        let (lag, fault, reorders) = {
            let mut manners = self.manners.lock().unwrap();
            let lag = manners.lags[manners.exchanges % manners.lags.len()];
            manners.exchanges += 1;
            let fault = (manners.faults)(&methods);
            manners.methods.extend(methods);
            (lag, fault, manners.reorders)
        };
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
        let mut answers = Vec::new();
        for call in &calls {
            answers.push(self.answer(call, head.saturating_sub(lag), lag > 0).await);
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

    /// What a node answers that has seen no block after `head`.
    async fn answer(&self, call: &Value, head: u64, is_behind: bool) -> Value {
        let mut call = call.clone();
        let params = call["params"].clone();
        let own_head = json!(format!("{head:#x}"));
        let answered = |result: Value| json!({ "jsonrpc": "2.0", "id": call["id"], "result": result });
        match call["method"].as_str().unwrap() {
            "eth_getLogs" => {
                let (from, to) = (number(&params[0]["fromBlock"]), number(&params[0]["toBlock"]));
                if let Some(words) = self.objection(&params[0], to.saturating_sub(from) + 1) {
                    return refusal(&call, -32_602, &words);
                }
                let mut manners = self.manners.lock().unwrap();
                if manners.omits_logs {
                    return answered(json!([]));
                }
                // As older nodes do it: without a word.
                if to > head {
                    manners.short_answers += 1;
                    if from > head {
                        return answered(json!([]));
                    }
                    call["params"][0]["toBlock"] = own_head;
                }
                drop(manners);
            }
            "eth_getBlockByNumber" if is_behind => match params[0].as_str().unwrap() {
                "latest" => call["params"][0] = own_head,
                numbered if numbered.starts_with("0x") && number(&params[0]) > head => {
                    return answered(Value::Null);
                }
                _ => {}
            },
            "eth_getTransactionCount" if is_behind => call["params"][1] = own_head,
            "eth_getTransactionReceipt" if is_behind => {
                let answer = self.forward(&call).await;
                let is_unseen = answer["result"]["blockNumber"].is_string()
                    && number(&answer["result"]["blockNumber"]) > head;
                return if is_unseen { answered(Value::Null) } else { answer };
            }
            _ => {}
        }
        self.forward(&call).await
    }

    /// Why a filter is refused. An empty list would match everything, and geth would answer it.
    fn objection(&self, filter: &Value, blocks: u64) -> Option<String> {
        let range = self.manners.lock().unwrap().range;
        let places = filter["topics"].as_array().unwrap().iter().chain([&filter["address"]]);
        let sizes: Vec<usize> = places.filter_map(|place| Some(place.as_array()?.len())).collect();
        if sizes.contains(&0) {
            Some("an empty list matches everything".to_owned())
        } else if sizes.iter().any(|size| *size > MOST_VALUES) {
            Some("exceed max topics".to_owned())
        } else if blocks > range {
            Some(format!("query exceeds max block range {range}"))
        } else {
            None
        }
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

fn refusal(call: &Value, code: i64, words: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": call["id"], "error": { "code": code, "message": words } })
}

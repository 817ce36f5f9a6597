//! An EVM chain on this machine: the node `anvil`, for the tests and the local run. It has accounts full of play money
//! that need no keys, and mines when it is told to.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

/// Where npm puts the node: it is pinned there beside the compiler of the contracts.
const CONTRACTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../contracts");
/// The error message if npm is missing.
const NEEDS_NODE: &str =
    "npm cannot be run: Node.js 20 or newer is needed, for it brings the local EVM node (https://nodejs.org)";
/// The longest that the node may take to start. It takes a tenth of a second.
const PATIENCE: Duration = Duration::from_mins(1);

/// When the node makes a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mining {
    /// One for each transaction, at once.
    EachTransaction,
    /// One every so many seconds, as a real chain does.
    Every(u64),
    /// When it is told to, by `evm_mine` or `anvil_mine`.
    OnCommand,
}

/// What chain the node plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The chain's id.
    pub chain: u64,
    /// When there is a block.
    pub mining: Mining,
    /// How many blocks make an epoch: `safe` is one epoch below the head, and `finalized` two.
    pub slots_in_an_epoch: u64,
}

impl Default for Options {
    /// Base, with a block for each transaction, the one below it safe and the next one final.
    fn default() -> Self {
        Self { chain: 8453, mining: Mining::EachTransaction, slots_in_an_epoch: 1 }
    }
}

/// A running node. It stops when this is dropped.
#[derive(Debug)]
pub struct EvmNode {
    endpoint: String,
    process: Child,
}

impl EvmNode {
    /// Starts a node on a free port and waits until it answers. The first time on a machine, npm fetches it.
    pub async fn start(options: Options) -> Result<Self> {
        let node = spawn_blocking(move || Self::launch(&anvil()?, options)).await??;
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": [] });
        let response = reqwest::Client::new().post(&node.endpoint).json(&request).send().await;
        let answer: Value = response.context("the EVM node does not answer")?.json().await?;
        let expected = Value::String(format!("{:#x}", options.chain));
        ensure!(answer.get("result") == Some(&expected), "the EVM node plays another chain: {answer}");
        Ok(node)
    }

    /// The URL of its JSON-RPC.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    fn launch(anvil: &Path, options: Options) -> Result<Self> {
        let mut command = Command::new(anvil);
        // Port 0: the system chooses, so that no two nodes meet. The node then says which it is.
        command.args(["--host", "127.0.0.1", "--port", "0"]);
        command.args(["--chain-id", &options.chain.to_string()]);
        command.args(["--slots-in-an-epoch", &options.slots_in_an_epoch.to_string()]);
        match options.mining {
            Mining::EachTransaction => {}
            Mining::Every(seconds) => {
                command.args(["--block-time", &seconds.to_string()]);
            }
            Mining::OnCommand => {
                command.arg("--no-mining");
            }
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let process = command.spawn().with_context(|| format!("{} cannot be run", anvil.display()))?;
        // From here on, whatever fails stops it.
        let mut node = Self { endpoint: String::new(), process };
        let output = node.process.stdout.take().context("the EVM node has no output")?;
        let (sender, receiver) = mpsc::channel();
        // It is read to its end: a full pipe would halt the node, and a closed one end it.
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if let Some(address) = line.strip_prefix("Listening on ") {
                    // Who gave up waiting does not hear it.
                    let _gone = sender.send(format!("http://{}", address.trim()));
                }
            }
        });
        node.endpoint = receiver.recv_timeout(PATIENCE).context("the EVM node did not start")?;
        Ok(node)
    }
}

impl Drop for EvmNode {
    fn drop(&mut self) {
        // One that has ended by itself is no harm.
        let _ended = self.process.kill();
        let _ended = self.process.wait();
    }
}

/// Returns the path of the node's program. It is installed if it is missing.
fn anvil() -> Result<PathBuf> {
    // Tests start many nodes at once, and two installations would tread on each other.
    static INSTALLATION: Mutex<()> = Mutex::new(());
    let _alone = INSTALLATION.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(program) = installed() {
        return Ok(program);
    }
    let npm = Command::new("npm").arg("ci").current_dir(CONTRACTS).output().context(NEEDS_NODE)?;
    if !npm.status.success() {
        bail!("`npm ci` failed in contracts/: {}", String::from_utf8_lossy(&npm.stderr).trim());
    }
    installed().context("the local EVM node, anvil, is not made for this machine")
}

/// The program lies in a package named after the machine's system and processor.
fn installed() -> Option<PathBuf> {
    let packages = Path::new(CONTRACTS).join("node_modules/@foundry-rs").read_dir().ok()?;
    let name = format!("anvil{}", std::env::consts::EXE_SUFFIX);
    packages.flatten().map(|package| package.path().join("bin").join(&name)).find(|program| program.is_file())
}

//! The watcher in a process of its own: its memory and CPU time are then measured as the kernel counts them.
//!
//! The program starts itself again with `--watch`. The two processes exchange lines: a command in, a [`Step`] out.

use std::fs;
use std::io::{BufRead as _, BufReader, Lines, Write as _, stdin, stdout};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use alloy_primitives::B256;
use anyhow::{Context as _, Result, anyhow};
use dev::engine;
use dev::local_chain::LocalChain;
use evm::Limits;
use evm::local::LocalKey;
use evm::{Endpoint, Node, Rpc, Signer};
use runtime::Clock;
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use store::Store;
use tokio::runtime::Builder;
use watch_chain::ChainWatcher;

use crate::chain::world::{GAS_KEY, TABLE, chain};

/// What the watcher is told to do.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub enum Command {
    /// Begin a run and make its first step.
    First,
    /// Make another step of the same run.
    Later,
}

/// What a step did, and what it took of the process.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Step {
    /// How many orders' deposit addresses are listed; `None` if there are too many to list.
    pub watched: Option<usize>,
    /// How many orders were visited and recorded.
    pub observed: usize,
    /// Whether there are blocks left that were not read yet, or orders that were not visited.
    pub is_behind: bool,
    /// Whether the cursor moved.
    pub has_moved: bool,
    /// The settlement that was sent.
    pub sent: Option<B256>,
    /// How long it took.
    pub wall: Duration,
    /// The CPU time of the process.
    pub cpu: Duration,
    /// The peak of the process's resident memory up to now, less what was resident before the first step.
    pub memory_kib: u64,
}

/// A watcher that runs in another process. The process ends when this is dropped.
#[derive(Debug)]
pub struct Watcher {
    process: Child,
    commands: ChildStdin,
    replies: Lines<BufReader<ChildStdout>>,
}

impl Watcher {
    /// Starts a watcher between the node and the engine at these endpoints.
    pub fn start(node: &str, engine: &str) -> Result<Self> {
        let mut process = std::process::Command::new(std::env::current_exe()?)
            .args(["chain", "--watch", node, engine])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let commands = process.stdin.take().context("the watcher has no input")?;
        let replies = process.stdout.take().context("the watcher has no output")?;
        Ok(Self { process, commands, replies: BufReader::new(replies).lines() })
    }

    /// Has it make a step.
    pub fn step(&mut self, command: Command) -> Result<Step> {
        writeln!(self.commands, "{}", serde_json::to_string(&command)?)?;
        let reply = self.replies.next().context("the watcher's process ended")??;
        let step: Result<Step, String> = serde_json::from_str(&reply)?;
        step.map_err(|cause| anyhow!("a step failed: {cause}"))
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        // A process that has ended already is no error here.
        let _ended = self.process.kill();
        let _ended = self.process.wait();
    }
}

/// Makes the steps that are asked for on standard input, until it ends. One thread, as in the function.
pub fn serve(node: &str, engine: &str) -> Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let mut watcher = runtime.block_on(watcher(node, engine))?;
    // Writing `5` sets the recorded peak to what is resident now.
    fs::write("/proc/self/clear_refs", "5").context("the peak of memory cannot be reset")?;
    let before = memory_kib("VmRSS:")?;
    for command in stdin().lines() {
        let command: Command = serde_json::from_str(&command?)?;
        let step = runtime.block_on(step(&mut watcher, command));
        let step = step.and_then(|step| {
            let memory_kib = memory_kib("VmHWM:")?.saturating_sub(before);
            Ok(Step { memory_kib, ..step })
        });
        let reply = step.map_err(|error| format!("{error:#}"));
        writeln!(stdout(), "{}", serde_json::to_string(&reply)?)?;
    }
    Ok(())
}

async fn watcher(node: &str, engine: &str) -> Result<ChainWatcher> {
    let rpc = Rpc::new(vec![Endpoint::parse(node)?], Limits::default())?;
    let payer = Signer::Local(LocalKey::parse(GAS_KEY)?);
    let store = Store::new(&engine::sdk_config(engine).await, TABLE);
    Ok(ChainWatcher::new(chain()?, Node::new(rpc), store, Clock::system(), LocalChain::factory()?, payer))
}

async fn step(watcher: &mut ChainWatcher, command: Command) -> Result<Step> {
    let (began, cpu) = (Instant::now(), cpu_time());
    if matches!(command, Command::First) {
        watcher.begin().await?;
    }
    let step = watcher.step().await?;
    Ok(Step {
        watched: step.watched,
        observed: step.observed.len(),
        is_behind: step.is_behind,
        has_moved: step.has_moved,
        sent: step.sent,
        wall: began.elapsed(),
        cpu: cpu_time().saturating_sub(cpu),
        memory_kib: 0,
    })
}

/// The CPU time of this process so far.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap_or_default(), time.tv_nsec.try_into().unwrap_or_default())
}

/// What the kernel says of this process's memory.
fn memory_kib(name: &str) -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let value =
        status.lines().find_map(|line| line.strip_prefix(name)?.strip_suffix("kB")?.trim().parse().ok());
    value.context("the kernel does not say how much memory is used")
}

//! The service: `cargo dev` as a process of its own, with its database in memory.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::load::cores::Cores;
use crate::load::cpu_time;

/// What payment events are signed with.
pub const SECRET: &str = "whsec_Y2hlY2tvdXQtc2Vzc2lvbnMtbG9jYWwtc2VjcmV0";

/// How long a start or a stop may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where the database engine is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// In the service's own process, as `cargo dev` has it.
    Within,
    /// In another process on the same core, so that each one's CPU time is known.
    Apart,
}

/// A running service.
pub struct Service {
    /// Its URL.
    pub base: String,
    gateway: Process,
    engine: Option<Process>,
}

impl Service {
    /// Starts it, on its core.
    pub async fn start(program: &Path, engine: Engine, cores: &Cores, folder: &Path) -> Result<Self> {
        let dev = |arguments: &[&str], name: &str| {
            let output = folder.join(name);
            let mut command = Command::new(program);
            command
                .args(["--port", "0"])
                .args(arguments)
                .env("PAYMENT_EVENTS_SECRET", SECRET)
                // Somebody must read a pipe, and that would take the generator's time.
                .stdout(File::create(&output)?)
                .stdin(Stdio::null());
            anyhow::Ok((Process(cores.start(&mut command)?), output))
        };
        let engine = match engine {
            Engine::Within => None,
            Engine::Apart => {
                let (mut process, output) = dev(&[], "engine")?;
                let said = process.said_when_ready(&output).await?;
                Some((process, url_after(&said, "Database")?))
            }
        };
        let arguments = engine.as_ref().map_or(vec![], |(_, url)| vec!["--dynamodb-endpoint", url]);
        let (mut gateway, output) = dev(&arguments, "gateway")?;
        let base = url_after(&gateway.said_when_ready(&output).await?, "Serving")?;
        Ok(Self { base, gateway, engine: engine.map(|(process, _)| process) })
    }

    /// The CPU time that the service has used, and of that what a process of the engine's own has.
    pub fn cpu_time(&self) -> Result<CpuTime> {
        let engine = self.engine.as_ref().map_or(Ok(Duration::ZERO), Process::cpu_time)?;
        Ok(CpuTime { total: self.gateway.cpu_time()? + engine, engine })
    }
}

/// What a service has used.
#[derive(Debug, Clone, Copy)]
pub struct CpuTime {
    /// All of it.
    pub total: Duration,
    /// The engine's part; zero if it has no process of its own.
    pub engine: Duration,
}

/// A process that is killed when this value is dropped.
struct Process(Child);

impl Process {
    /// What it has written by the time at which it serves.
    async fn said_when_ready(&mut self, output: &Path) -> Result<String> {
        let start = Instant::now();
        loop {
            let said = fs::read_to_string(output)?;
            // The last line of its greeting.
            if said.contains("Ctrl-C\n") {
                return Ok(said);
            }
            if self.0.try_wait()?.is_some() || start.elapsed() > PATIENCE {
                bail!("the service did not start: {said}");
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn cpu_time(&self) -> Result<Duration> {
        cpu_time::of_process(self.0.id())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Asked to, `cargo dev` removes the secret that it left for `cargo dev pay`.
        let asked = kill_process(Pid::from_child(&self.0), Signal::INT);
        let start = Instant::now();
        while asked.is_ok() && matches!(self.0.try_wait(), Ok(None)) && start.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(10));
        }
        // Who does not listen would keep its core busy for ever; one that has ended is no harm.
        let _ended = self.0.kill();
        let _ended = self.0.wait();
    }
}

/// The URL in the line that begins with this word.
fn url_after(said: &str, word: &str) -> Result<String> {
    let line = said.lines().find_map(|line| line.strip_prefix(word)).unwrap_or_default();
    let url = line.split([' ', ',']).find(|part| part.starts_with("http://"));
    Ok(url.with_context(|| format!("the service did not say {word}"))?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_of_the_greeting_has_its_own_url() {
        let said = "Serving   http://127.0.0.1:9000\n\
                    Database  embedded, in memory, at http://127.0.0.1:8000, table checkout\n";
        assert_eq!(url_after(said, "Serving").unwrap(), "http://127.0.0.1:9000");
        assert_eq!(url_after(said, "Database").unwrap(), "http://127.0.0.1:8000");
        assert!(url_after(said, "Secret").is_err());
    }
}

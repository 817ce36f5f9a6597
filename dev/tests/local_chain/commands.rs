//! The commands that README shows, as processes.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::sleep;

use super::PATIENCE;
use super::shop::Shop;

/// `cargo dev --chain` as a process. It is asked to end, so that it takes its node with it.
struct CargoDev(Child);

impl CargoDev {
    /// Starts it on a free port. Returns it with its greeting.
    fn start() -> Result<(Self, Vec<String>)> {
        let process = Command::new(env!("CARGO_BIN_EXE_dev"))
            .args(["--chain", "--port", "0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut dev = Self(process);
        let mut lines = BufReader::new(dev.0.stdout.take().context("it has no output")?).lines();
        let mut greeting = Vec::new();
        while !greeting.last().is_some_and(|line: &String| line.starts_with("Stop")) {
            greeting.push(lines.next().with_context(|| format!("it does not come to serve: {greeting:?}"))??);
        }
        // Read to its end: it fails where it cannot print.
        std::thread::spawn(move || lines.for_each(drop));
        Ok((dev, greeting))
    }

    fn stop(&mut self) -> Result<()> {
        // The id of one that was waited for may be another's by now.
        if self.0.try_wait()?.is_none() {
            let id = Pid::from_raw(i32::try_from(self.0.id())?).context("it has no id")?;
            kill_process(id, Signal::TERM)?;
            self.0.wait()?;
        }
        Ok(())
    }
}

impl Drop for CargoDev {
    fn drop(&mut self) {
        // It can only fail where nothing is left to be stopped.
        let _ended = self.stop();
    }
}

/// Runs `cargo dev pay` to its end, or kills it if it does not end.
async fn pay(session: &str, port: &str) -> Result<Output> {
    let mut process = Command::new(env!("CARGO_BIN_EXE_dev"))
        .args(["pay", session, "--on-chain", "--port", port])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let start = Instant::now();
    while process.try_wait()?.is_none() {
        if start.elapsed() > PATIENCE {
            process.kill()?;
        }
        sleep(Duration::from_millis(50)).await;
    }
    Ok(process.wait_with_output()?)
}

#[tokio::test]
async fn cargo_dev_pay_completes_a_session_of_cargo_dev_with_a_chain_which_takes_its_node_along() -> Result<()>
{
    let (mut dev, greeting) = CargoDev::start()?;
    // The first address in the greeting's line of that name.
    let address_in = |name: &str| {
        let line = greeting.iter().find(|line| line.starts_with(name))?;
        line.split_once("http://")?.1.split([',', ' ']).next()
    };
    let (service, node) =
        address_in("Serving").zip(address_in("Chain")).context("it says not where it is")?;
    let port = service.rsplit(':').next().unwrap_or_default();

    let shop = Shop::new(&format!("http://{service}"));
    let session = shop.session().await?;
    shop.order(&session, "5000000").await?;
    let paid = pay(&session, port).await?;
    ensure!(paid.status.success(), "{paid:?}");
    ensure!(String::from_utf8(paid.stdout)?.trim_end().ends_with("complete"));
    let session = shop.session_with_order(&session).await?;
    ensure!(
        session["status"] == "complete" && session["order"]["executeTx"]["txHash"].is_string(),
        "{session}"
    );

    ensure!(std::net::TcpStream::connect(node).is_ok());
    dev.stop()?;
    ensure!(std::net::TcpStream::connect(node).is_err(), "the node goes on");
    let paid = pay("an id", port).await?;
    ensure!(!paid.status.success());
    ensure!(String::from_utf8(paid.stderr)?.contains("no `cargo dev --chain` is running on port"));
    Ok(())
}

//! `cargo dev` as a process, and what it leaves behind.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::time::sleep;

/// A process that has not answered or started by then never will. A test that passes does not wait so long.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A folder for the database of one test, and a secret that no other run has.
pub(crate) struct Place {
    /// Where everything of the test is.
    pub(crate) folder: PathBuf,
    secret: String,
}

impl Place {
    /// A new, empty one.
    pub(crate) fn new() -> Result<Self> {
        let name = format!("crash-{:016x}", fastrand::u64(..));
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&folder)?;
        let bytes: [u8; 32] = std::array::from_fn(|_| fastrand::u8(..));
        Ok(Self { folder, secret: format!("whsec_{}", STANDARD.encode(bytes)) })
    }

    /// The file that outlives every process.
    fn database(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// What the present process prints.
    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// Copies the file of a database that no process has open, with the log of its last writes.
    pub(crate) fn copy_database(&self, from: &str, to: &str) -> Result<()> {
        for suffix in ["", "-wal"] {
            fs::copy(self.folder.join(format!("{from}{suffix}")), self.folder.join(format!("{to}{suffix}")))?;
        }
        // The index of the log is not copied: it would describe another log. It is made anew.
        let _absent = fs::remove_file(self.folder.join(format!("{to}-shm")));
        Ok(())
    }

    /// Removes the folder. A test that failed leaves it for inspection.
    pub(crate) fn remove(self) -> Result<()> {
        Ok(fs::remove_dir_all(&self.folder)?)
    }
}

impl Drop for Place {
    /// Removes what killed processes could not: the files in which `cargo dev` leaves its secret and
    /// its key for other commands. They are known by the secret.
    fn drop(&mut self) {
        let target = concat!(env!("CARGO_MANIFEST_DIR"), "/../target");
        for file in fs::read_dir(target).into_iter().flatten().flatten() {
            let is_secret = file.file_name().to_string_lossy().starts_with("cargo-dev-");
            if is_secret && fs::read_to_string(file.path()).is_ok_and(|secret| secret == self.secret) {
                let _gone = fs::remove_file(file.path());
                let _gone = fs::remove_file(file.path().with_extension("key"));
            }
        }
    }
}

/// `cargo dev` as a process. It is killed at the latest when this value is dropped.
pub(crate) struct Process(Child);

impl Process {
    /// Starts it on a free port.
    pub(crate) fn spawn(place: &Place) -> Result<Self> {
        let log = File::create(place.log())?;
        let process = Command::new(env!("CARGO_BIN_EXE_dev"))
            .args(["--port", "0", "--data"])
            .arg(place.database())
            .env("PAYMENT_EVENTS_SECRET", &place.secret)
            .stdin(Stdio::null())
            .stderr(log.try_clone()?)
            .stdout(log)
            .spawn()?;
        Ok(Self(process))
    }

    /// Kills it, without a chance to finish anything: on Unix by SIGKILL.
    pub(crate) fn kill(&mut self) -> Result<()> {
        if let Some(status) = self.0.try_wait()? {
            bail!("the process ended by itself: {status}");
        }
        self.0.kill()?;
        self.0.wait()?;
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only where it is gone already.
        let _killed = self.0.kill();
        let _gone = self.0.wait();
    }
}

/// A process that serves.
pub(crate) struct Life {
    /// What can be killed.
    pub(crate) process: Process,
    /// The URL that it serves.
    pub(crate) base: String,
    /// The URL of its database engine.
    pub(crate) engine: String,
    /// What events are signed with.
    pub(crate) secret: String,
}

impl Life {
    /// Starts `cargo dev` on the database and waits until it serves.
    pub(crate) async fn start(place: &Place) -> Result<Self> {
        let mut process = Process::spawn(place)?;
        let start = Instant::now();
        loop {
            let log = fs::read_to_string(place.log())?;
            let line = |name: &str| log.lines().find(|line| line.starts_with(name));
            // The last line of the greeting; the others are whole when it is there.
            if let (Some(base), Some(engine), Some(_)) = (line("Serving"), line("Database"), line("Stop")) {
                let base = base.trim_start_matches("Serving").trim().to_owned();
                let engine = engine.rsplit_once(" at ").and_then(|(_, engine)| engine.split_once(','));
                let engine = engine.context("the greeting names no engine")?.0.to_owned();
                return Ok(Self { process, base, engine, secret: place.secret.clone() });
            }
            if let Some(status) = process.0.try_wait()? {
                bail!("cargo dev does not start on the database any more, {status}: {log}");
            }
            ensure!(start.elapsed() < PATIENCE, "cargo dev does not come to serve: {log}");
            sleep(Duration::from_millis(5)).await;
        }
    }
}

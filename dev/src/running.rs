//! What a running `cargo dev` leaves in files for the commands in another terminal.

use std::fs;
use std::io;
use std::path::PathBuf;

/// The files of the `cargo dev` on one port.
#[derive(Debug)]
pub struct Running {
    secret: PathBuf,
    key: PathBuf,
    chain: PathBuf,
}

impl Running {
    /// Names the files of a port.
    pub fn on(port: u16) -> Self {
        let target = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target"));
        let file = |what| target.join(format!("cargo-dev-{port}.{what}"));
        Self { secret: file("secret"), key: file("key"), chain: file("chain") }
    }

    /// Writes the secret of the order events, an API key and, with a chain, the URL of its node.
    pub fn write(&self, secret: &str, key: &str, chain: Option<&str>) -> io::Result<()> {
        // With another target folder of cargo's, this one does not exist yet.
        self.secret.parent().map_or(Ok(()), fs::create_dir_all)?;
        // A process that was killed leaves its files, and its chain is gone.
        self.remove();
        fs::write(&self.secret, secret)?;
        fs::write(&self.key, key)?;
        chain.map_or(Ok(()), |chain| fs::write(&self.chain, chain))
    }

    /// Reads the secret of the order events.
    pub fn secret(&self) -> io::Result<String> {
        fs::read_to_string(&self.secret)
    }

    /// Reads the API key.
    pub fn key(&self) -> io::Result<String> {
        fs::read_to_string(&self.key)
    }

    /// Reads the URL of the chain's node.
    pub fn chain(&self) -> io::Result<String> {
        fs::read_to_string(&self.chain)
    }

    /// Removes the files. A file that is gone already is no error.
    pub fn remove(&self) {
        let _gone = fs::remove_file(&self.secret);
        let _gone = fs::remove_file(&self.key);
        let _gone = fs::remove_file(&self.chain);
    }
}

//! coturn: a relay on loopback that knows people by a secret it shares with their homeserver.

use std::time::Duration;

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::{
    process::{Launch, Process},
    wait::{free_port, until},
};

/// A running relay.
#[derive(Debug)]
pub struct Coturn {
    process: Process,
    port: u16,
    _dir: TempDir,
}

/// What it shares with homeservers.
const SECRET: &str = "testkit-relay";
/// How long it may take to begin.
const LIMIT: Duration = Duration::from_secs(20);

impl Coturn {
    /// Starts one and waits until it listens.
    pub async fn start() -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("hl-coturn").tempdir()?;
        let port = free_port()?;
        let mut process = Launch::new("turnserver", dir.path())?
            .args(["-n", "--no-cli", "--no-tls", "--no-dtls", "--verbose"])
            .args(["--log-file", "stdout", "--pidfile"])
            .arg(dir.path().join("pid"))
            .arg("--userdb")
            .arg(dir.path().join("db"))
            .args(["--listening-ip", "127.0.0.1", "--relay-ip", "127.0.0.1"])
            .args(["--listening-port", &port.to_string()])
            .args(["--realm", "relay.test", "--use-auth-secret"])
            .args(["--static-auth-secret", SECRET])
            // Both sides of a call on this machine are at its own addresses.
            .arg("--allow-loopback-peers")
            .spawn()
            .context("coturn is not installed")?;
        until(LIMIT, "coturn", || {
            let listens = std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
            let running = process.expect_running();
            async move { running.map(|()| listens.then_some(())) }
        })
        .await?;
        Ok(Self {
            process,
            port,
            _dir: dir,
        })
    }

    /// The table of `hardline-server`'s configuration that names it.
    pub fn config(&self) -> String {
        let port = self.port;
        format!("[turn]\nuris = [\"turn:127.0.0.1:{port}?transport=udp\"]\nsecret = \"{SECRET}\"\n")
    }

    /// How often somebody was given a way through it.
    pub fn n_allocations(&self) -> usize {
        let log = self.process.log();
        log.matches("ALLOCATE processed, success").count()
    }
}

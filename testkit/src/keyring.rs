//! gnome-keyring-daemon as the Secret Service of a private bus.

use std::{path::Path, time::Duration};

use anyhow::{Context, Result};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;

use crate::{
    bus::Bus,
    paths,
    process::{Launch, Process},
    wait::until,
};

/// A running keyring; its secrets stay in a folder that can outlive it.
#[derive(Debug)]
pub struct Keyring {
    process: Process,
}

/// The folder of a keyring's files: the same store can be served again by a later daemon.
#[derive(Debug)]
pub struct KeyringStore {
    dir: TempDir,
}

impl KeyringStore {
    /// An empty one.
    pub fn new() -> Result<Self> {
        Ok(Self {
            dir: tempfile::Builder::new().prefix("hl-keyring").tempdir()?,
        })
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }
}

impl Keyring {
    /// Starts a keyring whose default collection is unlocked.
    pub async fn unlocked(bus: &Bus, store: &KeyringStore) -> Result<Self> {
        let mut launch = daemon(bus, store)?.arg("--unlock").pipe_stdin().spawn()?;
        let mut stdin = launch.child.stdin.take().context("no standard input")?;
        stdin.write_all(b"testkit\n").await?;
        drop(stdin);
        Self::named(bus, launch).await
    }

    /// Starts a keyring that stays locked: nobody types its password, and no prompter is on the bus.
    pub async fn locked(bus: &Bus, store: &KeyringStore) -> Result<Self> {
        let launch = daemon(bus, store)?.spawn()?;
        Self::named(bus, launch).await
    }

    async fn named(bus: &Bus, mut process: Process) -> Result<Self> {
        let dbus_send = paths::installed("dbus-send")?;
        until(
            Duration::from_secs(15),
            "org.freedesktop.secrets on the bus",
            || {
                let alive = process.expect_running();
                let question = Launch::new(&dbus_send, bus.dir()).map(|launch| {
                    launch
                        .arg(format!("--bus={}", bus.address()))
                        .args([
                            "--print-reply=literal",
                            "--dest=org.freedesktop.DBus",
                            "/org/freedesktop/DBus",
                        ])
                        .args([
                            "org.freedesktop.DBus.NameHasOwner",
                            "string:org.freedesktop.secrets",
                        ])
                });
                async move {
                    alive?;
                    let output = question?.output(Duration::from_secs(5)).await?;
                    Ok(output.stdout.contains("true").then_some(()))
                }
            },
        )
        .await?;
        Ok(Self { process })
    }

    /// Ends it; the bus no longer has a Secret Service.
    pub async fn stop(self) -> Result<()> {
        self.process.kill().await
    }
}

fn daemon(bus: &Bus, store: &KeyringStore) -> Result<Launch> {
    let dir = store.path();
    Ok(Launch::new(paths::installed("gnome-keyring-daemon")?, dir)?
        .args(["--foreground", "--components=secrets"])
        .arg(format!(
            "--control-directory={}",
            dir.join("control").display()
        ))
        .env("DBUS_SESSION_BUS_ADDRESS", bus.address())
        .env("HOME", dir)
        .env("XDG_DATA_HOME", dir.join("data"))
        .env("XDG_RUNTIME_DIR", dir)
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY"))
}

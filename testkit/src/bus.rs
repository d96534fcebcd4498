//! A private D-Bus session bus that starts nothing by itself.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Result;
use tempfile::TempDir;

use crate::{
    paths,
    process::{Launch, Process},
    wait::until,
};

/// A running bus.
#[derive(Debug)]
pub struct Bus {
    _process: Process,
    address: String,
    dir: TempDir,
}

// No <servicedir>: on this bus nothing appears that the test did not start.
const CONFIG: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path=SOCKET</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#;

impl Bus {
    /// Starts one.
    pub async fn start() -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("hl-bus").tempdir()?;
        let socket: PathBuf = dir.path().join("bus");
        let config = dir.path().join("session.conf");
        fs::write(
            &config,
            CONFIG.replace("SOCKET", &socket.display().to_string()),
        )?;
        let mut process = Launch::new(paths::installed("dbus-daemon")?, dir.path())?
            .arg("--nofork")
            .arg(format!("--config-file={}", config.display()))
            .spawn()?;
        until(Duration::from_secs(10), "the bus's socket", || {
            let alive = process.expect_running();
            let there = socket.exists();
            async move { alive.map(|()| there.then_some(())) }
        })
        .await?;
        let address = format!("unix:path={}", socket.display());
        Ok(Self {
            _process: process,
            address,
            dir,
        })
    }

    /// Its address, for `DBUS_SESSION_BUS_ADDRESS`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// A folder that goes with the bus.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }
}

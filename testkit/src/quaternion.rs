//! Quaternion (Debian's package), a client with a window made by others: signed in by its log-in window, or by files.

use std::{fs, path::Path, time::Duration};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::{
    Client, Desktop, Homeserver, Xvfb, paths,
    process::{Launch, Process},
    wait::until,
};

const LIMIT: Duration = Duration::from_secs(60);

/// A running Quaternion on a desktop.
#[derive(Debug)]
pub struct Quaternion {
    process: Process,
    _home: TempDir,
}

impl Quaternion {
    /// Starts it, and waits for its log-in window.
    pub async fn start(desktop: &Desktop) -> Result<Self> {
        let home = tempfile::Builder::new().prefix("hl-quaternion").tempdir()?;
        let process = launch(home.path(), desktop.screen())?.spawn()?;
        let mut new = Self {
            process,
            _home: home,
        };
        until(LIMIT, "its log-in window", || {
            let alive = new.process.expect_running();
            let pid = new.process.pid();
            async move {
                alive?;
                let titles = desktop.windows(pid).await?;
                let is_there = titles.iter().any(|title| title.starts_with("Login"));
                Ok(is_there.then_some(()))
            }
        })
        .await?;
        Ok(new)
    }

    /// Types into the log-in window, and presses its button until the server knows a device of this name.
    pub async fn sign_in(
        &mut self,
        desktop: &Desktop,
        server: &impl Homeserver,
        account: &Client,
        password: &str,
        device: &str,
    ) -> Result<()> {
        // The window has the focus a moment after it is shown; its first field is empty then and later.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let name = account.user_id.trim_start_matches('@');
        let name = name.split(':').next().context("no name")?;
        desktop.types(name).await?;
        desktop.keys(&["Tab"]).await?;
        desktop.types(password).await?;
        desktop.keys(&["Tab"]).await?;
        desktop.types(device).await?;
        desktop.keys(&["Tab", "ctrl+a"]).await?;
        desktop.types(server.base_url()).await?;
        desktop.keys(&["Tab"]).await?;
        until(LIMIT, "a log-in", || {
            let alive = self.process.expect_running();
            async move {
                alive?;
                desktop.keys(&["Return"]).await?;
                tokio::time::sleep(Duration::from_millis(700)).await;
                let devices = account.get("v3/devices").await?;
                let mut devices = devices["devices"].as_array().into_iter().flatten();
                Ok(devices
                    .any(|found| found["display_name"] == device)
                    .then_some(()))
            }
        })
        .await
    }

    /// The titles of its windows.
    pub async fn windows(&self, desktop: &Desktop) -> Result<Vec<String>> {
        desktop.windows(self.process.pid()).await
    }
}

/// Writes the files of a signed-in Quaternion below `home`.
pub fn write_session(home: &Path, account: &Client, server: &impl Homeserver) -> Result<()> {
    let config = home.join("config/Quotient");
    fs::create_dir_all(&config)?;
    let id = &account.user_id;
    // QSettings writes `@` and `:` in a group's name percent-encoded.
    let group = id.replace('@', "%40").replace(':', "%3A");
    fs::write(
        config.join("quaternion.conf"),
        format!(
            "[Accounts]\n{group}\\homeserver={}\n{group}\\device_id={}\n{group}\\keep_logged_in=true\n{group}\\encryption=false\n",
            server.base_url(),
            account.device_id
        ),
    )?;
    let data = home.join("data/Quotient/quaternion");
    fs::create_dir_all(&data)?;
    fs::write(data.join(id.replace(':', "_")), &account.token)?;
    Ok(())
}

/// The program, ready to start on a display.
pub fn launch(home: &Path, x: &Xvfb) -> Result<Launch> {
    let run = home.join("run");
    fs::create_dir_all(&run)?;
    Ok(Launch::new(paths::installed("quaternion")?, home)?
        .env("DISPLAY", x.display())
        .env("HOME", home)
        .env("XDG_CONFIG_HOME", home.join("config"))
        .env("XDG_DATA_HOME", home.join("data"))
        .env("XDG_CACHE_HOME", home.join("cache"))
        .env("XDG_RUNTIME_DIR", run)
        .env("LANG", "C.UTF-8")
        .env_remove("WAYLAND_DISPLAY"))
}

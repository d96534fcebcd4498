//! A bridge made with mautrix, in a Python process of its own: it answers what people say as ghosts of theirs.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{driver::Driver, homeserver::Homeserver, wait::free_port};

const AS_TOKEN: &str = "as-token-of-the-echo-bridge";
const HS_TOKEN: &str = "hs-token-of-the-echo-bridge";

/// A bridge with its registration; it runs between [`Bridge::start`] and [`Bridge::kill`].
#[derive(Debug)]
pub struct Bridge {
    driver: Option<Driver>,
    port: u16,
    dir: TempDir,
}

impl Bridge {
    /// Its `id`.
    pub const ID: &'static str = "echo";

    /// Writes a registration for users of `server_name` that begin with `_mx_`.
    pub fn register(server_name: &str) -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("hl-bridge").tempdir()?;
        let port = free_port()?;
        let server = server_name.replace('.', "\\.");
        let text = format!(
            "id: {}\nurl: http://127.0.0.1:{port}\nas_token: {AS_TOKEN}\nhs_token: {HS_TOKEN}\n\
             sender_localpart: echobot\nrate_limited: false\nde.sorunome.msc2409.push_ephemeral: true\n\
             namespaces:\n  users:\n  - exclusive: true\n    regex: '@_mx_.*:{server}'\n",
            Self::ID
        );
        let bridge = Self {
            driver: None,
            port,
            dir,
        };
        fs::write(bridge.registration(), text)?;
        Ok(bridge)
    }

    /// Its registration file.
    pub fn registration(&self) -> PathBuf {
        self.dir.path().join("registration.yaml")
    }

    /// Starts it (again) for a running homeserver.
    pub async fn start(&mut self, server: &impl Homeserver) -> Result<()> {
        let driver = Driver::start("mautrix_driver.py", self.dir.path()).await?;
        let args = json!({
            "server": server.base_url(), "domain": server.server_name(), "as_token": AS_TOKEN, "hs_token": HS_TOKEN,
            "id": Self::ID, "bot": "echobot", "store": self.dir.path().join("state.json"), "port": self.port,
        });
        driver.call("", "open", args).await?;
        self.driver = Some(driver);
        Ok(())
    }

    /// Ends it without warning.
    pub async fn kill(&mut self) -> Result<()> {
        match self.driver.take() {
            Some(driver) => driver.kill().await,
            None => Ok(()),
        }
    }

    /// Carries out one operation of `mautrix_driver.py`.
    pub async fn call(&self, op: &str, args: Value) -> Result<Value> {
        let driver = self.driver.as_ref().context("the bridge does not run")?;
        driver.call("", op, args).await
    }

    /// What people said, in the order in which the bridge heard it, once `body` is among it.
    pub async fn heard(&self, body: &str) -> Result<Vec<String>> {
        let said = self.call("heard", json!({ "body": body })).await?;
        let said = said.as_array().context("no list")?;
        let bodies = said.iter().filter_map(|message| message["body"].as_str());
        Ok(bodies.map(str::to_owned).collect())
    }
}

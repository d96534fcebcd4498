//! matrix-nio as a client of a homeserver, in a Python process of its own.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::driver::Driver;

/// A running driver; it can hold several accounts.
#[derive(Debug)]
pub struct Nio {
    driver: Driver,
    dir: TempDir,
}

impl Nio {
    /// Starts the driver.
    pub async fn start() -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("hl-nio").tempdir()?;
        let driver = Driver::start("nio_driver.py", dir.path()).await?;
        Ok(Self { driver, dir })
    }

    /// Signs in (or registers) the account called `name` here.
    pub async fn open(
        &self,
        name: &str,
        base_url: &str,
        user: &str,
        password: &str,
        register: bool,
    ) -> Result<Value> {
        let store = self.dir.path().join(name);
        std::fs::create_dir_all(&store)?;
        let args = json!({ "base_url": base_url, "user": user, "password": password, "register": register, "store": store });
        self.call(name, "open", args).await
    }

    /// Carries out one operation of `nio_driver.py`.
    pub async fn call(&self, account: &str, op: &str, args: Value) -> Result<Value> {
        let called = self.driver.call(account, op, args).await;
        called.with_context(|| format!("nio {op}"))
    }
}

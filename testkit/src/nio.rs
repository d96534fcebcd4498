//! matrix-nio as a client of a homeserver, in a Python process of its own.

use std::{collections::HashMap, sync::Arc, time::Duration};

use anyhow::{Context, Result, anyhow};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::ChildStdin,
    sync::{Mutex, oneshot},
    time::timeout,
};

use crate::{
    paths, peers,
    process::{Launch, Process},
};

type Waiting = Arc<std::sync::Mutex<HashMap<u64, oneshot::Sender<Value>>>>;

/// A running driver; it can hold several accounts.
#[derive(Debug)]
pub struct Nio {
    _process: Process,
    stdin: Mutex<(ChildStdin, u64)>,
    waiting: Waiting,
    dir: TempDir,
}

impl Nio {
    /// Starts the driver.
    pub async fn start() -> Result<Self> {
        let python = peers::python().await?;
        let dir = tempfile::Builder::new().prefix("hl-nio").tempdir()?;
        let mut process = Launch::new(python, dir.path())?
            .arg(paths::source_dir("py").join("nio_driver.py"))
            .pipe_stdin()
            .spawn_piped()?;
        let stdin = process.child.stdin.take().context("no standard input")?;
        let stdout = process.child.stdout.take().context("no standard output")?;
        let waiting = Waiting::default();
        let answers = waiting.clone();
        tokio::spawn(async move {
            let mut lines = BufReader::new(stdout).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                let Ok(answer) = serde_json::from_str::<Value>(&line) else {
                    continue;
                };
                let id = answer["id"].as_u64().unwrap_or_default();
                let sender = answers.lock().ok().and_then(|mut map| map.remove(&id));
                if let Some(sender) = sender {
                    let _ = sender.send(answer);
                }
            }
            if let Ok(mut map) = answers.lock() {
                map.clear();
            }
        });
        Ok(Self {
            _process: process,
            stdin: Mutex::new((stdin, 0)),
            waiting,
            dir,
        })
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
        let (sender, receiver) = oneshot::channel();
        {
            let mut stdin = self.stdin.lock().await;
            stdin.1 += 1;
            let id = stdin.1;
            self.waiting
                .lock()
                .map_err(|_| anyhow!("the reader panicked"))?
                .insert(id, sender);
            let line = format!(
                "{}\n",
                json!({ "id": id, "account": account, "op": op, "args": args })
            );
            stdin.0.write_all(line.as_bytes()).await?;
            stdin.0.flush().await?;
        }
        let answer = timeout(Duration::from_secs(90), receiver)
            .await
            .with_context(|| format!("nio {op}: no answer within 90 s"))?
            .with_context(|| format!("nio ended during {op}"))?;
        match answer["error"].as_str() {
            Some(error) => Err(anyhow!("nio {account} {op}: {error}")),
            None => Ok(answer["ok"].clone()),
        }
    }
}

//! A Python program that does what it is told: one JSON command a line in, one JSON answer a line out.

use std::{collections::HashMap, path::Path, sync::Arc, time::Duration};

use anyhow::{Context, Result, anyhow};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{ChildStdin, ChildStdout},
    sync::{Mutex, oneshot},
    time::timeout,
};

use crate::{
    paths, peers,
    process::{Launch, Process},
};

type Waiting = Arc<std::sync::Mutex<HashMap<u64, oneshot::Sender<Value>>>>;

/// A running driver.
#[derive(Debug)]
pub(crate) struct Driver {
    process: Process,
    stdin: Mutex<(ChildStdin, u64)>,
    waiting: Waiting,
}

impl Driver {
    /// Starts `py/<script>`, which writes its log into `dir`.
    pub(crate) async fn start(script: &str, dir: &Path) -> Result<Self> {
        let python = peers::python().await?;
        let mut process = Launch::new(python, dir)?
            .arg(paths::source_dir("py").join(script))
            .pipe_stdin()
            .spawn_piped()?;
        let stdin = process.child.stdin.take().context("no standard input")?;
        let stdout = process.child.stdout.take().context("no standard output")?;
        let waiting = Waiting::default();
        tokio::spawn(read_answers(stdout, waiting.clone()));
        Ok(Self {
            process,
            stdin: Mutex::new((stdin, 0)),
            waiting,
        })
    }

    /// Carries out one operation of the program.
    pub(crate) async fn call(&self, account: &str, op: &str, args: Value) -> Result<Value> {
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
            .with_context(|| format!("{op}: no answer within 90 s"))?
            .with_context(|| format!("the program ended during {op}"))?;
        match answer["error"].as_str() {
            Some(error) => Err(anyhow!("{account} {op}: {error}")),
            None => Ok(answer["ok"].clone()),
        }
    }

    /// Ends it without warning.
    pub(crate) async fn kill(self) -> Result<()> {
        self.process.kill().await
    }
}

async fn read_answers(stdout: ChildStdout, waiting: Waiting) {
    let mut lines = BufReader::new(stdout).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let Ok(answer) = serde_json::from_str::<Value>(&line) else {
            continue;
        };
        let id = answer["id"].as_u64().unwrap_or_default();
        let sender = waiting.lock().ok().and_then(|mut map| map.remove(&id));
        if let Some(sender) = sender {
            let _ = sender.send(answer);
        }
    }
    if let Ok(mut map) = waiting.lock() {
        map.clear();
    }
}

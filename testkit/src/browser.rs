//! Headless Chromium with a page that runs matrix-js-sdk. The page asks us for commands over loopback HTTP,
//! so neither a debugging protocol nor a driver program is needed.

use std::{
    collections::{HashMap, VecDeque},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use anyhow::{Context, Result, anyhow};
use axum::{
    Json, Router,
    extract::{Path, State},
    http::{StatusCode, header},
    response::IntoResponse,
    routing::{get, post},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    net::TcpListener,
    sync::{Notify, oneshot},
    task::JoinHandle,
    time::timeout,
};

use crate::{
    paths, peers,
    process::{Launch, Process},
};

/// A running browser with the page open.
#[derive(Debug)]
pub struct Browser {
    _process: Process,
    server: JoinHandle<()>,
    shared: Arc<Shared>,
    _dir: TempDir,
}

/// One account of the page.
#[derive(Debug)]
pub struct Page<'a> {
    browser: &'a Browser,
    name: String,
    /// Its user id.
    pub user_id: String,
    /// Its device id.
    pub device_id: String,
}

#[derive(Debug, Default)]
struct Shared {
    files: PathBuf,
    queue: Mutex<Queue>,
    added: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    next_id: u64,
    commands: VecDeque<Value>,
    waiting: HashMap<u64, oneshot::Sender<Value>>,
    log: Vec<String>,
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Browser {
    /// Starts Chromium and waits until the page runs.
    pub async fn start() -> Result<Self> {
        let shared = Arc::new(Shared {
            files: peers::page().await?,
            ..Shared::default()
        });
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}/", listener.local_addr()?);
        let app = Router::new()
            .route("/next", get(next))
            .route("/result", post(result))
            .route("/log", post(log))
            .route("/", get(index))
            .route("/{*path}", get(file))
            .with_state(shared.clone());
        let server = tokio::spawn(async move {
            let _ = axum::serve(listener, app).await;
        });
        let dir = tempfile::Builder::new().prefix("hl-browser").tempdir()?;
        let process = launch(&dir, &url)?;
        let browser = Self {
            _process: process,
            server,
            shared,
            _dir: dir,
        };
        browser
            .call("", "ping", Value::Null, Duration::from_secs(60))
            .await
            .context("the page does not run")?;
        Ok(browser)
    }

    /// Signs in the account called `user` there; `name` is what we call it here.
    pub async fn login(
        &self,
        name: &str,
        base_url: &str,
        user: &str,
        password: &str,
    ) -> Result<Page<'_>> {
        self.open(
            name,
            json!({ "baseUrl": base_url, "user": user, "password": password }),
        )
        .await
    }

    /// Creates an account and signs it in.
    pub async fn register(
        &self,
        name: &str,
        base_url: &str,
        user: &str,
        password: &str,
    ) -> Result<Page<'_>> {
        self.open(
            name,
            json!({ "baseUrl": base_url, "user": user, "password": password, "register": true }),
        )
        .await
    }

    /// Opens an account with arguments of one's own (see `Account.open` in `js/src/account.js`).
    pub async fn open(&self, name: &str, args: Value) -> Result<Page<'_>> {
        let who = self
            .call(name, "open", args, Duration::from_secs(60))
            .await?;
        let text = |key: &str| {
            who[key]
                .as_str()
                .map(str::to_owned)
                .with_context(|| format!("no {key}"))
        };
        Ok(Page {
            browser: self,
            name: name.to_owned(),
            user_id: text("user_id")?,
            device_id: text("device_id")?,
        })
    }

    /// What the page logged.
    pub fn log(&self) -> Vec<String> {
        self.shared.queue().log.clone()
    }

    async fn call(&self, account: &str, op: &str, args: Value, limit: Duration) -> Result<Value> {
        let (sender, receiver) = oneshot::channel();
        {
            let mut queue = self.shared.queue();
            queue.next_id += 1;
            let id = queue.next_id;
            queue.waiting.insert(id, sender);
            queue
                .commands
                .push_back(json!({ "id": id, "account": account, "op": op, "args": args }));
        }
        self.shared.added.notify_one();
        let answer = timeout(limit, receiver)
            .await
            .with_context(|| format!("js-sdk {op}: no answer within {limit:?}"))??;
        match answer["error"].as_str() {
            Some(error) => Err(anyhow!("js-sdk {account} {op}: {error}")),
            None => Ok(answer["ok"].clone()),
        }
    }
}

impl Page<'_> {
    /// Carries out one operation of `js/src/account.js`.
    pub async fn call(&self, op: &str, args: Value) -> Result<Value> {
        self.browser
            .call(&self.name, op, args, Duration::from_secs(90))
            .await
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.server.abort();
        let log = self.log();
        eprintln!(
            "---- the page logged ----\n{}",
            log[log.len().saturating_sub(60)..].join("\n")
        );
    }
}

pub(crate) fn launch(dir: &TempDir, url: &str) -> Result<Process> {
    let chromium =
        paths::installed("chromium").or_else(|_| paths::installed("chromium-browser"))?;
    let profile = dir.path().join("profile");
    Launch::new(chromium, dir.path())?
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-sync",
        ])
        .args([
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-extensions",
        ])
        .args([
            "--disable-default-apps",
            "--disable-dev-shm-usage",
            "--no-proxy-server",
            "--disable-breakpad",
        ])
        .args([
            "--disable-background-timer-throttling",
            "--disable-renderer-backgrounding",
        ])
        .args([
            "--disable-backgrounding-occluded-windows",
            "--remote-debugging-port=0",
        ])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(url)
        .env("HOME", dir.path())
        .env_remove("DBUS_SESSION_BUS_ADDRESS")
        .spawn()
}

async fn next(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    let wait = async {
        loop {
            if let Some(command) = shared.queue().commands.pop_front() {
                return command;
            }
            shared.added.notified().await;
        }
    };
    match timeout(Duration::from_secs(20), wait).await {
        Ok(command) => Json(command).into_response(),
        Err(_) => StatusCode::NO_CONTENT.into_response(),
    }
}

async fn result(State(shared): State<Arc<Shared>>, body: String) {
    let Ok(answer) = serde_json::from_str::<Value>(&body) else {
        return;
    };
    let id = answer["id"].as_u64().unwrap_or_default();
    if let Some(sender) = shared.queue().waiting.remove(&id) {
        let _ = sender.send(answer);
    }
}

async fn log(State(shared): State<Arc<Shared>>, body: String) {
    let entry: Value = serde_json::from_str(&body).unwrap_or_default();
    let line = format!(
        "{}: {}",
        entry["level"].as_str().unwrap_or_default(),
        entry["text"].as_str().unwrap_or_default()
    );
    if !line.contains("matrix_sdk_indexeddb") {
        shared.queue().log.push(line);
    }
}

async fn index(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    send_file(shared.files.join("index.html"))
}

async fn file(State(shared): State<Arc<Shared>>, Path(path): Path<String>) -> impl IntoResponse {
    if path.split('/').any(|part| part == "..") {
        return StatusCode::NOT_FOUND.into_response();
    }
    send_file(shared.files.join(path)).into_response()
}

fn send_file(path: PathBuf) -> impl IntoResponse {
    let kind = match path.extension().and_then(|e| e.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("wasm") => "application/wasm",
        _ => "application/octet-stream",
    };
    match std::fs::read(path) {
        Ok(bytes) => ([(header::CONTENT_TYPE, kind)], bytes).into_response(),
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

//! Starts the program and speaks to it.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A running server that ends with the test.
pub struct Server {
    child: Option<Child>,
    pub base: String,
    /// What else it listens on: what is served there, and the address.
    pub others: Vec<(String, String)>,
    pub http: reqwest::Client,
    dir: TempDir,
}

/// Limits would only slow tests down; those that are about limits set their own.
const QUIET: &str = "[rate_limits]\nenabled = false\n";

impl Server {
    pub async fn start() -> Self {
        Self::start_with("").await
    }

    /// Starts with these further sections of configuration.
    pub async fn start_with(sections: &str) -> Self {
        Self::start_with_storage("", sections).await
    }

    /// The same with further keys of the section `[storage]`.
    pub async fn start_with_storage(storage: &str, sections: &str) -> Self {
        Self::start_with_keys(storage, "open = true", sections).await
    }

    /// The same with keys of the section `[registration]`.
    pub async fn start_with_registration(registration: &str) -> Self {
        Self::start_with_keys("", registration, "").await
    }

    async fn start_with_keys(storage: &str, registration: &str, sections: &str) -> Self {
        let limits = if sections.contains("[rate_limits]") {
            ""
        } else {
            QUIET
        };
        let log = if sections.contains("[log]") {
            ""
        } else {
            "[log]\nfilter = \"warn\"\n"
        };
        let listen = if sections.contains("[[listeners]]") {
            ""
        } else {
            "[listen]\nport = 0\n"
        };
        Self::start_with_config(&format!(
            "[server]\nname = \"hs.test\"\n{listen}\
             [storage]\npath = \"data\"\n{storage}\n\
             [registration]\n{registration}\n{log}{sections}\n{limits}",
        ))
    }

    /// Starts with exactly this configuration.
    pub fn start_with_config(config: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("server.toml"), config).unwrap();
        Self::start_in(dir)
    }

    /// Starts with the configuration that is in a folder.
    pub fn start_in(dir: TempDir) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut server = Self {
            child: None,
            base: String::new(),
            others: Vec::new(),
            http,
            dir,
        };
        server.spawn();
        server
    }

    pub fn config(&self) -> PathBuf {
        self.dir.path().join("server.toml")
    }

    /// The folder of configuration and data.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The program's id.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// What the program has logged, where the configuration says `[log]` and then `#`; else it goes to the test's output.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// Waits until a line of the log fits.
    pub async fn logged(&self, fits: impl Fn(&str) -> bool) -> String {
        let started = Instant::now();
        loop {
            if let Some(line) = self.log().lines().find(|line| fits(line)) {
                return line.to_owned();
            }
            assert!(
                started.elapsed() < Duration::from_secs(60),
                "{}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Runs a command of the operator beside the server.
    pub fn operate_raw(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_hardline-server"))
            .args(args)
            .arg("--config")
            .arg(self.config())
            .output()
            .unwrap()
    }

    /// The same for what has to succeed, as JSON.
    #[track_caller]
    pub fn operated(&self, args: &[&str]) -> Value {
        let output = self.operate_raw(&[args, &["--json"]].concat());
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {said}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// What a command that has to fail says.
    #[track_caller]
    pub fn refused(&self, args: &[&str]) -> String {
        let output = self.operate_raw(args);
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    pub fn database(&self) -> PathBuf {
        self.dir.path().join("data/hardline-server.db")
    }

    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hardline-server"));
        command.arg("--config").arg(self.config());
        command
    }

    /// Runs a command of the operator with `--json`; its result, or what it complains of.
    pub fn operate(&self, args: &[&str]) -> Result<Value, String> {
        let output = self.operate_raw(&[args, &["--json"]].concat());
        if output.status.success() {
            Ok(serde_json::from_slice(&output.stdout).unwrap())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }

    /// Starts the program (again) and waits until it answers.
    pub fn spawn(&mut self) {
        let ready = self.dir.path().join("ready");
        let _ = std::fs::remove_file(&ready);
        let mut command = self.command();
        command
            .arg("--ready-file")
            .arg(&ready)
            .stdout(Stdio::null());
        if std::fs::read_to_string(self.config())
            .unwrap()
            .contains("[log]\n#")
        {
            let mut log = std::fs::File::options();
            let log = log
                .create(true)
                .append(true)
                .open(self.dir.path().join("log"));
            command.stderr(log.unwrap());
        }
        let child = command.spawn().unwrap();
        self.child = Some(child);
        let started = Instant::now();
        while !ready.exists() {
            assert!(
                started.elapsed() < Duration::from_secs(20),
                "the server does not get ready"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        let ready = std::fs::read_to_string(&ready).unwrap();
        let mut lines = ready.lines();
        self.base = lines.next().unwrap().to_owned();
        let others = lines.map(|line| line.split_once(' ').unwrap());
        self.others = others
            .map(|(serves, url)| (serves.to_owned(), url.to_owned()))
            .collect();
    }

    /// Ends the program without warning.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Asks the program to stop and returns how long it took.
    pub fn stop(&mut self) -> Duration {
        let started = Instant::now();
        if let Some(mut child) = self.child.take() {
            let status = Command::new("kill")
                .arg(child.id().to_string())
                .status()
                .unwrap();
            assert!(status.success());
            assert!(child.wait().unwrap().success());
        }
        started.elapsed()
    }

    /// A new account.
    pub async fn register(&self, name: &str) -> User {
        let body = json!({
            "username": name, "password": "correct horse battery", "device_id": format!("{name}1").to_uppercase(),
            "auth": { "type": "m.login.dummy" },
        });
        let reply = self
            .call(
                Method::POST,
                "/_matrix/client/v3/register",
                None,
                Some(body),
            )
            .await
            .ok();
        User {
            id: reply["user_id"].as_str().unwrap().to_owned(),
            token: reply["access_token"].as_str().unwrap().to_owned(),
            base: self.base.clone(),
            http: self.http.clone(),
        }
    }

    pub async fn call(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<Value>,
    ) -> Reply {
        call(&self.http, &self.base, method, path, token, body).await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

async fn call(
    http: &reqwest::Client,
    base: &str,
    method: Method,
    path: &str,
    token: Option<&str>,
    body: Option<Value>,
) -> Reply {
    let mut request = http.request(method.clone(), format!("{base}{path}"));
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    if let Some(body) = body {
        request = request.json(&body);
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Reply {
        what: format!("{method} {path}"),
        status,
        body,
    }
}

/// An account that is logged in.
#[derive(Clone)]
pub struct User {
    pub id: String,
    pub token: String,
    pub base: String,
    pub http: reqwest::Client,
}

pub const V3: &str = "/_matrix/client/v3";

impl User {
    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Reply {
        let path = if path.starts_with("/_") {
            path.to_owned()
        } else {
            format!("{V3}{path}")
        };
        call(
            &self.http,
            &self.base,
            method,
            &path,
            Some(&self.token),
            body,
        )
        .await
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.call(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Reply {
        self.call(Method::POST, path, Some(body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Reply {
        self.call(Method::PUT, path, Some(body)).await
    }

    pub async fn delete(&self, path: &str) -> Reply {
        self.call(Method::DELETE, path, None).await
    }

    /// Creates a room and returns its identifier.
    pub async fn create_room(&self, body: Value) -> String {
        self.post("/createRoom", body).await.ok()["room_id"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    pub async fn join(&self, room: &str) {
        self.post(&format!("/join/{}", encode(room)), json!({}))
            .await
            .ok();
    }

    pub async fn invite(&self, room: &str, user: &Self) -> Reply {
        self.post(
            &format!("/rooms/{}/invite", encode(room)),
            json!({ "user_id": user.id }),
        )
        .await
    }

    /// Sets account data.
    pub async fn set_account_data(&self, kind: &str, content: Value) {
        self.put(
            &format!("/user/{}/account_data/{kind}", encode(&self.id)),
            content,
        )
        .await
        .ok();
    }

    /// One answer of sliding sync with all rooms and all extensions.
    pub async fn sliding(&self, pos: Option<&str>) -> Value {
        let all =
            json!({ "ranges": [[0, 99]], "timeline_limit": 20, "required_state": [["*", "*"]] });
        let on = json!({ "enabled": true });
        let body = json!({ "lists": { "all": all }, "extensions": {
            "to_device": on, "account_data": on, "receipts": on, "typing": on,
        } });
        let pos = pos.map(|pos| format!("&pos={pos}")).unwrap_or_default();
        let path = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync";
        self.post(&format!("{path}?timeout=0{pos}"), body)
            .await
            .ok()
    }

    /// Sends a text and returns the event's identifier.
    pub async fn say(&self, room: &str, text: &str) -> String {
        let reply = self
            .send(
                room,
                "m.room.message",
                json!({ "msgtype": "m.text", "body": text }),
            )
            .await;
        reply.ok()["event_id"].as_str().unwrap().to_owned()
    }

    pub async fn send(&self, room: &str, kind: &str, content: Value) -> Reply {
        let txn = rand::random::<u64>();
        self.put(
            &format!("/rooms/{}/send/{kind}/t{txn}", encode(room)),
            content,
        )
        .await
    }

    pub async fn set_state(&self, room: &str, kind: &str, key: &str, content: Value) -> Reply {
        self.put(
            &format!("/rooms/{}/state/{kind}/{}", encode(room), encode(key)),
            content,
        )
        .await
    }

    pub async fn state(&self, room: &str, kind: &str, key: &str) -> Reply {
        self.get(&format!(
            "/rooms/{}/state/{kind}/{}",
            encode(room),
            encode(key)
        ))
        .await
    }

    pub async fn sync(&self, query: &str) -> Value {
        self.get(&format!("/sync?{query}")).await.ok()
    }

    /// The texts of a room, oldest first, as this user can page to them.
    pub async fn history(&self, room: &str) -> Vec<String> {
        let page = self
            .get(&format!("/rooms/{}/messages?dir=b&limit=100", encode(room)))
            .await
            .ok();
        let mut texts: Vec<String> = texts(&page["chunk"]);
        texts.reverse();
        texts
    }
}

/// The bodies of the messages in a list of events.
pub fn texts(events: &Value) -> Vec<String> {
    let events = events.as_array().into_iter().flatten();
    events
        .filter_map(|event| event["content"]["body"].as_str().map(str::to_owned))
        .collect()
}

/// The types of a list of events.
pub fn types(events: &Value) -> Vec<String> {
    let events = events.as_array().into_iter().flatten();
    events
        .filter_map(|event| event["type"].as_str().map(str::to_owned))
        .collect()
}

/// Escapes a path segment.
pub fn encode(segment: &str) -> String {
    url::form_urlencoded::byte_serialize(segment.as_bytes()).collect()
}

/// A response.
#[derive(Debug)]
pub struct Reply {
    pub what: String,
    pub status: u16,
    pub body: Value,
}

impl Reply {
    /// The body of a success.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}: {}", self.what, self.body);
        self.body
    }

    /// Checks that it is this error, and returns its body.
    #[track_caller]
    pub fn err(self, status: u16, errcode: &str) -> Value {
        assert_eq!(
            (self.status, self.body["errcode"].as_str()),
            (status, Some(errcode)),
            "{}: {}",
            self.what,
            self.body
        );
        assert!(
            self.body["error"]
                .as_str()
                .is_some_and(|text| !text.is_empty()),
            "{}",
            self.body
        );
        self.body
    }
}

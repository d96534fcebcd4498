//! Clients that write without pause and keep a record of what was acknowledged.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use anyhow::{Context, Result, ensure};
use hardline_testkit::{Client, client::escape};
use reqwest::Method;
use serde_json::{Value, json};

/// A server keeps a thousand one-time keys of a device, and drops the oldest of more.
const MAX_KEYS: usize = 900;

/// What was asked for, and what came of it.
#[derive(Clone, Debug, Default)]
pub struct Done {
    /// The body of the message, its transaction, its event.
    pub messages: Vec<(String, String, String)>,
    /// Names of one-time keys.
    pub keys: Vec<String>,
    /// Numbers of to-device messages.
    pub to_device: Vec<usize>,
    /// Types of account data, with the number in each.
    pub account_data: Vec<(String, usize)>,
    /// Contents and addresses of files.
    pub files: Vec<(String, String)>,
    /// Messages (body, transaction) that were sent and not answered.
    pub unanswered: Vec<(String, String)>,
    /// To-device messages that were sent and not answered.
    pub unanswered_to_device: Vec<usize>,
}

/// Everything that was written.
#[derive(Clone, Default)]
pub struct Load {
    done: Arc<Mutex<Done>>,
    n_acknowledged: Arc<AtomicUsize>,
    next: Arc<AtomicUsize>,
}

impl Load {
    /// What was done so far.
    pub fn done(&self) -> Done {
        self.done.lock().unwrap().clone()
    }

    /// How much was acknowledged so far.
    pub fn n_acknowledged(&self) -> usize {
        self.n_acknowledged.load(Ordering::SeqCst)
    }

    fn note(&self, note: impl FnOnce(&mut Done)) {
        note(&mut self.done.lock().unwrap());
        self.n_acknowledged.fetch_add(1, Ordering::SeqCst);
    }

    fn number(&self) -> usize {
        self.next.fetch_add(1, Ordering::SeqCst)
    }

    /// Starts writers that go on until the server no longer answers, or `stop` is set.
    pub fn start(
        &self,
        from: &Client,
        to: &Client,
        room: &str,
        stop: &Arc<AtomicBool>,
    ) -> Vec<tokio::task::JoinHandle<Result<()>>> {
        let kinds = [
            Kind::Message,
            Kind::Message,
            Kind::Message,
            Kind::Key,
            Kind::ToDevice,
            Kind::AccountData,
            Kind::File,
        ];
        let writers = kinds.map(|kind| Writer {
            load: self.clone(),
            from: from.clone(),
            to: to.clone(),
            room: room.to_owned(),
            stop: stop.clone(),
            kind,
        });
        writers
            .map(|writer| tokio::spawn(writer.write()))
            .into_iter()
            .collect()
    }

    /// Sends again what was sent and not answered: in the end it is there once as well.
    pub async fn repeat_unanswered(&self, from: &Client, to: &Client, room: &str) -> Result<()> {
        let (messages, to_device) = {
            let mut done = self.done.lock().unwrap();
            (
                std::mem::take(&mut done.unanswered),
                std::mem::take(&mut done.unanswered_to_device),
            )
        };
        for (body, txn) in messages {
            let event = send(from, room, &txn, &body).await?.ok()?;
            let event = event["event_id"]
                .as_str()
                .context("no event_id")?
                .to_owned();
            self.note(|done| done.messages.push((body, txn, event)));
        }
        for n in to_device {
            send_to_device(from, to, n).await?.ok()?;
            self.note(|done| done.to_device.push(n));
        }
        Ok(())
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Message,
    Key,
    ToDevice,
    AccountData,
    File,
}

struct Writer {
    load: Load,
    from: Client,
    to: Client,
    room: String,
    stop: Arc<AtomicBool>,
    kind: Kind,
}

impl Writer {
    async fn write(self) -> Result<()> {
        while !self.stop.load(Ordering::SeqCst) {
            let n = self.load.number();
            let goes_on = match self.kind {
                Kind::Message => self.message(n).await?,
                Kind::Key => self.key(n).await?,
                Kind::ToDevice => self.to_device(n).await?,
                Kind::AccountData => self.account_data(n).await?,
                Kind::File => self.file(n).await,
            };
            if !goes_on {
                break;
            }
        }
        Ok(())
    }

    async fn message(&self, n: usize) -> Result<bool> {
        let (body, txn) = (format!("message {n}"), format!("txn{n}"));
        let Ok(answer) = send(&self.from, &self.room, &txn, &body).await else {
            self.load
                .note(|done| done.unanswered.push((body.clone(), txn.clone())));
            return Ok(false);
        };
        let event = answer.ok()?["event_id"]
            .as_str()
            .context("no event_id")?
            .to_owned();
        self.load
            .note(|done| done.messages.push((body.clone(), txn.clone(), event)));
        Ok(true)
    }

    async fn key(&self, n: usize) -> Result<bool> {
        if self.load.done.lock().unwrap().keys.len() >= MAX_KEYS {
            return self.account_data(n).await;
        }
        let name = format!("signed_curve25519:K{n}");
        let key = json!({ "key": format!("a2V5{n:08}"), "signatures": {} });
        let body = json!({ "one_time_keys": { &name: key } });
        let path = "v3/keys/upload";
        match self.from.request(Method::POST, path, Some(&body)).await {
            Ok(answer) => answer.ok().map(drop)?,
            Err(_) => return Ok(false),
        }
        self.load.note(|done| done.keys.push(name.clone()));
        Ok(true)
    }

    async fn to_device(&self, n: usize) -> Result<bool> {
        match send_to_device(&self.from, &self.to, n).await {
            Ok(answer) => answer.ok().map(drop)?,
            Err(_) => {
                self.load.note(|done| done.unanswered_to_device.push(n));
                return Ok(false);
            }
        }
        self.load.note(|done| done.to_device.push(n));
        Ok(true)
    }

    async fn account_data(&self, n: usize) -> Result<bool> {
        let kind = format!("org.example.n{n}");
        let user = escape(&self.from.user_id);
        let path = format!("v3/user/{user}/account_data/{kind}");
        let body = json!({ "n": n });
        match self.from.request(Method::PUT, &path, Some(&body)).await {
            Ok(answer) => answer.ok().map(drop)?,
            Err(_) => return Ok(false),
        }
        self.load
            .note(|done| done.account_data.push((kind.clone(), n)));
        Ok(true)
    }

    async fn file(&self, n: usize) -> bool {
        let content = format!("file {n}: {}", "x".repeat(n % 5000));
        let sent = self
            .from
            .upload(content.clone().into_bytes(), "text/plain")
            .await;
        let Ok(uri) = sent else { return false };
        self.load.note(|done| done.files.push((content, uri)));
        true
    }
}

/// Sends a message under a transaction.
pub async fn send(
    from: &Client,
    room: &str,
    txn: &str,
    body: &str,
) -> Result<hardline_testkit::client::Answer> {
    let path = format!("v3/rooms/{}/send/m.room.message/{txn}", escape(room));
    let content = json!({ "msgtype": "m.text", "body": body });
    from.request(Method::PUT, &path, Some(&content)).await
}

async fn send_to_device(
    from: &Client,
    to: &Client,
    n: usize,
) -> Result<hardline_testkit::client::Answer> {
    let body = json!({ "messages": { &to.user_id: { &to.device_id: { "n": n } } } });
    let path = format!("v3/sendToDevice/org.example.load/td{n}");
    from.request(Method::PUT, &path, Some(&body)).await
}

/// Checks that all that was acknowledged is there, once.
pub async fn check_all(done: &Done, from: &Client, other: &Client, room: &str) -> Result<()> {
    check_history(done, from, room).await?;
    for (body, txn, event) in &done.messages {
        let path = format!("v3/rooms/{}/event/{}", escape(room), escape(event));
        let found = other.get(&path).await.with_context(|| body.clone())?;
        ensure!(found["content"]["body"] == body.as_str(), "{found}");
        // A transaction that is repeated is answered as before.
        let again = send(from, room, txn, body).await?.ok()?;
        ensure!(again["event_id"] == event.as_str(), "{body} was sent twice");
    }
    for (kind, n) in &done.account_data {
        let path = format!("v3/user/{}/account_data/{kind}", escape(&from.user_id));
        ensure!(from.get(&path).await?["n"] == *n, "{kind}");
    }
    check_keys(done, from, other).await?;
    check_files(done, other).await
}

async fn check_history(done: &Done, reader: &Client, room: &str) -> Result<()> {
    let mut counts = std::collections::HashMap::<String, usize>::new();
    let mut from = String::new();
    loop {
        let path = format!("v3/rooms/{}/messages?dir=b&limit=100{from}", escape(room));
        let page = reader.get(&path).await?;
        for event in page["chunk"].as_array().into_iter().flatten() {
            if let Some(body) = event["content"]["body"].as_str() {
                *counts.entry(body.to_owned()).or_default() += 1;
            }
        }
        match page["end"].as_str() {
            Some(end) => from = format!("&from={end}"),
            None => break,
        }
    }
    for (body, ..) in &done.messages {
        let n = counts.get(body).copied().unwrap_or(0);
        ensure!(n == 1, "{body} is in the history {n} times");
    }
    Ok(())
}

async fn check_keys(done: &Done, of: &Client, by: &Client) -> Result<()> {
    let wanted =
        json!({ "one_time_keys": { &of.user_id: { &of.device_id: "signed_curve25519" } } });
    let mut claimed = Vec::new();
    loop {
        let answer = by.post("v3/keys/claim", wanted.clone()).await?;
        let keys = answer["one_time_keys"][&of.user_id][&of.device_id].clone();
        let Some(name) = keys.as_object().and_then(|keys| keys.keys().next()) else {
            break;
        };
        ensure!(!claimed.contains(name), "{name} was handed out twice");
        claimed.push(name.clone());
    }
    for name in &done.keys {
        ensure!(claimed.contains(name), "{name} is lost");
    }
    Ok(())
}

async fn check_files(done: &Done, reader: &Client) -> Result<()> {
    let http = hardline_testkit::client::http()?;
    for (content, uri) in &done.files {
        let place = uri.trim_start_matches("mxc://");
        let url = format!(
            "{}/_matrix/client/v1/media/download/{place}",
            reader.base_url()
        );
        let found = http.get(url).bearer_auth(&reader.token).send().await?;
        let status = found.status().as_u16();
        let text = found.text().await?;
        ensure!(status == 200 && text == *content, "{uri}: {status}");
    }
    Ok(())
}

/// The bodies in a list of events.
pub fn bodies(events: &Value) -> Vec<String> {
    let events = events.as_array().into_iter().flatten();
    events
        .filter_map(|event| event["content"]["body"].as_str().map(str::to_owned))
        .collect()
}

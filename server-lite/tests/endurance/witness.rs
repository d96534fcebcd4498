//! A client that syncs all the time, whatever becomes of the server, and writes down what it is told.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use hardline_testkit::{Client, client::escape};
use reqwest::Method;
use serde_json::Value;

use crate::load::bodies;

/// What it was told, in order.
#[derive(Clone, Debug, Default)]
pub struct Told {
    pub messages: Vec<String>,
    pub to_device: Vec<u64>,
}

/// A client in sync.
pub struct Witness {
    told: Arc<Mutex<Told>>,
    stop: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<Result<()>>,
}

impl Witness {
    /// Starts at what is new from now on.
    pub async fn start(client: &Client, room: &str) -> Result<Self> {
        let (told, stop) = (Arc::<Mutex<Told>>::default(), Arc::<AtomicBool>::default());
        let first = client.get("v3/sync?timeout=0").await?;
        let watch = Watch {
            client: client.clone(),
            room: room.to_owned(),
            since: next_batch(&first)?,
            told: told.clone(),
        };
        let task = tokio::spawn(watch.run(stop.clone()));
        Ok(Self { told, stop, task })
    }

    /// Ends after one more sync, and gives what it was told.
    pub async fn end(self) -> Result<Told> {
        self.stop.store(true, Ordering::SeqCst);
        self.task.await??;
        Ok(self.told.lock().unwrap().clone())
    }

    /// How many messages it was told of.
    pub fn n_messages(&self) -> usize {
        self.told.lock().unwrap().messages.len()
    }
}

struct Watch {
    client: Client,
    room: String,
    since: String,
    told: Arc<Mutex<Told>>,
}

impl Watch {
    async fn run(mut self, stop: Arc<AtomicBool>) -> Result<()> {
        loop {
            let is_last = stop.load(Ordering::SeqCst);
            let timeout = if is_last { 0 } else { 2000 };
            let path = format!("v3/sync?timeout={timeout}&since={}", self.since);
            let Ok(answer) = self.client.request(Method::GET, &path, None).await else {
                // The server is down; whoever looks after it starts it again.
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            };
            let sync = answer.ok()?;
            self.take(&sync).await?;
            self.since = next_batch(&sync)?;
            if is_last {
                return Ok(());
            }
        }
    }

    async fn take(&self, sync: &Value) -> Result<()> {
        let timeline = &sync["rooms"]["join"][&self.room]["timeline"];
        let mut messages = bodies(&timeline["events"]);
        if timeline["limited"] == true {
            let prev = timeline["prev_batch"].as_str().context("no prev_batch")?;
            let mut missed = self.gap(prev).await?;
            missed.append(&mut messages);
            messages = missed;
        }
        let to_device = sync["to_device"]["events"].as_array().into_iter().flatten();
        let mut told = self.told.lock().unwrap();
        told.messages.extend(messages);
        told.to_device
            .extend(to_device.filter_map(|event| event["content"]["n"].as_u64()));
        Ok(())
    }

    /// What a sync left out, oldest first.
    async fn gap(&self, prev: &str) -> Result<Vec<String>> {
        let mut missed = Vec::new();
        let mut from = prev.to_owned();
        loop {
            let path = format!(
                "v3/rooms/{}/messages?dir=b&limit=100&from={from}&to={}",
                escape(&self.room),
                self.since
            );
            // The server may go down in the middle of it.
            let Ok(answer) = self.client.request(Method::GET, &path, None).await else {
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            };
            let page = answer.ok()?;
            missed.extend(bodies(&page["chunk"]));
            let is_empty = page["chunk"].as_array().is_none_or(Vec::is_empty);
            match page["end"].as_str() {
                Some(end) if !is_empty => from = end.to_owned(),
                _ => break,
            }
        }
        missed.reverse();
        Ok(missed)
    }
}

fn next_batch(sync: &Value) -> Result<String> {
    let next = sync["next_batch"].as_str().context("no next_batch")?;
    ensure!(!next.is_empty());
    Ok(next.to_owned())
}

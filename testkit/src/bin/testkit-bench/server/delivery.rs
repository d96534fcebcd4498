//! From the sending of a message to its arrival in the sync of twenty readers.

use std::{
    collections::HashMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use futures_util::future::try_join_all;
use hardline_testkit::{Client, client::escape};
use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::population::Population;

const READERS: usize = 20;
const MESSAGES: usize = 125;
/// What a sender rests between two messages.
const THINK: Duration = Duration::from_millis(50);
/// What is not there by then is missing.
const LIMIT: Duration = Duration::from_secs(60);
const FILTER: &str = r#"{"presence":{"types":[]},"room":{"timeline":{"limit":100}}}"#;

/// How it went.
#[derive(Default)]
pub struct Delivery {
    /// Milliseconds of each delivery.
    pub ms: Vec<f64>,
    /// Deliveries that did not come.
    pub missing: usize,
}

impl Delivery {
    /// The value that this share of all is below; NaN of nothing.
    pub fn percentile(&self, share: f64) -> f64 {
        let mut sorted = self.ms.clone();
        sorted.sort_by(f64::total_cmp);
        let at = (share * sorted.len() as f64) as usize;
        sorted
            .get(at)
            .or(sorted.last())
            .copied()
            .unwrap_or(f64::NAN)
    }
}

type SentAt = Mutex<HashMap<String, Instant>>;

/// `senders` people write to the room of everybody, others read.
pub async fn measure(people: &Population, senders: usize) -> Result<Delivery> {
    let room = &people.rooms[0].id;
    let sent = SentAt::default();
    let mut readers = Vec::new();
    for person in people.users.iter().take(READERS) {
        let filter = escape(r#"{"presence":{"types":[]},"room":{"timeline":{"limit":1}}}"#);
        let first = person.get(&format!("v3/sync?filter={filter}")).await?;
        readers.push((person, token(&first)?));
    }
    let next = AtomicUsize::new(0);
    let writing = try_join_all((0..senders).map(|k| {
        let writer = &people.users[(READERS + k) % people.users.len()];
        write(writer, room, senders, &next, &sent)
    }));
    let arrived = Mutex::new(Vec::new());
    let reading = try_join_all(
        readers
            .into_iter()
            .map(|(person, since)| read(person, room, since, &sent, &arrived)),
    );
    let (written, read) = tokio::join!(writing, timeout(LIMIT, reading));
    written?;
    if let Ok(read) = read {
        read?;
    }
    let ms = arrived.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(Delivery {
        missing: READERS * MESSAGES - ms.len(),
        ms,
    })
}

fn token(sync: &Value) -> Result<String> {
    Ok(sync["next_batch"]
        .as_str()
        .context("no next_batch")?
        .to_owned())
}

async fn write(
    person: &Client,
    room: &str,
    level: usize,
    next: &AtomicUsize,
    sent: &SentAt,
) -> Result<()> {
    loop {
        let i = next.fetch_add(1, Ordering::Relaxed);
        if i >= MESSAGES {
            return Ok(());
        }
        let text = format!("delivery {level} {i}");
        lock(sent).insert(text.clone(), Instant::now());
        person.send_text(room, &text).await?;
        sleep(THINK).await;
    }
}

async fn read(
    person: &Client,
    room: &str,
    mut since: String,
    sent: &SentAt,
    arrived: &Mutex<Vec<f64>>,
) -> Result<()> {
    let filter = escape(FILTER);
    let mut missing = MESSAGES;
    while missing > 0 {
        let path = format!(
            "v3/sync?timeout=5000&since={}&filter={filter}",
            escape(&since)
        );
        let sync = person.get(&path).await?;
        let now = Instant::now();
        since = token(&sync)?;
        let events = sync["rooms"]["join"][room]["timeline"]["events"].as_array();
        for event in events.into_iter().flatten() {
            let text = event["content"]["body"].as_str().unwrap_or_default();
            if let Some(at) = lock(sent).get(text) {
                lock(arrived).push(now.duration_since(*at).as_secs_f64() * 1000.0);
                missing = missing.saturating_sub(1);
            }
        }
    }
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

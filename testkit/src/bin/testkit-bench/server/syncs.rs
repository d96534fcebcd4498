//! What a client waits for when it starts: milliseconds of one request each.

use std::time::Instant;

use anyhow::{Context, Result};
use hardline_testkit::{Client, client::escape};
use serde_json::json;

const SLIDING: &str = "unstable/org.matrix.simplified_msc3575/sync";

fn ms(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1000.0
}

/// The first window of a list of rooms (MSC4186).
pub async fn sliding(person: &Client) -> Result<f64> {
    let body = json!({ "lists": { "all": {
        "ranges": [[0, 19]],
        "timeline_limit": 1,
        "required_state": [["m.room.name", ""], ["m.room.avatar", ""], ["m.room.member", "$LAZY"]],
    } } });
    let start = Instant::now();
    person.post(SLIDING, body).await?;
    Ok(ms(start))
}

/// An initial `/sync`, and the empty one after it.
pub async fn v3(person: &Client) -> Result<(f64, f64)> {
    let start = Instant::now();
    let first = person.get("v3/sync").await?;
    let initial = ms(start);
    let since = first["next_batch"].as_str().context("no next_batch")?;
    let start = Instant::now();
    person
        .get(&format!("v3/sync?since={}", escape(since)))
        .await?;
    Ok((initial, ms(start)))
}

/// The 50 latest messages of a room.
pub async fn back(person: &Client, room: &str) -> Result<f64> {
    let start = Instant::now();
    let path = format!("v3/rooms/{}/messages?dir=b&limit=50", escape(room));
    person.get(&path).await?;
    Ok(ms(start))
}

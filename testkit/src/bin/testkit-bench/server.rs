//! `hardline-server` against Synapse: start, idle, sending.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures_util::{StreamExt, TryStreamExt, stream};
use hardline_testkit::{Client, HardlineServer, Homeserver, Synapse};
use serde_json::json;

use crate::{
    proc::{cpu_seconds, idle, memory_mib, tree},
    table::{Figure, print},
};

const SENDS: usize = 300;

struct Measured {
    ready: f64,
    idle_rss: f64,
    idle_cpu: f64,
    send_1: Vec<f64>,
    cpu_per_send: f64,
    send_10: f64,
    sync: Vec<f64>,
    rss_after: f64,
}

/// Measures both and prints the table.
pub async fn bench() -> Result<()> {
    let start = Instant::now();
    let ours = HardlineServer::start().await?;
    let ours = measure(&ours, ours.pid().context("it has ended")?, start.elapsed()).await?;
    let start = Instant::now();
    let synapse = Synapse::start().await?;
    let peer = measure(&synapse, synapse.pid(), start.elapsed()).await?;
    let one = |what, pick: fn(&Measured) -> f64, target| Figure {
        what,
        ours: vec![pick(&ours)],
        peer: vec![pick(&peer)],
        target,
    };
    print(
        "hardline-server and Synapse",
        "Synapse",
        &[
            one("ready, s", |m| m.ready, Some(0.5)),
            one("idle, RSS MiB", |m| m.idle_rss, Some(25.0)),
            one("idle, CPU % of a core", |m| m.idle_cpu, None),
            Figure {
                what: "send, one sender, ms",
                ours: ours.send_1.clone(),
                peer: peer.send_1.clone(),
                target: Some(4.0),
            },
            one("send, CPU ms each", |m| m.cpu_per_send, None),
            one(
                "send, ten senders, ms each (all together)",
                |m| m.send_10,
                None,
            ),
            Figure {
                what: "initial /sync, ms",
                ours: ours.sync.clone(),
                peer: peer.sync.clone(),
                target: None,
            },
            one("at the end, RSS MiB", |m| m.rss_after, None),
        ],
    );
    Ok(())
}

async fn measure(server: &impl Homeserver, pid: i32, ready: Duration) -> Result<Measured> {
    let quiet = idle(pid, Duration::from_secs(20)).await;
    let mut senders = Vec::new();
    for i in 0..10 {
        senders.push(server.register(&format!("sender{i}")).await?);
    }
    let room = senders[0]
        .create_room(json!({ "preset": "public_chat" }))
        .await?;
    for sender in &senders[1..] {
        sender.join(&room).await?;
    }
    send_one_after_the_other(&senders[0], &room, 50).await?; // warm
    let before = cpu_seconds(&tree(pid));
    let send_1 = send_one_after_the_other(&senders[0], &room, SENDS).await?;
    let cpu_per_send = (cpu_seconds(&tree(pid)) - before) * 1000.0 / SENDS as f64;
    let start = Instant::now();
    stream::iter(&senders)
        .map(|sender| send_one_after_the_other(sender, &room, SENDS / 3))
        .buffer_unordered(10)
        .try_collect::<Vec<_>>()
        .await?;
    let send_10 = start.elapsed().as_secs_f64() * 1000.0 / (10 * (SENDS / 3)) as f64;
    let mut sync = Vec::new();
    for _ in 0..10 {
        let start = Instant::now();
        senders[1].get("v3/sync").await?;
        sync.push(start.elapsed().as_secs_f64() * 1000.0);
    }
    let (_, rss_after) = memory_mib(&tree(pid));
    Ok(Measured {
        ready: ready.as_secs_f64(),
        idle_rss: quiet.rss_mib,
        idle_cpu: quiet.cpu_percent,
        send_1,
        cpu_per_send,
        send_10,
        sync,
        rss_after,
    })
}

async fn send_one_after_the_other(sender: &Client, room: &str, n: usize) -> Result<Vec<f64>> {
    let mut times = Vec::with_capacity(n);
    for i in 0..n {
        let start = Instant::now();
        sender
            .send_text(room, &format!("message {i} of a person who types fast"))
            .await?;
        times.push(start.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(times)
}

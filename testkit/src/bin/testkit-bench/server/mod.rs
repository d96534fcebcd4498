//! `hardline-server` against Synapse, under the load of a small event: 50 people, 100 rooms, 20,000 messages.

mod delivery;
pub mod growth;
mod population;
mod syncs;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use hardline_testkit::{HardlineServer, Homeserver, Synapse};

use self::{delivery::Delivery, population::Population};
use crate::{
    proc::{cpu_seconds, idle, memory_mib, tree},
    table::{Figure, print},
};

/// How much is done.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Accounts.
    pub users: usize,
    /// Rooms; everybody is in the first.
    pub rooms: usize,
    /// People in each other room.
    pub members: usize,
    /// Messages sent before anything is measured one by one.
    pub messages: usize,
    /// Messages a level of senders.
    pub sends: usize,
}

/// The size the targets speak of.
pub const WHOLE: Size = Size {
    users: 50,
    rooms: 100,
    members: 10,
    messages: 20_000,
    sends: 500,
};

/// A tenth of it, to see in two minutes whether a change helps.
pub const QUICK: Size = Size {
    messages: 2_000,
    sends: 200,
    ..WHOLE
};

/// A server to measure.
struct Subject<'a, S> {
    server: &'a S,
    pid: i32,
    data: PathBuf,
    ready: Duration,
}

#[derive(Default)]
struct Measured {
    ready: f64,
    idle_rss: f64,
    idle_cpu: f64,
    register_cpu: f64,
    cpu_per_message: f64,
    per_second_10: f64,
    disk_per_message: f64,
    send_1: Vec<f64>,
    delivery_1: Delivery,
    delivery_10: Delivery,
    sliding: Vec<f64>,
    incremental: Vec<f64>,
    initial: Vec<f64>,
    back_50: Vec<f64>,
    rss_after: f64,
}

/// Measures both, or ours alone, and prints the table.
pub async fn bench(size: Size, alone: bool) -> Result<()> {
    let ours = measure_ours(size).await?;
    let peer = if alone {
        None
    } else {
        Some(measure_synapse(size).await?)
    };
    report(size, &ours, peer.as_ref());
    Ok(())
}

async fn measure_ours(size: Size) -> Result<Measured> {
    let start = Instant::now();
    let server = HardlineServer::start().await?;
    let ready = start.elapsed();
    let subject = Subject {
        server: &server,
        pid: server.pid().context("it has ended")?,
        data: server.dir().join("data"),
        ready,
    };
    measure(&subject, size).await
}

async fn measure_synapse(size: Size) -> Result<Measured> {
    let start = Instant::now();
    let synapse = Synapse::start().await?;
    let ready = start.elapsed();
    let subject = Subject {
        server: &synapse,
        pid: synapse.pid(),
        data: synapse.dir().to_owned(),
        ready,
    };
    measure(&subject, size).await
}

fn report(size: Size, ours: &Measured, peer: Option<&Measured>) {
    let one = |what, pick: fn(&Measured) -> f64, target| Figure {
        what,
        ours: vec![pick(ours)],
        peer: peer.map(pick).into_iter().collect(),
        target,
    };
    let many = |what, pick: fn(&Measured) -> &Vec<f64>, target| Figure {
        what,
        ours: pick(ours).clone(),
        peer: peer.map(pick).cloned().unwrap_or_default(),
        target,
    };
    print(
        &format!(
            "hardline-server and Synapse: {} people, {} rooms, {} messages",
            size.users, size.rooms, size.messages
        ),
        "Synapse",
        &[
            one("ready, s", |m| m.ready, Some(0.5)),
            one("idle, RSS MiB", |m| m.idle_rss, Some(25.0)),
            one("idle, CPU % of a core", |m| m.idle_cpu, None),
            one("an account made, CPU ms", |m| m.register_cpu, None),
            one("a message, CPU ms", |m| m.cpu_per_message, Some(0.8)),
            Figure {
                what: "ten senders, ms a message, all together (1.25 is 800 a second)",
                ours: vec![1000.0 / ours.per_second_10],
                peer: peer
                    .iter()
                    .map(|peer| 1000.0 / peer.per_second_10)
                    .collect(),
                target: Some(1.25),
            },
            one("disk, KiB a message", |m| m.disk_per_message, Some(2.0)),
            many("send, one sender, ms", |m| &m.send_1, Some(3.0)),
            many(
                "to 20 readers, one sender, ms",
                |m| &m.delivery_1.ms,
                Some(10.0),
            ),
            one(
                "to 20 readers, ten senders, 99th percentile, ms",
                |m| m.delivery_10.percentile(0.99),
                Some(100.0),
            ),
            one(
                "deliveries missing, of 5,000",
                |m| (m.delivery_1.missing + m.delivery_10.missing) as f64,
                Some(0.0),
            ),
            many(
                "first window of sliding sync, ms",
                |m| &m.sliding,
                Some(3.0),
            ),
            many("empty incremental sync, ms", |m| &m.incremental, Some(0.4)),
            many("initial /sync, ms", |m| &m.initial, None),
            many("50 messages back, ms", |m| &m.back_50, None),
            one("at the end, RSS MiB", |m| m.rss_after, Some(60.0)),
        ],
    );
}

async fn measure<S: Homeserver>(subject: &Subject<'_, S>, size: Size) -> Result<Measured> {
    let pid = subject.pid;
    let cpu = || cpu_seconds(&tree(pid));
    let quiet = idle(pid, Duration::from_secs(20)).await;
    let before = cpu();
    let mut people = Population::register(subject.server, size.users).await?;
    let register_cpu = (cpu() - before) * 1000.0 / size.users as f64;
    people.make_rooms(size.rooms, size.members).await?;

    let (disk, before) = (disk_kib(&subject.data), cpu());
    people.send(10, size.messages).await?;
    let cpu_per_message = (cpu() - before) * 1000.0 / size.messages as f64;
    let disk_per_message = (disk_kib(&subject.data) - disk) / size.messages as f64;

    let send_1 = people.send(1, size.sends).await?.ms;
    let sent_10 = people.send(10, size.sends * 4).await?;
    let delivery_1 = delivery::measure(&people, 1).await?;
    let delivery_10 = delivery::measure(&people, 10).await?;
    let (mut sliding, mut incremental, mut initial, mut back_50) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for person in people.users.iter().take(20) {
        sliding.push(syncs::sliding(person).await?);
        let (first, second) = syncs::v3(person).await?;
        initial.push(first);
        incremental.push(second);
        back_50.push(syncs::back(person, &people.rooms[0].id).await?);
    }
    let (_, rss_after) = memory_mib(&tree(pid));
    Ok(Measured {
        ready: subject.ready.as_secs_f64(),
        idle_rss: quiet.rss_mib,
        idle_cpu: quiet.all.cpu_percent,
        register_cpu,
        cpu_per_message,
        per_second_10: sent_10.ms.len() as f64 / sent_10.wall.as_secs_f64(),
        disk_per_message,
        send_1,
        delivery_1,
        delivery_10,
        sliding,
        incremental,
        initial,
        back_50,
        rss_after,
    })
}

/// What the files below a folder take on the disk.
fn disk_kib(dir: &Path) -> f64 {
    use std::os::unix::fs::MetadataExt;
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => disk_kib(&entry.path()),
            Ok(meta) => meta.blocks() as f64 / 2.0,
            Err(_) => 0.0,
        })
        .sum()
}

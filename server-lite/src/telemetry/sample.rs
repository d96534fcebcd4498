//! The state of the server at one moment, for metrics, page and `hardline-server status`.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::{
    board::{self, Battery, Board},
    process::{self, Process},
};
use crate::{
    error::Result,
    service::{Services, disk, rate_limit::Class},
};

/// How long counts of the database are good enough.
const COUNTS_KEPT: Duration = Duration::from_secs(10);

/// Everything that is measured when somebody asks.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    /// The process.
    pub process: Process,
    /// The machine.
    pub board: Board,
    /// The disk.
    pub disk: disk::State,
    /// Counts of the database.
    pub counts: Counts,
    /// Users who sync.
    pub n_online: u64,
    /// Requests that wait for news.
    pub n_parked: u64,
    /// Messages in the last minute.
    pub messages_a_minute: f64,
    /// The database file in bytes.
    pub database: u64,
    /// Its write-ahead log in bytes.
    pub wal: u64,
    /// Seconds since the start.
    pub uptime: f64,
    /// Requests that were told to wait, by class.
    pub refused: Vec<(&'static str, u64)>,
}

/// Counts of the database.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Accounts that are not closed.
    pub n_users: u64,
    /// Rooms.
    pub n_rooms: u64,
    /// Different files.
    pub n_files: u64,
    /// Their size in bytes.
    pub files: u64,
    /// What push gateways are still to be told.
    pub push_outbox: u64,
}

/// Measures everything.
pub async fn sample(services: &Services) -> Result<Sample> {
    let counts = counts(services).await?;
    let (telemetry, now) = (&services.telemetry, Instant::now());
    let database = services.config.database();
    let size = |suffix: &str| {
        let mut path = database.clone().into_os_string();
        path.push(suffix);
        std::fs::metadata(path).map_or(0, |metadata| metadata.len())
    };
    let limiter = &services.limiter;
    let refused = Class::ALL.map(|class| (class.name(), limiter.n_refused(class)));
    Ok(Sample {
        process: process::read(),
        board: board::read(),
        disk: services.disk.state(),
        counts,
        n_online: telemetry.online.count(&services.notifier.waiting(), now) as u64,
        n_parked: telemetry.n_parked().max(0) as u64,
        messages_a_minute: telemetry.recent.messages_a_minute(now),
        database: size(""),
        wal: size("-wal"),
        uptime: telemetry.uptime().as_secs_f64(),
        refused: refused.to_vec(),
    })
}

async fn counts(services: &Services) -> Result<Counts> {
    let cache = &services.telemetry.counts;
    if let Some((at, counts)) = *cache.lock()
        && at.elapsed() < COUNTS_KEPT
    {
        return Ok(counts);
    }
    let counts = services
        .store
        .read(|c| {
            let number = |sql: &str| -> rusqlite::Result<u64> {
                c.prepare_cached(sql)?
                    .query_row([], |row| row.get::<_, i64>(0))
                    .map(|n| n as u64)
            };
            let files =
                "(SELECT max(size) AS size FROM media WHERE sha256 IS NOT NULL GROUP BY sha256)";
            Ok(Counts {
                n_users: number("SELECT count(*) FROM users WHERE deactivated_at IS NULL")?,
                n_rooms: number("SELECT count(*) FROM rooms")?,
                n_files: number(&format!("SELECT count(*) FROM {files}"))?,
                files: number(&format!("SELECT coalesce(sum(size), 0) FROM {files}"))?,
                push_outbox: number("SELECT count(*) FROM push_outbox")?,
            })
        })
        .await?;
    *cache.lock() = Some((Instant::now(), counts));
    Ok(counts)
}

/// What people are shown. Field names are those of the JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "each field is what its name says, sizes in bytes"
)]
pub struct Stats {
    pub server_name: String,
    pub version: String,
    pub uptime_seconds: u64,
    pub users: u64,
    pub users_online: u64,
    pub rooms: u64,
    pub messages_a_minute: f64,
    pub messages_by_minute: Vec<u32>,
    pub latency_p50_ms: Option<f64>,
    pub latency_p99_ms: Option<f64>,
    pub syncs_waiting: u64,
    pub process_memory: u64,
    pub process_cpu_seconds: f64,
    pub memory: u64,
    pub memory_available: u64,
    pub disk_free: u64,
    pub disk_size: u64,
    pub disk_full_in_seconds: Option<u64>,
    pub disk_level: String,
    pub database: u64,
    pub media: u64,
    pub push_outbox: u64,
    pub battery: Option<f64>,
    pub battery_discharging: bool,
    pub celsius: Option<f64>,
}

/// The figures for people.
pub async fn stats(services: &Services) -> Result<Stats> {
    let sample = sample(services).await?;
    let (recent, now) = (&services.telemetry.recent, Instant::now());
    let latency = |share| {
        let found = recent.latency(now, share);
        found.map(|time| (time.as_secs_f64() * 1e5).round() / 100.0)
    };
    let level = match sample.disk.level {
        disk::Level::Fine => "fine",
        disk::Level::Filling => "filling",
        disk::Level::FilesRefused => "files_refused",
    };
    let battery: Option<Battery> = sample.board.battery;
    Ok(Stats {
        server_name: services.config.server.name.to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        uptime_seconds: sample.uptime as u64,
        users: sample.counts.n_users,
        users_online: sample.n_online,
        rooms: sample.counts.n_rooms,
        messages_a_minute: (sample.messages_a_minute * 10.0).round() / 10.0,
        messages_by_minute: recent.messages(now),
        latency_p50_ms: latency(0.5),
        latency_p99_ms: latency(0.99),
        syncs_waiting: sample.n_parked,
        process_memory: sample.process.memory,
        process_cpu_seconds: sample.process.cpu_seconds,
        memory: sample.board.memory,
        memory_available: sample.board.memory_available,
        disk_free: sample.disk.free,
        disk_size: sample.disk.size,
        disk_full_in_seconds: sample.disk.full_in_seconds,
        disk_level: level.to_owned(),
        database: sample.database + sample.wal,
        media: sample.counts.files,
        push_outbox: sample.counts.push_outbox,
        battery: battery.as_ref().map(|battery| battery.level),
        battery_discharging: battery.is_some_and(|battery| battery.discharging),
        celsius: sample
            .board
            .temperatures
            .first()
            .map(|hottest| hottest.celsius),
    })
}

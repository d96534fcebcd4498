//! `hardline-server status`

use std::time::Duration;

use hardline_server::{
    config::Config,
    serve::control,
    service::{COMPONENTS, disk::span},
    store,
    telemetry::Stats,
};
use serde_json::json;

use super::Common;

/// Tells how the server is doing; of one that is stopped, what its data says.
pub fn run(common: &Common) -> anyhow::Result<()> {
    let config = common.load()?;
    match control::ask_stats(&config.storage.path) {
        Some(stats) => {
            let mut value = serde_json::to_value(&stats)?;
            value["running"] = json!(true);
            common.output().print(&value, running(&stats))
        }
        None => stopped(common, &config),
    }
}

fn running(stats: &Stats) -> Vec<String> {
    let mib = |bytes: u64| format!("{} MiB", bytes >> 20);
    let mut lines = vec![
        format!(
            "{} has been running for {} (version {})",
            stats.server_name,
            span(Duration::from_secs(stats.uptime_seconds)),
            stats.version
        ),
        format!(
            "users: {} online of {}; rooms: {}; messages a minute: {}",
            stats.users_online, stats.users, stats.rooms, stats.messages_a_minute
        ),
        match (stats.latency_p50_ms, stats.latency_p99_ms) {
            (Some(p50), Some(p99)) => {
                format!("answers: half within {p50} ms, 99 of 100 within {p99} ms")
            }
            _ => "answers: no requests in the last minutes".to_owned(),
        },
        format!(
            "memory: {} of this program; {} of {} free",
            mib(stats.process_memory),
            mib(stats.memory_available),
            mib(stats.memory)
        ),
        format!(
            "stored: database {}, files {}",
            mib(stats.database),
            mib(stats.media)
        ),
        disk(stats),
    ];
    if stats.push_outbox > 0 {
        let n = stats.push_outbox;
        lines.push(format!("push gateways are still to be told of {n} events"));
    }
    if let Some(level) = stats.battery {
        let state = if stats.battery_discharging {
            "discharging"
        } else {
            "on mains"
        };
        lines.push(format!("battery: {:.0} %, {state}", level * 100.0));
    }
    if let Some(celsius) = stats.celsius {
        lines.push(format!("temperature: {celsius:.0} °C"));
    }
    lines
}

fn disk(stats: &Stats) -> String {
    let left = stats
        .disk_full_in_seconds
        .map_or_else(String::new, |seconds| {
            format!(
                "; full in {} if it goes on like that",
                span(Duration::from_secs(seconds))
            )
        });
    let refused = match stats.disk_level.as_str() {
        "files_refused" => "; NEARLY FULL: files are refused",
        "filling" => "; FILLING UP",
        _ => "",
    };
    let (free, size) = (stats.disk_free >> 20, stats.disk_size >> 20);
    format!("disk: {free} MiB free of {size} MiB{left}{refused}")
}

fn stopped(common: &Common, config: &Config) -> anyhow::Result<()> {
    let name = &config.server.name;
    let database = config.database();
    if !database.exists() {
        let value = json!({ "running": false, "server_name": name, "database": null });
        let line = format!("{name} is not running and has no data yet.");
        return common.output().print(&value, [line]);
    }
    let connection = store::connect(&database, COMPONENTS)?;
    let count =
        |sql: &str| -> rusqlite::Result<i64> { connection.query_row(sql, [], |row| row.get(0)) };
    let users = count("SELECT count(*) FROM users WHERE deactivated_at IS NULL")?;
    let rooms = count("SELECT count(*) FROM rooms")?;
    let bytes = std::fs::metadata(&database)?.len();
    let value = json!({
        "running": false, "server_name": name, "users": users, "rooms": rooms, "database": bytes,
    });
    let lines = [
        format!("{name} is not running."),
        format!(
            "users: {users}; rooms: {rooms}; database: {} MiB",
            bytes >> 20
        ),
    ];
    common.output().print(&value, lines)
}

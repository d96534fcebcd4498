//! All figures in the format Prometheus reads.

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric, text::encode},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge, info::Info},
    registry::Registry,
};

use super::{Sample, Telemetry, sample};
use crate::{
    error::{Error, Result},
    service::{Services, disk::Level},
};

/// The answer to a scrape.
pub async fn metrics_text(services: &Services) -> Result<String> {
    let sampled = sample(services).await?;
    let mut registry = Registry::default();
    register(&mut registry, &services.telemetry, services);
    registry.register_collector(Box::new(Sampled(sampled)));
    let mut text = String::with_capacity(16 * 1024);
    encode(&mut text, &registry).map_err(Error::internal)?;
    Ok(text)
}

/// What is counted as it happens. Cheap: the figures themselves are shared.
fn register(registry: &mut Registry, telemetry: &Telemetry, services: &Services) {
    let build = Info::new(vec![
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ("sqlite", rusqlite::version().to_owned()),
    ]);
    registry.register("hardline_build", "The running program", build);
    registry.register(
        "hardline_requests",
        "Requests answered",
        telemetry.requests.clone(),
    );
    registry.register(
        "hardline_request_seconds",
        "Time to answer a request, waiting for news not counted",
        telemetry.latency.clone(),
    );
    registry.register(
        "hardline_requests_in_flight",
        "Requests being answered, those that wait included",
        telemetry.in_flight.clone(),
    );
    registry.register(
        "hardline_syncs_parked",
        "Requests that wait for news",
        telemetry.parked.clone(),
    );
    registry.register(
        "hardline_events",
        "Events stored by this process",
        telemetry.events.clone(),
    );
    let writer = services.store.writer_stats();
    registry.register(
        "hardline_writer_queue",
        "Writes that wait for the database",
        writer.queued.clone(),
    );
    registry.register(
        "hardline_commit_seconds",
        "Time of a commit, from its first write until it is on disk",
        writer.commit_seconds.clone(),
    );
    registry.register(
        "hardline_commit_writes",
        "Writes that shared a commit",
        writer.commit_writes.clone(),
    );
}

/// What is measured when it is asked for.
#[derive(Debug)]
struct Sampled(Sample);

impl Collector for Sampled {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> std::fmt::Result {
        let sample = &self.0;
        for (name, help, value) in gauges(sample) {
            gauge(&mut encoder, name, help, value)?;
        }
        let cpu = ConstCounter::new(sample.process.cpu_seconds);
        let help = "Processor time used";
        cpu.encode(encoder.encode_descriptor(
            "process_cpu_seconds",
            help,
            None,
            MetricType::Counter,
        )?)?;
        let help = "Requests that were told to wait";
        let mut family =
            encoder.encode_descriptor("hardline_rate_limited", help, None, MetricType::Counter)?;
        for (class, n_refused) in &sample.refused {
            let labels = [("class", *class)];
            ConstCounter::new(*n_refused).encode(family.encode_family(&labels)?)?;
        }
        if sample.board.temperatures.is_empty() {
            return Ok(());
        }
        let help = "What the machine's sensors show";
        let name = "hardline_board_celsius";
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (idx, temperature) in sample.board.temperatures.iter().enumerate() {
            let labels = [
                ("zone", idx.to_string()),
                ("sensor", temperature.sensor.clone()),
            ];
            ConstGauge::new(temperature.celsius).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

fn gauge(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    value: f64,
) -> std::fmt::Result {
    let descriptor = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    ConstGauge::new(value).encode(descriptor)
}

type Figure = (&'static str, &'static str, f64);

fn gauges(sample: &Sample) -> Vec<Figure> {
    let (counts, disk) = (&sample.counts, &sample.disk);
    let n = |n: u64| n as f64;
    let left = disk.full_in_seconds.map_or(f64::INFINITY, n);
    let refused = f64::from(u8::from(disk.level == Level::FilesRefused));
    let mut all = vec![
        (
            "hardline_uptime_seconds",
            "Time since the start",
            sample.uptime,
        ),
        (
            "hardline_users",
            "Accounts that are not closed",
            n(counts.n_users),
        ),
        (
            "hardline_users_online",
            "Users who sync",
            n(sample.n_online),
        ),
        ("hardline_rooms", "Rooms", n(counts.n_rooms)),
        (
            "hardline_messages_per_minute",
            "Messages stored in the last minute",
            sample.messages_a_minute,
        ),
        (
            "hardline_push_outbox",
            "What push gateways are still to be told",
            n(counts.push_outbox),
        ),
        (
            "hardline_database_bytes",
            "Size of the database",
            n(sample.database),
        ),
        (
            "hardline_database_wal_bytes",
            "Size of its write-ahead log",
            n(sample.wal),
        ),
        (
            "hardline_media_bytes",
            "Size of all uploaded files",
            n(counts.files),
        ),
        (
            "hardline_media_files",
            "Different uploaded files",
            n(counts.n_files),
        ),
        (
            "hardline_disk_free_bytes",
            "What can still be written",
            n(disk.free),
        ),
        ("hardline_disk_size_bytes", "Size of the disk", n(disk.size)),
        (
            "hardline_disk_full_in_seconds",
            "When the disk will be full if it goes on like that",
            left,
        ),
        (
            "hardline_disk_files_refused",
            "1 while files are refused for want of space",
            refused,
        ),
        (
            "process_resident_memory_bytes",
            "Memory in use",
            n(sample.process.memory),
        ),
        (
            "process_open_fds",
            "Open files and connections",
            n(sample.process.n_files),
        ),
        ("process_threads", "Threads", n(sample.process.n_threads)),
        (
            "hardline_board_memory_bytes",
            "Memory of the machine",
            n(sample.board.memory),
        ),
        (
            "hardline_board_memory_available_bytes",
            "Memory of the machine that programs could still have",
            n(sample.board.memory_available),
        ),
    ];
    let max_files = sample.process.max_files.map_or(f64::INFINITY, n);
    all.push(("process_max_fds", "Files that may be open", max_files));
    if let Some(battery) = &sample.board.battery {
        all.push((
            "hardline_board_battery_ratio",
            "How full the battery is, of 1",
            battery.level,
        ));
    }
    all
}

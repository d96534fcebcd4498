//! What the server tells of itself: counters and times for Prometheus, the statistics page, and a log span a request.
//!
//! Nothing here names a user, a room or an address; labels are bounded: paths are those of the router.
//! Format: <https://prometheus.io/docs/specs/om/open_metrics_spec/>

pub mod board;
pub mod online;
pub mod parked;
pub mod process;
pub mod recent;
pub mod request;
mod sample;
mod scrape;

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
};

use self::{online::Online, recent::Recent};
pub use self::{
    sample::{Counts, Sample, Stats, sample, stats},
    scrape::metrics_text,
};

/// Seconds that a request may take, as boundaries of a histogram.
const REQUEST_SECONDS: [f64; 12] = [
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0,
];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    endpoint: String,
    method: &'static str,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Endpoint {
    endpoint: String,
    method: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfKind {
    kind: &'static str,
}

/// What an event is to those who read the figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// What people said, encrypted or not.
    Message,
    /// State.
    State,
    /// All else.
    Other,
}

impl EventKind {
    /// Of an event of this type.
    pub fn of(kind: &str, is_state: bool) -> Self {
        match kind {
            _ if is_state => Self::State,
            "m.room.message" | "m.room.encrypted" | "m.sticker" => Self::Message,
            _ => Self::Other,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::State => "state",
            Self::Other => "other",
        }
    }
}

type Latency = Family<Endpoint, Histogram, fn() -> Histogram>;

/// Everything that is counted while the server runs.
pub struct Telemetry {
    requests: Family<Answered, Counter>,
    latency: Latency,
    events: Family<OfKind, Counter>,
    /// Requests being worked on, those that wait included.
    in_flight: Gauge,
    /// Requests that wait for news.
    parked: Gauge,
    /// The last minutes, for people.
    pub recent: Recent,
    /// Who syncs.
    pub online: Online,
    counts: Mutex<Option<(Instant, Counts)>>,
    started: Instant,
    last_request: AtomicU64,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self {
            requests: Family::default(),
            latency: Latency::new_with_constructor(|| Histogram::new(REQUEST_SECONDS)),
            events: Family::default(),
            in_flight: Gauge::default(),
            parked: Gauge::default(),
            recent: Recent::default(),
            online: Online::default(),
            counts: Mutex::default(),
            started: Instant::now(),
            last_request: AtomicU64::new(0),
        }
    }
}

impl Telemetry {
    /// How long the server has been running.
    pub fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// How many requests wait for news.
    pub fn n_parked(&self) -> i64 {
        self.parked.get()
    }

    /// Counts an event that is on disk.
    pub fn event_stored(&self, kind: EventKind) {
        self.events
            .get_or_create(&OfKind { kind: kind.name() })
            .inc();
        if kind == EventKind::Message {
            self.recent.message(Instant::now());
        }
    }

    /// The number of the next request.
    fn next_request(&self) -> u64 {
        self.last_request.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Counts an answer; `took` without the time that was spent waiting for news.
    fn answered(&self, endpoint: &str, method: &'static str, status: u16, took: Duration) {
        let endpoint = endpoint.to_owned();
        let of_endpoint = Endpoint {
            endpoint: endpoint.clone(),
            method,
        };
        let seconds = took.as_secs_f64();
        self.latency.get_or_create(&of_endpoint).observe(seconds);
        let answered = Answered {
            endpoint,
            method,
            status,
        };
        self.requests.get_or_create(&answered).inc();
    }
}

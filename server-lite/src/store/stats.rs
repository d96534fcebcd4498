//! How the writer is doing, for those who run the server.

use std::time::Duration;

use prometheus_client::metrics::{gauge::Gauge, histogram::Histogram};

/// Seconds that a commit may take, as boundaries of a histogram.
const COMMIT_SECONDS: [f64; 10] = [
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5,
];
/// How many writes share a commit, likewise.
const COMMIT_WRITES: [f64; 7] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0];

/// Figures of the writer; cheap to clone, all clones count together.
#[derive(Debug, Clone)]
pub struct WriterStats {
    /// Writes that wait for the writer.
    pub queued: Gauge,
    /// How long commits took, what was written included.
    pub commit_seconds: Histogram,
    /// How many writes shared a commit.
    pub commit_writes: Histogram,
    /// A commit that takes longer is logged.
    pub slow: Duration,
}

impl Default for WriterStats {
    fn default() -> Self {
        Self {
            queued: Gauge::default(),
            commit_seconds: Histogram::new(COMMIT_SECONDS),
            commit_writes: Histogram::new(COMMIT_WRITES),
            slow: Duration::from_millis(500),
        }
    }
}

impl WriterStats {
    /// Takes note of a commit.
    pub(super) fn committed(&self, n_writes: usize, took: Duration) {
        self.commit_seconds.observe(took.as_secs_f64());
        self.commit_writes.observe(n_writes as f64);
        if took >= self.slow {
            let ms = took.as_millis() as u64;
            tracing::warn!(ms, n_writes, "slow commit");
        }
    }
}

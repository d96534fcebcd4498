//! Time that a request spends waiting for something to happen, which is none of the server's work.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use prometheus_client::metrics::gauge::Gauge;

use super::Telemetry;

tokio::task_local! {
    /// How long the request of this task has waited so far.
    static WAITED: Cell<Duration>;
}

/// Runs the work of one request and tells how long it waited in between.
pub(super) async fn measured<T>(work: impl Future<Output = T>) -> (T, Duration) {
    WAITED
        .scope(Cell::default(), async {
            let result = work.await;
            (result, WAITED.with(Cell::get))
        })
        .await
}

/// A request that waits; drop it when it goes on.
pub struct Parked {
    gauge: Gauge,
    since: Instant,
}

impl Telemetry {
    /// Notes that the request of this task waits from now on.
    pub fn park(&self) -> Parked {
        self.parked.inc();
        Parked {
            gauge: self.parked.clone(),
            since: Instant::now(),
        }
    }
}

impl Drop for Parked {
    fn drop(&mut self) {
        self.gauge.dec();
        // Outside of a request there is nobody to tell.
        let _ = WAITED.try_with(|waited| waited.set(waited.get() + self.since.elapsed()));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Telemetry, measured};

    #[tokio::test]
    async fn waiting_is_told_apart_from_work() {
        let telemetry = Telemetry::default();
        let ((), waited) = measured(async {
            for _ in 0..2 {
                let _parked = telemetry.park();
                assert_eq!(telemetry.n_parked(), 1);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            assert_eq!(telemetry.n_parked(), 0);
            tokio::time::sleep(Duration::from_millis(50)).await;
        })
        .await;
        assert!(waited >= Duration::from_millis(40), "{waited:?}");
        assert!(waited < Duration::from_millis(90), "{waited:?}");
    }
}

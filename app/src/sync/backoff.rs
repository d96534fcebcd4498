//! The rest after a failure: longer each time, cut short when there is reason to hope.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, watch},
    time::Instant,
};

use super::driver::told_to_stop;

/// The rest after the first failure; it doubles for each in a row.
const FIRST: Duration = Duration::from_secs(1);
/// The longest rest.
const LONGEST: Duration = Duration::from_secs(60);
/// A success that a failure follows within this time is none: the next rest is longer still.
const STEADY: Duration = Duration::from_secs(10);
/// Rests differ by up to this share, so that a server that comes back does not meet everybody at once.
const SPREAD: f64 = 0.2;

/// Counts failures in a row and rests after each.
#[derive(Debug)]
pub(super) struct Backoff {
    failures: u32,
    worked: bool,
    rested: Instant,
    /// Told when the network or the person comes back.
    retry_now: Arc<Notify>,
}

impl Backoff {
    /// Rests that end early whenever `retry_now` is notified.
    pub(super) fn new(retry_now: Arc<Notify>) -> Self {
        Self {
            failures: 0,
            worked: false,
            rested: Instant::now(),
            retry_now,
        }
    }

    /// It worked: if it goes on to, the next rest is short again.
    pub(super) fn worked(&mut self) {
        self.worked = true;
    }

    /// Rests after a failure; ends at once when syncing is to stop.
    pub(super) async fn rest(&mut self, wanted: &mut watch::Receiver<bool>) {
        if std::mem::take(&mut self.worked) && self.rested.elapsed() > STEADY {
            self.failures = 0;
        }
        let rest = length(self.failures).mul_f64(1.0 + rand::random_range(-SPREAD..=SPREAD));
        self.failures = self.failures.saturating_add(1);
        tokio::select! {
            () = tokio::time::sleep(rest) => {}
            () = self.retry_now.notified() => self.failures = 0,
            () = told_to_stop(wanted) => {}
        }
        self.rested = Instant::now();
    }
}

fn length(failures: u32) -> Duration {
    FIRST.saturating_mul(1 << failures.min(16)).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    fn wanted() -> (watch::Sender<bool>, watch::Receiver<bool>) {
        watch::channel(true)
    }

    #[tokio::test(start_paused = true)]
    async fn rests_grow_to_a_limit_and_are_short_again_after_a_success() {
        let (_running, mut wanted) = wanted();
        let mut backoff = Backoff::new(Arc::default());
        let began = Instant::now();
        for _ in 0..7 {
            backoff.rest(&mut wanted).await;
        }
        // 1 + 2 + 4 + 8 + 16 + 32 + 60 seconds, give or take a fifth
        let seven = began.elapsed().as_secs_f64();
        assert!((98.0..148.0).contains(&seven), "{seven}");
        // a success of a moment counts for nothing
        backoff.worked();
        let began = Instant::now();
        backoff.rest(&mut wanted).await;
        assert!(began.elapsed() > Duration::from_secs(47));
        backoff.worked();
        tokio::time::sleep(STEADY * 2).await;
        let began = Instant::now();
        backoff.rest(&mut wanted).await;
        assert!(began.elapsed() < Duration::from_millis(1300));
    }

    #[tokio::test(start_paused = true)]
    async fn hope_and_the_end_cut_a_rest_short() {
        let (running, mut wanted) = wanted();
        let retry_now = Arc::new(Notify::new());
        let mut backoff = Backoff::new(retry_now.clone());
        backoff.failures = 10;
        let began = Instant::now();
        let soon = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            retry_now.notify_waiters();
        };
        tokio::join!(backoff.rest(&mut wanted), soon);
        assert!(began.elapsed() < Duration::from_secs(1));
        assert_eq!(backoff.failures, 0);

        backoff.failures = 10;
        running.send_replace(false);
        backoff.rest(&mut wanted).await;
        assert!(began.elapsed() < Duration::from_secs(1));
    }
}

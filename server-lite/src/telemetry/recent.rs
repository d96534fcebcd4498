//! The last minutes: messages a minute for an hour, answer times for five minutes.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Minutes of messages that are kept.
pub const MINUTES: usize = 60;
/// Minutes of answer times that are kept.
const LATENCY_MINUTES: usize = 5;
/// Steps of answer times: four to a doubling, from a microsecond on.
const STEPS: usize = 4 * 28;

/// What happened lately.
pub struct Recent {
    started: Instant,
    state: Mutex<State>,
}

struct State {
    /// The minute that is under way, counted from the start.
    minute: u64,
    messages: [u32; MINUTES],
    latency: [[u32; STEPS]; LATENCY_MINUTES],
}

impl Default for Recent {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            state: Mutex::new(State {
                minute: 0,
                messages: [0; MINUTES],
                latency: [[0; STEPS]; LATENCY_MINUTES],
            }),
        }
    }
}

impl Recent {
    /// Counts a message.
    pub fn message(&self, now: Instant) {
        let mut state = self.at(now);
        let idx = state.minute as usize % MINUTES;
        state.messages[idx] = state.messages[idx].saturating_add(1);
    }

    /// Counts an answer that took so long.
    pub fn answer(&self, now: Instant, took: Duration) {
        let mut state = self.at(now);
        let idx = state.minute as usize % LATENCY_MINUTES;
        let step = &mut state.latency[idx][step_of(took)];
        *step = step.saturating_add(1);
    }

    /// Messages of each of the last minutes, oldest first; the last is under way.
    pub fn messages(&self, now: Instant) -> Vec<u32> {
        let state = self.at(now);
        let newest = state.minute as usize % MINUTES;
        (1..=MINUTES)
            .map(|ago| state.messages[(newest + ago) % MINUTES])
            .collect()
    }

    /// Messages within the last sixty seconds, as well as whole minutes can tell.
    pub fn messages_a_minute(&self, now: Instant) -> f64 {
        let minutes = self.messages(now);
        let elapsed = now.saturating_duration_since(self.started).as_secs_f64();
        let into = (elapsed % 60.0) / 60.0;
        let [.., before, current] = minutes[..] else {
            return 0.0;
        };
        f64::from(current) + f64::from(before) * (1.0 - into)
    }

    /// The answer time that this share of the answers of the last minutes kept within; none without an answer.
    pub fn latency(&self, now: Instant, share: f64) -> Option<Duration> {
        let state = self.at(now);
        let of_step = |step: usize| -> u64 {
            let minutes = state.latency.iter();
            minutes.map(|minute| u64::from(minute[step])).sum()
        };
        let total: u64 = (0..STEPS).map(of_step).sum();
        let wanted = (total as f64 * share).ceil().max(1.0) as u64;
        let mut seen = 0;
        for step in 0..STEPS {
            seen += of_step(step);
            if total > 0 && seen >= wanted {
                return Some(end_of(step));
            }
        }
        None
    }

    /// The state with the minutes that have passed since emptied.
    fn at(&self, now: Instant) -> parking_lot::MutexGuard<'_, State> {
        let mut state = self.state.lock();
        let minute = now.saturating_duration_since(self.started).as_secs() / 60;
        // Never back: another thread may have been a little ahead.
        while state.minute < minute {
            if minute - state.minute > MINUTES as u64 {
                state.minute = minute - MINUTES as u64;
            }
            state.minute += 1;
            let current = state.minute as usize;
            state.messages[current % MINUTES] = 0;
            state.latency[current % LATENCY_MINUTES] = [0; STEPS];
        }
        state
    }
}

fn step_of(took: Duration) -> usize {
    let us = took.as_micros().max(1) as f64;
    ((us.log2() * 4.0).ceil() as usize).min(STEPS - 1)
}

/// The longest time that falls into a step.
fn end_of(step: usize) -> Duration {
    Duration::from_nanos((1000.0 * (step as f64 / 4.0).exp2()) as u64)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{MINUTES, Recent, STEPS, end_of, step_of};

    #[test]
    fn messages_are_counted_by_minute_and_forgotten_after_an_hour() {
        let recent = Recent::default();
        let at = |seconds| recent.started + Duration::from_secs(seconds);
        for seconds in [10, 20, 70] {
            recent.message(at(seconds));
        }
        let minutes = recent.messages(at(75));
        assert_eq!(minutes.len(), MINUTES);
        assert_eq!(minutes[MINUTES - 2..], [2, 1]);
        assert_eq!(recent.messages_a_minute(at(75)), 1.0 + 2.0 * 0.75);
        assert_eq!(recent.messages(at(59 * 60))[..2], [2, 1]);
        assert_eq!(recent.messages(at(61 * 60)).iter().sum::<u32>(), 0);
        recent.message(at(1_000_000));
        assert_eq!(recent.messages(at(1_000_000)).iter().sum::<u32>(), 1);
    }

    #[test]
    fn answer_times_are_told_within_a_fifth() {
        let recent = Recent::default();
        let now = recent.started;
        assert_eq!(recent.latency(now, 0.5), None);
        for ms in 1..=100 {
            recent.answer(now, Duration::from_millis(ms));
        }
        for (share, ms) in [(0.5, 50.0), (0.99, 99.0), (1.0, 100.0)] {
            let told = recent.latency(now, share).unwrap().as_secs_f64() * 1000.0;
            assert!((ms..ms * 1.2).contains(&told), "{share}: {told}");
        }
        let later = now + Duration::from_secs(6 * 60);
        assert_eq!(recent.latency(later, 0.5), None);
    }

    #[test]
    fn every_time_falls_into_a_step_that_ends_after_it() {
        for us in [0, 1, 2, 3, 17, 999, 1_000_000, 59_999_999] {
            let took = Duration::from_micros(us);
            assert!(end_of(step_of(took)) >= took, "{us}");
        }
        assert_eq!(step_of(Duration::from_secs(1_000_000)), STEPS - 1);
    }
}

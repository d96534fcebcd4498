//! A wall clock that somebody sets back: by hand, by the network's time, or at a start before that is known.

use std::time::{Duration, Instant};

use super::now_ms;

/// Steps smaller than this are the clock being adjusted.
const TOLERANCE: Duration = Duration::from_secs(2);

/// Notices that the clock was set back. That it runs ahead is no step: a phone that slept missed that time.
#[derive(Debug)]
pub struct Steps {
    instant: Instant,
    wall_ms: i64,
}

impl Default for Steps {
    fn default() -> Self {
        Self::at(Instant::now(), now_ms())
    }
}

impl Steps {
    fn at(instant: Instant, wall_ms: i64) -> Self {
        Self { instant, wall_ms }
    }

    /// How far the clock was set back since this was last asked, in milliseconds.
    pub fn back(&mut self) -> Option<i64> {
        self.back_at(Instant::now(), now_ms())
    }

    fn back_at(&mut self, instant: Instant, wall_ms: i64) -> Option<i64> {
        let passed = instant.saturating_duration_since(self.instant).as_millis() as i64;
        let back = self.wall_ms + passed - wall_ms;
        *self = Self::at(instant, wall_ms);
        (back > TOLERANCE.as_millis() as i64).then_some(back)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Steps;

    #[test]
    fn only_a_clock_that_is_set_back_has_stepped() {
        let start = Instant::now();
        let mut steps = Steps::at(start, 1_000_000);
        let mut after = |seconds, wall| steps.back_at(start + Duration::from_secs(seconds), wall);
        assert_eq!(after(10, 1_010_000), None);
        assert_eq!(after(11, 1_010_500), None, "adjusted a little");
        assert_eq!(after(12, 9_000_000), None, "slept");
        assert_eq!(after(13, 8_001_000), Some(1_000_000));
        assert_eq!(after(14, 8_002_000), None, "told once");
    }
}

//! How old an event is, whatever the clocks say.
//!
//! Spec: [call event liveness](https://spec.matrix.org/v1.16/client-server-api/#call-event-liveness). The homeserver's `age`
//! is the authority, because neither our clock nor the sender's need be right. To it is added the time since the event came,
//! by our own clock alone. Without it, what is left is the difference between two clocks that may disagree.

/// How far two clocks may be apart before we believe them, in milliseconds.
pub const CLOCK_SKEW: u64 = 120_000;

/// What is known of an event's age: to be kept with a stored event, since `unsigned.age` is about the moment it was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// `unsigned.age` as the homeserver gave it.
    pub age: Option<i64>,
    /// `origin_server_ts` of the event.
    pub origin_server_ts: u64,
    /// Our wall clock when the event was received.
    pub received_at: u64,
}

impl Sighting {
    /// The age in milliseconds, `wall_clock` being our wall clock now.
    ///
    /// Where the homeserver gave no age, clocks two minutes apart must not lose a call: the event is taken to be younger than
    /// the clocks say, but no younger than the time we have had it. Where our own clock was set back since it came, nothing
    /// is known, and it is too old for anything: better than to ring for it again.
    #[must_use]
    pub fn age_at(&self, wall_clock: u64) -> u64 {
        if wall_clock.saturating_add(CLOCK_SKEW) < self.received_at {
            return u64::MAX;
        }
        let since = wall_clock.saturating_sub(self.received_at);
        match self.age {
            Some(age) => u64::try_from(age).unwrap_or(0).saturating_add(since),
            None => wall_clock
                .saturating_sub(self.origin_server_ts)
                .saturating_sub(CLOCK_SKEW)
                .max(since),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: u64 = 1_800_000_000_000;

    #[track_caller]
    fn check(age: Option<i64>, origin: u64, received: u64, now: u64, expected: u64) {
        let sighting = Sighting {
            age,
            origin_server_ts: origin,
            received_at: received,
        };
        assert_eq!(sighting.age_at(now), expected);
    }

    #[test]
    fn the_homeservers_age_beats_every_clock() {
        check(Some(400), NOON, NOON, NOON, 400);
        check(Some(400), NOON - 120_000, NOON, NOON, 400);
        check(Some(400), NOON + 120_000, NOON, NOON, 400);
    }

    #[test]
    fn a_stored_event_grows_older_while_nobody_looks() {
        check(Some(400), NOON, NOON, NOON + 30_000, 30_400);
    }

    #[test]
    fn a_negative_age_is_none() {
        check(Some(-5_000), NOON, NOON, NOON, 0);
    }

    #[test]
    fn without_an_age_two_minutes_of_skew_are_forgiven() {
        check(None, NOON - 100_000, NOON, NOON, 0);
        check(None, NOON + 90_000, NOON, NOON, 0);
        check(None, NOON - 150_000, NOON, NOON, 30_000);
    }

    #[test]
    fn an_event_from_the_future_grows_older_from_the_day_it_came() {
        check(None, NOON + 900_000_000, NOON, NOON + 400_000, 400_000);
        check(None, u64::MAX, NOON, NOON + 400_000, 400_000);
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_make_events_young_again() {
        check(Some(400), NOON, NOON, NOON - 60_000, 400);
        check(Some(400), NOON, NOON, NOON - 180_000, u64::MAX);
        check(None, NOON, NOON, NOON - 180_000, u64::MAX);
    }

    #[test]
    fn nonsense_does_not_overflow() {
        check(Some(i64::MAX), 0, 0, u64::MAX, u64::MAX);
        check(None, u64::MAX, 0, 0, 0);
    }
}

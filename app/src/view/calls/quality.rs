//! How good a call is, from what its media process counts.

use crate::calls::Statistics;

/// How well one hears each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quality {
    /// Nothing is known yet.
    #[default]
    Unknown,
    /// As it should be.
    Good,
    /// Words may be missing.
    Poor,
    /// It is hard to understand each other.
    Bad,
}

/// Shares of packets lost, in either direction, from which it is poor, and bad: Opus with error correction hides 3 %.
const LOSS: [f64; 2] = [0.03, 0.10];
/// Milliseconds there and back: people talk into each other from 400 on (ITU-T G.114 has 150 one way as good, 400 as the limit).
const ROUND_TRIP: [f64; 2] = [400.0, 800.0];
/// Milliseconds of unevenness that the jitter buffer cannot hide.
const JITTER: [f64; 2] = [60.0, 150.0];
/// Fewer packets than this say nothing.
const ENOUGH: u64 = 20;

impl Quality {
    /// The quality of the time between two counts of the same connection.
    pub(super) fn between(before: &Statistics, now: &Statistics) -> Self {
        let received = now.packets_received.saturating_sub(before.packets_received);
        let lost = now.packets_lost.saturating_sub(before.packets_lost);
        let sent = now.packets_sent.saturating_sub(before.packets_sent);
        if received + lost < ENOUGH {
            // Nothing came although we send: they may be muted, or the way is blocked. Signalling notices the latter.
            return match sent {
                0 => Self::Unknown,
                _ => Self::graded(now.remote_loss.unwrap_or_default(), LOSS)
                    .max(Self::graded(now.round_trip.unwrap_or_default(), ROUND_TRIP)),
            };
        }
        let share = share(lost, received + lost);
        Self::graded(share, LOSS)
            .max(Self::graded(now.remote_loss.unwrap_or_default(), LOSS))
            .max(Self::graded(now.round_trip.unwrap_or_default(), ROUND_TRIP))
            .max(Self::graded(now.jitter, JITTER))
    }

    fn graded(value: f64, [poor, bad]: [f64; 2]) -> Self {
        if value >= bad {
            Self::Bad
        } else if value >= poor {
            Self::Poor
        } else {
            Self::Good
        }
    }
}

fn share(part: u64, whole: u64) -> f64 {
    let number = |n: u64| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
    number(part) / number(whole.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(received: u64, lost: u64) -> Statistics {
        Statistics {
            packets_sent: received,
            packets_received: received,
            packets_lost: lost,
            jitter: 5.0,
            remote_loss: Some(0.0),
            round_trip: Some(40.0),
            ..Statistics::default()
        }
    }

    fn after_a_second(change: impl FnOnce(&mut Statistics)) -> Quality {
        let before = counted(1_000, 100);
        let mut now = counted(1_050, 100);
        change(&mut now);
        Quality::between(&before, &now)
    }

    #[test]
    fn what_was_lost_long_ago_does_not_count() {
        assert_eq!(after_a_second(|_| {}), Quality::Good);
    }

    #[test]
    fn loss_in_either_direction_counts() {
        assert_eq!(after_a_second(|now| now.packets_lost += 2), Quality::Poor);
        assert_eq!(after_a_second(|now| now.packets_lost += 10), Quality::Bad);
        assert_eq!(
            after_a_second(|now| now.remote_loss = Some(0.2)),
            Quality::Bad
        );
    }

    #[test]
    fn delay_and_unevenness_count() {
        assert_eq!(
            after_a_second(|now| now.round_trip = Some(500.0)),
            Quality::Poor
        );
        assert_eq!(after_a_second(|now| now.jitter = 200.0), Quality::Bad);
    }

    #[test]
    fn without_packets_nothing_is_known() {
        let same = counted(1_000, 100);
        assert_eq!(Quality::between(&same, &same), Quality::Unknown);
    }
}

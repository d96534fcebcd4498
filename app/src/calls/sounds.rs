//! The sounds around a call: that it rings here, that it rings there, that the other side does not want it.

use std::time::Duration;

use hardline_platform::media::protocol::Sound;
use hardline_rtc::voip::{CallView, Direction, EndReason, Stage, Summary};

use super::state::CallOptions;

/// How long it is heard that a call did not come about.
pub(super) const BUSY_TIME: Duration = Duration::from_millis(2_500);

/// What sounds depend on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Audible {
    /// It may ring here, and nobody took it.
    pub(super) rings: bool,
    /// It has the person's ear.
    pub(super) active: bool,
    /// It is ours, and rings at the other side.
    pub(super) rings_there: bool,
    /// It is recorded, not listened to.
    pub(super) recorded: bool,
}

impl Audible {
    pub(super) fn new(view: &CallView, rings: bool, options: &CallOptions) -> Self {
        Self {
            rings,
            active: view.is_active(),
            rings_there: view.direction == Direction::Outgoing && view.stage == Stage::Calling,
            recorded: options.record.is_some(),
        }
    }
}

/// What is heard of each of all calls. Only one rings at a time, and softly beside a call; `loud`: aloud otherwise.
pub(super) fn of(calls: &[Audible], loud: bool) -> Vec<Option<Sound>> {
    let in_a_call = calls.iter().any(|call| call.active);
    let first = calls.iter().position(|call| call.rings);
    let ring = match in_a_call {
        true => Some(Sound::Waiting),
        false => loud.then_some(Sound::Ringtone),
    };
    let sound = |(at, call): (usize, &Audible)| {
        if call.rings_there && !call.recorded {
            Some(Sound::Ringback)
        } else if Some(at) == first {
            ring
        } else {
            None
        }
    };
    calls.iter().enumerate().map(sound).collect()
}

/// What is heard of a call of ours that nobody took.
pub(super) fn afterwards(summary: &Summary, options: &CallOptions) -> Option<Sound> {
    let not_wanted = matches!(summary.reason, EndReason::Busy | EndReason::Rejected);
    let ours = summary.direction == Direction::Outgoing;
    (ours && not_wanted && options.record.is_none()).then_some(Sound::Busy)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SILENT: Audible = Audible {
        rings: false,
        active: false,
        rings_there: false,
        recorded: false,
    };
    const RINGS: Audible = Audible {
        rings: true,
        ..SILENT
    };
    const TALKS: Audible = Audible {
        active: true,
        ..SILENT
    };
    const CALLS: Audible = Audible {
        rings_there: true,
        ..TALKS
    };

    #[test]
    fn of_two_that_ring_one_is_heard() {
        assert_eq!(of(&[RINGS, RINGS], true), [Some(Sound::Ringtone), None]);
        assert_eq!(of(&[RINGS, RINGS], false), [None, None]);
    }

    #[test]
    fn beside_a_call_it_rings_softly_whatever_rang_before() {
        let heard = of(&[RINGS, TALKS, RINGS], true);
        assert_eq!(heard, [Some(Sound::Waiting), None, None]);
        assert_eq!(of(&[TALKS, RINGS], false), [None, Some(Sound::Waiting)]);
    }

    #[test]
    fn one_hears_that_it_rings_there_unless_it_is_recorded() {
        assert_eq!(of(&[CALLS], false), [Some(Sound::Ringback)]);
        let recorded = Audible {
            recorded: true,
            ..CALLS
        };
        assert_eq!(of(&[recorded], true), [None]);
    }
}

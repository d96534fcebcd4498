//! The sounds around a call: that it rings here, that it rings there, that the other side does not want it.

use std::time::Duration;

use hardline_platform::media::protocol::Sound;
use hardline_rtc::voip::{CallView, Direction, EndReason, Stage, Summary};

use super::state::CallOptions;

/// How long it is heard that a call did not come about.
pub(super) const BUSY_TIME: Duration = Duration::from_millis(2_500);

/// What is heard of a call that rings here.
pub(super) fn of_ring(waiting: bool) -> Sound {
    match waiting {
        true => Sound::Waiting,
        false => Sound::Ringtone,
    }
}

/// What is heard of a call of ours until somebody takes it. Who records a call does not listen.
pub(super) fn while_calling(view: &CallView, options: &CallOptions) -> Option<Sound> {
    let rings_there = view.direction == Direction::Outgoing && view.stage == Stage::Calling;
    (rings_there && options.record.is_none()).then_some(Sound::Ringback)
}

/// What is heard of a call of ours that nobody took.
pub(super) fn afterwards(summary: &Summary, options: &CallOptions) -> Option<Sound> {
    let not_wanted = matches!(summary.reason, EndReason::Busy | EndReason::Rejected);
    let ours = summary.direction == Direction::Outgoing;
    (ours && not_wanted && options.record.is_none()).then_some(Sound::Busy)
}

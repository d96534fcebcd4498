//! Calls: those under way, the one that has just ended, and those of the past.

mod history;
pub(crate) mod model;
mod quality;
mod who;

use std::sync::Arc;

pub use self::{history::HistoryRow, model::CallsViewModel, quality::Quality};
use super::Avatar;
use crate::{
    calls::{AudioDevices, CallFault, CallKey, ChosenDevices, Direction, EndReason, Side, Stage},
    ids::{OwnedRoomId, OwnedUserId},
    notice::Notice,
};

/// What is shown of calls, wherever one is in the program.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CallsState {
    /// Those that are not over: first the one that has the person's ear, then those that ring, then those on hold.
    pub calls: Vec<CallRow>,
    /// The last one that is over, until it is put away or another begins.
    pub ended: Option<EndedRow>,
    /// Those of the past, the newest first.
    pub history: Arc<Vec<HistoryRow>>,
    /// Missed since the past was looked at.
    pub missed: usize,
    /// What captures and plays.
    pub devices: AudioDevices,
}

/// Whom a call is with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Who {
    /// The person's name, or the room's.
    pub name: String,
    /// Their picture.
    pub avatar: Avatar,
    /// The room, where more than two are in it.
    pub room_name: Option<String>,
}

/// A call that is not over.
#[derive(Clone, Debug, PartialEq)]
pub struct CallRow {
    /// Which.
    pub key: CallKey,
    /// Whom with.
    pub who: Who,
    /// Who called.
    pub direction: Direction,
    /// How far it is.
    pub stage: Stage,
    /// What is said about it in the room is end-to-end encrypted, and with it the keys of its sound.
    pub encrypted: bool,
    /// Our microphone is muted.
    pub muted: bool,
    /// We have put the other side on hold.
    pub held: bool,
    /// The other side has muted its microphone.
    pub peer_muted: bool,
    /// The other side has put us on hold.
    pub peer_holds: bool,
    /// Since when media flow, in milliseconds since 1970.
    pub connected_since: Option<u64>,
    /// What goes wrong without ending it.
    pub trouble: Option<CallFault>,
    /// How well the other side is heard, and hears us.
    pub quality: Quality,
}

/// A call that is over.
#[derive(Clone, Debug, PartialEq)]
pub struct EndedRow {
    /// The room it was in.
    pub room_id: OwnedRoomId,
    /// The other side, if anybody was there.
    pub peer: Option<OwnedUserId>,
    /// Whom with.
    pub who: Who,
    /// Who called.
    pub direction: Direction,
    /// Why it ended.
    pub reason: EndReason,
    /// Who ended it.
    pub by: Side,
    /// What went wrong on our side, if that is why.
    pub fault: Option<CallFault>,
    /// How long it was connected, in milliseconds; `None` if it never was.
    pub connected_for: Option<u64>,
}

impl EndedRow {
    /// Whether it went as somebody wanted, so that there is nothing to do about it.
    pub fn went_well(&self) -> bool {
        match self.reason {
            EndReason::HungUp | EndReason::Transferred | EndReason::Replaced(_) => {
                self.connected_for.is_some() || self.by == Side::Here
            }
            _ => false,
        }
    }
}

/// What a person does about calls.
#[derive(Clone, Debug, PartialEq)]
pub enum CallAction {
    /// Call somebody in a room, or the other one of two. A call with the room that rings is taken instead.
    Place {
        /// In which room.
        room_id: OwnedRoomId,
        /// Whom; `None` in a room of two.
        invitee: Option<OwnedUserId>,
    },
    /// Take a call that rings.
    Answer {
        /// Which.
        call: CallKey,
        /// End the call under way instead of putting it on hold.
        end_others: bool,
    },
    /// Do not take it, on any device.
    Decline(CallKey),
    /// End it.
    HangUp(CallKey),
    /// Mute the microphone, or unmute it.
    Mute(CallKey, bool),
    /// Put the other side on hold, or go on with them.
    Hold(CallKey, bool),
    /// Send keys of the dial pad to the other side.
    Dial(CallKey, String),
    /// Take this microphone and this loudspeaker.
    ChooseDevices(ChosenDevices),
    /// Call again whom the call that has just ended was with.
    CallAgain,
    /// Put away the call that has just ended.
    PutAway,
    /// The calls of the past are looked at.
    HistorySeen,
}

/// One-shot effects.
#[derive(Clone, Debug, PartialEq)]
pub enum CallEffect {
    /// Tell something.
    Toast(Notice),
    /// A call rang, and nobody took it.
    Missed {
        /// The room it was in.
        room_id: OwnedRoomId,
        /// Who called.
        peer: Option<OwnedUserId>,
        /// Who that is.
        who: Who,
    },
}

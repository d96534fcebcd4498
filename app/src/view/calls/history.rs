//! The calls of the past, as they are listed.

use super::Who;
use crate::{
    calls::{EndReason, reason_of},
    ids::{OwnedRoomId, OwnedUserId},
    store::LoggedCall,
};

/// Calls listed.
pub(super) const LISTED: u32 = 300;

/// A call of the past.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryRow {
    /// The room that carried it.
    pub room_id: OwnedRoomId,
    /// Names it among all calls.
    pub id: String,
    /// The other side, if anybody was there.
    pub peer: Option<OwnedUserId>,
    /// Whom with.
    pub who: Who,
    /// We were called.
    pub incoming: bool,
    /// It rang, and nobody took it.
    pub missed: bool,
    /// Why it ended, if it was not that another took its place.
    pub reason: Option<EndReason>,
    /// When it began to be known, in milliseconds since 1970.
    pub began: u64,
    /// How long it was connected, in milliseconds; `None` if it never was.
    pub connected_for: Option<u64>,
}

impl HistoryRow {
    pub(super) fn new(
        call: &LoggedCall,
        room_id: OwnedRoomId,
        peer: Option<OwnedUserId>,
        who: Who,
    ) -> Self {
        Self {
            room_id,
            id: format!("{} {}", call.room_id, call.call_id),
            peer,
            who,
            incoming: call.incoming,
            missed: call.missed,
            reason: reason_of(&call.why),
            began: u64::try_from(call.began).unwrap_or_default(),
            connected_for: call
                .connected_for
                .and_then(|millis| u64::try_from(millis).ok()),
        }
    }
}

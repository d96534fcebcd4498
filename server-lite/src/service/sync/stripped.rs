//! Stripped state: what somebody invited, or knocking, may know of a room.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#stripped-state>

use ruma::UserId;
use rusqlite::Connection;
use serde_json::value::RawValue;

use crate::{
    error::Result,
    service::rooms::{client_event::EventRow, membership::Member, state},
};

/// The state that tells a room's face.
const FACE: [&str; 8] = [
    "m.room.create",
    "m.room.join_rules",
    "m.room.canonical_alias",
    "m.room.avatar",
    "m.room.name",
    "m.room.topic",
    "m.room.encryption",
    "m.room.history_visibility",
];

/// The room's face, the inviter, and the invitation itself.
pub fn state(
    connection: &Connection,
    user: &UserId,
    member: &Member,
    room: i64,
) -> Result<Vec<Box<RawValue>>> {
    let mut nids = Vec::new();
    for kind in FACE {
        nids.extend(state::current(connection, room, kind, "")?);
    }
    if member.sender != user.as_str() {
        nids.extend(state::current(
            connection,
            room,
            "m.room.member",
            &member.sender,
        )?);
    }
    nids.push(member.event);
    EventRow::by_nids(connection, &nids)?
        .iter()
        .map(EventRow::to_stripped)
        .collect()
}

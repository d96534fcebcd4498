//! Rooms: the event graph, state, membership.
//!
//! Spec: <https://spec.matrix.org/v1.18/server-server-api/#pdus> and
//! <https://spec.matrix.org/v1.18/client-server-api/#rooms>

mod aggregation;
pub mod aliases;
pub mod append;
pub mod blocks;
pub mod client_event;
pub mod create;
pub mod directory;
pub mod events;
pub mod hierarchy;
pub mod membership;
pub mod pdu;
pub mod power;
pub mod receipts;
pub mod redaction;
pub mod relations;
pub mod removal;
pub mod state;
pub mod summary;
pub mod timeline;
pub mod transactions;
pub mod typing;
pub mod unread;
pub mod upgrade;
pub mod visibility;

use ruma::{OwnedRoomId, RoomId, RoomVersionId, room_version_rules::RoomVersionRules};
use rusqlite::{Connection, OptionalExtension, Row};

use crate::{
    Error,
    error::Result,
    store::{Component, Step},
};

/// The room versions this server makes and understands.
pub const SUPPORTED_VERSIONS: [RoomVersionId; 7] = [
    RoomVersionId::V6,
    RoomVersionId::V7,
    RoomVersionId::V8,
    RoomVersionId::V9,
    RoomVersionId::V10,
    RoomVersionId::V11,
    RoomVersionId::V12,
];

/// All tables about rooms.
pub const COMPONENT: Component = Component {
    name: "rooms",
    steps: &[
        Step::Sql(include_str!("../../store/schema/rooms.sql")),
        Step::Sql(include_str!("../../store/schema/rooms_2.sql")),
        Step::Sql(include_str!("../../store/schema/rooms_3.sql")),
    ],
};

/// A room's identity and rules.
#[derive(Debug, Clone)]
pub struct Room {
    /// Its number in this database.
    pub nid: i64,
    /// Its identifier.
    pub id: OwnedRoomId,
    /// Its version.
    pub version: RoomVersionId,
    /// What the version means.
    pub rules: RoomVersionRules,
    /// The group of the current state; none before the first event.
    pub state_group: Option<i64>,
}

const COLUMNS: &str = "nid, room_id, version, state_group";

fn from_row(row: &Row<'_>) -> rusqlite::Result<(i64, String, String, Option<i64>)> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
}

fn build(raw: (i64, String, String, Option<i64>)) -> Result<Room> {
    let (nid, id, version, state_group) = raw;
    let version = RoomVersionId::try_from(version).map_err(Error::internal)?;
    let rules = version
        .rules()
        .ok_or_else(|| Error::internal("unknown room version"))?;
    let id = RoomId::parse(id).map_err(Error::internal)?;
    Ok(Room {
        nid,
        id,
        version,
        rules,
        state_group,
    })
}

/// The room with this identifier, if it is known here.
pub fn find(connection: &Connection, room_id: &RoomId) -> Result<Option<Room>> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM rooms WHERE room_id = ?1"))?
        .query_row([room_id.as_str()], from_row)
        .optional()?
        .map(build)
        .transpose()
}

/// The room with this identifier.
///
/// # Errors
/// `M_NOT_FOUND` if it is unknown here, `M_FORBIDDEN` if the administrator has removed it.
pub fn get(connection: &Connection, room_id: &RoomId) -> Result<Room> {
    match find(connection, room_id)? {
        Some(room) => Ok(room),
        None => {
            blocks::refuse_blocked(connection, room_id)?;
            Err(Error::not_found("Unknown room."))
        }
    }
}

/// The room with this number.
pub fn by_nid(connection: &Connection, nid: i64) -> Result<Room> {
    let raw = connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM rooms WHERE nid = ?1"))?
        .query_row([nid], from_row)?;
    build(raw)
}

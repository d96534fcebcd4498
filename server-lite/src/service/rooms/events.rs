//! Reading events out of the graph.

use ruma::{EventId, OwnedEventId};
use rusqlite::{Connection, OptionalExtension, Params, Row};

use super::{
    Room,
    pdu::{Columns, Pdu},
};
use crate::{Error, error::Result};

const COLUMNS: &str = "nid, event_id, position, depth, ts, type, state_key, sender, rejected, json";

fn columns(row: &Row<'_>) -> rusqlite::Result<Columns> {
    Ok(Columns {
        nid: row.get(0)?,
        event_id: row.get(1)?,
        position: row.get(2)?,
        depth: row.get(3)?,
        ts: row.get(4)?,
        kind: row.get(5)?,
        state_key: row.get(6)?,
        sender: row.get(7)?,
        rejected: row.get(8)?,
        json: row.get(9)?,
    })
}

/// The event with this identifier in this room.
pub fn find(connection: &Connection, room: &Room, event_id: &EventId) -> Result<Option<Pdu>> {
    one(
        connection,
        room,
        "room = ?1 AND event_id = ?2",
        (room.nid, event_id.as_str()),
    )
}

/// The event with this number.
pub fn by_nid(connection: &Connection, room: &Room, nid: i64) -> Result<Option<Pdu>> {
    one(connection, room, "nid = ?1", [nid])
}

/// The current state event of this type and key.
pub fn current_state(
    connection: &Connection,
    room: &Room,
    kind: &str,
    state_key: &str,
) -> Result<Option<Pdu>> {
    let condition = "nid = (SELECT event FROM current_state
                            WHERE room = ?1 AND type = ?2 AND state_key = ?3)";
    one(connection, room, condition, (room.nid, kind, state_key))
}

fn one(
    connection: &Connection,
    room: &Room,
    condition: &str,
    params: impl Params,
) -> Result<Option<Pdu>> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM events WHERE {condition}"))?
        .query_row(params, columns)
        .optional()?
        .map(|columns| Pdu::from_columns(&room.id, columns))
        .transpose()
}

/// The position of an event in this room.
pub fn position(connection: &Connection, room: i64, event_id: &EventId) -> Result<Option<i64>> {
    Ok(connection
        .prepare_cached("SELECT position FROM events WHERE event_id = ?1 AND room = ?2")?
        .query_row((event_id.as_str(), room), |row| {
            row.get::<_, Option<i64>>(0)
        })
        .optional()?
        .flatten())
}

/// The number of an event in this room.
pub fn nid(connection: &Connection, room: i64, event_id: &EventId) -> Result<Option<i64>> {
    Ok(connection
        .prepare_cached("SELECT nid FROM events WHERE event_id = ?1 AND room = ?2")?
        .query_row((event_id.as_str(), room), |row| row.get(0))
        .optional()?)
}

/// The number of the room of the event with this number.
pub fn room_of(connection: &Connection, nid: i64) -> Result<i64> {
    Ok(connection
        .prepare_cached("SELECT room FROM events WHERE nid = ?1")?
        .query_row([nid], |row| row.get(0))?)
}

/// The identifier of the event with this number.
pub fn id(connection: &Connection, nid: i64) -> Result<OwnedEventId> {
    let id: String = connection
        .prepare_cached("SELECT event_id FROM events WHERE nid = ?1")?
        .query_row([nid], |row| row.get(0))?;
    EventId::parse(id).map_err(Error::internal)
}

/// Whether a rule of the operator hides the event with this number from all but its sender.
pub fn is_hidden(connection: &Connection, nid: i64) -> Result<bool> {
    Ok(connection
        .prepare_cached("SELECT soft_failed FROM events WHERE nid = ?1")?
        .query_row([nid], |row| row.get(0))?)
}

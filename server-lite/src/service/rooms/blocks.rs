//! Rooms that the administrator has closed for good.

use ruma::{RoomId, api::error::ErrorKind};
use rusqlite::Connection;

use crate::{
    Error,
    error::Result,
    service::now_ms,
    store::{Component, Step, WriteTx},
};

/// Tables of this service.
pub const COMPONENT: Component = Component {
    name: "room_blocks",
    steps: &[Step::Sql(include_str!(
        "../../store/schema/room_blocks.sql"
    ))],
};

/// Closes a room to everybody.
pub fn block(tx: &WriteTx<'_>, room_id: &RoomId) -> Result<()> {
    tx.execute(
        "INSERT OR IGNORE INTO blocked_rooms (room_id, blocked_at) VALUES (?1, ?2)",
        (room_id.as_str(), now_ms()),
    )?;
    Ok(())
}

/// Opens it again. Returns whether it was closed.
pub fn unblock(tx: &WriteTx<'_>, room_id: &RoomId) -> Result<bool> {
    let n_deleted = tx.execute(
        "DELETE FROM blocked_rooms WHERE room_id = ?1",
        [room_id.as_str()],
    )?;
    Ok(n_deleted > 0)
}

/// Whether a room is closed.
pub fn is_blocked(connection: &Connection, room_id: &RoomId) -> Result<bool> {
    Ok(connection
        .prepare_cached("SELECT 1 FROM blocked_rooms WHERE room_id = ?1")?
        .exists([room_id.as_str()])?)
}

/// Lets nobody into a closed room.
///
/// # Errors
/// 403 `M_FORBIDDEN`.
pub fn refuse_blocked(connection: &Connection, room_id: &RoomId) -> Result<()> {
    if is_blocked(connection, room_id)? {
        return Err(Error::new(
            http::StatusCode::FORBIDDEN,
            ErrorKind::Forbidden,
            "This room has been closed by the administrator of the server.",
        ));
    }
    Ok(())
}

//! Room aliases of this server.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#room-aliases>

use ruma::{
    OwnedRoomAliasId, OwnedRoomId, RoomAliasId, RoomId, RoomOrAliasId, UserId,
    api::error::ErrorKind,
};
use rusqlite::{Connection, OptionalExtension};

use super::{Room, power};
use crate::{Error, error::Result, store::WriteTx};

/// The number of the room an alias points to.
pub fn room_of(connection: &Connection, alias: &RoomAliasId) -> Result<Option<i64>> {
    Ok(connection
        .prepare_cached("SELECT room FROM aliases WHERE alias = ?1")?
        .query_row([alias.as_str()], |row| row.get(0))
        .optional()?)
}

/// The room an alias points to.
///
/// # Errors
/// `M_NOT_FOUND`.
pub fn resolve(connection: &Connection, alias: &RoomAliasId) -> Result<OwnedRoomId> {
    match room_of(connection, alias)? {
        Some(nid) => Ok(super::by_nid(connection, nid)?.id),
        None => Err(Error::not_found(format!(
            "There is no room with the address {alias}."
        ))),
    }
}

/// The room that an identifier or an alias names.
pub fn resolve_any(connection: &Connection, name: &RoomOrAliasId) -> Result<OwnedRoomId> {
    if name.is_room_alias_id() {
        let alias = <&RoomAliasId>::try_from(name.as_str()).map_err(Error::internal)?;
        resolve(connection, alias)
    } else {
        RoomId::parse(name.as_str()).map_err(Error::internal)
    }
}

/// All aliases of a room.
pub fn of_room(connection: &Connection, room: i64) -> Result<Vec<OwnedRoomAliasId>> {
    let mut statement =
        connection.prepare_cached("SELECT alias FROM aliases WHERE room = ?1 ORDER BY alias")?;
    let rows = statement.query_map([room], |row| row.get::<_, String>(0))?;
    let mut aliases = Vec::new();
    for row in rows {
        aliases.extend(RoomAliasId::parse(row?).ok());
    }
    Ok(aliases)
}

/// As long as any identifier may be, in bytes. ruma does not look where it is built for clients as well.
const MAX_LENGTH: usize = 255;

/// Points a new alias at a room.
///
/// # Errors
/// `M_INVALID_PARAM` if it is too long, 409 `M_UNKNOWN` if it exists already.
pub fn insert(tx: &WriteTx<'_>, room: &Room, alias: &RoomAliasId, creator: &UserId) -> Result<()> {
    if alias.as_str().len() > MAX_LENGTH {
        let message = format!("An address has at most {MAX_LENGTH} bytes.");
        return Err(Error::invalid_param(message));
    }
    let n_inserted = tx
        .prepare_cached("INSERT OR IGNORE INTO aliases (alias, room, creator) VALUES (?1, ?2, ?3)")?
        .execute((alias.as_str(), room.nid, creator.as_str()))?;
    if n_inserted == 0 {
        let message = "This address belongs to a room already.";
        return Err(Error::new(
            http::StatusCode::CONFLICT,
            ErrorKind::Unknown,
            message,
        ));
    }
    Ok(())
}

/// Points all aliases of a room to another.
pub fn move_all(tx: &WriteTx<'_>, from: &Room, to: &Room) -> Result<()> {
    tx.prepare_cached("UPDATE aliases SET room = ?2 WHERE room = ?1")?
        .execute((from.nid, to.nid))?;
    Ok(())
}

/// Removes all aliases of a room.
pub fn remove_all(tx: &WriteTx<'_>, room: &Room) -> Result<()> {
    tx.prepare_cached("DELETE FROM aliases WHERE room = ?1")?
        .execute([room.nid])?;
    Ok(())
}

/// Removes an alias: its creator may, and whoever may set the room's canonical alias.
pub fn remove(tx: &WriteTx<'_>, alias: &RoomAliasId, user: &UserId) -> Result<()> {
    let found: Option<(i64, String)> = tx
        .prepare_cached("SELECT room, creator FROM aliases WHERE alias = ?1")?
        .query_row([alias.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((nid, creator)) = found else {
        return Err(Error::not_found(format!("There is no address {alias}.")));
    };
    if creator != user.as_str() {
        let room = super::by_nid(tx, nid)?;
        super::visibility::require_joined(tx, &room, user)?;
        power::require_state_level(tx, &room, user, "m.room.canonical_alias")?;
    }
    remove_any(tx, alias)
}

/// Removes an alias, whoever asks.
///
/// # Errors
/// `M_NOT_FOUND`.
pub fn remove_any(tx: &WriteTx<'_>, alias: &RoomAliasId) -> Result<()> {
    let n_removed = tx
        .prepare_cached("DELETE FROM aliases WHERE alias = ?1")?
        .execute([alias.as_str()])?;
    if n_removed == 0 {
        return Err(Error::not_found(format!("There is no address {alias}.")));
    }
    Ok(())
}

//! Read receipts and the fully-read marker.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#receipts>

use std::collections::BTreeMap;

use ruma::{EventId, UserId};
use rusqlite::Connection;
use serde_json::{Value, json};

use super::{Room, events, unread};
use crate::{
    Error,
    error::Result,
    service::{Services, now_ms},
    store::WriteTx,
};

/// A receipt that everybody in the room sees.
pub const READ: &str = "m.read";
/// A receipt that only the reader sees.
pub const READ_PRIVATE: &str = "m.read.private";

/// Moves a user's receipt to `event_id`. `thread` is empty (unthreaded), `main` or a root's id.
/// A receipt never moves backwards.
pub fn set(
    tx: &WriteTx<'_>,
    services: &Services,
    room: &Room,
    user: &UserId,
    kind: &str,
    thread: &str,
    event_id: &EventId,
) -> Result<()> {
    let event_position = events::position(tx, room.nid, event_id)?
        .ok_or_else(|| Error::not_found("There is no such event in this room."))?;
    let n_moved = tx
        .prepare_cached(
            "INSERT INTO receipts (room, user_id, type, thread, event_id, event_position, ts, position)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT (room, user_id, type, thread) DO UPDATE SET
                 event_id = excluded.event_id, event_position = excluded.event_position,
                 ts = excluded.ts, position = excluded.position
             WHERE excluded.event_position > event_position",
        )?
        .execute((
            room.nid,
            user.as_str(),
            kind,
            thread,
            event_id.as_str(),
            event_position,
            now_ms(),
            tx.next_position() as i64,
        ))?;
    if n_moved == 0 {
        return Ok(());
    }
    unread::read_upto(tx, services, room, user, thread, event_position)?;
    tx.wake(user);
    if kind == READ {
        tx.wake_room(room.nid);
    }
    Ok(())
}

/// The position up to which a user has read a thread (or, with an empty name, the whole room).
pub fn read_position(connection: &Connection, room: i64, user: &str, thread: &str) -> Result<i64> {
    Ok(connection
        .prepare_cached(
            "SELECT coalesce(max(event_position), 0) FROM receipts
             WHERE room = ?1 AND user_id = ?2 AND thread IN ('', ?3)",
        )?
        .query_row((room, user, thread), |row| row.get(0))?)
}

/// The content of an `m.receipt` event with what changed after `since`, as `viewer` sees it; none
/// if nothing did.
pub fn content_since(
    connection: &Connection,
    room: i64,
    viewer: &UserId,
    since: u64,
) -> Result<Option<Value>> {
    let mut statement = connection.prepare_cached(
        "SELECT user_id, type, thread, event_id, ts FROM receipts r
         WHERE room = ?1 AND position > ?2 AND (type = 'm.read' OR user_id = ?3)
           AND NOT EXISTS (SELECT 1 FROM ignores i WHERE i.ignored = r.user_id AND i.user_id = ?3)",
    )?;
    let mut rows = statement.query((room, since as i64, viewer.as_str()))?;
    let mut content: BTreeMap<String, BTreeMap<String, BTreeMap<String, Value>>> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let (user, kind, thread): (String, String, String) =
            (row.get(0)?, row.get(1)?, row.get(2)?);
        let mut receipt = json!({ "ts": row.get::<_, i64>(4)? });
        if !thread.is_empty() {
            receipt["thread_id"] = Value::String(thread.clone());
        }
        let users = content
            .entry(row.get(3)?)
            .or_default()
            .entry(kind)
            .or_default();
        // One event can carry an unthreaded and a threaded receipt of one user: the former says more.
        if !users.contains_key(&user) || thread.is_empty() {
            users.insert(user, receipt);
        }
    }
    Ok((!content.is_empty()).then(|| json!(content)))
}

/// A receipt as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Number of the room.
    pub room: i64,
    /// Whose it is.
    pub user: String,
    /// [`READ`] or [`READ_PRIVATE`].
    pub kind: String,
    /// As for [`set`].
    pub thread: String,
    /// What was read last.
    pub event_id: String,
    /// When, in milliseconds since 1970.
    pub ts: i64,
}

/// The receipts of all rooms that were set after one position and up to another.
pub fn set_between(connection: &Connection, after: i64, upto: i64) -> Result<Vec<Receipt>> {
    let mut statement = connection.prepare_cached(
        "SELECT room, user_id, type, thread, event_id, ts FROM receipts
         WHERE position > ?1 AND position <= ?2 ORDER BY position",
    )?;
    let rows = statement.query_map((after, upto), |row| {
        Ok(Receipt {
            room: row.get(0)?,
            user: row.get(1)?,
            kind: row.get(2)?,
            thread: row.get(3)?,
            event_id: row.get(4)?,
            ts: row.get(5)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Rooms joined by `user` in which receipts they may see changed after `since`.
pub fn rooms_since(connection: &Connection, user: &UserId, since: u64) -> Result<Vec<i64>> {
    let mut statement = connection.prepare_cached(
        "SELECT m.room FROM memberships m
         WHERE m.user_id = ?1 AND m.membership = 'join' AND EXISTS (
             SELECT 1 FROM receipts r WHERE r.room = m.room AND r.position > ?2
                AND (r.type = 'm.read' OR r.user_id = ?1))",
    )?;
    let rows = statement.query_map((user.as_str(), since as i64), |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

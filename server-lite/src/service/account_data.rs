//! Account data: a client's own settings, for the whole account or for one room, and room tags.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#client-config>

use ruma::{OwnedRoomId, RoomId, UserId};
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Value, value::RawValue};

use super::{
    ignores,
    json::{raw_column, to_raw},
};
use crate::{
    error::Result,
    store::{Component, Step, WriteTx},
};

/// Tables of this service. `room_id` is empty for data of the whole account.
pub const COMPONENT: Component = Component {
    name: "account_data",
    steps: &[Step::Sql(include_str!("../store/schema/account_data.sql"))],
};

/// The type that holds the push rules; it is written only through the push-rules endpoints.
pub const PUSH_RULES: &str = "m.push_rules";
/// The type that holds the fully-read marker; it is written only through the read-marker endpoint.
pub const FULLY_READ: &str = "m.fully_read";
/// The type that holds a room's tags.
pub const TAG: &str = "m.tag";

/// One changed item.
#[derive(Debug)]
pub struct Entry {
    /// The room it belongs to; none for the whole account.
    pub room_id: Option<OwnedRoomId>,
    /// The event type.
    pub event_type: String,
    /// The content alone.
    pub content: Box<RawValue>,
    /// When it last changed.
    pub position: u64,
}

impl Entry {
    /// The event as `/sync` shows it: `{"type", "content"}`.
    pub fn to_event(&self) -> Box<RawValue> {
        let event_type = Value::String(self.event_type.clone());
        let json = format!(
            r#"{{"type":{event_type},"content":{}}}"#,
            self.content.get()
        );
        RawValue::from_string(json).unwrap_or_else(|_| self.content.clone())
    }
}

/// Sets an item and returns its position. `room_id` none means the whole account.
pub fn set(
    tx: &WriteTx<'_>,
    user_id: &UserId,
    room_id: Option<&RoomId>,
    event_type: &str,
    content: &RawValue,
) -> rusqlite::Result<u64> {
    let position = tx.next_position();
    tx.prepare_cached(
        "INSERT INTO account_data (user_id, room_id, type, content, position) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT DO UPDATE SET content = excluded.content, position = excluded.position",
    )?
    .execute(params![user_id.as_str(), room_key(room_id), event_type, content.get(), position as i64])?;
    if room_id.is_none() && event_type == ignores::IGNORED_USERS {
        ignores::replace(tx, user_id, content)?;
    }
    tx.wake(user_id);
    Ok(position)
}

/// The content of one item.
pub fn get(
    conn: &Connection,
    user_id: &UserId,
    room_id: Option<&RoomId>,
    event_type: &str,
) -> Result<Option<Box<RawValue>>> {
    if room_id.is_none() && event_type == PUSH_RULES {
        return super::push_rules::content(conn, user_id).map(Some);
    }
    Ok(conn
        .prepare_cached(
            "SELECT content FROM account_data WHERE user_id = ?1 AND room_id = ?2 AND type = ?3",
        )?
        .query_row(
            params![user_id.as_str(), room_key(room_id), event_type],
            |row| raw_column(row, 0),
        )
        .optional()?)
}

/// What changed for the whole account after position `since`.
///
/// The push rules are always among the answer to `since` 0, also for a user who never changed them.
pub fn global_since(conn: &Connection, user_id: &UserId, since: u64) -> Result<Vec<Entry>> {
    let mut entries: Vec<Entry> = select(
        conn,
        "room_id = ''",
        params![user_id.as_str(), since as i64],
    )?;
    let stored = entries
        .iter()
        .position(|entry| entry.event_type == PUSH_RULES);
    match stored {
        Some(index) => entries[index].content = super::push_rules::content(conn, user_id)?,
        None if since == 0 => entries.push(Entry {
            room_id: None,
            event_type: PUSH_RULES.to_owned(),
            content: super::push_rules::content(conn, user_id)?,
            position: 0,
        }),
        None => {}
    }
    Ok(entries)
}

/// What changed in one room after position `since`.
pub fn room_since(
    conn: &Connection,
    user_id: &UserId,
    room_id: &RoomId,
    since: u64,
) -> rusqlite::Result<Vec<Entry>> {
    select(
        conn,
        "room_id = ?3",
        params![user_id.as_str(), since as i64, room_id.as_str()],
    )
}

/// What changed in any room after position `since`.
pub fn all_rooms_since(
    conn: &Connection,
    user_id: &UserId,
    since: u64,
) -> rusqlite::Result<Vec<Entry>> {
    select(
        conn,
        "room_id <> ''",
        params![user_id.as_str(), since as i64],
    )
}

/// The tags of a room, as the content of `m.tag`.
pub fn tags(conn: &Connection, user_id: &UserId, room_id: &RoomId) -> Result<Value> {
    let stored = get(conn, user_id, Some(room_id), TAG)?;
    let value = stored.and_then(|raw| serde_json::from_str::<Value>(raw.get()).ok());
    Ok(match value {
        Some(value) if value.get("tags").is_some_and(Value::is_object) => value,
        _ => serde_json::json!({ "tags": {} }),
    })
}

/// Sets (some) or removes (none) one tag of a room.
pub fn change_tag(
    tx: &WriteTx<'_>,
    user_id: &UserId,
    room_id: &RoomId,
    tag: &str,
    info: Option<Value>,
) -> Result<u64> {
    let mut content = tags(tx, user_id, room_id)?;
    if let Some(tags) = content.get_mut("tags").and_then(Value::as_object_mut) {
        match info {
            Some(info) => tags.insert(tag.to_owned(), info),
            None => tags.remove(tag),
        };
    }
    Ok(set(tx, user_id, Some(room_id), TAG, &to_raw(&content)?)?)
}

/// Forgets all account data of a user.
pub fn delete_user(tx: &WriteTx<'_>, user_id: &UserId) -> rusqlite::Result<()> {
    ignores::delete_user(tx, user_id)?;
    tx.execute(
        "DELETE FROM account_data WHERE user_id = ?1",
        [user_id.as_str()],
    )
    .map(drop)
}

fn room_key(room_id: Option<&RoomId>) -> &str {
    room_id.map_or("", RoomId::as_str)
}

fn select(
    conn: &Connection,
    which: &str,
    params: &[&dyn rusqlite::ToSql],
) -> rusqlite::Result<Vec<Entry>> {
    conn.prepare_cached(&format!(
        "SELECT room_id, type, content, position FROM account_data
         WHERE user_id = ?1 AND position > ?2 AND {which} ORDER BY position"
    ))?
    .query_map(params, |row| {
        let room: String = row.get(0)?;
        Ok(Entry {
            room_id: OwnedRoomId::try_from(room).ok(),
            event_type: row.get(1)?,
            content: raw_column(row, 2)?,
            position: row.get::<_, i64>(3)? as u64,
        })
    })?
    .collect()
}

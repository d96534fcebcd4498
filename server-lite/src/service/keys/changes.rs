//! Which users' keys changed, so that others fetch them again.
//!
//! Only the latest change of a user matters: whoever has not seen it is told the user's id, nothing else.

use std::collections::BTreeSet;

use ruma::{OwnedUserId, UserId};
use rusqlite::{Connection, params};

use crate::{error::Result, service::rooms::membership, store::WriteTx};

/// Notes that a user's devices or public identity changed, and wakes all who have to know. Returns the position.
pub fn mark_changed(tx: &WriteTx<'_>, user_id: &UserId) -> Result<u64> {
    let position = tx.next_position();
    tx.prepare_cached(
        "INSERT INTO device_list_positions (user_id, position) VALUES (?1, ?2)
         ON CONFLICT DO UPDATE SET position = excluded.position",
    )?
    .execute(params![user_id.as_str(), position as i64])?;
    tx.wake(user_id);
    for other in membership::sharing_users(tx, user_id)? {
        tx.wake(&other);
    }
    Ok(position)
}

/// Notes that `signer` signed a key of `user_id`: only the signer's own devices see such a signature.
pub fn mark_signed(tx: &WriteTx<'_>, signer: &UserId, user_id: &UserId) -> rusqlite::Result<u64> {
    let position = tx.next_position();
    tx.prepare_cached(
        "INSERT INTO signature_positions (signer, user_id, position) VALUES (?1, ?2, ?3)
         ON CONFLICT DO UPDATE SET position = excluded.position",
    )?
    .execute(params![signer.as_str(), user_id.as_str(), position as i64])?;
    tx.wake(signer);
    Ok(position)
}

/// What a client has to know about the devices of others to encrypt for the right ones.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct DeviceLists {
    /// Users whose keys changed, or with whom a room is shared that was not shared before.
    pub changed: BTreeSet<OwnedUserId>,
    /// Users with whom no room is shared any more.
    pub left: BTreeSet<OwnedUserId>,
}

/// Everything about device lists that `viewer` has to know of what happened after position `since`.
pub fn device_lists(conn: &Connection, viewer: &UserId, since: u64) -> Result<DeviceLists> {
    let mut changed = changed_users_since(conn, viewer, since)?;
    changed.extend(newly_shared(conn, viewer, since)?);
    let mut left = BTreeSet::new();
    for user_id in parted(conn, viewer, since)? {
        if user_id != viewer && !membership::share_room(conn, viewer, &user_id)? {
            changed.remove(&user_id);
            left.insert(user_id);
        }
    }
    Ok(DeviceLists { changed, left })
}

/// Users whose keys changed after position `since`: `viewer`, those who share a room with `viewer`, and those
/// whom `viewer` has signed.
pub fn changed_users_since(
    conn: &Connection,
    viewer: &UserId,
    since: u64,
) -> Result<BTreeSet<OwnedUserId>> {
    let mut users = BTreeSet::new();
    let sql = "SELECT user_id FROM device_list_positions WHERE position > ?1";
    for user_id in users_of(conn, sql, params![since as i64])? {
        if user_id == viewer || membership::share_room(conn, viewer, &user_id)? {
            users.insert(user_id);
        }
    }
    let sql = "SELECT user_id FROM signature_positions WHERE signer = ?1 AND position > ?2";
    users.extend(users_of(conn, sql, params![viewer.as_str(), since as i64])?);
    Ok(users)
}

/// Users in rooms that `viewer` and they are both in since after that position.
fn newly_shared(conn: &Connection, viewer: &UserId, since: u64) -> Result<Vec<OwnedUserId>> {
    let sql = "SELECT DISTINCT o.user_id FROM memberships m
         JOIN memberships o ON o.room = m.room AND o.membership = 'join' AND o.user_id <> m.user_id
         WHERE m.user_id = ?1 AND m.membership = 'join' AND (m.position > ?2 OR o.position > ?2)";
    users_of(conn, sql, params![viewer.as_str(), since as i64])
}

/// Users who have left a room of `viewer`, and members of rooms that `viewer` has left, since that position.
fn parted(conn: &Connection, viewer: &UserId, since: u64) -> Result<Vec<OwnedUserId>> {
    let sql = "SELECT DISTINCT o.user_id FROM memberships m
         JOIN memberships o ON o.room = m.room AND o.user_id <> m.user_id AND o.was_joined
         WHERE m.user_id = ?1 AND m.was_joined AND (
             (m.membership = 'join' AND o.membership <> 'join' AND o.position > ?2)
             OR (m.membership <> 'join' AND m.position > ?2))";
    users_of(conn, sql, params![viewer.as_str(), since as i64])
}

fn users_of(
    conn: &Connection,
    sql: &str,
    params: &[&dyn rusqlite::ToSql],
) -> Result<Vec<OwnedUserId>> {
    let mut statement = conn.prepare_cached(sql)?;
    let rows = statement.query_map(params, |row| row.get::<_, String>(0))?;
    let mut users = Vec::new();
    for row in rows {
        users.extend(OwnedUserId::try_from(row?).ok());
    }
    Ok(users)
}

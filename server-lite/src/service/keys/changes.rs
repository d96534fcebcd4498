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
    tx.wake_contacts(user_id);
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

/// Users whose own keys changed after one position and up to another.
pub fn changed_between(conn: &Connection, after: i64, upto: i64) -> Result<Vec<OwnedUserId>> {
    let sql = "SELECT user_id FROM device_list_positions WHERE position > ?1 AND position <= ?2";
    users_of(conn, sql, params![after, upto])
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

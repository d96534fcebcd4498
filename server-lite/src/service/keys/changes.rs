//! Which users' keys changed, so that others fetch them again.
//!
//! Only the latest change of a user matters: whoever has not seen it is told the user's id, nothing else.

use std::collections::BTreeSet;

use ruma::{OwnedUserId, UserId};
use rusqlite::{Connection, params};

use crate::{error::Result, store::WriteTx};

/// Notes that a user's devices or public identity changed. Returns the position of the change.
pub fn mark_changed(tx: &WriteTx<'_>, user_id: &UserId) -> rusqlite::Result<u64> {
    let position = tx.next_position();
    tx.prepare_cached(
        "INSERT INTO device_list_positions (user_id, position) VALUES (?1, ?2)
         ON CONFLICT DO UPDATE SET position = excluded.position",
    )?
    .execute(params![user_id.as_str(), position as i64])?;
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
    Ok(position)
}

/// Users whose keys changed after position `since`, among the users `is_visible` lets `viewer` see
/// (itself always; others if they share a room).
pub fn changed_users_since(
    conn: &Connection,
    viewer: &UserId,
    since: u64,
    mut is_visible: impl FnMut(&UserId) -> Result<bool>,
) -> Result<BTreeSet<OwnedUserId>> {
    let changed: Vec<String> = conn
        .prepare_cached("SELECT user_id FROM device_list_positions WHERE position > ?1")?
        .query_map([since as i64], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let mut users = BTreeSet::new();
    for user_id in changed
        .into_iter()
        .filter_map(|id| OwnedUserId::try_from(id).ok())
    {
        if user_id == viewer || is_visible(&user_id)? {
            users.insert(user_id);
        }
    }
    let signed: Vec<String> = conn
        .prepare_cached(
            "SELECT user_id FROM signature_positions WHERE signer = ?1 AND position > ?2",
        )?
        .query_map(params![viewer.as_str(), since as i64], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    users.extend(
        signed
            .into_iter()
            .filter_map(|id| OwnedUserId::try_from(id).ok()),
    );
    Ok(users)
}

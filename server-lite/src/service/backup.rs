//! Server-side backups of room keys, encrypted by the client.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#server-side-key-backups>

use std::collections::BTreeMap;

use http::StatusCode;
use ruma::{
    OwnedRoomId, RoomId, UInt, UserId,
    api::{
        client::backup::{KeyBackupData, RoomKeyBackup},
        error::{ErrorKind, WrongRoomKeysVersionErrorData},
    },
    serde::Raw,
};
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::value::RawValue;

use super::json::raw_column;
use crate::{
    error::{Error, Result},
    store::{Component, Step, WriteTx},
};

/// Tables of this service.
pub const COMPONENT: Component = Component {
    name: "backup",
    steps: &[Step::Sql(include_str!("../store/schema/backup.sql"))],
};

/// What a backup is, and how far it has come.
#[derive(Debug)]
pub struct Backup {
    /// The version, as clients name it.
    pub version: i64,
    /// The algorithm its keys are encrypted with.
    pub algorithm: String,
    /// What a client needs to encrypt for it, and to trust it.
    pub auth_data: Box<RawValue>,
    /// Changes with every change of the keys.
    pub etag: i64,
    /// How many keys it holds.
    pub count: u32,
}

/// Etag and number of keys after a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The new etag.
    pub etag: String,
    /// How many keys there are.
    pub count: UInt,
}

/// Which keys of a backup.
#[derive(Clone, Copy, Debug)]
pub enum Scope<'a> {
    /// All of them.
    All,
    /// Those of one room.
    Room(&'a RoomId),
    /// That of one session.
    Session(&'a RoomId, &'a str),
}

/// Begins a new, empty backup and returns its version.
pub fn create(
    tx: &WriteTx<'_>,
    user_id: &UserId,
    algorithm: &str,
    auth_data: &RawValue,
) -> rusqlite::Result<i64> {
    tx.prepare_cached(
        "INSERT INTO backup_versions (user_id, version, algorithm, auth_data)
         VALUES (?1, (SELECT coalesce(max(version), 0) + 1 FROM backup_versions WHERE user_id = ?1), ?2, ?3)
         RETURNING version",
    )?
    .query_row(params![user_id.as_str(), algorithm, auth_data.get()], |row| row.get(0))
}

/// The newest backup.
///
/// # Errors
/// `M_NOT_FOUND` if there is none.
pub fn latest(conn: &Connection, user_id: &UserId) -> Result<Backup> {
    let version = latest_version(conn, user_id)?.ok_or_else(no_backup)?;
    load(conn, user_id, version)
}

/// One backup by its version.
///
/// # Errors
/// `M_NOT_FOUND` if there is none of that version.
pub fn get(conn: &Connection, user_id: &UserId, version: &str) -> Result<Backup> {
    load(conn, user_id, parse_version(version)?)
}

/// Replaces the `auth_data` of a backup; its algorithm cannot change.
///
/// # Errors
/// `M_NOT_FOUND` if there is no such backup, `M_INVALID_PARAM` if the algorithm differs.
pub fn update(
    tx: &WriteTx<'_>,
    user_id: &UserId,
    version: &str,
    algorithm: &str,
    auth_data: &RawValue,
) -> Result<()> {
    let backup = get(tx, user_id, version)?;
    if backup.algorithm != algorithm {
        return Err(Error::invalid_param(
            "The algorithm of a backup cannot change.",
        ));
    }
    tx.execute(
        "UPDATE backup_versions SET auth_data = ?3 WHERE user_id = ?1 AND version = ?2",
        params![user_id.as_str(), backup.version, auth_data.get()],
    )?;
    Ok(())
}

/// Deletes a backup with its keys.
///
/// # Errors
/// `M_NOT_FOUND` if there is no such backup.
pub fn delete(tx: &WriteTx<'_>, user_id: &UserId, version: &str) -> Result<()> {
    let version = parse_version(version)?;
    let changed = tx.execute(
        "UPDATE backup_versions SET deleted = 1 WHERE user_id = ?1 AND version = ?2 AND deleted = 0",
        params![user_id.as_str(), version],
    )?;
    if changed == 0 {
        return Err(no_backup());
    }
    tx.execute(
        "DELETE FROM backup_keys WHERE user_id = ?1 AND version = ?2",
        params![user_id.as_str(), version],
    )?;
    Ok(())
}

/// Adds keys to the newest backup; where there is a key for a session already, the better one stays.
///
/// # Errors
/// `M_WRONG_ROOM_KEYS_VERSION` if `version` is not the newest, `M_NOT_FOUND` if there is none.
pub fn add_keys(
    tx: &WriteTx<'_>,
    user_id: &UserId,
    version: &str,
    rooms: &BTreeMap<OwnedRoomId, RoomKeyBackup>,
) -> Result<Progress> {
    let version = require_latest(tx, user_id, version)?;
    let mut changed = false;
    for (room_id, room) in rooms {
        for (session_id, data) in &room.sessions {
            changed |= add_key(tx, user_id, version, room_id, session_id, data)?;
        }
    }
    progress(tx, user_id, version, changed)
}

/// The keys of a backup, by room.
///
/// # Errors
/// `M_NOT_FOUND` if there is no such backup.
pub fn keys(
    conn: &Connection,
    user_id: &UserId,
    version: &str,
    scope: Scope<'_>,
) -> Result<BTreeMap<OwnedRoomId, RoomKeyBackup>> {
    let version = require(conn, user_id, version)?;
    let (room, session) = scope.parts();
    let mut statement = conn.prepare_cached(
        "SELECT room_id, session_id, data FROM backup_keys
         WHERE user_id = ?1 AND version = ?2 AND (?3 IS NULL OR room_id = ?3)
           AND (?4 IS NULL OR session_id = ?4)",
    )?;
    let rows = statement.query_map(params![user_id.as_str(), version, room, session], |row| {
        Ok((
            row.get::<_, String>(0)?,
            row.get::<_, String>(1)?,
            raw_column(row, 2)?,
        ))
    })?;
    let mut rooms: BTreeMap<OwnedRoomId, RoomKeyBackup> = BTreeMap::new();
    for row in rows {
        let (room_id, session_id, data) = row?;
        let Ok(room_id) = OwnedRoomId::try_from(room_id) else {
            continue;
        };
        let room = rooms
            .entry(room_id)
            .or_insert_with(|| RoomKeyBackup::new(BTreeMap::new()));
        room.sessions.insert(session_id, Raw::from_json(data));
    }
    Ok(rooms)
}

/// Deletes keys of a backup.
///
/// # Errors
/// `M_NOT_FOUND` if there is no such backup.
pub fn delete_keys(
    tx: &WriteTx<'_>,
    user_id: &UserId,
    version: &str,
    scope: Scope<'_>,
) -> Result<Progress> {
    let version = require(tx, user_id, version)?;
    let (room, session) = scope.parts();
    let n_deleted = tx.execute(
        "DELETE FROM backup_keys WHERE user_id = ?1 AND version = ?2 AND (?3 IS NULL OR room_id = ?3)
           AND (?4 IS NULL OR session_id = ?4)",
        params![user_id.as_str(), version, room, session],
    )?;
    progress(tx, user_id, version, n_deleted > 0)
}

/// Forgets all backups of a user.
pub fn delete_user(tx: &WriteTx<'_>, user_id: &UserId) -> rusqlite::Result<()> {
    tx.execute(
        "DELETE FROM backup_keys WHERE user_id = ?1",
        [user_id.as_str()],
    )?;
    tx.execute(
        "UPDATE backup_versions SET deleted = 1 WHERE user_id = ?1",
        [user_id.as_str()],
    )?;
    Ok(())
}

impl<'a> Scope<'a> {
    fn parts(self) -> (Option<&'a str>, Option<&'a str>) {
        match self {
            Self::All => (None, None),
            Self::Room(room_id) => (Some(room_id.as_str()), None),
            Self::Session(room_id, session_id) => (Some(room_id.as_str()), Some(session_id)),
        }
    }
}

/// Stores a key if there is none for its session, or it is better than that: verified before unverified,
/// then the one that reads from an earlier message, then the one that was forwarded less often.
fn add_key(
    tx: &WriteTx<'_>,
    user_id: &UserId,
    version: i64,
    room_id: &RoomId,
    session_id: &str,
    data: &Raw<KeyBackupData>,
) -> Result<bool> {
    let parsed = data.deserialize()?;
    let index = i64::from(parsed.first_message_index);
    let forwarded = i64::from(parsed.forwarded_count);
    let changed = tx
        .prepare_cached(
            "INSERT INTO backup_keys (user_id, version, room_id, session_id,
                 first_message_index, forwarded_count, is_verified, data)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT DO UPDATE SET first_message_index = excluded.first_message_index,
                 forwarded_count = excluded.forwarded_count, is_verified = excluded.is_verified,
                 data = excluded.data
             WHERE (excluded.is_verified, -excluded.first_message_index, -excluded.forwarded_count)
                 > (is_verified, -first_message_index, -forwarded_count)",
        )?
        .execute(params![
            user_id.as_str(),
            version,
            room_id.as_str(),
            session_id,
            index,
            forwarded,
            parsed.is_verified,
            data.json().get()
        ])?;
    Ok(changed > 0)
}

fn progress(tx: &WriteTx<'_>, user_id: &UserId, version: i64, changed: bool) -> Result<Progress> {
    if changed {
        tx.prepare_cached(
            "UPDATE backup_versions SET etag = etag + 1 WHERE user_id = ?1 AND version = ?2",
        )?
        .execute(params![user_id.as_str(), version])?;
    }
    let backup = load(tx, user_id, version)?;
    Ok(Progress {
        etag: backup.etag.to_string(),
        count: backup.count.into(),
    })
}

fn load(conn: &Connection, user_id: &UserId, version: i64) -> Result<Backup> {
    conn.prepare_cached(
        "SELECT algorithm, auth_data, etag, (SELECT count(*) FROM backup_keys k
             WHERE k.user_id = v.user_id AND k.version = v.version)
         FROM backup_versions v WHERE user_id = ?1 AND version = ?2 AND deleted = 0",
    )?
    .query_row(params![user_id.as_str(), version], |row| {
        Ok(Backup {
            version,
            algorithm: row.get(0)?,
            auth_data: raw_column(row, 1)?,
            etag: row.get(2)?,
            count: row.get(3)?,
        })
    })
    .optional()?
    .ok_or_else(no_backup)
}

fn latest_version(conn: &Connection, user_id: &UserId) -> rusqlite::Result<Option<i64>> {
    conn.prepare_cached(
        "SELECT max(version) FROM backup_versions WHERE user_id = ?1 AND deleted = 0",
    )?
    .query_row([user_id.as_str()], |row| row.get(0))
}

/// The version, if there is such a backup.
fn require(conn: &Connection, user_id: &UserId, version: &str) -> Result<i64> {
    let version = parse_version(version)?;
    let found = conn
        .prepare_cached(
            "SELECT 1 FROM backup_versions WHERE user_id = ?1 AND version = ?2 AND deleted = 0",
        )?
        .exists(params![user_id.as_str(), version])?;
    if found { Ok(version) } else { Err(no_backup()) }
}

/// The version, if it is the newest: only that takes keys.
fn require_latest(conn: &Connection, user_id: &UserId, version: &str) -> Result<i64> {
    let latest = latest_version(conn, user_id)?.ok_or_else(no_backup)?;
    if version.parse() == Ok(latest) {
        return Ok(latest);
    }
    let data = WrongRoomKeysVersionErrorData::new(latest.to_string());
    Err(Error::new(
        StatusCode::FORBIDDEN,
        ErrorKind::WrongRoomKeysVersion(data),
        "Keys are added to the newest backup only.",
    ))
}

fn parse_version(version: &str) -> Result<i64> {
    version.parse().map_err(|_| no_backup())
}

fn no_backup() -> Error {
    Error::not_found("There is no such backup.")
}

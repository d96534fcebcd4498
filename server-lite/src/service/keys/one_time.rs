//! One-time keys and fallback keys: each claim hands out one key for a new Olm session.

use std::collections::BTreeMap;

use ruma::{
    DeviceId, OneTimeKeyAlgorithm, OwnedOneTimeKeyId, UserId, api::error::ErrorKind,
    encryption::OneTimeKey, serde::Raw,
};
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::Value;

use crate::{
    error::{Error, Result},
    store::WriteTx,
};

/// A device may hold this many unclaimed keys; clients keep about 50.
const MAX_KEYS: i64 = 1000;

/// A key handed out by [`claim`].
#[derive(Debug)]
pub struct ClaimedKey {
    /// Algorithm and key id.
    pub id: OwnedOneTimeKeyId,
    /// The key as its device uploaded it.
    pub key: Raw<OneTimeKey>,
}

/// Stores one-time keys. A key that is there already with the same value is left alone.
pub fn upload_one_time(
    tx: &WriteTx<'_>,
    user_id: &UserId,
    device_id: &DeviceId,
    keys: &BTreeMap<OwnedOneTimeKeyId, Raw<OneTimeKey>>,
) -> Result<()> {
    for (id, key) in keys {
        let (algorithm, name) = split(id);
        let stored: Option<String> = tx
            .prepare_cached(
                "SELECT key FROM one_time_keys
                 WHERE user_id = ?1 AND device_id = ?2 AND algorithm = ?3 AND key_id = ?4",
            )?
            .query_row(
                params![user_id.as_str(), device_id.as_str(), algorithm, name],
                |row| row.get(0),
            )
            .optional()?;
        let new = key.json().get();
        match stored {
            Some(old) if same_json(&old, new) => {}
            Some(old) => {
                return Err(exists(id, &old, new));
            }
            None => {
                tx.prepare_cached(
                    "INSERT INTO one_time_keys (user_id, device_id, algorithm, key_id, key) VALUES (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute(params![user_id.as_str(), device_id.as_str(), algorithm, name, new])?;
            }
        }
    }
    drop_surplus(tx, user_id, device_id)
}

/// Stores fallback keys: one an algorithm, replacing the previous one and unused again.
pub fn upload_fallback(
    tx: &WriteTx<'_>,
    user_id: &UserId,
    device_id: &DeviceId,
    keys: &BTreeMap<OwnedOneTimeKeyId, Raw<OneTimeKey>>,
) -> rusqlite::Result<()> {
    for (id, key) in keys {
        let (algorithm, name) = split(id);
        // Sending the same key again after a lost answer must not make a used key look fresh.
        tx.prepare_cached(
            "INSERT INTO fallback_keys (user_id, device_id, algorithm, key_id, key) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET key_id = excluded.key_id, key = excluded.key,
                 used = CASE WHEN key = excluded.key THEN used ELSE 0 END",
        )?
        .execute(params![user_id.as_str(), device_id.as_str(), algorithm, name, key.json().get()])?;
    }
    Ok(())
}

/// Takes the oldest one-time key of that algorithm; without one, the fallback key, which stays and is marked used.
pub fn claim(
    tx: &WriteTx<'_>,
    user_id: &UserId,
    device_id: &DeviceId,
    algorithm: &OneTimeKeyAlgorithm,
) -> rusqlite::Result<Option<ClaimedKey>> {
    let owner = params![user_id.as_str(), device_id.as_str(), algorithm.as_ref()];
    let one_time = tx
        .prepare_cached(
            "DELETE FROM one_time_keys WHERE seq = (
                 SELECT min(seq) FROM one_time_keys WHERE user_id = ?1 AND device_id = ?2 AND algorithm = ?3)
             RETURNING key_id, key",
        )?
        .query_map(owner, key_row)?
        .next()
        .transpose()?;
    let found = match one_time {
        Some(found) => Some(found),
        None => tx
            .prepare_cached(
                "UPDATE fallback_keys SET used = 1 WHERE user_id = ?1 AND device_id = ?2 AND algorithm = ?3
                 RETURNING key_id, key",
            )?
            .query_map(owner, key_row)?
            .next()
            .transpose()?,
    };
    Ok(found.and_then(|(name, json)| {
        let id = OwnedOneTimeKeyId::try_from(format!("{algorithm}:{name}")).ok()?;
        Some(ClaimedKey {
            id,
            key: Raw::from_json_string(json).ok()?,
        })
    }))
}

/// How many unclaimed one-time keys a device has, by algorithm. `signed_curve25519` is always named, also with 0:
/// clients that see no count at all do not upload any.
pub fn counts(
    conn: &Connection,
    user_id: &UserId,
    device_id: &DeviceId,
) -> rusqlite::Result<BTreeMap<OneTimeKeyAlgorithm, ruma::UInt>> {
    let mut counts: BTreeMap<OneTimeKeyAlgorithm, ruma::UInt> = conn
        .prepare_cached(
            "SELECT algorithm, count(*) FROM one_time_keys WHERE user_id = ?1 AND device_id = ?2 GROUP BY algorithm",
        )?
        .query_map(params![user_id.as_str(), device_id.as_str()], |row| {
            let algorithm: String = row.get(0)?;
            Ok((algorithm.into(), ruma::UInt::from(row.get::<_, u32>(1)?)))
        })?
        .collect::<Result<_, _>>()?;
    counts
        .entry(OneTimeKeyAlgorithm::SignedCurve25519)
        .or_default();
    Ok(counts)
}

/// The algorithms for which a device's fallback key has not been handed out yet.
pub fn unused_fallback_types(
    conn: &Connection,
    user_id: &UserId,
    device_id: &DeviceId,
) -> rusqlite::Result<Vec<OneTimeKeyAlgorithm>> {
    conn.prepare_cached(
        "SELECT algorithm FROM fallback_keys WHERE user_id = ?1 AND device_id = ?2 AND used = 0",
    )?
    .query_map(params![user_id.as_str(), device_id.as_str()], |row| {
        Ok(row.get::<_, String>(0)?.into())
    })?
    .collect()
}

/// Clients rely on this wording to notice that they have lost their state.
fn exists(id: &OwnedOneTimeKeyId, old: &str, new: &str) -> Error {
    let text = format!("One time key {id} already exists. Old key: {old}; new key: {new}");
    Error::bad_request(ErrorKind::Unknown, text)
}

fn key_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<(String, String)> {
    Ok((row.get(0)?, row.get(1)?))
}

fn split(id: &OwnedOneTimeKeyId) -> (&str, &str) {
    id.as_str().split_once(':').unwrap_or((id.as_str(), ""))
}

fn same_json(one: &str, other: &str) -> bool {
    one == other
        || matches!(
            (serde_json::from_str::<Value>(one), serde_json::from_str::<Value>(other)),
            (Ok(one), Ok(other)) if one == other
        )
}

fn drop_surplus(tx: &WriteTx<'_>, user_id: &UserId, device_id: &DeviceId) -> Result<()> {
    tx.prepare_cached(
        "DELETE FROM one_time_keys WHERE seq IN (
             SELECT seq FROM one_time_keys WHERE user_id = ?1 AND device_id = ?2
             ORDER BY seq DESC LIMIT -1 OFFSET ?3)",
    )?
    .execute(params![user_id.as_str(), device_id.as_str(), MAX_KEYS])?;
    Ok(())
}

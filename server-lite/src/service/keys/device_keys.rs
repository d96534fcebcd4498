//! Identity keys of devices: uploading one's own, asking for those of others.

use std::collections::BTreeMap;

use ruma::{
    DeviceId, OwnedDeviceId, OwnedUserId, UserId,
    encryption::{CrossSigningKey, DeviceKeys},
    serde::Raw,
};
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Map, Value};

use super::{
    super::accounts,
    cross_signing::{self, Usage},
    signatures,
};
use crate::{
    error::{Error, Result},
    store::WriteTx,
};

/// Everything `/keys/query` says about the users that were asked for.
#[derive(Debug, Default)]
pub struct QueryResult {
    /// Keys by user and device.
    pub device_keys: BTreeMap<OwnedUserId, BTreeMap<OwnedDeviceId, Raw<DeviceKeys>>>,
    /// Master keys by user.
    pub master_keys: BTreeMap<OwnedUserId, Raw<CrossSigningKey>>,
    /// Self-signing keys by user.
    pub self_signing_keys: BTreeMap<OwnedUserId, Raw<CrossSigningKey>>,
    /// The user-signing key of the user who asks; of nobody else.
    pub user_signing_keys: BTreeMap<OwnedUserId, Raw<CrossSigningKey>>,
}

/// Stores a device's identity keys. Returns whether they differ from what was stored.
pub fn upload_device_keys(
    tx: &WriteTx<'_>,
    user_id: &UserId,
    device_id: &DeviceId,
    keys: &Raw<DeviceKeys>,
) -> Result<bool> {
    let parsed = keys.deserialize()?;
    if parsed.user_id != user_id || parsed.device_id != device_id {
        return Err(Error::invalid_param(
            "The device keys name another user or device.",
        ));
    }
    let mut new: Map<String, Value> = keys.deserialize_as_unchecked()?;
    new.remove("unsigned");
    let old = stored(tx, user_id, device_id)?;
    if old.as_ref() == Some(&new) {
        return Ok(false);
    }
    if old.is_some_and(|old| old.get("keys") != new.get("keys")) {
        // Signatures made on the old keys say nothing about the new ones.
        tx.execute(
            "DELETE FROM key_signatures WHERE user_id = ?1 AND key_name = ?2",
            params![user_id.as_str(), device_id.as_str()],
        )?;
    }
    tx.prepare_cached(
        "INSERT INTO device_keys (user_id, device_id, keys) VALUES (?1, ?2, ?3)
         ON CONFLICT DO UPDATE SET keys = excluded.keys",
    )?
    .execute(params![
        user_id.as_str(),
        device_id.as_str(),
        Value::Object(new).to_string()
    ])?;
    Ok(true)
}

/// Answers `/keys/query`. An empty device list means all devices of that user. Unknown users and devices are left out.
pub fn query(
    conn: &Connection,
    viewer: &UserId,
    asked: &BTreeMap<OwnedUserId, Vec<OwnedDeviceId>>,
) -> rusqlite::Result<QueryResult> {
    let mut result = QueryResult::default();
    for (user_id, devices) in asked {
        let found = devices_of(conn, viewer, user_id, devices)?;
        if accounts::exists(conn, user_id)? {
            result.device_keys.insert(user_id.clone(), found);
        }
        let cross_signing_key = |usage| cross_signing::visible_key(conn, viewer, user_id, usage);
        if let Some(key) = cross_signing_key(Usage::Master)? {
            result.master_keys.insert(user_id.clone(), key);
        }
        if let Some(key) = cross_signing_key(Usage::SelfSigning)? {
            result.self_signing_keys.insert(user_id.clone(), key);
        }
        if user_id == viewer
            && let Some(key) = cross_signing_key(Usage::UserSigning)?
        {
            result.user_signing_keys.insert(user_id.clone(), key);
        }
    }
    Ok(result)
}

/// A device's keys as uploaded, without what servers add.
pub(super) fn stored(
    conn: &Connection,
    user_id: &UserId,
    device_id: &DeviceId,
) -> rusqlite::Result<Option<Map<String, Value>>> {
    let json: Option<String> = conn
        .prepare_cached("SELECT keys FROM device_keys WHERE user_id = ?1 AND device_id = ?2")?
        .query_row(params![user_id.as_str(), device_id.as_str()], |row| {
            row.get(0)
        })
        .optional()?;
    Ok(json.and_then(|json| serde_json::from_str(&json).ok()))
}

fn devices_of(
    conn: &Connection,
    viewer: &UserId,
    user_id: &UserId,
    wanted: &[OwnedDeviceId],
) -> rusqlite::Result<BTreeMap<OwnedDeviceId, Raw<DeviceKeys>>> {
    let rows: Vec<(String, String, Option<String>)> = conn
        .prepare_cached(
            "SELECT k.device_id, k.keys, d.display_name FROM device_keys k
             LEFT JOIN devices d ON d.user_id = k.user_id AND d.device_id = k.device_id
             WHERE k.user_id = ?1",
        )?
        .query_map([user_id.as_str()], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?
        .collect::<Result<_, _>>()?;
    let mut found = BTreeMap::new();
    for (device_id, json, display_name) in rows {
        let device_id = OwnedDeviceId::from(device_id);
        if !wanted.is_empty() && !wanted.contains(&device_id) {
            continue;
        }
        let Ok(mut keys) = serde_json::from_str::<Map<String, Value>>(&json) else {
            continue;
        };
        signatures::merge_into(conn, &mut keys, user_id, device_id.as_str(), viewer)?;
        if let Some(name) = display_name {
            keys.insert(
                "unsigned".to_owned(),
                serde_json::json!({ "device_display_name": name }),
            );
        }
        if let Ok(raw) = Raw::new(&keys) {
            found.insert(device_id, raw.cast_unchecked());
        }
    }
    Ok(found)
}

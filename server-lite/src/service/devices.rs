//! Devices and the tokens that belong to them.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#device-management>; refresh tokens:
//! <https://spec.matrix.org/v1.18/client-server-api/#refreshing-access-tokens>

use std::{
    collections::HashMap,
    net::IpAddr,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use ruma::{
    DeviceId, MilliSecondsSinceUnixEpoch, OwnedDeviceId, OwnedUserId, UserId,
    api::client::device::Device,
};
use rusqlite::{Connection, OptionalExtension, params};

use super::{
    keys, random,
    sessions::{self, TokenHash},
    to_device,
};
use crate::{
    error::{Error, Result},
    store::WriteTx,
};

/// How long an access token lives when the client can refresh it.
pub const ACCESS_TOKEN_LIFETIME: Duration = Duration::from_secs(60 * 60);
/// The longest device id, in bytes.
const MAX_DEVICE_ID: usize = 255;
/// The longest display name of a device, in bytes.
const MAX_DISPLAY_NAME: usize = 512;
/// The last-seen time is written at most this often for a device.
const LAST_SEEN_STEP: Duration = Duration::from_secs(5 * 60);
/// Above this many devices the list of who was noted when starts over.
const MAX_NOTED: usize = 4096;

/// What a client gets when it logs in.
#[derive(Clone)]
pub struct Login {
    /// The device that is now logged in.
    pub device_id: OwnedDeviceId,
    /// Its access token.
    pub access_token: String,
    /// Its refresh token, if it asked for one.
    pub refresh_token: Option<String>,
    /// How long the access token lives; none means until logged out.
    pub expires_in: Option<Duration>,
}

/// Wishes of a client that logs in.
#[derive(Clone, Debug, Default)]
pub struct LoginOptions {
    /// A device id it already has.
    pub device_id: Option<OwnedDeviceId>,
    /// A name for the device, if it is new.
    pub display_name: Option<String>,
    /// Whether it can refresh tokens.
    pub refresh: bool,
    /// Where it logs in from.
    pub ip: Option<IpAddr>,
}

/// Logs a device in: makes it if it is new, and issues tokens. Its former tokens stop working.
///
/// # Errors
/// `M_INVALID_PARAM` if the device id is too long or is also a cross-signing key of the user.
pub fn log_in(
    tx: &WriteTx<'_>,
    user_id: &UserId,
    options: LoginOptions,
    now_ms: i64,
) -> Result<Login> {
    let device_id = options
        .device_id
        .unwrap_or_else(|| random::device_id().into());
    check_id(tx, user_id, &device_id)?;
    let ip = options.ip.map(|ip| ip.to_string());
    let display_name = options.display_name.map(|mut name| {
        name.truncate(name.floor_char_boundary(MAX_DISPLAY_NAME));
        name
    });
    tx.prepare_cached(
        "INSERT INTO devices (user_id, device_id, display_name, created_at, last_seen_at, last_seen_ip)
         VALUES (?1, ?2, ?3, ?4, ?4, ?5)
         ON CONFLICT DO UPDATE SET last_seen_at = excluded.last_seen_at, last_seen_ip = excluded.last_seen_ip",
    )?
    .execute(params![user_id.as_str(), device_id.as_str(), display_name, now_ms, ip])?;
    delete_tokens(tx, user_id, &device_id)?;
    issue(tx, user_id, device_id, options.refresh, now_ms)
}

fn check_id(conn: &Connection, user_id: &UserId, device_id: &DeviceId) -> Result<()> {
    if device_id.as_str().is_empty() || device_id.as_str().len() > MAX_DEVICE_ID {
        return Err(Error::invalid_param("The device id has 1 to 255 bytes."));
    }
    if keys::is_cross_signing_key(conn, user_id, device_id.as_str())? {
        return Err(Error::invalid_param(
            "This device id is a cross-signing key.",
        ));
    }
    Ok(())
}

/// Makes a device that nobody is logged in on.
///
/// # Errors
/// `M_INVALID_PARAM` if there is such a device already.
pub fn make_without_tokens(
    tx: &WriteTx<'_>,
    user_id: &UserId,
    device_id: &DeviceId,
    display_name: Option<&str>,
    now_ms: i64,
) -> Result<()> {
    check_id(tx, user_id, device_id)?;
    if exists(tx, user_id, device_id)? {
        return Err(Error::invalid_param("You have a device of this id."));
    }
    let name = display_name.map(|name| &name[..name.floor_char_boundary(MAX_DISPLAY_NAME)]);
    tx.prepare_cached(
        "INSERT INTO devices (user_id, device_id, display_name, created_at) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![user_id.as_str(), device_id.as_str(), name, now_ms])?;
    Ok(())
}

/// Exchanges a refresh token for new tokens.
///
/// # Errors
/// `M_UNKNOWN_TOKEN` if the token is unknown, or its successor has been used.
pub fn refresh(tx: &WriteTx<'_>, token: &str, now_ms: i64) -> Result<(OwnedUserId, Login)> {
    let hash = sessions::hash_token(token);
    let (user_id, device_id, successor): (String, String, Option<TokenHash>) = tx
        .prepare_cached(
            "SELECT user_id, device_id, successor FROM refresh_tokens WHERE token_hash = ?1",
        )?
        .query_row([&hash], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?
        .ok_or_else(|| Error::unknown_token(false))?;
    if let Some(successor) = successor {
        if was_used(tx, &successor)? {
            return Err(Error::unknown_token(false));
        }
        // The answer was lost: what it held is replaced.
        tx.execute(
            "DELETE FROM access_tokens WHERE refresh_hash = ?1",
            [&successor],
        )?;
        tx.execute(
            "DELETE FROM refresh_tokens WHERE token_hash = ?1",
            [&successor],
        )?;
    }
    // The client has this token, so whatever was issued before it is of no more use.
    tx.execute("DELETE FROM refresh_tokens WHERE successor = ?1", [&hash])?;
    tx.execute(
        "DELETE FROM access_tokens WHERE user_id = ?1 AND device_id = ?2 AND refresh_hash IS NOT ?3",
        params![user_id, device_id, hash],
    )?;
    let user_id = OwnedUserId::try_from(user_id).map_err(Error::internal)?;
    let login = issue(tx, &user_id, device_id.into(), true, now_ms)?;
    let next = login.refresh_token.as_deref().map(sessions::hash_token);
    tx.execute(
        "UPDATE refresh_tokens SET successor = ?2 WHERE token_hash = ?1",
        params![hash, next],
    )?;
    Ok((user_id, login))
}

/// All devices of a user, oldest first.
pub fn list(conn: &Connection, user_id: &UserId) -> rusqlite::Result<Vec<Device>> {
    conn.prepare_cached(
        "SELECT device_id, display_name, last_seen_at, last_seen_ip FROM devices
         WHERE user_id = ?1 ORDER BY created_at, device_id",
    )?
    .query_map([user_id.as_str()], device_row)?
    .collect()
}

/// One device.
pub fn get(
    conn: &Connection,
    user_id: &UserId,
    device_id: &DeviceId,
) -> rusqlite::Result<Option<Device>> {
    conn.prepare_cached(
        "SELECT device_id, display_name, last_seen_at, last_seen_ip FROM devices
         WHERE user_id = ?1 AND device_id = ?2",
    )?
    .query_row(params![user_id.as_str(), device_id.as_str()], device_row)
    .optional()
}

/// Whether a user has a device of that id.
pub fn exists(conn: &Connection, user_id: &UserId, device_id: &DeviceId) -> rusqlite::Result<bool> {
    conn.prepare_cached("SELECT 1 FROM devices WHERE user_id = ?1 AND device_id = ?2")?
        .exists(params![user_id.as_str(), device_id.as_str()])
}

/// The ids of all devices of a user.
pub fn ids(conn: &Connection, user_id: &UserId) -> rusqlite::Result<Vec<OwnedDeviceId>> {
    conn.prepare_cached("SELECT device_id FROM devices WHERE user_id = ?1")?
        .query_map([user_id.as_str()], |row| {
            Ok(row.get::<_, String>(0)?.into())
        })?
        .collect()
}

/// Renames a device. False if there is no such device.
pub fn rename(
    tx: &WriteTx<'_>,
    user_id: &UserId,
    device_id: &DeviceId,
    display_name: &str,
) -> Result<bool> {
    if display_name.len() > MAX_DISPLAY_NAME {
        return Err(Error::invalid_param("The name has at most 512 bytes."));
    }
    let changed = tx.execute(
        "UPDATE devices SET display_name = ?3 WHERE user_id = ?1 AND device_id = ?2",
        params![user_id.as_str(), device_id.as_str(), display_name],
    )?;
    if changed == 1 {
        keys::mark_changed(tx, user_id)?;
    }
    Ok(changed == 1)
}

/// Logs devices out and forgets their keys and queues; unknown ids are passed over.
pub fn delete<'a>(
    tx: &WriteTx<'_>,
    user_id: &UserId,
    device_ids: impl IntoIterator<Item = &'a DeviceId>,
) -> Result<()> {
    let mut any = false;
    for device_id in device_ids {
        let gone = tx.execute(
            "DELETE FROM devices WHERE user_id = ?1 AND device_id = ?2",
            params![user_id.as_str(), device_id.as_str()],
        )?;
        if gone == 1 {
            keys::delete_device(tx, user_id, device_id)?;
            to_device::delete_device(tx, user_id, device_id)?;
            super::pushers::delete_device(tx, user_id, device_id)?;
            any = true;
        }
    }
    if any {
        keys::mark_changed(tx, user_id)?;
        // A sync of a deleted device must not wait out its time.
        tx.wake(user_id);
    }
    Ok(())
}

/// Logs all devices out but one.
pub fn delete_all(tx: &WriteTx<'_>, user_id: &UserId, except: Option<&DeviceId>) -> Result<()> {
    let ids = ids(tx, user_id)?;
    delete(
        tx,
        user_id,
        ids.iter().map(|id| &**id).filter(|id| Some(*id) != except),
    )
}

/// When devices were last noted as seen, so that not every request writes.
#[derive(Default)]
pub struct LastSeen {
    noted: Mutex<HashMap<TokenHash, Instant>>,
}

impl LastSeen {
    /// Whether the device behind a token shall be noted now.
    pub fn is_due(&self, token: &TokenHash) -> bool {
        let now = Instant::now();
        let mut noted = self.noted.lock();
        if noted
            .get(token)
            .is_some_and(|at| now.duration_since(*at) < LAST_SEEN_STEP)
        {
            return false;
        }
        if noted.len() >= MAX_NOTED {
            noted.clear();
        }
        noted.insert(*token, now);
        true
    }
}

/// Notes when and from where a device was last heard of.
pub fn touch(
    tx: &WriteTx<'_>,
    user_id: &UserId,
    device_id: &DeviceId,
    ip: IpAddr,
    now_ms: i64,
) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "UPDATE devices SET last_seen_at = ?3, last_seen_ip = ?4 WHERE user_id = ?1 AND device_id = ?2",
    )?
    .execute(params![user_id.as_str(), device_id.as_str(), now_ms, ip.to_string()])
    .map(drop)
}

fn issue(
    tx: &WriteTx<'_>,
    user_id: &UserId,
    device_id: OwnedDeviceId,
    refresh: bool,
    now_ms: i64,
) -> Result<Login> {
    let access_token = random::token();
    let expires_in = refresh.then_some(ACCESS_TOKEN_LIFETIME);
    let expires_at = expires_in.map(|lifetime| now_ms + lifetime.as_millis() as i64);
    sessions::insert_token(tx, user_id, &device_id, &access_token, expires_at)?;
    let refresh_token = refresh.then(random::token);
    if let Some(token) = &refresh_token {
        let hash = sessions::hash_token(token);
        tx.execute(
            "INSERT INTO refresh_tokens (token_hash, user_id, device_id, created_at) VALUES (?1, ?2, ?3, ?4)",
            params![hash, user_id.as_str(), device_id.as_str(), now_ms],
        )?;
        tx.execute(
            "UPDATE access_tokens SET refresh_hash = ?2 WHERE token_hash = ?1",
            params![sessions::hash_token(&access_token), hash],
        )?;
    }
    Ok(Login {
        device_id,
        access_token,
        refresh_token,
        expires_in,
    })
}

/// A refresh token that has a successor, or is gone, has been used.
fn was_used(conn: &Connection, hash: &TokenHash) -> rusqlite::Result<bool> {
    let successor: Option<Option<TokenHash>> = conn
        .prepare_cached("SELECT successor FROM refresh_tokens WHERE token_hash = ?1")?
        .query_row([hash], |row| row.get(0))
        .optional()?;
    Ok(!matches!(successor, Some(None)))
}

fn delete_tokens(tx: &WriteTx<'_>, user_id: &UserId, device_id: &DeviceId) -> rusqlite::Result<()> {
    for table in ["access_tokens", "refresh_tokens"] {
        tx.execute(
            &format!("DELETE FROM {table} WHERE user_id = ?1 AND device_id = ?2"),
            params![user_id.as_str(), device_id.as_str()],
        )?;
    }
    Ok(())
}

fn device_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Device> {
    let mut device = Device::new(row.get::<_, String>(0)?.into());
    device.display_name = row.get(1)?;
    device.last_seen_ts = row
        .get::<_, Option<i64>>(2)?
        .and_then(|ms| ruma::UInt::try_from(ms).ok())
        .map(MilliSecondsSinceUnixEpoch);
    device.last_seen_ip = row.get(3)?;
    Ok(device)
}

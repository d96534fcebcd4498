//! A device that sleeps on the server and collects keys until its owner logs in again.
//!
//! MSC: <https://github.com/matrix-org/matrix-spec-proposals/pull/3814>

use ruma::{DeviceId, OwnedDeviceId, UserId};
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::value::RawValue;

use super::{devices, json::raw_column, now_ms};
use crate::{
    error::Result,
    store::{Component, Step, WriteTx},
};

/// Tables of this service.
pub const COMPONENT: Component = Component {
    name: "dehydrated_devices",
    steps: &[Step::Sql(include_str!(
        "../store/schema/dehydrated_devices.sql"
    ))],
};

/// The sleeping device of a user, and what it is woken with.
pub fn find(
    connection: &Connection,
    user: &UserId,
) -> Result<Option<(OwnedDeviceId, Box<RawValue>)>> {
    Ok(connection
        .prepare_cached("SELECT device_id, data FROM dehydrated_devices WHERE user_id = ?1")?
        .query_row([user.as_str()], |row| {
            Ok((row.get::<_, String>(0)?.into(), raw_column(row, 1)?))
        })
        .optional()?)
}

/// Puts a device to sleep; the one that slept before is deleted. The caller uploads its keys.
pub fn put(
    tx: &WriteTx<'_>,
    user: &UserId,
    device: &DeviceId,
    display_name: Option<&str>,
    data: &RawValue,
) -> Result<()> {
    delete(tx, user)?;
    devices::make_without_tokens(tx, user, device, display_name, now_ms())?;
    tx.prepare_cached(
        "INSERT INTO dehydrated_devices (user_id, device_id, data) VALUES (?1, ?2, ?3)",
    )?
    .execute(params![user.as_str(), device.as_str(), data.get()])?;
    Ok(())
}

/// Deletes the sleeping device; returns which it was.
pub fn delete(tx: &WriteTx<'_>, user: &UserId) -> Result<Option<OwnedDeviceId>> {
    let Some((device, _)) = find(tx, user)? else {
        return Ok(None);
    };
    devices::delete(tx, user, [&*device])?;
    Ok(Some(device))
}

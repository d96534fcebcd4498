//! Pushers: where a client wants its notifications sent.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#push-notifications>

use ruma::{DeviceId, UserId, api::client::push::Pusher, serde::Raw};
use rusqlite::{Connection, params};

use super::json::{raw_column, to_raw};
use crate::{
    error::Result,
    store::{Component, Step, WriteTx},
};

/// Tables of this service.
pub const COMPONENT: Component = Component {
    name: "pushers",
    steps: &[Step::Sql(include_str!("../store/schema/pushers.sql"))],
};

/// All pushers of a user.
pub fn list(conn: &Connection, user_id: &UserId) -> Result<Vec<Pusher>> {
    let mut statement = conn
        .prepare_cached("SELECT pusher FROM pushers WHERE user_id = ?1 ORDER BY app_id, pushkey")?;
    let rows = statement.query_map([user_id.as_str()], |row| raw_column(row, 0))?;
    rows.map(|raw| Ok(Raw::<Pusher>::from_json(raw?).deserialize()?))
        .collect()
}

/// Sets a pusher. Without `append`, other users lose theirs of the same app and push key: the device changed hands.
pub fn set(
    tx: &WriteTx<'_>,
    user_id: &UserId,
    device_id: &DeviceId,
    pusher: &Pusher,
    append: bool,
) -> Result<()> {
    if !append {
        tx.execute(
            "DELETE FROM pushers WHERE app_id = ?1 AND pushkey = ?2 AND user_id <> ?3",
            params![pusher.ids.app_id, pusher.ids.pushkey, user_id.as_str()],
        )?;
    }
    tx.execute(
        "INSERT INTO pushers (user_id, app_id, pushkey, device_id, pusher) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT DO UPDATE SET device_id = excluded.device_id, pusher = excluded.pusher",
        params![
            user_id.as_str(),
            pusher.ids.app_id,
            pusher.ids.pushkey,
            device_id.as_str(),
            to_raw(pusher)?.get()
        ],
    )?;
    Ok(())
}

/// Removes a pusher, if it is there.
pub fn delete(tx: &WriteTx<'_>, user_id: &UserId, app_id: &str, pushkey: &str) -> Result<()> {
    tx.execute(
        "DELETE FROM pushers WHERE user_id = ?1 AND app_id = ?2 AND pushkey = ?3",
        params![user_id.as_str(), app_id, pushkey],
    )?;
    Ok(())
}

/// Removes the pushers of a device that is being deleted.
pub fn delete_device(
    tx: &WriteTx<'_>,
    user_id: &UserId,
    device_id: &DeviceId,
) -> rusqlite::Result<()> {
    tx.execute(
        "DELETE FROM pushers WHERE user_id = ?1 AND device_id = ?2",
        params![user_id.as_str(), device_id.as_str()],
    )
    .map(drop)
}

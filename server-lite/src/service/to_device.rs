//! Messages to single devices: queued once per device, kept until the device has acknowledged them by syncing past them.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#send-to-device-messaging>

use ruma::{
    DeviceId, OwnedDeviceId, OwnedUserId, TransactionId, UserId, to_device::DeviceIdOrAllDevices,
};
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::value::RawValue;

use super::{ignores, json::raw_column};
use crate::store::{Component, Step, WriteTx};

/// Tables of this service.
pub const COMPONENT: Component = Component {
    name: "to_device",
    steps: &[Step::Sql(include_str!("../store/schema/to_device.sql"))],
};

/// How long a transaction id is remembered: longer than any client keeps retrying, in milliseconds.
const TRANSACTION_LIFETIME_MS: i64 = 24 * 60 * 60 * 1000;

/// One message to put into a device's queue.
#[derive(Debug)]
pub struct Outgoing {
    /// Whose device it is for.
    pub user_id: OwnedUserId,
    /// One device, or all devices of that user.
    pub device: DeviceIdOrAllDevices,
    /// The event's content, as the sender gave it.
    pub content: Box<RawValue>,
}

/// A queued message.
#[derive(Debug)]
pub struct Queued {
    /// Where in the server's order it stands.
    pub position: u64,
    /// `{"type", "sender", "content"}` as the device will see it.
    pub event: Box<RawValue>,
}

/// Puts messages into the queues of their devices and wakes those.
///
/// Messages to users or devices that do not exist, or to users who ignore the sender, are dropped, as the specification
/// has no way to report them.
pub fn send(
    tx: &WriteTx<'_>,
    sender: &UserId,
    event_type: &str,
    messages: &[Outgoing],
) -> rusqlite::Result<()> {
    let ignoring = ignores::by_whom(tx, sender)?;
    let wanted =
        |message: &&Outgoing| message.user_id == sender || !ignoring.contains(&message.user_id);
    for message in messages.iter().filter(wanted) {
        let event = envelope(sender, event_type, &message.content);
        for device_id in recipients(tx, &message.user_id, &message.device)? {
            tx.prepare_cached("INSERT INTO to_device (position, user_id, device_id, event) VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![tx.next_position() as i64, message.user_id.as_str(), device_id.as_str(), event])?;
            tx.wake(&message.user_id);
        }
    }
    Ok(())
}

/// Remembers that this device sent this transaction. False if it had already: then nothing may be sent again.
pub fn begin_transaction(
    tx: &WriteTx<'_>,
    user_id: &UserId,
    device_id: &DeviceId,
    txn_id: &TransactionId,
    now_ms: i64,
) -> rusqlite::Result<bool> {
    tx.prepare_cached("DELETE FROM to_device_transactions WHERE created_at < ?1")?
        .execute([now_ms - TRANSACTION_LIFETIME_MS])?;
    let inserted = tx
        .prepare_cached(
            "INSERT INTO to_device_transactions (user_id, device_id, txn_id, created_at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO NOTHING",
        )?
        .execute(params![user_id.as_str(), device_id.as_str(), txn_id.as_str(), now_ms])?;
    Ok(inserted == 1)
}

/// The oldest messages after position `since`, at most `limit`, in order.
pub fn since(
    conn: &Connection,
    user_id: &UserId,
    device_id: &DeviceId,
    since: u64,
    limit: usize,
) -> rusqlite::Result<Vec<Queued>> {
    conn.prepare_cached(
        "SELECT position, event FROM to_device
         WHERE user_id = ?1 AND device_id = ?2 AND position > ?3 ORDER BY position LIMIT ?4",
    )?
    .query_map(
        params![
            user_id.as_str(),
            device_id.as_str(),
            since as i64,
            limit as i64
        ],
        |row| {
            Ok(Queued {
                position: row.get::<_, i64>(0)? as u64,
                event: raw_column(row, 1)?,
            })
        },
    )?
    .collect()
}

/// Whether anything waits for this device after position `since`.
pub fn any_since(
    conn: &Connection,
    user_id: &UserId,
    device_id: &DeviceId,
    since: u64,
) -> rusqlite::Result<bool> {
    conn.prepare_cached(
        "SELECT 1 FROM to_device WHERE user_id = ?1 AND device_id = ?2 AND position > ?3 LIMIT 1",
    )?
    .query_row(
        params![user_id.as_str(), device_id.as_str(), since as i64],
        |_| Ok(()),
    )
    .optional()
    .map(|found| found.is_some())
}

/// Whether anything waits for this device up to and including `position`.
pub fn any_upto(
    conn: &Connection,
    user_id: &UserId,
    device_id: &DeviceId,
    position: u64,
) -> rusqlite::Result<bool> {
    conn.prepare_cached(
        "SELECT 1 FROM to_device WHERE user_id = ?1 AND device_id = ?2 AND position <= ?3",
    )?
    .exists(params![
        user_id.as_str(),
        device_id.as_str(),
        position as i64
    ])
}

/// Forgets what the device has acknowledged: everything up to and including `position`.
pub fn delete_upto(
    tx: &WriteTx<'_>,
    user_id: &UserId,
    device_id: &DeviceId,
    position: u64,
) -> rusqlite::Result<usize> {
    tx.prepare_cached(
        "DELETE FROM to_device WHERE user_id = ?1 AND device_id = ?2 AND position <= ?3",
    )?
    .execute(params![
        user_id.as_str(),
        device_id.as_str(),
        position as i64
    ])
}

/// A message in the queue of any device.
#[derive(Debug)]
pub struct Sent {
    /// Where in the server's order it stands.
    pub position: i64,
    /// Whose device it is for.
    pub user_id: String,
    /// Which device.
    pub device_id: String,
    /// `{"type", "sender", "content"}` as the device will see it.
    pub event: Box<RawValue>,
}

/// The messages to devices of anybody that stand after one position and up to another.
pub fn sent_between(conn: &Connection, after: i64, upto: i64) -> rusqlite::Result<Vec<Sent>> {
    conn.prepare_cached(
        "SELECT position, user_id, device_id, event FROM to_device
         WHERE position > ?1 AND position <= ?2 ORDER BY position",
    )?
    .query_map((after, upto), |row| {
        Ok(Sent {
            position: row.get(0)?,
            user_id: row.get(1)?,
            device_id: row.get(2)?,
            event: raw_column(row, 3)?,
        })
    })?
    .collect()
}

/// Forgets the message that stands at this position.
pub fn delete_at(tx: &WriteTx<'_>, position: i64) -> rusqlite::Result<()> {
    tx.prepare_cached("DELETE FROM to_device WHERE position = ?1")?
        .execute([position])
        .map(drop)
}

/// Forgets everything about a device that is being deleted.
pub fn delete_device(
    tx: &WriteTx<'_>,
    user_id: &UserId,
    device_id: &DeviceId,
) -> rusqlite::Result<()> {
    delete_upto(tx, user_id, device_id, i64::MAX as u64)?;
    tx.prepare_cached("DELETE FROM to_device_transactions WHERE user_id = ?1 AND device_id = ?2")?
        .execute(params![user_id.as_str(), device_id.as_str()])?;
    Ok(())
}

fn recipients(
    conn: &Connection,
    user_id: &UserId,
    device: &DeviceIdOrAllDevices,
) -> rusqlite::Result<Vec<OwnedDeviceId>> {
    match device {
        DeviceIdOrAllDevices::AllDevices => super::devices::ids(conn, user_id),
        DeviceIdOrAllDevices::DeviceId(id) => Ok(super::devices::exists(conn, user_id, id)?
            .then(|| id.clone())
            .into_iter()
            .collect()),
    }
}

fn envelope(sender: &UserId, event_type: &str, content: &RawValue) -> String {
    // Strings always serialize; only maps with non-string keys can fail.
    let quoted = |text: &str| serde_json::Value::String(text.to_owned()).to_string();
    format!(
        r#"{{"sender":{},"type":{},"content":{}}}"#,
        quoted(sender.as_str()),
        quoted(event_type),
        content.get()
    )
}

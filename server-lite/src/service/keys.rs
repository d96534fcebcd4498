//! End-to-end encryption keys: what the server stores for devices to find one another. It never sees a secret.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#end-to-end-encryption>

mod changes;
mod cross_signing;
mod device_keys;
mod one_time;
mod signatures;

use ruma::{DeviceId, OwnedDeviceId, UserId};
use rusqlite::{Connection, params};

use crate::store::{Component, Step, WriteTx};

pub use self::{
    changes::{changed_between, changed_users_since, mark_changed, mark_signed},
    cross_signing::{
        CrossSigningUpload, Usage, is_new_identity, public_key, store as store_cross_signing,
    },
    device_keys::{QueryResult, query, upload_device_keys},
    one_time::{
        ClaimedKey, claim, counts, unused_fallback_types, upload_fallback, upload_one_time,
    },
    signatures::{SignatureFailure, add_signatures},
};

/// Tables of this service.
pub const COMPONENT: Component = Component {
    name: "keys",
    steps: &[Step::Sql(include_str!("../store/schema/keys.sql"))],
};

/// Forgets all keys of a device that is being deleted.
///
/// The caller marks the user's device list as changed (once, also when it deletes several).
pub fn delete_device(
    tx: &WriteTx<'_>,
    user_id: &UserId,
    device_id: &DeviceId,
) -> rusqlite::Result<()> {
    for table in ["device_keys", "one_time_keys", "fallback_keys"] {
        tx.prepare_cached(&format!(
            "DELETE FROM {table} WHERE user_id = ?1 AND device_id = ?2"
        ))?
        .execute(params![user_id.as_str(), device_id.as_str()])?;
    }
    tx.prepare_cached("DELETE FROM key_signatures WHERE user_id = ?1 AND key_name = ?2")?
        .execute(params![user_id.as_str(), device_id.as_str()])?;
    Ok(())
}

/// The devices of a user that have uploaded keys.
pub fn devices_with_keys(
    conn: &Connection,
    user_id: &UserId,
) -> rusqlite::Result<Vec<OwnedDeviceId>> {
    conn.prepare_cached("SELECT device_id FROM device_keys WHERE user_id = ?1")?
        .query_map([user_id.as_str()], |row| {
            Ok(row.get::<_, String>(0)?.into())
        })?
        .collect()
}

/// Forgets the cross-signing identity of a deactivated account.
pub fn delete_identity(tx: &WriteTx<'_>, user_id: &UserId) -> rusqlite::Result<()> {
    tx.execute(
        "DELETE FROM cross_signing_keys WHERE user_id = ?1",
        [user_id.as_str()],
    )?;
    tx.execute(
        "DELETE FROM key_signatures WHERE user_id = ?1",
        [user_id.as_str()],
    )?;
    Ok(())
}

/// Whether `name` is the public key of one of the user's cross-signing keys: no device may be called so.
pub fn is_cross_signing_key(
    conn: &Connection,
    user_id: &UserId,
    name: &str,
) -> rusqlite::Result<bool> {
    conn.prepare_cached("SELECT 1 FROM cross_signing_keys WHERE user_id = ?1 AND public_key = ?2")?
        .exists(params![user_id.as_str(), name])
}

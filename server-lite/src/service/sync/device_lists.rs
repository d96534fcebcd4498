//! Whose devices a client must look up again, and whose it can forget.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#tracking-the-device-list-for-a-user>

use std::collections::BTreeSet;

use ruma::{OwnedUserId, UserId};
use rusqlite::Connection;
use serde::Serialize;

use crate::{
    error::Result,
    service::{keys, rooms::membership},
    store::{Component, Step},
};

/// Finds who moved since a position without a walk through all events.
pub const COMPONENT: Component = Component {
    name: "device_lists",
    steps: &[Step::Sql(
        "CREATE INDEX memberships_position ON memberships (position)",
    )],
};

/// `device_lists`
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub struct DeviceLists {
    /// Users whose devices changed, or with whom a room is newly shared.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub changed: BTreeSet<OwnedUserId>,
    /// Users with whom no room is shared any longer.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub left: BTreeSet<OwnedUserId>,
}

impl DeviceLists {
    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.left.is_empty()
    }
}

/// What happened to the device lists `user` tracks after position `since`.
pub fn since(connection: &Connection, user: &UserId, since: u64) -> Result<DeviceLists> {
    let mut lists = DeviceLists {
        changed: keys::changed_users_since(connection, user, since)?,
        left: BTreeSet::new(),
    };
    for other in users_who_moved(connection, user, since)? {
        if other == user {
            continue;
        }
        if membership::share_room(connection, user, &other)? {
            lists.changed.insert(other);
        } else {
            lists.left.insert(other);
        }
    }
    Ok(lists)
}

/// Everybody who may share more or fewer rooms with `user` than before `since`. Renaming is no move: a membership keeps
/// its position while it stays `join`.
fn users_who_moved(
    connection: &Connection,
    user: &UserId,
    since: u64,
) -> Result<BTreeSet<OwnedUserId>> {
    let mut statement = connection.prepare_cached(
        "SELECT room, user_id FROM memberships WHERE position > ?1 AND was_joined",
    )?;
    let mut rows = statement.query([since as i64])?;
    let mut moved = BTreeSet::new();
    while let Some(row) = rows.next()? {
        let (room, mover): (i64, String) = (row.get(0)?, row.get(1)?);
        if mover == user.as_str() {
            moved.extend(membership::joined_users(connection, room)?);
        } else if membership::find(connection, room, user)?.is_some_and(|own| {
            own.membership == "join" || (own.was_joined && own.position > since as i64)
        }) {
            moved.extend(UserId::parse(mover).ok());
        }
    }
    Ok(moved)
}

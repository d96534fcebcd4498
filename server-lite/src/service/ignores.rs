//! Who ignores whom. A user says so in the account data `m.ignored_user_list`; this is the same the other way round, so
//! that a message costs one look for all who ignore its sender. Nobody ignores themselves.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#ignoring-users>

use ruma::{OwnedUserId, UserId};
use rusqlite::Connection;
use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};

use crate::{
    error::Result,
    store::{Component, Step, WriteTx},
};

/// Tables of this service.
pub const COMPONENT: Component = Component {
    name: "ignores",
    steps: &[Step::Sql(include_str!("../store/schema/ignores.sql"))],
};

/// The type of the account data.
pub const IGNORED_USERS: &str = "m.ignored_user_list";
/// Longer lists are cut.
const MAX_IGNORED: usize = 10_000;

#[derive(Default, Deserialize)]
struct Content {
    #[serde(default)]
    ignored_users: Value,
}

/// Takes over a changed list.
pub(super) fn replace(tx: &WriteTx<'_>, user: &UserId, content: &RawValue) -> rusqlite::Result<()> {
    delete_user(tx, user)?;
    let content: Content = serde_json::from_str(content.get()).unwrap_or_default();
    let ignored = content
        .ignored_users
        .as_object()
        .into_iter()
        .flat_map(Map::keys);
    let mut insert =
        tx.prepare_cached("INSERT OR IGNORE INTO ignores (ignored, user_id) VALUES (?1, ?2)")?;
    let is_other = |id: &&String| *id != user.as_str() && UserId::parse(&***id).is_ok();
    for ignored in ignored.filter(is_other).take(MAX_IGNORED) {
        insert.execute((ignored, user.as_str()))?;
    }
    Ok(())
}

/// Forgets a user's list.
pub(super) fn delete_user(tx: &WriteTx<'_>, user: &UserId) -> rusqlite::Result<()> {
    tx.prepare_cached("DELETE FROM ignores WHERE user_id = ?1")?
        .execute([user.as_str()])
        .map(drop)
}

/// Who ignores `sender`.
pub fn by_whom(connection: &Connection, sender: &UserId) -> rusqlite::Result<Vec<OwnedUserId>> {
    let mut statement =
        connection.prepare_cached("SELECT user_id FROM ignores WHERE ignored = ?1")?;
    let rows = statement.query_map([sender.as_str()], |row| row.get::<_, String>(0))?;
    let mut users = Vec::new();
    for row in rows {
        users.extend(UserId::parse(row?).ok());
    }
    Ok(users)
}

/// Whom one user ignores, looked up one by one: lists of thousands are read by no sync.
pub struct Ignored<'a> {
    connection: &'a Connection,
    user: &'a UserId,
    anybody: bool,
}

impl<'a> Ignored<'a> {
    /// Those `user` ignores.
    pub fn by(connection: &'a Connection, user: &'a UserId) -> Result<Self> {
        let anybody = connection
            .prepare_cached("SELECT 1 FROM ignores WHERE user_id = ?1")?
            .exists([user.as_str()])?;
        Ok(Self {
            connection,
            user,
            anybody,
        })
    }

    /// Whether `other` is among them.
    pub fn contains(&self, other: &str) -> Result<bool> {
        Ok(self.anybody && is_ignored(self.connection, self.user, other)?)
    }
}

/// Whether `user` ignores `sender`.
pub fn is_ignored(connection: &Connection, user: &UserId, sender: &str) -> Result<bool> {
    Ok(connection
        .prepare_cached("SELECT 1 FROM ignores WHERE ignored = ?1 AND user_id = ?2")?
        .exists((sender, user.as_str()))?)
}

//! Short-lived tokens with which a user logs another device in.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#post_matrixclientv1loginget_token>

use std::time::Duration;

use ruma::{OwnedUserId, UserId};
use rusqlite::{OptionalExtension, params};

use super::{random, sessions};
use crate::{
    error::{Error, Result},
    store::{Component, Step, WriteTx},
};

/// Tables of this service.
pub const COMPONENT: Component = Component {
    name: "login_tokens",
    steps: &[Step::Sql(include_str!("../store/schema/login_tokens.sql"))],
};

/// How long a token can be used.
pub const LIFETIME: Duration = Duration::from_secs(120);

/// Makes a token for `user`.
pub fn create(tx: &WriteTx<'_>, user: &UserId, now_ms: i64) -> Result<String> {
    tx.execute("DELETE FROM login_tokens WHERE expires_at <= ?1", [now_ms])?;
    let token = random::token();
    tx.execute(
        "INSERT INTO login_tokens (token_hash, user_id, expires_at) VALUES (?1, ?2, ?3)",
        params![
            sessions::hash_token(&token),
            user.as_str(),
            now_ms + LIFETIME.as_millis() as i64
        ],
    )?;
    Ok(token)
}

/// Uses a token up and returns whose it was; none if it is unknown, used or expired.
pub fn consume(tx: &WriteTx<'_>, token: &str, now_ms: i64) -> Result<Option<OwnedUserId>> {
    let found: Option<String> = tx
        .prepare_cached(
            "DELETE FROM login_tokens WHERE token_hash = ?1 AND expires_at > ?2 RETURNING user_id",
        )?
        .query_row(params![sessions::hash_token(token), now_ms], |row| {
            row.get(0)
        })
        .optional()?;
    found
        .map(|user| UserId::parse(user).map_err(Error::internal))
        .transpose()
}

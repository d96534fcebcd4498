//! Who is asking: the minimal look-up of access tokens.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#client-authentication>

use std::sync::Arc;

use ruma::{DeviceId, OwnedDeviceId, OwnedUserId, UserId};
use rusqlite::{Connection, OptionalExtension};
use sha2::{Digest, Sha256};

use super::{appservices::Appservice, now_ms};
use crate::{
    Error,
    error::Result,
    store::{Component, Step, WriteTx},
};

/// Tables `users`, `devices`, `access_tokens`.
pub const COMPONENT: Component = Component {
    name: "sessions",
    steps: &[Step::Sql(include_str!("../store/schema/sessions.sql"))],
};

/// SHA-256 of an access token, which is all the database keeps of it.
pub type TokenHash = [u8; 32];

/// An authenticated requester.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The user.
    pub user_id: OwnedUserId,
    /// Their device; empty where an application service speaks as a user without naming one.
    pub device_id: OwnedDeviceId,
    /// The token they showed.
    pub token_hash: TokenHash,
    /// Whether they are a guest.
    pub guest: bool,
    /// Whether an administrator has suspended them.
    pub suspended: bool,
    /// The application service that speaks as them, if one does.
    pub appservice: Option<Arc<Appservice>>,
    /// Whether rate limits do not count.
    pub unlimited: bool,
}

/// The hash under which `token` is kept.
pub fn hash_token(token: &str) -> TokenHash {
    Sha256::digest(token.as_bytes()).into()
}

/// The session of `token`.
///
/// # Errors
/// `M_UNKNOWN_TOKEN`, with `soft_logout` if the token has merely expired.
pub fn by_token(connection: &Connection, token: &str) -> Result<Session> {
    let token_hash = hash_token(token);
    let found = connection
        .prepare_cached(
            "SELECT t.user_id, t.device_id, t.expires_at, u.guest, u.locked, u.suspended
             FROM access_tokens t JOIN users u ON u.user_id = t.user_id
             WHERE t.token_hash = ?1",
        )?
        .query_row([&token_hash[..]], |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, Option<i64>>(2)?,
                row.get::<_, bool>(3)?,
                row.get::<_, bool>(4)?,
                row.get::<_, bool>(5)?,
            ))
        })
        .optional()?;
    let Some((user_id, device_id, expires_at, guest, locked, suspended)) = found else {
        return Err(Error::unknown_token(false));
    };
    if locked {
        return Err(Error::new(
            http::StatusCode::UNAUTHORIZED,
            ruma::api::error::ErrorKind::UserLocked,
            "This account is locked.",
        ));
    }
    if expires_at.is_some_and(|at| at <= now_ms()) {
        return Err(Error::unknown_token(true));
    }
    let user_id = UserId::parse(user_id).map_err(Error::internal)?;
    Ok(Session {
        user_id,
        device_id: device_id.into(),
        token_hash,
        guest,
        suspended,
        appservice: None,
        unlimited: false,
    })
}

/// Stores a token for a device that exists. `expires_at` is in milliseconds since 1970.
pub fn insert_token(
    tx: &WriteTx<'_>,
    user_id: &UserId,
    device_id: &DeviceId,
    token: &str,
    expires_at: Option<i64>,
) -> Result<()> {
    tx.prepare_cached(
        "INSERT INTO access_tokens (token_hash, user_id, device_id, expires_at)
         VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute((
        &hash_token(token)[..],
        user_id.as_str(),
        device_id.as_str(),
        expires_at,
    ))?;
    Ok(())
}

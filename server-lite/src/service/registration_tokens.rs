//! Invitation codes: whoever has one may register.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#token-authenticated-registration>

use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;

use crate::{
    error::{Error, Result},
    store::{Component, Step, WriteTx},
};

/// Tables of this service.
pub const COMPONENT: Component = Component {
    name: "registration_tokens",
    steps: &[Step::Sql(include_str!(
        "../store/schema/registration_tokens.sql"
    ))],
};

/// One token, as the administrator sees it.
#[derive(Clone, Debug, Serialize)]
pub struct RegistrationToken {
    /// The token itself.
    pub token: String,
    /// How often it can be used in all; none means without limit.
    pub uses_allowed: Option<u32>,
    /// How often it has been used.
    pub uses: u32,
    /// When it stops working, in milliseconds since 1970; none means never.
    pub expires_at: Option<i64>,
    /// When it was made.
    pub created_at: i64,
}

impl RegistrationToken {
    /// Whether somebody can still register with it.
    pub fn is_valid(&self, now_ms: i64) -> bool {
        self.uses_allowed.is_none_or(|allowed| self.uses < allowed)
            && self.expires_at.is_none_or(|expires| now_ms < expires)
    }
}

/// Makes a token.
///
/// # Errors
/// `M_INVALID_PARAM` if the text is not what the grammar allows or the token exists.
pub fn create(tx: &WriteTx<'_>, token: &RegistrationToken) -> Result<()> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._~-".contains(c);
    if token.token.is_empty() || token.token.len() > 64 || !token.token.chars().all(allowed) {
        return Err(Error::invalid_param(
            "A token has 1 to 64 letters, digits, and . _ ~ -",
        ));
    }
    let inserted = tx.execute(
        "INSERT INTO registration_tokens (token, uses_allowed, uses, expires_at, created_at)
         VALUES (?1, ?2, 0, ?3, ?4) ON CONFLICT DO NOTHING",
        params![
            token.token,
            token.uses_allowed,
            token.expires_at,
            token.created_at
        ],
    )?;
    if inserted == 0 {
        return Err(Error::invalid_param("There is such a token already."));
    }
    Ok(())
}

/// A token by its text.
pub fn get(conn: &Connection, token: &str) -> rusqlite::Result<Option<RegistrationToken>> {
    conn.prepare_cached(
        "SELECT token, uses_allowed, uses, expires_at, created_at FROM registration_tokens WHERE token = ?1",
    )?
    .query_row([token], from_row)
    .optional()
}

/// Whether somebody could register with any of the tokens.
pub fn any_valid(conn: &Connection, now_ms: i64) -> rusqlite::Result<bool> {
    conn.prepare_cached(
        "SELECT 1 FROM registration_tokens WHERE (uses_allowed IS NULL OR uses < uses_allowed)
           AND (expires_at IS NULL OR expires_at > ?1)",
    )?
    .exists([now_ms])
}

/// All tokens, oldest first.
pub fn list(conn: &Connection) -> rusqlite::Result<Vec<RegistrationToken>> {
    conn.prepare(
        "SELECT token, uses_allowed, uses, expires_at, created_at FROM registration_tokens ORDER BY created_at, token",
    )?
    .query_map([], from_row)?
    .collect()
}

/// Removes a token. False if there is none.
pub fn delete(tx: &WriteTx<'_>, token: &str) -> rusqlite::Result<bool> {
    Ok(tx.execute("DELETE FROM registration_tokens WHERE token = ?1", [token])? == 1)
}

/// Uses a token up by one. False if it is unknown, used up or expired: then nothing has changed.
pub fn consume(tx: &WriteTx<'_>, token: &str, now_ms: i64) -> rusqlite::Result<bool> {
    let changed = tx.execute(
        "UPDATE registration_tokens SET uses = uses + 1
         WHERE token = ?1 AND (uses_allowed IS NULL OR uses < uses_allowed)
           AND (expires_at IS NULL OR expires_at > ?2)",
        params![token, now_ms],
    )?;
    Ok(changed == 1)
}

fn from_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<RegistrationToken> {
    Ok(RegistrationToken {
        token: row.get(0)?,
        uses_allowed: row.get(1)?,
        uses: row.get(2)?,
        expires_at: row.get(3)?,
        created_at: row.get(4)?,
    })
}

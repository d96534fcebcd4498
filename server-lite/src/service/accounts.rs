//! Accounts of this server: names, passwords, deactivation.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#account-registration-and-management>

use http::StatusCode;
use ruma::{OwnedUserId, ServerName, UserId, api::error::ErrorKind};
use rusqlite::{Connection, OptionalExtension, params};

use crate::{
    error::{Error, Result},
    store::{Component, Step, WriteTx},
};

/// Columns of `users` and tables about tokens.
pub const COMPONENT: Component = Component {
    name: "accounts",
    steps: &[Step::Sql(include_str!("../store/schema/accounts.sql"))],
};

/// The longest user id, in bytes.
const MAX_USER_ID: usize = 255;

/// One account, as the administrator sees it.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Account {
    /// The full user id.
    pub user_id: OwnedUserId,
    /// When it was made, in milliseconds since 1970.
    pub created_at: i64,
    /// Whether it is deactivated.
    pub deactivated: bool,
    /// Whether it may do what administrators may.
    pub admin: bool,
    /// How many devices are logged in.
    pub n_devices: u32,
}

/// The user id for a name somebody asked for: lower case, and only what the grammar of new ids allows.
///
/// # Errors
/// `M_INVALID_USERNAME`, with a sentence that says why.
pub fn user_id_for(name: &str, server_name: &ServerName) -> Result<OwnedUserId> {
    let invalid = |why: &str| Error::bad_request(ErrorKind::InvalidUsername, why);
    let localpart = name.to_lowercase();
    if localpart.is_empty() {
        return Err(invalid("The name is empty."));
    }
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._=-/+".contains(c);
    if !localpart.chars().all(allowed) {
        return Err(invalid(
            "A name has only the letters a to z, digits, and . _ = - / +",
        ));
    }
    let user_id = format!("@{localpart}:{server_name}");
    if user_id.len() > MAX_USER_ID {
        return Err(invalid("The name is too long."));
    }
    OwnedUserId::try_from(user_id).map_err(|_| invalid("This is no valid name."))
}

/// Makes an account.
///
/// # Errors
/// `M_USER_IN_USE` if there is one by that name, deactivated ones included: a name is never given out twice.
pub fn create(
    tx: &WriteTx<'_>,
    user_id: &UserId,
    password_hash: Option<&str>,
    guest: bool,
    now_ms: i64,
) -> Result<()> {
    let inserted = tx
        .prepare_cached(
            "INSERT INTO users (user_id, password_hash, guest, created_at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO NOTHING",
        )?
        .execute(params![user_id.as_str(), password_hash, guest, now_ms])?;
    if inserted == 0 {
        return Err(in_use());
    }
    Ok(())
}

/// The answer to somebody who asks for a name that is taken.
pub fn in_use() -> Error {
    Error::bad_request(ErrorKind::UserInUse, "This name is taken.")
}

/// The answer to a log-in to a deactivated account.
pub fn deactivated() -> Error {
    Error::new(
        StatusCode::FORBIDDEN,
        ErrorKind::UserDeactivated,
        "This account is deactivated.",
    )
}

/// Whether there is, or was, an account of that id.
pub fn exists(conn: &Connection, user_id: &UserId) -> rusqlite::Result<bool> {
    conn.prepare_cached("SELECT 1 FROM users WHERE user_id = ?1")?
        .exists([user_id.as_str()])
}

/// Whether there is an account of that id which is not deactivated.
pub fn is_active(conn: &Connection, user_id: &UserId) -> rusqlite::Result<bool> {
    conn.prepare_cached("SELECT 1 FROM users WHERE user_id = ?1 AND deactivated = 0")?
        .exists([user_id.as_str()])
}

/// What is needed to check a password.
#[derive(Clone)]
pub struct Credentials {
    /// The argon2id hash in PHC form.
    pub password_hash: Option<String>,
    /// Whether the account is deactivated.
    pub deactivated: bool,
}

/// The credentials of an account, if there is one.
pub fn credentials(conn: &Connection, user_id: &UserId) -> rusqlite::Result<Option<Credentials>> {
    conn.prepare_cached("SELECT password_hash, deactivated FROM users WHERE user_id = ?1")?
        .query_row([user_id.as_str()], |row| {
            Ok(Credentials {
                password_hash: row.get(0)?,
                deactivated: row.get(1)?,
            })
        })
        .optional()
}

/// Replaces the password.
///
/// # Errors
/// `M_NOT_FOUND` if there is no such account or it is deactivated.
pub fn set_password(tx: &WriteTx<'_>, user_id: &UserId, password_hash: &str) -> Result<()> {
    let changed = tx.execute(
        "UPDATE users SET password_hash = ?2 WHERE user_id = ?1 AND deactivated = 0",
        params![user_id.as_str(), password_hash],
    )?;
    if changed == 0 {
        Err(no_account())
    } else {
        Ok(())
    }
}

/// Makes somebody an administrator, or no longer.
///
/// # Errors
/// `M_NOT_FOUND` if there is no such account or it is deactivated.
pub fn set_admin(tx: &WriteTx<'_>, user_id: &UserId, admin: bool) -> Result<()> {
    let changed = tx.execute(
        "UPDATE users SET admin = ?2 WHERE user_id = ?1 AND deactivated = 0",
        params![user_id.as_str(), admin],
    )?;
    if changed == 0 {
        Err(no_account())
    } else {
        Ok(())
    }
}

/// Whether somebody may do what administrators may.
pub fn is_admin(conn: &Connection, user_id: &UserId) -> rusqlite::Result<bool> {
    conn.prepare_cached("SELECT 1 FROM users WHERE user_id = ?1 AND admin = 1")?
        .exists([user_id.as_str()])
}

/// What an administrator can put on an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restraint {
    /// Nothing works any longer; the sessions stay for when it is lifted.
    Locked,
    /// Reading and leaving works, acting does not.
    Suspended,
}

impl Restraint {
    fn column(self) -> &'static str {
        match self {
            Self::Locked => "locked",
            Self::Suspended => "suspended",
        }
    }
}

/// Whether an account is locked or suspended.
pub fn is_restrained(
    conn: &Connection,
    user_id: &UserId,
    restraint: Restraint,
) -> rusqlite::Result<bool> {
    let column = restraint.column();
    conn.prepare_cached(&format!(
        "SELECT 1 FROM users WHERE user_id = ?1 AND {column} = 1"
    ))?
    .exists([user_id.as_str()])
}

/// Locks or suspends an account, or lifts that. A sync that waits ends.
///
/// # Errors
/// `M_NOT_FOUND` if there is no such account.
pub fn restrain(tx: &WriteTx<'_>, user_id: &UserId, restraint: Restraint, on: bool) -> Result<()> {
    let column = restraint.column();
    let changed = tx.execute(
        &format!("UPDATE users SET {column} = ?2 WHERE user_id = ?1"),
        params![user_id.as_str(), on],
    )?;
    if changed == 0 {
        return Err(no_account());
    }
    tx.wake(user_id);
    Ok(())
}

/// Closes an account for good: no password, no devices, no keys, no settings, no profile. The caller leaves its rooms.
///
/// # Errors
/// `M_NOT_FOUND` if there is no such account or it is deactivated already.
pub fn deactivate(tx: &WriteTx<'_>, user_id: &UserId, erase: bool, now_ms: i64) -> Result<()> {
    let changed = tx.execute(
        "UPDATE users SET password_hash = NULL, deactivated = 1, deactivated_at = ?2, erased = ?3, admin = 0
         WHERE user_id = ?1 AND deactivated = 0",
        params![user_id.as_str(), now_ms, erase],
    )?;
    if changed == 0 {
        return Err(no_account());
    }
    super::devices::delete_all(tx, user_id, None)?;
    super::keys::delete_identity(tx, user_id)?;
    super::backup::delete_user(tx, user_id)?;
    super::account_data::delete_user(tx, user_id)?;
    super::profiles::delete_user(tx, user_id)?;
    super::presence::delete_user(tx, user_id)?;
    tx.execute(
        "DELETE FROM openid_tokens WHERE user_id = ?1",
        [user_id.as_str()],
    )?;
    Ok(())
}

/// All accounts, oldest first.
pub fn list(conn: &Connection) -> Result<Vec<Account>> {
    let mut statement = conn.prepare(
        "SELECT user_id, created_at, deactivated, admin,
                (SELECT count(*) FROM devices d WHERE d.user_id = u.user_id)
         FROM users u ORDER BY created_at, user_id",
    )?;
    let rows = statement.query_map([], |row| {
        Ok((
            row.get::<_, String>(0)?,
            (row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?),
        ))
    })?;
    rows.map(|row| {
        let (user_id, (created_at, deactivated, admin, n_devices)) = row?;
        let user_id = OwnedUserId::try_from(user_id).map_err(Error::internal)?;
        Ok(Account {
            user_id,
            created_at,
            deactivated,
            admin,
            n_devices,
        })
    })
    .collect()
}

/// Stores a token with which its bearer can ask who the user is.
pub fn insert_openid_token(
    tx: &WriteTx<'_>,
    user_id: &UserId,
    token: &str,
    now_ms: i64,
    lifetime_ms: i64,
) -> Result<()> {
    tx.execute("DELETE FROM openid_tokens WHERE expires_at <= ?1", [now_ms])?;
    tx.execute(
        "INSERT INTO openid_tokens (token_hash, user_id, expires_at) VALUES (?1, ?2, ?3)",
        params![
            super::sessions::hash_token(token),
            user_id.as_str(),
            now_ms + lifetime_ms
        ],
    )?;
    Ok(())
}

/// Whose OpenID token this is; none if it is unknown or expired.
pub fn by_openid_token(conn: &Connection, token: &str, now_ms: i64) -> Result<Option<OwnedUserId>> {
    let found: Option<String> = conn
        .prepare_cached(
            "SELECT user_id FROM openid_tokens WHERE token_hash = ?1 AND expires_at > ?2",
        )?
        .query_row(params![super::sessions::hash_token(token), now_ms], |row| {
            row.get(0)
        })
        .optional()?;
    found
        .map(|user_id| OwnedUserId::try_from(user_id).map_err(Error::internal))
        .transpose()
}

fn no_account() -> Error {
    Error::not_found("There is no such account.")
}

#[cfg(test)]
mod tests {
    use ruma::server_name;

    use super::user_id_for;

    #[test]
    fn names_are_lowered_and_checked() {
        let server = server_name!("phone.example");
        assert_eq!(user_id_for("Ada", server).unwrap(), "@ada:phone.example");
        assert_eq!(
            user_id_for("a.b_c=d-e/f+1", server).unwrap(),
            "@a.b_c=d-e/f+1:phone.example"
        );
        for bad in ["", "ünal", "a b", "a:b", "@a", &"x".repeat(250)] {
            assert!(user_id_for(bad, server).is_err(), "{bad}");
        }
    }
}

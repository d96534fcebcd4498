//! A user's cross-signing identity: master, self-signing and user-signing key.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#cross-signing>; when a password is asked for:
//! <https://github.com/matrix-org/matrix-spec-proposals/pull/3967>

use http::StatusCode;
use ruma::{UserId, api::error::ErrorKind, encryption::CrossSigningKey, serde::Raw};
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Map, Value};

use super::{super::devices, signatures};
use crate::{
    error::{Error, Result},
    store::WriteTx,
};

/// Which of the three keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// Signs the other two.
    Master,
    /// Signs the user's own devices.
    SelfSigning,
    /// Signs other users' master keys; only its owner sees it.
    UserSigning,
}

impl Usage {
    /// The name in the specification and in the table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Master => "master",
            Self::SelfSigning => "self_signing",
            Self::UserSigning => "user_signing",
        }
    }
}

/// The keys of one upload.
#[derive(Clone, Debug, Default)]
pub struct CrossSigningUpload {
    /// Master key.
    pub master: Option<Raw<CrossSigningKey>>,
    /// Self-signing key.
    pub self_signing: Option<Raw<CrossSigningKey>>,
    /// User-signing key.
    pub user_signing: Option<Raw<CrossSigningKey>>,
}

impl CrossSigningUpload {
    fn keys(&self) -> impl Iterator<Item = (Usage, &Raw<CrossSigningKey>)> {
        [
            (Usage::Master, self.master.as_ref()),
            (Usage::SelfSigning, self.self_signing.as_ref()),
            (Usage::UserSigning, self.user_signing.as_ref()),
        ]
        .into_iter()
        .filter_map(|(usage, key)| Some((usage, key?)))
    }
}

/// One checked key.
struct Checked {
    usage: Usage,
    public_key: String,
    json: Map<String, Value>,
}

/// Whether the upload would change an identity that exists: only then the user has to authenticate again.
pub fn is_new_identity(
    conn: &Connection,
    user_id: &UserId,
    upload: &CrossSigningUpload,
) -> rusqlite::Result<bool> {
    if stored(conn, user_id, Usage::Master)?.is_none() {
        return Ok(false);
    }
    for (usage, raw) in upload.keys() {
        let Ok(key) = check(user_id, usage, raw) else {
            return Ok(true);
        };
        if public_key(conn, user_id, usage)?.as_deref() != Some(key.public_key.as_str()) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Checks and stores the keys of an upload. Returns whether anything changed.
pub fn store(tx: &WriteTx<'_>, user_id: &UserId, upload: &CrossSigningUpload) -> Result<bool> {
    let keys: Vec<Checked> = upload
        .keys()
        .map(|(usage, raw)| check(user_id, usage, raw))
        .collect::<Result<_>>()?;
    let master = match keys.iter().find(|key| key.usage == Usage::Master) {
        Some(key) => key.public_key.clone(),
        None => public_key(tx, user_id, Usage::Master)?.ok_or_else(no_master_key)?,
    };
    for key in &keys {
        if key.usage != Usage::Master
            && !signatures::is_signed_by(&key.json, user_id, &format!("ed25519:{master}"), &master)
        {
            return Err(invalid_signature(key.usage));
        }
        if devices::exists(tx, user_id, key.public_key.as_str().into())? {
            return Err(Error::forbidden("Key ID in use"));
        }
    }
    let mut changed = false;
    for key in keys {
        changed |= store_one(tx, user_id, &key)?;
    }
    Ok(changed)
}

/// The public key of a user's stored key.
pub fn public_key(
    conn: &Connection,
    user_id: &UserId,
    usage: Usage,
) -> rusqlite::Result<Option<String>> {
    conn.prepare_cached(
        "SELECT public_key FROM cross_signing_keys WHERE user_id = ?1 AND usage = ?2",
    )?
    .query_row(params![user_id.as_str(), usage.as_str()], |row| row.get(0))
    .optional()
}

/// A user's key with the signatures that `viewer` may see.
pub(super) fn visible_key(
    conn: &Connection,
    viewer: &UserId,
    user_id: &UserId,
    usage: Usage,
) -> rusqlite::Result<Option<Raw<CrossSigningKey>>> {
    let Some(mut key) = stored(conn, user_id, usage)? else {
        return Ok(None);
    };
    if let Some(public_key) = public_key(conn, user_id, usage)? {
        signatures::merge_into(conn, &mut key, user_id, &public_key, viewer)?;
    }
    Ok(Raw::new(&key).ok().map(Raw::cast_unchecked))
}

/// A user's key as it was uploaded.
pub(super) fn stored(
    conn: &Connection,
    user_id: &UserId,
    usage: Usage,
) -> rusqlite::Result<Option<Map<String, Value>>> {
    let json: Option<String> = conn
        .prepare_cached("SELECT keys FROM cross_signing_keys WHERE user_id = ?1 AND usage = ?2")?
        .query_row(params![user_id.as_str(), usage.as_str()], |row| row.get(0))
        .optional()?;
    Ok(json.and_then(|json| serde_json::from_str(&json).ok()))
}

/// A new master key makes the other two worthless, and all signatures on the old one.
fn store_one(tx: &WriteTx<'_>, user_id: &UserId, key: &Checked) -> rusqlite::Result<bool> {
    let old = public_key(tx, user_id, key.usage)?;
    let replaced = old.as_deref().is_some_and(|old| old != key.public_key);
    if replaced {
        tx.execute(
            "DELETE FROM key_signatures WHERE user_id = ?1 AND key_name = ?2",
            params![user_id.as_str(), old],
        )?;
        if key.usage == Usage::Master {
            tx.execute(
                "DELETE FROM cross_signing_keys WHERE user_id = ?1",
                [user_id.as_str()],
            )?;
        }
    }
    let json = Value::Object(key.json.clone()).to_string();
    let changed = tx
        .prepare_cached(
            "INSERT INTO cross_signing_keys (user_id, usage, public_key, keys) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET public_key = excluded.public_key, keys = excluded.keys
             WHERE keys <> excluded.keys",
        )?
        .execute(params![user_id.as_str(), key.usage.as_str(), key.public_key, json])?;
    Ok(changed > 0)
}

/// Checks owner and usage, and that there is exactly one Ed25519 key, named after itself.
fn check(user_id: &UserId, usage: Usage, raw: &Raw<CrossSigningKey>) -> Result<Checked> {
    let malformed = || Error::invalid_param(format!("The {} key is malformed.", usage.as_str()));
    let parsed = raw.deserialize().map_err(|_| malformed())?;
    let has_usage = parsed
        .usage
        .iter()
        .any(|named| named.as_str() == usage.as_str());
    let mut keys = parsed.keys.iter();
    let (Some((id, value)), None) = (keys.next(), keys.next()) else {
        return Err(malformed());
    };
    let named_after_itself = id.as_str().strip_prefix("ed25519:") == Some(value.as_str());
    if parsed.user_id != user_id || !has_usage || !named_after_itself {
        return Err(malformed());
    }
    let mut json: Map<String, Value> = raw.deserialize_as_unchecked().map_err(|_| malformed())?;
    json.remove("unsigned");
    Ok(Checked {
        usage,
        public_key: value.clone(),
        json,
    })
}

fn no_master_key() -> Error {
    Error::bad_request(
        ErrorKind::MissingParam,
        "No master signing key is available.",
    )
}

fn invalid_signature(usage: Usage) -> Error {
    let text = format!(
        "The {} key is not signed by the master key.",
        usage.as_str()
    );
    Error::with_code(StatusCode::BAD_REQUEST, "M_INVALID_SIGNATURE", text)
}

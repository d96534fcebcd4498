//! Signatures that users add to keys after their upload, checked before they are stored.

use ruma::{
    CanonicalJsonObject, SigningKeyAlgorithm, UserId,
    serde::{Base64, base64::Standard},
    signatures::{to_canonical_json_string_for_signing, verify_canonical_json_bytes},
};
use rusqlite::{Connection, params};
use serde_json::{Map, Value};

use super::{
    cross_signing::{self, Usage},
    device_keys,
};
use crate::store::WriteTx;

/// Why one signed key was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SignatureFailure {
    /// There is no such key.
    #[error("Unknown key")]
    UnknownKey,
    /// The object is not the stored key.
    #[error("The signed object differs from the stored key")]
    Mismatch,
    /// No signature by a key that may sign this one, or a wrong one.
    #[error("Invalid signature")]
    Invalid,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] rusqlite::Error),
}

impl SignatureFailure {
    /// The Matrix error code.
    pub fn errcode(&self) -> &'static str {
        match self {
            Self::UnknownKey => "M_NOT_FOUND",
            Self::Mismatch => "M_UNKNOWN",
            Self::Invalid => "M_INVALID_SIGNATURE",
            Self::Database(_) => "M_UNKNOWN",
        }
    }
}

/// Adds `signer`'s signatures on the key `key_name` of `user_id`. Returns whether there was a new one.
///
/// Who may sign what: one's own device with the self-signing key, one's own master key with one's devices,
/// another user's master key with the user-signing key.
pub fn add_signatures(
    tx: &WriteTx<'_>,
    signer: &UserId,
    user_id: &UserId,
    key_name: &str,
    signed: &Map<String, Value>,
) -> Result<bool, SignatureFailure> {
    let (stored, is_master) = find_key(tx, signer, user_id, key_name)?;
    if unsigned_part(&stored) != unsigned_part(signed) {
        return Err(SignatureFailure::Mismatch);
    }
    let given = signed
        .get("signatures")
        .and_then(|signatures| signatures.get(signer.as_str()))
        .and_then(Value::as_object)
        .ok_or(SignatureFailure::Invalid)?;
    let known = stored
        .get("signatures")
        .and_then(|all| all.get(signer.as_str()));
    let mut added = false;
    for (key_id, signature) in given {
        if known.and_then(|known| known.get(key_id)) == Some(signature) {
            continue;
        }
        let public_key = signing_key(tx, signer, user_id, is_master, key_id)?;
        if !is_signed_by(signed, signer, key_id, &public_key) {
            return Err(SignatureFailure::Invalid);
        }
        added |= insert(tx, user_id, key_name, signer, key_id, signature)?;
    }
    Ok(added)
}

/// Whether `object` carries a good signature of `user_id` under `key_id`, made with that Ed25519 public key.
pub(super) fn is_signed_by(
    object: &Map<String, Value>,
    user_id: &UserId,
    key_id: &str,
    public_key: &str,
) -> bool {
    let signature = object
        .get("signatures")
        .and_then(|all| all.get(user_id.as_str()))
        .and_then(|of_user| of_user.get(key_id))
        .and_then(Value::as_str);
    let (Some(signature), Some(canonical)) = (signature, canonical(object)) else {
        return false;
    };
    let (Ok(signature), Ok(public_key)) = (
        Base64::<Standard>::parse(signature),
        Base64::<Standard>::parse(public_key),
    ) else {
        return false;
    };
    verify_canonical_json_bytes(
        &SigningKeyAlgorithm::Ed25519,
        public_key.as_bytes(),
        signature.as_bytes(),
        canonical.as_bytes(),
    )
    .is_ok()
}

/// Adds to a key the signatures by its owner and by `viewer`; nobody sees those of third users.
pub(super) fn merge_into(
    conn: &Connection,
    key: &mut Map<String, Value>,
    user_id: &UserId,
    key_name: &str,
    viewer: &UserId,
) -> rusqlite::Result<()> {
    let mut statement = conn.prepare_cached(
        "SELECT signer, signer_key_id, signature FROM key_signatures
         WHERE user_id = ?1 AND key_name = ?2 AND signer IN (?1, ?3)",
    )?;
    let rows = statement.query_map(
        params![user_id.as_str(), key_name, viewer.as_str()],
        |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, String>(2)?,
            ))
        },
    )?;
    for row in rows {
        let (signer, key_id, signature) = row?;
        let all = key
            .entry("signatures")
            .or_insert_with(|| Value::Object(Map::new()));
        let Some(all) = all.as_object_mut() else {
            continue;
        };
        let of_signer = all
            .entry(signer)
            .or_insert_with(|| Value::Object(Map::new()));
        if let Some(of_signer) = of_signer.as_object_mut() {
            of_signer.insert(key_id, Value::String(signature));
        }
    }
    Ok(())
}

/// The key being signed: a device or the master key of oneself, the master key of another.
fn find_key(
    conn: &Connection,
    signer: &UserId,
    user_id: &UserId,
    key_name: &str,
) -> Result<(Map<String, Value>, bool), SignatureFailure> {
    let is_master =
        cross_signing::public_key(conn, user_id, Usage::Master)?.as_deref() == Some(key_name);
    let stored = if is_master {
        cross_signing::stored(conn, user_id, Usage::Master)?
    } else if signer == user_id {
        device_keys::stored(conn, user_id, key_name.into())?
    } else {
        None
    };
    stored
        .map(|key| (key, is_master))
        .ok_or(SignatureFailure::UnknownKey)
}

/// The public key behind `key_id` of the signer, if that key may sign such a key.
fn signing_key(
    conn: &Connection,
    signer: &UserId,
    user_id: &UserId,
    is_master: bool,
    key_id: &str,
) -> Result<String, SignatureFailure> {
    let name = key_id
        .strip_prefix("ed25519:")
        .ok_or(SignatureFailure::Invalid)?;
    let usage = match (signer == user_id, is_master) {
        (true, true) => {
            let device = device_keys::stored(conn, signer, name.into())?;
            let key = device
                .as_ref()
                .and_then(|keys| keys.get("keys")?.get(key_id)?.as_str());
            return key.map(str::to_owned).ok_or(SignatureFailure::Invalid);
        }
        (true, false) => Usage::SelfSigning,
        (false, _) => Usage::UserSigning,
    };
    match cross_signing::public_key(conn, signer, usage)? {
        Some(public_key) if public_key == name => Ok(public_key),
        _ => Err(SignatureFailure::Invalid),
    }
}

fn insert(
    tx: &WriteTx<'_>,
    user_id: &UserId,
    key_name: &str,
    signer: &UserId,
    key_id: &str,
    signature: &Value,
) -> Result<bool, SignatureFailure> {
    let signature = signature.as_str().ok_or(SignatureFailure::Invalid)?;
    let changed = tx
        .prepare_cached(
            "INSERT INTO key_signatures (user_id, key_name, signer, signer_key_id, signature)
             VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET signature = excluded.signature WHERE signature <> excluded.signature",
        )?
        .execute(params![user_id.as_str(), key_name, signer.as_str(), key_id, signature])?;
    Ok(changed > 0)
}

fn unsigned_part(key: &Map<String, Value>) -> Map<String, Value> {
    let mut key = key.clone();
    key.remove("signatures");
    key.remove("unsigned");
    key
}

fn canonical(object: &Map<String, Value>) -> Option<String> {
    let json = Value::Object(object.clone()).to_string();
    let object: CanonicalJsonObject = serde_json::from_str(&json).ok()?;
    to_canonical_json_string_for_signing(&object).ok()
}

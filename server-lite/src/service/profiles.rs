//! Profiles: display name, avatar and further fields.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#profiles>; further fields:
//! <https://github.com/matrix-org/matrix-spec-proposals/pull/4133>

use std::collections::BTreeMap;

use ruma::{OwnedMxcUri, UserId};
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::Value;

use crate::{
    error::{Error, Result},
    store::{Component, Step, WriteTx},
};

/// Tables of this service.
pub const COMPONENT: Component = Component {
    name: "profiles",
    steps: &[Step::Sql(include_str!("../store/schema/profiles.sql"))],
};

/// The field of the display name.
pub const DISPLAY_NAME: &str = "displayname";
/// The field of the avatar.
pub const AVATAR_URL: &str = "avatar_url";

/// The largest profile, as JSON, in bytes.
const MAX_PROFILE: usize = 64 * 1024;
/// The longest field name, in bytes.
const MAX_FIELD_NAME: usize = 255;
/// The longest display name, in bytes: it goes into an event in every room.
const MAX_DISPLAY_NAME: usize = 256;
/// The longest avatar address, in bytes.
const MAX_AVATAR_URL: usize = 1000;

/// What goes into a user's member events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemberProfile {
    /// The display name.
    pub display_name: Option<String>,
    /// The avatar.
    pub avatar_url: Option<OwnedMxcUri>,
}

/// All fields of a profile.
pub fn all(conn: &Connection, user_id: &UserId) -> Result<BTreeMap<String, Value>> {
    let mut statement =
        conn.prepare_cached("SELECT field, value FROM profiles WHERE user_id = ?1")?;
    let rows = statement.query_map([user_id.as_str()], |row| {
        Ok((row.get(0)?, row.get::<_, String>(1)?))
    })?;
    rows.map(|row| {
        let (field, value) = row?;
        Ok((
            field,
            serde_json::from_str(&value).map_err(Error::internal)?,
        ))
    })
    .collect()
}

/// One field of a profile.
pub fn field(conn: &Connection, user_id: &UserId, field: &str) -> Result<Option<Value>> {
    let value: Option<String> = conn
        .prepare_cached("SELECT value FROM profiles WHERE user_id = ?1 AND field = ?2")?
        .query_row(params![user_id.as_str(), field], |row| row.get(0))
        .optional()?;
    value
        .map(|json| serde_json::from_str(&json).map_err(Error::internal))
        .transpose()
}

/// What a new member event of this user says.
pub fn member(conn: &Connection, user_id: &UserId) -> Result<MemberProfile> {
    let text = |value: Option<Value>| value.and_then(|v| v.as_str().map(str::to_owned));
    Ok(MemberProfile {
        display_name: text(field(conn, user_id, DISPLAY_NAME)?),
        avatar_url: text(field(conn, user_id, AVATAR_URL)?).map(Into::into),
    })
}

/// Sets (some) or removes (none) a field. Returns whether it changed.
///
/// # Errors
/// `M_PROFILE_TOO_LARGE`, `M_KEY_TOO_LARGE`, `M_INVALID_PARAM`.
pub fn set(tx: &WriteTx<'_>, user_id: &UserId, field: &str, value: Option<&Value>) -> Result<bool> {
    check_field_name(field)?;
    let Some(value) = value else {
        let gone = tx.execute(
            "DELETE FROM profiles WHERE user_id = ?1 AND field = ?2",
            params![user_id.as_str(), field],
        )?;
        return Ok(gone > 0);
    };
    check_value(field, value)?;
    let json = value.to_string();
    let others: usize =
        tx.prepare_cached(
            "SELECT coalesce(sum(length(CAST(field AS BLOB)) + length(CAST(value AS BLOB)) + 4), 2)
             FROM profiles WHERE user_id = ?1 AND field <> ?2",
        )?
        .query_row(params![user_id.as_str(), field], |row| row.get::<_, u32>(0))? as usize;
    if others + field.len() + json.len() + 4 > MAX_PROFILE {
        let text = "A profile has at most 64 KiB.";
        return Err(Error::with_code(
            http::StatusCode::BAD_REQUEST,
            "M_PROFILE_TOO_LARGE",
            text,
        ));
    }
    let changed = tx
        .prepare_cached(
            "INSERT INTO profiles (user_id, field, value) VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET value = excluded.value WHERE value <> excluded.value",
        )?
        .execute(params![user_id.as_str(), field, json])?;
    Ok(changed > 0)
}

/// Forgets a profile.
pub fn delete_user(tx: &WriteTx<'_>, user_id: &UserId) -> rusqlite::Result<()> {
    tx.execute(
        "DELETE FROM profiles WHERE user_id = ?1",
        [user_id.as_str()],
    )
    .map(drop)
}

/// A known field, or a namespaced one such as `org.example.pronouns`.
fn check_field_name(field: &str) -> Result<()> {
    if field.len() > MAX_FIELD_NAME {
        let text = "The name of a field has at most 255 bytes.";
        return Err(Error::with_code(
            http::StatusCode::BAD_REQUEST,
            "M_KEY_TOO_LARGE",
            text,
        ));
    }
    let is_part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_lowercase())
            && part
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    let is_known = field == DISPLAY_NAME || field == AVATAR_URL;
    if is_known || (field.contains('.') && field.split('.').all(is_part)) {
        return Ok(());
    }
    Err(Error::invalid_param(
        "This is no valid name of a profile field.",
    ))
}

fn check_value(field: &str, value: &Value) -> Result<()> {
    let max = match field {
        DISPLAY_NAME => MAX_DISPLAY_NAME,
        AVATAR_URL => MAX_AVATAR_URL,
        _ => return Ok(()),
    };
    let Some(text) = value.as_str() else {
        return Err(Error::bad_json(format!("{field} is a string.")));
    };
    if text.len() > max {
        return Err(Error::invalid_param(format!(
            "{field} has at most {max} bytes."
        )));
    }
    if field == AVATAR_URL && !text.is_empty() && !OwnedMxcUri::from(text).is_valid() {
        return Err(Error::invalid_param("avatar_url is an mxc:// address."));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{check_field_name, check_value};

    #[test]
    fn field_names_follow_the_grammar() {
        for good in [
            "displayname",
            "avatar_url",
            "m.tz",
            "org.example.pronouns_2",
        ] {
            assert!(check_field_name(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "nickname",
            "M.tz",
            "org..x",
            "org.2x",
            "a b.c",
            &format!("a.{}", "b".repeat(260)),
        ] {
            assert!(check_field_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_and_avatars_are_checked_other_fields_are_free() {
        assert!(check_value("displayname", &json!("Ada")).is_ok());
        assert!(check_value("displayname", &json!(7)).is_err());
        assert!(check_value("displayname", &json!("x".repeat(257))).is_err());
        assert!(check_value("avatar_url", &json!("mxc://hs.test/abc")).is_ok());
        assert!(check_value("avatar_url", &json!("https://hs.test/abc")).is_err());
        assert!(check_value("org.example.any", &json!({ "deep": [1, null] })).is_ok());
    }
}

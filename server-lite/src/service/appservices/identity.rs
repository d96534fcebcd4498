//! Whom an application service speaks as.
//!
//! Spec: <https://spec.matrix.org/v1.18/application-service-api/#identity-assertion>

use std::sync::Arc;

use http::StatusCode;
use ruma::{DeviceId, OwnedDeviceId, OwnedUserId, UserId, api::error::ErrorKind};
use rusqlite::{Connection, OptionalExtension};

use super::Appservice;
use crate::{
    error::{Error, Result},
    service::{
        accounts, devices,
        sessions::{Session, hash_token},
    },
};

/// Whom the query of a request names.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Asserted {
    user_id: Option<String>,
    device_id: Option<String>,
}

impl Asserted {
    /// Reads the query of a request.
    pub fn parse(query: &str) -> Self {
        let mut asserted = Self::default();
        for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match &*key {
                "user_id" => asserted.user_id = Some(value.into_owned()),
                "device_id" | "org.matrix.msc3202.device_id" => {
                    asserted.device_id = Some(value.into_owned());
                }
                _ => {}
            }
        }
        asserted
    }
}

/// The session of an application service that speaks as somebody.
///
/// # Errors
/// `M_FORBIDDEN` for users that are not its own or not registered, `M_UNKNOWN_DEVICE`, `M_USER_LOCKED`,
/// `M_USER_DEACTIVATED`.
pub fn session(
    connection: &Connection,
    appservice: &Arc<Appservice>,
    asserted: Asserted,
) -> Result<Session> {
    let registration = &appservice.registration;
    let user_id = user(appservice, asserted.user_id)?;
    let (guest, suspended) = standing(connection, &user_id)?;
    let device_id = match asserted.device_id {
        Some(device_id) => device(connection, &user_id, device_id.into())?,
        None => OwnedDeviceId::from(""),
    };
    Ok(Session {
        unlimited: !registration.rate_limited || user_id == registration.sender,
        user_id,
        device_id,
        token_hash: hash_token(&registration.as_token),
        guest,
        suspended,
        appservice: Some(appservice.clone()),
    })
}

fn user(appservice: &Appservice, asserted: Option<String>) -> Result<OwnedUserId> {
    let Some(asserted) = asserted else {
        return Ok(appservice.registration.sender.clone());
    };
    let user_id =
        UserId::parse(&*asserted).map_err(|_| Error::invalid_param("user_id is no user id."))?;
    if appservice.has_user(&asserted) {
        Ok(user_id)
    } else {
        let text = format!("{user_id} is in none of the application service's namespaces.");
        Err(Error::forbidden(text))
    }
}

/// Whether somebody is a guest, and suspended.
fn standing(connection: &Connection, user_id: &UserId) -> Result<(bool, bool)> {
    let found: Option<(bool, bool, bool, bool)> = connection
        .prepare_cached(
            "SELECT guest, suspended, locked, deactivated FROM users WHERE user_id = ?1",
        )?
        .query_row([user_id.as_str()], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })
        .optional()?;
    match found {
        None => {
            let text = format!("The application service has not registered {user_id}.");
            Err(Error::forbidden(text))
        }
        Some((_, _, _, true)) => Err(accounts::deactivated()),
        Some((_, _, true, _)) => Err(Error::new(
            StatusCode::UNAUTHORIZED,
            ErrorKind::UserLocked,
            "This account is locked.",
        )),
        Some((guest, suspended, ..)) => Ok((guest, suspended)),
    }
}

fn device(
    connection: &Connection,
    user_id: &UserId,
    device_id: OwnedDeviceId,
) -> Result<OwnedDeviceId> {
    if devices::exists(connection, user_id, &device_id)? {
        Ok(device_id)
    } else {
        let text = format!("{user_id} has no such device.");
        Err(Error::with_code(
            StatusCode::BAD_REQUEST,
            "M_UNKNOWN_DEVICE",
            text,
        ))
    }
}

/// Refuses what cannot be done without a device.
pub fn require_device(device_id: &DeviceId) -> Result<()> {
    if device_id.as_str().is_empty() {
        let text = "Say which device this is about: device_id is missing.";
        return Err(Error::bad_request(ErrorKind::MissingParam, text));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Asserted;

    #[test]
    fn both_names_of_the_device_are_read() {
        let stable = Asserted::parse("user_id=%40a%3Ahs.test&device_id=D&x=y");
        let unstable = Asserted::parse("user_id=@a:hs.test&org.matrix.msc3202.device_id=D");
        assert_eq!(stable, unstable);
        assert_eq!(stable.user_id.as_deref(), Some("@a:hs.test"));
        assert_eq!(Asserted::parse(""), Asserted::default());
    }
}

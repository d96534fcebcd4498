//! What the endpoints about accounts have in common: asking again who somebody is.

use std::sync::Arc;

use ruma::{
    OwnedUserId, UserId,
    api::{
        client::uiaa::{AuthData, AuthType, Password, UserIdentifier},
        error::ErrorKind,
    },
};

use crate::{
    api::Public,
    error::{Error, Result},
    service::{
        Services, accounts,
        appservices::Appservice,
        rate_limit::Class,
        sessions::Session,
        uia::{Progress, Stage, Subject},
    },
};

/// Makes a logged-in user show their password before `action` is done.
///
/// # Errors
/// [`Error::Uiaa`] until they have.
pub async fn confirm_user(
    services: &Services,
    session: &Session,
    action: String,
    auth: Option<&AuthData>,
) -> Result<()> {
    let flows = [vec![AuthType::Password]];
    let subject = Subject {
        action,
        user_id: Some(session.user_id.clone()),
    };
    let Progress::Check { session: id, stage } = services.uia.begin(&subject, &flows, auth)? else {
        return Ok(());
    };
    let passed = match &stage {
        Stage::Password(given) => is_right(services, &session.user_id, given).await?,
        _ => false,
    };
    if !passed {
        return Err(services.uia.fail(&id, &flows, "Wrong password."));
    }
    services.uia.complete(&id, &flows, &stage).map(drop)
}

/// The same, except that an application service, which has full control of its users, need not show a password.
///
/// # Errors
/// [`Error::Uiaa`] until they have.
pub async fn confirm_user_or_appservice(
    services: &Services,
    session: &Session,
    action: String,
    auth: Option<&AuthData>,
) -> Result<()> {
    if session.appservice.is_some() {
        return Ok(());
    }
    confirm_user(services, session, action, auth).await
}

/// What a request for application services showed.
pub struct Shown {
    appservice: Option<Arc<Appservice>>,
    has_token: bool,
}

impl Shown {
    /// What this request showed.
    pub fn of<T>(request: &Public<T>) -> Self {
        Self {
            appservice: request.appservice.clone(),
            has_token: request.has_token,
        }
    }

    /// The application service.
    ///
    /// # Errors
    /// `M_MISSING_TOKEN`, `M_UNKNOWN_TOKEN`.
    pub fn appservice(self) -> Result<Arc<Appservice>> {
        if !self.has_token {
            let text = "This needs the token of an application service.";
            let status = http::StatusCode::UNAUTHORIZED;
            return Err(Error::new(status, ErrorKind::MissingToken, text));
        }
        self.appservice.ok_or_else(|| Error::unknown_token(false))
    }
}

/// The answer to an application service that manages devices itself and yet wants to be logged in.
pub fn login_unsupported() -> Error {
    let text =
        "The registration says io.element.msc4190: make devices with PUT /devices/{deviceId}.";
    Error::bad_request(ErrorKind::AppserviceLoginUnsupported, text)
}

/// The user whom an application service means: a full id of this server or the part before the colon. Unlike people's,
/// such names may be of the older kind, with capitals.
pub fn appservice_user(services: &Services, name: &str) -> Result<OwnedUserId> {
    let server_name = &services.config.server.name;
    let full = match name.strip_prefix('@') {
        Some(_) => name.to_owned(),
        None => format!("@{name}:{server_name}"),
    };
    let user_id = UserId::parse(full).ok().filter(|user_id| {
        user_id.server_name() == server_name
            && !user_id.localpart().is_empty()
            && user_id.validate_historical().is_ok()
    });
    user_id.ok_or_else(|| Error::bad_request(ErrorKind::InvalidUsername, "This is no user name."))
}

/// The user somebody means: a full id of this server or the part before the colon, in any case.
pub fn local_user(services: &Services, identifier: &UserIdentifier) -> Result<OwnedUserId> {
    let UserIdentifier::Matrix(matrix) = identifier else {
        return Err(Error::forbidden(
            "Log in with a user name; addresses are not known here.",
        ));
    };
    user_by_name(services, &matrix.user)
}

/// The user behind a full id of this server or the part before the colon, in any case.
pub fn user_by_name(services: &Services, name: &str) -> Result<OwnedUserId> {
    let server_name = &services.config.server.name;
    let wrong = || Error::forbidden("Wrong user name or password.");
    match name.strip_prefix('@') {
        Some(_) => {
            let user_id = UserId::parse(name.to_lowercase()).map_err(|_| wrong())?;
            if user_id.server_name() == server_name {
                Ok(user_id)
            } else {
                Err(wrong())
            }
        }
        None => accounts::user_id_for(name, server_name).map_err(|_| wrong()),
    }
}

/// Checks a password; takes the same time whether or not there is such a user.
///
/// # Errors
/// `M_LIMIT_EXCEEDED` after too many attempts on the account.
pub async fn check_password(
    services: &Services,
    user_id: &UserId,
    password: String,
) -> Result<Option<accounts::Credentials>> {
    services.limiter.check(Class::Login, user_id.as_str())?;
    let owned = user_id.to_owned();
    let stored = services
        .store
        .read(move |c| Ok(accounts::credentials(c, &owned)?))
        .await?;
    let hash = stored
        .as_ref()
        .and_then(|credentials| credentials.password_hash.clone());
    let right = services.passwords.verify(password, hash).await?;
    Ok(stored.filter(|_| right))
}

async fn is_right(services: &Services, user_id: &UserId, given: &Password) -> Result<bool> {
    if local_user(services, &given.identifier).ok().as_deref() != Some(user_id) {
        return Ok(false);
    }
    Ok(check_password(services, user_id, given.password.clone())
        .await?
        .is_some())
}

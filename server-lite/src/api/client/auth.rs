//! What the endpoints about accounts have in common: asking again who somebody is.

use ruma::{
    OwnedUserId, UserId,
    api::client::uiaa::{AuthData, AuthType, Password, UserIdentifier},
};

use crate::{
    error::{Error, Result},
    service::{
        Services, accounts,
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

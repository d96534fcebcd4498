//! Registration.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#account-registration-and-management>

use std::net::IpAddr;

use ruma::{
    OwnedUserId, UserId,
    api::{
        client::{
            account::{
                check_registration_token_validity::v1 as token_validity,
                get_username_availability::v3 as availability,
                register::{LoginType, RegistrationKind, v3},
            },
            uiaa::AuthType,
        },
        error::ErrorKind,
    },
};

use super::{
    auth,
    ruma_gaps::{RegisterRequest, RegisterResponse, RegisteredLogin},
};
use crate::{
    api::{Public, Router, Routes},
    error::{Error, Result},
    service::{
        Services, accounts,
        appservices::{self, Appservice, console},
        devices::{self, Login, LoginOptions},
        guests, now_ms, passwords, random,
        rate_limit::Class,
        registration_tokens, server_notices, sessions,
        uia::{Progress, Stage, Subject},
    },
};

/// The routes of this module.
pub fn routes() -> Router {
    Router::new()
        .ruma(register_route)
        .ruma(username_available_route)
        .ruma(token_valid_route)
}

async fn register_route(
    services: Services,
    request: Public<RegisterRequest>,
) -> Result<RegisterResponse> {
    let shown = auth::Shown::of(&request);
    let (request, ip) = (request.body.0, request.ip);
    if request.login_type == Some(LoginType::ApplicationService) {
        let appservice = shown.appservice()?;
        return register_for_appservice(&services, &request, ip, &appservice).await;
    }
    match request.kind {
        RegistrationKind::Guest => register_guest(&services, &request, ip).await,
        RegistrationKind::User => register_user(&services, &request, ip).await,
        _ => Err(Error::invalid_param(
            "An account is of the kind user or guest.",
        )),
    }
}

async fn register_user(
    services: &Services,
    request: &v3::Request,
    ip: IpAddr,
) -> Result<RegisterResponse> {
    let flows = flows(services).await?;
    let guest = guest_of(services, request).await?;
    let user_id = match &guest {
        Some(guest) => guest.clone(),
        None => wanted_name(services, request.username.as_deref()).await?,
    };
    if let Some(password) = &request.password {
        passwords::check(password)?;
    }
    if request.auth.is_some() {
        services
            .limiter
            .check(Class::Registration, &ip.to_string())?;
        if request.password.is_none() {
            let text = "A password is needed to register.";
            return Err(Error::bad_request(ErrorKind::MissingParam, text));
        }
    }
    let token = authenticate(services, request, &flows).await?;
    let password = request.password.clone().unwrap_or_default();
    let hash = services.passwords.hash(password).await?;
    let token = token.filter(|token| services.config.registration.token.as_ref() != Some(token));
    let is_guest = guest.is_some();
    store(
        services,
        request,
        ip,
        user_id,
        Some(hash),
        (token, is_guest),
    )
    .await
}

/// The guest who wants an account of their own, under the name they have.
///
/// # Errors
/// `M_FORBIDDEN` for a token that is no guest's, or another name.
async fn guest_of(services: &Services, request: &v3::Request) -> Result<Option<OwnedUserId>> {
    let Some(token) = request.guest_access_token.clone() else {
        return Ok(None);
    };
    let refused = |_| Error::forbidden("This is no access token of a guest.");
    let session = services
        .store
        .read(move |c| sessions::by_token(c, &token))
        .await;
    let session = session.map_err(refused)?;
    if !session.guest {
        return Err(Error::forbidden("This is no access token of a guest."));
    }
    if request.username.as_deref() != Some(session.user_id.localpart()) {
        return Err(Error::forbidden("A guest keeps the name they have."));
    }
    Ok(Some(session.user_id))
}

async fn register_guest(
    services: &Services,
    request: &v3::Request,
    ip: IpAddr,
) -> Result<RegisterResponse> {
    if !services.config.registration.guests {
        return Err(Error::forbidden("This server lets no guests in."));
    }
    services
        .limiter
        .check(Class::Registration, &ip.to_string())?;
    let user_id = random_name(services)?;
    store(services, request, ip, user_id, None, (None, false)).await
}

/// Makes a user of an application service, without a password.
async fn register_for_appservice(
    services: &Services,
    request: &v3::Request,
    ip: IpAddr,
    appservice: &Appservice,
) -> Result<RegisterResponse> {
    let missing = || Error::bad_request(ErrorKind::MissingParam, "username is missing.");
    let user_id =
        auth::appservice_user(services, request.username.as_deref().ok_or_else(missing)?)?;
    if !appservice.has_user(user_id.as_str()) {
        let text = "This user is in none of the application service's namespaces.";
        return Err(appservices::exclusive(text));
    }
    let own = Some(appservice);
    services.appservices.ensure_user_is_free(&user_id, own)?;
    if appservice.registration.manages_devices && !request.inhibit_login {
        return Err(auth::login_unsupported());
    }
    store(services, request, ip, user_id, None, (None, false)).await
}

/// The flows that lead to an account here.
///
/// # Errors
/// `M_FORBIDDEN` if there is none.
async fn flows(services: &Services) -> Result<Vec<Vec<AuthType>>> {
    let registration = &services.config.registration;
    if registration.open {
        return Ok(vec![vec![AuthType::Dummy]]);
    }
    let any_token = registration.token.is_some()
        || services
            .store
            .read(|c| Ok(registration_tokens::any_valid(c, now_ms())?))
            .await?;
    if any_token {
        Ok(vec![vec![AuthType::RegistrationToken]])
    } else {
        Err(Error::forbidden("This server takes no new accounts."))
    }
}

/// Goes through the stages; returns the token that was shown, if any.
async fn authenticate(
    services: &Services,
    request: &v3::Request,
    flows: &[Vec<AuthType>],
) -> Result<Option<String>> {
    let subject = Subject {
        action: "register".to_owned(),
        user_id: None,
    };
    let mut progress = services.uia.begin(&subject, flows, request.auth.as_ref())?;
    loop {
        match progress {
            Progress::Done { registration_token } => return Ok(registration_token),
            Progress::Check { session, stage } => {
                let passed = match &stage {
                    Stage::Dummy => true,
                    Stage::RegistrationToken(token) => is_valid(services, token.clone()).await?,
                    Stage::Password(_) | Stage::Unsupported(_) => false,
                };
                if !passed {
                    let why = "This registration token is unknown, used up or expired.";
                    return Err(services.uia.fail(&session, flows, why));
                }
                progress = services.uia.complete(&session, flows, &stage)?;
            }
        }
    }
}

/// Makes the account, uses up the token and logs in, all or nothing.
async fn store(
    services: &Services,
    request: &v3::Request,
    ip: IpAddr,
    user_id: OwnedUserId,
    password_hash: Option<String>,
    (token, was_guest): (Option<String>, bool),
) -> Result<RegisterResponse> {
    let guest = request.kind == RegistrationKind::Guest;
    let options = (guest || !request.inhibit_login).then(|| LoginOptions {
        device_id: request.device_id.clone().filter(|_| !guest),
        display_name: request.initial_device_display_name.clone(),
        refresh: request.refresh_token,
        ip: Some(ip),
    });
    let new_user = user_id.clone();
    let login = services
        .store
        .write(move |tx| {
            let now = now_ms();
            match &password_hash {
                Some(hash) if was_guest => guests::promote(tx, &new_user, hash)?,
                hash => accounts::create(tx, &new_user, hash.as_deref(), guest, now)?,
            }
            if let Some(token) = token
                && !registration_tokens::consume(tx, &token, now)?
            {
                return Err(Error::forbidden(
                    "This registration token has just been used up.",
                ));
            }
            options
                .map(|options| devices::log_in(tx, &new_user, options, now))
                .transpose()
        })
        .await?;
    tracing::info!(%user_id, guest, "registered");
    console::account_made(services, &user_id);
    Ok(response(user_id, login))
}

fn response(user_id: OwnedUserId, login: Option<Login>) -> RegisterResponse {
    let login = login.map(|login| RegisteredLogin {
        device_id: login.device_id,
        access_token: login.access_token,
        refresh_token: login.refresh_token,
        expires_in_ms: login.expires_in.map(|lifetime| lifetime.as_millis() as u64),
    });
    RegisterResponse { user_id, login }
}

/// The user id for the name that is asked for, or a random one.
async fn wanted_name(services: &Services, name: Option<&str>) -> Result<OwnedUserId> {
    let Some(name) = name else {
        return random_name(services);
    };
    let user_id = accounts::user_id_for(name, &services.config.server.name)?;
    ensure_free(services, &user_id).await?;
    Ok(user_id)
}

fn random_name(services: &Services) -> Result<OwnedUserId> {
    accounts::user_id_for(&random::name(10), &services.config.server.name)
}

async fn ensure_free(services: &Services, user_id: &UserId) -> Result<()> {
    if server_notices::is_sender(&services.config, user_id.as_str()) {
        return Err(accounts::in_use());
    }
    services.appservices.ensure_user_is_free(user_id, None)?;
    let user_id = user_id.to_owned();
    let taken = services
        .store
        .read(move |c| Ok(accounts::exists(c, &user_id)?))
        .await?;
    if taken {
        Err(accounts::in_use())
    } else {
        Ok(())
    }
}

async fn is_valid(services: &Services, token: String) -> Result<bool> {
    if let Some(configured) = &services.config.registration.token
        && random::same(configured, &token)
    {
        return Ok(true);
    }
    let stored = services
        .store
        .read(move |c| Ok(registration_tokens::get(c, &token)?))
        .await?;
    Ok(stored.is_some_and(|token| token.is_valid(now_ms())))
}

async fn username_available_route(
    services: Services,
    request: Public<availability::Request>,
) -> Result<availability::Response> {
    let user_id = accounts::user_id_for(&request.username, &services.config.server.name)?;
    ensure_free(&services, &user_id).await?;
    Ok(availability::Response::new(true))
}

async fn token_valid_route(
    services: Services,
    request: Public<token_validity::Request>,
) -> Result<token_validity::Response> {
    services
        .limiter
        .check(Class::Registration, &request.ip.to_string())?;
    let valid = is_valid(&services, request.body.token).await?;
    Ok(token_validity::Response::new(valid))
}

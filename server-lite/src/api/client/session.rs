//! Logging in, out, and refreshing tokens.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#login>

use axum::routing::get;
use ruma::{
    OwnedUserId,
    api::client::{
        discovery::get_authorization_server_metadata::v1 as auth_metadata,
        session::{
            get_login_token::v1 as login_token,
            get_login_types::v3 as login_types,
            login::v3::{self, LoginInfo},
            logout::v3 as logout,
            logout_all::v3 as logout_all,
            refresh_token::v3 as refresh,
        },
        uiaa::UserIdentifier,
    },
};

use super::{auth, ruma_gaps::LoginRequest};
use crate::{
    api::{Authed, Public, Router, Routes},
    error::{Error, Result},
    service::{
        Services, accounts, appservices,
        devices::{self, Login, LoginOptions},
        login_tokens, now_ms,
        rate_limit::Class,
    },
};

/// The routes of this module.
pub fn routes() -> Router {
    let mut router = Router::new();
    for version in ["r0", "v3"] {
        let path = format!("/_matrix/client/{version}/login/sso/redirect");
        router = router
            .route(&format!("{path}/{{idp_id}}"), get(sso_route))
            .route(&path, get(sso_route));
    }
    router
        .ruma(login_types_route)
        .ruma(login_route)
        .ruma(logout_route)
        .ruma(logout_all_route)
        .ruma(refresh_token_route)
        .ruma(login_token_route)
        .ruma(auth_metadata_route)
}

async fn login_types_route(
    services: Services,
    _: Public<login_types::Request>,
) -> Result<login_types::Response> {
    let password = login_types::LoginType::Password(login_types::PasswordLoginType::new());
    let mut token = login_types::TokenLoginType::new();
    token.get_login_token = true;
    let token = login_types::LoginType::Token(token);
    let mut types = vec![password, token];
    if !services.appservices.all().is_empty() {
        let appservice = login_types::ApplicationServiceLoginType::new();
        types.push(login_types::LoginType::ApplicationService(appservice));
    }
    Ok(login_types::Response::new(types))
}

async fn login_route(services: Services, request: Public<LoginRequest>) -> Result<v3::Response> {
    services
        .limiter
        .check(Class::Login, &request.ip.to_string())?;
    let shown = auth::Shown::of(&request);
    let (request, ip) = (request.body.0, request.ip);
    let user_id = match request.login_info {
        LoginInfo::ApplicationService(given) => by_appservice(&services, &given, shown).await?,
        LoginInfo::Password(given) => by_password(&services, given).await?,
        LoginInfo::Token(given) => by_token(&services, given.token).await?,
        _ => {
            return Err(Error::bad_request(
                ruma::api::error::ErrorKind::Unknown,
                "This server knows the log-in types m.login.password, m.login.token and \
                 m.login.application_service.",
            ));
        }
    };
    let options = LoginOptions {
        device_id: request.device_id,
        display_name: request.initial_device_display_name,
        refresh: request.refresh_token,
        ip: Some(ip),
    };
    let user = user_id.clone();
    let login = services
        .store
        .write(move |tx| {
            // The account may have been closed while its password was being checked.
            if !accounts::is_active(tx, &user)? {
                return Err(accounts::deactivated());
            }
            devices::log_in(tx, &user, options, now_ms())
        })
        .await?;
    tracing::info!(%user_id, device_id = %login.device_id, "logged in");
    Ok(logged_in(&services, user_id, login))
}

fn logged_in(services: &Services, user_id: OwnedUserId, login: Login) -> v3::Response {
    let mut response = v3::Response::new(user_id, login.access_token, login.device_id);
    response.refresh_token = login.refresh_token;
    response.expires_in = login.expires_in;
    response.well_known = services.config.server.public_url.as_ref().map(|url| {
        let base_url = url.as_str().trim_end_matches('/').to_owned();
        v3::DiscoveryInfo::new(v3::HomeserverInfo::new(base_url))
    });
    response
}

/// A user of the application service whose token was shown.
async fn by_appservice(
    services: &Services,
    given: &v3::ApplicationService,
    shown: auth::Shown,
) -> Result<OwnedUserId> {
    let appservice = shown.appservice()?;
    if appservice.registration.manages_devices {
        return Err(auth::login_unsupported());
    }
    #[expect(deprecated, reason = "old application services still send it")]
    let user = given.user.as_deref();
    let user_id = match (&given.identifier, user) {
        (Some(UserIdentifier::Matrix(matrix)), _) => auth::appservice_user(services, &matrix.user)?,
        (None, Some(user)) => auth::appservice_user(services, user)?,
        _ => return Err(Error::invalid_param("Say who logs in with m.id.user.")),
    };
    if !appservice.has_user(user_id.as_str()) {
        let text = "This user is in none of the application service's namespaces.";
        return Err(appservices::exclusive(text));
    }
    let asked = user_id.clone();
    let known = services
        .store
        .read(move |c| Ok(accounts::exists(c, &asked)?))
        .await?;
    if known {
        Ok(user_id)
    } else {
        Err(Error::forbidden(
            "The application service has not registered this user.",
        ))
    }
}

/// The user whose name and password these are.
async fn by_password(services: &Services, given: v3::Password) -> Result<OwnedUserId> {
    let user_id = named_user(services, &given)?;
    match auth::check_password(services, &user_id, given.password).await? {
        None => Err(Error::forbidden("Wrong user name or password.")),
        Some(credentials) if credentials.deactivated => Err(accounts::deactivated()),
        Some(_) => Ok(user_id),
    }
}

/// The user who made this token on another device.
async fn by_token(services: &Services, token: String) -> Result<OwnedUserId> {
    let user = services
        .store
        .write(move |tx| login_tokens::consume(tx, &token, now_ms()))
        .await?;
    user.ok_or_else(|| Error::forbidden("This log-in token is unknown, used or expired."))
}

/// A token to log another device in with; the password must be shown again.
async fn login_token_route(
    services: Services,
    request: Authed<login_token::Request>,
) -> Result<login_token::Response> {
    let session = request.session;
    let action = "login token".to_owned();
    auth::confirm_user(&services, &session, action, request.body.auth.as_ref()).await?;
    let token = services
        .store
        .write(move |tx| login_tokens::create(tx, &session.user_id, now_ms()))
        .await?;
    Ok(login_token::Response::new(login_tokens::LIFETIME, token))
}

/// What the specification has a server answer that does not offer something.
fn not_offered(what: &str) -> Error {
    let kind = ruma::api::error::ErrorKind::Unrecognized;
    Error::new(http::StatusCode::NOT_FOUND, kind, what)
}

async fn sso_route() -> Error {
    not_offered("This server has no single sign-on.")
}

async fn auth_metadata_route(
    _: Services,
    _: Public<auth_metadata::Request>,
) -> Result<auth_metadata::Response> {
    Err(not_offered("This server has no OAuth 2.0."))
}

/// The user a client names, also in the form of before 2018.
fn named_user(services: &Services, given: &v3::Password) -> Result<OwnedUserId> {
    if let Some(identifier) = &given.identifier {
        return auth::local_user(services, identifier);
    }
    #[expect(deprecated, reason = "old clients still send it")]
    let name = given.user.as_deref();
    let missing = || {
        let text = "Say who logs in: identifier.user is missing.";
        Error::bad_request(ruma::api::error::ErrorKind::MissingParam, text)
    };
    auth::user_by_name(services, name.ok_or_else(missing)?)
}

async fn logout_route(
    services: Services,
    request: Authed<logout::Request>,
) -> Result<logout::Response> {
    let (user_id, device_id) = (request.session.user_id, request.session.device_id);
    services
        .store
        .write(move |tx| devices::delete(tx, &user_id, [&*device_id]))
        .await?;
    Ok(logout::Response::new())
}

async fn logout_all_route(
    services: Services,
    request: Authed<logout_all::Request>,
) -> Result<logout_all::Response> {
    let user_id = request.session.user_id;
    services
        .store
        .write(move |tx| devices::delete_all(tx, &user_id, None))
        .await?;
    Ok(logout_all::Response::new())
}

async fn refresh_token_route(
    services: Services,
    request: Public<refresh::Request>,
) -> Result<refresh::Response> {
    let token = request.body.refresh_token;
    let (_, login) = services
        .store
        .write(move |tx| devices::refresh(tx, &token, now_ms()))
        .await?;
    let mut response = refresh::Response::new(login.access_token);
    response.refresh_token = login.refresh_token;
    response.expires_in_ms = login.expires_in;
    Ok(response)
}

//! The account one is logged in to.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#account-management>

use std::time::Duration;

use axum::{
    extract::{Query, State},
    response::Response,
};
use ruma::{
    api::{
        client::account::{
            ThirdPartyIdRemovalStatus, change_password::v3 as change_password,
            deactivate::v3 as deactivate, get_3pids::v3 as get_3pids,
            request_openid_token::v3 as openid, whoami::v3 as whoami,
        },
        error::ErrorKind,
    },
    authentication::TokenType,
};

use super::auth;
use crate::{
    api::{Authed, Public, Router, Routes},
    error::{Error, Result, json_response},
    service::{
        Services, accounts, devices, now_ms, passwords, random, rooms::membership,
        sessions::Session,
    },
};

/// How long an OpenID token lives.
const OPENID_LIFETIME: Duration = Duration::from_secs(3600);

/// The routes of this module.
pub fn routes() -> Router {
    Router::new()
        .ruma(whoami_route)
        .ruma(change_password_route)
        .ruma(deactivate_route)
        .ruma(get_3pids_route)
        .ruma(request_openid_token_route)
        .route(
            "/_matrix/federation/v1/openid/userinfo",
            axum::routing::get(openid_userinfo_route),
        )
}

#[derive(serde::Deserialize)]
struct Userinfo {
    access_token: Option<String>,
}

/// Tells whoever was given an OpenID token whose it is: part of the Server-Server API that needs no federation.
async fn openid_userinfo_route(
    State(services): State<Services>,
    Query(query): Query<Userinfo>,
) -> Result<Response> {
    let missing = || {
        let text = "access_token is missing.";
        Error::new(
            http::StatusCode::UNAUTHORIZED,
            ErrorKind::MissingToken,
            text,
        )
    };
    let token = query.access_token.ok_or_else(missing)?;
    let user = services
        .store
        .read(move |c| accounts::by_openid_token(c, &token, now_ms()))
        .await?;
    let user = user.ok_or_else(|| Error::unknown_token(false))?;
    Ok(json_response(
        http::StatusCode::OK,
        &serde_json::json!({ "sub": user }),
    ))
}

async fn whoami_route(_: Services, request: Authed<whoami::Request>) -> Result<whoami::Response> {
    let session = request.session;
    let mut response = whoami::Response::new(session.user_id.clone(), session.guest);
    response.device_id = Some(session.device_id.clone()).filter(|id| !id.as_str().is_empty());
    Ok(response)
}

async fn change_password_route(
    services: Services,
    request: Public<change_password::Request>,
) -> Result<change_password::Response> {
    let session = logged_in(request.session)?;
    let request = request.body;
    passwords::check(&request.new_password)?;
    auth::confirm_user(
        &services,
        &session,
        "password".to_owned(),
        request.auth.as_ref(),
    )
    .await?;
    let hash = services.passwords.hash(request.new_password).await?;
    services
        .store
        .write(move |tx| {
            accounts::set_password(tx, &session.user_id, &hash)?;
            if request.logout_devices {
                devices::delete_all(tx, &session.user_id, Some(&session.device_id))?;
            }
            Ok(())
        })
        .await?;
    Ok(change_password::Response::new())
}

async fn deactivate_route(
    services: Services,
    request: Public<deactivate::Request>,
) -> Result<deactivate::Response> {
    let session = logged_in(request.session)?;
    let request = request.body;
    let action = "deactivate".to_owned();
    auth::confirm_user_or_appservice(&services, &session, action, request.auth.as_ref()).await?;
    let user_id = session.user_id;
    let all = services.clone();
    tracing::info!(%user_id, erase = request.erase, "deactivating an account");
    services
        .store
        .write(move |tx| {
            membership::leave_all(tx, &all, &user_id)?;
            accounts::deactivate(tx, &user_id, request.erase, now_ms())
        })
        .await?;
    Ok(deactivate::Response::new(
        ThirdPartyIdRemovalStatus::NoSupport,
    ))
}

/// No address can be bound to an account here, so there are none.
async fn get_3pids_route(
    _: Services,
    _: Authed<get_3pids::Request>,
) -> Result<get_3pids::Response> {
    Ok(get_3pids::Response::new(Vec::new()))
}

async fn request_openid_token_route(
    services: Services,
    request: Authed<openid::Request>,
) -> Result<openid::Response> {
    super::only_oneself(&request, &request.user_id)?;
    let token = random::token();
    let (user_id, stored) = (request.session.user_id.clone(), token.clone());
    services
        .store
        .write(move |tx| {
            let lifetime = OPENID_LIFETIME.as_millis() as i64;
            accounts::insert_openid_token(tx, &user_id, &stored, now_ms(), lifetime)
        })
        .await?;
    let server_name = services.config.server.name.clone();
    Ok(openid::Response::new(
        token,
        TokenType::Bearer,
        server_name,
        OPENID_LIFETIME,
    ))
}

fn logged_in(session: Option<Session>) -> Result<Session> {
    session.ok_or_else(|| {
        let text = "This needs an access token; log in first.";
        Error::new(
            http::StatusCode::UNAUTHORIZED,
            ErrorKind::MissingToken,
            text,
        )
    })
}

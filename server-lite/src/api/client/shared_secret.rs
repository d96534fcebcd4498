//! Making accounts with a secret shared with the server, as administrators' tools do.
//!
//! Synapse's form: <https://element-hq.github.io/synapse/latest/admin_api/register_api.html>

use axum::{
    Json,
    extract::{Request, State},
    response::Response,
    routing::get,
};
use hmac::{Hmac, Mac};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use sha1::Sha1;

use crate::{
    Error,
    api::{Router, body, body_shape, route::MAX_BODY},
    error::{Result, json_response},
    service::{
        Services, accounts,
        appservices::console,
        devices::{self, LoginOptions},
        now_ms, passwords, random, server_notices,
    },
};

/// The routes of this module.
pub fn routes() -> Router {
    Router::new().route(
        "/_synapse/admin/v1/register",
        get(nonce_route).post(register_route),
    )
}

fn secret(services: &Services) -> Result<&str> {
    let secret = services.config.registration.shared_secret.as_deref();
    secret.ok_or_else(|| {
        let kind = ruma::api::error::ErrorKind::Unrecognized;
        let text = "This server has no shared secret to register with.";
        Error::new(StatusCode::NOT_FOUND, kind, text)
    })
}

async fn nonce_route(State(services): State<Services>) -> Result<Json<Value>> {
    secret(&services)?;
    Ok(Json(json!({ "nonce": services.nonces.issue() })))
}

#[derive(Deserialize)]
struct Body {
    nonce: String,
    username: String,
    password: String,
    #[serde(default)]
    displayname: Option<String>,
    #[serde(default)]
    admin: bool,
    #[serde(default)]
    user_type: Option<String>,
    mac: String,
}

async fn register_route(State(services): State<Services>, request: Request) -> Result<Response> {
    let secret = secret(&services)?;
    let bytes = body::read(request.into_body(), MAX_BODY).await?;
    body_shape::check(&bytes)?;
    let body: Body = serde_json::from_slice(&bytes)?;
    if !services.nonces.consume(&body.nonce) {
        return Err(Error::invalid_param("Unknown or used nonce."));
    }
    if !random::same(&mac(secret, &body)?, &body.mac.to_lowercase()) {
        return Err(Error::forbidden("The MAC is wrong."));
    }
    let user_id = accounts::user_id_for(&body.username, &services.config.server.name)?;
    if server_notices::is_sender(&services.config, user_id.as_str()) {
        return Err(accounts::in_use());
    }
    services.appservices.ensure_user_is_free(&user_id, None)?;
    passwords::check(&body.password)?;
    let hash = services.passwords.hash(body.password).await?;
    let (new_user, name) = (user_id.clone(), body.displayname);
    let login = services
        .store
        .write(move |tx| {
            let now = now_ms();
            accounts::create(tx, &new_user, Some(&hash), false, now)?;
            accounts::set_admin(tx, &new_user, body.admin)?;
            if let Some(name) = name {
                let (field, name) = (crate::service::profiles::DISPLAY_NAME, json!(name));
                crate::service::profiles::set(tx, &new_user, field, Some(&name))?;
            }
            devices::log_in(tx, &new_user, LoginOptions::default(), now)
        })
        .await?;
    console::account_made(&services, &user_id);
    tracing::info!(%user_id, "registered with the shared secret");
    let answer = json!({
        "access_token": login.access_token,
        "device_id": login.device_id,
        "home_server": services.config.server.name,
        "user_id": user_id,
    });
    Ok(json_response(StatusCode::OK, &answer))
}

/// HMAC-SHA1 in hexadecimal over nonce, name, password, kind of account (and type of user), with zero bytes between.
fn mac(secret: &str, body: &Body) -> Result<String> {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).map_err(Error::internal)?;
    let admin = if body.admin { "admin" } else { "notadmin" };
    let mut parts = vec![&*body.nonce, &*body.username, &*body.password, admin];
    parts.extend(body.user_type.as_deref());
    mac.update(parts.join("\0").as_bytes());
    let bytes = mac.finalize().into_bytes();
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

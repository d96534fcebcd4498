//! Where calls find relays and services.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#voice-over-ip>; services for calls of many:
//! <https://github.com/matrix-org/matrix-spec-proposals/pull/4143>

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac};
use ruma::{
    UserId,
    api::client::{rtc::transports, voip::get_turn_server_info},
};
use serde_json::{Value, json};
use sha1::Sha1;

use crate::{
    Error,
    api::{Authed, Router, Routes},
    error::Result,
    service::{Services, now_ms},
};

/// The routes of this module.
pub fn routes() -> Router {
    Router::new()
        .ruma_json(turn_server_route)
        .ruma_json(transports_route)
}

/// Credentials for the relay; an empty object where there is none, as clients expect.
async fn turn_server_route(
    services: Services,
    request: Authed<get_turn_server_info::v3::Request>,
) -> Result<Value> {
    let turn = &services.config.turn;
    let Some(secret) = turn.secret.as_ref().filter(|_| !turn.uris.is_empty()) else {
        return Ok(json!({}));
    };
    let expires_at = now_ms() / 1000 + i64::from(turn.lifetime_seconds);
    let (username, password) = credentials(secret, request.user_id(), expires_at)?;
    Ok(json!({
        "username": username,
        "password": password,
        "uris": turn.uris,
        "ttl": turn.lifetime_seconds,
    }))
}

/// coturn's "TURN REST API": the name holds the time, the password proves that we made it.
fn credentials(secret: &str, user: &UserId, expires_at: i64) -> Result<(String, String)> {
    let username = format!("{expires_at}:{user}");
    let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).map_err(Error::internal)?;
    mac.update(username.as_bytes());
    Ok((username, STANDARD.encode(mac.finalize().into_bytes())))
}

async fn transports_route(services: Services, _: Authed<transports::v1::Request>) -> Result<Value> {
    let urls = services.config.rtc.livekit_service_urls.iter();
    let transports: Vec<Value> = urls
        .map(|url| json!({ "type": "livekit", "livekit_service_url": url }))
        .collect();
    Ok(json!({ "rtc_transports": transports }))
}

#[cfg(test)]
mod tests {
    use ruma::user_id;

    use super::credentials;

    #[test]
    fn credentials_are_those_coturn_expects() {
        // echo -n 1700000000:@ada:hs.test | openssl dgst -sha1 -hmac secret -binary | base64
        let (name, password) =
            credentials("secret", user_id!("@ada:hs.test"), 1_700_000_000).unwrap();
        assert_eq!(name, "1700000000:@ada:hs.test");
        assert_eq!(password, "L1EUJhliAczibwTYE1Yq/dbIbPA=");
    }
}

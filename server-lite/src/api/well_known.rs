//! `GET /.well-known/matrix/client`: where clients find this server.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#well-known-uris>

use axum::{extract::State, http::HeaderMap, response::Response, routing::get};
use http::{StatusCode, header};
use serde_json::json;

use super::Router;
use crate::{error::json_response, service::Services};

/// The routes of this module.
pub fn routes() -> Router {
    Router::new().route("/.well-known/matrix/client", get(client_route))
}

async fn client_route(State(services): State<Services>, headers: HeaderMap) -> Response {
    let base_url = match &services.config.server.public_url {
        Some(url) => url.as_str().trim_end_matches('/').to_owned(),
        None => base_url_as_asked(&services, &headers),
    };
    json_response(
        StatusCode::OK,
        &json!({ "m.homeserver": { "base_url": base_url } }),
    )
}

/// Without a configured address the one that was just used must do.
fn base_url_as_asked(services: &Services, headers: &HeaderMap) -> String {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let scheme = headers
        .get("x-forwarded-proto")
        .and_then(|scheme| scheme.to_str().ok())
        .filter(|scheme| services.config.listen.behind_proxy && ["http", "https"].contains(scheme));
    match host {
        Some(host) => format!("{}://{host}", scheme.unwrap_or("http")),
        None => format!("https://{}", services.config.server.name),
    }
}

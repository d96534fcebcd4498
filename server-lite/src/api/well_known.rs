//! What anybody may know of this server: where clients find it, whom to ask, what software it is.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#well-known-uris>,
//! <https://spec.matrix.org/v1.18/server-server-api/#get_matrixfederationv1version>

use axum::{
    extract::{Request, State},
    response::Response,
    routing::get,
};
use http::{StatusCode, header};
use serde_json::json;

use super::Router;
use crate::{
    Error,
    error::{Result, json_response},
    serve::listener::Scheme,
    service::Services,
};

/// The routes of this module.
pub fn routes() -> Router {
    Router::new()
        .route("/.well-known/matrix/client", get(client_route))
        .route("/.well-known/matrix/support", get(support_route))
        .route(
            "/.well-known/matrix/policy_server",
            get(policy_server_route),
        )
        .route("/_matrix/federation/v1/version", get(version_route))
}

/// Name and version of the software: part of the Server-Server API that needs no federation; clients show it.
async fn version_route() -> Response {
    let server = json!({ "name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION") });
    json_response(StatusCode::OK, &json!({ "server": server }))
}

/// Whom to ask for help.
async fn support_route(State(services): State<Services>) -> Result<Response> {
    let support = &services.config.support;
    let mut body = json!({});
    if support.email.is_some() || support.matrix_id.is_some() {
        let mut contact = json!({ "role": "m.role.admin" });
        if let Some(email) = &support.email {
            contact["email_address"] = json!(email);
        }
        if let Some(matrix_id) = &support.matrix_id {
            contact["matrix_id"] = json!(matrix_id);
        }
        body["contacts"] = json!([contact]);
    }
    if let Some(page) = &support.page {
        body["support_page"] = json!(page);
    }
    if body.as_object().is_some_and(serde_json::Map::is_empty) {
        return Err(Error::not_found("This server names nobody to ask."));
    }
    Ok(json_response(StatusCode::OK, &body))
}

async fn policy_server_route() -> Error {
    Error::not_found("This server is no policy server.")
}

async fn client_route(State(services): State<Services>, request: Request) -> Response {
    let base_url = match &services.config.server.public_url {
        Some(url) => url.as_str().trim_end_matches('/').to_owned(),
        None => base_url_as_asked(&services, &request),
    };
    let mut body = json!({ "m.homeserver": { "base_url": base_url } });
    let livekit = &services.config.rtc.livekit_service_urls;
    if !livekit.is_empty() {
        let foci = livekit.iter();
        let foci = foci.map(|url| json!({ "type": "livekit", "livekit_service_url": url }));
        body["org.matrix.msc4143.rtc_foci"] = foci.collect();
    }
    json_response(StatusCode::OK, &body)
}

/// Without a configured address the one that was just used must do.
fn base_url_as_asked(services: &Services, request: &Request) -> String {
    let text = |name| request.headers().get(name)?.to_str().ok();
    // HTTP/2 has the host in another place.
    let host = text(header::HOST.as_str()).or_else(|| Some(request.uri().authority()?.as_str()));
    let own = request.extensions().get::<Scheme>();
    let scheme = text("x-forwarded-proto")
        .filter(|scheme| services.config.listen.behind_proxy && ["http", "https"].contains(scheme))
        .unwrap_or(own.map_or("http", |own| own.0));
    match host {
        Some(host) => format!("{scheme}://{host}"),
        None => format!("https://{}", services.config.server.name),
    }
}

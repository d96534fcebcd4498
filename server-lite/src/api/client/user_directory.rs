//! Searching for users.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#user-directory>

use axum::{
    extract::{Query, Request, State},
    response::Response,
    routing::get,
};
use http::StatusCode;
use ruma::{UserId, api::client::user_directory::search_users::v3};
use serde::Deserialize;
use serde_json::json;

use crate::{
    Error,
    api::{Authed, Router, Routes, extract},
    error::{Result, json_response},
    service::{Services, rooms::membership, user_directory},
};

/// The most users one search returns.
const MAX_LIMIT: usize = 50;

/// The routes of this module.
pub fn routes() -> Router {
    Router::new()
        .ruma(search_users_route)
        .route("/_matrix/client/v1/mutual_rooms", get(mutual_rooms_route))
        .route(
            "/_matrix/client/unstable/uk.half-shot.msc2666/user/mutual_rooms",
            get(mutual_rooms_route),
        )
}

#[derive(Deserialize)]
struct MutualRooms {
    user_id: Option<String>,
    from: Option<String>,
}

/// The rooms one shares with somebody, in pages; ruma has the endpoint in an older form only.
async fn mutual_rooms_route(
    State(services): State<Services>,
    request: Request,
) -> Result<Response> {
    const PAGE: usize = 100;
    let (parts, _) = request.into_parts();
    let viewer = extract::authenticate(&services, &parts).await?.user_id;
    let asked = Query::<MutualRooms>::try_from_uri(&parts.uri)
        .map_err(|error| Error::invalid_param(error.to_string()))?
        .0;
    let other = asked.user_id.map(UserId::parse);
    let Some(Ok(other)) = other else {
        return Err(Error::invalid_param("user_id is missing or no user id."));
    };
    if other == viewer {
        return Err(Error::invalid_param("This is your own user id."));
    }
    let skip = asked.from.map_or(Ok(0), |from| from.parse::<usize>());
    let skip = skip.map_err(|_| Error::invalid_param("Unknown page."))?;
    let shared = services
        .store
        .read(move |c| membership::shared_rooms(c, &viewer, &other))
        .await?;
    let end = shared.len().min(skip.saturating_add(PAGE));
    let page = shared.get(skip..end).unwrap_or_default();
    let mut body = json!({ "joined": page, "count": shared.len() });
    if end < shared.len() {
        body["next_batch"] = json!(end.to_string());
    }
    Ok(json_response(StatusCode::OK, &body))
}

async fn search_users_route(
    services: Services,
    request: Authed<v3::Request>,
) -> Result<v3::Response> {
    let viewer = request.session.user_id;
    let v3::Request {
        search_term, limit, ..
    } = request.body;
    let limit = usize::try_from(u64::from(limit))
        .unwrap_or(MAX_LIMIT)
        .min(MAX_LIMIT);
    let found = services
        .store
        .read(move |c| user_directory::search(c, &viewer, &search_term, limit))
        .await?;
    Ok(v3::Response::new(found.users, found.limited))
}

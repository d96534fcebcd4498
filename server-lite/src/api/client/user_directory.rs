//! Searching for users.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#user-directory>

use ruma::api::client::user_directory::search_users::v3;

use crate::{
    api::{Authed, Router, Routes},
    error::Result,
    service::{Services, user_directory},
};

/// The most users one search returns.
const MAX_LIMIT: usize = 50;

/// The routes of this module.
pub fn routes() -> Router {
    Router::new().ruma(search_users_route)
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

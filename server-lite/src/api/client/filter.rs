//! Stored filters.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#filtering>

use ruma::api::client::filter::{create_filter::v3 as create_filter, get_filter::v3 as get_filter};

use crate::{
    api::{Authed, Router, Routes},
    error::{Error, Result},
    service::{Services, filters},
};

/// The routes of this module.
pub fn routes() -> Router {
    Router::new()
        .ruma(create_filter_route)
        .ruma(get_filter_route)
}

async fn create_filter_route(
    services: Services,
    request: Authed<create_filter::Request>,
) -> Result<create_filter::Response> {
    super::only_oneself(&request, &request.user_id)?;
    // What ruma does not know of a filter is kept: a later version may.
    let content: serde_json::Value = if request.raw.is_empty() {
        serde_json::json!({})
    } else {
        serde_json::from_slice(&request.raw)?
    };
    let user_id = request.session.user_id;
    let id = services
        .store
        .write(move |tx| Ok(filters::create(tx, &user_id, &content.to_string())?))
        .await?;
    Ok(create_filter::Response::new(id.to_string()))
}

async fn get_filter_route(
    services: Services,
    request: Authed<get_filter::Request>,
) -> Result<get_filter::Response> {
    super::only_oneself(&request, &request.user_id)?;
    let get_filter::Request {
        user_id, filter_id, ..
    } = request.body;
    let filter = services
        .store
        .read(move |c| Ok(filters::get(c, &user_id, &filter_id)?))
        .await?;
    let filter = filter.ok_or_else(|| Error::not_found("There is no such filter."))?;
    Ok(get_filter::Response::new(filter))
}

//! Who is there.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#presence>

use std::time::Duration;

use ruma::api::client::presence::{get_presence::v3 as get, set_presence::v3 as set};

use crate::{
    Error,
    api::{Authed, Router, Routes},
    error::Result,
    service::{Services, presence, rooms::membership},
};

/// The longest words about oneself, in bytes.
const MAX_STATUS: usize = 2048;

/// The routes of this module.
pub fn routes() -> Router {
    Router::new()
        .ruma(get_presence_route)
        .ruma(set_presence_route)
}

async fn get_presence_route(
    services: Services,
    request: Authed<get::Request>,
) -> Result<get::Response> {
    let status = services
        .store
        .read(move |c| {
            let (viewer, user) = (request.user_id(), &*request.body.user_id);
            if viewer != user && !membership::share_room(c, viewer, user)? {
                return Err(Error::forbidden("You share no room with this user."));
            }
            let none = || Error::not_found("Nothing is known of this user's presence.");
            presence::find(c, user)?.ok_or_else(none)
        })
        .await?;
    let (ago, active) = (status.last_active_ago(), status.is_active());
    let mut response = get::Response::new(status.state);
    response.status_msg = status.status_msg;
    response.last_active_ago = Some(Duration::from_millis(ago));
    response.currently_active = Some(active);
    Ok(response)
}

async fn set_presence_route(
    services: Services,
    request: Authed<set::Request>,
) -> Result<set::Response> {
    super::only_oneself(&request, &request.body.user_id)?;
    if !services.config.presence.enabled {
        return Ok(set::Response::new());
    }
    let status = request
        .body
        .status_msg
        .clone()
        .filter(|text| !text.is_empty());
    if status.as_ref().is_some_and(|text| text.len() > MAX_STATUS) {
        return Err(Error::invalid_param("status_msg has at most 2048 bytes."));
    }
    services
        .store
        .write(move |tx| {
            let state = &request.body.presence;
            presence::set(tx, request.user_id(), state, Some(status.as_deref()))
        })
        .await?;
    Ok(set::Response::new())
}

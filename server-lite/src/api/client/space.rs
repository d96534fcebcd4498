//! What is in a space.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#spaces>

use ruma::{UInt, api::client::space::get_hierarchy::v1};

use crate::{
    Error,
    api::{Authed, Router, Routes},
    error::Result,
    service::{
        Services,
        rooms::hierarchy::{self, Walk},
    },
};

/// A page never holds more rooms than this.
const MAX_PAGE: usize = 50;
/// How deep a walk goes at most.
const MAX_DEPTH: usize = 20;

/// The routes of this module.
pub fn routes() -> Router {
    Router::new().ruma(get_hierarchy_route)
}

async fn get_hierarchy_route(
    services: Services,
    request: Authed<v1::Request>,
) -> Result<v1::Response> {
    if request.limit == Some(UInt::MIN) {
        return Err(Error::invalid_param("limit must be above zero."));
    }
    let within = |asked: Option<UInt>, most: usize| {
        asked.map_or(most, |asked| {
            usize::try_from(asked).unwrap_or(most).min(most)
        })
    };
    let mut walk = Walk {
        suggested_only: request.suggested_only,
        max_depth: within(request.max_depth, MAX_DEPTH),
        skip: 0,
        limit: within(request.limit, MAX_PAGE),
    };
    if let Some(from) = &request.from {
        walk.skip = skip(from, walk)?;
    }
    let page = services
        .store
        .read(move |c| hierarchy::walk(c, &request.room_id, request.user_id(), walk))
        .await?;
    let mut response = v1::Response::new();
    response.next_batch = page.more.then(|| token(walk.skip + page.rooms.len(), walk));
    response.rooms = page.rooms;
    Ok(response)
}

/// Where to go on, and with what: neither depth nor suggestion may change on the way.
fn token(skip: usize, walk: Walk) -> String {
    format!("h{skip}_{}_{}", walk.max_depth, walk.suggested_only)
}

fn skip(token: &str, walk: Walk) -> Result<usize> {
    let wrong = || {
        Error::invalid_param("from is unknown, or max_depth or suggested_only are not as before.")
    };
    let number = token
        .strip_prefix('h')
        .and_then(|rest| rest.split('_').next());
    let skip = number
        .and_then(|number| number.parse().ok())
        .ok_or_else(wrong)?;
    if self::token(skip, walk) == token {
        Ok(skip)
    } else {
        Err(wrong())
    }
}

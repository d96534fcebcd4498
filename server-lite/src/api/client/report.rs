//! Reporting events, rooms and users to the administrators.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#reporting-content>

use ruma::api::client::{
    reporting::report_user,
    room::{report_content, report_room},
};

use super::room_events::RoomReader;
use crate::{
    Error,
    api::{Authed, Router, Routes},
    error::Result,
    service::{
        Services, accounts,
        reports::{self, About},
        rooms,
    },
};

/// The routes of this module.
pub fn routes() -> Router {
    Router::new()
        .ruma(report_event_route)
        .ruma(report_room_route)
        .ruma(report_user_route)
}

async fn report_event_route(
    services: Services,
    request: Authed<report_content::v3::Request>,
) -> Result<report_content::v3::Response> {
    services
        .store
        .write(move |tx| {
            // Whoever may not see the event learns nothing about it here.
            let unknown = |_| Error::not_found("There is no such event, or you may not see it.");
            let reader =
                RoomReader::open(tx, &request.room_id, &request.session).map_err(unknown)?;
            reader.visible(&request.event_id)?;
            let about = About::Event(&request.room_id, &request.event_id);
            let reason = request.reason.as_deref().unwrap_or_default();
            reports::add(tx, request.user_id(), about, reason)
        })
        .await?;
    tracing::warn!("an event was reported");
    Ok(report_content::v3::Response::new())
}

async fn report_room_route(
    services: Services,
    request: Authed<report_room::v3::Request>,
) -> Result<report_room::v3::Response> {
    services
        .store
        .write(move |tx| {
            rooms::get(tx, &request.room_id)?;
            let about = About::Room(&request.room_id);
            reports::add(tx, request.user_id(), about, &request.reason)
        })
        .await?;
    tracing::warn!("a room was reported");
    Ok(report_room::v3::Response::new())
}

async fn report_user_route(
    services: Services,
    request: Authed<report_user::v3::Request>,
) -> Result<report_user::v3::Response> {
    services
        .store
        .write(move |tx| {
            if !accounts::exists(tx, &request.body.user_id)? {
                return Err(Error::not_found("There is no such user here."));
            }
            let about = About::User(&request.body.user_id);
            reports::add(tx, request.user_id(), about, &request.reason)
        })
        .await?;
    tracing::warn!("a user was reported");
    Ok(report_user::v3::Response::new())
}

//! `/sync` and simplified sliding sync.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#syncing>,
//! MSC: <https://github.com/matrix-org/matrix-spec-proposals/pull/4186>

use std::{sync::Arc, time::Duration};

use ruma::api::{
    client::{
        filter::FilterDefinition,
        sync::sync_events::{v3, v5},
    },
    error::ErrorKind,
};
use rusqlite::Connection;

use crate::{
    Error,
    api::{Authed, Router, Routes},
    error::Result,
    service::{
        Services, presence,
        rooms::timeline::Token,
        sessions::Session,
        sync::{self as syncing, sliding},
        to_device,
    },
};

/// The routes of this module.
pub fn routes() -> Router {
    Router::new()
        .ruma_json(sync_route)
        .ruma_json(sliding_sync_route)
}

async fn sync_route(
    services: Services,
    request: Authed<v3::Request>,
) -> Result<syncing::v3::Response> {
    let since = request.since.as_deref().map(Token::parse).transpose()?;
    let filter = filter(&services, &request).await?;
    let acknowledged = since.map(|since| since.to_device.unwrap_or(since.position));
    let set_presence = request.set_presence.clone();
    let _here = presence::enter(&services, request.user_id(), set_presence).await;
    let query = syncing::v3::Query {
        session: request.session.clone(),
        since,
        filter: Arc::new(filter),
        full_state: request.full_state,
        use_state_after: request.use_state_after,
    };
    let timeout = request.timeout.unwrap_or(Duration::ZERO);
    syncing::poll(&services, request.user_id(), timeout, || {
        let (told, query) = (services.clone(), query.clone());
        look(&services, &request.session, acknowledged, move |c| {
            syncing::v3::look(c, &told, &query)
        })
    })
    .await
}

async fn filter(services: &Services, request: &Authed<v3::Request>) -> Result<FilterDefinition> {
    match &request.filter {
        None => Ok(FilterDefinition::default()),
        Some(v3::Filter::FilterDefinition(filter)) => Ok(filter.clone()),
        Some(v3::Filter::FilterId(id)) => {
            let (session, id) = (request.session.clone(), id.clone());
            services
                .store
                .glance(move |c| syncing::v3::stored_filter(c, &session, &id))
                .await
        }
        Some(_) => Err(Error::invalid_param("Unknown filter.")),
    }
}

/// Looks at what is new, and deletes the to-device messages that have arrived: those up to `acknowledged`. Most of the
/// time there are none; the same look finds that out, so that nobody has to be woken for it.
async fn look<T: Send + 'static>(
    services: &Services,
    session: &Session,
    acknowledged: Option<u64>,
    look: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
) -> Result<T> {
    let upto = acknowledged.unwrap_or(0);
    let asked = session.clone();
    let (found, any) = services
        .store
        .read(move |c| {
            let found = look(c)?;
            let any = to_device::any_upto(c, &asked.user_id, &asked.device_id, upto)?;
            Ok((found, any))
        })
        .await?;
    if any {
        let session = session.clone();
        services
            .store
            .write(move |tx| {
                to_device::delete_upto(tx, &session.user_id, &session.device_id, upto)?;
                Ok(())
            })
            .await?;
    }
    Ok(found)
}

async fn sliding_sync_route(
    services: Services,
    request: Authed<v5::Request>,
) -> Result<sliding::response::Response> {
    if !services.config.sync.sliding_sync {
        return Err(Error::new(
            http::StatusCode::NOT_FOUND,
            ErrorKind::Unrecognized,
            "Sliding sync is switched off on this server.",
        ));
    }
    let body = sliding::request::Body::parse(&request.raw)?;
    let acknowledged = Some(body.extensions.to_device.acknowledged()?).filter(|upto| *upto > 0);
    let set_presence = request.set_presence.clone();
    let _here = presence::enter(&services, request.user_id(), set_presence).await;
    let query = sliding::Query {
        session: request.session.clone(),
        pos: request.pos.clone(),
        body: Arc::new(body),
    };
    let timeout = request.timeout.unwrap_or(Duration::ZERO);
    syncing::poll(&services, request.user_id(), timeout, || {
        let (told, query) = (services.clone(), query.clone());
        look(&services, &request.session, acknowledged, move |c| {
            sliding::look(c, &told, &query)
        })
    })
    .await
}

//! A device that sleeps on the server.
//!
//! MSC: <https://github.com/matrix-org/matrix-spec-proposals/pull/3814>

use ruma::{
    api::client::dehydrated_device::{
        delete_dehydrated_device::unstable as delete, get_dehydrated_device::unstable as get,
        get_events::unstable as events, put_dehydrated_device::unstable as put,
    },
    serde::Raw,
};

use crate::{
    Error,
    api::{Authed, Router, Routes},
    error::Result,
    service::{Services, dehydrated_devices, keys, to_device},
};

/// Messages in one response, at most.
const MAX_EVENTS: usize = 100;

/// The routes of this module.
pub fn routes() -> Router {
    Router::new()
        .ruma(put_route)
        .ruma(get_route)
        .ruma(delete_route)
        .ruma(events_route)
}

fn none_sleeps() -> Error {
    Error::not_found("No device of yours sleeps here.")
}

async fn put_route(services: Services, request: Authed<put::Request>) -> Result<put::Response> {
    let device_id = request.body.device_id.clone();
    services
        .store
        .write(move |tx| {
            let (user, body) = (request.user_id(), &request.body);
            let device = &*body.device_id;
            let name = body.initial_device_display_name.as_deref();
            dehydrated_devices::put(tx, user, device, name, body.device_data.json())?;
            keys::upload_device_keys(tx, user, device, &body.device_keys)?;
            keys::upload_one_time(tx, user, device, &body.one_time_keys)?;
            keys::upload_fallback(tx, user, device, &body.fallback_keys)?;
            keys::mark_changed(tx, user)
        })
        .await?;
    Ok(put::Response::new(device_id))
}

async fn get_route(services: Services, request: Authed<get::Request>) -> Result<get::Response> {
    let found = services
        .store
        .read(move |c| dehydrated_devices::find(c, request.user_id()))
        .await?;
    let (device_id, data) = found.ok_or_else(none_sleeps)?;
    Ok(get::Response::new(device_id, Raw::from_json(data)))
}

async fn delete_route(
    services: Services,
    request: Authed<delete::Request>,
) -> Result<delete::Response> {
    let deleted = services
        .store
        .write(move |tx| dehydrated_devices::delete(tx, request.user_id()))
        .await?;
    Ok(delete::Response::new(deleted.ok_or_else(none_sleeps)?))
}

/// The messages that came meanwhile, in pages. What the last page ended with has arrived and is forgotten.
async fn events_route(
    services: Services,
    request: Authed<events::Request>,
) -> Result<events::Response> {
    let unknown = |_| Error::invalid_param("Unknown page.");
    let since = request.next_batch.as_deref().map_or(Ok(0), str::parse);
    let since: u64 = since.map_err(unknown)?;
    let found = services
        .store
        .write(move |tx| {
            let (user, device) = (request.user_id(), &*request.body.device_id);
            let sleeping = dehydrated_devices::find(tx, user)?;
            if sleeping.is_none_or(|(sleeping, _)| sleeping != device) {
                return Err(none_sleeps());
            }
            to_device::delete_upto(tx, user, device, since)?;
            Ok(to_device::since(tx, user, device, since, MAX_EVENTS)?)
        })
        .await?;
    let end = found.last().map_or(since, |message| message.position);
    let events = found.into_iter();
    let mut response = events::Response::new(
        events
            .map(|message| Raw::from_json(message.event))
            .collect(),
    );
    response.next_batch = Some(end.to_string());
    Ok(response)
}

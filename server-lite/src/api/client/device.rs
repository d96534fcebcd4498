//! Devices.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#device-management>

use ruma::{
    OwnedDeviceId,
    api::client::{
        device::{
            delete_device::v3 as delete_device, delete_devices::v3 as delete_devices,
            get_device::v3 as get_device, get_devices::v3 as get_devices,
            update_device::v3 as update_device,
        },
        uiaa::AuthData,
    },
};

use super::auth;
use crate::{
    api::{Authed, Router, Routes},
    error::{Error, Result},
    service::{Services, devices, sessions::Session},
};

/// The routes of this module.
pub fn routes() -> Router {
    Router::new()
        .ruma(get_devices_route)
        .ruma(get_device_route)
        .ruma(update_device_route)
        .ruma(delete_device_route)
        .ruma(delete_devices_route)
}

async fn get_devices_route(
    services: Services,
    request: Authed<get_devices::Request>,
) -> Result<get_devices::Response> {
    let user_id = request.session.user_id;
    let devices = services
        .store
        .read(move |c| Ok(devices::list(c, &user_id)?))
        .await?;
    Ok(get_devices::Response::new(devices))
}

async fn get_device_route(
    services: Services,
    request: Authed<get_device::Request>,
) -> Result<get_device::Response> {
    let (user_id, device_id) = (request.session.user_id, request.body.device_id);
    let device = services
        .store
        .read(move |c| Ok(devices::get(c, &user_id, &device_id)?))
        .await?;
    Ok(get_device::Response::new(device.ok_or_else(no_device)?))
}

async fn update_device_route(
    services: Services,
    request: Authed<update_device::Request>,
) -> Result<update_device::Response> {
    let (user_id, body) = (request.session.user_id, request.body);
    let found = services
        .store
        .write(move |tx| match &body.display_name {
            Some(name) => devices::rename(tx, &user_id, &body.device_id, name),
            None => Ok(devices::exists(tx, &user_id, &body.device_id)?),
        })
        .await?;
    if found {
        Ok(update_device::Response::new())
    } else {
        Err(no_device())
    }
}

async fn delete_device_route(
    services: Services,
    request: Authed<delete_device::Request>,
) -> Result<delete_device::Response> {
    let body = request.body;
    delete(
        &services,
        request.session,
        vec![body.device_id],
        body.auth.as_ref(),
    )
    .await?;
    Ok(delete_device::Response::new())
}

async fn delete_devices_route(
    services: Services,
    request: Authed<delete_devices::Request>,
) -> Result<delete_devices::Response> {
    let body = request.body;
    delete(&services, request.session, body.devices, body.auth.as_ref()).await?;
    Ok(delete_devices::Response::new())
}

async fn delete(
    services: &Services,
    session: Session,
    mut device_ids: Vec<OwnedDeviceId>,
    auth: Option<&AuthData>,
) -> Result<()> {
    device_ids.sort();
    let action = format!("delete devices {device_ids:?}");
    auth::confirm_user(services, &session, action, auth).await?;
    services
        .store
        .write(move |tx| devices::delete(tx, &session.user_id, device_ids.iter().map(|id| &**id)))
        .await
}

fn no_device() -> Error {
    Error::not_found("There is no such device.")
}

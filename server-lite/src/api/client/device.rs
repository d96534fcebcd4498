//! Devices.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#device-management>

use ruma::{
    OwnedDeviceId,
    api::client::{
        device::{
            delete_device::v3 as delete_device, delete_devices::v3 as delete_devices,
            get_device::v3 as get_device, get_devices::v3 as get_devices,
        },
        uiaa::AuthData,
    },
};

use super::{
    auth,
    ruma_gaps::{UpdateDeviceRequest, UpdateDeviceResponse},
};
use crate::{
    api::{Authed, Router, Routes},
    error::{Error, Result},
    service::{Services, devices, now_ms, sessions::Session},
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

/// Renames a device; an application service also makes devices that way.
async fn update_device_route(
    services: Services,
    request: Authed<UpdateDeviceRequest>,
) -> Result<UpdateDeviceResponse> {
    let (session, body) = (request.session, request.body.0);
    let created = services
        .store
        .write(move |tx| {
            let (user_id, device_id) = (&session.user_id, &body.device_id);
            let name = body.display_name.as_deref();
            if !devices::exists(tx, user_id, device_id)? {
                if session.appservice.is_none() {
                    return Err(no_device());
                }
                devices::make_without_tokens(tx, user_id, device_id, name, now_ms())?;
                return Ok(true);
            }
            if let Some(name) = name {
                devices::rename(tx, user_id, device_id, name)?;
            }
            Ok(false)
        })
        .await?;
    Ok(UpdateDeviceResponse { created })
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
    auth::confirm_user_or_appservice(services, &session, action, auth).await?;
    services
        .store
        .write(move |tx| devices::delete(tx, &session.user_id, device_ids.iter().map(|id| &**id)))
        .await
}

fn no_device() -> Error {
    Error::not_found("There is no such device.")
}

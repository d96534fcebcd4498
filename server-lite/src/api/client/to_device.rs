//! Messages to single devices.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#send-to-device-messaging>

use ruma::api::client::to_device::send_event_to_device::v3;

use crate::{
    api::{Authed, Router, Routes},
    error::Result,
    service::{
        Services, now_ms,
        to_device::{self, Outgoing},
    },
};

/// The largest request: keys for some hundred devices, encrypted one by one.
const MAX_BODY: usize = 8 << 20;

/// The routes of this module.
pub fn routes() -> Router {
    Router::new().ruma_with_max_body(MAX_BODY, send_to_device_route)
}

async fn send_to_device_route(
    services: Services,
    request: Authed<v3::Request>,
) -> Result<v3::Response> {
    let (session, body) = (request.session, request.body);
    let messages: Vec<Outgoing> = body
        .messages
        .into_iter()
        .flat_map(|(user_id, devices)| {
            devices.into_iter().map(move |(device, content)| Outgoing {
                user_id: user_id.clone(),
                device,
                content: content.into_json(),
            })
        })
        .collect();
    services
        .store
        .write(move |tx| {
            let (user_id, device_id) = (&session.user_id, &session.device_id);
            if to_device::begin_transaction(tx, user_id, device_id, &body.txn_id, now_ms())? {
                to_device::send(tx, user_id, &body.event_type.to_string(), &messages)?;
            }
            Ok(())
        })
        .await?;
    Ok(v3::Response::new())
}

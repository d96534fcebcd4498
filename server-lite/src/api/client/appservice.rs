//! What only application services may ask for.
//!
//! Spec: <https://spec.matrix.org/v1.18/application-service-api/#client-server-api-extensions>

use std::{sync::Arc, time::Instant};

use http::StatusCode;
use ruma::api::{
    client::{
        appservice::{request_ping::v1 as ping, set_room_visibility::v3 as set_visibility},
        room::Visibility,
    },
    error::{BadStatusErrorData, ErrorKind},
};

use crate::{
    Error,
    api::{Authed, Router, Routes},
    error::Result,
    service::{
        Services,
        appservices::{
            Appservice,
            client::{Answer, NoAnswer},
            networks,
        },
        rooms,
    },
};

/// So much of a wrong answer is shown.
const MAX_SHOWN: usize = 1024;

/// The routes of this module.
pub fn routes() -> Router {
    Router::new().ruma(ping_route).ruma(set_visibility_route)
}

fn asking<T>(request: &Authed<T>) -> Result<&Arc<Appservice>> {
    let asking = request.session.appservice.as_ref();
    asking.ok_or_else(|| Error::forbidden("Only application services may do this."))
}

async fn ping_route(services: Services, request: Authed<ping::Request>) -> Result<ping::Response> {
    let appservice = asking(&request)?;
    if appservice.id() != request.appservice_id {
        return Err(Error::forbidden("This is another application service."));
    }
    let started = Instant::now();
    let transaction_id = request.transaction_id.as_ref().map(|id| id.as_str());
    let answer = services.appservices.ping(appservice, transaction_id).await;
    let gateway = |status, kind, message: String| Err(Error::new(status, kind, message));
    match answer {
        Ok(answer) if answer.status.is_success() => Ok(ping::Response::new(started.elapsed())),
        Ok(answer) => {
            let message = format!("The application service answered {}.", answer.status);
            let kind = ErrorKind::BadStatus(bad_status(&answer));
            gateway(StatusCode::BAD_GATEWAY, kind, message)
        }
        Err(NoAnswer::NoUrl) => {
            let message = "The application service's registration has no url.";
            Err(Error::bad_request(ErrorKind::UrlNotSet, message))
        }
        Err(NoAnswer::Timeout) => {
            let message = "The application service did not answer in time.".to_owned();
            let status = StatusCode::GATEWAY_TIMEOUT;
            gateway(status, ErrorKind::ConnectionTimeout, message)
        }
        Err(NoAnswer::Failed(why)) => {
            let message = format!("The application service cannot be reached: {why}.");
            let status = StatusCode::BAD_GATEWAY;
            gateway(status, ErrorKind::ConnectionFailed, message)
        }
    }
}

fn bad_status(answer: &Answer) -> BadStatusErrorData {
    let text = String::from_utf8_lossy(&answer.body);
    let mut data = BadStatusErrorData::new();
    data.status = Some(answer.status);
    data.body = Some(text[..text.floor_char_boundary(MAX_SHOWN)].to_owned());
    data
}

async fn set_visibility_route(
    services: Services,
    request: Authed<set_visibility::Request>,
) -> Result<set_visibility::Response> {
    let appservice = asking(&request)?.clone();
    services
        .store
        .write(move |tx| {
            let room = rooms::get(tx, &request.room_id)?;
            let published = request.visibility == Visibility::Public;
            networks::publish(tx, appservice.id(), &request.network_id, &room, published)
        })
        .await?;
    Ok(set_visibility::Response::new())
}

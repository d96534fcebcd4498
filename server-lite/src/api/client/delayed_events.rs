//! Restarting, sending and cancelling events that wait to be sent.
//!
//! MSC: <https://github.com/matrix-org/matrix-spec-proposals/pull/4140>

use std::time::Duration;

use axum::{
    extract::{Path, Request, State},
    response::Response,
    routing::{get, post},
};
use http::StatusCode;
use ruma::api::client::delayed_events::update_delayed_event::unstable as update;
use serde_json::json;

use crate::{
    Error,
    api::{Authed, Router, Routes, extract},
    error::{Result, json_response},
    service::{
        Services,
        delayed_events::{self, Action},
    },
};

const BASE: &str = "/_matrix/client/unstable/org.matrix.msc4140/delayed_events";

/// The routes of this module.
pub fn routes() -> Router {
    Router::new()
        .ruma(update_route)
        .route(BASE, get(list_route))
        .route(&format!("{BASE}/{{delay_id}}/{{action}}"), post(act_route))
}

/// The delay a client asks for in the query of a request to send something; none if it wants it sent now.
pub fn delay_of(query: &str) -> Result<Option<Duration>> {
    let given = url::form_urlencoded::parse(query.as_bytes())
        .find(|(key, _)| key == "org.matrix.msc4140.delay");
    let wrong = |_| Error::invalid_param("The delay is a number of milliseconds.");
    given
        .map(|(_, delay)| delay.parse().map(Duration::from_millis).map_err(wrong))
        .transpose()
}

async fn apply(services: Services, delay_id: String, action: Action) -> Result<()> {
    let writer = services.clone();
    services
        .store
        .write(move |tx| delayed_events::update(tx, &writer, &delay_id, action))
        .await
}

fn action(name: &str) -> Result<Action> {
    match name {
        "restart" => Ok(Action::Restart),
        "send" => Ok(Action::Send),
        "cancel" => Ok(Action::Cancel),
        _ => Err(Error::invalid_param(
            "The action is restart, send or cancel.",
        )),
    }
}

async fn update_route(
    services: Services,
    request: Authed<update::Request>,
) -> Result<update::Response> {
    let action = action(request.action.as_str())?;
    apply(services, request.body.delay_id, action).await?;
    Ok(update::Response::new())
}

/// The later form of the proposal, in which the handle is the permission.
async fn act_route(
    State(services): State<Services>,
    Path((delay_id, name)): Path<(String, String)>,
) -> Result<Response> {
    apply(services, delay_id, action(&name)?).await?;
    Ok(json_response(StatusCode::OK, &json!({})))
}

async fn list_route(State(services): State<Services>, request: Request) -> Result<Response> {
    let (parts, _) = request.into_parts();
    let user = extract::authenticate(&services, &parts).await?.user_id;
    let waiting = services
        .store
        .read(move |c| delayed_events::list(c, &user))
        .await?;
    Ok(json_response(
        StatusCode::OK,
        &json!({ "delayed_events": waiting }),
    ))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::delay_of;

    #[test]
    fn a_delay_is_milliseconds() {
        assert_eq!(delay_of("").unwrap(), None);
        let delay = delay_of("ts=1&org.matrix.msc4140.delay=1500").unwrap();
        assert_eq!(delay, Some(Duration::from_millis(1500)));
        assert!(delay_of("org.matrix.msc4140.delay=-1").is_err());
        assert!(delay_of("org.matrix.msc4140.delay=soon").is_err());
    }
}

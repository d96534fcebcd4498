//! Networks behind bridges. They come from application services; this server has none yet, so it knows no network.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#third-party-networks>

use std::collections::BTreeMap;

use ruma::api::client::thirdparty::{
    get_location_for_protocol, get_location_for_room_alias, get_protocol, get_protocols,
    get_user_for_protocol, get_user_for_user_id,
};

use crate::{
    Error,
    api::{Authed, MAX_BODY, Router, Routes},
    error::Result,
    service::Services,
};

/// The routes of this module.
pub fn routes() -> Router {
    Router::new()
        .ruma(get_protocols_route)
        .ruma(get_protocol_route)
        .ruma(get_location_for_protocol_route)
        .ruma(get_location_for_room_alias_route)
        .ruma(get_user_for_protocol_route)
        .ruma(get_user_for_user_id_route)
        .ruma_also(
            MAX_BODY,
            &["/_matrix/client/unstable/thirdparty/protocols"],
            get_protocols_route,
        )
}

fn unknown_protocol() -> Error {
    Error::not_found("This server has no bridge to such a network.")
}

async fn get_protocols_route(
    _: Services,
    _: Authed<get_protocols::v3::Request>,
) -> Result<get_protocols::v3::Response> {
    Ok(get_protocols::v3::Response::new(BTreeMap::new()))
}

async fn get_protocol_route(
    _: Services,
    _: Authed<get_protocol::v3::Request>,
) -> Result<get_protocol::v3::Response> {
    Err(unknown_protocol())
}

async fn get_location_for_protocol_route(
    _: Services,
    _: Authed<get_location_for_protocol::v3::Request>,
) -> Result<get_location_for_protocol::v3::Response> {
    Err(unknown_protocol())
}

async fn get_location_for_room_alias_route(
    _: Services,
    _: Authed<get_location_for_room_alias::v3::Request>,
) -> Result<get_location_for_room_alias::v3::Response> {
    Err(Error::not_found("No bridge knows this address."))
}

async fn get_user_for_protocol_route(
    _: Services,
    _: Authed<get_user_for_protocol::v3::Request>,
) -> Result<get_user_for_protocol::v3::Response> {
    Err(unknown_protocol())
}

async fn get_user_for_user_id_route(
    _: Services,
    _: Authed<get_user_for_user_id::v3::Request>,
) -> Result<get_user_for_user_id::v3::Response> {
    Err(Error::not_found("No bridge knows this user."))
}

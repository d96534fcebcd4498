//! Networks behind bridges, as application services tell of them.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#third-party-networks>

use std::collections::BTreeMap;

use ruma::api::client::thirdparty::{
    get_location_for_protocol, get_location_for_room_alias, get_protocol, get_protocols,
    get_user_for_protocol, get_user_for_user_id,
};
use serde_json::Value;

use crate::{
    Error,
    api::{Authed, Router, Routes},
    error::Result,
    service::{
        Services,
        appservices::thirdparty::{self, Kind},
    },
};

/// The routes of this module.
pub fn routes() -> Router {
    Router::new()
        .ruma_json(get_protocols_route)
        .ruma_json(get_protocol_route)
        .ruma_json(get_location_for_protocol_route)
        .ruma_json(get_location_for_room_alias_route)
        .ruma_json(get_user_for_protocol_route)
        .ruma_json(get_user_for_user_id_route)
        .ruma_json_at(
            "/_matrix/client/unstable/thirdparty/protocols",
            &[],
            get_protocols_route,
        )
}

async fn get_protocols_route(
    services: Services,
    _: Authed<get_protocols::v3::Request>,
) -> Result<BTreeMap<String, Value>> {
    let mut protocols = BTreeMap::new();
    for name in thirdparty::protocols(&services) {
        if let Some(protocol) = thirdparty::protocol(&services, name).await {
            protocols.insert(name.to_owned(), protocol);
        }
    }
    Ok(protocols)
}

async fn get_protocol_route(
    services: Services,
    request: Authed<get_protocol::v3::Request>,
) -> Result<Value> {
    require_protocol(&services, &request.protocol)?;
    let protocol = thirdparty::protocol(&services, &request.protocol).await;
    protocol.ok_or_else(|| Error::not_found("The bridge to this network does not answer."))
}

fn require_protocol(services: &Services, protocol: &str) -> Result<()> {
    if thirdparty::protocols(services).contains(&protocol) {
        Ok(())
    } else {
        let text = "This server has no bridge to such a network.";
        Err(Error::not_found(text))
    }
}

/// What was found, if anything was.
fn some(found: Vec<Value>, nothing: &str) -> Result<Vec<Value>> {
    if found.is_empty() {
        Err(Error::not_found(nothing))
    } else {
        Ok(found)
    }
}

/// The fields to search by; not what says who asks.
fn fields(given: &BTreeMap<String, String>) -> Vec<(&str, &str)> {
    let given = given
        .iter()
        .filter(|(name, _)| *name != "access_token" && *name != "user_id");
    given
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

async fn get_location_for_protocol_route(
    services: Services,
    request: Authed<get_location_for_protocol::v3::Request>,
) -> Result<Vec<Value>> {
    require_protocol(&services, &request.protocol)?;
    let fields = fields(&request.fields);
    let found = thirdparty::find(&services, Kind::Location, &request.protocol, &fields).await;
    some(found, "No bridge knows such a place.")
}

async fn get_location_for_room_alias_route(
    services: Services,
    request: Authed<get_location_for_room_alias::v3::Request>,
) -> Result<Vec<Value>> {
    let found = thirdparty::of_alias(&services, &request.alias).await;
    some(found, "No bridge knows this address.")
}

async fn get_user_for_protocol_route(
    services: Services,
    request: Authed<get_user_for_protocol::v3::Request>,
) -> Result<Vec<Value>> {
    require_protocol(&services, &request.protocol)?;
    let fields = fields(&request.fields);
    let found = thirdparty::find(&services, Kind::User, &request.protocol, &fields).await;
    some(found, "No bridge knows such a user.")
}

async fn get_user_for_user_id_route(
    services: Services,
    request: Authed<get_user_for_user_id::v3::Request>,
) -> Result<Vec<Value>> {
    let found = thirdparty::of_user(&services, request.userid.as_str()).await;
    some(found, "No bridge knows this user.")
}

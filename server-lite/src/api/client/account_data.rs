//! Account data and tags.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#client-config>,
//! <https://spec.matrix.org/v1.18/client-server-api/#room-tagging>

use bytes::Bytes;
use http::StatusCode;
use ruma::{
    OwnedRoomId,
    api::{
        client::{
            config::{
                get_global_account_data::v3 as get_global, get_room_account_data::v3 as get_room,
                set_global_account_data::v3 as set_global, set_room_account_data::v3 as set_room,
            },
            tag::{
                create_tag::v3 as create_tag, delete_tag::v3 as delete_tag,
                get_tags::v3 as get_tags,
            },
        },
        error::ErrorKind,
    },
    serde::Raw,
};
use serde_json::{Value, value::RawValue};

use crate::{
    api::{Authed, Router, Routes},
    error::{Error, Result},
    service::{
        Services,
        account_data::{self, FULLY_READ, PUSH_RULES},
        sessions::Session,
    },
};

/// The longest tag, in bytes.
const MAX_TAG: usize = 255;

/// The longest type, in bytes.
const MAX_TYPE: usize = 255;

/// The routes of this module.
pub fn routes() -> Router {
    Router::new()
        .ruma(get_global_route)
        .ruma(set_global_route)
        .ruma(get_room_route)
        .ruma(set_room_route)
        .ruma(get_tags_route)
        .ruma(create_tag_route)
        .ruma(delete_tag_route)
}

async fn get_global_route(
    services: Services,
    request: Authed<get_global::Request>,
) -> Result<get_global::Response> {
    super::only_oneself(&request, &request.user_id)?;
    let event_type = request.event_type.to_string();
    let content = read(&services, request.session, None, event_type).await?;
    Ok(get_global::Response::new(Raw::from_json(content)))
}

async fn set_global_route(
    services: Services,
    request: Authed<set_global::Request>,
) -> Result<set_global::Response> {
    super::only_oneself(&request, &request.user_id)?;
    let event_type = request.event_type.to_string();
    write(&services, request.session, None, event_type, &request.raw).await?;
    Ok(set_global::Response::new())
}

async fn get_room_route(
    services: Services,
    request: Authed<get_room::Request>,
) -> Result<get_room::Response> {
    super::only_oneself(&request, &request.user_id)?;
    let event_type = request.event_type.to_string();
    let content = read(
        &services,
        request.session,
        Some(request.body.room_id),
        event_type,
    )
    .await?;
    Ok(get_room::Response::new(Raw::from_json(content)))
}

async fn set_room_route(
    services: Services,
    request: Authed<set_room::Request>,
) -> Result<set_room::Response> {
    super::only_oneself(&request, &request.user_id)?;
    let event_type = request.event_type.to_string();
    let room_id = Some(request.body.room_id);
    write(
        &services,
        request.session,
        room_id,
        event_type,
        &request.raw,
    )
    .await?;
    Ok(set_room::Response::new())
}

async fn read(
    services: &Services,
    session: Session,
    room_id: Option<OwnedRoomId>,
    event_type: String,
) -> Result<Box<RawValue>> {
    services
        .store
        .read(move |c| account_data::get(c, &session.user_id, room_id.as_deref(), &event_type))
        .await?
        .ok_or_else(|| Error::not_found("There is no account data of this type."))
}

async fn write(
    services: &Services,
    session: Session,
    room_id: Option<OwnedRoomId>,
    event_type: String,
    body: &Bytes,
) -> Result<()> {
    if event_type == PUSH_RULES || event_type == FULLY_READ {
        let text = format!("{event_type} has endpoints of its own.");
        return Err(Error::new(
            StatusCode::METHOD_NOT_ALLOWED,
            ErrorKind::BadJson,
            text,
        ));
    }
    if event_type.len() > MAX_TYPE {
        return Err(Error::invalid_param("A type has at most 255 bytes."));
    }
    let content = object(body)?;
    services
        .store
        .write(move |tx| {
            account_data::set(
                tx,
                &session.user_id,
                room_id.as_deref(),
                &event_type,
                &content,
            )?;
            Ok(())
        })
        .await
}

/// The body as it came, if it is a JSON object.
fn object(body: &Bytes) -> Result<Box<RawValue>> {
    let raw: Box<RawValue> = serde_json::from_slice(body)
        .map_err(|error| Error::bad_request(ErrorKind::NotJson, error.to_string()))?;
    if raw.get().starts_with('{') {
        Ok(raw)
    } else {
        Err(Error::bad_json("Account data is a JSON object."))
    }
}

async fn get_tags_route(
    services: Services,
    request: Authed<get_tags::Request>,
) -> Result<get_tags::Response> {
    super::only_oneself(&request, &request.user_id)?;
    let get_tags::Request {
        user_id, room_id, ..
    } = request.body;
    let mut content = services
        .store
        .read(move |c| account_data::tags(c, &user_id, &room_id))
        .await?;
    let tags = content.get_mut("tags").map(Value::take).unwrap_or_default();
    Ok(get_tags::Response::new(
        serde_json::from_value(tags).unwrap_or_default(),
    ))
}

async fn create_tag_route(
    services: Services,
    request: Authed<create_tag::Request>,
) -> Result<create_tag::Response> {
    super::only_oneself(&request, &request.user_id)?;
    if request.tag.len() > MAX_TAG {
        return Err(Error::invalid_param("A tag has at most 255 bytes."));
    }
    let info = serde_json::to_value(&request.tag_info)?;
    let create_tag::Request {
        user_id,
        room_id,
        tag,
        ..
    } = request.body;
    services
        .store
        .write(move |tx| account_data::change_tag(tx, &user_id, &room_id, &tag, Some(info)))
        .await?;
    Ok(create_tag::Response::new())
}

async fn delete_tag_route(
    services: Services,
    request: Authed<delete_tag::Request>,
) -> Result<delete_tag::Response> {
    super::only_oneself(&request, &request.user_id)?;
    let delete_tag::Request {
        user_id,
        room_id,
        tag,
        ..
    } = request.body;
    services
        .store
        .write(move |tx| account_data::change_tag(tx, &user_id, &room_id, &tag, None))
        .await?;
    Ok(delete_tag::Response::new())
}

//! Sending messages and state, redacting.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#sending-events-to-a-room>

use std::time::Duration;

use ruma::{
    OwnedEventId, OwnedRoomId, OwnedTransactionId,
    api::{
        client::{message::send_message_event, redact::redact_event, state::send_state_event},
        error::ErrorKind,
    },
};
use rusqlite::Connection;
use serde::Serialize;
use serde_json::{Value, value::RawValue};

use super::{delayed_events::delay_of, rooms::refuse_suspended};
use crate::{
    Error,
    api::{Authed, Router, Routes},
    error::Result,
    service::{
        Services, delayed_events,
        rate_limit::Class,
        rooms::{
            self, Room, aliases,
            append::{NewEvent, append, content_from_raw},
            redaction, relations, transactions,
            visibility::require_joined,
        },
        server_notices,
        sessions::Session,
    },
    store::WriteTx,
};

/// The routes of this module.
pub fn routes() -> Router {
    const EMPTY_KEY: &[&str] = &[""];
    Router::new()
        .ruma_json(send_message_event_route)
        .ruma_json(send_state_event_route)
        .ruma_json_at(
            "/_matrix/client/v3/rooms/{room_id}/state/{event_type}",
            EMPTY_KEY,
            send_state_event_route,
        )
        .ruma_json_at(
            "/_matrix/client/v3/rooms/{room_id}/state/{event_type}/",
            EMPTY_KEY,
            send_state_event_route,
        )
        .ruma_json_at(
            "/_matrix/client/r0/rooms/{room_id}/state/{event_type}",
            EMPTY_KEY,
            send_state_event_route,
        )
        .ruma_json_at(
            "/_matrix/client/r0/rooms/{room_id}/state/{event_type}/",
            EMPTY_KEY,
            send_state_event_route,
        )
        .ruma(redact_event_route)
}

/// What became of a request to send something.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Sent {
    /// It is in the room, as this event.
    EventId(OwnedEventId),
    /// It waits, under this name.
    DelayId(String),
}

/// Keeps an event that shall be sent later, once the one who wants it could send it now.
async fn send_later(
    services: &Services,
    session: Session,
    delay: Duration,
    event: LaterEvent,
) -> Result<Sent> {
    services
        .limiter
        .check(Class::Messages, session.user_id.as_str())?;
    let writer = services.clone();
    let delay_id = services
        .store
        .write(move |tx| {
            let room = rooms::get(tx, &event.room_id)?;
            require_joined(tx, &room, &session.user_id)?;
            if let Some(state_key) = &event.state_key {
                let content = content_from_raw(&event.content)?;
                check_state(tx, &room, &event.kind, state_key, &content)?;
            } else if event.kind == "m.room.redaction" {
                return Err(Error::invalid_param("A redaction cannot be delayed."));
            }
            let wanted = delayed_events::Wanted {
                room_id: &event.room_id,
                kind: &event.kind,
                state_key: event.state_key.as_deref(),
                content: &event.content,
                delay,
                txn_id: event.txn_id,
            };
            delayed_events::schedule(tx, &writer, &session, &wanted)
        })
        .await?;
    Ok(Sent::DelayId(delay_id))
}

/// An event to be sent later.
struct LaterEvent {
    room_id: OwnedRoomId,
    kind: String,
    state_key: Option<String>,
    content: Box<RawValue>,
    txn_id: Option<OwnedTransactionId>,
}

/// Runs `make` once a transaction and appends what it makes.
async fn send_once(
    services: &Services,
    session: Session,
    room_id: OwnedRoomId,
    txn_id: OwnedTransactionId,
    endpoint: String,
    make: impl FnOnce(&WriteTx<'_>, &Room) -> Result<NewEvent> + Send + 'static,
) -> Result<OwnedEventId> {
    services
        .limiter
        .check(Class::Messages, session.user_id.as_str())?;
    let writer = services.clone();
    services
        .store
        .write(move |tx| {
            if let Some(event_id) = transactions::find(tx, &session, &endpoint, &txn_id)? {
                return Ok(event_id);
            }
            let mut room = rooms::get(tx, &room_id)?;
            require_joined(tx, &room, &session.user_id)?;
            let mut new = make(tx, &room)?;
            new.transaction = Some((session.device_id.clone(), txn_id.clone()));
            let pdu = append(tx, &writer, &mut room, new)?;
            transactions::remember(tx, &session, &endpoint, &txn_id, &pdu.event_id)?;
            Ok(pdu.event_id.clone())
        })
        .await
}

async fn send_message_event_route(
    services: Services,
    request: Authed<send_message_event::v3::Request>,
) -> Result<Sent> {
    refuse_suspended(&request)?;
    let delay = delay_of(&request.query)?;
    let Authed {
        body: request,
        session,
        ..
    } = request;
    let kind = request.event_type.to_string();
    if let Some(delay) = delay {
        let event = LaterEvent {
            room_id: request.room_id,
            kind,
            state_key: None,
            content: request.body.into_json(),
            txn_id: Some(request.txn_id),
        };
        return send_later(&services, session, delay, event).await;
    }
    let content = content_from_raw(request.body.json())?;
    let ts = request.timestamp.filter(|_| session.appservice.is_some());
    let sender = session.user_id.clone();
    let endpoint = format!("send {} {kind}", request.room_id);
    let make = move |tx: &WriteTx<'_>, room: &Room| {
        if kind == "m.room.redaction" {
            let target = content.get("redacts").and_then(|id| id.as_str());
            let target = target.and_then(|id| ruma::EventId::parse(id).ok());
            let target = target.ok_or_else(|| Error::bad_json("A redaction needs `redacts`."))?;
            let mut new = redaction::new_redaction(tx, room, &sender, target, None)?;
            new.content.extend(content);
            new.ts = ts;
            return Ok(new);
        }
        let mut new = NewEvent::message(sender, kind, content);
        new.ts = ts;
        refuse_second_annotation(tx, room, &new)?;
        Ok(new)
    };
    let event_id = send_once(
        &services,
        session,
        request.room_id,
        request.txn_id,
        endpoint,
        make,
    )
    .await?;
    Ok(Sent::EventId(event_id))
}

/// One user reacts to one event with one emoji once.
fn refuse_second_annotation(connection: &Connection, room: &Room, new: &NewEvent) -> Result<()> {
    let relation = new
        .content
        .get("m.relates_to")
        .and_then(|value| value.as_object());
    let Some(relation) = relation else {
        return Ok(());
    };
    let text = |key: &str| relation.get(key).and_then(|value| value.as_str());
    if let (Some("m.annotation"), Some(parent), Some(key)) =
        (text("rel_type"), text("event_id"), text("key"))
    {
        let (sender, kind) = (new.sender.as_str(), new.kind.to_string());
        if relations::has_annotation(connection, room, parent, sender, &kind, key)? {
            let message = "You have reacted with this already.";
            return Err(Error::bad_request(ErrorKind::DuplicateAnnotation, message));
        }
    }
    Ok(())
}

async fn send_state_event_route(
    services: Services,
    request: Authed<send_state_event::v3::Request>,
) -> Result<Sent> {
    refuse_suspended(&request)?;
    if let Some(delay) = delay_of(&request.query)? {
        let event = LaterEvent {
            room_id: request.room_id.clone(),
            kind: request.event_type.to_string(),
            state_key: Some(request.state_key.clone()),
            content: request.body.body.clone().into_json(),
            txn_id: None,
        };
        return send_later(&services, request.session, delay, event).await;
    }
    services
        .limiter
        .check(Class::Messages, request.user_id().as_str())?;
    let writer = services.clone();
    let event_id = services
        .store
        .write(move |tx| {
            let mut room = rooms::get(tx, &request.room_id)?;
            let kind = request.event_type.to_string();
            if kind != "m.room.member" {
                require_joined(tx, &room, request.user_id())?;
            }
            let content = content_from_raw(request.body.body.json())?;
            check_state(tx, &room, &kind, &request.state_key, &content)?;
            if let Some(same) = unchanged(tx, &room, &request, &content)? {
                return Ok(same);
            }
            let (sender, state_key) = (request.user_id(), &*request.state_key);
            delayed_events::cancel_overtaken(tx, &room.id, &kind, state_key, sender)?;
            let mut new = NewEvent::state(sender, kind, state_key, content);
            let is_appservice = request.session.appservice.is_some();
            new.ts = request.timestamp.filter(|_| is_appservice);
            append(tx, &writer, &mut room, new).map(|pdu| pdu.event_id.clone())
        })
        .await?;
    Ok(Sent::EventId(event_id))
}

/// State that says what is said already makes no new event.
fn unchanged(
    connection: &Connection,
    room: &Room,
    request: &Authed<send_state_event::v3::Request>,
    content: &ruma::CanonicalJsonObject,
) -> Result<Option<OwnedEventId>> {
    let kind = request.event_type.to_string();
    let current = rooms::events::current_state(connection, room, &kind, &request.state_key)?;
    Ok(current
        .filter(|current| current.sender == request.user_id())
        .filter(|current| content_from_raw(&current.content).is_ok_and(|old| old == *content))
        .map(|current| current.event_id))
}

fn check_state(
    connection: &Connection,
    room: &Room,
    kind: &str,
    state_key: &str,
    content: &ruma::CanonicalJsonObject,
) -> Result<()> {
    match kind {
        "m.room.create" => Err(Error::forbidden("A room is created once.")),
        "m.room.member" => {
            let membership = content.get("membership").and_then(|value| value.as_str());
            match (membership, ruma::UserId::parse(state_key)) {
                (Some("leave"), Ok(user)) => server_notices::check_leave(connection, room, &user),
                (Some(_), Ok(_)) => Ok(()),
                _ => Err(Error::bad_json(
                    "A member event needs a user and a membership.",
                )),
            }
        }
        "m.room.canonical_alias" if state_key.is_empty() => {
            check_canonical_alias(connection, room, content)
        }
        _ => Ok(()),
    }
}

/// Aliases that become canonical must point to this room.
fn check_canonical_alias(
    connection: &Connection,
    room: &Room,
    content: &ruma::CanonicalJsonObject,
) -> Result<()> {
    let before = rooms::events::current_state(connection, room, "m.room.canonical_alias", "")?;
    let before: Value = before.map(|pdu| pdu.content_as()).unwrap_or_default();
    let mut known: Vec<&str> = before["alt_aliases"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    known.extend(before["alias"].as_str());
    let alias = content.get("alias").and_then(|value| value.as_str());
    let alt = content
        .get("alt_aliases")
        .and_then(|value| value.as_array())
        .unwrap_or_default();
    for alias in alias
        .into_iter()
        .chain(alt.iter().filter_map(|value| value.as_str()))
    {
        if known.contains(&alias) {
            continue;
        }
        let parsed = ruma::RoomAliasId::parse(alias)
            .map_err(|_| Error::invalid_param(format!("{alias} is no room address.")))?;
        if aliases::room_of(connection, &parsed)? != Some(room.nid) {
            let message = format!("{alias} does not point to this room.");
            return Err(Error::bad_request(ErrorKind::BadAlias, message));
        }
    }
    Ok(())
}

async fn redact_event_route(
    services: Services,
    request: Authed<redact_event::v3::Request>,
) -> Result<redact_event::v3::Response> {
    refuse_suspended(&request)?;
    let Authed {
        body: request,
        session,
        ..
    } = request;
    let sender = session.user_id.clone();
    let endpoint = format!("redact {} {}", request.room_id, request.event_id);
    let (target, reason) = (request.event_id, request.reason);
    let make = move |tx: &WriteTx<'_>, room: &Room| {
        redaction::new_redaction(tx, room, &sender, target, reason)
    };
    let event_id = send_once(
        &services,
        session,
        request.room_id,
        request.txn_id,
        endpoint,
        make,
    )
    .await?;
    Ok(redact_event::v3::Response::new(event_id))
}

//! Reading rooms: state, single events, pages of history, context, relations, threads.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#getting-events-for-a-room>

use std::collections::BTreeSet;

use ruma::{
    OwnedEventId, RoomId, UInt,
    api::{
        Direction,
        client::{
            context::get_context,
            filter::{LazyLoadOptions, RoomEventFilter},
            message::get_message_events,
            room::{get_event_by_timestamp, get_room_event},
            state::{get_state_event_for_key, get_state_events},
        },
    },
    serde::Raw,
};
use rusqlite::{Connection, OptionalExtension};
use serde_json::value::RawValue;

use crate::{
    Error,
    api::{Authed, Router, Routes},
    error::Result,
    service::{
        Services,
        ignores::Ignored,
        rooms::{
            self, Room,
            client_event::{EventRow, Format, Viewer},
            events, membership, state,
            timeline::{self, MAX_LIMIT, Query, Token},
            visibility::{Horizon, Visibility, state_horizon},
        },
        sessions::Session,
    },
    store::current_position,
};

/// The routes of this module.
pub fn routes() -> Router {
    const EMPTY_KEY: &[&str] = &[""];
    Router::new()
        .ruma(get_state_events_route)
        .ruma(get_state_event_route)
        .ruma_at(
            "/_matrix/client/v3/rooms/{room_id}/state/{event_type}",
            EMPTY_KEY,
            get_state_event_route,
        )
        .ruma_at(
            "/_matrix/client/v3/rooms/{room_id}/state/{event_type}/",
            EMPTY_KEY,
            get_state_event_route,
        )
        .ruma_at(
            "/_matrix/client/r0/rooms/{room_id}/state/{event_type}",
            EMPTY_KEY,
            get_state_event_route,
        )
        .ruma_at(
            "/_matrix/client/r0/rooms/{room_id}/state/{event_type}/",
            EMPTY_KEY,
            get_state_event_route,
        )
        .ruma(get_room_event_route)
        .ruma(get_event_by_timestamp_route)
        .ruma(get_message_events_route)
        .ruma(get_context_route)
}

/// A room through the eyes of one session.
pub(super) struct RoomReader<'a> {
    pub connection: &'a Connection,
    pub room: Room,
    pub session: &'a Session,
    pub visibility: Visibility,
}

impl<'a> RoomReader<'a> {
    /// Opens a room for somebody who may see at least a part of it.
    pub fn open(connection: &'a Connection, room: &RoomId, session: &'a Session) -> Result<Self> {
        let forbidden = || Error::forbidden("You are not in this room.");
        let room = rooms::find(connection, room)?.ok_or_else(forbidden)?;
        let visibility = Visibility::load(connection, &room, &session.user_id)?;
        let member = membership::find(connection, room.nid, &session.user_id)?;
        if !visibility.any() || member.is_some_and(|member| member.forgotten) {
            return Err(forbidden());
        }
        Ok(Self {
            connection,
            room,
            session,
            visibility,
        })
    }

    fn viewer(&self) -> Viewer<'a> {
        Viewer {
            user_id: &self.session.user_id,
            device_id: &self.session.device_id,
        }
    }

    /// The event for this session.
    pub fn to_client(&self, row: &EventRow) -> Result<Box<RawValue>> {
        let visibility = Some(&self.visibility);
        row.to_client(
            self.connection,
            &self.room,
            self.viewer(),
            Format::Full,
            visibility,
            true,
        )
    }

    /// All of them as ruma's raw events.
    pub fn to_raw<T>(&self, rows: &[EventRow]) -> Result<Vec<Raw<T>>> {
        rows.iter()
            .map(|row| Ok(Raw::from_json(self.to_client(row)?)))
            .collect()
    }

    /// An event this session may see.
    pub fn visible(&self, event_id: &ruma::EventId) -> Result<EventRow> {
        let nid = events::nid(self.connection, self.room.nid, event_id)?;
        let row = nid
            .map(|nid| EventRow::by_nid(self.connection, nid))
            .transpose()?;
        let row = row.filter(|row| row.position > 0 && self.visibility.can_see(row.position));
        let unknown = || Error::not_found("There is no such event, or you may not see it.");
        let row = row.ok_or_else(unknown)?;
        // What a rule hides is seen by its sender alone.
        if row.sender != self.session.user_id && events::is_hidden(self.connection, row.nid)? {
            return Err(unknown());
        }
        Ok(row)
    }

    /// Members that `rows` speak of, where lazy loading wants them.
    fn lazy_members(&self, filter: &RoomEventFilter, rows: &[EventRow]) -> Result<Vec<EventRow>> {
        let LazyLoadOptions::Enabled { .. } = &filter.lazy_load_options else {
            return Ok(Vec::new());
        };
        let senders: BTreeSet<&str> = rows.iter().map(|row| row.sender.as_str()).collect();
        let mut members = Vec::new();
        for sender in senders {
            let nid = state::current(self.connection, self.room.nid, "m.room.member", sender)?;
            members.extend(
                nid.map(|nid| EventRow::by_nid(self.connection, nid))
                    .transpose()?,
            );
        }
        Ok(members)
    }
}

async fn get_state_events_route(
    services: Services,
    request: Authed<get_state_events::v3::Request>,
) -> Result<get_state_events::v3::Response> {
    let state = services
        .store
        .read(move |c| {
            let reader = RoomReader::open(c, &request.room_id, &request.session)?;
            let nids = match state_horizon(c, &reader.room, request.user_id())? {
                Horizon::Now => state::all_current(c, reader.room.nid)?,
                Horizon::At(event) => state::after_event(c, &reader.room, event)?
                    .into_values()
                    .collect(),
            };
            reader.to_raw(&EventRow::by_nids(c, &nids)?)
        })
        .await?;
    Ok(get_state_events::v3::Response::new(state))
}

async fn get_state_event_route(
    services: Services,
    request: Authed<get_state_event_for_key::v3::Request>,
) -> Result<get_state_event_for_key::v3::Response> {
    use ruma::api::client::state::get_state_event_for_key::v3::StateEventFormat;
    let json = services
        .store
        .read(move |c| {
            let reader = RoomReader::open(c, &request.room_id, &request.session)?;
            let kind = request.event_type.to_string();
            let nid = match state_horizon(c, &reader.room, request.user_id())? {
                Horizon::Now => state::current(c, reader.room.nid, &kind, &request.state_key)?,
                Horizon::At(event) => {
                    let state = state::after_event(c, &reader.room, event)?;
                    state.get(&(kind, request.state_key.clone())).copied()
                }
            };
            let nid = nid.ok_or_else(|| Error::not_found("There is no such state."))?;
            let row = EventRow::by_nid(c, nid)?;
            match request.format {
                StateEventFormat::Event => reader.to_client(&row),
                _ => row.content(),
            }
        })
        .await?;
    Ok(get_state_event_for_key::v3::Response::new(json))
}

async fn get_room_event_route(
    services: Services,
    request: Authed<get_room_event::v3::Request>,
) -> Result<get_room_event::v3::Response> {
    let event = services
        .store
        .read(move |c| {
            let reader = RoomReader::open(c, &request.room_id, &request.session)?;
            reader.to_client(&reader.visible(&request.event_id)?)
        })
        .await?;
    Ok(get_room_event::v3::Response::new(Raw::from_json(event)))
}

async fn get_event_by_timestamp_route(
    services: Services,
    request: Authed<get_event_by_timestamp::v1::Request>,
) -> Result<get_event_by_timestamp::v1::Response> {
    let row = services
        .store
        .read(move |c| {
            let reader = RoomReader::open(c, &request.room_id, &request.session)?;
            let ts = i64::from(request.ts.get());
            let (order, relation) = match request.dir {
                Direction::Backward => ("DESC", "<="),
                Direction::Forward => ("ASC", ">="),
            };
            let nid: Option<i64> = c
                .prepare_cached(&format!(
                    "SELECT nid FROM events WHERE room = ?1 AND ts {relation} ?2
                     AND position IS NOT NULL AND soft_failed = 0 ORDER BY ts {order}, position {order} LIMIT 1"
                ))?
                .query_row((reader.room.nid, ts), |row| row.get(0))
                .optional()?;
            let row = nid.map(|nid| EventRow::by_nid(c, nid)).transpose()?;
            row.filter(|row| reader.visibility.can_see(row.position))
                .ok_or_else(|| Error::not_found("There is no event on that side of that time."))
        })
        .await?;
    let event_id = OwnedEventId::try_from(row.event_id).map_err(Error::internal)?;
    let ts = ruma::MilliSecondsSinceUnixEpoch(UInt::try_from(row.ts).unwrap_or_default());
    Ok(get_event_by_timestamp::v1::Response::new(event_id, ts))
}

async fn get_message_events_route(
    services: Services,
    request: Authed<get_message_events::v3::Request>,
) -> Result<get_message_events::v3::Response> {
    services.store.read(move |c| messages(c, &request)).await
}

fn messages(
    connection: &Connection,
    request: &Authed<get_message_events::v3::Request>,
) -> Result<get_message_events::v3::Response> {
    let reader = RoomReader::open(connection, &request.room_id, &request.session)?;
    let backwards = request.dir == Direction::Backward;
    let from = match Token::parse_given(request.from.as_deref())? {
        Some(from) => from.position as i64,
        None if backwards => current_position(connection)? as i64,
        None => 0,
    };
    let to = Token::parse_given(request.to.as_deref())?;
    let to = to.map(|token| token.position as i64);
    let (after, upto) = if backwards {
        (to.unwrap_or(0), from)
    } else {
        (from, to.unwrap_or(i64::MAX))
    };
    let ignored = Ignored::by(connection, request.user_id())?;
    let query = Query {
        after,
        upto,
        direction: request.dir,
        limit: limit(request.limit),
        filter: &request.filter,
        visibility: Some(&reader.visibility),
        ignored: &ignored,
    };
    let page = timeline::page(connection, &reader.room, &query)?;
    let mut response = get_message_events::v3::Response::new();
    response.start = Token::after(from).to_string();
    response.end = page.next.map(|next| Token::after(next).to_string());
    response.chunk = reader.to_raw(&page.rows)?;
    response.state = reader.to_raw(&reader.lazy_members(&request.filter, &page.rows)?)?;
    Ok(response)
}

/// What a client asks for, within reason.
pub(super) fn limit(asked: UInt) -> usize {
    usize::try_from(asked).unwrap_or(MAX_LIMIT).min(MAX_LIMIT)
}

async fn get_context_route(
    services: Services,
    request: Authed<get_context::v3::Request>,
) -> Result<get_context::v3::Response> {
    services.store.read(move |c| context(c, &request)).await
}

fn context(
    connection: &Connection,
    request: &Authed<get_context::v3::Request>,
) -> Result<get_context::v3::Response> {
    let reader = RoomReader::open(connection, &request.room_id, &request.session)?;
    let event = reader.visible(&request.event_id)?;
    let ignored = Ignored::by(connection, request.user_id())?;
    let n_around = limit(request.limit);
    let side = |direction, after, upto, limit| {
        let query = Query {
            after,
            upto,
            direction,
            limit,
            filter: &request.filter,
            visibility: Some(&reader.visibility),
            ignored: &ignored,
        };
        timeline::page(connection, &reader.room, &query)
    };
    let before = side(Direction::Backward, 0, event.position - 1, n_around / 2)?;
    let n_after = n_around - n_around / 2;
    let after = side(Direction::Forward, event.position, i64::MAX, n_after)?;
    let end = match after.next {
        Some(next) => next,
        None => current_position(connection)? as i64,
    };
    let mut all: Vec<EventRow> = before.rows.clone();
    all.push(event.clone());
    all.extend(after.rows.iter().cloned());
    let mut response = get_context::v3::Response::new();
    response.start = before.next.map(|next| Token::after(next).to_string());
    response.end = Some(Token::after(end).to_string());
    response.events_before = reader.to_raw(&before.rows)?;
    response.events_after = reader.to_raw(&after.rows)?;
    response.event = Some(Raw::from_json(reader.to_client(&event)?));
    let last = all.last().map_or(event.nid, |row| row.nid);
    response.state = reader.to_raw(&context_state(&reader, &request.filter, last, &all)?)?;
    Ok(response)
}

/// State at the newest event of a context, with only the members needed where the client wants that.
fn context_state(
    reader: &RoomReader<'_>,
    filter: &RoomEventFilter,
    last: i64,
    rows: &[EventRow],
) -> Result<Vec<EventRow>> {
    let lazy = matches!(filter.lazy_load_options, LazyLoadOptions::Enabled { .. });
    let senders: BTreeSet<&str> = rows.iter().map(|row| row.sender.as_str()).collect();
    let state = state::after_event(reader.connection, &reader.room, last)?;
    let nids: Vec<i64> = state
        .into_iter()
        .filter(|((kind, key), _)| !lazy || kind != "m.room.member" || senders.contains(&**key))
        .map(|(_, nid)| nid)
        .collect();
    EventRow::by_nids(reader.connection, &nids)
}

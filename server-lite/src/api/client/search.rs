//! Searching messages.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#server-side-search>

use std::collections::{BTreeMap, BTreeSet};

use ruma::{
    UInt, UserId,
    api::{
        Direction,
        client::{
            filter::RoomEventFilter,
            search::search_events::v3::{self, Criteria, EventContext, GroupingKey, OrderBy},
        },
    },
};
use rusqlite::Connection;
use serde::Serialize;
use serde_json::{Value, json, value::RawValue};

use super::room_events::limit;
use crate::{
    Error,
    api::{Authed, Router, Routes},
    error::Result,
    service::{
        Services,
        ignores::Ignored,
        rooms::{
            client_event::{EventRow, Format, Viewer},
            membership, state,
            timeline::{self, Query, Token},
        },
        search::{self, Found, Known, Search},
    },
};

/// Results of one page, where the filter does not say.
const DEFAULT_LIMIT: u32 = 10;
/// A page never holds more results than this.
const MAX_PAGE: usize = 100;

/// The routes of this module.
pub fn routes() -> Router {
    Router::new().ruma_json(search_route)
}

#[derive(Default, Serialize)]
struct RoomEvents {
    count: usize,
    highlights: Vec<String>,
    results: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_batch: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    groups: BTreeMap<&'static str, BTreeMap<String, Group>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    state: BTreeMap<String, Vec<Box<RawValue>>>,
}

#[derive(Default, Serialize)]
struct Group {
    results: Vec<String>,
    order: usize,
}

async fn search_route(services: Services, request: Authed<v3::Request>) -> Result<Value> {
    services
        .store
        .read(move |c| {
            let mut categories = json!({});
            if let Some(criteria) = &request.search_categories.room_events {
                categories["room_events"] = serde_json::to_value(find(c, &request, criteria)?)?;
            }
            Ok(json!({ "search_categories": categories }))
        })
        .await
}

fn find(
    connection: &Connection,
    request: &Authed<v3::Request>,
    criteria: &Criteria,
) -> Result<RoomEvents> {
    let keys: Vec<String> = criteria
        .keys
        .iter()
        .flatten()
        .map(ToString::to_string)
        .collect();
    let wanted = Search {
        user: request.user_id(),
        term: &criteria.search_term,
        keys: &keys,
        filter: &criteria.filter,
        recent: criteria.order_by == Some(OrderBy::Recent),
    };
    let skip = request.next_batch.as_deref().map_or(Ok(0), str::parse);
    let skip: usize = skip.map_err(|_| Error::invalid_param("Unknown page."))?;
    let found = search::search(connection, &wanted)?;
    let n_wanted = limit(criteria.filter.limit.unwrap_or(UInt::from(DEFAULT_LIMIT))).min(MAX_PAGE);
    let end = found.hits.len().min(skip.saturating_add(n_wanted));
    let page = found.hits.get(skip..end).unwrap_or_default();
    let teller = Teller {
        connection,
        request,
    };
    let mut events = RoomEvents {
        count: found.hits.len(),
        highlights: highlights(&criteria.search_term),
        next_batch: (end < found.hits.len()).then(|| end.to_string()),
        ..RoomEvents::default()
    };
    for (room, event, rank) in page {
        let Some(known) = found.rooms.get(room) else {
            continue;
        };
        events.results.push(json!({
            "rank": rank,
            "result": teller.event(known, event)?,
            "context": teller.context(known, event, &criteria.event_context)?,
        }));
        if criteria.include_state == Some(true) {
            teller.add_state(known, &mut events)?;
        }
    }
    add_groups(&mut events, criteria, &found, page);
    Ok(events)
}

fn highlights(term: &str) -> Vec<String> {
    let words = term.split(|c: char| !c.is_alphanumeric());
    let words: BTreeSet<String> = words.map(str::to_lowercase).collect();
    words.into_iter().filter(|word| !word.is_empty()).collect()
}

fn add_groups(
    events: &mut RoomEvents,
    criteria: &Criteria,
    found: &Found,
    page: &[(i64, EventRow, f64)],
) {
    for grouping in &criteria.groupings.group_by {
        let by_room = match &grouping.key {
            Some(GroupingKey::RoomId) => true,
            Some(GroupingKey::Sender) => false,
            _ => continue,
        };
        let groups = events
            .groups
            .entry(if by_room { "room_id" } else { "sender" })
            .or_default();
        for (room, event, _) in page {
            let name = match found.rooms.get(room) {
                Some(known) if by_room => known.room.id.to_string(),
                _ => event.sender.clone(),
            };
            let order = groups.len() + 1;
            let group = groups.entry(name).or_insert_with(|| Group {
                order,
                ..Group::default()
            });
            group.results.push(event.event_id.clone());
        }
    }
}

/// Writes hits for the searcher.
struct Teller<'a> {
    connection: &'a Connection,
    request: &'a Authed<v3::Request>,
}

impl Teller<'_> {
    fn event(&self, known: &Known, event: &EventRow) -> Result<Box<RawValue>> {
        let viewer = Viewer {
            user_id: self.request.user_id(),
            device_id: self.request.device_id(),
        };
        let visibility = Some(&known.visibility);
        event.to_client(
            self.connection,
            &known.room,
            viewer,
            Format::Full,
            visibility,
            true,
        )
    }

    fn context(&self, known: &Known, event: &EventRow, wanted: &EventContext) -> Result<Value> {
        let everything = RoomEventFilter::default();
        let ignored = Ignored::by(self.connection, self.request.user_id())?;
        let side = |direction, after, upto, n_wanted| {
            let query = Query {
                after,
                upto,
                direction,
                limit: limit(n_wanted).min(MAX_PAGE),
                filter: &everything,
                visibility: Some(&known.visibility),
                ignored: &ignored,
            };
            timeline::page(self.connection, &known.room, &query)
        };
        let before = side(
            Direction::Backward,
            0,
            event.position - 1,
            wanted.before_limit,
        )?;
        let after = side(
            Direction::Forward,
            event.position,
            i64::MAX,
            wanted.after_limit,
        )?;
        let tell = |rows: &[EventRow]| -> Result<Vec<_>> {
            rows.iter().map(|row| self.event(known, row)).collect()
        };
        let position = |row: &EventRow| row.position;
        let start = before.rows.last().map_or(event.position, position) - 1;
        let end = after.rows.last().map_or(event.position, position);
        let mut context = json!({
            "start": Token::after(start).to_string(),
            "end": Token::after(end).to_string(),
            "events_before": tell(&before.rows)?,
            "events_after": tell(&after.rows)?,
        });
        if wanted.include_profile {
            let around = before.rows.iter().chain([event]).chain(&after.rows);
            context["profile_info"] = self.profiles(known, around)?;
        }
        Ok(context)
    }

    fn profiles<'e>(
        &self,
        known: &Known,
        events: impl Iterator<Item = &'e EventRow>,
    ) -> Result<Value> {
        let mut profiles = json!({});
        for event in events {
            let Ok(sender) = UserId::parse(&*event.sender) else {
                continue;
            };
            if let Some(member) = membership::find(self.connection, known.room.nid, &sender)? {
                profiles[sender.as_str()] = json!({
                    "displayname": member.display_name,
                    "avatar_url": member.avatar_url,
                });
            }
        }
        Ok(profiles)
    }

    fn add_state(&self, known: &Known, events: &mut RoomEvents) -> Result<()> {
        let room_id = known.room.id.to_string();
        let is_joined =
            membership::is_joined(self.connection, known.room.nid, self.request.user_id())?;
        if is_joined && !events.state.contains_key(&room_id) {
            let nids = state::all_current(self.connection, known.room.nid)?;
            let rows = EventRow::by_nids(self.connection, &nids)?;
            let told = rows.iter().map(|row| self.event(known, row));
            events.state.insert(room_id, told.collect::<Result<_>>()?);
        }
        Ok(())
    }
}

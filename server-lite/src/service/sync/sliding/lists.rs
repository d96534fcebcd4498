//! A user's rooms by recency, and the windows onto them.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use ruma::{RoomId, UserId};

use super::{
    Sync,
    connection::Snapshot,
    request::{Filters, RoomConfig},
    required_state::RequiredState,
    response::{self, Response},
};
use crate::{
    error::Result,
    service::{
        account_data,
        invites::Policy,
        rooms::{
            self,
            membership::Member,
            state,
            summary::{self, Summary},
        },
    },
};

/// A room in the user's list.
pub(super) struct ListedRoom {
    pub room: i64,
    pub room_id: String,
    pub member: Member,
    pub summary: Summary,
}

impl ListedRoom {
    /// Where it stands in the list: the newest event the user may know of.
    pub(super) fn recency(&self) -> i64 {
        match &*self.member.membership {
            "join" => self.summary.last_position,
            _ => self.member.position,
        }
    }

    pub(super) fn is(&self, membership: &str) -> bool {
        self.member.membership == membership
    }
}

/// All rooms of the user, most recent first: those joined, invited to or knocked on, those they were
/// removed from, and those they left that the connection has shown.
pub(super) fn rooms_of(sync: &Sync<'_>, before: &Snapshot) -> Result<Vec<ListedRoom>> {
    let user = sync.user();
    let mut statement = sync.connection.prepare_cached(&format!(
        "SELECT m.membership, m.event, m.position, m.sender, m.display_name, m.avatar_url,
                m.was_joined, r.room_id, {}
         FROM memberships m JOIN rooms r ON r.nid = m.room
         WHERE m.user_id = ?1 AND m.forgotten = 0",
        summary::COLUMNS
    ))?;
    let mut rows = statement.query([user.as_str()])?;
    let mut listed = Vec::new();
    while let Some(row) = rows.next()? {
        let summary = summary::read(row, 8)?;
        let member = Member {
            user_id: user.to_owned(),
            membership: row.get(0)?,
            event: row.get(1)?,
            position: row.get(2)?,
            sender: row.get(3)?,
            display_name: row.get(4)?,
            avatar_url: row.get(5)?,
            forgotten: false,
            was_joined: row.get(6)?,
        };
        let room = ListedRoom {
            room: summary.room,
            room_id: row.get(7)?,
            member,
            summary,
        };
        if is_listed(sync, &room, before, user)? {
            listed.push(room);
        }
    }
    listed.sort_unstable_by_key(|room| std::cmp::Reverse(room.recency()));
    Ok(listed)
}

fn is_listed(sync: &Sync<'_>, room: &ListedRoom, before: &Snapshot, user: &UserId) -> Result<bool> {
    Ok(match &*room.member.membership {
        "join" | "knock" => true,
        "invite" => {
            let inviter = &room.member.sender;
            let is_ignored = sync.ignored.contains(inviter)?;
            let policy = Policy::load(sync.connection, user)?;
            !is_ignored && !policy.hides(&sync.services.config, inviter)
        }
        _ if before.rooms.contains_key(&room.room) => true,
        _ => room.member.was_joined && room.member.sender != user.as_str(),
    })
}

/// What is wanted of a room by all that cover it.
#[derive(Default)]
pub(super) struct Config {
    pub timeline_limit: usize,
    pub required: RequiredState,
    /// Names of the windows it is in.
    pub lists: Vec<String>,
    /// Whether it is subscribed to.
    pub subscribed: bool,
}

impl Config {
    fn add(&mut self, config: &RoomConfig, user: &UserId) {
        self.timeline_limit = self.timeline_limit.max(config.timeline_limit);
        self.required.add(config, user);
    }
}

/// The rooms a request covers, by their index in the user's list.
pub(super) struct Selected {
    pub rooms: BTreeMap<usize, Config>,
}

/// Applies windows and subscriptions; puts the windows' lengths into the response.
pub(super) fn select(
    sync: &Sync<'_>,
    rooms: &[ListedRoom],
    response: &mut Response,
) -> Result<Selected> {
    let mut selected: BTreeMap<usize, Config> = BTreeMap::new();
    for (name, list) in &sync.query.body.lists {
        let filter = Filter::new(sync, &list.filters)?;
        let mut fitting = Vec::new();
        for (idx, room) in rooms.iter().enumerate() {
            if filter.fits(sync, room)? {
                fitting.push(idx);
            }
        }
        response.lists.insert(
            name.clone(),
            response::List {
                count: fitting.len(),
            },
        );
        let ranges = list
            .ranges
            .clone()
            .or_else(|| list.range.map(|range| vec![range]));
        for (place, idx) in fitting.into_iter().enumerate() {
            let inside = |range: &(usize, usize)| (range.0..=range.1).contains(&place);
            if ranges
                .as_ref()
                .is_none_or(|ranges| ranges.iter().any(inside))
            {
                let config = selected.entry(idx).or_default();
                config.add(&list.config, sync.user());
                config.lists.push(name.clone());
            }
        }
    }
    for (room_id, subscription) in &sync.query.body.room_subscriptions {
        if let Some(idx) = rooms.iter().position(|room| room.room_id == *room_id) {
            let config = selected.entry(idx).or_default();
            config.add(subscription, sync.user());
            config.subscribed = true;
        }
    }
    Ok(Selected { rooms: selected })
}

/// A window's conditions, with what they need looked up once.
struct Filter<'a> {
    filters: &'a Filters,
    space_children: Option<HashSet<String>>,
}

impl<'a> Filter<'a> {
    fn new(sync: &Sync<'_>, filters: &'a Filters) -> Result<Self> {
        let space_children = match &filters.spaces {
            Some(spaces) => Some(children(sync, spaces)?),
            None => None,
        };
        Ok(Self {
            filters,
            space_children,
        })
    }

    fn fits(&self, sync: &Sync<'_>, room: &ListedRoom) -> Result<bool> {
        let filters = self.filters;
        let room_type = &room.summary.room_type;
        let fits = filters
            .is_dm
            .is_none_or(|wanted| sync.is_direct(room) == wanted)
            && filters
                .is_encrypted
                .is_none_or(|wanted| room.summary.encrypted == wanted)
            && filters
                .is_invite
                .is_none_or(|wanted| room.is("invite") == wanted)
            && filters
                .room_types
                .as_ref()
                .is_none_or(|types| types.contains(room_type))
            && !filters.not_room_types.contains(room_type)
            && self
                .space_children
                .as_ref()
                .is_none_or(|ids| ids.contains(&room.room_id));
        if !fits || (filters.tags.is_none() && filters.not_tags.is_empty()) {
            return Ok(fits);
        }
        let tags = tags(sync, &room.room_id)?;
        let has = |wanted: &[String]| wanted.iter().any(|tag| tags.contains(tag));
        Ok(filters.tags.as_deref().is_none_or(has) && !has(&filters.not_tags))
    }
}

/// The rooms directly in any of these spaces the user has joined.
fn children(sync: &Sync<'_>, spaces: &[String]) -> Result<HashSet<String>> {
    let mut ids = HashSet::new();
    for space in spaces {
        let Ok(space) = <&RoomId>::try_from(space.as_str()) else {
            continue;
        };
        let Some(space) = rooms::find(sync.connection, space)? else {
            continue;
        };
        if !rooms::membership::is_joined(sync.connection, space.nid, sync.user())? {
            continue;
        }
        let nids = state::current_of_type(sync.connection, space.nid, "m.space.child")?;
        for row in rooms::client_event::EventRow::by_nids(sync.connection, &nids)? {
            let content: serde_json::Map<String, serde_json::Value> = row.content_as();
            if content.contains_key("via") {
                ids.extend(row.state_key);
            }
        }
    }
    Ok(ids)
}

fn tags(sync: &Sync<'_>, room_id: &str) -> Result<BTreeSet<String>> {
    let Ok(room_id) = <&RoomId>::try_from(room_id) else {
        return Ok(BTreeSet::new());
    };
    let content = account_data::tags(sync.connection, sync.user(), room_id)?;
    let tags = content["tags"].as_object();
    Ok(tags
        .map(|tags| tags.keys().cloned().collect())
        .unwrap_or_default())
}

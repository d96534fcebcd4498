//! The rooms of a space, and of the spaces in it.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#get_matrixclientv1roomsroomidhierarchy>

use std::collections::HashSet;

use ruma::{OwnedRoomId, RoomId, UserId, api::client::space::SpaceHierarchyRoomsChunk, serde::Raw};
use rusqlite::Connection;
use serde_json::{Map, Value, json, value::to_raw_value};

use super::{Room, directory, events, state, visibility::may_know};
use crate::{Error, error::Result};

/// A walk never visits more rooms than this.
const MAX_VISITED: usize = 2_000;

/// Which part of the tree is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Walk {
    /// Only rooms that their space suggests.
    pub suggested_only: bool,
    /// How many spaces deep.
    pub max_depth: usize,
    /// How many rooms were told before.
    pub skip: usize,
    /// How many rooms at most.
    pub limit: usize,
}

/// A page of the tree.
pub struct Page {
    /// The rooms, each before its children.
    pub rooms: Vec<SpaceHierarchyRoomsChunk>,
    /// Whether there are more.
    pub more: bool,
}

/// Walks the tree below `root` depth first, each room once, passing over what `user` may not know of.
///
/// # Errors
/// `M_FORBIDDEN` if that is the root.
pub fn walk(connection: &Connection, root: &RoomId, user: &UserId, walk: Walk) -> Result<Page> {
    let forbidden = || Error::forbidden("There is no such room, or you may not see it.");
    let known = super::find(connection, root)?.ok_or_else(forbidden)?;
    if !may_know(connection, &known, Some(user))? {
        return Err(forbidden());
    }
    let mut page = Page {
        rooms: Vec::new(),
        more: false,
    };
    let mut visited = HashSet::from([root.to_owned()]);
    let mut pending = vec![(known, 0)];
    let mut n_passed = 0;
    while let Some((room, depth)) = pending.pop() {
        let children = children(connection, &room, walk.suggested_only)?;
        if n_passed >= walk.skip {
            if page.rooms.len() == walk.limit {
                page.more = true;
                break;
            }
            page.rooms.push(chunk(connection, &room, &children)?);
        }
        n_passed += 1;
        if depth == walk.max_depth {
            continue;
        }
        // The first child is looked at first, so it is pushed last.
        for child in children.into_iter().rev() {
            if visited.len() < MAX_VISITED
                && visited.insert(child.room_id.clone())
                && let Some(found) = super::find(connection, &child.room_id)?
                && may_know(connection, &found, Some(user))?
            {
                pending.push((found, depth + 1));
            }
        }
    }
    Ok(page)
}

/// An `m.space.child` event that counts.
struct Child {
    room_id: OwnedRoomId,
    sender: String,
    ts: i64,
    content: Map<String, Value>,
}

impl Child {
    /// Children with a valid `order` first, then by age, then by room.
    fn sort_key(&self) -> (bool, String, i64, OwnedRoomId) {
        let order = self.content.get("order").and_then(Value::as_str);
        let order = order
            .filter(|order| order.len() <= 50 && order.bytes().all(|b| (0x20..=0x7e).contains(&b)));
        (
            order.is_none(),
            order.unwrap_or_default().to_owned(),
            self.ts,
            self.room_id.clone(),
        )
    }
}

fn children(connection: &Connection, room: &Room, suggested_only: bool) -> Result<Vec<Child>> {
    let create = events::current_state(connection, room, "m.room.create", "")?;
    if create.and_then(|pdu| pdu.content_str("type")).as_deref() != Some("m.space") {
        return Ok(Vec::new());
    }
    let mut children = Vec::new();
    for nid in state::current_of_type(connection, room.nid, "m.space.child")? {
        let Some(event) = events::by_nid(connection, room, nid)? else {
            continue;
        };
        let content: Map<String, Value> = event.content_as();
        let has_via = content
            .get("via")
            .and_then(Value::as_array)
            .is_some_and(|via| !via.is_empty() && via.iter().all(Value::is_string));
        let suggested = content.get("suggested") == Some(&Value::Bool(true));
        let room_id = event.state_key.as_deref().map(RoomId::parse);
        if let Some(Ok(room_id)) = room_id
            && has_via
            && (suggested || !suggested_only)
        {
            children.push(Child {
                room_id,
                sender: event.sender.to_string(),
                ts: i64::from(event.ts.get()),
                content,
            });
        }
    }
    children.sort_by_key(Child::sort_key);
    Ok(children)
}

fn chunk(
    connection: &Connection,
    room: &Room,
    children: &[Child],
) -> Result<SpaceHierarchyRoomsChunk> {
    let mut told = Vec::new();
    for child in children {
        let event = json!({
            "type": "m.space.child",
            "state_key": child.room_id,
            "sender": child.sender,
            "origin_server_ts": child.ts,
            "content": child.content,
        });
        told.push(Raw::from_json(to_raw_value(&event)?));
    }
    let summary = directory::summary(connection, room)?;
    Ok(SpaceHierarchyRoomsChunk::new(summary, told))
}

//! What an application service is interested in.
//!
//! Spec: <https://spec.matrix.org/v1.18/application-service-api/#registration>

use std::collections::HashMap;

use ruma::UserId;
use rusqlite::Connection;

use super::{Appservice, if_there};
use crate::{
    error::Result,
    service::rooms::{self, aliases, client_event::EventRow, membership},
};

/// Above this many rooms the memory starts over.
const MAX_ROOMS: usize = 20_000;

/// Which rooms have a member of the application service, or are in its namespaces: looked up once.
#[derive(Default)]
pub(super) struct Members {
    rooms: HashMap<i64, bool>,
}

impl Appservice {
    /// Whether it is to be told of an event. Events must come in their order, for members come and go.
    pub(super) fn wants_event(
        &self,
        connection: &Connection,
        room: i64,
        event: &EventRow,
    ) -> Result<bool> {
        if event.kind == "m.room.member"
            && let Some(target) = &event.state_key
            && self.has_user(target)
        {
            self.members.lock().rooms.remove(&room);
            return Ok(true);
        }
        Ok(self.has_user(&event.sender) || self.wants_room(connection, room)?)
    }

    /// Whether it is to be told of everything in a room.
    pub(super) fn wants_room(&self, connection: &Connection, room: i64) -> Result<bool> {
        let known = self.members.lock().rooms.get(&room).copied();
        let is_known = match known {
            Some(known) => known,
            None => {
                let found = self.has_member(connection, room)?;
                let mut members = self.members.lock();
                if members.rooms.len() >= MAX_ROOMS {
                    members.rooms.clear();
                }
                members.rooms.insert(room, found);
                found
            }
        };
        // Aliases come and go without an event, so they are asked for each time.
        Ok(is_known || self.has_alias_of(connection, room)?)
    }

    fn has_member(&self, connection: &Connection, room: i64) -> Result<bool> {
        if !self.registration.rooms.is_empty() {
            let found = if_there(rooms::by_nid(connection, room))?;
            let mut namespaces = self.registration.rooms.iter();
            if let Some(room) = found
                && namespaces.any(|rooms| rooms.matches(room.id.as_str()))
            {
                return Ok(true);
            }
        }
        if membership::is_joined(connection, room, &self.registration.sender)? {
            return Ok(true);
        }
        if self.registration.users.is_empty() {
            return Ok(false);
        }
        let joined = membership::joined_users(connection, room)?;
        Ok(joined.iter().any(|user| self.has_user(user.as_str())))
    }

    fn has_alias_of(&self, connection: &Connection, room: i64) -> Result<bool> {
        if self.registration.aliases.is_empty() {
            return Ok(false);
        }
        let aliases = aliases::of_room(connection, room)?;
        Ok(aliases.iter().any(|alias| self.has_alias(alias)))
    }

    /// Whether it is to be told about a user: one of its own, or somebody in a room it is told of.
    pub(super) fn wants_user(&self, connection: &Connection, user: &UserId) -> Result<bool> {
        if self.has_user(user.as_str()) {
            return Ok(true);
        }
        for room_id in membership::rooms_of(connection, user, "join")? {
            if let Some(room) = rooms::find(connection, &room_id)?
                && self.wants_room(connection, room.nid)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

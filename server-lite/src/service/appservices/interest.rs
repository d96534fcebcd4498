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

/// When the application service has, or had, members in rooms: looked up once.
#[derive(Default)]
pub(super) struct Members {
    rooms: HashMap<i64, Stay>,
}

/// When an application service is in a room, in positions of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stay {
    /// The room is in one of its namespaces.
    always: bool,
    /// The first of those of its users who are joined now has been since.
    since: Option<i64>,
    /// The last of those who are no longer joined was until.
    until: i64,
}

impl Stay {
    fn covers(self, position: i64) -> bool {
        self.always || position < self.until || self.since.is_some_and(|since| position >= since)
    }
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
        // What was said while it was there it hears also if it has left since.
        Ok(self.has_user(&event.sender)
            || self.stay_in(connection, room)?.covers(event.position)
            || self.has_alias_of(connection, room)?)
    }

    /// Whether it is to be told of what happens in a room now.
    pub(super) fn wants_room(&self, connection: &Connection, room: i64) -> Result<bool> {
        Ok(self.stay_in(connection, room)?.covers(i64::MAX)
            || self.has_alias_of(connection, room)?)
    }

    fn stay_in(&self, connection: &Connection, room: i64) -> Result<Stay> {
        let known = self.members.lock().rooms.get(&room).copied();
        if let Some(known) = known {
            return Ok(known);
        }
        let found = self.look_up(connection, room)?;
        let mut members = self.members.lock();
        if members.rooms.len() >= MAX_ROOMS {
            members.rooms.clear();
        }
        members.rooms.insert(room, found);
        Ok(found)
    }

    fn look_up(&self, connection: &Connection, room: i64) -> Result<Stay> {
        let mut found = Stay {
            always: false,
            since: None,
            until: 0,
        };
        if !self.registration.rooms.is_empty()
            && let Some(room) = if_there(rooms::by_nid(connection, room))?
        {
            let mut namespaces = self.registration.rooms.iter();
            found.always = namespaces.any(|rooms| rooms.matches(room.id.as_str()));
        }
        for moved in membership::moves(connection, room)? {
            if !self.has_user(&moved.user_id) {
                continue;
            }
            if moved.is_joined {
                let since = found.since.unwrap_or(i64::MAX);
                found.since = Some(since.min(moved.position));
            } else {
                found.until = found.until.max(moved.position);
            }
        }
        Ok(found)
    }

    // Aliases come and go without an event, so they are asked for each time.
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

#[cfg(test)]
mod tests {
    use super::Stay;

    #[test]
    fn it_hears_what_was_said_while_it_was_there() {
        let left = Stay {
            always: false,
            since: None,
            until: 20,
        };
        assert!(left.covers(19) && !left.covers(20) && !left.covers(i64::MAX));
        let back = Stay {
            since: Some(30),
            ..left
        };
        assert!(back.covers(19) && !back.covers(25) && back.covers(30) && back.covers(i64::MAX));
    }
}

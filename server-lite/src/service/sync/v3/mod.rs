//! `GET /_matrix/client/v3/sync`.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#get_matrixclientv3sync>

mod response;
mod room;

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use ruma::api::client::filter::FilterDefinition;
use rusqlite::Connection;

pub use self::response::Response;
use self::{response::Events, room::RoomSync};
use super::{device_lists, stripped};
use crate::{
    error::Result,
    service::{
        Services, account_data, filters,
        ignores::Ignored,
        invites::Policy,
        keys, presence,
        rooms::{
            self,
            membership::{self, Member},
            receipts, summary,
            timeline::{Token, glob},
            unread,
        },
        sessions::Session,
        to_device,
    },
    store::current_position,
};

/// To-device messages in one response, at most.
const MAX_TO_DEVICE: usize = 100;

/// What a client asks for.
#[derive(Clone)]
pub struct Query {
    /// Who asks.
    pub session: Session,
    /// Where the last response ended; none for the first.
    pub since: Option<Token>,
    /// Only what this lets through.
    pub filter: Arc<FilterDefinition>,
    /// Whether all state is wanted even if it has not changed.
    pub full_state: bool,
    /// Whether `state_after` (the state after the timeline) is wanted instead of `state`.
    pub use_state_after: bool,
}

/// Reads a filter that is given by its identifier.
pub fn stored_filter(
    connection: &Connection,
    session: &Session,
    id: &str,
) -> Result<FilterDefinition> {
    filters::get(connection, &session.user_id, id)?
        .ok_or_else(|| crate::Error::invalid_param("Unknown filter."))
}

/// One look at what is new. Returns the response and whether it says anything.
pub fn look(
    connection: &Connection,
    services: &Services,
    query: &Query,
) -> Result<(Response, bool)> {
    // The serial first: what is typed meanwhile is told again rather than missed.
    let typing = services.typing.serial();
    let position = current_position(connection)?;
    let sync = Sync {
        connection,
        services,
        query,
        now: Token {
            position,
            typing,
            to_device: None,
        },
        since: query.since.unwrap_or_default(),
        ignored: Ignored::by(connection, &query.session.user_id)?,
    };
    sync.run()
}

/// One look in progress.
struct Sync<'a> {
    connection: &'a Connection,
    services: &'a Services,
    query: &'a Query,
    now: Token,
    since: Token,
    ignored: Ignored<'a>,
}

impl Sync<'_> {
    fn is_initial(&self) -> bool {
        self.query.since.is_none()
    }

    fn run(&self) -> Result<(Response, bool)> {
        let mut response = Response::default();
        let mut worth = false;
        if !self.is_up_to_date() {
            self.add_joined(&mut response)?;
            self.add_others(&mut response)?;
            worth = self.add_account(&mut response)? || !response.rooms.is_empty();
        }
        self.add_key_counts(&mut response)?;
        let mut next = self.now;
        next.to_device = response.to_device_upto.filter(|upto| *upto < next.position);
        response.next_batch = next.to_string();
        Ok((
            response,
            worth || self.is_initial() || self.query.full_state,
        ))
    }

    /// Whether nothing can have happened: whatever a sync must show takes a position, except for typing and for to-device
    /// messages that found no place last time. Every long poll begins so.
    fn is_up_to_date(&self) -> bool {
        !self.is_initial()
            && !self.query.full_state
            && self.since.position == self.now.position
            && self.since.to_device.is_none()
            && self
                .services
                .typing
                .rooms_since(self.since.typing)
                .is_empty()
    }

    /// How many keys are left on the server.
    fn add_key_counts(&self, response: &mut Response) -> Result<()> {
        let (c, session) = (self.connection, &self.query.session);
        let (user, device) = (&*session.user_id, &*session.device_id);
        response.device_one_time_keys_count = keys::counts(c, user, device)?;
        response.device_unused_fallback_key_types = keys::unused_fallback_types(c, user, device)?;
        Ok(())
    }

    /// What belongs to the account and the device. Returns whether there is anything new.
    fn add_account(&self, response: &mut Response) -> Result<bool> {
        let (c, session) = (self.connection, &self.query.session);
        let (user, device) = (&*session.user_id, &*session.device_id);
        response.presence = self.presence()?;
        let filter = &self.query.filter.account_data;
        let account_data = account_data::global_since(c, user, self.since.position)?;
        let account_data = account_data.iter().filter(|entry| {
            let is = |pattern: &String| glob(pattern, &entry.event_type);
            filter
                .types
                .as_ref()
                .is_none_or(|types| types.iter().any(is))
                && !filter.not_types.iter().any(is)
        });
        response.account_data = Events {
            events: account_data.map(account_data::Entry::to_event).collect(),
        };
        let acknowledged = self.since.to_device.unwrap_or(self.since.position);
        let mut messages = to_device::since(c, user, device, acknowledged, MAX_TO_DEVICE + 1)?;
        if messages.len() > MAX_TO_DEVICE {
            messages.truncate(MAX_TO_DEVICE);
            response.to_device_upto = messages.last().map(|message| message.position);
        }
        response.to_device = Events {
            events: messages.into_iter().map(|message| message.event).collect(),
        };
        if !self.is_initial() {
            response.device_lists = device_lists::since(c, user, self.since.position)?;
        }
        Ok(!response.account_data.is_empty()
            || !response.presence.is_empty()
            || !response.to_device.is_empty()
            || !response.device_lists.is_empty())
    }

    /// Who came and went, unless the filter wants nothing of that.
    fn presence(&self) -> Result<Events> {
        let filter = &self.query.filter.presence;
        let is_presence = |pattern: &String| glob(pattern, "m.presence");
        let unwanted = filter.not_types.iter().any(is_presence)
            || filter
                .types
                .as_ref()
                .is_some_and(|types| !types.iter().any(is_presence));
        if unwanted || !self.services.config.presence.enabled {
            return Ok(Events::default());
        }
        let user = &self.query.session.user_id;
        let events = presence::since(self.connection, user, self.since.position)?;
        Ok(Events { events })
    }

    fn wants_room(&self, room_id: &str) -> bool {
        let filter = &self.query.filter.room;
        filter
            .rooms
            .as_ref()
            .is_none_or(|rooms| rooms.iter().any(|id| id == room_id))
            && !filter.not_rooms.iter().any(|id| id == room_id)
    }

    fn add_joined(&self, response: &mut Response) -> Result<()> {
        let user = &*self.query.session.user_id;
        let counters = unread::rooms_since(self.connection, user, self.since.position)?;
        let mut changed = self.rooms_with_other_changes()?;
        changed.extend(&counters);
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT m.position, r.room_id, {} FROM memberships m JOIN rooms r ON r.nid = m.room
             WHERE m.user_id = ?1 AND m.membership = 'join'",
            summary::COLUMNS
        ))?;
        let mut rows = statement.query([user.as_str()])?;
        while let Some(row) = rows.next()? {
            let (joined_at, room_id): (i64, String) = (row.get(0)?, row.get(1)?);
            let summary = summary::read(row, 2)?;
            let newly = joined_at > self.since.position as i64;
            let has_events = summary.last_position > self.since.position as i64;
            if !self.wants_room(&room_id)
                || !(newly
                    || has_events
                    || self.query.full_state
                    || changed.contains(&summary.room))
            {
                continue;
            }
            let room = rooms::by_nid(self.connection, summary.room)?;
            let reader = RoomSync::new(self, room, newly || self.is_initial())?;
            if let Some(joined) = reader.joined(&summary, counters.contains(&summary.room))? {
                response.rooms.join.insert(room_id, joined);
            }
        }
        Ok(())
    }

    /// Rooms with new receipts, typing, account data or counters.
    fn rooms_with_other_changes(&self) -> Result<HashSet<i64>> {
        let (c, user) = (self.connection, &*self.query.session.user_id);
        let since = self.since.position;
        let mut changed: HashSet<i64> = HashSet::new();
        changed.extend(receipts::rooms_since(c, user, since)?);
        changed.extend(self.services.typing.rooms_since(self.since.typing));
        for entry in account_data::all_rooms_since(c, user, since)? {
            if let Some(room_id) = &entry.room_id {
                changed.extend(rooms::find(c, room_id)?.map(|room| room.nid));
            }
        }
        Ok(changed)
    }

    /// Invitations, knocks, and rooms left.
    fn add_others(&self, response: &mut Response) -> Result<()> {
        let (c, user) = (self.connection, &*self.query.session.user_id);
        let since = self.since.position as i64;
        let mut statement = c.prepare_cached(
            "SELECT r.nid, r.room_id FROM memberships m JOIN rooms r ON r.nid = m.room
             WHERE m.user_id = ?1 AND m.membership <> 'join' AND m.forgotten = 0
               AND (m.position > ?2 OR ?3)",
        )?;
        let everything = self.is_initial() || self.query.full_state;
        let mut rows = statement.query((user.as_str(), since, everything))?;
        while let Some(row) = rows.next()? {
            let (nid, room_id): (i64, String) = (row.get(0)?, row.get(1)?);
            let Some(member) = membership::find(c, nid, user)? else {
                continue;
            };
            if self.wants_room(&room_id) {
                self.add_other(response, nid, room_id, &member)?;
            }
        }
        Ok(())
    }

    fn hides_invites_of(&self, inviter: &str) -> Result<bool> {
        if self.ignored.contains(inviter)? {
            return Ok(true);
        }
        let policy = Policy::load(self.connection, &self.query.session.user_id)?;
        Ok(policy.hides(&self.services.config, inviter))
    }

    fn add_other(
        &self,
        response: &mut Response,
        nid: i64,
        room_id: String,
        member: &Member,
    ) -> Result<()> {
        let (c, user) = (self.connection, &*self.query.session.user_id);
        match &*member.membership {
            "invite" => {
                if self.hides_invites_of(&member.sender)? {
                    return Ok(());
                }
                let events = stripped::state(c, user, member, nid)?;
                response
                    .rooms
                    .invite
                    .insert(room_id, response::Invited::new(events));
            }
            "knock" => {
                let events = stripped::state(c, user, member, nid)?;
                response
                    .rooms
                    .knock
                    .insert(room_id, response::Knocked::new(events));
            }
            _ if self.is_initial() && !self.query.filter.room.include_leave => {}
            // Who was never shown an invitation need not hear that it was taken back.
            _ if !member.was_joined
                && member.sender != user.as_str()
                && self.hides_invites_of(&member.sender)? => {}
            _ => {
                let room = rooms::by_nid(c, nid)?;
                let left = RoomSync::new(self, room, self.is_initial())?.left(member)?;
                response.rooms.leave.insert(room_id, left);
            }
        }
        Ok(())
    }
}

/// Counters as the response has them.
fn counts_by_thread(
    counts: Vec<unread::Count>,
) -> (response::Unread, BTreeMap<String, response::Unread>) {
    let mut main = response::Unread::default();
    let mut threads = BTreeMap::new();
    for count in counts {
        let unread = response::Unread {
            notification_count: count.n_notify,
            highlight_count: count.n_highlight,
        };
        if count.thread.is_empty() {
            main = unread;
        } else {
            threads.insert(count.thread, unread);
        }
    }
    (main, threads)
}

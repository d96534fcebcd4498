//! Simplified sliding sync.
//!
//! MSC: <https://github.com/matrix-org/matrix-spec-proposals/pull/4186>

mod connection;
mod extensions;
mod lists;
pub mod request;
mod required_state;
pub mod response;
mod room;

use std::{collections::BTreeMap, sync::Arc};

use rusqlite::Connection;
use serde_json::Value;

pub use self::connection::Connections;
use self::{
    connection::{Snapshot, parse_pos},
    lists::{ListedRoom, Selected},
    request::Body,
    response::Response,
};
use crate::{
    error::Result,
    service::{
        Services, account_data,
        ignores::Ignored,
        rooms::{timeline::Token, unread},
        sessions::Session,
    },
    store::current_position,
};

/// What a client asks for.
#[derive(Clone)]
pub struct Query {
    /// Who asks.
    pub session: Session,
    /// `pos` of the last response; none for a new connection.
    pub pos: Option<String>,
    /// The body.
    pub body: Arc<Body>,
}

/// One look at what is new on a connection. Returns the response and whether it says anything.
///
/// # Errors
/// `M_UNKNOWN_POS` if the connection is not known (any more).
pub fn look(
    connection: &Connection,
    services: &Services,
    query: &Query,
) -> Result<(Response, bool)> {
    let key = connection::key(&query.session, query.body.conn_id.as_deref());
    let (before, token) = match &query.pos {
        Some(pos) => {
            let (token, serial) = parse_pos(pos)?;
            (services.sliding.resume(&key, serial)?, Some(token))
        }
        None => (Arc::default(), None),
    };
    // The serial first: what is typed meanwhile is told again rather than missed.
    let typing = services.typing.serial();
    let now = Token {
        position: current_position(connection)?,
        typing,
        to_device: None,
    };
    let since = token.unwrap_or_default();
    let user = &query.session.user_id;
    let sync = Sync {
        connection,
        services,
        query,
        since,
        counters: unread::rooms_since(connection, user, since.position)?,
        is_first: token.is_none(),
        now,
        directs: direct_rooms(connection, &query.session.user_id)?,
        ignored: Ignored::by(connection, &query.session.user_id)?,
    };
    let (mut response, after, worth) = sync.run(&before)?;
    let serial = services.sliding.remember(&key, &query.pos, after);
    response.pos = connection::pos(now, serial);
    response.txn_id.clone_from(&query.body.txn_id);
    Ok((response, worth))
}

/// The identifiers of all rooms in `m.direct`.
fn direct_rooms(connection: &Connection, user: &ruma::UserId) -> Result<Vec<String>> {
    let content = account_data::get(connection, user, None, "m.direct")?;
    let content: BTreeMap<String, Value> = content
        .and_then(|content| serde_json::from_str(content.get()).ok())
        .unwrap_or_default();
    let rooms = content.values().filter_map(Value::as_array).flatten();
    Ok(rooms
        .filter_map(|id| id.as_str().map(str::to_owned))
        .collect())
}

/// One look in progress.
struct Sync<'a> {
    connection: &'a Connection,
    services: &'a Services,
    query: &'a Query,
    since: Token,
    is_first: bool,
    now: Token,
    directs: Vec<String>,
    /// Rooms whose unread counters were set back.
    counters: Vec<i64>,
    ignored: Ignored<'a>,
}

impl Sync<'_> {
    fn run(&self, before: &Snapshot) -> Result<(Response, Snapshot, bool)> {
        let mut after = before.clone();
        let mut response = Response::default();
        let rooms = lists::rooms_of(self, before)?;
        let selected = lists::select(self, &rooms, &mut response)?;
        for (idx, config) in &selected.rooms {
            let listed = &rooms[*idx];
            let sent = before.rooms.get(&listed.room);
            if let Some((room, sent)) = room::look(self, listed, config, sent)? {
                response.rooms.insert(listed.room_id.clone(), room);
                after.rooms.insert(listed.room, sent);
            }
        }
        after.counts = response
            .lists
            .iter()
            .map(|(name, list)| (name.clone(), list.count))
            .collect();
        let news = extensions::add(self, &rooms, &selected, before, &mut after, &mut response)?;
        let worth =
            self.is_first || news || !response.rooms.is_empty() || after.counts != before.counts;
        Ok((response, after, worth))
    }

    fn user(&self) -> &ruma::UserId {
        &self.query.session.user_id
    }

    fn is_direct(&self, room: &ListedRoom) -> bool {
        self.directs.contains(&room.room_id)
    }
}

/// Rooms a request covers, by their index in the user's list.
type Covered<'a> = &'a Selected;

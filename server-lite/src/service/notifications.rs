//! What somebody was notified of: worked out from their push rules when they ask, as nothing is kept for each event.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#listing-notifications>

use std::collections::HashMap;

use ruma::{
    MilliSecondsSinceUnixEpoch, OwnedRoomId, UInt, UserId,
    push::{Action, PushConditionRoomCtx},
};
use rusqlite::Connection;
use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    push_rules,
    rooms::{
        self, Room,
        client_event::{COLUMNS, EventRow, Format, Viewer},
        receipts, unread,
        visibility::Visibility,
    },
};
use crate::error::Result;

/// One page looks at no more events than this.
const MAX_SCAN: usize = 10_000;

/// Something a user was notified of.
#[derive(Serialize)]
pub struct Notification {
    actions: Vec<Action>,
    event: Box<RawValue>,
    read: bool,
    room_id: OwnedRoomId,
    ts: MilliSecondsSinceUnixEpoch,
}

/// Which notifications are wanted.
pub struct Query {
    /// Only those older than the event with this number.
    pub before: Option<i64>,
    /// At most so many.
    pub limit: usize,
    /// Only mentions and keywords.
    pub highlights_only: bool,
}

/// The newest notifications first, and where to go on.
pub fn list(
    connection: &Connection,
    viewer: Viewer<'_>,
    query: &Query,
) -> Result<(Vec<Notification>, Option<i64>)> {
    let user = viewer.user_id;
    let mut rooms = joined(connection, user)?;
    let rules = push_rules::ruleset(connection, user)?;
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS}, e.room FROM events e
         WHERE e.nid < ?1 AND e.sender <> ?2 AND e.position IS NOT NULL AND e.rejected = 0
           AND e.soft_failed = 0
           AND NOT EXISTS (SELECT 1 FROM ignores i WHERE i.ignored = e.sender AND i.user_id = ?2)
         ORDER BY e.nid DESC"
    ))?;
    let before = query.before.unwrap_or(i64::MAX);
    let mut rows = statement.query((before, user.as_str()))?;
    let (mut found, mut n_scanned, mut last) = (Vec::new(), 0, None);
    while let Some(row) = rows.next()? {
        if found.len() == query.limit || n_scanned == MAX_SCAN {
            return Ok((found, last));
        }
        n_scanned += 1;
        let event = EventRow::read(row)?;
        last = Some(event.nid);
        let Some(seen) = rooms.get_mut(&row.get(12)?) else {
            continue;
        };
        let seen = seen.look(connection, user)?;
        if !seen.visibility.can_see(event.position) {
            continue;
        }
        let actions =
            push_rules::matching_actions(&rules, &unread::flatten(&event)?, &seen.context);
        let wanted = actions.iter().any(Action::should_notify)
            && (!query.highlights_only || actions.iter().any(Action::is_highlight));
        if wanted {
            found.push(seen.notification(connection, viewer, &event, actions)?);
        }
    }
    Ok((found, None))
}

/// A room the user is in; looked at once an event of it turns up.
enum Joined {
    Unseen(i64),
    Seen(Box<Seen>),
}

struct Seen {
    room: Room,
    visibility: Visibility,
    context: PushConditionRoomCtx,
}

impl Joined {
    fn look(&mut self, connection: &Connection, user: &UserId) -> Result<&Seen> {
        if let Self::Unseen(nid) = *self {
            let room = rooms::by_nid(connection, nid)?;
            *self = Self::Seen(Box::new(Seen {
                visibility: Visibility::load(connection, &room, user)?,
                context: unread::context_for(connection, &room, user)?,
                room,
            }));
        }
        match self {
            Self::Seen(seen) => Ok(seen),
            Self::Unseen(_) => Err(crate::Error::internal("a room was not looked at")),
        }
    }
}

impl Seen {
    fn notification(
        &self,
        connection: &Connection,
        viewer: Viewer<'_>,
        event: &EventRow,
        actions: &[Action],
    ) -> Result<Notification> {
        let thread = unread::receipt_thread(connection, &self.room, event.nid)?;
        let user = viewer.user_id.as_str();
        let read_upto = receipts::read_position(connection, self.room.nid, user, &thread)?;
        let visibility = Some(&self.visibility);
        Ok(Notification {
            actions: actions.to_vec(),
            event: event.to_client(
                connection,
                &self.room,
                viewer,
                Format::Sync,
                visibility,
                true,
            )?,
            read: event.position <= read_upto,
            room_id: self.room.id.clone(),
            ts: MilliSecondsSinceUnixEpoch(UInt::try_from(event.ts).unwrap_or_default()),
        })
    }
}

fn joined(connection: &Connection, user: &UserId) -> Result<HashMap<i64, Joined>> {
    let mut statement = connection.prepare_cached(
        "SELECT room FROM memberships WHERE user_id = ?1 AND membership = 'join'",
    )?;
    let rows = statement.query_map([user.as_str()], |row| row.get(0))?;
    let numbers: Vec<i64> = rows.collect::<Result<_, _>>()?;
    Ok(numbers
        .into_iter()
        .map(|nid| (nid, Joined::Unseen(nid)))
        .collect())
}

//! One room of the response.

use std::collections::BTreeSet;

use ruma::api::{Direction, client::filter::LazyLoadOptions};
use serde_json::value::RawValue;

use super::{
    Sync, counts_by_thread,
    response::{Events, Joined, Left, State, Summary as ShownSummary, Timeline, Unread},
};
use crate::{
    error::Result,
    service::{
        account_data,
        rooms::{
            Room,
            client_event::{COLUMNS, EventRow, Format, Viewer},
            membership::Member,
            state,
            summary::{self, Summary},
            timeline::{self, MAX_LIMIT, Query, Token, glob},
            unread,
            visibility::Visibility,
        },
        sync::ephemeral,
    },
};

/// Events of a room's timeline where the filter does not say.
const DEFAULT_LIMIT: usize = 10;

/// A room while its part of the response is made.
pub(super) struct RoomSync<'a> {
    sync: &'a Sync<'a>,
    room: Room,
    visibility: Visibility,
    /// Whether the client knows nothing of the room.
    initial: bool,
}

impl<'a> RoomSync<'a> {
    pub(super) fn new(sync: &'a Sync<'a>, room: Room, initial: bool) -> Result<Self> {
        let user = &sync.query.session.user_id;
        let visibility = Visibility::load(sync.connection, &room, user)?;
        Ok(Self {
            sync,
            room,
            visibility,
            initial,
        })
    }

    fn since(&self) -> i64 {
        if self.initial {
            0
        } else {
            self.sync.since.position as i64
        }
    }

    /// A joined room; none if there is nothing to tell. `counters_changed` says that the unread
    /// counters were set back.
    pub(super) fn joined(
        &self,
        summary: &Summary,
        counters_changed: bool,
    ) -> Result<Option<Joined>> {
        let now = self.sync.now.position as i64;
        let (rows, timeline) = self.timeline(now)?;
        let state = self.state(&rows, timeline.limited, now)?;
        let mut joined = Joined {
            timeline,
            state,
            summary: self.summary(summary)?,
            account_data: self.account_data()?,
            ephemeral: self.ephemeral()?,
            ..Joined::default()
        };
        self.add_counts(&mut joined)?;
        let is_empty = joined.timeline.events.is_empty()
            && joined.state.is_empty()
            && joined.account_data.is_empty()
            && joined.ephemeral.is_empty()
            && !counters_changed;
        Ok((!is_empty || self.initial || self.sync.query.full_state).then_some(joined))
    }

    /// A room the user left or was removed from.
    pub(super) fn left(&self, member: &Member) -> Result<Left> {
        let upto = member.position;
        let (rows, timeline) = self.timeline(upto)?;
        let state = self.state(&rows, timeline.limited, upto)?;
        Ok(Left {
            timeline,
            state,
            account_data: Events::default(),
        })
    }

    fn timeline(&self, upto: i64) -> Result<(Vec<EventRow>, Timeline)> {
        let filter = &self.sync.query.filter.room.timeline;
        let limit = filter.limit.and_then(|limit| usize::try_from(limit).ok());
        let query = Query {
            after: self.since(),
            upto,
            direction: Direction::Backward,
            limit: limit.unwrap_or(DEFAULT_LIMIT).min(MAX_LIMIT),
            filter,
            visibility: Some(&self.visibility),
            ignored: &self.sync.ignored,
        };
        let page = timeline::page(self.sync.connection, &self.room, &query)?;
        let mut rows = page.rows;
        rows.reverse();
        let start = match (rows.first(), page.next) {
            (Some(first), _) => first.position - 1,
            (None, Some(next)) => next,
            (None, None) => upto,
        };
        let events = rows
            .iter()
            .map(|row| self.to_client(row, true))
            .collect::<Result<_>>()?;
        let timeline = Timeline {
            events,
            limited: page.next.is_some(),
            prev_batch: Token::after(start).to_string(),
        };
        Ok((rows, timeline))
    }

    fn to_client(&self, row: &EventRow, bundle: bool) -> Result<Box<RawValue>> {
        let session = &self.sync.query.session;
        let viewer = Viewer {
            user_id: &session.user_id,
            device_id: &session.device_id,
        };
        let visibility = Some(&self.visibility);
        row.to_client(
            self.sync.connection,
            &self.room,
            viewer,
            Format::Sync,
            visibility,
            bundle,
        )
    }

    fn state(&self, timeline: &[EventRow], limited: bool, upto: i64) -> Result<State> {
        let after = self.sync.query.use_state_after;
        let whole = self.initial || self.sync.query.full_state;
        let nids = match (whole, after) {
            (true, false) => self.whole_state_before(timeline, upto)?,
            (true, true) => self.state_at(upto)?,
            (false, false) if !limited => Vec::new(),
            (false, false) => {
                let end = timeline.first().map_or(upto, |first| first.position - 1);
                self.changed_state(end)?
            }
            (false, true) => self.changed_state(upto)?,
        };
        let mut rows = EventRow::by_nids(self.sync.connection, &nids)?;
        self.keep_wanted(&mut rows, timeline)?;
        let events = rows
            .iter()
            .map(|row| self.to_client(row, false))
            .collect::<Result<_>>()?;
        let events = Events { events };
        Ok(if after {
            State::After(events)
        } else {
            State::Before(events)
        })
    }

    fn whole_state_before(&self, timeline: &[EventRow], upto: i64) -> Result<Vec<i64>> {
        match timeline.first() {
            Some(first) => self.state_at(first.position - 1),
            None => self.state_at(upto),
        }
    }

    fn state_at(&self, position: i64) -> Result<Vec<i64>> {
        let state = state::at_position(self.sync.connection, &self.room, position)?;
        let mut nids: Vec<i64> = state.into_values().collect();
        nids.sort_unstable();
        Ok(nids)
    }

    /// The newest event of each piece of state that changed between the last response and `end`.
    fn changed_state(&self, end: i64) -> Result<Vec<i64>> {
        let mut statement = self.sync.connection.prepare_cached(
            "SELECT nid, max(position) FROM events
             WHERE room = ?1 AND position > ?2 AND position <= ?3 AND state_key IS NOT NULL
               AND rejected = 0
             GROUP BY type, state_key ORDER BY position",
        )?;
        let rows = statement.query_map((self.room.nid, self.since(), end), |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Applies the state filter, and lazy loading: of the members only those the timeline names.
    fn keep_wanted(&self, rows: &mut Vec<EventRow>, timeline: &[EventRow]) -> Result<()> {
        let filter = &self.sync.query.filter.room.state;
        rows.retain(|row| timeline::matches(filter, row));
        if filter.lazy_load_options.is_disabled() {
            return Ok(());
        }
        let user = &self.sync.query.session.user_id;
        let mut named: BTreeSet<&str> = timeline.iter().map(|row| row.sender.as_str()).collect();
        if self.initial {
            named.insert(user.as_str());
        }
        let is_member = |row: &EventRow| row.kind == "m.room.member";
        if self.initial || self.sync.query.full_state {
            rows.retain(|row| {
                !is_member(row)
                    || row
                        .state_key
                        .as_deref()
                        .is_some_and(|key| named.contains(key))
            });
        }
        let told: BTreeSet<String> = rows
            .iter()
            .chain(timeline)
            .filter(|row| is_member(row))
            .filter_map(|row| row.state_key.clone())
            .collect();
        let redundant = matches!(
            filter.lazy_load_options,
            LazyLoadOptions::Enabled {
                include_redundant_members: true
            }
        );
        for sender in named.into_iter().filter(|sender| !told.contains(*sender)) {
            if redundant || self.initial || self.may_be_unknown(sender)? {
                let nid =
                    state::current(self.sync.connection, self.room.nid, "m.room.member", sender)?;
                let row = nid
                    .map(|nid| EventRow::by_nid(self.sync.connection, nid))
                    .transpose()?;
                rows.extend(row);
            }
        }
        Ok(())
    }

    /// Whether a sender was silent before, so that the client may not have their member event.
    fn may_be_unknown(&self, sender: &str) -> Result<bool> {
        const LOOKED_AT: i64 = 20;
        let mut statement = self.sync.connection.prepare_cached(&format!(
            "SELECT 1 FROM (SELECT {COLUMNS} FROM events e WHERE e.room = ?1 AND e.position <= ?2
                            ORDER BY e.position DESC LIMIT {LOOKED_AT}) WHERE sender = ?3"
        ))?;
        Ok(!statement.exists((self.room.nid, self.since(), sender))?)
    }

    /// Counts and heroes, on the first sight of a room and when its members change.
    fn summary(&self, summary: &Summary) -> Result<ShownSummary> {
        let c = self.sync.connection;
        let members_changed = self.initial
            || c.prepare_cached(
                "SELECT 1 FROM events WHERE room = ?1 AND position > ?2 AND type = 'm.room.member'
                 LIMIT 1",
            )?
            .exists((self.room.nid, self.since()))?;
        if !members_changed {
            return Ok(ShownSummary::default());
        }
        let unnamed = state::current(c, self.room.nid, "m.room.name", "")?.is_none();
        let heroes = if unnamed {
            let heroes = summary::heroes(c, self.room.nid, &self.sync.query.session.user_id)?;
            Some(
                heroes
                    .into_iter()
                    .map(|hero| hero.user_id.to_string())
                    .collect(),
            )
        } else {
            None
        };
        Ok(ShownSummary {
            heroes,
            n_joined: Some(summary.n_joined),
            n_invited: Some(summary.n_invited),
        })
    }

    fn account_data(&self) -> Result<Events> {
        let session = &self.sync.query.session;
        let filter = &self.sync.query.filter.room.account_data;
        let since = self.since() as u64;
        let entries =
            account_data::room_since(self.sync.connection, &session.user_id, &self.room.id, since)?;
        let entries = entries.iter().filter(|entry| {
            let is = |pattern: &String| glob(pattern, &entry.event_type);
            filter
                .types
                .as_ref()
                .is_none_or(|types| types.iter().any(is))
                && !filter.not_types.iter().any(is)
        });
        Ok(Events {
            events: entries.map(account_data::Entry::to_event).collect(),
        })
    }

    fn ephemeral(&self) -> Result<Events> {
        let (c, user) = (self.sync.connection, &*self.sync.query.session.user_id);
        let filter = &self.sync.query.filter.room.ephemeral;
        let wanted = |kind: &str| {
            let is = |pattern: &String| glob(pattern, kind);
            filter
                .types
                .as_ref()
                .is_none_or(|types| types.iter().any(is))
                && !filter.not_types.iter().any(is)
        };
        let mut events = Vec::new();
        if wanted("m.receipt") {
            events.extend(ephemeral::receipts(
                c,
                self.room.nid,
                user,
                self.since() as u64,
            )?);
        }
        if wanted("m.typing") {
            let since = if self.initial {
                0
            } else {
                self.sync.since.typing
            };
            events.extend(ephemeral::typing(
                &self.sync.services.typing,
                self.room.nid,
                &self.sync.ignored,
                since,
            )?);
        }
        Ok(Events { events })
    }

    fn add_counts(&self, joined: &mut Joined) -> Result<()> {
        let user = &self.sync.query.session.user_id;
        let counts = unread::of_room(self.sync.connection, user, self.room.nid)?;
        let (mut main, threads) = counts_by_thread(counts);
        if self
            .sync
            .query
            .filter
            .room
            .timeline
            .unread_thread_notifications
        {
            joined.unread_thread_notifications = threads;
        } else {
            let add = |sum: Unread, more: &Unread| Unread {
                notification_count: sum.notification_count + more.notification_count,
                highlight_count: sum.highlight_count + more.highlight_count,
            };
            main = threads.values().fold(main, add);
        }
        joined.unread_notifications = main;
        Ok(())
    }
}

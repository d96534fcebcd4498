//! One room of the response.

use std::{collections::BTreeSet, sync::Arc};

use ruma::api::{Direction, client::filter::RoomEventFilter};
use serde_json::value::RawValue;

use super::{
    Sync,
    connection::SentRoom,
    lists::{Config, ListedRoom},
    required_state::RequiredState,
    response::{Hero, Room as Shown},
};
use crate::{
    error::Result,
    service::{
        rooms::{
            self, Room,
            client_event::{EventRow, Format, Viewer},
            state, summary,
            timeline::{self, Query, Token},
            unread,
            visibility::Visibility,
        },
        sync::stripped,
    },
};

/// No response holds more events of a room than this.
const MAX_TIMELINE: usize = 100;

/// What is new in a room, and what the client will know of it then; none if nothing is.
pub(super) fn look(
    sync: &Sync<'_>,
    listed: &ListedRoom,
    config: &Config,
    sent: Option<&SentRoom>,
) -> Result<Option<(Shown, SentRoom)>> {
    let news = News::find(sync, listed, config, sent)?;
    if !news.any() {
        return Ok(None);
    }
    let room = rooms::by_nid(sync.connection, listed.room)?;
    let visibility = Visibility::load(sync.connection, &room, sync.user())?;
    let reader = Reader {
        sync,
        listed,
        config,
        sent,
        news,
        room,
        visibility,
    };
    reader.read().map(Some)
}

/// Why a room is told.
struct News {
    /// The client knows nothing of it (or something of another kind).
    initial: bool,
    /// There are events it does not know.
    events: bool,
    /// It asks for more events than before.
    longer: bool,
    /// It asks for more state than before.
    more_state: bool,
    /// The counters were set back, or the room became direct.
    other: bool,
}

impl News {
    fn find(
        sync: &Sync<'_>,
        listed: &ListedRoom,
        config: &Config,
        sent: Option<&SentRoom>,
    ) -> Result<Self> {
        let Some(sent) = sent else {
            let all = Self {
                initial: true,
                events: true,
                longer: false,
                more_state: false,
                other: false,
            };
            return Ok(all);
        };
        let was_outside = matches!(&*sent.membership, "invite" | "knock");
        let is_outside = listed.is("invite") || listed.is("knock");
        let changed = sent.membership != listed.member.membership;
        let counters = listed.is("join") && sync.counters.contains(&listed.room);
        // Coming back, or in from an invitation, the client has to start over with the room.
        let comes_in = changed && listed.is("join");
        Ok(Self {
            initial: comes_in || (changed && was_outside != is_outside),
            events: listed.recency() > sent.upto,
            longer: config.timeline_limit > sent.timeline_limit && !is_outside,
            more_state: !config.required.is_within(&sent.required) && !is_outside,
            other: counters || sync.is_direct(listed) != sent.is_dm,
        })
    }

    fn any(&self) -> bool {
        self.initial || self.events || self.longer || self.more_state || self.other
    }
}

struct Reader<'a> {
    sync: &'a Sync<'a>,
    listed: &'a ListedRoom,
    config: &'a Config,
    sent: Option<&'a SentRoom>,
    news: News,
    room: Room,
    visibility: Visibility,
}

impl Reader<'_> {
    fn read(&self) -> Result<(Shown, SentRoom)> {
        let mut shown = Shown {
            initial: self.news.initial.then_some(true),
            membership: Some(self.listed.member.membership.clone()),
            lists: self.config.lists.clone(),
            ..Shown::default()
        };
        let is_dm = self.sync.is_direct(self.listed);
        let was_dm = self.sent.is_some_and(|sent| sent.is_dm);
        if (self.news.initial && is_dm) || (!self.news.initial && is_dm != was_dm) {
            shown.is_dm = Some(is_dm);
        }
        let mut members = match self.sent {
            Some(sent) if !self.news.initial => (*sent.members).clone(),
            _ => BTreeSet::new(),
        };
        if self.listed.is("invite") || self.listed.is("knock") {
            self.add_stripped(&mut shown)?;
        } else {
            self.add_inside(&mut shown, &mut members)?;
        }
        let before = self.sent.filter(|_| !self.news.initial);
        let sent = SentRoom {
            upto: self.horizon(),
            timeline_limit: before
                .map_or(0, |sent| sent.timeline_limit)
                .max(self.config.timeline_limit),
            required: self.required_after(before),
            members: Arc::new(members),
            membership: self.listed.member.membership.clone(),
            is_dm,
        };
        Ok((shown, sent))
    }

    fn required_after(&self, before: Option<&SentRoom>) -> Arc<RequiredState> {
        match before {
            Some(sent) if self.config.required.is_within(&sent.required) => sent.required.clone(),
            _ => Arc::new(self.config.required.clone()),
        }
    }

    /// The newest position of the room the user may know of.
    fn horizon(&self) -> i64 {
        if self.listed.is("join") {
            (self.sync.now.position as i64).max(self.listed.recency())
        } else {
            self.listed.recency()
        }
    }

    /// Up to where the client knows the room; 0 if it does not.
    fn known(&self) -> i64 {
        match self.sent {
            Some(sent) if !self.news.initial => sent.upto,
            _ => 0,
        }
    }

    fn add_stripped(&self, shown: &mut Shown) -> Result<()> {
        let state = stripped::state(
            self.sync.connection,
            self.sync.user(),
            &self.listed.member,
            self.listed.room,
        )?;
        shown.initial = Some(true);
        shown.stripped_state = Some(state.clone());
        shown.invite_state = Some(state);
        shown.bump_stamp = Some(self.listed.member.position);
        Ok(())
    }

    fn add_inside(&self, shown: &mut Shown, members: &mut BTreeSet<String>) -> Result<()> {
        let rows = if self.news.initial || self.news.events || self.news.longer {
            self.add_timeline(shown)?
        } else {
            Vec::new()
        };
        let required = self.required_state(&rows, shown.limited == Some(true), members)?;
        shown.required_state = required
            .iter()
            .map(|row| self.to_client(row, false))
            .collect::<Result<_>>()?;
        self.add_face(shown)?;
        shown.bump_stamp = Some(match self.listed.is("join") {
            true if self.listed.summary.bump_position > 0 => self.listed.summary.bump_position,
            _ => self.listed.member.position,
        });
        if self.listed.is("join") {
            let counts = unread::of_room(self.sync.connection, self.sync.user(), self.room.nid)?;
            shown.notification_count = Some(counts.iter().map(|count| count.n_notify).sum());
            shown.highlight_count = Some(counts.iter().map(|count| count.n_highlight).sum());
        }
        Ok(())
    }

    fn add_timeline(&self, shown: &mut Shown) -> Result<Vec<EventRow>> {
        let expanded = self.news.longer && !self.news.initial;
        let filter = RoomEventFilter::default();
        let query = Query {
            after: if expanded { 0 } else { self.known() },
            upto: self.horizon(),
            direction: Direction::Backward,
            limit: self.config.timeline_limit.min(MAX_TIMELINE),
            filter: &filter,
            visibility: Some(&self.visibility),
            ignored: &self.sync.ignored,
        };
        let page = timeline::page(self.sync.connection, &self.room, &query)?;
        let mut rows = page.rows;
        rows.reverse();
        let start = match (rows.first(), page.next) {
            (Some(first), _) => first.position - 1,
            (None, Some(next)) => next,
            (None, None) => self.horizon(),
        };
        shown.prev_batch = Some(Token::after(start).to_string());
        shown.limited = Some(page.next.is_some());
        let known = self.sync.since.position as i64;
        let n_live = rows.iter().filter(|row| row.position > known).count();
        shown.num_live = Some(if self.sync.is_first { 0 } else { n_live });
        if expanded {
            shown.expanded_timeline = Some(true);
            shown.unstable_expanded_timeline = Some(true);
        }
        shown.timeline = rows
            .iter()
            .map(|row| self.to_client(row, true))
            .collect::<Result<_>>()?;
        Ok(rows)
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

    fn required_state(
        &self,
        timeline: &[EventRow],
        limited: bool,
        members: &mut BTreeSet<String>,
    ) -> Result<Vec<EventRow>> {
        let c = self.sync.connection;
        let required = &self.config.required;
        let mut nids: BTreeSet<i64> = BTreeSet::new();
        if self.news.initial || self.news.more_state {
            if self.listed.is("join") {
                nids.extend(required.current(c, self.room.nid)?);
            } else {
                let at_end = state::after_event(c, &self.room, self.listed.member.event)?;
                let wanted = at_end
                    .into_iter()
                    .filter(|((kind, key), _)| required.wants(kind, key));
                nids.extend(wanted.map(|(_, nid)| nid));
            }
        }
        let changed = if self.news.initial {
            Vec::new()
        } else {
            self.changed_state()?
        };
        for row in &changed {
            let is_lazy_member = required.lazy && !limited && row.kind == "m.room.member";
            if required.wants_row(row) || is_lazy_member {
                nids.insert(row.nid);
            }
            if is_lazy_member {
                members.extend(row.state_key.clone());
            }
        }
        if required.lazy {
            for user in named_users(timeline) {
                if members.insert(user.to_owned()) {
                    nids.extend(state::current(c, self.room.nid, "m.room.member", user)?);
                }
            }
        }
        EventRow::by_nids(c, &nids.into_iter().collect::<Vec<_>>())
    }

    /// The newest event of each piece of state that the client does not know yet.
    fn changed_state(&self) -> Result<Vec<EventRow>> {
        let mut statement = self.sync.connection.prepare_cached(
            "SELECT nid, max(position) FROM events
             WHERE room = ?1 AND position > ?2 AND position <= ?3 AND state_key IS NOT NULL
               AND rejected = 0
             GROUP BY type, state_key",
        )?;
        let nids: Vec<i64> = statement
            .query_map((self.room.nid, self.known(), self.horizon()), |row| {
                row.get(0)
            })?
            .collect::<Result<_, _>>()?;
        EventRow::by_nids(self.sync.connection, &nids)
    }

    /// Name, picture, heroes and counts: at first, and when they change.
    fn add_face(&self, shown: &mut Shown) -> Result<()> {
        let c = self.sync.connection;
        let changed = if self.news.initial {
            Vec::new()
        } else {
            self.changed_state()?
        };
        let told = |kind: &str| {
            self.news.initial
                || changed
                    .iter()
                    .any(|row| row.kind == kind && row.state_key.as_deref() == Some(""))
        };
        let text = |kind: &str, key: &str| -> Result<Option<String>> {
            let event = rooms::events::current_state(c, &self.room, kind, "")?;
            Ok(event
                .and_then(|pdu| pdu.content_str(key))
                .filter(|text| !text.is_empty()))
        };
        let inside = self.listed.is("join");
        let name = text("m.room.name", "name")?;
        if inside && told("m.room.avatar") {
            shown.avatar = text("m.room.avatar", "url")?;
        }
        let members_changed =
            self.news.initial || changed.iter().any(|row| row.kind == "m.room.member");
        if inside && members_changed {
            shown.joined_count = Some(self.listed.summary.n_joined);
            shown.invited_count = Some(self.listed.summary.n_invited);
        }
        if inside && name.is_none() && (members_changed || told("m.room.name")) {
            let heroes = summary::heroes(c, self.room.nid, self.sync.user())?;
            let heroes = heroes.into_iter().map(|hero| Hero {
                user_id: hero.user_id.to_string(),
                displayname: hero.display_name,
                avatar_url: hero.avatar_url,
            });
            shown.heroes = Some(heroes.collect());
        }
        if inside && told("m.room.name") {
            shown.name = name;
        }
        Ok(())
    }
}

/// Senders, and those whom membership events are about.
fn named_users(timeline: &[EventRow]) -> BTreeSet<&str> {
    let senders = timeline.iter().map(|row| row.sender.as_str());
    let targets = timeline
        .iter()
        .filter(|row| row.kind == "m.room.member")
        .filter_map(|row| row.state_key.as_deref());
    senders.chain(targets).collect()
}

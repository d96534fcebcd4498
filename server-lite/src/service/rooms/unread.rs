//! Unread counters: one row a user, room and thread, kept up as events arrive and receipts move.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#receiving-notifications>

use std::collections::{BTreeMap, BTreeSet, HashSet};

use ruma::{
    Int, OwnedUserId, UInt, UserId,
    events::AnySyncTimelineEvent,
    power_levels::NotificationPowerLevels,
    push::{FlattenedJson, PushConditionPowerLevelsCtx, PushConditionRoomCtx, Ruleset},
    room_version_rules::RoomPowerLevelsRules,
    serde::Raw,
};
use rusqlite::Connection;
use serde_json::{Value, value::RawValue};

use super::{
    Room, client_event::EventRow, events, membership, pdu::Pdu, power::Levels, receipts, relations,
};
use crate::{
    Error,
    error::Result,
    service::{Services, ignores, push_rules},
    store::WriteTx,
};

/// The main timeline's name in the table.
const MAIN: &str = "";

/// How many events after a receipt are looked at again, at most.
const MAX_RECOUNT: usize = 1000;

/// The counters of one thread (or of the main timeline, with an empty name).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// Empty, or the root of a thread.
    pub thread: String,
    /// Notifications.
    pub n_notify: u64,
    /// Highlights among them.
    pub n_highlight: u64,
}

/// All notifications that somebody has not read.
pub fn total(connection: &Connection, user: &UserId) -> Result<i64> {
    Ok(connection
        .prepare_cached(
            "SELECT coalesce(sum(u.n_notify), 0) FROM memberships m
             JOIN unread_counts u ON u.room = m.room AND u.user_id = m.user_id
             WHERE m.user_id = ?1 AND m.membership = 'join'",
        )?
        .query_row([user.as_str()], |row| row.get(0))?)
}

/// The counters of a room that are not zero.
pub fn of_room(connection: &Connection, user: &UserId, room: i64) -> Result<Vec<Count>> {
    let mut statement = connection.prepare_cached(
        "SELECT thread, n_notify, n_highlight FROM unread_counts
         WHERE user_id = ?1 AND room = ?2 AND n_notify > 0",
    )?;
    let rows = statement.query_map((user.as_str(), room), |row| {
        Ok(Count {
            thread: row.get(0)?,
            n_notify: row.get::<_, i64>(1)? as u64,
            n_highlight: row.get::<_, i64>(2)? as u64,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Rooms in which a user's counters were set back after position `since`.
pub fn rooms_since(connection: &Connection, user: &UserId, since: u64) -> Result<Vec<i64>> {
    let mut statement = connection.prepare_cached(
        "SELECT DISTINCT u.room FROM memberships m
         JOIN unread_counts u ON u.room = m.room AND u.user_id = m.user_id
         WHERE m.user_id = ?1 AND m.membership = 'join' AND u.position > ?2",
    )?;
    let rows = statement.query_map((user.as_str(), since as i64), |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whoever sends an event has read up to it, in its thread
/// (<https://spec.matrix.org/v1.19/client-server-api/#receiving-notifications>).
fn forget_for_sender(tx: &WriteTx<'_>, room: &Room, pdu: &Pdu) -> Result<()> {
    let counted = of_room(tx, &pdu.sender, room.nid)?;
    let thread = thread_of(pdu);
    if counted.iter().any(|count| count.thread == thread) {
        let position = tx.next_position() as i64;
        tx.prepare_cached(
            "UPDATE unread_counts SET n_notify = 0, n_highlight = 0, position = ?4
             WHERE user_id = ?1 AND room = ?2 AND thread = ?3",
        )?
        .execute((pdu.sender.as_str(), room.nid, &thread, position))?;
    }
    Ok(())
}

/// Counts a new event for every member it notifies.
pub(super) fn count(tx: &WriteTx<'_>, services: &Services, room: &Room, pdu: &Pdu) -> Result<()> {
    forget_for_sender(tx, room, pdu)?;
    let n_joined = membership::n_joined(tx, room.nid)?;
    let sender_joined = membership::is_joined(tx, room.nid, &pdu.sender)?;
    if n_joined == i64::from(sender_joined) {
        return Ok(());
    }
    let event = EventRow::by_nid(tx, pdu.nid)?;
    let flat = flatten(&event)?;
    let thread = thread_of(pdu);
    let shared = Shared::load(tx, room, n_joined)?;
    // Most members of a large room have the default rules and are not named by the event: one answer serves them all.
    let nobody = shared.outcome_for_nobody(room, &flat);
    let named = Named::of(pdu);
    let mut apart = vec![pdu.sender.as_str().to_owned()];
    let ignoring = ignores::by_whom(tx, &pdu.sender)?;
    apart.extend(ignoring.iter().map(ToString::to_string));
    for (member, display_name) in to_ask(tx, services, room.nid, n_joined, &named)? {
        if member == pdu.sender || ignoring.contains(&member) {
            continue;
        }
        let rules = services.push_rules.get(tx, &member)?;
        let context = shared.context(room, &member, display_name);
        let outcome = push_rules::evaluate(&rules, &flat, &context);
        if outcome.notify {
            add(
                tx,
                room.nid,
                &member,
                &thread,
                u64::from(outcome.highlight),
                1,
            )?;
        }
        apart.push(member.into());
    }
    if nobody.notify {
        add_to_all_but(tx, room.nid, &apart, &thread, nobody)?;
    }
    Ok(())
}

/// The joined members to whom the rules may say something else than to anybody: those with rules of their own, and
/// those whom the event names.
fn to_ask(
    tx: &WriteTx<'_>,
    services: &Services,
    room: i64,
    n_joined: i64,
    named: &Named,
) -> Result<Vec<(OwnedUserId, Option<String>)>> {
    let with_rules = services.push_rules.users_with_rules(tx)?;
    let mut asked = Vec::new();
    if named.is_by_text() || with_rules.len() as i64 > n_joined {
        for (member, name) in membership::joined_names(tx, room)? {
            if with_rules.contains(&member) || named.concerns(&member, name.as_deref()) {
                asked.push((member, name));
            }
        }
        return Ok(asked);
    }
    let directly = named.users.iter().flatten().chain(&named.target);
    let directly = directly.filter_map(|user| UserId::parse(&**user).ok());
    let candidates: BTreeSet<OwnedUserId> = directly.chain(with_rules.iter().cloned()).collect();
    for candidate in candidates {
        let member = membership::find(tx, room, &candidate)?;
        if let Some(member) = member.filter(|member| member.membership == "join") {
            asked.push((candidate, member.display_name));
        }
    }
    Ok(asked)
}

/// Whom an event names, in the ways the default push rules look for.
struct Named {
    users: Option<Vec<String>>,
    target: Option<String>,
    body: String,
}

impl Named {
    fn of(pdu: &Pdu) -> Self {
        let content: Value = serde_json::from_str(pdu.content.get()).unwrap_or_default();
        let users = content.get("m.mentions").map(|mentions| {
            let users = mentions["user_ids"].as_array().into_iter().flatten();
            users
                .filter_map(|user| user.as_str().map(str::to_owned))
                .collect()
        });
        Self {
            users,
            target: pdu.state_key.clone(),
            body: content["body"].as_str().unwrap_or_default().to_lowercase(),
        }
    }

    /// Whether only reading the text tells who is named.
    fn is_by_text(&self) -> bool {
        self.users.is_none() && !self.body.is_empty()
    }

    /// Whether the rules may say something else to this person than to anybody.
    fn concerns(&self, user: &UserId, display_name: Option<&str>) -> bool {
        if self.target.as_deref() == Some(user.as_str()) {
            return true;
        }
        if let Some(users) = &self.users {
            return users.iter().any(|named| named == user.as_str());
        }
        let in_body = |name: &str| !name.is_empty() && self.body.contains(&name.to_lowercase());
        !self.body.is_empty() && (in_body(user.localpart()) || display_name.is_some_and(in_body))
    }
}

/// Counts one event for every joined member except those in `apart`.
fn add_to_all_but(
    tx: &WriteTx<'_>,
    room: i64,
    apart: &[String],
    thread: &str,
    outcome: push_rules::Outcome,
) -> Result<()> {
    let apart = serde_json::to_string(apart).map_err(Error::internal)?;
    tx.prepare_cached(
        "INSERT INTO unread_counts (user_id, room, thread, n_notify, n_highlight, position)
         SELECT user_id, room, ?2, 1, ?3, 0 FROM memberships
         WHERE room = ?1 AND membership = 'join' AND user_id NOT IN (SELECT value FROM json_each(?4))
         ON CONFLICT (room, user_id, thread) DO UPDATE SET
             n_notify = n_notify + excluded.n_notify,
             n_highlight = n_highlight + excluded.n_highlight",
    )?
    .execute((room, thread, i64::from(outcome.highlight), apart))?;
    Ok(())
}

/// An event as push rules look at it.
pub fn flatten(event: &EventRow) -> Result<FlattenedJson> {
    let json = RawValue::from_string(event.pdu_json().to_owned()).map_err(Error::internal)?;
    Ok(FlattenedJson::from_raw(
        &Raw::<AnySyncTimelineEvent>::from_json(json),
    ))
}

fn thread_of(pdu: &Pdu) -> String {
    match relations::of(pdu) {
        Some(relation) if relation.rel_type.as_deref() == Some("m.thread") => {
            relation.event_id.unwrap_or_default()
        }
        _ => MAIN.to_owned(),
    }
}

fn add(
    tx: &WriteTx<'_>,
    room: i64,
    user: &UserId,
    thread: &str,
    n_highlight: u64,
    n_notify: u64,
) -> Result<()> {
    tx.prepare_cached(
        "INSERT INTO unread_counts (user_id, room, thread, n_notify, n_highlight, position)
         VALUES (?1, ?2, ?3, ?4, ?5, 0)
         ON CONFLICT (room, user_id, thread) DO UPDATE SET
             n_notify = n_notify + excluded.n_notify,
             n_highlight = n_highlight + excluded.n_highlight",
    )?
    .execute((
        user.as_str(),
        room,
        thread,
        n_notify as i64,
        n_highlight as i64,
    ))?;
    Ok(())
}

/// What push rules of `user` need to know of a room.
pub fn context_for(
    connection: &Connection,
    room: &Room,
    user: &UserId,
) -> Result<PushConditionRoomCtx> {
    let n_members = membership::n_joined(connection, room.nid)?;
    let name = membership::find(connection, room.nid, user)?.and_then(|member| member.display_name);
    Ok(Shared::load(connection, room, n_members)?.context(room, user, name))
}

/// The thread of an event as receipts name it: `main` or its root.
pub fn receipt_thread(connection: &Connection, room: &Room, event: i64) -> Result<String> {
    let pdu = events::by_nid(connection, room, event)?;
    let thread = pdu.as_ref().map(thread_of).filter(|thread| thread != MAIN);
    Ok(thread.unwrap_or_else(|| "main".to_owned()))
}

/// What push conditions need and all members share.
struct Shared {
    n_members: UInt,
    power_levels: Option<PushConditionPowerLevelsCtx>,
}

impl Shared {
    fn load(connection: &Connection, room: &Room, n_members: i64) -> Result<Self> {
        let levels = Levels::load(connection, room)?;
        let power_levels = levels.content().map(|content| {
            let integer = |value: &Value| value.as_i64().and_then(Int::new);
            let mut users = BTreeMap::new();
            for (user, level) in content["users"].as_object().into_iter().flatten() {
                if let (Ok(user), Some(level)) = (UserId::parse(&**user), integer(level)) {
                    users.insert(user, level);
                }
            }
            let mut notifications = NotificationPowerLevels::new();
            if let Some(level) = integer(&content["notifications"]["room"]) {
                notifications.room = level;
            }
            let users_default = integer(&content["users_default"]).unwrap_or_default();
            let rules = RoomPowerLevelsRules::new(
                &room.rules.authorization,
                levels.creators().iter().cloned().collect::<HashSet<_>>(),
            );
            PushConditionPowerLevelsCtx::new(users, users_default, notifications, rules)
        });
        Ok(Self {
            n_members: UInt::try_from(n_members).unwrap_or_default(),
            power_levels,
        })
    }

    fn context(
        &self,
        room: &Room,
        user: &UserId,
        display_name: Option<String>,
    ) -> PushConditionRoomCtx {
        let name = display_name.unwrap_or_else(|| user.localpart().to_owned());
        let mut context =
            PushConditionRoomCtx::new(room.id.clone(), self.n_members, user.to_owned(), name);
        context.power_levels.clone_from(&self.power_levels);
        context
    }

    /// What the default rules say to a member the event does not name.
    fn outcome_for_nobody(&self, room: &Room, event: &FlattenedJson) -> push_rules::Outcome {
        // Nobody has this id: a local part of ours is never empty.
        let user = ruma::owned_user_id!("@:nobody.invalid");
        let rules = Ruleset::server_default(&user);
        let context = self.context(room, &user, Some("\u{0}".to_owned()));
        push_rules::evaluate(&rules, event, &context)
    }
}

/// Sets the counters back after a receipt in `thread` (empty: all threads; `main`: the main timeline).
pub(super) fn read_upto(
    tx: &WriteTx<'_>,
    services: &Services,
    room: &Room,
    user: &UserId,
    thread: &str,
    upto: i64,
) -> Result<()> {
    let position = tx.next_position() as i64;
    let threads: Vec<String> = match thread {
        "" => of_room(tx, user, room.nid)?
            .into_iter()
            .map(|count| count.thread)
            .collect(),
        "main" => vec![MAIN.to_owned()],
        root => vec![root.to_owned()],
    };
    for thread in &threads {
        tx.prepare_cached(
            "UPDATE unread_counts SET n_notify = 0, n_highlight = 0, position = ?4
             WHERE user_id = ?1 AND room = ?2 AND thread = ?3",
        )?
        .execute((user.as_str(), room.nid, thread, position))?;
    }
    recount(tx, services, room, user, &threads, upto)
}

/// Counts the events after `upto` again, in these threads only.
fn recount(
    tx: &WriteTx<'_>,
    services: &Services,
    room: &Room,
    user: &UserId,
    threads: &[String],
    upto: i64,
) -> Result<()> {
    let nids: Vec<i64> = tx
        .prepare_cached(
            "SELECT nid FROM events e WHERE room = ?1 AND position > ?2 AND sender <> ?3
               AND soft_failed = 0
               AND NOT EXISTS (SELECT 1 FROM ignores i WHERE i.ignored = e.sender AND i.user_id = ?3)
             ORDER BY position DESC LIMIT ?4",
        )?
        .query_map((room.nid, upto, user.as_str(), MAX_RECOUNT as i64), |row| {
            row.get(0)
        })?
        .collect::<Result<_, _>>()?;
    if nids.is_empty() || threads.is_empty() {
        return Ok(());
    }
    let context = context_for(tx, room, user)?;
    let rules = services.push_rules.get(tx, user)?;
    for nid in nids {
        let Some(pdu) = events::by_nid(tx, room, nid)? else {
            continue;
        };
        let thread = thread_of(&pdu);
        let receipt_thread = if thread.is_empty() { "main" } else { &thread };
        if !threads.contains(&thread)
            || receipts::read_position(tx, room.nid, user.as_str(), receipt_thread)? >= pdu.position
        {
            continue;
        }
        let flat = flatten(&EventRow::by_nid(tx, nid)?)?;
        let outcome = push_rules::evaluate(&rules, &flat, &context);
        if outcome.notify {
            add(tx, room.nid, user, &thread, u64::from(outcome.highlight), 1)?;
        }
    }
    Ok(())
}

/// Drops the counters of somebody who left.
pub(super) fn forget(tx: &WriteTx<'_>, room: i64, user: &str) -> Result<()> {
    tx.prepare_cached("DELETE FROM unread_counts WHERE user_id = ?1 AND room = ?2")?
        .execute((user, room))?;
    Ok(())
}

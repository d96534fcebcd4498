//! Making an event: choosing what it cites, authorizing, signing, storing, telling.
//!
//! Spec: <https://spec.matrix.org/v1.18/server-server-api/#authorization-rules>

use std::{cell::RefCell, collections::HashMap, sync::Arc};

use rand::seq::SliceRandom;
use ruma::{
    CanonicalJsonObject, CanonicalJsonValue, EventId, MilliSecondsSinceUnixEpoch, OwnedDeviceId,
    OwnedEventId, OwnedTransactionId, OwnedUserId, UInt,
    events::{StateEventType, TimelineEventType},
    signatures::reference_hash,
    state_res::{
        auth_types_for_event, check_pdu_format, check_state_dependent_auth_rules,
        check_state_independent_auth_rules,
    },
};
use rusqlite::Connection;
use serde_json::value::{RawValue, to_raw_value};

use super::{
    Room, events, membership,
    pdu::{ArcPdu, Pdu},
    redaction, relations, state, unread,
};
use crate::{
    Error,
    error::Result,
    service::{
        Services, guests, now_ms,
        safety::{self, Fate},
        search,
    },
    store::WriteTx,
    telemetry::EventKind,
};

/// With more extremities than this an event cites the newest five and five others: unlike "the ten
/// newest", this shrinks a wide graph again.
const MAX_PREV_EVENTS: usize = 10;

/// An event that somebody on this server wants to send.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// Who sends it.
    pub sender: OwnedUserId,
    /// `type`
    pub kind: TimelineEventType,
    /// `state_key`, which makes it state.
    pub state_key: Option<String>,
    /// `content`
    pub content: CanonicalJsonObject,
    /// What it redacts, if it does.
    pub redacts: Option<OwnedEventId>,
    /// Device and transaction it came from, which that device will see again.
    pub transaction: Option<(OwnedDeviceId, OwnedTransactionId)>,
    /// A time other than now (application services only).
    pub ts: Option<MilliSecondsSinceUnixEpoch>,
}

impl NewEvent {
    /// An event that is no state.
    pub fn message(
        sender: impl Into<OwnedUserId>,
        kind: impl Into<TimelineEventType>,
        content: CanonicalJsonObject,
    ) -> Self {
        Self {
            sender: sender.into(),
            kind: kind.into(),
            state_key: None,
            content,
            redacts: None,
            transaction: None,
            ts: None,
        }
    }

    /// A state event.
    pub fn state(
        sender: impl Into<OwnedUserId>,
        kind: impl Into<TimelineEventType>,
        state_key: impl Into<String>,
        content: CanonicalJsonObject,
    ) -> Self {
        Self {
            state_key: Some(state_key.into()),
            ..Self::message(sender, kind, content)
        }
    }
}

/// Reads a client's JSON object as content of an event.
pub fn content_from_raw(raw: &RawValue) -> Result<CanonicalJsonObject> {
    let value: serde_json::Map<String, serde_json::Value> = serde_json::from_str(raw.get())?;
    Ok(ruma::canonical_json::try_from_json_map(value)?)
}

/// Any serializable content.
pub fn content_of(content: &impl serde::Serialize) -> Result<CanonicalJsonObject> {
    match ruma::canonical_json::to_canonical_value(content)? {
        CanonicalJsonValue::Object(object) => Ok(object),
        _ => Err(Error::bad_json("The content must be an object.")),
    }
}

/// Authorizes, signs and stores `new` as the newest event of `room`.
///
/// # Errors
/// `M_FORBIDDEN` with the rule that was broken; `M_TOO_LARGE`, `M_BAD_JSON` for what is no event; what
/// [`safety::admit`] says.
pub fn append(
    tx: &WriteTx<'_>,
    services: &Services,
    room: &mut Room,
    new: NewEvent,
) -> Result<ArcPdu> {
    let fate = safety::admit(tx, services, room, &new)?;
    append_admitted(tx, services, room, new, &fate)
}

/// The same for what was admitted already.
pub(super) fn append_admitted(
    tx: &WriteTx<'_>,
    services: &Services,
    room: &mut Room,
    new: NewEvent,
    fate: &Fate,
) -> Result<ArcPdu> {
    let prev = choose_prev_events(tx, room.nid)?;
    let depth = prev.iter().map(|prev| prev.depth).max().unwrap_or(0) + 1;
    let view = StateView::new(tx, room);
    let auth = auth_events(&view, room, &new)?;
    let built = build(services, room, &new, &prev, &auth, depth)?;
    authorize(&view, room, &built.pdu)?;
    let pdu = store(tx, services, room, (new, built, fate.hidden), &prev, &auth)?;
    safety::write_down(tx, room, &pdu.event_id, &pdu.sender, fate)?;
    Ok(pdu)
}

/// An event that the next one will cite.
struct Prev {
    nid: i64,
    event_id: String,
    depth: i64,
}

fn choose_prev_events(connection: &Connection, room: i64) -> Result<Vec<Prev>> {
    let mut statement = connection.prepare_cached(
        "SELECT e.nid, e.event_id, e.depth FROM extremities x JOIN events e ON e.nid = x.event
         WHERE x.room = ?1 ORDER BY e.depth DESC, e.nid DESC",
    )?;
    let rows = statement.query_map([room], |row| {
        Ok(Prev {
            nid: row.get(0)?,
            event_id: row.get(1)?,
            depth: row.get(2)?,
        })
    })?;
    let mut prev = rows.collect::<Result<Vec<_>, _>>()?;
    if prev.len() > MAX_PREV_EVENTS {
        prev[MAX_PREV_EVENTS / 2..].shuffle(&mut rand::rng());
        prev.truncate(MAX_PREV_EVENTS);
    }
    Ok(prev)
}

/// The current state of a room, read as event auth asks for it.
struct StateView<'a> {
    connection: &'a Connection,
    room: &'a Room,
    seen: RefCell<HashMap<(String, String), Option<ArcPdu>>>,
}

impl<'a> StateView<'a> {
    fn new(connection: &'a Connection, room: &'a Room) -> Self {
        Self {
            connection,
            room,
            seen: RefCell::default(),
        }
    }

    fn get(&self, kind: &StateEventType, state_key: &str) -> Result<Option<ArcPdu>> {
        let key = (kind.to_string(), state_key.to_owned());
        if let Some(found) = self.seen.borrow().get(&key) {
            return Ok(found.clone());
        }
        let found = events::current_state(self.connection, self.room, &key.0, state_key)?;
        let found = found.map(Arc::new);
        self.seen.borrow_mut().insert(key, found.clone());
        Ok(found)
    }

    fn by_id(&self, event_id: &EventId) -> Option<ArcPdu> {
        let seen = self.seen.borrow();
        let known = seen
            .values()
            .flatten()
            .find(|pdu| pdu.event_id == event_id)
            .cloned();
        known.or_else(|| {
            events::find(self.connection, self.room, event_id)
                .ok()
                .flatten()
                .map(Arc::new)
        })
    }
}

fn auth_events(view: &StateView<'_>, room: &Room, new: &NewEvent) -> Result<Vec<ArcPdu>> {
    let content = to_raw_value(&new.content)?;
    let types = auth_types_for_event(
        &new.kind,
        &new.sender,
        new.state_key.as_deref(),
        &content,
        &room.rules.authorization,
    )
    .map_err(Error::bad_json)?;
    let mut auth = Vec::new();
    for (kind, state_key) in types {
        auth.extend(view.get(&kind, &state_key)?);
    }
    Ok(auth)
}

/// A signed event before it is stored.
pub(super) struct Built {
    pub pdu: Pdu,
    pub json: String,
}

fn build(
    services: &Services,
    room: &Room,
    new: &NewEvent,
    prev: &[Prev],
    auth: &[ArcPdu],
    depth: i64,
) -> Result<Built> {
    let mut object = CanonicalJsonObject::new();
    let text = |s: &str| CanonicalJsonValue::String(s.to_owned());
    object.insert("room_id".to_owned(), text(room.id.as_str()));
    let prev_events = prev.iter().map(|prev| text(&prev.event_id)).collect();
    object.insert(
        "prev_events".to_owned(),
        CanonicalJsonValue::Array(prev_events),
    );
    let auth_events = auth.iter().map(|pdu| text(pdu.event_id.as_str())).collect();
    object.insert(
        "auth_events".to_owned(),
        CanonicalJsonValue::Array(auth_events),
    );
    finish(services, room, new, object, depth)
}

/// Adds what every event has, signs it and names it.
pub(super) fn finish(
    services: &Services,
    room: &Room,
    new: &NewEvent,
    mut object: CanonicalJsonObject,
    depth: i64,
) -> Result<Built> {
    let text = |s: &str| CanonicalJsonValue::String(s.to_owned());
    let ts = new.ts.map_or_else(now_ms, |ts| i64::from(ts.get()));
    let integer = |n: i64| ruma::Int::new(n).map(CanonicalJsonValue::Integer);
    let number = |n| integer(n).ok_or_else(|| Error::invalid_param("A number is out of range."));
    object.insert("type".to_owned(), text(&new.kind.to_string()));
    object.insert("sender".to_owned(), text(new.sender.as_str()));
    object.insert(
        "content".to_owned(),
        CanonicalJsonValue::Object(new.content.clone()),
    );
    object.insert("depth".to_owned(), number(depth)?);
    object.insert("origin_server_ts".to_owned(), number(ts)?);
    if let Some(state_key) = &new.state_key {
        object.insert("state_key".to_owned(), text(state_key));
    }
    if let Some(redacts) = &new.redacts
        && !room.rules.redaction.content_field_redacts
    {
        object.insert("redacts".to_owned(), text(redacts.as_str()));
    }
    services
        .key
        .sign_event(&mut object, &room.rules.redaction)
        .map_err(as_too_large)?;
    let format = &room.rules.event_format;
    check_pdu_format(&object, format).map_err(|reason| match reason.as_str() {
        whole if whole.starts_with("PDU is larger than") => {
            Error::too_large("The event is larger than 65,535 bytes.")
        }
        part if part.contains("larger than") => Error::too_large(part),
        _ => Error::bad_json(reason),
    })?;
    let hash = reference_hash(&object, &room.rules).map_err(|e| Error::bad_json(e.to_string()))?;
    let event_id = EventId::new_v2_or_v3(&hash).map_err(Error::internal)?;
    let ids = |key: &str| -> Vec<OwnedEventId> {
        let list = object
            .get(key)
            .and_then(CanonicalJsonValue::as_array)
            .unwrap_or_default();
        list.iter()
            .filter_map(|id| EventId::parse(id.as_str()?).ok())
            .collect()
    };
    let pdu = Pdu {
        nid: 0,
        event_id,
        room_id: room.id.clone(),
        position: 0,
        depth,
        sender: new.sender.clone(),
        kind: new.kind.clone(),
        state_key: new.state_key.clone(),
        ts: MilliSecondsSinceUnixEpoch(UInt::try_from(ts).unwrap_or_default()),
        content: to_raw_value(&new.content)?,
        prev_events: ids("prev_events"),
        auth_events: ids("auth_events"),
        redacts: new.redacts.clone(),
        rejected: false,
    };
    Ok(Built {
        pdu,
        json: serde_json::to_string(&object)?,
    })
}

fn as_too_large(error: Error) -> Error {
    match &error {
        Error::Matrix { message, .. } if message.contains("larger than") => {
            Error::too_large("The event is larger than 65,535 bytes.")
        }
        _ => error,
    }
}

fn authorize(view: &StateView<'_>, room: &Room, pdu: &Pdu) -> Result<()> {
    let rules = &room.rules.authorization;
    check_state_independent_auth_rules(rules, pdu, |event_id| view.by_id(event_id))
        .map_err(Error::forbidden)?;
    check_state_dependent_auth_rules(rules, pdu, |kind, state_key| {
        view.get(kind, state_key).ok().flatten()
    })
    .map_err(Error::forbidden)
}

fn store(
    tx: &WriteTx<'_>,
    services: &Services,
    room: &mut Room,
    (new, built, hidden): (NewEvent, Built, bool),
    prev: &[Prev],
    auth: &[ArcPdu],
) -> Result<ArcPdu> {
    let Built { mut pdu, json } = built;
    insert(tx, room, &mut pdu, &json, new.transaction.as_ref())?;
    for prev in prev {
        tx.prepare_cached("INSERT OR IGNORE INTO event_edges (event, prev) VALUES (?1, ?2)")?
            .execute((pdu.nid, prev.nid))?;
        tx.prepare_cached("DELETE FROM extremities WHERE room = ?1 AND event = ?2")?
            .execute((room.nid, prev.nid))?;
    }
    for auth in auth {
        tx.prepare_cached("INSERT OR IGNORE INTO event_auth (event, auth) VALUES (?1, ?2)")?
            .execute((pdu.nid, auth.nid))?;
    }
    tx.prepare_cached("INSERT INTO extremities (room, event) VALUES (?1, ?2)")?
        .execute((room.nid, pdu.nid))?;
    if hidden {
        hide(tx, room, &pdu)?;
    } else {
        apply(tx, services, room, &pdu)?;
    }
    Ok(Arc::new(pdu))
}

/// Stores the row itself; sets number and position of `pdu`.
pub(super) fn insert(
    tx: &WriteTx<'_>,
    room: &Room,
    pdu: &mut Pdu,
    json: &str,
    transaction: Option<&(OwnedDeviceId, OwnedTransactionId)>,
) -> Result<()> {
    let replaces = match &pdu.state_key {
        Some(state_key) => state::current(tx, room.nid, &pdu.kind.to_string(), state_key)?,
        None => None,
    };
    pdu.position = tx.next_position() as i64;
    tx.prepare_cached(
        "INSERT INTO events (event_id, room, position, depth, ts, type, state_key, sender,
                             state_group, replaces, device_id, txn_id, json)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
    )?
    .execute(rusqlite::params![
        pdu.event_id.as_str(),
        room.nid,
        pdu.position,
        pdu.depth,
        i64::from(pdu.ts.get()),
        pdu.kind.to_string(),
        pdu.state_key,
        pdu.sender.as_str(),
        room.state_group,
        replaces,
        transaction.map(|(device, _)| device.as_str()),
        transaction.map(|(_, txn)| txn.as_str()),
        json,
    ])?;
    pdu.nid = tx.last_insert_rowid();
    Ok(())
}

/// Of a hidden message nothing follows, except that its sender sees it.
fn hide(tx: &WriteTx<'_>, room: &Room, pdu: &Pdu) -> Result<()> {
    tx.prepare_cached("UPDATE events SET soft_failed = 1 WHERE nid = ?1")?
        .execute([pdu.nid])?;
    tx.prepare_cached("UPDATE rooms SET last_position = ?2 WHERE nid = ?1")?
        .execute((room.nid, pdu.position))?;
    tx.wake(&pdu.sender);
    Ok(())
}

/// What follows from a stored event: state, members, relations, counters, wake-ups.
pub(super) fn apply(
    tx: &WriteTx<'_>,
    services: &Services,
    room: &mut Room,
    pdu: &Pdu,
) -> Result<()> {
    let kind = pdu.kind.to_string();
    if let Some(state_key) = &pdu.state_key {
        let group = state::add_group(tx, room.nid, room.state_group, (&kind, state_key, pdu.nid))?;
        room.state_group = Some(group);
        state::set_current(tx, room, &kind, state_key, pdu.nid)?;
        tx.prepare_cached("UPDATE rooms SET state_group = ?2 WHERE nid = ?1")?
            .execute((room.nid, group))?;
        apply_state(tx, room, pdu, state_key)?;
    }
    let bumps = is_bump(&kind);
    tx.prepare_cached(
        "UPDATE rooms SET last_position = ?2, bump_position = iif(?3, ?2, bump_position)
         WHERE nid = ?1",
    )?
    .execute((room.nid, pdu.position, bumps))?;
    if let Some(redacts) = &pdu.redacts {
        redaction::apply(tx, room, pdu, redacts)?;
    }
    relations::index(tx, room, pdu)?;
    search::index(tx, pdu)?;
    unread::count(tx, services, room, pdu)?;
    tx.wake_room(room.nid);
    let told = services.clone();
    let counted = EventKind::of(&kind, pdu.state_key.is_some());
    tx.after_commit(move || {
        told.telemetry.event_stored(counted);
        told.push_gateway.wake();
    });
    if let (TimelineEventType::RoomMember, Some(target)) = (&pdu.kind, &pdu.state_key)
        && let Ok(target) = <&ruma::UserId>::try_from(target.as_str())
    {
        tx.wake(target);
    }
    guests::follow(tx, services, room, pdu)
}

fn apply_state(tx: &WriteTx<'_>, room: &Room, pdu: &Pdu, state_key: &str) -> Result<()> {
    match &pdu.kind {
        TimelineEventType::RoomMember => membership::apply(tx, room, pdu, state_key),
        TimelineEventType::RoomEncryption if state_key.is_empty() => {
            tx.prepare_cached("UPDATE rooms SET encrypted = 1 WHERE nid = ?1")?
                .execute([room.nid])?;
            Ok(())
        }
        TimelineEventType::RoomCreate => {
            tx.prepare_cached("UPDATE rooms SET room_type = ?2 WHERE nid = ?1")?
                .execute((room.nid, pdu.content_str("type")))?;
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Types that move a room up in the list of rooms, as MSC4186 has them.
fn is_bump(kind: &str) -> bool {
    const BUMPS: [&str; 9] = [
        "m.room.create",
        "m.room.message",
        "m.room.encrypted",
        "m.sticker",
        "m.call.invite",
        "m.poll.start",
        "org.matrix.msc3381.poll.start",
        "m.beacon_info",
        "org.matrix.msc3672.beacon_info",
    ];
    BUMPS.contains(&kind)
}

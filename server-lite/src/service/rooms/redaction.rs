//! Redaction: what may be taken away, and taking it away.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#redactions>

use ruma::{
    CanonicalJsonObject, CanonicalJsonValue, EventId, OwnedEventId, UserId, canonical_json::redact,
    events::TimelineEventType,
};
use rusqlite::{Connection, OptionalExtension};

use super::{Room, append::NewEvent, events, pdu::Pdu, power::Levels};
use crate::{Error, error::Result, service::search, store::WriteTx};

/// The event that redacts `target`.
pub fn new_redaction(
    connection: &Connection,
    room: &Room,
    sender: &UserId,
    target: OwnedEventId,
    reason: Option<String>,
) -> Result<NewEvent> {
    let redacted = events::find(connection, room, &target)?
        .ok_or_else(|| Error::not_found("There is no such event in this room."))?;
    if !may_redact(connection, room, sender, &redacted)? {
        return Err(Error::forbidden("You may not remove this event."));
    }
    let mut content = CanonicalJsonObject::new();
    if let Some(reason) = reason {
        content.insert("reason".to_owned(), CanonicalJsonValue::String(reason));
    }
    if room.rules.redaction.content_field_redacts {
        let target = CanonicalJsonValue::String(target.to_string());
        content.insert("redacts".to_owned(), target);
    }
    let mut new = NewEvent::message(sender, TimelineEventType::RoomRedaction, content);
    new.redacts = Some(target);
    Ok(new)
}

fn may_redact(connection: &Connection, room: &Room, sender: &UserId, target: &Pdu) -> Result<bool> {
    if target.kind == TimelineEventType::RoomCreate {
        return Ok(false);
    }
    Ok(target.sender == sender || Levels::load(connection, room)?.may_redact_others(sender))
}

/// Takes the content of `target` away, if the redaction is allowed to.
pub(super) fn apply(
    tx: &WriteTx<'_>,
    room: &Room,
    redaction: &Pdu,
    target: &EventId,
) -> Result<()> {
    let Some(target) = events::find(tx, room, target)? else {
        return Ok(());
    };
    if !may_redact(tx, room, &redaction.sender, &target)? {
        return Ok(());
    }
    let json: Option<String> = tx
        .prepare_cached("SELECT json FROM events WHERE nid = ?1 AND redacted_by IS NULL")?
        .query_row([target.nid], |row| row.get(0))
        .optional()?;
    let Some(json) = json else { return Ok(()) };
    let object: CanonicalJsonObject = serde_json::from_str(&json).map_err(Error::internal)?;
    let rest = redact(object, &room.rules.redaction, None).map_err(Error::internal)?;
    tx.prepare_cached("UPDATE events SET json = ?2, redacted_by = ?3 WHERE nid = ?1")?
        .execute((target.nid, serde_json::to_string(&rest)?, redaction.nid))?;
    tx.prepare_cached("DELETE FROM relations WHERE event = ?1")?
        .execute([target.nid])?;
    search::forget(tx, target.nid)
}

//! Relations between events: edits, reactions, threads, references.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#forming-relationships-between-events>

use ruma::UserId;
use rusqlite::Connection;
use serde::Deserialize;

use super::{Room, pdu::Pdu};
use crate::{error::Result, store::WriteTx};

/// `m.relates_to`, as far as a server looks.
#[derive(Debug, Default, Deserialize)]
pub struct RelatesTo {
    /// `m.annotation`, `m.replace`, `m.thread`, `m.reference` or another.
    pub rel_type: Option<String>,
    /// The parent.
    pub event_id: Option<String>,
    /// The emoji of a reaction.
    pub key: Option<String>,
}

#[derive(Default, Deserialize)]
struct Content {
    #[serde(rename = "m.relates_to")]
    relates_to: Option<RelatesTo>,
}

/// What an event relates to.
pub fn of(pdu: &Pdu) -> Option<RelatesTo> {
    pdu.content_as::<Content>().relates_to
}

/// Remembers what `pdu` relates to.
pub(super) fn index(tx: &WriteTx<'_>, room: &Room, pdu: &Pdu) -> Result<()> {
    if pdu.state_key.is_some() {
        return Ok(());
    }
    let Some(RelatesTo {
        rel_type: Some(rel_type),
        event_id: Some(parent),
        ..
    }) = of(pdu)
    else {
        return Ok(());
    };
    tx.prepare_cached(
        "INSERT OR IGNORE INTO relations (room, parent, event, rel_type) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute((room.nid, parent, pdu.nid, rel_type))?;
    Ok(())
}

/// Numbers of the events with this relation to `parent`, oldest first, without those of people whom `viewer` ignores.
pub fn children(
    connection: &Connection,
    room: i64,
    parent: &str,
    rel_type: &str,
    viewer: &UserId,
) -> Result<Vec<i64>> {
    let mut statement = connection.prepare_cached(
        "SELECT event FROM relations r WHERE room = ?1 AND parent = ?2 AND rel_type = ?3
           AND (NOT EXISTS (SELECT 1 FROM ignores WHERE user_id = ?4)
                OR NOT EXISTS (SELECT 1 FROM events e
                               JOIN ignores i ON i.ignored = e.sender AND i.user_id = ?4
                               WHERE e.nid = r.event))
         ORDER BY event",
    )?;
    let rows = statement.query_map((room, parent, rel_type, viewer.as_str()), |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whether `sender` has already annotated `parent` with `key` by an event of this type.
pub fn has_annotation(
    connection: &Connection,
    room: &Room,
    parent: &str,
    sender: &str,
    kind: &str,
    key: &str,
) -> Result<bool> {
    let mut statement = connection.prepare_cached(
        "SELECT e.json FROM relations r JOIN events e ON e.nid = r.event
         WHERE r.room = ?1 AND r.parent = ?2 AND r.rel_type = 'm.annotation'
           AND e.sender = ?3 AND e.type = ?4 AND e.redacted_by IS NULL",
    )?;
    let mut rows = statement.query((room.nid, parent, sender, kind))?;
    while let Some(row) = rows.next()? {
        #[derive(Deserialize)]
        struct Event {
            content: Content,
        }
        let json: String = row.get(0)?;
        let event: Option<Event> = serde_json::from_str(&json).ok();
        let relates_to = event.and_then(|event| event.content.relates_to);
        if relates_to.and_then(|relates_to| relates_to.key).as_deref() == Some(key) {
            return Ok(true);
        }
    }
    Ok(false)
}

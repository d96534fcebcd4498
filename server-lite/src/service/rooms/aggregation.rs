//! What is bundled with an event: its latest edit, its thread, references to it.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#aggregations-of-child-events>

use rusqlite::Connection;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::{
    Room,
    client_event::{EventRow, Format, Viewer},
    relations,
};
use crate::error::Result;

#[derive(Serialize)]
struct Relations {
    #[serde(rename = "m.replace", skip_serializing_if = "Option::is_none")]
    replace: Option<Box<RawValue>>,
    #[serde(rename = "m.thread", skip_serializing_if = "Option::is_none")]
    thread: Option<Thread>,
    #[serde(rename = "m.reference", skip_serializing_if = "Option::is_none")]
    reference: Option<References>,
}

#[derive(Serialize)]
struct Thread {
    latest_event: Box<RawValue>,
    count: usize,
    current_user_participated: bool,
}

#[derive(Serialize)]
struct References {
    chunk: Vec<Reference>,
}

#[derive(Serialize)]
struct Reference {
    event_id: String,
}

/// The bundle of one event; none if nothing relates to it.
pub(super) fn bundle(
    connection: &Connection,
    room: &Room,
    viewer: Viewer<'_>,
    event: &EventRow,
) -> Result<Option<Box<RawValue>>> {
    let any = connection
        .prepare_cached("SELECT 1 FROM relations WHERE room = ?1 AND parent = ?2 LIMIT 1")?
        .exists((room.nid, &event.event_id))?;
    if !any {
        return Ok(None);
    }
    let bundle = Relations {
        replace: latest_edit(connection, room, viewer, event)?,
        thread: thread(connection, room, viewer, event)?,
        reference: references(connection, room, viewer, event)?,
    };
    if bundle.replace.is_none() && bundle.thread.is_none() && bundle.reference.is_none() {
        return Ok(None);
    }
    Ok(Some(to_raw_value(&bundle)?))
}

/// The newest edit that is valid: same sender, same type.
fn latest_edit(
    connection: &Connection,
    room: &Room,
    viewer: Viewer<'_>,
    event: &EventRow,
) -> Result<Option<Box<RawValue>>> {
    let edits = relations::children(
        connection,
        room.nid,
        &event.event_id,
        "m.replace",
        viewer.user_id,
    )?;
    for nid in edits.into_iter().rev() {
        let edit = EventRow::by_nid(connection, nid)?;
        if edit.sender == event.sender && edit.kind == event.kind && !edit.is_redacted() {
            let json = edit.to_client(connection, room, viewer, Format::Full, None, false)?;
            return Ok(Some(json));
        }
    }
    Ok(None)
}

fn thread(
    connection: &Connection,
    room: &Room,
    viewer: Viewer<'_>,
    event: &EventRow,
) -> Result<Option<Thread>> {
    let children = relations::children(
        connection,
        room.nid,
        &event.event_id,
        "m.thread",
        viewer.user_id,
    )?;
    let Some(latest) = children.last() else {
        return Ok(None);
    };
    let latest = EventRow::by_nid(connection, *latest)?;
    let mut json = latest.to_client(connection, room, viewer, Format::Full, None, false)?;
    if let Some(edit) = latest_edit(connection, room, viewer, &latest)? {
        json = with_edit(&json, &edit)?;
    }
    let replied: bool = connection
        .prepare_cached(
            "SELECT 1 FROM relations r JOIN events e ON e.nid = r.event
             WHERE r.room = ?1 AND r.parent = ?2 AND r.rel_type = 'm.thread' AND e.sender = ?3
             LIMIT 1",
        )?
        .exists((room.nid, &event.event_id, viewer.user_id.as_str()))?;
    let participated = replied || event.sender == viewer.user_id.as_str();
    Ok(Some(Thread {
        latest_event: json,
        count: children.len(),
        current_user_participated: participated,
    }))
}

/// The latest event of a thread carries its own edit.
fn with_edit(event: &RawValue, edit: &RawValue) -> Result<Box<RawValue>> {
    let mut value: serde_json::Value = serde_json::from_str(event.get())?;
    value["unsigned"]["m.relations"]["m.replace"] = serde_json::from_str(edit.get())?;
    Ok(to_raw_value(&value)?)
}

fn references(
    connection: &Connection,
    room: &Room,
    viewer: Viewer<'_>,
    event: &EventRow,
) -> Result<Option<References>> {
    let children = relations::children(
        connection,
        room.nid,
        &event.event_id,
        "m.reference",
        viewer.user_id,
    )?;
    if children.is_empty() {
        return Ok(None);
    }
    let ids = children
        .iter()
        .map(|nid| super::events::id(connection, *nid));
    let chunk = ids
        .map(|id| {
            Ok(Reference {
                event_id: id?.to_string(),
            })
        })
        .collect::<Result<_>>()?;
    Ok(Some(References { chunk }))
}

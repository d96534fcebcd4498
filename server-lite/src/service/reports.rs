//! What users report to the administrators: events, rooms, other users.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#reporting-content>

use ruma::UserId;
use rusqlite::{Connection, params};
use serde::Serialize;

use super::now_ms;
use crate::{
    error::Result,
    store::{Component, Step, WriteTx},
};

/// Tables of this service.
pub const COMPONENT: Component = Component {
    name: "reports",
    steps: &[Step::Sql(include_str!("../store/schema/reports.sql"))],
};

/// The longest reason that is kept, in bytes.
const MAX_REASON: usize = 4096;

/// What a report is about.
#[derive(Clone, Copy, Debug)]
pub enum About<'a> {
    /// An event in a room.
    Event(&'a ruma::RoomId, &'a ruma::EventId),
    /// A room.
    Room(&'a ruma::RoomId),
    /// A user.
    User(&'a UserId),
}

/// One report, as the administrator sees it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Its number.
    pub id: i64,
    /// When it came in, in milliseconds since 1970.
    pub created_at: i64,
    /// Who sent it; `filter rule 3` for what a rule of the operator was about.
    pub reporter: String,
    /// The room it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room_id: Option<String>,
    /// The event it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_id: Option<String>,
    /// The user it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// Why, in the reporter's words.
    pub reason: String,
}

/// Keeps a report.
pub fn add(tx: &WriteTx<'_>, reporter: &UserId, about: About<'_>, reason: &str) -> Result<()> {
    let (room, event, user) = match about {
        About::Event(room, event) => (Some(room.as_str()), Some(event.as_str()), None),
        About::Room(room) => (Some(room.as_str()), None, None),
        About::User(user) => (None, None, Some(user.as_str())),
    };
    let reason = &reason[..reason.floor_char_boundary(MAX_REASON)];
    tx.prepare_cached(
        "INSERT INTO reports (created_at, reporter, room_id, event_id, user_id, reason)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        now_ms(),
        reporter.as_str(),
        room,
        event,
        user,
        reason
    ])?;
    Ok(())
}

/// Something a filter rule was about.
#[derive(Clone, Copy, Debug)]
pub struct Filtered<'a> {
    /// The number of the rule.
    pub rule: i64,
    /// Whose it is.
    pub user: &'a UserId,
    /// The room it was meant for.
    pub room: Option<&'a str>,
    /// The event, if it was taken.
    pub event: Option<&'a str>,
    /// What was done, and the rule's category.
    pub reason: &'a str,
}

/// What was refused of one user by one rule is listed once in this time, in milliseconds: whoever tries again and again
/// shall not fill the list.
const FILTERED_AGAIN_MS: i64 = 60 * 60 * 1000;

/// Keeps what a filter rule was about, as a report of the rule.
pub fn add_filtered(tx: &WriteTx<'_>, filtered: &Filtered<'_>) -> Result<()> {
    let reporter = format!("filter rule {}", filtered.rule);
    let now = now_ms();
    tx.prepare_cached(
        "INSERT INTO reports (created_at, reporter, room_id, event_id, user_id, reason)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE ?4 IS NOT NULL OR NOT EXISTS (
             SELECT 1 FROM reports WHERE reporter = ?2 AND user_id = ?5 AND event_id IS NULL
                AND created_at > ?7)",
    )?
    .execute(params![
        now,
        reporter,
        filtered.room,
        filtered.event,
        filtered.user.as_str(),
        filtered.reason,
        now - FILTERED_AGAIN_MS
    ])?;
    Ok(())
}

/// All reports, oldest first.
pub fn list(connection: &Connection) -> Result<Vec<Report>> {
    let mut statement = connection.prepare(
        "SELECT id, created_at, reporter, room_id, event_id, user_id, reason FROM reports ORDER BY id",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(Report {
            id: row.get(0)?,
            created_at: row.get(1)?,
            reporter: row.get(2)?,
            room_id: row.get(3)?,
            event_id: row.get(4)?,
            user_id: row.get(5)?,
            reason: row.get(6)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Removes a report that was dealt with. False if there is none of that number.
pub fn delete(tx: &WriteTx<'_>, id: i64) -> Result<bool> {
    Ok(tx.execute("DELETE FROM reports WHERE id = ?1", [id])? == 1)
}

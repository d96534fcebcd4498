//! Taking rooms and old messages away for good, in steps so small that nobody waits for them.
//!
//! What is removed is removed from this server only. Clients that were told of it keep what they have.

use ruma::EventId;
use rusqlite::{Connection, params_from_iter};

use super::{Room, aliases, directory, events};
use crate::{Error, error::Result, store::WriteTx};

/// Events that one transaction removes.
pub const STEP: usize = 250;

/// Tables about a room, by its number. Those of its events are emptied with the events.
const BY_NUMBER: [&str; 11] = [
    "extremities",
    "current_state",
    "memberships",
    "relations",
    "aliases",
    "receipts",
    "unread_counts",
    "state_groups",
    "server_notices_rooms",
    "appservice_consoles",
    "appservice_directory",
];

/// Tables about a room, by its identifier.
const BY_ID: [&str; 2] = ["account_data", "delayed_events"];

/// Which messages are old.
#[derive(Debug, Clone)]
pub enum Old {
    /// Sent before this time, in milliseconds since 1970.
    BeforeTime(i64),
    /// Those before this event.
    BeforeEvent(ruma::OwnedEventId),
    /// All but the newest so many.
    AllBut(u64),
}

/// The numbers of the events that are old. State stays, so that the room remains what it is; the newest events stay, so
/// that the next one has something to follow; a redaction stays as long as what it redacts.
///
/// # Errors
/// `M_NOT_FOUND` for an event that is not in this room.
pub fn old_events(connection: &Connection, room: &Room, old: &Old) -> Result<Vec<i64>> {
    let (max_position, max_ts) = match old {
        Old::BeforeTime(ts) => (i64::MAX, *ts),
        Old::BeforeEvent(event_id) => (position_of(connection, room, event_id)?, i64::MAX),
        Old::AllBut(n) => (position_of_newest(connection, room, *n)?, i64::MAX),
    };
    let mut statement = connection.prepare(
        "SELECT e.nid FROM events e
         WHERE e.room = ?1 AND e.position IS NOT NULL AND e.position < ?2 AND e.ts < ?3
           AND e.state_key IS NULL
           AND e.nid NOT IN (SELECT event FROM extremities WHERE room = ?1)
           AND e.nid NOT IN (
               SELECT k.redacted_by FROM events k WHERE k.room = ?1 AND k.redacted_by IS NOT NULL
                 AND (k.state_key IS NOT NULL OR k.position >= ?2 OR k.ts >= ?3
                      OR k.nid IN (SELECT event FROM extremities WHERE room = ?1)))
         ORDER BY e.nid",
    )?;
    let rows = statement.query_map((room.nid, max_position, max_ts), |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn position_of(connection: &Connection, room: &Room, event_id: &EventId) -> Result<i64> {
    events::position(connection, room.nid, event_id)?
        .ok_or_else(|| Error::not_found(format!("There is no event {event_id} in this room.")))
}

/// The position from which on the newest `n` messages stand.
fn position_of_newest(connection: &Connection, room: &Room, n: u64) -> Result<i64> {
    let Some(skipped) = n.checked_sub(1) else {
        return Ok(i64::MAX);
    };
    let mut statement = connection.prepare(
        "SELECT position FROM events
         WHERE room = ?1 AND position IS NOT NULL AND state_key IS NULL
         ORDER BY position DESC LIMIT 1 OFFSET ?2",
    )?;
    let skipped = i64::try_from(skipped).unwrap_or(i64::MAX);
    let mut rows = statement.query((room.nid, skipped))?;
    // With fewer than that, none is old.
    Ok(rows.next()?.map_or(Ok(i64::MIN), |row| row.get(0))?)
}

/// The edges of the graph that lead from events that stay to events that go: (event, what it follows).
pub fn edges_to(connection: &Connection, room: &Room, going: &[i64]) -> Result<Vec<(i64, i64)>> {
    let mut statement = connection.prepare(
        "SELECT g.event, g.prev FROM events e JOIN event_edges g ON g.event = e.nid
         WHERE e.room = ?1",
    )?;
    let rows = statement.query_map([room.nid], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut edges = Vec::new();
    for row in rows {
        let (event, prev): (i64, i64) = row?;
        // In ascending order, as `old_events` gives them.
        if going.binary_search(&prev).is_ok() && going.binary_search(&event).is_err() {
            edges.push((event, prev));
        }
    }
    Ok(edges)
}

/// Removes edges.
pub fn remove_edges(tx: &WriteTx<'_>, edges: &[(i64, i64)]) -> Result<()> {
    let mut statement =
        tx.prepare_cached("DELETE FROM event_edges WHERE event = ?1 AND prev = ?2")?;
    for edge in edges {
        statement.execute(*edge)?;
    }
    Ok(())
}

/// Removes events with all that hangs on them.
pub fn remove_events(tx: &WriteTx<'_>, room: &Room, nids: &[i64]) -> Result<()> {
    for part in nids.chunks(STEP) {
        let list = vec!["?"; part.len()].join(", ");
        for (table, column) in [
            ("event_words", "rowid"),
            ("event_edges", "event"),
            ("event_auth", "event"),
            ("push_outbox", "event"),
        ] {
            // Push gateways are looked up by pusher; there are few rows, so looking at all of them is cheap.
            let sql = format!("DELETE FROM {table} WHERE {column} IN ({list})");
            tx.prepare(&sql)?.execute(params_from_iter(part))?;
        }
        let own = params_from_iter(std::iter::once(&room.nid).chain(part));
        let sql = format!("DELETE FROM relations WHERE room = ? AND event IN ({list})");
        tx.prepare(&sql)?.execute(own)?;
        let sql = format!("DELETE FROM events WHERE nid IN ({list})");
        tx.prepare(&sql)?.execute(params_from_iter(part))?;
    }
    Ok(())
}

/// Takes a room out of sight: no addresses, not in the directory.
pub fn hide(tx: &WriteTx<'_>, room: &Room) -> Result<()> {
    directory::publish(tx, room, false)?;
    aliases::remove_all(tx, room)
}

/// Everything about a room but its events and its row: nobody is in it afterwards.
pub fn remove_surroundings(tx: &WriteTx<'_>, room: &Room) -> Result<()> {
    tx.prepare(
        "DELETE FROM state_group_entries
         WHERE state_group IN (SELECT nid FROM state_groups WHERE room = ?1)",
    )?
    .execute([room.nid])?;
    for table in BY_NUMBER {
        let sql = format!("DELETE FROM {table} WHERE room = ?1");
        tx.prepare(&sql)?.execute([room.nid])?;
    }
    for table in BY_ID {
        let sql = format!("DELETE FROM {table} WHERE room_id = ?1");
        tx.prepare(&sql)?.execute([room.id.as_str()])?;
    }
    Ok(())
}

/// The numbers of all events of a room, in ascending order.
pub fn all_events(connection: &Connection, room: &Room) -> Result<Vec<i64>> {
    let mut statement =
        connection.prepare("SELECT nid FROM events WHERE room = ?1 ORDER BY nid")?;
    let rows = statement.query_map([room.nid], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The last step: the room itself.
pub fn remove_room(tx: &WriteTx<'_>, room: &Room) -> Result<()> {
    tx.execute("DELETE FROM rooms WHERE nid = ?1", [room.nid])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{BY_ID, BY_NUMBER};
    use crate::{
        service::{COMPONENTS, notifier::Notifier},
        store::{Store, StoreOptions},
    };

    /// Tables with a room's number or identifier that are dealt with otherwise, or outlive the room on purpose.
    const OTHERS: [&str; 4] = ["events", "reports", "backup_keys", "blocked_rooms"];

    #[tokio::test]
    async fn no_table_about_rooms_is_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("test.db");
        let options = StoreOptions::default();
        let store = Store::open(&path, &options, COMPONENTS, Notifier::default()).unwrap();
        let tables = store
            .read(|c| {
                let mut statement = c.prepare(
                    "SELECT t.name, c.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c
                     WHERE t.type = 'table' AND c.name IN ('room', 'room_id') ORDER BY 1, 2",
                )?;
                let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
                Ok(rows.collect::<Result<Vec<(String, String)>, _>>()?)
            })
            .await
            .unwrap();
        assert!(tables.len() > 10, "{tables:?}");
        for (table, column) in tables {
            let list: &[&str] = if column == "room" { &BY_NUMBER } else { &BY_ID };
            let is_known = list.contains(&&*table) || OTHERS.contains(&&*table);
            assert!(
                is_known || (table == "rooms" && column == "room_id"),
                "the table {table} would keep rows of a room that was removed"
            );
        }
    }
}

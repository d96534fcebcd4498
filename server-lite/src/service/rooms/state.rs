//! State: current, and before any event, as groups of differences.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension};

use super::Room;
use crate::{error::Result, store::WriteTx};

/// State as (type, state key) → number of the event.
pub type StateMap = HashMap<(String, String), i64>;

/// The number of the current event of this type and key.
pub fn current(
    connection: &Connection,
    room: i64,
    kind: &str,
    state_key: &str,
) -> Result<Option<i64>> {
    Ok(connection
        .prepare_cached(
            "SELECT event FROM current_state WHERE room = ?1 AND type = ?2 AND state_key = ?3",
        )?
        .query_row((room, kind, state_key), |row| row.get(0))
        .optional()?)
}

/// Numbers of all current state events.
pub fn all_current(connection: &Connection, room: i64) -> Result<Vec<i64>> {
    let mut statement =
        connection.prepare_cached("SELECT event FROM current_state WHERE room = ?1")?;
    let rows = statement.query_map([room], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Numbers of the current state events of one type.
pub fn current_of_type(connection: &Connection, room: i64, kind: &str) -> Result<Vec<i64>> {
    let mut statement = connection
        .prepare_cached("SELECT event FROM current_state WHERE room = ?1 AND type = ?2")?;
    let rows = statement.query_map((room, kind), |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The groups from `group` back to a whole one, newest first.
const CHAIN: &str = "WITH RECURSIVE chain (nid, prev, hop) AS (
         SELECT nid, prev, 0 FROM state_groups WHERE nid = ?1
         UNION ALL
         SELECT g.nid, g.prev, chain.hop + 1 FROM state_groups g JOIN chain ON g.nid = chain.prev
     )";

/// The event of this type and key in a group.
pub fn in_group(
    connection: &Connection,
    group: i64,
    kind: &str,
    state_key: &str,
) -> Result<Option<i64>> {
    Ok(connection
        .prepare_cached(&format!(
            "{CHAIN} SELECT e.event FROM chain
             JOIN state_group_entries e ON e.state_group = chain.nid
             WHERE e.type = ?2 AND e.state_key = ?3 ORDER BY chain.hop LIMIT 1"
        ))?
        .query_row((group, kind, state_key), |row| row.get(0))
        .optional()?)
}

/// The whole state of a group.
pub fn of_group(connection: &Connection, group: i64) -> Result<StateMap> {
    let mut statement = connection.prepare_cached(&format!(
        "{CHAIN} SELECT e.type, e.state_key, e.event FROM chain
         JOIN state_group_entries e ON e.state_group = chain.nid ORDER BY chain.hop DESC"
    ))?;
    let mut rows = statement.query([group])?;
    let mut state = StateMap::new();
    while let Some(row) = rows.next()? {
        state.insert((row.get(0)?, row.get(1)?), row.get(2)?);
    }
    Ok(state)
}

/// Makes a group that differs from `prev` by one event, and returns its number.
///
/// Groups no more than twice as large as the new one are copied into it, as a counter carries: n changes of state make
/// chains of log n groups and n log n entries, however large the room.
pub(super) fn add_group(
    tx: &WriteTx<'_>,
    room: i64,
    mut prev: Option<i64>,
    (kind, state_key, event): (&str, &str, i64),
) -> Result<i64> {
    let mut entries = StateMap::from([((kind.to_owned(), state_key.to_owned()), event)]);
    while let Some(group) = prev {
        let (before, n_entries): (Option<i64>, i64) = tx
            .prepare_cached("SELECT prev, n_entries FROM state_groups WHERE nid = ?1")?
            .query_row([group], |row| Ok((row.get(0)?, row.get(1)?)))?;
        if n_entries >= 2 * entries.len() as i64 {
            break;
        }
        for (key, event) in own_entries(tx, group)? {
            entries.entry(key).or_insert(event);
        }
        prev = before;
    }
    insert_group(tx, room, prev, &entries)
}

/// The differences of a group to the one before it.
fn own_entries(connection: &Connection, group: i64) -> Result<StateMap> {
    let mut statement = connection.prepare_cached(
        "SELECT type, state_key, event FROM state_group_entries WHERE state_group = ?1",
    )?;
    let rows = statement.query_map([group], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn insert_group(tx: &WriteTx<'_>, room: i64, prev: Option<i64>, entries: &StateMap) -> Result<i64> {
    tx.prepare_cached("INSERT INTO state_groups (room, prev, n_entries) VALUES (?1, ?2, ?3)")?
        .execute((room, prev, entries.len() as i64))?;
    let group = tx.last_insert_rowid();
    let mut statement = tx.prepare_cached(
        "INSERT INTO state_group_entries (state_group, type, state_key, event)
         VALUES (?1, ?2, ?3, ?4)",
    )?;
    for ((kind, state_key), event) in entries {
        statement.execute((group, kind, state_key, event))?;
    }
    Ok(group)
}

/// Makes `event` the current state of its type and key.
pub(super) fn set_current(
    tx: &WriteTx<'_>,
    room: &Room,
    kind: &str,
    state_key: &str,
    event: i64,
) -> Result<()> {
    tx.prepare_cached(
        "INSERT INTO current_state (room, type, state_key, event) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (room, type, state_key) DO UPDATE SET event = excluded.event",
    )?
    .execute((room.nid, kind, state_key, event))?;
    Ok(())
}

/// The state just after the event with this number.
pub fn after_event(connection: &Connection, room: &Room, event: i64) -> Result<StateMap> {
    let (group, kind, state_key): (Option<i64>, String, Option<String>) = connection
        .prepare_cached(
            "SELECT state_group, type, state_key FROM events WHERE nid = ?1 AND room = ?2",
        )?
        .query_row((event, room.nid), |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
    let mut state =
        group.map_or_else(|| Ok(StateMap::new()), |group| of_group(connection, group))?;
    if let Some(state_key) = state_key {
        state.insert((kind, state_key), event);
    }
    Ok(state)
}

/// The state as it was at a position of the stream.
pub fn at_position(connection: &Connection, room: &Room, position: i64) -> Result<StateMap> {
    let event: Option<i64> = connection
        .prepare_cached(
            "SELECT nid FROM events WHERE room = ?1 AND position <= ?2 AND rejected = 0
             ORDER BY position DESC LIMIT 1",
        )?
        .query_row((room.nid, position), |row| row.get(0))
        .optional()?;
    event.map_or_else(
        || Ok(StateMap::new()),
        |event| after_event(connection, room, event),
    )
}

#[cfg(test)]
mod tests {
    use super::{StateMap, add_group, of_group};
    use crate::{
        service::{COMPONENTS, notifier::Notifier},
        store::{Store, StoreOptions},
    };

    #[tokio::test]
    async fn groups_keep_every_state_in_short_chains() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("test.db");
        let options = StoreOptions::default();
        let store = Store::open(&path, &options, COMPONENTS, Notifier::default()).unwrap();
        store
            .write(|tx| {
                let (mut state, mut group) = (StateMap::new(), None);
                let mut snapshots = Vec::new();
                for event in 0..1_000 {
                    // Mostly new keys, as when people join; now and then the same again.
                    let key = if event % 3 == 0 { 7 } else { event };
                    let key = ("m.room.member".to_owned(), key.to_string());
                    group = Some(add_group(tx, 1, group, (&key.0, &key.1, event))?);
                    state.insert(key, event);
                    if event % 97 == 0 {
                        snapshots.push((group.unwrap(), state.clone()));
                    }
                }
                for (group, state) in snapshots {
                    assert_eq!(of_group(tx, group)?, state);
                }
                let longest: i64 = tx.query_row(
                    "WITH RECURSIVE chain (nid, n) AS (
                         SELECT nid, 1 FROM state_groups WHERE prev IS NULL
                         UNION ALL
                         SELECT g.nid, n + 1 FROM state_groups g JOIN chain ON g.prev = chain.nid)
                     SELECT max(n) FROM chain",
                    [],
                    |row| row.get(0),
                )?;
                let n_entries: i64 =
                    tx.query_row("SELECT count(*) FROM state_group_entries", [], |row| {
                        row.get(0)
                    })?;
                assert!(longest <= 11, "{longest}");
                assert!(n_entries <= 10_000, "{n_entries}");
                Ok(())
            })
            .await
            .unwrap();
    }
}

//! Whether the database says the same thing everywhere: SQLite's own checks, and what must hold between our tables.

use std::collections::HashMap;

use rusqlite::Connection;
use serde::Serialize;

use super::rooms::state;
use crate::error::Result;

/// Of one kind no more than so many problems are told one by one.
const MAX_TOLD: usize = 20;

/// Something that is not as it has to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Which check found it.
    pub check: &'static str,
    /// What it found.
    pub what: String,
}

/// A check as a query that finds what is wrong, a line each.
struct Rule {
    name: &'static str,
    sql: &'static str,
}

/// What must hold between tables. Each query gives one text a problem.
const RULES: &[Rule] = &[
    Rule {
        name: "current state refers to events",
        sql: "SELECT 'room ' || s.room || ': ' || s.type || ' \"' || s.state_key || '\" is no such event of this room'
              FROM current_state s LEFT JOIN events e ON e.nid = s.event
              WHERE e.nid IS NULL OR e.room <> s.room OR e.type <> s.type
                 OR e.state_key IS NULL OR e.state_key <> s.state_key OR e.rejected <> 0",
    },
    Rule {
        name: "members are those of the current state",
        sql: "SELECT 'room ' || m.room || ': ' || m.user_id || ' has no such membership event'
              FROM memberships m
              LEFT JOIN current_state s
                ON s.room = m.room AND s.type = 'm.room.member' AND s.state_key = m.user_id
              LEFT JOIN events e ON e.nid = s.event
              WHERE s.event IS NULL OR s.event <> m.event
                 OR coalesce(e.json ->> '$.content.membership', '') <> m.membership
              UNION ALL
              SELECT 'room ' || s.room || ': ' || s.state_key || ' is missing among the members'
              FROM current_state s
              LEFT JOIN memberships m ON m.room = s.room AND m.user_id = s.state_key
              WHERE s.type = 'm.room.member' AND m.user_id IS NULL",
    },
    Rule {
        name: "rooms know how many are in them",
        sql: "SELECT 'room ' || r.room_id || ' counts ' || r.n_joined || ' joined and ' || r.n_invited || ' invited, but has '
                || (SELECT count(*) FROM memberships m WHERE m.room = r.nid AND m.membership = 'join') || ' and '
                || (SELECT count(*) FROM memberships m WHERE m.room = r.nid AND m.membership = 'invite')
              FROM rooms r
              WHERE r.n_joined <> (SELECT count(*) FROM memberships m WHERE m.room = r.nid AND m.membership = 'join')
                 OR r.n_invited <> (SELECT count(*) FROM memberships m WHERE m.room = r.nid AND m.membership = 'invite')",
    },
    Rule {
        name: "every room has ends to go on from",
        sql: "SELECT 'room ' || r.room_id || ' has none; if it was being removed, remove it again'
              FROM rooms r WHERE NOT EXISTS (SELECT 1 FROM extremities x WHERE x.room = r.nid)
              UNION ALL
              SELECT 'room ' || x.room || ': event ' || x.event || ' is an end but not an event of this room'
              FROM extremities x LEFT JOIN events e ON e.nid = x.event
              WHERE e.nid IS NULL OR e.room <> x.room
              UNION ALL
              SELECT 'room ' || x.room || ': event ' || x.event || ' is an end but others follow it'
              FROM extremities x WHERE x.event IN (SELECT prev FROM event_edges)",
    },
    Rule {
        name: "edges of the graph lead to events",
        sql: "SELECT 'event ' || event || ' follows ' || prev || ', which is not there' FROM event_edges
              WHERE prev NOT IN (SELECT nid FROM events) OR event NOT IN (SELECT nid FROM events)
              UNION ALL
              SELECT 'event ' || event || ' is authorized by ' || auth || ', which is not there' FROM event_auth
              WHERE auth NOT IN (SELECT nid FROM events) OR event NOT IN (SELECT nid FROM events)",
    },
    Rule {
        name: "groups of state are whole",
        sql: "SELECT 'group ' || g.nid || ' builds on ' || g.prev || ', which is not there'
              FROM state_groups g WHERE g.prev IS NOT NULL AND g.prev NOT IN (SELECT nid FROM state_groups)
              UNION ALL
              SELECT 'group ' || e.state_group || ' holds event ' || e.event || ', which is not there'
              FROM state_group_entries e WHERE e.event NOT IN (SELECT nid FROM events)
              UNION ALL
              SELECT 'group ' || g.nid || ' has another number of entries than it says'
              FROM state_groups g WHERE g.n_entries <>
                (SELECT count(*) FROM state_group_entries e WHERE e.state_group = g.nid)
              UNION ALL
              SELECT 'event ' || e.nid || ' has the state of group ' || e.state_group || ', which is not there'
              FROM events e WHERE e.state_group IS NOT NULL AND e.state_group NOT IN (SELECT nid FROM state_groups)",
    },
    Rule {
        name: "positions were handed out",
        sql: "SELECT 'event ' || nid || ' stands at ' || position || ', beyond the stream''s end' FROM events
              WHERE position > (SELECT position FROM stream)
              UNION ALL
              SELECT 'the stream has ' || count(*) || ' ends' FROM stream HAVING count(*) <> 1",
    },
    Rule {
        name: "events can be read",
        sql: "SELECT 'event ' || event_id FROM events WHERE NOT json_valid(json)",
    },
    Rule {
        name: "events refer to events",
        sql: "SELECT 'event ' || event_id || ' replaces ' || replaces || ', which is not there' FROM events
              WHERE replaces IS NOT NULL AND replaces NOT IN (SELECT nid FROM events)
              UNION ALL
              SELECT 'event ' || event_id || ' was redacted by ' || redacted_by || ', which is not there' FROM events
              WHERE redacted_by IS NOT NULL AND redacted_by NOT IN (SELECT nid FROM events)
              UNION ALL
              SELECT 'a relation to ' || parent || ' is of event ' || event || ', which is not there' FROM relations
              WHERE event NOT IN (SELECT nid FROM events)",
    },
    Rule {
        name: "addresses lead to rooms",
        sql: "SELECT alias FROM aliases WHERE room NOT IN (SELECT nid FROM rooms)",
    },
];

/// Runs all checks, in one snapshot.
pub fn run(connection: &Connection) -> Result<Vec<Problem>> {
    let mut problems = Vec::new();
    texts(
        connection,
        "the file is sound",
        "PRAGMA integrity_check",
        &mut problems,
    )?;
    problems.retain(|problem| problem.what != "ok");
    if !problems.is_empty() {
        // Whatever else is wrong follows from that.
        return Ok(problems);
    }
    foreign_keys(connection, &mut problems)?;
    for rule in RULES {
        texts(connection, rule.name, rule.sql, &mut problems)?;
    }
    current_groups(connection, &mut problems)?;
    Ok(problems)
}

/// The names of all checks.
pub fn names() -> impl Iterator<Item = &'static str> {
    let first = ["the file is sound", "references hold"];
    let rules = RULES.iter().map(|rule| rule.name);
    first.into_iter().chain(rules).chain([GROUPS])
}

fn texts(
    connection: &Connection,
    check: &'static str,
    sql: &str,
    problems: &mut Vec<Problem>,
) -> Result<()> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut n_more = 0;
    let before = problems.len();
    while let Some(row) = rows.next()? {
        if problems.len() - before < MAX_TOLD {
            let what = row.get(0)?;
            problems.push(Problem { check, what });
        } else {
            n_more += 1;
        }
    }
    if n_more > 0 {
        let what = format!("… and {n_more} more");
        problems.push(Problem { check, what });
    }
    Ok(())
}

fn foreign_keys(connection: &Connection, problems: &mut Vec<Problem>) -> Result<()> {
    let sql = "SELECT 'a row of ' || \"table\" || ' refers to a row of ' || parent || ' that is not there'
               FROM pragma_foreign_key_check";
    texts(connection, "references hold", sql, problems)
}

const GROUPS: &str = "the current state is that of the room's group";

/// The current state is kept twice: as a table and as the newest group.
fn current_groups(connection: &Connection, problems: &mut Vec<Problem>) -> Result<()> {
    let mut rooms =
        connection.prepare("SELECT nid, room_id, state_group FROM rooms ORDER BY nid")?;
    let mut current =
        connection.prepare("SELECT type, state_key, event FROM current_state WHERE room = ?1")?;
    let mut rows = rooms.query([])?;
    while let Some(row) = rows.next()? {
        let (nid, room_id, group): (i64, String, Option<i64>) =
            (row.get(0)?, row.get(1)?, row.get(2)?);
        let of_group = match group {
            Some(group) => state::of_group(connection, group)?,
            None => HashMap::new(),
        };
        let of_table = current
            .query_map([nid], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)))?
            .collect::<rusqlite::Result<state::StateMap>>()?;
        if of_group != of_table {
            let n_wrong = of_table
                .iter()
                .filter(|(key, event)| of_group.get(*key) != Some(*event))
                .count()
                .max(of_group.len().abs_diff(of_table.len()));
            problems.push(Problem {
                check: GROUPS,
                what: format!("room {room_id}: {n_wrong} entries differ"),
            });
        }
    }
    Ok(())
}

//! Calls that are over, so that a missed one is seen later.

use rusqlite::params;
use serde::{Deserialize, Serialize};

use super::{Store, StoreError};

/// Calls that are kept.
const MAX_CALLS: u32 = 1_000;

/// A call that is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedCall {
    /// The room that carried it.
    pub room_id: String,
    /// Its id in the room.
    pub call_id: String,
    /// We were called.
    pub incoming: bool,
    /// The other side, if anybody was there.
    pub peer: Option<String>,
    /// When it began to be known, in milliseconds since 1970.
    pub began: i64,
    /// Why it ended, in a word.
    pub why: String,
    /// It rang, and nobody took it.
    pub missed: bool,
    /// How long it was connected, in milliseconds; `None` if it never was.
    pub connected_for: Option<i64>,
}

impl Store {
    /// Keeps a call; the oldest of more than a thousand is forgotten.
    pub fn log_call(&self, call: &LoggedCall) -> Result<(), StoreError> {
        let connection = self.lock();
        connection.execute(
            "INSERT OR REPLACE INTO call_log
                 (room_id, call_id, incoming, peer, began, why, missed, connected_for)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                call.room_id,
                call.call_id,
                call.incoming,
                call.peer,
                call.began,
                call.why,
                call.missed,
                call.connected_for
            ],
        )?;
        connection.execute(
            "DELETE FROM call_log WHERE rowid IN
                 (SELECT rowid FROM call_log ORDER BY began DESC LIMIT -1 OFFSET ?1)",
            [MAX_CALLS],
        )?;
        Ok(())
    }

    /// The newest calls, the newest first.
    pub fn logged_calls(&self, limit: u32) -> Result<Vec<LoggedCall>, StoreError> {
        let connection = self.lock();
        let mut rows = connection.prepare_cached(
            "SELECT room_id, call_id, incoming, peer, began, why, missed, connected_for
             FROM call_log ORDER BY began DESC LIMIT ?1",
        )?;
        let calls = rows.query_map([limit], |row| {
            Ok(LoggedCall {
                room_id: row.get(0)?,
                call_id: row.get(1)?,
                incoming: row.get(2)?,
                peer: row.get(3)?,
                began: row.get(4)?,
                why: row.get(5)?,
                missed: row.get(6)?,
                connected_for: row.get(7)?,
            })
        })?;
        Ok(calls.collect::<Result<_, _>>()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(n: i64) -> LoggedCall {
        LoggedCall {
            room_id: "!a:x".to_owned(),
            call_id: format!("call{n}"),
            incoming: true,
            peer: Some("@bo:x".to_owned()),
            began: n,
            why: "unanswered".to_owned(),
            missed: true,
            connected_for: None,
        }
    }

    #[test]
    fn calls_come_back_newest_first_and_a_thousand_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        for n in 0..1_003 {
            store.log_call(&call(n)).unwrap();
        }
        assert_eq!(store.logged_calls(2).unwrap(), [call(1_002), call(1_001)]);
        let all = store.logged_calls(2_000).unwrap();
        assert_eq!((all.len(), all.last().cloned()), (1_000, Some(call(3))));
    }

    #[test]
    fn the_calls_of_an_account_go_with_it() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        store.log_call(&call(1)).unwrap();
        store.clear_account().unwrap();
        assert!(store.logged_calls(10).unwrap().is_empty());
    }
}

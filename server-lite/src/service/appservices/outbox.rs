//! What application services are still to be told: kept in transactions until each is acknowledged.
//!
//! Spec: <https://spec.matrix.org/v1.18/application-service-api/#pushing-events>

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use rusqlite::{Connection, OptionalExtension, params};
use tokio::sync::Notify;

use super::Appservice;
use crate::{
    error::Result,
    service::{now_ms, to_device},
    store::{WriteTx, current_position},
};

/// A transaction never holds more than this.
const MAX_IN_TXN: i64 = 100;
/// With so much waiting nothing more is put into the outbox; it stays where it comes from.
pub(super) const MAX_WAITING: i64 = 10_000;

/// How far an application service has been looked after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Progress {
    /// Number of the last event looked at.
    pub event: i64,
    /// The position up to which all else was looked at.
    pub position: i64,
}

/// One thing an application service is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Entry {
    /// The room event with this number.
    Event(i64),
    /// Typing, receipts or presence, as JSON.
    Ephemeral(String),
    /// A message to a device: JSON, and its position if it shall be deleted once it has arrived.
    ToDevice(String, Option<i64>),
    /// Somebody's devices changed.
    Changed(String),
    /// Somebody no longer shares a room.
    Left(String),
}

impl Entry {
    fn columns(&self) -> (&'static str, Option<i64>, Option<&str>) {
        match self {
            Self::Event(event) => ("event", Some(*event), None),
            Self::Ephemeral(data) => ("ephemeral", None, Some(data)),
            Self::ToDevice(data, position) => ("to_device", *position, Some(data)),
            Self::Changed(user) => ("changed", None, Some(user)),
            Self::Left(user) => ("left", None, Some(user)),
        }
    }

    fn read(kind: &str, event: Option<i64>, data: Option<String>) -> Option<Self> {
        Some(match (kind, event, data) {
            ("event", Some(event), _) => Self::Event(event),
            ("ephemeral", _, Some(data)) => Self::Ephemeral(data),
            ("to_device", position, Some(data)) => Self::ToDevice(data, position),
            ("changed", _, Some(user)) => Self::Changed(user),
            ("left", _, Some(user)) => Self::Left(user),
            _ => return None,
        })
    }
}

/// What is known of an outbox without looking into the database.
#[derive(Default)]
pub(super) struct Backlog {
    waiting: AtomicI64,
    /// Transactions up to this one may have been sent, so nothing may be added to them.
    closed: tokio::sync::Mutex<i64>,
    /// There is room again.
    pub room: Notify,
}

impl Backlog {
    /// Whether no more is to be put in.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) >= MAX_WAITING
    }

    /// Lets nothing be added to a transaction any more.
    pub(super) async fn close(&self, txn: i64) {
        let mut closed = self.closed.lock().await;
        *closed = txn.max(*closed);
    }

    /// Holds transactions open for an addition.
    pub(super) async fn open(&self) -> tokio::sync::MutexGuard<'_, i64> {
        self.closed.lock().await
    }

    pub(super) fn added(&self, n: usize) {
        self.waiting.fetch_add(n as i64, Ordering::Relaxed);
    }
}

/// Notes from where on application services are told, and forgets those that are no longer configured.
pub(super) fn keep_only<'a>(
    tx: &WriteTx<'_>,
    told: impl Iterator<Item = &'a Arc<Appservice>>,
) -> Result<()> {
    let told: Vec<&str> = told.map(|appservice| appservice.id()).collect();
    let known: Vec<String> = tx
        .prepare("SELECT appservice FROM appservice_progress")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for gone in known.iter().filter(|id| !told.contains(&id.as_str())) {
        for table in ["appservice_progress", "appservice_outbox"] {
            tx.execute(
                &format!("DELETE FROM {table} WHERE appservice = ?1"),
                [gone],
            )?;
        }
        tracing::info!(appservice = gone, "a bridge is no longer configured");
    }
    let position = current_position(tx)? as i64;
    for id in told {
        tx.execute(
            "INSERT OR IGNORE INTO appservice_progress (appservice, event, position)
             SELECT ?1, coalesce(max(nid), 0), ?2 FROM events",
            params![id, position],
        )?;
    }
    Ok(())
}

/// How far an application service has been looked after. Nothing may be added to what is in the outbox already,
/// for it may have been sent by an earlier run.
pub(super) async fn resume(
    services: &crate::service::Services,
    appservice: &Arc<Appservice>,
) -> Result<Progress> {
    let id = appservice.id().to_owned();
    let (progress, waiting, last) = services
        .store
        .read(move |c| {
            let progress = c
                .prepare_cached(
                    "SELECT event, position, last_txn FROM appservice_progress WHERE appservice = ?1",
                )?
                .query_row([&id], |row| {
                    let progress = Progress {
                        event: row.get(0)?,
                        position: row.get(1)?,
                    };
                    Ok((progress, row.get(2)?))
                })?;
            Ok((progress.0, n_waiting(c, &id)?, progress.1))
        })
        .await?;
    appservice.backlog.close(last).await;
    appservice.backlog.waiting.store(waiting, Ordering::Relaxed);
    Ok(progress)
}

/// How much an application service is still to be told.
pub fn n_waiting(connection: &Connection, id: &str) -> Result<i64> {
    Ok(connection
        .prepare_cached("SELECT count(*) FROM appservice_outbox WHERE appservice = ?1")?
        .query_row([id], |row| row.get(0))?)
}

/// Puts entries into the newest transaction after `closed`, or into new ones, and notes how far was looked.
pub(super) fn add(
    tx: &WriteTx<'_>,
    id: &str,
    entries: &[Entry],
    progress: Progress,
    closed: i64,
) -> Result<()> {
    let newest: Option<(i64, i64)> = tx
        .prepare_cached(
            "SELECT txn, count(*) FROM appservice_outbox WHERE appservice = ?1 AND txn > ?2
             GROUP BY txn ORDER BY txn DESC LIMIT 1",
        )?
        .query_row(params![id, closed], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let mut last: i64 = tx
        .prepare_cached("SELECT last_txn FROM appservice_progress WHERE appservice = ?1")?
        .query_row([id], |row| row.get(0))?;
    let (mut txn, mut n) = newest.unwrap_or((0, MAX_IN_TXN));
    for entry in entries {
        if n >= MAX_IN_TXN {
            // Never a number that was used before, even after a backup was put back.
            last = now_ms().max(last + 1);
            (txn, n) = (last, 0);
        }
        let (kind, event, data) = entry.columns();
        tx.prepare_cached(
            "INSERT INTO appservice_outbox (appservice, txn, seq, kind, event, data)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![id, txn, n, kind, event, data])?;
        n += 1;
    }
    tx.prepare_cached(
        "UPDATE appservice_progress SET event = ?2, position = ?3, last_txn = ?4 WHERE appservice = ?1",
    )?
    .execute(params![id, progress.event, progress.position, last])?;
    Ok(())
}

/// The number of the oldest transaction that waits.
pub(super) fn first(connection: &Connection, id: &str) -> Result<Option<i64>> {
    Ok(connection
        .prepare_cached("SELECT min(txn) FROM appservice_outbox WHERE appservice = ?1")?
        .query_row([id], |row| row.get(0))?)
}

/// What a transaction holds, in order.
pub(super) fn entries(connection: &Connection, id: &str, txn: i64) -> Result<Vec<Entry>> {
    let mut statement = connection.prepare_cached(
        "SELECT kind, event, data FROM appservice_outbox
         WHERE appservice = ?1 AND txn = ?2 ORDER BY seq",
    )?;
    let mut rows = statement.query(params![id, txn])?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        let kind: String = row.get(0)?;
        entries.extend(Entry::read(&kind, row.get(1)?, row.get(2)?));
    }
    Ok(entries)
}

/// A transaction has arrived: it goes, with the to-device messages it carried. Returns how many entries went.
pub(super) fn done(tx: &WriteTx<'_>, id: &str, txn: i64) -> Result<usize> {
    for entry in entries(tx, id, txn)? {
        if let Entry::ToDevice(_, Some(position)) = entry {
            to_device::delete_at(tx, position)?;
        }
    }
    Ok(tx
        .prepare_cached("DELETE FROM appservice_outbox WHERE appservice = ?1 AND txn = ?2")?
        .execute(params![id, txn])?)
}

impl Appservice {
    /// Makes room for what went out of the outbox.
    pub(super) fn sent(&self, n: usize) {
        let was_full = self.backlog.is_full();
        self.backlog.waiting.fetch_sub(n as i64, Ordering::Relaxed);
        if was_full {
            self.backlog.room.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Entry, MAX_WAITING, Progress, add, done, entries, first, n_waiting};
    use crate::{
        service::{
            COMPONENTS,
            appservices::{Appservice, registration},
            notifier::Notifier,
        },
        store::{Store, StoreOptions},
    };

    const AT: Progress = Progress {
        event: 7,
        position: 9,
    };

    fn open(dir: &tempfile::TempDir) -> Store {
        let path = dir.path().join("test.db");
        let options = StoreOptions::default();
        let store = Store::open(&path, &options, COMPONENTS, Notifier::default()).unwrap();
        let connection = rusqlite::Connection::open(&path).unwrap();
        let sql =
            "INSERT INTO appservice_progress (appservice, event, position) VALUES ('a', 0, 0)";
        connection.execute(sql, []).unwrap();
        store
    }

    #[tokio::test]
    async fn transactions_are_bounded_and_leave_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(&dir);
        let many: Vec<Entry> = (1..=250).map(Entry::Event).collect();
        let told = store
            .write(move |tx| {
                add(tx, "a", &many, AT, 0)?;
                assert_eq!(n_waiting(tx, "a")?, 250);
                let mut told = Vec::new();
                while let Some(txn) = first(tx, "a")? {
                    let entries = entries(tx, "a", txn)?;
                    assert!(entries.len() <= 100);
                    told.extend(entries);
                    done(tx, "a", txn)?;
                }
                Ok(told)
            })
            .await
            .unwrap();
        assert_eq!(told, (1..=250).map(Entry::Event).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_full_outbox_takes_more_once_something_went() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.yaml");
        let text = "{id: a, url: null, as_token: b, hs_token: c, sender_localpart: d}";
        std::fs::write(&path, text).unwrap();
        let server_name = ruma::server_name!("hs.test");
        let registration = registration::load(&path, server_name).unwrap();
        let appservice = Appservice::new(registration, server_name.to_owned());
        appservice.backlog.added(MAX_WAITING as usize);
        assert!(appservice.backlog.is_full());
        appservice.sent(1);
        assert!(!appservice.backlog.is_full());
        let limit = std::time::Duration::from_secs(5);
        let told = tokio::time::timeout(limit, appservice.backlog.room.notified());
        told.await.expect("whoever sorts is woken");
    }

    #[tokio::test]
    async fn nothing_is_added_to_what_may_have_been_sent() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(&dir);
        let job = store.write(|tx| {
            add(tx, "a", &[Entry::Event(1)], AT, 0)?;
            let sent = first(tx, "a")?.unwrap();
            add(tx, "a", &[Entry::Event(2)], AT, sent)?;
            assert_eq!(entries(tx, "a", sent)?, [Entry::Event(1)]);
            // The newer one is still open.
            add(tx, "a", &[Entry::Event(3)], AT, sent)?;
            done(tx, "a", sent)?;
            let next = first(tx, "a")?.unwrap();
            assert!(next > sent, "numbers grow");
            entries(tx, "a", next)
        });
        assert_eq!(job.await.unwrap(), [Entry::Event(2), Entry::Event(3)]);
    }
}

//! The database: SQLite in WAL mode, one writer, several readers.
//!
//! [`Store::write`] runs on the one writer thread. Jobs that wait at the same moment share a commit
//! (and its fsync); each runs in a savepoint of its own, so one that fails takes back only what it
//! did itself. `write` returns after the commit is on disk. [`Store::read`] runs on one of a few
//! reader threads, in one snapshot. [`Store::glance`] does on the calling thread what takes less time
//! than waking another.
//!
//! Every change that a sync must show takes a *position* from [`WriteTx::next_position`]: one
//! counter for the whole server, handed out inside the transaction, never used twice.

mod migrations;
mod pool;
mod stats;
mod writer;

use std::{path::Path, sync::Arc};

use parking_lot::Mutex;
use rusqlite::{Connection, OpenFlags};

pub use self::{
    migrations::{Component, Step},
    stats::WriterStats,
    writer::WriteTx,
};
use self::{pool::ReaderPool, writer::Writer};
use crate::{Error, error::Result, service::notifier::Notifier};

/// A failure of the database.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite said no.
    #[error("database: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The file was written by a newer program.
    #[error(
        "the database was written by a newer hardline-server (its part \"{component}\" is at \
         version {found}, this program knows up to {known}); install that version again, or \
         restore a backup made before the upgrade"
    )]
    TooNew {
        /// Which part of the schema.
        component: String,
        /// The version in the file.
        found: u32,
        /// The newest version this program knows.
        known: u32,
    },
    /// The file was written by an older program and not yet opened by this one.
    #[error(
        "the database was written by an older hardline-server (its part \"{component}\" is at \
         version {found} of {known}); start the server of this version once"
    )]
    TooOld {
        /// Which part of the schema.
        component: String,
        /// The version in the file.
        found: u32,
        /// The version this program makes of it.
        known: u32,
    },
    /// The file is no database, or damaged.
    #[error("the database is damaged: {0}")]
    Damaged(String),
    /// The server is stopping.
    #[error("the database is closed")]
    Closed,
}

impl StoreError {
    /// Whether there was no room left on the disk.
    pub fn is_full(&self) -> bool {
        use rusqlite::ErrorCode::{DiskFull, SystemIoFailure};
        match self {
            Self::Sqlite(rusqlite::Error::SqliteFailure(e, _)) => {
                e.code == DiskFull || (e.code == SystemIoFailure && e.extended_code == 778)
            }
            _ => false,
        }
    }
}

/// How the database is opened.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// Reader threads.
    pub readers: usize,
    /// Page cache of each connection in KiB.
    pub cache_kib: u32,
    /// Upper bound of the file in pages of 4 KiB, if any.
    pub max_pages: Option<u32>,
    /// Where the writer's figures are kept.
    pub stats: WriterStats,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            readers: 3,
            cache_kib: 1024,
            max_pages: None,
            stats: WriterStats::default(),
        }
    }
}

/// The handle to the database; cheap to clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    // Readers go first: the writer checkpoints when it closes.
    readers: ReaderPool,
    glances: Mutex<Option<Connection>>,
    writer: Writer,
}

impl Store {
    /// Opens (or makes) the database at `path` and brings its schema up to date.
    pub fn open(
        path: &Path,
        options: &StoreOptions,
        components: &[Component],
        notifier: Notifier,
    ) -> Result<Self, StoreError> {
        let mut connection = open_writer(path, options)?;
        migrations::run(&mut connection, components)?;
        let readers = ReaderPool::start(options.readers, || open_reader(path, options))?;
        let glances = Mutex::new(Some(open_reader(path, options)?));
        let writer = Writer::start(connection, notifier, options.stats.clone())?;
        Ok(Self {
            inner: Arc::new(Inner {
                readers,
                glances,
                writer,
            }),
        })
    }

    /// Runs `job` on a reader, in one snapshot of the database.
    pub async fn read<T, F>(&self, job: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        self.inner.readers.run(job).await
    }

    /// The same as [`Store::read`] for a look-up of a row or two by key, which takes less time than waking a reader: it
    /// runs on the calling thread, unless somebody else is at it.
    pub async fn glance<T, F>(&self, job: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        let job = match self.inner.glances.try_lock() {
            Some(connection) => match &*connection {
                Some(connection) => return pool::in_snapshot(connection, job),
                None => return Err(closed()),
            },
            None => job,
        };
        self.read(job).await
    }

    /// Runs `job` on the writer and returns once what it wrote is on disk.
    ///
    /// # Errors
    /// What `job` returned (its writes are then undone), or why the commit failed.
    pub async fn write<T, F>(&self, job: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&WriteTx<'_>) -> Result<T> + Send + 'static,
    {
        self.inner.writer.run(job).await
    }

    /// How the writer is doing.
    pub fn writer_stats(&self) -> &WriterStats {
        self.inner.writer.stats()
    }

    /// Waits for work under way, checkpoints and closes. Later calls fail with [`StoreError::Closed`].
    pub fn close(&self) {
        self.inner.readers.close();
        self.inner.glances.lock().take();
        self.inner.writer.close();
    }
}

/// A connection of an operator's command, beside those of a server that may be running. Makes no file.
///
/// # Errors
/// Also where the database was written by another version of the program.
pub fn connect(path: &Path, components: &[Component]) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(damaged)?;
    connection.busy_timeout(std::time::Duration::from_secs(30))?;
    connection
        .execute_batch(
            "PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY",
        )
        .map_err(damaged)?;
    migrations::refuse_other(&connection, components)?;
    Ok(connection)
}

fn open_writer(path: &Path, options: &StoreOptions) -> Result<Connection, StoreError> {
    let connection = Connection::open(path).map_err(damaged)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    // A WAL of some MiB at most: checkpoints are small and a crash replays little.
    connection
        .execute_batch(
            "PRAGMA page_size = 4096;
             PRAGMA auto_vacuum = INCREMENTAL;
             PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             PRAGMA foreign_keys = ON;
             PRAGMA temp_store = MEMORY;
             PRAGMA wal_autocheckpoint = 1000;
             PRAGMA journal_size_limit = 4194304;",
        )
        .map_err(damaged)?;
    connection.pragma_update(None, "cache_size", -i64::from(options.cache_kib) * 2)?;
    if let Some(max) = options.max_pages {
        connection.query_row(&format!("PRAGMA max_page_count = {max}"), [], |_| Ok(()))?;
    }
    connection.set_prepared_statement_cache_capacity(128);
    Ok(connection)
}

fn open_reader(path: &Path, options: &StoreOptions) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.pragma_update(None, "cache_size", -i64::from(options.cache_kib))?;
    connection.set_prepared_statement_cache_capacity(96);
    Ok(connection)
}

/// Names what an unreadable file is, so that the operator is not left with SQLite's words alone.
fn damaged(error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase | rusqlite::ErrorCode::DatabaseCorrupt) => {
            StoreError::Damaged(error.to_string())
        }
        _ => error.into(),
    }
}

/// The newest position in this snapshot: everything up to it is visible.
pub fn current_position(connection: &Connection) -> Result<u64> {
    Ok(connection
        .prepare_cached("SELECT position FROM stream")?
        .query_row([], |row| row.get::<_, i64>(0))? as u64)
}

pub(crate) fn closed() -> Error {
    Error::Store(StoreError::Closed)
}

#[cfg(test)]
mod tests;

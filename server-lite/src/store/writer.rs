//! The writer thread: group commit, positions, wake-ups after the commit.

use std::{
    cell::{Cell, RefCell},
    ops::Deref,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, mpsc},
    thread::JoinHandle,
    time::Instant,
};

use parking_lot::Mutex;
use ruma::UserId;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::oneshot;

use super::{StoreError, WriterStats, closed};
use crate::{
    Error,
    error::Result,
    service::notifier::{Notifier, Wake},
};

/// At most so many jobs share one commit.
const MAX_BATCH: usize = 64;

/// A write in progress: derefs to the connection, and hands out positions.
pub struct WriteTx<'a> {
    connection: &'a Connection,
    position: Cell<u64>,
    wakes: RefCell<Vec<Wake>>,
    after_commit: RefCell<Vec<Box<dyn FnOnce() + Send>>>,
}

impl WriteTx<'_> {
    /// The next position of the server-wide stream. Take one for each change a sync must show.
    pub fn next_position(&self) -> u64 {
        let next = self.position.get() + 1;
        self.position.set(next);
        next
    }

    /// Wakes the syncs of `user` once this is committed.
    pub fn wake(&self, user: &UserId) {
        self.push_wake(Wake::User(user.to_owned()));
    }

    /// Wakes the syncs of all who are joined to the room with this number once this is committed.
    pub fn wake_room(&self, room: i64) {
        self.push_wake(Wake::Room(room));
    }

    /// Wakes the syncs of `user` and of all who share a room with them once this is committed.
    pub fn wake_contacts(&self, user: &UserId) {
        self.push_wake(Wake::Contacts(user.to_owned()));
    }

    fn push_wake(&self, wake: Wake) {
        self.wakes.borrow_mut().push(wake);
    }

    /// Runs `hook` once this is committed; not at all if it is undone.
    pub fn after_commit(&self, hook: impl FnOnce() + Send + 'static) {
        self.after_commit.borrow_mut().push(Box::new(hook));
    }
}

impl Deref for WriteTx<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection
    }
}

/// Answers the caller, given the fate of the commit.
type Answer = Box<dyn FnOnce(Result<(), Arc<rusqlite::Error>>) + Send>;
/// Without a transaction there is nothing to do but to answer.
type Job = Box<dyn for<'a> FnOnce(Option<&WriteTx<'a>>) -> (bool, Answer) + Send>;

pub(super) struct Writer {
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    stats: WriterStats,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    pub(super) fn start(
        connection: Connection,
        notifier: Notifier,
        stats: WriterStats,
    ) -> Result<Self, StoreError> {
        let (jobs, queue) = mpsc::channel();
        let counted = stats.clone();
        let thread = std::thread::Builder::new()
            .name("store-write".to_owned())
            .stack_size(2 << 20)
            .spawn(move || serve(connection, &queue, &notifier, &counted))
            .map_err(|e| StoreError::Damaged(format!("cannot start a thread: {e}")))?;
        Ok(Self {
            jobs: Mutex::new(Some(jobs)),
            stats,
            thread: Mutex::new(Some(thread)),
        })
    }

    pub(super) async fn run<T, F>(&self, job: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&WriteTx<'_>) -> Result<T> + Send + 'static,
    {
        let (sender, answered) = oneshot::channel();
        let job: Job = Box::new(move |tx| {
            let result = tx.map(|tx| {
                catch_unwind(AssertUnwindSafe(|| job(tx)))
                    .unwrap_or_else(|_| Err(Error::internal("a write panicked")))
            });
            let keep = matches!(result, Some(Ok(_)));
            let answer: Answer = Box::new(move |commit| {
                let result = match (result, commit) {
                    (None | Some(Ok(_)), Err(error)) => Err(commit_error(&error)),
                    (Some(result), _) => result,
                    (None, Ok(())) => Err(closed()),
                };
                let _ = sender.send(result);
            });
            (keep, answer)
        });
        match &*self.jobs.lock() {
            Some(jobs) => {
                jobs.send(job).map_err(|_| closed())?;
                self.stats.queued.inc();
            }
            None => return Err(closed()),
        }
        answered.await.map_err(|_| closed())?
    }

    pub(super) fn stats(&self) -> &WriterStats {
        &self.stats
    }

    pub(super) fn close(&self) {
        self.jobs.lock().take();
        if let Some(thread) = self.thread.lock().take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}

fn commit_error(error: &Arc<rusqlite::Error>) -> Error {
    let copy = match &**error {
        rusqlite::Error::SqliteFailure(code, text) => {
            rusqlite::Error::SqliteFailure(*code, text.clone())
        }
        other => return Error::internal(other),
    };
    copy.into()
}

fn serve(
    mut connection: Connection,
    queue: &mpsc::Receiver<Job>,
    notifier: &Notifier,
    stats: &WriterStats,
) {
    while let Ok(first) = queue.recv() {
        let mut batch = std::iter::once(first)
            .chain(queue.try_iter())
            .take(MAX_BATCH)
            .inspect(|_| {
                stats.queued.dec();
            });
        run_batch(&mut connection, &mut batch, notifier, stats);
    }
    // Fold the WAL into the database so that a copy of the file is whole.
    let _ = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
}

fn run_batch(
    connection: &mut Connection,
    batch: &mut impl Iterator<Item = Job>,
    notifier: &Notifier,
    stats: &WriterStats,
) {
    let (mut answers, started) = (Vec::new(), Instant::now());
    match commit_batch(connection, batch, &mut answers) {
        Ok((wakes, hooks)) => {
            stats.committed(answers.len(), started.elapsed());
            for hook in hooks {
                let _ = catch_unwind(AssertUnwindSafe(hook));
            }
            for answer in answers {
                answer(Ok(()));
            }
            if let Err(error) = notifier.wake_all(connection, wakes) {
                tracing::error!(%error, "cannot find out whom to wake");
            }
        }
        Err(error) => {
            // Those that were not begun are told the same.
            answers.extend(batch.map(|job| job(None).1));
            tracing::error!(%error, n_jobs = answers.len(), "commit failed");
            let error = Arc::new(error);
            for answer in answers {
                answer(Err(error.clone()));
            }
        }
    }
}

type AfterCommit = (Vec<Wake>, Vec<Box<dyn FnOnce() + Send>>);

fn commit_batch(
    connection: &mut Connection,
    batch: &mut impl Iterator<Item = Job>,
    answers: &mut Vec<Answer>,
) -> rusqlite::Result<AfterCommit> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let position = transaction
        .prepare_cached("SELECT position FROM stream")?
        .query_row([], |row| row.get::<_, i64>(0))? as u64;
    let tx = WriteTx {
        connection: &transaction,
        position: Cell::new(position),
        wakes: RefCell::default(),
        after_commit: RefCell::default(),
    };
    for job in batch {
        run_in_savepoint(&tx, job, answers)?;
    }
    let WriteTx {
        position: last,
        wakes,
        after_commit,
        ..
    } = tx;
    if last.get() != position {
        transaction
            .prepare_cached("UPDATE stream SET position = ?1")?
            .execute([last.get() as i64])?;
    }
    commit(transaction)?;
    Ok((wakes.into_inner(), after_commit.into_inner()))
}

fn commit(transaction: Transaction<'_>) -> rusqlite::Result<()> {
    transaction.commit()
}

fn run_in_savepoint(tx: &WriteTx<'_>, job: Job, answers: &mut Vec<Answer>) -> rusqlite::Result<()> {
    let begun = tx
        .prepare_cached("SAVEPOINT job")
        .and_then(|mut statement| statement.execute([]));
    if let Err(error) = begun {
        answers.push(job(None).1);
        return Err(error);
    }
    let (n_wakes, n_hooks) = (tx.wakes.borrow().len(), tx.after_commit.borrow().len());
    let (keep, answer) = job(Some(tx));
    answers.push(answer);
    if !keep {
        // A full disk may have rolled the whole transaction back already; then there is no savepoint.
        if tx.is_autocommit() {
            return Err(rusqlite::Error::SqliteFailure(
                rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL),
                Some("the transaction was rolled back".to_owned()),
            ));
        }
        tx.prepare_cached("ROLLBACK TO job")?.execute([])?;
        tx.wakes.borrow_mut().truncate(n_wakes);
        tx.after_commit.borrow_mut().truncate(n_hooks);
    }
    tx.prepare_cached("RELEASE job")?.execute([])?;
    Ok(())
}

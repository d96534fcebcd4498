//! Reader threads: each owns a read-only connection and takes the next job.

use std::{collections::VecDeque, sync::Arc, thread::JoinHandle};

use parking_lot::{Condvar, Mutex};
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{StoreError, closed};
use crate::error::Result;

type Job = Box<dyn FnOnce(&Connection) + Send>;

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    closed: bool,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    ready: Condvar,
}

/// A fixed number of reader threads behind one queue.
pub(super) struct ReaderPool {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl ReaderPool {
    pub(super) fn start(
        n_threads: usize,
        open: impl Fn() -> Result<Connection, StoreError>,
    ) -> Result<Self, StoreError> {
        let shared = Arc::<Shared>::default();
        let mut threads = Vec::new();
        for idx in 0..n_threads.max(1) {
            let connection = open()?;
            let shared = shared.clone();
            let thread = std::thread::Builder::new()
                .name(format!("store-read-{idx}"))
                .stack_size(1 << 20)
                .spawn(move || serve(&shared, &connection))
                .map_err(|e| StoreError::Damaged(format!("cannot start a thread: {e}")))?;
            threads.push(thread);
        }
        Ok(Self {
            shared,
            threads: Mutex::new(threads),
        })
    }

    pub(super) async fn run<T, F>(&self, job: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let _ = answer.send(in_snapshot(connection, job));
        });
        {
            let mut queue = self.shared.queue.lock();
            if queue.closed {
                return Err(closed());
            }
            queue.jobs.push_back(job);
        }
        self.shared.ready.notify_one();
        answered.await.map_err(|_| closed())?
    }

    pub(super) fn close(&self) {
        self.shared.queue.lock().closed = true;
        self.shared.ready.notify_all();
        for thread in self.threads.lock().drain(..) {
            let _ = thread.join();
        }
    }
}

impl Drop for ReaderPool {
    fn drop(&mut self) {
        self.close();
    }
}

fn serve(shared: &Shared, connection: &Connection) {
    loop {
        let job = {
            let mut queue = shared.queue.lock();
            loop {
                if let Some(job) = queue.jobs.pop_front() {
                    break job;
                }
                if queue.closed {
                    return;
                }
                shared.ready.wait(&mut queue);
            }
        };
        // A panic in one job must not cost the others their reader.
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| job(connection)));
    }
}

pub(super) fn in_snapshot<T>(
    connection: &Connection,
    job: impl FnOnce(&Connection) -> Result<T>,
) -> Result<T> {
    let snapshot = connection.unchecked_transaction()?;
    let result = job(connection);
    snapshot.finish()?;
    result
}

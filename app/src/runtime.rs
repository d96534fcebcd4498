//! The tokio runtime of the core: its size, its named tasks, and values that must be dropped inside it.

use std::{future::Future, ops::Deref, panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt as _;
use tokio::{
    runtime::{Builder, Handle, Runtime},
    sync::broadcast,
    task::JoinHandle,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::notice::Notice;

/// Threads that run tasks. Two keep a phone responsive; more only cost memory.
const WORKERS: usize = 2;
/// Threads for blocking calls (SQLite connections run here). A bound, since each keeps its own heap arena.
const BLOCKING_THREADS: usize = 12;
/// The stack of a thread. Twice the customary size: the SDK's futures are polled many deep, and in builds without
/// optimisation each takes its share. Only what is used is memory.
const STACK: usize = 4 * 1024 * 1024;
/// How long an idle blocking thread lives on.
const BLOCKING_KEEP_ALIVE: Duration = Duration::from_secs(3);
/// How long the end of the program waits for tasks.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(2);
/// How long it then waits for those of libraries, which end when what they serve is dropped.
const LIBRARIES_LIMIT: Duration = Duration::from_millis(200);

/// Builds the core's runtime.
pub(crate) fn build() -> std::io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .max_blocking_threads(BLOCKING_THREADS)
        .thread_stack_size(STACK)
        .thread_keep_alive(BLOCKING_KEEP_ALIVE)
        .thread_name("hardline-core")
        .enable_all()
        .build()
}

/// Ends the tasks, then their runtime: waits a moment where that is allowed, and not at all inside another runtime.
///
/// The tasks go first: the SDK's stores panic in a task that still runs while threads for blocking calls are refused.
pub(crate) fn end(runtime: Runtime, tasks: &Tasks) {
    tasks.closing.cancel();
    if Handle::try_current().is_ok() {
        return runtime.shutdown_background();
    }
    runtime.block_on(async {
        tasks.running.close();
        let _ = tokio::time::timeout(SHUTDOWN_LIMIT, tasks.running.wait()).await;
        let alive = runtime.metrics();
        let quiet = async {
            while alive.num_alive_tasks() > 0 {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let _ = tokio::time::timeout(LIBRARIES_LIMIT, quiet).await;
    });
    runtime.shutdown_timeout(SHUTDOWN_LIMIT);
}

/// Starts named tasks on the core's runtime; a panic is logged by name and told as a notice.
#[derive(Clone, Debug)]
pub struct Tasks {
    handle: Handle,
    failures: broadcast::Sender<Notice>,
    running: TaskTracker,
    /// Ends every task.
    closing: CancellationToken,
}

impl Tasks {
    /// Tasks on this runtime.
    pub fn new(handle: Handle) -> Self {
        Self {
            handle,
            failures: broadcast::Sender::new(16),
            running: TaskTracker::new(),
            closing: CancellationToken::new(),
        }
    }

    /// The runtime.
    pub fn runtime(&self) -> &Handle {
        &self.handle
    }

    /// Notices of tasks that failed by panic.
    pub fn failures(&self) -> broadcast::Receiver<Notice> {
        self.failures.subscribe()
    }

    /// Starts a task that ends when the handle is dropped.
    #[must_use = "dropping the handle ends the task"]
    pub fn spawn<F>(&self, name: &'static str, future: F) -> TaskHandle
    where
        F: Future<Output = ()> + Send + 'static,
    {
        TaskHandle(self.start(name, future))
    }

    /// Starts a task that runs to its end on its own, or to the core's.
    pub fn detach<F>(&self, name: &'static str, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        drop(self.start(name, future));
    }

    fn start<F>(&self, name: &'static str, future: F) -> JoinHandle<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let failures = self.failures.clone();
        let closing = self.closing.clone();
        // Boxed, so that what is around it costs no stack: some futures of the SDK are large.
        let future = Box::pin(future);
        let task = async move {
            let guarded = AssertUnwindSafe(future).catch_unwind();
            if let Some(Err(_)) = closing.run_until_cancelled(guarded).await {
                tracing::error!(task = name, "a task panicked");
                let _ = failures.send(Notice::TaskFailed {
                    task: name.to_owned(),
                });
            }
        };
        self.handle.spawn(self.running.track_future(task))
    }
}

/// A running task; dropping it ends the task.
#[derive(Debug)]
pub struct TaskHandle(JoinHandle<()>);

impl TaskHandle {
    /// Whether the task has ended.
    pub fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}

impl Drop for TaskHandle {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A value whose drop needs the runtime: the SDK's SQLite pools panic when dropped outside one.
pub struct InRuntime<T> {
    value: Option<T>,
    handle: Handle,
}

impl<T> InRuntime<T> {
    /// Wraps a value.
    pub fn new(value: T, handle: Handle) -> Self {
        Self {
            value: Some(value),
            handle,
        }
    }
}

impl<T> Deref for InRuntime<T> {
    type Target = T;

    fn deref(&self) -> &T {
        match &self.value {
            Some(value) => value,
            None => unreachable!("the value is taken only by drop"),
        }
    }
}

impl<T> Drop for InRuntime<T> {
    fn drop(&mut self) {
        let _guard = self.handle.enter();
        self.value.take();
    }
}

impl<T> std::fmt::Debug for InRuntime<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InRuntime").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panicking_task_is_told_by_name_and_the_others_go_on() {
        let runtime = build().unwrap();
        let tasks = Tasks::new(runtime.handle().clone());
        let mut failures = tasks.failures();
        tasks.detach("frail", async { panic!("on purpose") });
        let told = runtime.block_on(async { failures.recv().await.unwrap() });
        assert_eq!(
            told,
            Notice::TaskFailed {
                task: "frail".to_owned()
            }
        );
        assert_eq!(runtime.block_on(async { 1 + 1 }), 2);
        end(runtime, &tasks);
    }

    #[test]
    fn at_the_end_every_task_is_dropped_before_the_runtime() {
        struct Dropped(std::sync::mpsc::Sender<bool>);
        impl Drop for Dropped {
            fn drop(&mut self) {
                let blocking = Handle::try_current().map(|handle| handle.spawn_blocking(|| ()));
                let _ = self.0.send(blocking.is_ok());
            }
        }
        let runtime = build().unwrap();
        let tasks = Tasks::new(runtime.handle().clone());
        let (tell, told) = std::sync::mpsc::channel();
        let (started, begun) = std::sync::mpsc::channel();
        tasks.detach("endless", async move {
            let _dropped = Dropped(tell);
            started.send(()).unwrap();
            loop {
                // as the stores do: a refusal is a panic there
                tokio::task::spawn_blocking(|| ()).await.unwrap();
            }
        });
        begun.recv().unwrap();
        let mut failures = tasks.failures();
        end(runtime, &tasks);
        assert_eq!(told.recv(), Ok(true));
        assert!(failures.try_recv().is_err(), "the task panicked");
    }

    #[test]
    fn a_dropped_handle_ends_its_task() {
        let runtime = build().unwrap();
        let tasks = Tasks::new(runtime.handle().clone());
        let (kept, mut ended) = tokio::sync::mpsc::channel::<()>(1);
        let task = tasks.spawn("waits", async move {
            let _kept = kept;
            std::future::pending::<()>().await;
        });
        drop(task);
        assert_eq!(runtime.block_on(ended.recv()), None);
        end(runtime, &tasks);
    }

    #[test]
    fn a_value_is_dropped_inside_the_runtime() {
        struct NeedsRuntime;
        impl Drop for NeedsRuntime {
            fn drop(&mut self) {
                Handle::current();
            }
        }
        let runtime = build().unwrap();
        drop(InRuntime::new(NeedsRuntime, runtime.handle().clone()));
        let tasks = Tasks::new(runtime.handle().clone());
        end(runtime, &tasks);
    }
}

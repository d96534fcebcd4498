//! Processes that exist only in a test.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::sync::watch;

use super::{Exit, Process, ProcessError, ProcessSpec, Processes};

/// Starts pretended processes; clones share them.
#[derive(Clone, Debug, Default)]
pub struct FakeProcesses {
    started: Arc<Mutex<Vec<FakeProcess>>>,
    missing: Arc<AtomicBool>,
}

impl FakeProcesses {
    /// All that was started, in order.
    pub fn started(&self) -> Vec<FakeProcess> {
        self.lock().clone()
    }

    /// Behaves from now on as if no program were installed, or as if all were again.
    pub fn set_missing(&self, missing: bool) {
        self.missing.store(missing, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<FakeProcess>> {
        self.started.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait::async_trait]
impl Processes for FakeProcesses {
    async fn spawn(&self, spec: ProcessSpec) -> Result<Box<dyn Process>, ProcessError> {
        if self.missing.load(Ordering::Relaxed) {
            return Err(ProcessError::NotFound(spec.program));
        }
        let mut started = self.lock();
        let pid = started.len() as u32 + 1;
        let process = FakeProcess {
            pid,
            spec,
            ended: Arc::new(watch::channel(None).0),
        };
        started.push(process.clone());
        Ok(Box::new(process))
    }
}

/// A pretended process; clones are the same one.
#[derive(Clone, Debug)]
pub struct FakeProcess {
    pid: u32,
    /// What it was started with.
    pub spec: ProcessSpec,
    ended: Arc<watch::Sender<Option<Exit>>>,
}

impl FakeProcess {
    /// Ends it, as by itself.
    pub fn end(&self, exit: Exit) {
        self.ended
            .send_if_modified(|held| held.is_none().then(|| *held = Some(exit)).is_some());
    }

    /// How it ended, if it did.
    pub fn ended(&self) -> Option<Exit> {
        *self.ended.borrow()
    }
}

#[async_trait::async_trait]
impl Process for FakeProcess {
    fn pid(&self) -> u32 {
        self.pid
    }

    async fn ready(&mut self, _limit: Duration) -> Result<(), ProcessError> {
        self.ended()
            .map_or(Ok(()), |exit| Err(ProcessError::Ended(exit)))
    }

    async fn wait(&mut self) -> Result<Exit, ProcessError> {
        let mut ended = self.ended.subscribe();
        let exit = ended
            .wait_for(Option::is_some)
            .await
            .ok()
            .and_then(|exit| *exit);
        Ok(exit.unwrap_or(Exit::Signal(9)))
    }

    async fn stop(&mut self, _limit: Duration) -> Result<Exit, ProcessError> {
        self.end(Exit::Signal(15));
        self.wait().await
    }
}

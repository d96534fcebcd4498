//! The homeserver on this device: set up once, started when it is used, started again when it ends.

mod setup;
mod supervise;

use std::{path::PathBuf, sync::Arc};

use hardline_platform::{identity::SERVER_PROGRAM, process::Processes};
use tokio::sync::{Mutex, watch};

pub use self::setup::OwnServerError;
use self::setup::Setup;
use crate::{
    runtime::{TaskHandle, Tasks},
    view::onboarding::OwnServer,
};

/// Looks after `hardline-server`. Cheap to clone; the server ends with the last clone.
#[derive(Clone, Debug)]
pub struct OwnServerService {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// The program, if it is installed.
    program: Option<PathBuf>,
    /// Its folder: configuration and data.
    dir: PathBuf,
    processes: Arc<dyn Processes>,
    tasks: Tasks,
    state: watch::Sender<OwnServer>,
    running: Mutex<Option<TaskHandle>>,
}

/// A running server, as accounts are made on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningServer {
    /// Its permanent name.
    pub server_name: String,
    /// Base address of its Client-Server API.
    pub base_url: String,
    /// What it asks for when an account is made.
    pub registration_token: Option<String>,
}

impl OwnServerService {
    /// Nothing is started yet.
    pub(crate) fn new(dir: PathBuf, processes: Arc<dyn Processes>, tasks: Tasks) -> Self {
        let program = find_program();
        let state = if program.is_some() {
            OwnServer::Available
        } else {
            OwnServer::Absent
        };
        let inner = Inner {
            program,
            dir,
            processes,
            tasks,
            state: watch::Sender::new(state),
            running: Mutex::default(),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Whether it can be used and whether it runs.
    pub fn state(&self) -> watch::Receiver<OwnServer> {
        self.inner.state.subscribe()
    }

    /// Whether this base address is that of the server on this device.
    pub fn is_at(&self, base_url: &str) -> bool {
        Setup::load(&self.inner.dir).is_ok_and(|setup| setup.base_url() == base_url)
    }

    /// Sets it up if that was never done, starts it, and waits until it answers.
    pub async fn start(&self) -> Result<RunningServer, OwnServerError> {
        let mut running = self.inner.running.lock().await;
        let program = self
            .inner
            .program
            .as_ref()
            .ok_or(OwnServerError::NotInstalled)?;
        self.inner.state.send_replace(OwnServer::Starting);
        let setup = match self.set_up(program).await {
            Ok(setup) => setup,
            Err(error) => {
                self.inner.state.send_replace(OwnServer::Failed {
                    detail: error.to_string(),
                });
                return Err(error);
            }
        };
        if running.as_ref().is_none_or(TaskHandle::is_finished) {
            let supervisor = supervise::Supervisor {
                program: program.clone(),
                dir: self.inner.dir.clone(),
                setup: setup.clone(),
                processes: self.inner.processes.clone(),
                state: self.inner.state.clone(),
            };
            *running = Some(self.inner.tasks.spawn("own-server", supervisor.run()));
        }
        let mut state = self.inner.state.subscribe();
        let settled = state
            .wait_for(|state| matches!(state, OwnServer::Running { .. } | OwnServer::Failed { .. }))
            .await;
        match settled.as_deref() {
            Ok(OwnServer::Running { .. }) => Ok(setup.running()),
            Ok(OwnServer::Failed { detail }) => Err(OwnServerError::Ended(detail.clone())),
            _ => Err(OwnServerError::Ended("it was stopped".to_owned())),
        }
    }

    async fn set_up(&self, program: &std::path::Path) -> Result<Setup, OwnServerError> {
        match Setup::load(&self.inner.dir) {
            Err(OwnServerError::NotSetUp) => setup::init(program, &self.inner.dir).await,
            other => other,
        }
    }
}

/// Beside our own program, or on `PATH`.
fn find_program() -> Option<PathBuf> {
    let beside = std::env::current_exe()
        .ok()
        .and_then(|exe| Some(exe.parent()?.join(SERVER_PROGRAM)));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path: Vec<_> = std::env::split_paths(&path)
        .map(|dir| dir.join(SERVER_PROGRAM))
        .collect();
    beside
        .into_iter()
        .chain(on_path)
        .find(|candidate| candidate.is_file())
}

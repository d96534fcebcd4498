//! The homeserver on this device: set up once, started when it is used, started again when it ends.

mod setup;
mod supervise;

use std::{path::PathBuf, sync::Arc};

use hardline_platform::{identity::SERVER_PROGRAM, process::Processes};
use tokio::sync::{Mutex, Notify, watch};

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
    ours: watch::Sender<bool>,
    restart: Arc<Notify>,
}

/// What others need to know of the server to make an account on it, and how far it reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnServerDetails {
    /// Its permanent name.
    pub server_name: String,
    /// Its address on this device.
    pub base_url: String,
    /// What it asks for when an account is made.
    pub registration_token: Option<String>,
    /// Other devices reach it.
    pub is_shared: bool,
    /// Its address for them, if there is a network.
    pub network_url: Option<String>,
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
            ours: watch::Sender::new(false),
            restart: Arc::default(),
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
    pub async fn start(&self) -> Result<OwnServerDetails, OwnServerError> {
        let mut running = self.inner.running.lock().await;
        let program = self
            .inner
            .program
            .as_ref()
            .ok_or(OwnServerError::NotInstalled)?;
        let is_supervised = running.as_ref().is_some_and(|task| !task.is_finished());
        let has_failed = matches!(*self.inner.state.borrow(), OwnServer::Failed { .. });
        if !is_supervised {
            self.inner.state.send_replace(OwnServer::Starting);
        } else if has_failed {
            // It rests between two tries.
            self.start_anew().await?;
        }
        let setup = match self.set_up(program).await {
            Ok(setup) => setup,
            Err(error) => {
                self.inner.state.send_replace(OwnServer::Failed {
                    detail: error.to_string(),
                });
                return Err(error);
            }
        };
        if !is_supervised {
            let supervisor = supervise::Supervisor {
                program: program.clone(),
                dir: self.inner.dir.clone(),
                setup: setup.clone(),
                processes: self.inner.processes.clone(),
                state: self.inner.state.clone(),
                ours: self.inner.ours.clone(),
                restart: self.inner.restart.clone(),
            };
            *running = Some(self.inner.tasks.spawn("own-server", supervisor.run()));
        }
        self.settled().await?;
        Ok(setup.details())
    }

    /// Waits until it runs, or does not.
    async fn settled(&self) -> Result<(), OwnServerError> {
        let mut state = self.inner.state.subscribe();
        let settled = state
            .wait_for(|state| matches!(state, OwnServer::Running { .. } | OwnServer::Failed { .. }))
            .await;
        match settled.as_deref() {
            Ok(OwnServer::Running { .. }) => Ok(()),
            Ok(OwnServer::Failed { detail }) => Err(OwnServerError::Ended(detail.clone())),
            _ => Err(OwnServerError::Ended("it was stopped".to_owned())),
        }
    }

    /// What is known of it, if it was ever set up.
    pub fn details(&self) -> Option<OwnServerDetails> {
        Some(Setup::load(&self.inner.dir).ok()?.details())
    }

    /// Lets other devices reach it, or no longer, and starts it anew for that. As before if it does not start then.
    pub async fn share(&self, shared: bool) -> Result<(), OwnServerError> {
        let _turn = self.inner.running.lock().await;
        if !*self.inner.ours.borrow() {
            return Err(OwnServerError::RunsElsewhere);
        }
        setup::set_shared(&self.inner.dir, shared)?;
        let started = self.start_anew().await;
        if started.is_err() {
            setup::set_shared(&self.inner.dir, !shared)?;
        }
        started
    }

    async fn start_anew(&self) -> Result<(), OwnServerError> {
        self.inner.state.send_replace(OwnServer::Starting);
        self.inner.restart.notify_one();
        self.settled().await
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

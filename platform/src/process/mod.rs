//! Programs of our own that run as children: the homeserver on this device, later media and widget hosts.

mod child;
mod fake;
mod readiness;

use std::{collections::BTreeMap, ffi::OsString, net::SocketAddr, path::PathBuf, time::Duration};

pub use self::{
    child::ChildProcesses,
    fake::{FakeProcess, FakeProcesses},
};

/// What to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessSpec {
    /// The program: a path, or a name to be found.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Environment beyond our own.
    pub environment: BTreeMap<OsString, OsString>,
    /// Where its output goes; `None`: nowhere.
    pub log: Option<PathBuf>,
    /// How it shows that it is ready.
    pub readiness: Readiness,
}

impl ProcessSpec {
    /// A program that counts as ready once started.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            environment: BTreeMap::new(),
            log: None,
            readiness: Readiness::Started,
        }
    }
}

/// How a program shows that it is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It runs.
    Started,
    /// It writes `READY=1` to `$NOTIFY_SOCKET`, as under systemd.
    Notify,
    /// It accepts connections here.
    Listens(SocketAddr),
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// By itself, with this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

impl Exit {
    /// Whether it ended as it should.
    pub fn is_success(self) -> bool {
        self == Self::Code(0)
    }
}

/// Why a process is not running or not ready.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// There is no such program.
    #[error("{} is not installed", .0.display())]
    NotFound(PathBuf),
    /// The system could not start it, or lost it.
    #[error("process: {0}")]
    Io(#[from] std::io::Error),
    /// It ended before it was ready.
    #[error("it ended before it was ready: {0:?}")]
    Ended(Exit),
    /// It was not ready in time; it still runs.
    #[error("it was not ready in {0:?}")]
    Late(Duration),
}

/// Starts processes.
#[async_trait::async_trait]
pub trait Processes: Send + Sync + std::fmt::Debug {
    /// Starts one, in a process group of its own.
    async fn spawn(&self, spec: ProcessSpec) -> Result<Box<dyn Process>, ProcessError>;
}

/// A running child; dropping it kills its whole group.
#[async_trait::async_trait]
pub trait Process: Send + std::fmt::Debug {
    /// Its id.
    fn pid(&self) -> u32;
    /// Waits until it is ready, `limit` at most. To be called once.
    async fn ready(&mut self, limit: Duration) -> Result<(), ProcessError>;
    /// Waits until it ends by itself.
    async fn wait(&mut self) -> Result<Exit, ProcessError>;
    /// Asks it to end, and after `limit` makes it, with all it started.
    async fn stop(&mut self, limit: Duration) -> Result<Exit, ProcessError>;
}

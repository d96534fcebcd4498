//! Runs the server and starts it again when it ends, each time after a longer pause.

use std::{path::PathBuf, sync::Arc, time::Duration};

use hardline_platform::process::{ProcessError, ProcessSpec, Processes, Readiness};
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};

use super::setup::{Setup, config_path};
use crate::view::onboarding::OwnServer;

/// How long it may take to become ready.
const READY_LIMIT: Duration = Duration::from_secs(20);
/// First pause before it is started again; it doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// A run this long counts as a success: the next pause is short again.
const LONG_RUN: Duration = Duration::from_secs(120);
/// How long it may take to end.
const STOP_LIMIT: Duration = Duration::from_secs(10);
/// Its output.
const LOG: &str = "hardline-server.log";

/// Supervises one server.
pub(super) struct Supervisor {
    pub(super) program: PathBuf,
    pub(super) dir: PathBuf,
    pub(super) setup: Setup,
    pub(super) processes: Arc<dyn Processes>,
    pub(super) state: watch::Sender<OwnServer>,
    /// Whether the server is a child of ours.
    pub(super) ours: watch::Sender<bool>,
    /// Start it anew, with the configuration as it is now.
    pub(super) restart: Arc<Notify>,
}

impl Supervisor {
    /// Runs until the task is ended; the server ends with it.
    pub(super) async fn run(mut self) {
        let mut pause = FIRST_PAUSE;
        loop {
            if let Ok(setup) = Setup::load(&self.dir) {
                self.setup = setup;
            }
            let began = Instant::now();
            if self.answers().await {
                // Another profile's program, or a system service, runs it already.
                self.set_running();
                self.until_silent().await;
            } else {
                let ended = self.run_once().await;
                self.ours.send_replace(false);
                let Some(detail) = ended else { continue };
                tracing::warn!(%detail, "the server on this device ended");
                self.state.send_replace(OwnServer::Failed { detail });
            }
            if began.elapsed() > LONG_RUN {
                pause = FIRST_PAUSE;
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
                () = self.restart.notified() => pause = FIRST_PAUSE,
            }
        }
    }

    fn set_running(&self) {
        self.state.send_replace(OwnServer::Running {
            server_name: self.setup.server_name.clone(),
            base_url: self.setup.base_url(),
        });
    }

    /// Starts it and waits until it ends; says how it did, or nothing if it is to be started anew.
    async fn run_once(&self) -> Option<String> {
        let mut spec = ProcessSpec::new(&self.program);
        let config = config_path(&self.dir).into();
        spec.arguments = vec!["--with-parent".into(), "--config".into(), config];
        spec.log = Some(self.dir.join(LOG));
        spec.readiness = Readiness::Notify;
        let ended = async {
            let mut process = self.processes.spawn(spec).await?;
            process.ready(READY_LIMIT).await?;
            self.ours.send_replace(true);
            self.set_running();
            tokio::select! {
                exit = process.wait() => exit.map(Some),
                () = self.restart.notified() => process.stop(STOP_LIMIT).await.map(|_| None),
            }
        };
        match ended.await {
            Ok(None) => None,
            Ok(Some(exit)) => Some(format!("it ended: {exit:?}")),
            Err(ProcessError::Ended(_)) => Some(self.last_words()),
            Err(error) => Some(error.to_string()),
        }
    }

    /// The last line it wrote.
    fn last_words(&self) -> String {
        let log = std::fs::read(self.dir.join(LOG)).unwrap_or_default();
        let tail = String::from_utf8_lossy(&log[log.len().saturating_sub(4096)..]).into_owned();
        tail.lines().last().unwrap_or("it ended at once").to_owned()
    }

    async fn answers(&self) -> bool {
        let connect = tokio::net::TcpStream::connect(("127.0.0.1", self.setup.port));
        let answered = tokio::time::timeout(Duration::from_secs(2), connect).await;
        matches!(answered, Ok(Ok(_)))
    }

    async fn until_silent(&self) {
        while self.answers().await {
            tokio::time::sleep(Duration::from_secs(30)).await;
        }
    }
}

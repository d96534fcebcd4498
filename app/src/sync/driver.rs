//! Chooses the protocol, at the start and whenever the server turns out not to have the one in use, and runs it.

use std::{collections::BTreeSet, time::Duration};

use matrix_sdk::{Client, sliding_sync::Version};
use tokio::sync::watch;

use super::{Backend, SyncState, backoff::Backoff, sliding, v2};
use crate::{ids::OwnedRoomId, store::Store, view::shell::Connection};

/// Setting under which the protocol last used is remembered, for a start without network.
const SETTING: &str = "sync_backend";

/// How a run of one protocol ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// We were told to stop.
    Stopped,
    /// The server does not have this protocol: use the other.
    Unsupported,
    /// The server no longer knows our token; somebody else handles that.
    SignedOut,
    /// Something failed that a fresh start of the protocol may heal.
    Failed,
}

/// Runs syncing.
pub(super) struct Driver {
    pub(super) client: Client,
    pub(super) store: Store,
    pub(super) state: watch::Sender<SyncState>,
    pub(super) wanted: watch::Receiver<bool>,
    pub(super) rooms: watch::Receiver<BTreeSet<OwnedRoomId>>,
    pub(super) backoff: Backoff,
}

impl Driver {
    /// Runs until the task is ended.
    pub(super) async fn run(mut self) {
        let mut backend = self.choose().await;
        loop {
            if !*self.wanted.borrow_and_update() {
                self.update(|state| state.stopped = true);
                if self.wanted.wait_for(|running| *running).await.is_err() {
                    return;
                }
            }
            self.update(|state| {
                state.stopped = false;
                state.backend = backend;
            });
            tracing::info!(?backend, "syncing");
            let ended = match backend {
                Backend::Sliding => sliding::run(&mut self).await,
                Backend::V2 => v2::run(&mut self).await,
            };
            tracing::info!(?backend, ?ended, "syncing ended");
            match ended {
                Ended::Stopped => self.backoff.worked(),
                Ended::Unsupported => backend = self.switch(backend),
                Ended::SignedOut => {
                    self.update(|state| state.stopped = true);
                    if self.wanted.changed().await.is_err() {
                        return;
                    }
                }
                Ended::Failed => {
                    self.update(|state| state.connection = Connection::Offline);
                    self.backoff.rest(&mut self.wanted).await;
                }
            }
        }
    }

    /// What the server says it has; without an answer, what was used last.
    async fn choose(&self) -> Backend {
        let stored = self.store.setting::<Backend>(SETTING).unwrap_or_default();
        let asked = tokio::time::timeout(Duration::from_secs(10), self.client.supported_versions());
        let backend = match asked.await {
            Ok(Ok(versions)) if versions.features.contains(&ruma::api::FeatureFlag::Msc4186) => {
                Backend::Sliding
            }
            Ok(Ok(_)) => Backend::V2,
            Ok(Err(_)) | Err(_) => stored,
        };
        self.adopt(backend);
        backend
    }

    fn switch(&self, from: Backend) -> Backend {
        let backend = match from {
            Backend::Sliding => Backend::V2,
            Backend::V2 => Backend::Sliding,
        };
        self.adopt(backend);
        backend
    }

    fn adopt(&self, backend: Backend) {
        let version = match backend {
            Backend::Sliding => Version::Native,
            Backend::V2 => Version::None,
        };
        self.client.set_sliding_sync_version(version);
        if let Err(error) = self.store.set_setting(SETTING, &backend) {
            tracing::warn!(%error, "the sync protocol could not be remembered");
        }
    }

    /// Changes the state; watchers wake only if it differs.
    pub(super) fn update(&self, change: impl FnOnce(&mut SyncState)) {
        crate::view::handle::update(&self.state, change);
    }
}

/// Resolves once syncing is to stop.
pub(super) async fn told_to_stop(wanted: &mut watch::Receiver<bool>) {
    let _ = wanted.wait_for(|running| !running).await;
}

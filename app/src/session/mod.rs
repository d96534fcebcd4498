//! One signed-in account on this device: finding its server, signing in, restoring, signing out.
//!
//! [`SessionService`] owns the state; a [`Session`] is the signed-in account itself, shared by all other services.

mod client;
mod discovery;
mod error;
mod register;
mod service;
mod sign_in;
mod vault;

use std::sync::{Arc, Mutex, PoisonError};

use matrix_sdk::{Client, sync::RoomUpdates};
use tokio::sync::{broadcast, watch};

pub use self::{
    discovery::{FoundServer, find_server},
    error::SessionError,
    service::{SessionConfig, SessionService, SessionState},
};
use crate::{
    ids::{DeviceId, OwnedDeviceId, OwnedUserId, UserId},
    rooms::{RoomsService, UnsentFiles},
    runtime::{InRuntime, Tasks},
    sync::SyncHandle,
};

/// A signed-in account. Cheap to clone; the SDK's client is dropped inside the runtime wherever the last clone goes.
#[derive(Clone, Debug)]
pub struct Session {
    inner: Arc<InRuntime<Inner>>,
}

struct Inner {
    client: Client,
    user_id: OwnedUserId,
    device_id: OwnedDeviceId,
    sync: SyncHandle,
    rooms: RoomsService,
    unsent_files: UnsentFiles,
    tasks: Tasks,
    prepared: watch::Receiver<bool>,
    is_new: bool,
    /// The homeserver's answers since the session began.
    updates: Mutex<Option<broadcast::Receiver<RoomUpdates>>>,
}

impl Session {
    fn new(
        client: Client,
        user_id: OwnedUserId,
        device_id: OwnedDeviceId,
        sync: SyncHandle,
        tasks: Tasks,
        prepared: watch::Receiver<bool>,
        is_new: bool,
    ) -> Self {
        let handle = tasks.runtime().clone();
        let updates = Mutex::new(Some(client.subscribe_to_all_room_updates()));
        let rooms = RoomsService::start(client.clone(), user_id.clone(), &tasks);
        let inner = Inner {
            client,
            user_id,
            device_id,
            sync,
            rooms,
            unsent_files: UnsentFiles::default(),
            tasks,
            prepared,
            is_new,
            updates,
        };
        Self {
            inner: Arc::new(InRuntime::new(inner, handle)),
        }
    }

    /// The SDK's client. Never hand it to the UI thread: keep the `Session` instead.
    pub fn client(&self) -> &Client {
        &self.inner.client
    }

    /// Our own id.
    pub fn user_id(&self) -> &UserId {
        &self.inner.user_id
    }

    /// This device's id.
    pub fn device_id(&self) -> &DeviceId {
        &self.inner.device_id
    }

    /// Keeping up with the server.
    pub fn sync(&self) -> &SyncHandle {
        &self.inner.sync
    }

    /// A row for each room.
    pub fn rooms(&self) -> &RoomsService {
        &self.inner.rooms
    }

    /// Files that wait in the composers of rooms that are not open.
    pub(crate) fn unsent_files(&self) -> &UnsentFiles {
        &self.inner.unsent_files
    }

    /// Where tasks of this session run.
    pub fn tasks(&self) -> &Tasks {
        &self.inner.tasks
    }

    /// Whether the person signed in during this run, so that nothing was there before.
    pub fn is_new(&self) -> bool {
        self.inner.is_new
    }

    /// The homeserver's answers: for the first who asks those since the session began, for others those from now on.
    pub(crate) fn take_updates(&self) -> broadcast::Receiver<RoomUpdates> {
        let taken = self
            .inner
            .updates
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        taken.unwrap_or_else(|| self.client().subscribe_to_all_room_updates())
    }

    /// Resolves once this device is one that others can encrypt for: its keys are uploaded and, at a first sign-in,
    /// signed. Resolves also if that failed; the log says why.
    pub async fn prepared(&self) {
        let mut prepared = self.inner.prepared.clone();
        let _ = prepared.wait_for(|prepared| *prepared).await;
    }

    /// Whether two handles are the same session.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }
}

impl PartialEq for Session {
    fn eq(&self, other: &Self) -> bool {
        self.is_same(other)
    }
}

//! Keeping up with the homeserver: sliding sync (MSC4186) where the server has it, `/sync` v2 where not.
//!
//! Both feed the SDK's stores; nothing above this module knows which is in use.
//! <https://github.com/matrix-org/matrix-spec-proposals/pull/4186>

mod backoff;
pub mod clock;
mod driver;
pub(crate) mod reconnect;
mod send_retry;
mod sliding;
mod subscriptions;
mod v2;

use std::sync::Arc;

use matrix_sdk::Client;
use tokio::sync::{Notify, watch};

pub use self::subscriptions::OpenRoom;
use self::{
    backoff::Backoff,
    subscriptions::{Subscriptions, Why},
};
use crate::{
    ids::OwnedRoomId,
    runtime::{TaskHandle, Tasks},
    store::Store,
    view::shell::Connection,
};

/// Which protocol is in use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Backend {
    /// Simplified sliding sync (MSC4186).
    #[default]
    Sliding,
    /// `/sync` v2.
    V2,
}

/// How syncing stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyncState {
    /// Whether the homeserver answers.
    pub connection: Connection,
    /// Which protocol is in use.
    pub backend: Backend,
    /// The first answer of this run has been taken in: the list of rooms is complete enough to show as such.
    pub caught_up: bool,
    /// Stopped on purpose.
    pub stopped: bool,
}

/// Syncing of one session; it ends when the last clone is dropped.
#[derive(Clone, Debug)]
pub struct SyncHandle {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    state: watch::Receiver<SyncState>,
    running: watch::Sender<bool>,
    retry_now: Arc<Notify>,
    subscriptions: Subscriptions,
    _driver: TaskHandle,
    _send_retry: TaskHandle,
}

impl SyncHandle {
    /// Starts syncing.
    pub(crate) fn start(client: Client, store: Store, tasks: &Tasks) -> Self {
        let (state_in, state) = watch::channel(SyncState {
            connection: Connection::Connecting,
            backend: Backend::default(),
            caught_up: false,
            stopped: false,
        });
        let (running, wanted) = watch::channel(true);
        let subscriptions = Subscriptions::default();
        let retry_now = Arc::new(Notify::new());
        let driver = driver::Driver {
            client: client.clone(),
            store,
            state: state_in,
            wanted,
            rooms: subscriptions.watch(),
            backoff: Backoff::new(retry_now.clone()),
        };
        let inner = Inner {
            state: state.clone(),
            running,
            retry_now,
            subscriptions,
            _driver: tasks.spawn("sync", driver.run()),
            _send_retry: tasks.spawn("send-retry", send_retry::run(client, state)),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// How syncing stands, and a way to wait for changes.
    pub fn state(&self) -> watch::Receiver<SyncState> {
        self.inner.state.clone()
    }

    /// The rooms visible in the list: kept fresh with some of their timeline.
    pub fn set_visible(&self, rooms: Vec<OwnedRoomId>) {
        self.inner.subscriptions.set_visible(rooms);
    }

    /// A room being looked at: kept fresh until the guard is dropped.
    pub fn open_room(&self, room_id: OwnedRoomId) -> OpenRoom {
        self.inner.subscriptions.keep(room_id, Why::Open)
    }

    /// A room with a call: kept fresh until the guard is dropped.
    pub(crate) fn room_with_call(&self, room_id: OwnedRoomId) -> OpenRoom {
        self.inner.subscriptions.keep(room_id, Why::Call)
    }

    /// Whether this room is being looked at.
    pub fn is_open(&self, room_id: &crate::ids::RoomId) -> bool {
        self.inner.subscriptions.is_open(room_id)
    }

    /// Stops and waits until no request is under way.
    pub async fn stop(&self) {
        self.inner.running.send_replace(false);
        let mut state = self.state();
        let stopped = state.wait_for(|state| state.stopped);
        let _ = tokio::time::timeout(std::time::Duration::from_secs(5), stopped).await;
    }

    /// There is reason to hope that the server answers again: a rest after failures ends now.
    pub fn try_again(&self) {
        self.inner.retry_now.notify_waiters();
    }

    /// Goes on after [`SyncHandle::stop`].
    pub fn resume(&self) {
        self.inner.running.send_replace(true);
    }
}

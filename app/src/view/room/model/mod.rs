//! The view model of an open room: a handle for screens, and one task that does the work until the last handle is
//! dropped.

mod actions;
mod completion;
mod composer;
mod driver;
mod items;
mod keys;
mod lookups;
mod removal;
mod sending;
mod state;
mod transfer;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};

use eyeball_im::{Vector, VectorDiff};
use futures_util::Stream;
use matrix_sdk::Client;
use tokio::sync::{broadcast, watch};

use super::{ComposerState, RoomAction, RoomEffect, RoomMembership, RoomState, Row};
use crate::{
    ids::{OwnedRoomId, RoomId},
    media::MediaService,
    rooms::{UnsentFiles, name, row},
    runtime::Tasks,
    session::Session,
    sync::OpenRoom,
    timeline::Rows,
    view::{
        Avatar, Pending,
        handle::{self, Handle},
    },
};

/// An open room. Cheap to clone; the room is closed when the last clone is dropped.
#[derive(Clone)]
pub struct RoomViewModel {
    handle: Handle<RoomState, RoomAction, RoomEffect>,
    rows: Rows,
    /// Effects since the room was opened, for the first who asks.
    early: Arc<Mutex<Option<broadcast::Receiver<RoomEffect>>>>,
    _fresh: Option<Arc<OpenRoom>>,
}

impl std::fmt::Debug for RoomViewModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RoomViewModel")
            .field("room_id", &self.handle.state().borrow().room_id)
            .finish_non_exhaustive()
    }
}

impl RoomViewModel {
    /// Opens a room of a session; it is kept fresh while it is open.
    pub fn open(session: &Session, media: &MediaService, room_id: OwnedRoomId) -> Self {
        let fresh = session.sync().open_room(room_id.clone());
        let client = session.client().clone();
        let unsent = session.unsent_files().clone();
        Self::begin(client, media, session.tasks(), unsent, room_id, Some(fresh))
    }

    pub(crate) fn begin(
        client: Client,
        media: &MediaService,
        tasks: &Tasks,
        unsent: UnsentFiles,
        room_id: OwnedRoomId,
        fresh: Option<OpenRoom>,
    ) -> Self {
        // The client may be dropped here, and must not be outside the runtime.
        let _guard = tasks.runtime().enter();
        let (handle, driver) = handle::pair(first_state(&client, &room_id));
        let early = handle.effects();
        let rows = Rows::new();
        let start = driver::Start {
            client,
            room_id,
            media: media.clone(),
            tasks: tasks.clone(),
            unsent,
            rows: rows.clone(),
            driver,
        };
        tasks.detach("room", driver::run(start));
        Self {
            handle,
            rows,
            early: Arc::new(Mutex::new(Some(early))),
            _fresh: fresh.map(Arc::new),
        }
    }

    /// What is around the timeline.
    pub fn state(&self) -> watch::Receiver<RoomState> {
        self.handle.state()
    }

    /// The rows now, and batches of changes from now on.
    pub fn rows(
        &self,
    ) -> (
        Vector<Row>,
        impl Stream<Item = Vec<VectorDiff<Row>>> + Unpin + Send + use<>,
    ) {
        self.rows.subscribe()
    }

    /// One-shot effects; who asks first gets all since the room was opened.
    pub fn effects(&self) -> broadcast::Receiver<RoomEffect> {
        let early = self
            .early
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        early.unwrap_or_else(|| self.handle.effects())
    }

    /// Hands an action over; never blocks, never fails.
    pub fn send(&self, action: RoomAction) {
        self.handle.send(action);
    }
}

/// What is known at once, without waiting for a store.
fn first_state(client: &Client, room_id: &RoomId) -> RoomState {
    let room = client.get_room(room_id);
    let name = room.as_ref().map(name::known_name).unwrap_or_default();
    let is_direct = room
        .as_ref()
        .is_some_and(|room| !room.direct_targets().is_empty());
    let avatar = match &room {
        Some(room) => row::avatar(room, is_direct, &name),
        None => Avatar::new(room_id.as_str(), &name, None),
    };
    RoomState {
        room_id: room_id.to_owned(),
        avatar,
        name,
        topic: room.as_ref().map(row::topic).unwrap_or_default(),
        is_direct,
        is_encrypted: room
            .as_ref()
            .is_some_and(|room| room.encryption_state().is_encrypted()),
        member_count: room.as_ref().map_or(0, |room| room.joined_members_count()),
        membership: RoomMembership::Joined,
        can_send: false,
        can_call: false,
        identity_changed: None,
        paginating: Pending::Idle,
        at_start: false,
        typing: Vec::new(),
        unread_below: 0,
        composer: ComposerState::default(),
    }
}

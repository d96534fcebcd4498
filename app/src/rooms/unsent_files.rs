//! Files that wait in a composer whose room is not looked at: they are there again when it is opened. Kept for as long
//! as the program runs; they may be large, and are still where the person took them from.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    ids::{OwnedRoomId, RoomId},
    media::Attachment,
};

/// See the module's description.
#[derive(Clone, Debug, Default)]
pub(crate) struct UnsentFiles(Arc<Mutex<HashMap<OwnedRoomId, Vec<Attachment>>>>);

impl UnsentFiles {
    /// Keeps what waits in a room that is closed.
    pub fn keep(&self, room_id: &RoomId, files: Vec<Attachment>) {
        if !files.is_empty() {
            self.lock()
                .entry(room_id.to_owned())
                .or_default()
                .extend(files);
        }
    }

    /// Hands out what waits in a room that is opened.
    pub fn take(&self, room_id: &RoomId) -> Vec<Attachment> {
        self.lock().remove(room_id).unwrap_or_default()
    }

    /// Whether nothing waits.
    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<OwnedRoomId, Vec<Attachment>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! Rooms that must be kept fresh: those visible in the list, and those being looked at.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::watch;

use crate::ids::{OwnedRoomId, RoomId};

/// The rooms, shared with whoever opens one.
#[derive(Clone, Debug)]
pub(super) struct Subscriptions {
    wanted: Arc<Mutex<Wanted>>,
    rooms: watch::Sender<BTreeSet<OwnedRoomId>>,
}

#[derive(Debug, Default)]
struct Wanted {
    visible: Vec<OwnedRoomId>,
    open: BTreeMap<OwnedRoomId, usize>,
}

impl Default for Subscriptions {
    fn default() -> Self {
        Self {
            wanted: Arc::default(),
            rooms: watch::Sender::new(BTreeSet::new()),
        }
    }
}

impl Subscriptions {
    pub(super) fn watch(&self) -> watch::Receiver<BTreeSet<OwnedRoomId>> {
        self.rooms.subscribe()
    }

    pub(super) fn set_visible(&self, rooms: Vec<OwnedRoomId>) {
        self.change(|wanted| wanted.visible = rooms);
    }

    pub(super) fn open(&self, room_id: OwnedRoomId) -> OpenRoom {
        self.change(|wanted| *wanted.open.entry(room_id.clone()).or_default() += 1);
        OpenRoom {
            subscriptions: self.clone(),
            room_id,
        }
    }

    pub(super) fn is_open(&self, room_id: &RoomId) -> bool {
        self.wanted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .open
            .contains_key(room_id)
    }

    fn close(&self, room_id: &RoomId) {
        self.change(|wanted| {
            if let Some(count) = wanted.open.get_mut(room_id) {
                *count -= 1;
                if *count == 0 {
                    wanted.open.remove(room_id);
                }
            }
        });
    }

    fn change(&self, change: impl FnOnce(&mut Wanted)) {
        let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut wanted);
        let all: BTreeSet<_> = wanted.open.keys().chain(&wanted.visible).cloned().collect();
        self.rooms.send_if_modified(|rooms| {
            let differs = *rooms != all;
            *rooms = all;
            differs
        });
    }
}

/// A room being looked at; dropping it ends that.
#[derive(Debug)]
pub struct OpenRoom {
    subscriptions: Subscriptions,
    room_id: OwnedRoomId,
}

impl OpenRoom {
    /// Which room.
    pub fn room_id(&self) -> &RoomId {
        &self.room_id
    }
}

impl Drop for OpenRoom {
    fn drop(&mut self) {
        self.subscriptions.close(&self.room_id);
    }
}

#[cfg(test)]
mod tests {
    use ruma::owned_room_id;

    use super::*;

    #[test]
    fn a_room_opened_twice_stays_fresh_until_closed_twice() {
        let subscriptions = Subscriptions::default();
        let rooms = subscriptions.watch();
        let (a, b) = (owned_room_id!("!a:x"), owned_room_id!("!b:x"));
        subscriptions.set_visible(vec![a.clone()]);
        let first = subscriptions.open(b.clone());
        let second = subscriptions.open(b.clone());
        drop(first);
        assert_eq!(*rooms.borrow(), BTreeSet::from([a.clone(), b.clone()]));
        assert!(subscriptions.is_open(&b));
        drop(second);
        assert_eq!(*rooms.borrow(), BTreeSet::from([a]));
        assert!(!subscriptions.is_open(&b));
    }
}

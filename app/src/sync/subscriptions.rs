//! Rooms that must be kept fresh: those visible in the list, those being looked at, and those with a call.

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
    with_call: BTreeMap<OwnedRoomId, usize>,
}

impl Wanted {
    fn of(&mut self, why: Why) -> &mut BTreeMap<OwnedRoomId, usize> {
        match why {
            Why::Open => &mut self.open,
            Why::Call => &mut self.with_call,
        }
    }
}

/// Why a room is kept fresh.
#[derive(Clone, Copy, Debug)]
pub(super) enum Why {
    /// It is being looked at.
    Open,
    /// It carries a call.
    Call,
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

    pub(super) fn keep(&self, room_id: OwnedRoomId, why: Why) -> OpenRoom {
        self.change(|wanted| *wanted.of(why).entry(room_id.clone()).or_default() += 1);
        OpenRoom {
            subscriptions: self.clone(),
            room_id,
            why,
        }
    }

    pub(super) fn is_open(&self, room_id: &RoomId) -> bool {
        self.wanted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .open
            .contains_key(room_id)
    }

    fn close(&self, room_id: &RoomId, why: Why) {
        self.change(|wanted| {
            let rooms = wanted.of(why);
            if let Some(count) = rooms.get_mut(room_id) {
                *count -= 1;
                if *count == 0 {
                    rooms.remove(room_id);
                }
            }
        });
    }

    fn change(&self, change: impl FnOnce(&mut Wanted)) {
        let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut wanted);
        let kept = wanted.open.keys().chain(wanted.with_call.keys());
        let all: BTreeSet<_> = kept.chain(&wanted.visible).cloned().collect();
        self.rooms.send_if_modified(|rooms| {
            let differs = *rooms != all;
            *rooms = all;
            differs
        });
    }
}

/// A room that is kept fresh; dropping it ends that.
#[derive(Debug)]
pub struct OpenRoom {
    subscriptions: Subscriptions,
    room_id: OwnedRoomId,
    why: Why,
}

impl OpenRoom {
    /// Which room.
    pub fn room_id(&self) -> &RoomId {
        &self.room_id
    }
}

impl Drop for OpenRoom {
    fn drop(&mut self) {
        self.subscriptions.close(&self.room_id, self.why);
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
        let first = subscriptions.keep(b.clone(), Why::Open);
        let second = subscriptions.keep(b.clone(), Why::Open);
        drop(first);
        assert_eq!(*rooms.borrow(), BTreeSet::from([a.clone(), b.clone()]));
        assert!(subscriptions.is_open(&b));
        drop(second);
        assert_eq!(*rooms.borrow(), BTreeSet::from([a]));
        assert!(!subscriptions.is_open(&b));
    }

    #[test]
    fn a_room_with_a_call_is_fresh_and_not_looked_at() {
        let subscriptions = Subscriptions::default();
        let a = owned_room_id!("!a:x");
        let call = subscriptions.keep(a.clone(), Why::Call);
        assert!(subscriptions.watch().borrow().contains(&a));
        assert!(!subscriptions.is_open(&a));
        drop(call);
        assert!(subscriptions.watch().borrow().is_empty());
    }
}

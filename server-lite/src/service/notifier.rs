//! Who waits in a sync, and waking them within a millisecond of a commit.
//!
//! A room wakes those of its members who wait, and costs nothing for those who do not: joining a room of thousands
//! must not take a look at each of them.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use ruma::{OwnedUserId, UserId};
use rusqlite::Connection;
use tokio::sync::watch;

use super::rooms::membership;
use crate::error::Result;

/// Whose syncs to wake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wake {
    /// This user's.
    User(OwnedUserId),
    /// Those of all who are joined to the room with this number.
    Room(i64),
    /// Those of this user and of all who share a room with them.
    Contacts(OwnedUserId),
}

/// Wakes the syncs of users. Cheap to clone.
#[derive(Clone, Default)]
pub struct Notifier {
    users: Arc<Mutex<HashMap<OwnedUserId, watch::Sender<u64>>>>,
    all: watch::Sender<u64>,
}

impl Notifier {
    /// A receiver that changes whenever something happened for anybody.
    pub fn subscribe_all(&self) -> watch::Receiver<u64> {
        self.all.subscribe()
    }

    fn wake_observers(&self) {
        if self.all.receiver_count() > 0 {
            self.all.send_modify(|n_wakes| *n_wakes += 1);
        }
    }

    /// A receiver that changes whenever something happened for `user`.
    /// Subscribe *before* looking into the store, so that nothing falls in between.
    pub fn subscribe(&self, user: &UserId) -> watch::Receiver<u64> {
        let mut users = self.users.lock();
        if let Some(sender) = users.get(user) {
            return sender.subscribe();
        }
        let (sender, receiver) = watch::channel(0);
        users.insert(user.to_owned(), sender);
        receiver
    }

    /// Wakes these users; forgets those nobody waits for.
    pub fn wake(&self, woken: impl IntoIterator<Item = OwnedUserId>) {
        self.wake_observers();
        let mut users = self.users.lock();
        for user in woken {
            let Some(sender) = users.get(&user) else {
                continue;
            };
            if sender.receiver_count() == 0 {
                users.remove(&user);
            } else {
                sender.send_modify(|n_wakes| *n_wakes += 1);
            }
        }
    }

    /// Wakes those joined to a room. Call it once what they are to see is in the store.
    pub fn wake_room(&self, connection: &Connection, room: i64) -> Result<()> {
        self.wake_observers();
        let waiting = self.waiting();
        if !waiting.is_empty() {
            self.wake(membership::joined_among(connection, room, waiting)?);
        }
        Ok(())
    }

    /// Wakes everyone who is meant. Call it once what they are to see is in the store.
    pub fn wake_all(
        &self,
        connection: &Connection,
        wakes: impl IntoIterator<Item = Wake>,
    ) -> Result<()> {
        let mut rooms = Vec::new();
        for wake in wakes {
            match wake {
                Wake::User(user) => self.wake([user]),
                // A batch of writes often concerns one room many times.
                Wake::Room(room) if rooms.contains(&room) => {}
                Wake::Room(room) => {
                    rooms.push(room);
                    self.wake_room(connection, room)?;
                }
                Wake::Contacts(user) => {
                    self.wake_observers();
                    for other in self.waiting() {
                        if other == user || membership::share_room(connection, &user, &other)? {
                            self.wake([other]);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Everybody who waits.
    pub fn waiting(&self) -> Vec<OwnedUserId> {
        let mut users = self.users.lock();
        users.retain(|_, sender| sender.receiver_count() > 0);
        users.keys().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use ruma::user_id;

    use super::Notifier;

    #[tokio::test]
    async fn only_the_woken_user_wakes() {
        let notifier = Notifier::default();
        let (ada, bo) = (user_id!("@ada:hs.test"), user_id!("@bo:hs.test"));
        let (mut for_ada, for_bo) = (notifier.subscribe(ada), notifier.subscribe(bo));
        notifier.wake([ada.to_owned()]);
        for_ada.changed().await.unwrap();
        assert!(!for_bo.has_changed().unwrap());
    }

    #[test]
    fn who_no_longer_waits_is_forgotten() {
        let notifier = Notifier::default();
        let (ada, bo) = (user_id!("@ada:hs.test"), user_id!("@bo:hs.test"));
        let _for_ada = notifier.subscribe(ada);
        drop(notifier.subscribe(bo));
        assert_eq!(notifier.waiting(), [ada.to_owned()]);
    }
}

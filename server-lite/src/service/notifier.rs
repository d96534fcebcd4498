//! Who waits in a sync, and waking them within a millisecond of a commit.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use ruma::{OwnedUserId, UserId};
use tokio::sync::watch;

/// Wakes the syncs of users. Cheap to clone.
#[derive(Clone, Default)]
pub struct Notifier {
    users: Arc<Mutex<HashMap<OwnedUserId, watch::Sender<u64>>>>,
}

impl Notifier {
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

    /// Wakes everyone in `woken`; forgets users nobody waits for.
    pub fn wake(&self, woken: impl IntoIterator<Item = OwnedUserId>) {
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
}

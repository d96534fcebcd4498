//! Who is typing: kept in memory, forgotten with time.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#typing-notifications>

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use ruma::{OwnedUserId, UserId};

use crate::service::{Services, now_ms};

/// The longest a notification lasts.
const MAX_TIMEOUT: Duration = Duration::from_secs(120);

#[derive(Default)]
struct RoomTyping {
    until: BTreeMap<OwnedUserId, Instant>,
    changed: u64,
}

struct State {
    rooms: HashMap<i64, RoomTyping>,
    serial: u64,
}

impl State {
    /// A serial that a client shows; one that lies ahead is of an earlier run, before the clock was set back.
    fn of_this_run(&self, serial: u64) -> u64 {
        if serial > self.serial { 0 } else { serial }
    }
}

/// Typing notifications of all rooms. Every change takes the next serial; serials grow across
/// restarts, because they start at the time of the start.
pub struct Typing {
    state: Mutex<State>,
    /// Signalled when something may run out earlier than before.
    touched: tokio::sync::Notify,
}

impl Default for Typing {
    fn default() -> Self {
        let serial = now_ms().max(1) as u64;
        Self {
            state: Mutex::new(State {
                rooms: HashMap::new(),
                serial,
            }),
            touched: tokio::sync::Notify::new(),
        }
    }
}

impl Typing {
    /// Notes that `user` types in `room` for `timeout`, or (none) no longer. Returns whether that
    /// changed who types.
    pub fn set(&self, room: i64, user: &UserId, timeout: Option<Duration>) -> bool {
        let mut state = self.state.lock();
        let serial = state.serial + 1;
        let entry = state.rooms.entry(room).or_default();
        let changed = match timeout {
            Some(timeout) => {
                let until = Instant::now() + timeout.min(MAX_TIMEOUT);
                entry.until.insert(user.to_owned(), until).is_none()
            }
            None => entry.until.remove(user).is_some(),
        };
        if changed {
            entry.changed = serial;
            state.serial = serial;
        }
        if timeout.is_some() {
            self.touched.notify_one();
        }
        changed
    }

    /// Who types in `room`, if that changed after `since`.
    pub fn since(&self, room: i64, since: u64) -> Option<Vec<OwnedUserId>> {
        let state = self.state.lock();
        let entry = state.rooms.get(&room)?;
        let since = state.of_this_run(since);
        (entry.changed > since).then(|| entry.until.keys().cloned().collect())
    }

    /// The rooms in which something changed after `since`.
    pub fn rooms_since(&self, since: u64) -> Vec<i64> {
        let state = self.state.lock();
        let since = state.of_this_run(since);
        if state.serial <= since {
            return Vec::new();
        }
        let changed = state
            .rooms
            .iter()
            .filter(|(_, entry)| entry.changed > since);
        changed.map(|(room, _)| *room).collect()
    }

    /// The newest serial.
    pub fn serial(&self) -> u64 {
        self.state.lock().serial
    }

    fn next_expiry(&self) -> Option<Instant> {
        let state = self.state.lock();
        state
            .rooms
            .values()
            .flat_map(|entry| entry.until.values())
            .min()
            .copied()
    }

    /// Drops what has run out by `now`; returns the rooms in which that changed who types.
    pub fn expire(&self, now: Instant) -> Vec<i64> {
        let mut state = self.state.lock();
        let mut serial = state.serial;
        let mut changed = Vec::new();
        for (room, entry) in &mut state.rooms {
            let n_before = entry.until.len();
            entry.until.retain(|_, until| *until > now);
            if entry.until.len() < n_before {
                serial += 1;
                entry.changed = serial;
                changed.push(*room);
            }
        }
        state.serial = serial;
        changed
    }
}

/// Ends typing notifications as they run out, until the server stops. Sleeps while nobody types.
pub async fn run_expiry(services: Services) {
    loop {
        let sleep = async {
            match services.typing.next_expiry() {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = sleep => {}
            () = services.typing.touched.notified() => {}
            () = services.shutdown.cancelled() => return,
        }
        for room in services.typing.expire(Instant::now()) {
            let notifier = services.notifier.clone();
            let told = services.store.read(move |c| notifier.wake_room(c, room));
            if let Err(error) = told.await {
                tracing::warn!(%error, "cannot tell that typing ended");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use ruma::user_id;

    use super::Typing;

    #[test]
    fn typing_is_told_once_and_runs_out() {
        let (typing, ada) = (Typing::default(), user_id!("@ada:hs.test"));
        let start = typing.serial();
        assert!(typing.set(1, ada, Some(Duration::from_secs(3))));
        assert!(!typing.set(1, ada, Some(Duration::from_secs(3))));
        assert_eq!(typing.since(1, start).unwrap(), [ada.to_owned()]);
        let told = typing.serial();
        assert_eq!(typing.since(1, told), None);
        assert_eq!(typing.expire(Instant::now() + Duration::from_secs(4)), [1]);
        assert_eq!(
            typing.since(1, told).unwrap(),
            Vec::<ruma::OwnedUserId>::new()
        );
    }
}

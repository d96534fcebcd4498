//! Who is there, judged by who syncs.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use ruma::{OwnedUserId, UserId};

/// How long after their last sync somebody still counts.
const GRACE: Duration = Duration::from_secs(60);

/// When people last began or ended a sync.
#[derive(Default)]
pub struct Online {
    seen: Mutex<HashMap<OwnedUserId, Instant>>,
}

impl Online {
    /// Notes that somebody syncs.
    pub fn note(&self, user: &UserId, now: Instant) {
        let mut seen = self.seen.lock();
        match seen.get_mut(user) {
            Some(at) => *at = now,
            None => {
                seen.insert(user.to_owned(), now);
            }
        }
    }

    /// How many are there; `waiting` are in a sync right now, however long it takes. Forgets the others.
    pub fn count(&self, waiting: &[OwnedUserId], now: Instant) -> usize {
        let mut seen = self.seen.lock();
        for user in waiting {
            seen.insert(user.clone(), now);
        }
        seen.retain(|_, at| now.saturating_duration_since(*at) < GRACE);
        seen.len()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use ruma::user_id;

    use super::{GRACE, Online};

    #[test]
    fn people_count_while_they_sync_and_a_little_longer() {
        let (online, start) = (Online::default(), Instant::now());
        let (ada, bo) = (user_id!("@ada:hs.test"), user_id!("@bo:hs.test"));
        online.note(ada, start);
        online.note(ada, start);
        online.note(bo, start);
        assert_eq!(online.count(&[], start), 2);
        assert_eq!(online.count(&[bo.to_owned()], start + GRACE), 1);
        assert_eq!(online.count(&[], start + GRACE + GRACE / 2), 1);
        assert_eq!(online.count(&[], start + GRACE * 3), 0);
    }
}

//! Who bothers many people at once: strangers invited, the same said everywhere, files without end.
//! Kept in memory: a restart, which nobody but the operator can bring about, forgives at most one more allowance, and
//! that is not worth a write for every message.

use std::{
    collections::HashMap,
    hash::Hash,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use ruma::{OwnedUserId, UserId};
use sha2::{Digest, Sha256};

use crate::{Error, config::Safety, error::Result};

const HOUR: Duration = Duration::from_secs(60 * 60);
/// Within this time the same message in many rooms is a nuisance.
const REPEATING: Duration = Duration::from_secs(10 * 60);
/// Shorter messages are said everywhere by everybody.
const MIN_MESSAGE: usize = 16;
/// Beyond so many counters the old ones go, and if all are new, all of them.
const MAX_COUNTERS: usize = 16_384;

/// For each `W` (who) how many different `T` (things) within a time.
struct Distinct<W, T> {
    seen: Mutex<HashMap<W, HashMap<T, Instant>>>,
}

impl<W, T> Default for Distinct<W, T> {
    fn default() -> Self {
        Self {
            seen: Mutex::default(),
        }
    }
}

impl<W: Eq + Hash, T: Eq + Hash> Distinct<W, T> {
    /// Counts a thing, unless it is one too many: then says how long to wait.
    fn count(
        &self,
        who: W,
        thing: T,
        max: u32,
        window: Duration,
        now: Instant,
    ) -> Result<(), Duration> {
        let is_fresh = |at: &Instant| now.saturating_duration_since(*at) < window;
        let mut seen = self.seen.lock();
        if seen.len() >= MAX_COUNTERS {
            seen.retain(|_, things| things.values().any(is_fresh));
            if seen.len() >= MAX_COUNTERS {
                seen.clear();
            }
        }
        let things = seen.entry(who).or_default();
        things.retain(|_, at| is_fresh(at));
        if things.contains_key(&thing) {
            return Ok(());
        }
        if things.len() as u64 >= u64::from(max) {
            let oldest = things.values().min().copied().unwrap_or(now);
            return Err(window.saturating_sub(now.saturating_duration_since(oldest)));
        }
        things.insert(thing, now);
        Ok(())
    }
}

/// The counters of the server.
#[derive(Default)]
pub struct Spam {
    invited: Distinct<OwnedUserId, OwnedUserId>,
    said: Distinct<(OwnedUserId, [u8; 32]), i64>,
    uploads: Distinct<OwnedUserId, u64>,
}

impl Spam {
    /// `inviter` invites a stranger.
    ///
    /// # Errors
    /// `M_LIMIT_EXCEEDED` with the time to wait.
    pub fn invite(&self, limits: &Safety, inviter: &UserId, stranger: &UserId) -> Result<()> {
        let max = limits.strangers_per_hour;
        if max == 0 {
            return Ok(());
        }
        let counted = self.invited.count(
            inviter.to_owned(),
            stranger.to_owned(),
            max,
            HOUR,
            Instant::now(),
        );
        let text = "You have invited very many people you share no room with; wait a little.";
        counted.map_err(|wait| Error::wait(wait, text))
    }

    /// `sender` says `body` in a room.
    ///
    /// # Errors
    /// `M_LIMIT_EXCEEDED` with the time to wait.
    pub fn message(&self, limits: &Safety, sender: &UserId, room: i64, body: &str) -> Result<()> {
        let max = limits.same_message_rooms;
        let words = body
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .to_lowercase();
        if max == 0 || words.len() < MIN_MESSAGE {
            return Ok(());
        }
        let key = (sender.to_owned(), Sha256::digest(words.as_bytes()).into());
        let counted = self.said.count(key, room, max, REPEATING, Instant::now());
        let text = "You have said the same in very many rooms; wait a little.";
        counted.map_err(|wait| Error::wait(wait, text))
    }

    /// `user` uploads a file.
    ///
    /// # Errors
    /// `M_LIMIT_EXCEEDED` with the time to wait.
    pub fn upload(&self, limits: &Safety, user: &UserId) -> Result<()> {
        let max = limits.uploads_per_hour;
        if max == 0 {
            return Ok(());
        }
        let counted =
            self.uploads
                .count(user.to_owned(), rand::random(), max, HOUR, Instant::now());
        let text = "You have uploaded very many files; wait a little.";
        counted.map_err(|wait| Error::wait(wait, text))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Distinct, HOUR, MAX_COUNTERS};

    #[test]
    fn different_things_count_once_each_and_are_forgotten_with_time() {
        let (counter, start) = (Distinct::<&str, u32>::default(), Instant::now());
        let count = |thing, after: u64| {
            counter.count("ada", thing, 2, HOUR, start + Duration::from_secs(after))
        };
        for _ in 0..3 {
            count(1, 0).unwrap();
        }
        count(2, 60).unwrap();
        assert_eq!(count(3, 90).unwrap_err(), Duration::from_secs(3510));
        count(2, 90).unwrap();
        count(3, 3600).unwrap();
        assert!(count(4, 3600).is_err());
        counter.count("bo", 3, 2, HOUR, start).unwrap();
    }

    #[test]
    fn there_are_never_more_counters_than_fit() {
        let (counter, now) = (Distinct::<usize, u8>::default(), Instant::now());
        for who in 0..2 * MAX_COUNTERS {
            counter.count(who, 0, 1, HOUR, now).unwrap();
        }
        assert!(counter.seen.lock().len() <= MAX_COUNTERS);
    }
}

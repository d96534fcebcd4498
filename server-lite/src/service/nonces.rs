//! Numbers used once, so that a signed request cannot be sent again.

use std::{
    num::NonZeroUsize,
    time::{Duration, Instant},
};

use lru::LruCache;
use parking_lot::Mutex;

use super::random;

/// How long a nonce can be used.
const LIFETIME: Duration = Duration::from_secs(60);
/// At most so many at a time: the oldest go first.
const MAX: NonZeroUsize = NonZeroUsize::new(256).unwrap();

/// The nonces that wait to be used; they do not outlive the program.
pub struct Nonces {
    issued: Mutex<LruCache<String, Instant>>,
}

impl Default for Nonces {
    fn default() -> Self {
        Self {
            issued: Mutex::new(LruCache::new(MAX)),
        }
    }
}

impl Nonces {
    /// A new one.
    pub fn issue(&self) -> String {
        let nonce = random::token();
        self.issued.lock().put(nonce.clone(), Instant::now());
        nonce
    }

    /// Uses one up. False if it was not issued, or used, or is too old.
    pub fn consume(&self, nonce: &str) -> bool {
        let issued = self.issued.lock().pop(nonce);
        issued.is_some_and(|at| at.elapsed() < LIFETIME)
    }
}

#[cfg(test)]
mod tests {
    use super::Nonces;

    #[test]
    fn a_nonce_is_used_once() {
        let nonces = Nonces::default();
        let nonce = nonces.issue();
        assert!(nonces.consume(&nonce));
        assert!(!nonces.consume(&nonce));
        assert!(!nonces.consume("another"));
    }
}

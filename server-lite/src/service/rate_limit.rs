//! Token buckets: how much one user or one address may do.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#rate-limiting>

use std::{
    collections::HashMap,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use crate::{
    Error,
    config::{Rate, RateLimits},
    error::Result,
};

tokio::task_local! {
    /// Set while a request is answered that no limit applies to.
    static UNLIMITED: ();
}

/// Answers a request, where `unlimited` says so without counting anything it does.
pub async fn answer<T>(unlimited: bool, request: impl Future<Output = T>) -> T {
    if unlimited {
        UNLIMITED.scope((), request).await
    } else {
        request.await
    }
}

/// What is counted apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Messages and state.
    Messages,
    /// Joins, invites, room creation.
    Rooms,
    /// Log-in attempts.
    Login,
    /// Registrations.
    Registration,
    /// All else.
    Other,
}

impl Class {
    /// All of them, in the order of their declaration.
    pub const ALL: [Self; 5] = [
        Self::Messages,
        Self::Rooms,
        Self::Login,
        Self::Registration,
        Self::Other,
    ];

    /// As in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::Rooms => "rooms",
            Self::Login => "login",
            Self::Registration => "registration",
            Self::Other => "other",
        }
    }
}

/// Beyond so many buckets the full ones are forgotten.
const MAX_BUCKETS: usize = 4096;

#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: f64,
    filled_at: Instant,
}

/// All buckets of the server.
pub struct RateLimiter {
    limits: RateLimits,
    buckets: Mutex<HashMap<(Class, String), Bucket>>,
    refused: [AtomicU64; Class::ALL.len()],
}

impl RateLimiter {
    /// Buckets of the configured sizes.
    pub fn new(limits: &RateLimits) -> Self {
        Self {
            limits: limits.clone(),
            buckets: Mutex::default(),
            refused: Default::default(),
        }
    }

    /// How many requests were told to wait since the start.
    pub fn n_refused(&self, class: Class) -> u64 {
        self.refused[class as usize].load(Ordering::Relaxed)
    }

    /// Takes one request out of the bucket of `key` (a user id or an address).
    ///
    /// # Errors
    /// `M_LIMIT_EXCEEDED` with the time until the next one fits.
    pub fn check(&self, class: Class, key: &str) -> Result<()> {
        self.check_at(class, key, Instant::now())
    }

    fn rate(&self, class: Class) -> Rate {
        match class {
            Class::Messages => self.limits.messages,
            Class::Rooms => self.limits.rooms,
            Class::Login => self.limits.login,
            Class::Registration => self.limits.registration,
            Class::Other => self.limits.other,
        }
    }

    fn check_at(&self, class: Class, key: &str, now: Instant) -> Result<()> {
        if !self.limits.enabled || UNLIMITED.try_with(|()| ()).is_ok() {
            return Ok(());
        }
        let rate = self.rate(class);
        let burst = f64::from(rate.burst);
        let mut buckets = self.buckets.lock();
        if buckets.len() >= MAX_BUCKETS {
            self.forget_full(&mut buckets, now);
        }
        let bucket = buckets.entry((class, key.to_owned())).or_insert(Bucket {
            tokens: burst,
            filled_at: now,
        });
        let elapsed = now
            .saturating_duration_since(bucket.filled_at)
            .as_secs_f64();
        bucket.tokens = (bucket.tokens + elapsed * rate.per_second).min(burst);
        bucket.filled_at = now;
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            return Ok(());
        }
        self.refused[class as usize].fetch_add(1, Ordering::Relaxed);
        let wait = (1.0 - bucket.tokens) / rate.per_second;
        Err(Error::limit_exceeded(Duration::from_millis(
            (wait * 1000.0).ceil() as u64,
        )))
    }

    fn forget_full(&self, buckets: &mut HashMap<(Class, String), Bucket>, now: Instant) {
        buckets.retain(|(class, _), bucket| {
            let rate = self.rate(*class);
            let elapsed = now
                .saturating_duration_since(bucket.filled_at)
                .as_secs_f64();
            bucket.tokens + elapsed * rate.per_second < f64::from(rate.burst)
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Class, RateLimiter};
    use crate::config::{Rate, RateLimits};

    fn limiter() -> RateLimiter {
        let login = Rate {
            per_second: 2.0,
            burst: 3,
        };
        RateLimiter::new(&RateLimits {
            login,
            ..RateLimits::default()
        })
    }

    #[test]
    fn a_burst_passes_then_the_wait_is_told_and_after_it_one_more_passes() {
        let (limiter, start) = (limiter(), Instant::now());
        for _ in 0..3 {
            limiter.check_at(Class::Login, "a", start).unwrap();
        }
        let error = limiter.check_at(Class::Login, "a", start).unwrap_err();
        assert!(format!("{error:?}").contains("500ms"), "{error:?}");
        assert_eq!(limiter.n_refused(Class::Login), 1);
        assert_eq!(limiter.n_refused(Class::Other), 0);
        limiter
            .check_at(Class::Login, "a", start + Duration::from_millis(500))
            .unwrap();
    }

    #[tokio::test]
    async fn what_is_answered_without_limits_counts_nothing() {
        let (limiter, start) = (limiter(), Instant::now());
        let often = async {
            for _ in 0..9 {
                limiter.check_at(Class::Login, "a", start).unwrap();
            }
        };
        super::answer(true, often).await;
        for _ in 0..3 {
            limiter.check_at(Class::Login, "a", start).unwrap();
        }
        limiter.check_at(Class::Login, "a", start).unwrap_err();
    }

    #[test]
    fn keys_and_classes_have_buckets_of_their_own() {
        let (limiter, start) = (limiter(), Instant::now());
        for _ in 0..3 {
            limiter.check_at(Class::Login, "a", start).unwrap();
        }
        limiter.check_at(Class::Login, "b", start).unwrap();
        limiter.check_at(Class::Messages, "a", start).unwrap();
    }
}

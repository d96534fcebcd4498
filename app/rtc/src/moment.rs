//! Time as the machines see it: a number that comes in.

use std::ops::{Add, Sub};

/// A moment in milliseconds since some fixed point.
///
/// The clock must run on while the device sleeps (`CLOCK_BOOTTIME`), or a phone that wakes up rings for calls long over. It
/// must not be the wall clock, which people and networks set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(pub u64);

impl Add<u64> for Moment {
    type Output = Self;

    fn add(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }
}

impl Sub for Moment {
    type Output = u64;

    /// Milliseconds from `earlier` to `self`; zero if it is the other way round.
    fn sub(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

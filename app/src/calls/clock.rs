//! The clocks of calls.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hardline_rtc::Moment;
use rustix::time::{ClockId, clock_gettime};

/// Now, in milliseconds since the system started, time asleep included (`CLOCK_BOOTTIME`).
pub(super) fn now() -> Moment {
    let time = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let millis = u64::try_from(time.tv_nsec).unwrap_or_default() / 1_000_000;
    Moment(seconds * 1_000 + millis)
}

/// How long it is until a moment; nothing if it is over.
pub(super) fn until(moment: Moment) -> Duration {
    Duration::from_millis(moment - now())
}

/// The wall clock, in milliseconds since 1970.
pub(super) fn wall() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

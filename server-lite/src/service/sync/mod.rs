//! What a client is told when it asks "what is new": `/sync` and simplified sliding sync.

pub mod device_lists;
pub mod ephemeral;
pub mod sliding;
pub mod stripped;
pub mod v3;

use std::time::Duration;

use ruma::UserId;

use super::Services;
use crate::error::Result;

/// The longest a request is held.
const MAX_WAIT: Duration = Duration::from_secs(120);

/// Calls `look` until it finds something, `timeout` has passed, or the server stops; in between it
/// waits for a change that concerns `user`. `look` returns whether what it found is worth telling.
pub async fn poll<T, F, Fut>(
    services: &Services,
    user: &UserId,
    timeout: Duration,
    mut look: F,
) -> Result<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<(T, bool)>>,
{
    let deadline = tokio::time::Instant::now() + timeout.min(MAX_WAIT);
    let mut changes = services.notifier.subscribe(user);
    services
        .telemetry
        .online
        .note(user, std::time::Instant::now());
    loop {
        changes.mark_unchanged();
        let (found, worth) = look().await?;
        if worth || timeout.is_zero() {
            return Ok(found);
        }
        let _parked = services.telemetry.park();
        tokio::select! {
            changed = changes.changed() => {
                if changed.is_err() {
                    changes = services.notifier.subscribe(user);
                }
            }
            () = tokio::time::sleep_until(deadline) => return Ok(found),
            () = services.shutdown.cancelled() => return Ok(found),
        }
    }
}

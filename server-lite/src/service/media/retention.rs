//! Once a day: what nobody reads any longer goes, if the operator says so, and what failed uploads left.

use std::time::Duration;

use super::removal::{self, Which};
use crate::{
    error::Result,
    service::{Services, now_ms},
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Looks at each start and once a day, until the server stops.
pub async fn run(services: Services) {
    loop {
        if let Err(error) = sweep(&services).await {
            tracing::warn!(%error, "cannot clear up the files");
        }
        tokio::select! {
            () = tokio::time::sleep(DAY) => {}
            () = services.shutdown.cancelled() => return,
        }
    }
}

async fn sweep(services: &Services) -> Result<()> {
    if let Some(days) = services.config.media.retention_days {
        let since = now_ms() - i64::from(days.get()) * DAY.as_millis() as i64;
        let removed = removal::remove(services, Which::UnreadSince(since, None)).await?;
        if removed.addresses > 0 {
            tracing::info!(
                files = removed.files,
                bytes = removed.bytes,
                "deleted files that nobody has read"
            );
        }
    }
    let orphans = removal::remove_orphans(services).await?;
    if orphans > 0 {
        tracing::info!(files = orphans, "deleted files that no address names");
    }
    Ok(())
}

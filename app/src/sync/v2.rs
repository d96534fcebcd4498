//! `/sync` v2, for servers without sliding sync.
//!
//! <https://spec.matrix.org/v1.16/client-server-api/#syncing>

use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use matrix_sdk::config::SyncSettings;
use ruma::api::{
    FeatureFlag,
    client::filter::{FilterDefinition, LazyLoadOptions},
    client::sync::sync_events::v3::Filter,
    error::ErrorKind,
};

use super::driver::{Driver, Ended, told_to_stop};
use crate::view::shell::Connection;

/// How long the server may hold a request open.
const LONG_POLL: Duration = Duration::from_secs(30);
/// Events a room in one answer.
const TIMELINE_LIMIT: u32 = 20;
/// How often a server without sliding sync is asked whether it has it by now.
const ASK_AGAIN: Duration = Duration::from_secs(3600);

/// Runs until told to stop, or until the server has sliding sync.
pub(super) async fn run(driver: &mut Driver) -> Ended {
    let client = driver.client.clone();
    let settings = SyncSettings::new()
        .timeout(LONG_POLL)
        .ignore_timeout_on_first_sync(true)
        .filter(Filter::FilterDefinition(filter()));
    let mut answers = Box::pin(client.sync_stream(settings).await);
    let mut wanted = driver.wanted.clone();
    let mut failed = false;
    let mut asked = Instant::now();
    loop {
        let answer = tokio::select! {
            answer = answers.next() => answer,
            () = told_to_stop(&mut wanted) => return Ended::Stopped,
        };
        match answer {
            Some(Ok(answer)) => {
                if failed && asked.elapsed() > Duration::from_secs(60) {
                    asked = Instant::now() - ASK_AGAIN;
                }
                failed = false;
                driver.backoff.worked();
                listen(driver, &answer).await;
                driver.update(|state| {
                    state.connection = Connection::Online;
                    state.caught_up = true;
                });
            }
            Some(Err(error)) => {
                let kind = error.client_api_error_kind();
                if matches!(
                    kind,
                    Some(ErrorKind::UnknownToken(_) | ErrorKind::MissingToken)
                ) {
                    return Ended::SignedOut;
                }
                tracing::warn!(%error, "/sync failed");
                driver.update(|state| state.connection = Connection::Offline);
                failed = true;
                driver.backoff.rest(&mut wanted).await;
            }
            None => return Ended::Failed,
        }
        if asked.elapsed() > ASK_AGAIN {
            asked = Instant::now();
            if has_sliding_sync(driver).await {
                return Ended::Unsupported;
            }
        }
    }
}

/// Members are loaded with the messages they sent; the rest when a room is opened.
fn filter() -> FilterDefinition {
    let mut filter = FilterDefinition::with_lazy_loading();
    filter.room.state.lazy_load_options = LazyLoadOptions::Enabled {
        include_redundant_members: false,
    };
    filter.room.timeline.limit = Some(TIMELINE_LIMIT.into());
    filter
}

/// Rooms that changed get their preview computed; sliding sync does this by subscription.
async fn listen(driver: &Driver, answer: &matrix_sdk::sync::SyncResponse) {
    let latest = driver.client.latest_events().await;
    for room_id in answer.rooms.joined.keys() {
        if let Err(error) = latest.listen_to_room(room_id).await {
            tracing::warn!(%room_id, %error, "no preview for this room");
        }
    }
}

async fn has_sliding_sync(driver: &Driver) -> bool {
    match driver.client.fetch_server_versions(None).await {
        Ok(versions) => versions
            .as_supported_versions()
            .features
            .contains(&FeatureFlag::Msc4186),
        Err(_) => false,
    }
}

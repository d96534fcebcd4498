//! Rows that wait for keys: the backup is asked for them, again and again after pauses that grow, for as long as rows
//! wait. Another device may upload its keys a moment, or a day, after this one looked.
//!
//! Spec: <https://spec.matrix.org/v1.16/client-server-api/#server-side-key-backups>

use std::{collections::HashSet, time::Duration};

use matrix_sdk::{
    Client, Room, deserialized_responses::TimelineEventKind, encryption::backups::BackupState,
};
use ruma::api::client::backup::get_latest_backup_info;
use tokio::time::{Instant, timeout};

use super::{
    driver::{Model, soon},
    lookups::Outcome,
};
use crate::{ids::OwnedEventId, timeline::session_id};

/// First pause before the backup is asked again; it doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
/// The longest pause: what is asked for then is one small answer.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);
/// How long the backup may take to answer; then rows are tried with the keys there are.
const LIMIT: Duration = Duration::from_secs(45);
/// Up to so many keys are fetched one by one, more with the whole room's.
const ONE_BY_ONE: usize = 20;

/// How far asking for keys is.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// When the backup is asked next.
    pub due: Option<Instant>,
    pause: Option<Duration>,
    /// A job is under way.
    asking: bool,
    /// Asked for while a job was under way.
    once_more: bool,
    /// Megolm sessions that rows waited for.
    known: HashSet<String>,
    /// What the backup held when it was last read for this room.
    seen: Option<Contents>,
}

/// What asking for keys came to.
pub(super) struct Asked {
    /// What the backup held.
    seen: Option<Contents>,
    /// Events were decrypted, but the timeline still shows them as they were.
    missed: bool,
}

/// What a backup holds, in short: its version and the tag that changes with every key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Contents {
    version: String,
    etag: String,
}

impl Model {
    /// Rows were made that cannot be read.
    pub(super) fn keys_are_missing(&mut self) {
        let sessions = self.waiting_sessions();
        let known = self.keys.known.len();
        self.keys.known.extend(sessions);
        if self.keys.known.len() > known {
            self.keys.pause = None;
            self.ask_for_keys_soon();
        } else if self.keys.due.is_none() && !self.keys.asking {
            self.ask_for_keys();
        }
    }

    /// The backup's key came (recovery, another device) or the person asked: everything is tried at once, and pauses
    /// begin anew.
    pub(super) fn ask_for_keys_anew(&mut self) {
        self.keys.pause = None;
        self.keys.seen = None;
        self.ask_for_keys_soon();
    }

    fn ask_for_keys_soon(&mut self) {
        if self.keys.asking {
            self.keys.once_more = true;
        } else {
            self.ask_for_keys();
        }
    }

    /// Looks once, if rows wait.
    pub(super) fn ask_for_keys(&mut self) {
        self.keys.due = None;
        let sessions = self.waiting_sessions();
        let enabled = self.client.encryption().backups().state() == BackupState::Enabled;
        let Some(timeline) = self.timeline.clone().filter(|_| !sessions.is_empty()) else {
            self.keys.pause = None;
            return;
        };
        self.keys.asking = true;
        let (client, room) = (self.client.clone(), self.room.clone());
        let (seen, outcomes) = (self.keys.seen.clone(), self.outcomes.clone());
        // What was tried a pause ago and not shown since.
        let stale = match self.keys.pause {
            Some(_) => self.waiting_events(),
            None => Vec::new(),
        };
        self.tasks.detach("room-keys", async move {
            let missed = any_is_readable(&room, &stale).await;
            let fetching = async {
                match enabled {
                    true => fetch(&client, &room, &sessions, seen.clone()).await,
                    false => seen.clone(),
                }
            };
            let seen = timeout(LIMIT, fetching).await.unwrap_or(seen.clone());
            // A key may have come between a row and the attempt to read it.
            timeline.retry_decryption(sessions).await;
            let _ = outcomes.send(Outcome::KeysAsked(Asked { seen, missed }));
        });
    }

    /// The backup was asked: if rows still wait, it is asked again later.
    pub(super) fn keys_asked(&mut self, asked: Asked) {
        self.keys.asking = false;
        if asked.missed {
            tracing::info!(room_id = %self.room.room_id(), "the timeline missed that messages were decrypted");
            self.timeline_is_wrong = true;
        }
        if std::mem::take(&mut self.keys.once_more) {
            return self.ask_for_keys();
        }
        self.keys.seen = asked.seen;
        let pause = match self.keys.pause {
            Some(pause) => (pause * 2).min(LONGEST_PAUSE),
            None => FIRST_PAUSE,
        };
        self.keys.pause = Some(pause);
        // Rows that become readable do so in a moment; then the next look finds nothing to do and ends this.
        self.keys.due = soon(pause);
    }

    /// Whether a row cannot be read for want of a key.
    pub(super) fn waits_for_keys(&self) -> bool {
        !self.waiting_sessions().is_empty()
    }

    /// Events that rows cannot show yet.
    fn waiting_events(&self) -> Vec<OwnedEventId> {
        self.list
            .items()
            .filter_map(|item| {
                let event = item.as_event()?;
                event.content().as_unable_to_decrypt()?;
                event.event_id().map(ToOwned::to_owned)
            })
            .collect()
    }

    /// Megolm sessions that rows wait for.
    fn waiting_sessions(&self) -> HashSet<String> {
        self.list
            .items()
            .filter_map(|item| item.as_event()?.content().as_unable_to_decrypt())
            .filter_map(session_id)
            .map(ToOwned::to_owned)
            .collect()
    }
}

/// Whether the event cache holds one of these events decrypted.
async fn any_is_readable(room: &Room, events: &[OwnedEventId]) -> bool {
    let Ok((cache, _drop_handles)) = room.event_cache().await else {
        return false;
    };
    for event_id in events {
        if let Ok(Some(event)) = cache.find_event(event_id).await
            && matches!(event.kind, TimelineEventKind::Decrypted(_))
        {
            return true;
        }
    }
    false
}

/// Fetches the keys of these sessions if the backup has changed since it was `seen`; gives what it holds now.
async fn fetch(
    client: &Client,
    room: &Room,
    sessions: &HashSet<String>,
    seen: Option<Contents>,
) -> Option<Contents> {
    let room_id = room.room_id();
    let now = match client
        .send(get_latest_backup_info::v3::Request::new())
        .await
    {
        Ok(info) => Contents {
            version: info.version,
            etag: info.etag,
        },
        Err(error) => {
            tracing::debug!(%room_id, %error, "the backup could not be asked for keys");
            return seen;
        }
    };
    if seen.as_ref() == Some(&now) {
        return seen;
    }
    let backups = client.encryption().backups();
    let mut failed = None;
    // The first time the whole room's: older rows will want theirs, too.
    if seen.is_none() || sessions.len() > ONE_BY_ONE {
        failed = backups.download_room_keys_for_room(room_id).await.err();
    } else {
        for session in sessions {
            match backups.download_room_key(room_id, session).await {
                Ok(_) => {}
                Err(error) if is_not_there(&error) => {}
                Err(error) => failed = Some(error),
            }
        }
    }
    match failed {
        None => Some(now),
        Some(error) => {
            tracing::debug!(%room_id, %error, "keys could not be fetched from the backup");
            seen
        }
    }
}

fn is_not_there(error: &matrix_sdk::Error) -> bool {
    use ruma::api::error::ErrorKind;
    matches!(error.client_api_error_kind(), Some(ErrorKind::NotFound))
}

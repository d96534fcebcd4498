//! Call events on their way in: whole answers of the homeserver, decrypted, and what becomes readable later.
//!
//! Spec: [liveness](https://spec.matrix.org/v1.16/client-server-api/#call-event-liveness). Room keys come by another request
//! than messages, often a moment later: an invite that cannot be read yet is tried again when a key comes.

use std::{
    collections::{BTreeMap, VecDeque},
    pin::Pin,
    time::Duration,
};

use futures_util::{Stream, StreamExt as _, future::join_all};
use hardline_rtc::voip::{Batch, Happening, limits::MAX_LIFETIME};
use matrix_sdk::{
    EncryptionState, Room, RoomState,
    deserialized_responses::{TimelineEvent, TimelineEventKind},
    room::MessagesOptions,
    sync::{RoomUpdates, Timeline},
};
use ruma::{
    events::{AnySyncTimelineEvent, room::encrypted::OriginalSyncRoomEncryptedEvent},
    serde::Raw,
};
use tokio::{
    sync::{broadcast, mpsc},
    time::{Instant, sleep_until},
};

use super::{
    clock,
    envelope::{Came, Envelope},
    permission,
    settings::CALLS,
};
use crate::{
    ids::{OwnedRoomId, RoomId},
    session::Session,
    store::Store,
};

/// Events that wait for their keys.
const MAX_LOCKED: usize = 256;
/// Events looked at of those that an answer of the homeserver left out.
const GAP: u32 = 50;
/// Rooms of an answer in which that is done.
const GAPS: usize = 8;
/// How long the homeserver may take for it.
const GAP_LIMIT: Duration = Duration::from_secs(3);
/// How long a ring waits for the keys of what came with it.
const PATIENCE: Duration = Duration::from_secs(2);

/// An event that cannot be read yet.
struct Locked {
    room_id: OwnedRoomId,
    event: Raw<AnySyncTimelineEvent>,
    received_at: u64,
}

/// Reads what the homeserver sends to a session; runs until the session's calls end.
pub(super) struct Intake {
    session: Session,
    store: Store,
    batches: mpsc::UnboundedSender<Batch>,
    locked: VecDeque<Locked>,
    /// When what waits for keys is not waited for any more.
    impatient_at: Option<Instant>,
}

impl Intake {
    pub(super) fn new(
        session: Session,
        store: Store,
        batches: mpsc::UnboundedSender<Batch>,
    ) -> Self {
        Self {
            session,
            store,
            batches,
            locked: VecDeque::new(),
            impatient_at: None,
        }
    }

    pub(super) async fn run(mut self, mut updates: broadcast::Receiver<RoomUpdates>) {
        use broadcast::error::RecvError;
        let mut keys = self.keys().await;
        loop {
            let impatient_at = self.impatient_at;
            let batch = tokio::select! {
                update = updates.recv() => match update {
                    Ok(update) => self.on_update(&update).await,
                    Err(RecvError::Lagged(n)) => {
                        tracing::warn!(n, "answers of the homeserver were not looked at for calls");
                        continue;
                    }
                    Err(RecvError::Closed) => return,
                },
                key = keys.next() => match key {
                    Some(()) => self.on_keys().await,
                    None => {
                        keys = self.keys().await;
                        continue;
                    }
                },
                () = at(impatient_at) => {
                    self.impatient_at = None;
                    Batch { complete: true, ..Batch::default() }
                }
            };
            if (batch.complete || !batch.happenings.is_empty()) && self.batches.send(batch).is_err()
            {
                return;
            }
        }
    }

    /// An item for each time that room keys come; ends when the SDK begins anew with its keys.
    async fn keys(&self) -> Pin<Box<dyn Stream<Item = ()> + Send>> {
        match self
            .session
            .client()
            .encryption()
            .room_keys_received_stream()
            .await
        {
            Some(keys) => keys.map(drop).boxed(),
            None => futures_util::stream::pending().boxed(),
        }
    }

    async fn on_update(&mut self, update: &RoomUpdates) -> Batch {
        let mut batch = Batch::default();
        let received_at = clock::wall();
        let n_locked = self.locked.len();
        let mut left_out = self.left_out(update, received_at).await;
        for (room_id, room_update) in &update.joined {
            let Some(room) = self.session.client().get_room(room_id) else {
                continue;
            };
            for event in left_out.remove(room_id).unwrap_or_default() {
                self.take(&mut batch, &room, &event, received_at).await;
            }
            for event in &room_update.timeline.events {
                self.take(&mut batch, &room, event, received_at).await;
            }
        }
        for room_id in update.left.keys() {
            batch.happenings.push(Happening::Left {
                room_id: room_id.clone(),
                user_id: self.session.user_id().to_owned(),
                alone: false,
            });
        }
        let waits = self.locked.len() > n_locked;
        if waits {
            self.impatient_at.get_or_insert(Instant::now() + PATIENCE);
        }
        batch.complete = !waits;
        batch
    }

    /// Events that an answer left out and that may be of interest, by room. They are fetched all at once.
    async fn left_out(
        &self,
        update: &RoomUpdates,
        received_at: u64,
    ) -> BTreeMap<OwnedRoomId, Vec<TimelineEvent>> {
        let gaps = update.joined.iter().filter_map(|(room_id, update)| {
            let room = self.session.client().get_room(room_id)?;
            Some((room, gap(&update.timeline, received_at)?))
        });
        let fetching = gaps.take(GAPS).map(|(room, end)| async move {
            (room.room_id().to_owned(), left_out(&room, end).await)
        });
        join_all(fetching).await.into_iter().collect()
    }

    async fn take(
        &mut self,
        batch: &mut Batch,
        room: &Room,
        event: &TimelineEvent,
        received_at: u64,
    ) {
        let came = match &event.kind {
            TimelineEventKind::Decrypted(_) => Came::Encrypted,
            _ => Came::InClear,
        };
        let TimelineEventKind::UnableToDecrypt { event, .. } = &event.kind else {
            let happening = self.read(room, event.raw(), came, received_at).await;
            batch.happenings.extend(happening);
            return;
        };
        let young = Envelope::read(event, came)
            .is_some_and(|envelope| envelope.age(received_at) < MAX_LIFETIME);
        if !young {
            return;
        }
        // The key may have come since the SDK looked.
        if let Some(opened) = unlock(room, event).await {
            let happening = self.read(room, &opened, Came::Encrypted, received_at).await;
            batch.happenings.extend(happening);
            return;
        }
        if self.locked.len() >= MAX_LOCKED {
            self.make_space();
        }
        self.locked.push_back(Locked {
            room_id: room.room_id().to_owned(),
            event: event.clone(),
            received_at,
        });
    }

    /// Forgets the oldest event of the room with the most, so that no room drives out what waits in others.
    fn make_space(&mut self) {
        let mut counts: BTreeMap<&RoomId, usize> = BTreeMap::new();
        for locked in &self.locked {
            *counts.entry(&locked.room_id).or_default() += 1;
        }
        let fullest = counts.into_iter().max_by_key(|(_, count)| *count);
        let oldest = fullest
            .and_then(|(room_id, _)| self.locked.iter().position(|it| it.room_id == *room_id));
        if let Some(oldest) = oldest {
            self.locked.remove(oldest);
        }
    }

    /// Keys came: what they open is taken in its order.
    async fn on_keys(&mut self) -> Batch {
        let mut batch = Batch::default();
        let now = clock::wall();
        for locked in std::mem::take(&mut self.locked) {
            let Some(room) = self.session.client().get_room(&locked.room_id) else {
                continue;
            };
            match unlock(&room, &locked.event).await {
                Some(opened) => {
                    let happening = self
                        .read(&room, &opened, Came::Encrypted, locked.received_at)
                        .await;
                    batch.happenings.extend(happening);
                }
                None if now.saturating_sub(locked.received_at) < MAX_LIFETIME => {
                    self.locked.push_back(locked);
                }
                None => {}
            }
        }
        batch.complete = !batch.happenings.is_empty();
        batch
    }

    async fn read(
        &self,
        room: &Room,
        event: &Raw<AnySyncTimelineEvent>,
        came: Came,
        received_at: u64,
    ) -> Option<Happening> {
        let envelope = Envelope::read(event, came)?;
        if let Some(user_id) = envelope.left() {
            return Some(Happening::Left {
                room_id: room.room_id().to_owned(),
                user_id,
                alone: room.state() == RoomState::Joined && room.active_members_count() <= 1,
            });
        }
        if !envelope.is_call_event() {
            return None;
        }
        if envelope.came_in_clear() && !is_open(room).await {
            let (room_id, sender) = (room.room_id(), &envelope.sender);
            tracing::warn!(%room_id, %sender, "a call event in clear counts for nothing in an encrypted room");
            return None;
        }
        let permission = match envelope.is_invite() {
            true => {
                let settings = self.store.setting(CALLS).unwrap_or_default();
                permission::of(&self.session, room, &envelope.sender, &settings).await?
            }
            false => hardline_rtc::voip::Permission::Ring,
        };
        match envelope.received(room.room_id(), received_at, permission) {
            Ok(received) => Some(Happening::Event(received)),
            Err(error) => {
                let room_id = room.room_id();
                tracing::info!(%room_id, %error, "a call event counts for nothing");
                None
            }
        }
    }
}

/// Whether it is certain that the room is not encrypted. In one that is, whoever runs the homeserver could take part in
/// calls by events in clear.
async fn is_open(room: &Room) -> bool {
    let state = room.latest_encryption_state().await;
    state.is_ok_and(|state| matches!(state, EncryptionState::NotEncrypted))
}

/// Where what an answer left out ends, if calls that are still of interest may be in there.
fn gap(timeline: &Timeline, received_at: u64) -> Option<String> {
    let end = timeline.prev_batch.clone().filter(|_| timeline.limited)?;
    let first = timeline.events.first()?.raw();
    let young = Envelope::read(first, Came::InClear)
        .is_some_and(|envelope| envelope.age(received_at) < MAX_LIFETIME);
    young.then_some(end)
}

/// Events before `end`, the oldest first.
async fn left_out(room: &Room, end: String) -> Vec<TimelineEvent> {
    let mut options = MessagesOptions::backward().from(end.as_str());
    options.limit = GAP.into();
    match tokio::time::timeout(GAP_LIMIT, room.messages(options)).await {
        Ok(Ok(messages)) => messages.chunk.into_iter().rev().collect(),
        Ok(Err(error)) => {
            tracing::info!(room_id = %room.room_id(), %error, "a gap is not looked through for calls");
            Vec::new()
        }
        Err(_) => Vec::new(),
    }
}

/// The event, if its key is there by now.
async fn unlock(
    room: &Room,
    event: &Raw<AnySyncTimelineEvent>,
) -> Option<Raw<AnySyncTimelineEvent>> {
    let encrypted = event.cast_ref_unchecked::<OriginalSyncRoomEncryptedEvent>();
    let opened = room.decrypt_event(encrypted, None).await.ok()?;
    let readable = !opened.kind.is_utd();
    readable.then(|| opened.into_raw())
}

async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

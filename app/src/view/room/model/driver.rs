//! The task of an open room: one loop that takes actions, the SDK's changes, and the outcomes of its own jobs.

use std::{
    collections::HashSet,
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use eyeball_im::VectorDiff;
use futures_util::{FutureExt as _, Stream, StreamExt as _};
use matrix_sdk::{Client, Room, RoomState as Membership, encryption::backups::BackupState};
use matrix_sdk_base::crypto::IdentityStatusChange;
use matrix_sdk_ui::timeline::{RoomExt as _, Timeline, TimelineItem, TimelineReadReceiptTracking};
use tokio::{
    sync::{broadcast::error::RecvError, mpsc},
    time::{Instant, sleep_until},
};
use tokio_stream::wrappers::errors::BroadcastStreamRecvError;

use super::{
    super::{RoomAction, RoomEffect, RoomState},
    composer::Composer,
    keys::Waiting,
    lookups::Outcome,
};
use crate::{
    ids::{OwnedEventId, OwnedRoomId, OwnedUserId},
    media::MediaService,
    rooms::UnsentFiles,
    runtime::{TaskHandle, Tasks},
    timeline::{self, Can, MapContext, Names, RowList, Rows},
    view::handle::Driver,
};

/// What the task of a room begins with.
pub(super) struct Start {
    pub client: Client,
    pub room_id: OwnedRoomId,
    pub media: MediaService,
    pub tasks: Tasks,
    pub unsent: UnsentFiles,
    pub rows: Rows,
    pub driver: Driver<RoomState, RoomAction, RoomEffect>,
}

/// So long after it was opened a timeline is looked at for events that stand in it twice.
const SETTLING: Duration = Duration::from_secs(30);

/// A timeline with fewer items fetches older ones at once.
const FEW: usize = 20;

type Screen = Driver<RoomState, RoomAction, RoomEffect>;
type Items = Pin<Box<dyn Stream<Item = Vec<VectorDiff<Arc<TimelineItem>>>> + Send>>;
type Backup =
    Option<Pin<Box<dyn Stream<Item = Result<BackupState, BroadcastStreamRecvError>> + Send>>>;

/// Changes of identities as the task that watches them finds them; it ends with this.
struct Identities {
    changes: mpsc::UnboundedReceiver<Vec<IdentityStatusChange>>,
    _task: TaskHandle,
}

/// The working side of an open room.
pub(super) struct Model {
    pub client: Client,
    pub room: Room,
    pub tasks: Tasks,
    /// Where files of closed rooms wait.
    pub unsent: UnsentFiles,
    pub screen: Screen,
    pub list: RowList<Arc<TimelineItem>>,
    pub context: MapContext,
    pub timeline: Option<Arc<Timeline>>,
    pub composer: Composer,
    pub outcomes: mpsc::UnboundedSender<Outcome>,
    /// Rows whose answered event was asked for.
    pub asked_replies: HashSet<OwnedEventId>,
    /// People whose identity changed and was not accepted.
    pub changed_identities: HashSet<OwnedUserId>,
    /// Who types.
    pub typing: Vec<OwnedUserId>,
    /// The last event a receipt was sent for, and one that waits to be.
    pub seen: Option<OwnedEventId>,
    pub seen_due: Option<Instant>,
    /// Rows that wait for keys.
    pub keys: Waiting,
    /// The timeline does not show what the event cache holds.
    pub timeline_is_wrong: bool,
    /// How often a timeline was made: each numbers its items in a way of its own.
    pub n_timelines: u64,
    /// When the timeline was opened.
    pub opened: Option<Instant>,
    /// Rows are being fetched.
    pub paginating: bool,
    /// How many rows there were before the SDK emptied the timeline.
    pub refill_to: usize,
    /// We were seen as a member since the room was opened.
    pub was_joined: bool,
}

/// Runs until the last handle of the room is dropped.
pub(super) async fn run(start: Start) {
    let Start {
        client,
        room_id,
        media,
        tasks,
        unsent,
        rows,
        driver: mut screen,
    } = start;
    let Some(own_id) = client.user_id().map(ToOwned::to_owned) else {
        return;
    };
    let Some(room) = room_of(&client, &room_id, &mut screen).await else {
        return;
    };
    let (outcomes, outcomes_out) = mpsc::unbounded_channel();
    let context = MapContext {
        own_id,
        creators: Vec::new(),
        created: Default::default(),
        can: Can::default(),
        names: Names::default(),
        media: media.keys(),
        wanted: Default::default(),
        transfers: Default::default(),
    };
    let model = Model {
        client,
        room,
        tasks,
        unsent,
        screen,
        list: RowList::new(rows),
        context,
        timeline: None,
        composer: Composer::default(),
        outcomes,
        asked_replies: HashSet::new(),
        changed_identities: HashSet::new(),
        typing: Vec::new(),
        seen: None,
        seen_due: None,
        keys: Waiting::default(),
        timeline_is_wrong: false,
        n_timelines: 0,
        opened: None,
        paginating: false,
        refill_to: 0,
        was_joined: false,
    };
    Box::pin(model.run(outcomes_out)).await;
}

/// The room, waited for if it was only just created or joined; nothing if the screen closes before.
async fn room_of(client: &Client, room_id: &OwnedRoomId, screen: &mut Screen) -> Option<Room> {
    if let Some(room) = client.get_room(room_id) {
        return Some(room);
    }
    tokio::select! {
        room = client.await_room_remote_echo(room_id) => Some(room),
        () = async { while screen.actions.recv().await.is_some() {} } => None,
    }
}

impl Model {
    async fn run(mut self, mut outcomes: mpsc::UnboundedReceiver<Outcome>) {
        let mut info = self.room.subscribe_info();
        let (_typing_guard, mut typing) = self.room.subscribe_to_typing_notifications();
        let mut items: Option<Items> = None;
        self.refresh_rights().await;
        if self.is_joined() {
            items = self.open_timeline().await;
        }
        self.refresh_state().await;
        self.restore_draft().await;
        self.restore_files();
        let mut identities: Option<Identities> = self.watch_identities().await;
        let mut backup: Backup = Some(Box::pin(self.client.encryption().backups().state_stream()));
        loop {
            tokio::select! {
                action = self.screen.actions.recv() => match action {
                    Some(action) => self.act(action).await,
                    None => break,
                },
                diffs = next(&mut items) => {
                    let more = drain(&mut items, diffs);
                    self.take_diffs(more);
                    self.timeline_is_wrong |= self.shows_events_twice();
                }
                Some(outcome) = outcomes.recv() => {
                    if matches!(outcome, Outcome::Refilled { .. }) {
                        // What came back is shown in one piece, so take all of it first.
                        let more = drain(&mut items, Vec::new());
                        self.take_diffs(more);
                    }
                    self.take_outcome(outcome).await;
                }
                changed = info.next() => {
                    if changed.is_none() {
                        break;
                    }
                    self.refresh_rights().await;
                    if items.is_none() && self.is_joined() {
                        items = self.open_timeline().await;
                    }
                    self.refresh_state().await;
                }
                names = typing.recv() => match names {
                    Ok(users) => self.set_typing(users),
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => break,
                },
                changes = next_identities(&mut identities) => self.take_identities(changes),
                state = next(&mut backup) => {
                    // The backup's key came (recovery, another device): what waited for keys may be read now.
                    if matches!(state, Ok(BackupState::Enabled)) && self.waits_for_keys() {
                        self.ask_for_keys_anew();
                    }
                }
                () = until(self.keys.due) => self.ask_for_keys(),
                () = until(self.composer.save_due) => self.save_draft().await,
                () = until(self.composer.typing_until) => self.stop_typing(),
                () = until(self.seen_due) => self.send_receipt(),
            }
            if std::mem::take(&mut self.timeline_is_wrong) {
                items = self.open_timeline_again().await.or(items);
            }
        }
        self.close().await;
    }

    pub(super) fn is_joined(&self) -> bool {
        self.room.state() == Membership::Joined
    }

    async fn build_timeline(&mut self) -> Option<Arc<Timeline>> {
        // Rows keep their names when a timeline is made anew: its own must not be among them.
        self.n_timelines += 1;
        let opened = self
            .room
            .timeline_builder()
            .with_internal_id_prefix(format!("{}.", self.n_timelines))
            .track_read_marker_and_receipts(TimelineReadReceiptTracking::MessageLikeEvents)
            .event_filter(timeline::shows)
            .build()
            .await;
        match opened {
            Ok(timeline) => Some(Arc::new(timeline)),
            Err(error) => {
                tracing::error!(room_id = %self.room.room_id(), %error, "the timeline could not be opened");
                None
            }
        }
    }

    /// Whether an event stands in the timeline twice. The SDK's builder listens to changes before it takes what is
    /// there, so what arrives in between is taken twice, and later changes are applied in the wrong places.
    fn shows_events_twice(&self) -> bool {
        let fresh = self
            .opened
            .is_some_and(|opened| opened.elapsed() < SETTLING);
        let mut seen = HashSet::new();
        fresh
            && self
                .list
                .items()
                .filter_map(|item| {
                    item.as_event()
                        .filter(|event| !event.is_local_echo())?
                        .event_id()
                })
                .any(|event_id| !seen.insert(event_id))
    }

    /// A new timeline in place of one that is wrong; rows keep their names.
    async fn open_timeline_again(&mut self) -> Option<Items> {
        let timeline = self.build_timeline().await?;
        let (values, stream) = timeline.subscribe().await;
        tracing::debug!(room_id = %self.room.room_id(), n_items = values.len(), "timeline opened again");
        self.timeline = Some(timeline);
        let n_items = values.len();
        self.take_diffs(vec![VectorDiff::Clear, VectorDiff::Append { values }]);
        if n_items < FEW {
            self.paginate();
        }
        Some(Box::pin(stream))
    }

    async fn open_timeline(&mut self) -> Option<Items> {
        let begin = Instant::now();
        self.context.creators = self.room.creators().unwrap_or_default();
        let timeline = self.build_timeline().await?;
        let (values, stream) = timeline.subscribe().await;
        self.timeline = Some(timeline);
        let n_items = values.len();
        self.take_diffs(vec![VectorDiff::Append { values }]);
        self.opened = Some(Instant::now());
        tracing::debug!(
            room_id = %self.room.room_id(), n_items, elapsed = ?begin.elapsed(), "timeline opened"
        );
        if n_items < FEW {
            self.paginate();
        }
        Some(Box::pin(stream))
    }

    /// Watches the identities of the members in a task of its own: the SDK's stream reads the store between two
    /// items, and a stream that holds a connection of the store while nobody polls it stops everybody else.
    async fn watch_identities(&mut self) -> Option<Identities> {
        if !self.room.encryption_state().is_encrypted() {
            return None;
        }
        let stream = match self.room.subscribe_to_identity_status_changes().await {
            Ok(stream) => stream,
            Err(error) => {
                tracing::warn!(room_id = %self.room.room_id(), %error, "identities are not watched");
                return None;
            }
        };
        let (changes_in, changes) = mpsc::unbounded_channel();
        let task = self.tasks.spawn("identities", async move {
            let mut stream = pin!(stream);
            while let Some(changes) = stream.next().await {
                if changes_in.send(changes).is_err() {
                    return;
                }
            }
        });
        Some(Identities {
            changes,
            _task: task,
        })
    }

    async fn close(&mut self) {
        self.save_draft().await;
        self.put_files_away();
        if self.seen_due.is_some() {
            self.send_receipt();
        }
        self.stop_typing();
    }

    pub(super) fn effect(&self, effect: RoomEffect) {
        self.screen.effect(effect);
    }
}

/// The next of a stream that may not be there.
async fn next<T>(stream: &mut Option<Pin<Box<dyn Stream<Item = T> + Send>>>) -> T {
    if let Some(inner) = stream {
        if let Some(item) = inner.next().await {
            return item;
        }
        *stream = None;
    }
    std::future::pending().await
}

async fn next_identities(identities: &mut Option<Identities>) -> Vec<IdentityStatusChange> {
    if let Some(inner) = identities {
        if let Some(changes) = inner.changes.recv().await {
            return changes;
        }
        *identities = None;
    }
    std::future::pending().await
}

/// All batches that wait, so that the rows change once.
fn drain(
    items: &mut Option<Items>,
    mut diffs: Vec<VectorDiff<Arc<TimelineItem>>>,
) -> Vec<VectorDiff<Arc<TimelineItem>>> {
    while let Some(Some(more)) = items.as_mut().and_then(|items| items.next().now_or_never()) {
        diffs.extend(more);
        if diffs.len() > 2000 {
            break;
        }
    }
    diffs
}

async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

/// A moment from now.
pub(super) fn soon(delay: Duration) -> Option<Instant> {
    Some(Instant::now() + delay)
}

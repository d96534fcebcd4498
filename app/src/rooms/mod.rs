//! The rooms of a session: a row for each, kept up to date from the client's own room stream, whichever way it syncs.

pub mod actions;
pub mod diff;
pub(crate) mod name;
pub mod order;
pub(crate) mod preview;
pub(crate) mod row;
mod unsent_files;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use eyeball_im::VectorDiff;
use futures_util::{FutureExt as _, StreamExt as _};
use matrix_sdk::{Client, Room};
use ruma::{events::ignored_user_list::IgnoredUserListEvent, push::Ruleset};
use tokio::sync::{broadcast::error::RecvError, mpsc, oneshot, watch};

pub(crate) use self::unsent_files::UnsentFiles;
use crate::{
    ids::{OwnedRoomId, OwnedUserId, RoomId},
    runtime::{TaskHandle, Tasks},
    view::room_list::RoomRow,
};

/// Changes that come within this time are taken in together.
const GATHER: Duration = Duration::from_millis(40);
/// Rows made before the first are shown.
const FIRST_PAGE: usize = 30;

/// All rows at one moment.
#[derive(Clone, Debug, Default)]
pub struct Rooms {
    rows: Arc<BTreeMap<OwnedRoomId, RoomRow>>,
    /// Rows of all rooms the stores know are in.
    pub complete: bool,
}

impl Rooms {
    /// The rows, in no particular order.
    pub fn rows(&self) -> impl Iterator<Item = &RoomRow> {
        self.rows.values()
    }

    /// One row.
    pub fn get(&self, room_id: &RoomId) -> Option<&RoomRow> {
        self.rows.get(room_id)
    }

    /// Rows in all.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// The rooms of a session; ends when the last clone is dropped.
#[derive(Clone, Debug)]
pub struct RoomsService {
    rooms: watch::Receiver<Rooms>,
    changed: mpsc::UnboundedSender<Wish>,
    _task: Arc<TaskHandle>,
}

impl RoomsService {
    /// Starts keeping rows.
    pub(crate) fn start(client: Client, own: OwnedUserId, tasks: &Tasks) -> Self {
        let (rooms_in, rooms) = watch::channel(Rooms::default());
        let (changed, changes) = mpsc::unbounded_channel();
        let keeper = Keeper {
            client,
            rooms: rooms_in,
            rows: BTreeMap::new(),
            known: Known {
                own,
                rules: Ruleset::default(),
                ignored: BTreeSet::new(),
            },
            complete: false,
        };
        let task = tasks.spawn("rooms", keeper.run(changes));
        Self {
            rooms,
            changed,
            _task: Arc::new(task),
        }
    }

    /// All rows, and a way to wait for changes.
    pub fn rooms(&self) -> watch::Receiver<Rooms> {
        self.rooms.clone()
    }

    /// Something the SDK does not tell about changed in this room (its draft): its row is made anew.
    pub fn refresh(&self, room_id: &RoomId) {
        let _ = self.changed.send(Wish::Refresh(room_id.to_owned()));
    }

    /// Resolves once every room the SDK knows by now has its row as it is now.
    pub async fn settle(&self) {
        let (done, settled) = oneshot::channel();
        let _ = self.changed.send(Wish::Settle(done));
        let _ = settled.await;
    }
}

/// What the keeper of the rows is asked.
#[derive(Debug)]
enum Wish {
    /// Make this room's row anew.
    Refresh(OwnedRoomId),
    /// Make all rows anew, then say so.
    Settle(oneshot::Sender<()>),
}

/// What every row depends on.
struct Known {
    own: OwnedUserId,
    rules: Ruleset,
    /// People whose invites are not shown.
    ignored: BTreeSet<OwnedUserId>,
}

/// Keeps the rows.
struct Keeper {
    client: Client,
    known: Known,
    rooms: watch::Sender<Rooms>,
    rows: BTreeMap<OwnedRoomId, RoomRow>,
    complete: bool,
}

impl Keeper {
    async fn run(mut self, mut changes: mpsc::UnboundedReceiver<Wish>) {
        let client = self.client.clone();
        let mut notable = client.room_info_notable_update_receiver();
        let push_rules = client.observe_events::<ruma::events::push_rules::PushRulesEvent, ()>();
        let mut push_rules = push_rules.subscribe();
        let ignored = client.observe_events::<IgnoredUserListEvent, ()>();
        let mut ignored = ignored.subscribe();
        let (known, stream) = client.rooms_stream();
        futures_util::pin_mut!(stream);
        self.load_rules().await;
        self.load_ignored().await;
        self.load(newest_first(known.iter().cloned().collect()))
            .await;
        let mut stale = BTreeSet::new();
        loop {
            let all = tokio::select! {
                diffs = stream.next() => match diffs {
                    Some(diffs) => note(&mut stale, diffs),
                    None => return,
                },
                update = notable.recv() => match update {
                    Ok(update) => { stale.insert(update.room_id); false }
                    Err(RecvError::Lagged(_)) => true,
                    Err(RecvError::Closed) => return,
                },
                wish = changes.recv() => match wish {
                    Some(Wish::Refresh(room_id)) => { stale.insert(room_id); false }
                    Some(Wish::Settle(done)) => {
                        stale.extend(client.rooms().iter().map(|room| room.room_id().to_owned()));
                        self.take_in(std::mem::take(&mut stale)).await;
                        let _ = done.send(());
                        false
                    }
                    None => return,
                },
                Some(_) = push_rules.next() => {
                    self.load_rules().await;
                    true
                }
                Some(_) = ignored.next() => {
                    self.load_ignored().await;
                    true
                }
                () = tokio::time::sleep(GATHER), if !stale.is_empty() => {
                    self.take_in(std::mem::take(&mut stale)).await;
                    false
                }
            };
            if all {
                stale.extend(client.rooms().iter().map(|room| room.room_id().to_owned()));
            }
            // More of the same that is there already joins in, but never delays for long.
            if stale.len() > FIRST_PAGE {
                while let Some(Some(diffs)) = stream.next().now_or_never() {
                    note(&mut stale, diffs);
                }
                self.take_in(std::mem::take(&mut stale)).await;
            }
        }
    }

    async fn load_rules(&mut self) {
        if let Ok(rules) = self.client.account().push_rules().await {
            self.known.rules = rules;
        }
    }

    async fn load_ignored(&mut self) {
        if let Ok(ignored) = actions::ignored_by(&self.client).await {
            self.known.ignored = ignored.into_iter().collect();
        }
    }

    /// The rooms the stores know: the newest first, so that the first screen is there at once.
    async fn load(&mut self, rooms: Vec<Room>) {
        for (n, room) in rooms.iter().enumerate() {
            if n == FIRST_PAGE {
                self.publish();
            }
            self.make(room).await;
        }
        self.complete = true;
        self.publish();
    }

    async fn take_in(&mut self, stale: BTreeSet<OwnedRoomId>) {
        let mut differs = false;
        for room_id in stale {
            differs |= match self.client.get_room(&room_id) {
                Some(room) => self.make(&room).await,
                None => self.rows.remove(&room_id).is_some(),
            };
        }
        if differs {
            self.publish();
        }
    }

    /// Makes a row anew; says whether it differs.
    async fn make(&mut self, room: &Room) -> bool {
        match row::row(room, &self.known).await {
            Some(row) if self.rows.get(room.room_id()) == Some(&row) => false,
            Some(row) => {
                self.rows.insert(row.room_id.clone(), row);
                true
            }
            None => self.rows.remove(room.room_id()).is_some(),
        }
    }

    fn publish(&self) {
        self.rooms.send_replace(Rooms {
            rows: Arc::new(self.rows.clone()),
            complete: self.complete,
        });
    }
}

fn newest_first(mut rooms: Vec<Room>) -> Vec<Room> {
    rooms.sort_by_cached_key(|room| std::cmp::Reverse(room.latest_event_timestamp()));
    rooms
}

/// Notes which rooms a change of the client's list is about; true if it is about all.
fn note(stale: &mut BTreeSet<OwnedRoomId>, diffs: Vec<VectorDiff<Room>>) -> bool {
    let mut all = false;
    let mut add = |room: &Room| {
        stale.insert(room.room_id().to_owned());
    };
    for diff in diffs {
        match diff {
            VectorDiff::Append { values } | VectorDiff::Reset { values } => {
                values.iter().for_each(&mut add)
            }
            VectorDiff::PushFront { value }
            | VectorDiff::PushBack { value }
            | VectorDiff::Insert { value, .. }
            | VectorDiff::Set { value, .. } => add(&value),
            VectorDiff::Clear
            | VectorDiff::PopFront
            | VectorDiff::PopBack
            | VectorDiff::Remove { .. }
            | VectorDiff::Truncate { .. } => all = true,
        }
    }
    all
}

//! The view model of a room's details; it works until the last handle is dropped.

use std::{path::PathBuf, time::Duration};

use eyeball_im::{Vector, VectorDiff};
use futures_util::Stream;
use matrix_sdk::{Client, Room, notification_settings::RoomNotificationMode};
use ruma::events::{
    MessageLikeEventType, StateEventType,
    room::{member::SyncRoomMemberEvent, power_levels::SyncRoomPowerLevelsEvent},
};
use tokio::{
    sync::{broadcast, mpsc, watch},
    time::{Instant, sleep_until},
};

use super::{
    MemberRow, Permissions, RoomDetailsAction as Action, RoomDetailsEffect as Effect,
    RoomDetailsState, RoomNotify,
    members::{self, MemberRows},
};
use crate::{
    failure::{self, Doing},
    ids::{OwnedRoomId, OwnedUserId, UserId},
    media::{Attachment, MediaError, max_upload_size},
    notice::Notice,
    rooms::{name::name, row::avatar},
    runtime::Tasks,
    session::Session,
    view::{
        Pending,
        handle::{self, Driver, Handle},
    },
};

/// Changes of members that come within this time are taken in together.
const GATHER: Duration = Duration::from_millis(300);

/// A room's details. Cheap to clone.
#[derive(Clone)]
pub struct RoomDetailsViewModel {
    handle: Handle<RoomDetailsState, Action, Effect>,
    rows: MemberRows,
}

impl std::fmt::Debug for RoomDetailsViewModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RoomDetailsViewModel")
            .finish_non_exhaustive()
    }
}

impl RoomDetailsViewModel {
    /// Shows the details of a room of a session; nothing if the room is not known.
    pub fn open(session: &Session, room_id: OwnedRoomId) -> Option<Self> {
        Self::begin(session.client().clone(), session.tasks(), &room_id)
    }

    pub(crate) fn begin(client: Client, tasks: &Tasks, room_id: &OwnedRoomId) -> Option<Self> {
        let _guard = tasks.runtime().enter();
        let room = client.get_room(room_id)?;
        let own_id = client.user_id()?.to_owned();
        let (handle, driver) = handle::pair(first_state(&room));
        let rows = MemberRows::default();
        let (outcomes, outcomes_out) = mpsc::unbounded_channel();
        let model = Model {
            client,
            room,
            own_id,
            tasks: tasks.clone(),
            screen: driver,
            rows: rows.clone(),
            members: Vec::new(),
            typed: String::new(),
            outcomes,
        };
        tasks.detach("room-details", model.run(outcomes_out));
        Some(Self { handle, rows })
    }

    /// What is around the members.
    pub fn state(&self) -> watch::Receiver<RoomDetailsState> {
        self.handle.state()
    }

    /// The members now, and batches of changes from now on.
    pub fn rows(
        &self,
    ) -> (
        Vector<MemberRow>,
        impl Stream<Item = Vec<VectorDiff<MemberRow>>> + Unpin + Send + use<>,
    ) {
        self.rows.subscribe()
    }

    /// One-shot effects.
    pub fn effects(&self) -> broadcast::Receiver<Effect> {
        self.handle.effects()
    }

    /// Hands an action over; never blocks, never fails.
    pub fn send(&self, action: Action) {
        self.handle.send(action);
    }
}

fn first_state(room: &Room) -> RoomDetailsState {
    let name = crate::rooms::name::known_name(room);
    RoomDetailsState {
        room_id: room.room_id().to_owned(),
        topic: crate::rooms::row::topic(room),
        avatar: avatar(room, false, &name),
        name,
        alias: room.canonical_alias().map(|alias| alias.to_string()),
        encrypted: room.encryption_state().is_encrypted(),
        direct: false,
        public: room.is_public().unwrap_or(false),
        member_count: room.joined_members_count(),
        members_loading: true,
        can: Permissions::default(),
        notify: RoomNotify::Default,
        pending: Pending::Idle,
    }
}

/// What a job came to.
enum Outcome {
    /// Members, and whether these are all.
    Members(Vec<MemberRow>, bool),
    Done(Result<(), Notice>),
    Left(Result<(), Notice>),
}

struct Model {
    client: Client,
    room: Room,
    own_id: OwnedUserId,
    tasks: Tasks,
    screen: Driver<RoomDetailsState, Action, Effect>,
    rows: MemberRows,
    members: Vec<MemberRow>,
    typed: String,
    outcomes: mpsc::UnboundedSender<Outcome>,
}

impl Model {
    async fn run(mut self, mut outcomes: mpsc::UnboundedReceiver<Outcome>) {
        let mut info = self.room.subscribe_info();
        let (changed_in, mut changed) = mpsc::unbounded_channel();
        let _guards = self.watch_members(changed_in);
        let mut reload_at: Option<Instant> = None;
        self.refresh().await;
        self.load(false);
        self.load(true);
        loop {
            tokio::select! {
                action = self.screen.actions.recv() => match action {
                    Some(action) => self.act(action),
                    None => return,
                },
                Some(outcome) = outcomes.recv() => self.take(outcome).await,
                update = info.next() => {
                    if update.is_none() {
                        return;
                    }
                    self.refresh().await;
                }
                Some(()) = changed.recv() => {
                    reload_at.get_or_insert_with(|| Instant::now() + GATHER);
                }
                () = until(reload_at) => {
                    reload_at = None;
                    self.load(false);
                }
            }
        }
    }

    fn watch_members(
        &self,
        changed: mpsc::UnboundedSender<()>,
    ) -> [matrix_sdk::event_handler::EventHandlerDropGuard; 2] {
        let tell = |sender: mpsc::UnboundedSender<()>| {
            move || {
                let _ = sender.send(());
                std::future::ready(())
            }
        };
        let (member, levels) = (tell(changed.clone()), tell(changed));
        let handles = [
            self.room
                .add_event_handler(move |_: SyncRoomMemberEvent| member()),
            self.room
                .add_event_handler(move |_: SyncRoomPowerLevelsEvent| levels()),
        ];
        handles.map(|handle| self.client.event_handler_drop_guard(handle))
    }

    async fn refresh(&mut self) {
        let room = self.room.clone();
        let name = name(&room).await;
        let direct = room.is_direct().await.unwrap_or(false);
        let can = self.permissions().await;
        let notify = match room.user_defined_notification_mode().await {
            None => RoomNotify::Default,
            Some(RoomNotificationMode::AllMessages) => RoomNotify::All,
            Some(RoomNotificationMode::MentionsAndKeywordsOnly) => RoomNotify::Mentions,
            Some(RoomNotificationMode::Mute) => RoomNotify::Mute,
        };
        self.screen.update(|state| {
            state.avatar = avatar(&room, direct, &name);
            state.name = name;
            state.topic = crate::rooms::row::topic(&room);
            state.alias = room.canonical_alias().map(|alias| alias.to_string());
            state.encrypted = room.encryption_state().is_encrypted();
            state.direct = direct;
            state.public = room.is_public().unwrap_or(false);
            state.member_count = room.joined_members_count();
            state.can = can;
            state.notify = notify;
        });
    }

    async fn permissions(&self) -> Permissions {
        if self.room.state() != matrix_sdk::RoomState::Joined {
            return Permissions::default();
        }
        let levels = self.room.power_levels_or_default().await;
        let own = &*self.own_id;
        Permissions {
            send: levels.user_can_send_message(own, MessageLikeEventType::RoomMessage),
            invite: levels.user_can_invite(own),
            kick: levels.user_can_kick(own),
            ban: levels.user_can_ban(own),
            redact_others: levels.user_can_redact_event_of_other(own),
            change_name: levels.user_can_send_state(own, StateEventType::RoomName),
            encrypt: levels.user_can_send_state(own, StateEventType::RoomEncryption),
        }
    }

    fn load(&self, sync: bool) {
        let (client, room, outcomes) = (
            self.client.clone(),
            self.room.clone(),
            self.outcomes.clone(),
        );
        let complete = sync || room.are_members_synced();
        self.tasks.detach("members", async move {
            match members::load(&client, &room, sync).await {
                Ok(rows) => drop(outcomes.send(Outcome::Members(rows, complete))),
                Err(error) => {
                    tracing::debug!(room_id = %room.room_id(), %error, "members could not be had");
                    let _ = outcomes.send(Outcome::Members(Vec::new(), true));
                }
            }
        });
    }

    async fn take(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Members(rows, complete) => {
                // A failure must not empty what is shown, nor a slow read undo a newer one.
                if !rows.is_empty() && (complete || rows.len() >= self.members.len()) {
                    self.members = rows;
                    self.rows.show(&members::filter(&self.members, &self.typed));
                }
                if complete {
                    self.screen.update(|state| state.members_loading = false);
                }
            }
            Outcome::Done(Ok(())) => {
                self.screen.update(|state| state.pending = Pending::Idle);
                self.refresh().await;
            }
            Outcome::Done(Err(notice)) | Outcome::Left(Err(notice)) => {
                self.screen
                    .update(|state| state.pending = Pending::Failed(notice.clone()));
                self.screen.effect(Effect::Toast(notice));
            }
            Outcome::Left(Ok(())) => {
                self.screen.update(|state| state.pending = Pending::Idle);
                self.screen.effect(Effect::Left);
            }
        }
    }

    fn act(&mut self, action: Action) {
        let (client, room) = (self.client.clone(), self.room.clone());
        match action {
            Action::SearchMembers(typed) => {
                self.typed = typed;
                self.rows.show(&members::filter(&self.members, &self.typed));
            }
            Action::SetName(name) => {
                self.job(async move { room.set_name(name).await.map(drop).map_err(of_sdk) })
            }
            Action::SetTopic(topic) => {
                self.job(async move { room.set_room_topic(&topic).await.map(drop).map_err(of_sdk) })
            }
            Action::SetAvatar { path } => self.job(set_avatar(client, room, path)),
            Action::Invite { user } => self.job(invite(room, user)),
            Action::Kick { user_id, reason } => self.job(async move {
                room.kick_user(&user_id, given(&reason))
                    .await
                    .map_err(of_sdk)
            }),
            Action::Ban { user_id, reason } => self.job(async move {
                room.ban_user(&user_id, given(&reason))
                    .await
                    .map_err(of_sdk)
            }),
            Action::Ignore { user_id, on } => self.ignore(user_id, on),
            Action::SetNotify(notify) => self.job(set_notify(client, room, notify)),
            Action::EnableEncryption => {
                self.job(async move { room.enable_encryption().await.map_err(of_sdk) })
            }
            Action::Leave => {
                let outcomes = self.outcomes.clone();
                self.screen.update(|state| state.pending = Pending::Busy);
                self.tasks.detach("leave", async move {
                    let _ = outcomes.send(Outcome::Left(room.leave().await.map_err(of_sdk)));
                });
            }
        }
    }

    fn ignore(&self, user_id: OwnedUserId, on: bool) {
        let client = self.client.clone();
        let (outcomes, rows) = (self.outcomes.clone(), self.members.clone());
        let complete = self.room.are_members_synced();
        self.job(async move {
            let account = client.account();
            let result = if on {
                account.ignore_user(&user_id).await
            } else {
                account.unignore_user(&user_id).await
            };
            result.map_err(of_sdk)?;
            let mut rows = rows;
            for row in rows.iter_mut().filter(|row| row.user_id == user_id) {
                row.ignored = on;
            }
            let _ = outcomes.send(Outcome::Members(rows, complete));
            Ok(())
        });
    }

    fn job(&self, future: impl Future<Output = Result<(), Notice>> + Send + 'static) {
        self.screen.update(|state| state.pending = Pending::Busy);
        let outcomes = self.outcomes.clone();
        self.tasks.detach("room-change", async move {
            let _ = outcomes.send(Outcome::Done(future.await));
        });
    }
}

async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

fn of_sdk(error: matrix_sdk::Error) -> Notice {
    failure::of_sdk(&error, Doing::InRoom)
}

fn given(reason: &str) -> Option<&str> {
    Some(reason.trim()).filter(|reason| !reason.is_empty())
}

async fn invite(room: Room, user: String) -> Result<(), Notice> {
    let user = user.trim();
    let user_id = UserId::parse(user).map_err(|_| Notice::NotAnAddress {
        text: user.to_owned(),
    })?;
    room.invite_user_by_id(&user_id)
        .await
        .map_err(|error| failure::of_sdk(&error, Doing::WithUser(user_id.as_str())))
}

async fn set_avatar(client: Client, room: Room, path: PathBuf) -> Result<(), Notice> {
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let told = |error: MediaError| error.notice(&name);
    let file = Attachment::read(&path, max_upload_size(&client).await)
        .await
        .map_err(told)?;
    if file.chip.is_none() {
        return Err(Notice::FileUnreadable { name: file.name });
    }
    let uploaded = client
        .media()
        .upload(&file.mime, file.bytes.to_vec(), None)
        .await;
    let uri = uploaded
        .map_err(|error| failure::of_sdk(&error, Doing::InRoom))?
        .content_uri;
    room.set_avatar_url(&uri, None)
        .await
        .map(drop)
        .map_err(of_sdk)
}

async fn set_notify(client: Client, room: Room, notify: RoomNotify) -> Result<(), Notice> {
    let settings = client.notification_settings().await;
    let mode = match notify {
        RoomNotify::Default => None,
        RoomNotify::All => Some(RoomNotificationMode::AllMessages),
        RoomNotify::Mentions => Some(RoomNotificationMode::MentionsAndKeywordsOnly),
        RoomNotify::Mute => Some(RoomNotificationMode::Mute),
    };
    let changed = match mode {
        Some(mode) => {
            settings
                .set_room_notification_mode(room.room_id(), mode)
                .await
        }
        None => {
            settings
                .delete_user_defined_room_rules(room.room_id())
                .await
        }
    };
    changed.map_err(|error| failure::of_any(&error))
}

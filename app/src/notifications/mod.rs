//! Notifications: a message in a room that is not in front is shown by the desktop, and taken away once it is read.

pub(crate) mod calls;
mod content;
mod words;

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hardline_platform::notify::NotificationEvent;
use matrix_sdk::{Room, sync::Notification};
use ruma::MilliSecondsSinceUnixEpoch;
use tokio::sync::{broadcast, mpsc};

use crate::{
    core::Shared,
    ids::{OwnedRoomId, RoomId},
    rooms::Rooms,
    session::{Session, SessionState},
    view::{
        settings::{NOTIFICATIONS, Notifications},
        shell::ShellEffect,
    },
};

/// Before the first answer of a run is taken in, older messages than this were seen elsewhere or missed for good.
const FRESH: Duration = Duration::from_secs(15 * 60);

/// Starts following the session.
pub(crate) fn start(shared: &Shared, frame: broadcast::Sender<ShellEffect>) {
    let service = Service {
        shared: shared.clone(),
        shown: Shown::default(),
    };
    shared
        .tasks
        .detach("notifications", service.clone().follow());
    shared
        .tasks
        .detach("notification-events", service.listen(frame));
}

/// Rooms whose notification is on screen.
type Shown = Arc<Mutex<HashSet<OwnedRoomId>>>;

#[derive(Clone)]
struct Service {
    shared: Shared,
    shown: Shown,
}

impl Service {
    async fn follow(self) {
        let mut sessions = self.shared.sessions.state();
        loop {
            let session = match &*sessions.borrow_and_update() {
                SessionState::Ready(session) => Some(session.clone()),
                _ => None,
            };
            let changed = match session {
                Some(session) => tokio::select! {
                    () = self.follow_session(session) => sessions.changed().await,
                    changed = sessions.changed() => changed,
                },
                None => sessions.changed().await,
            };
            self.take_all_away().await;
            if changed.is_err() {
                return;
            }
        }
    }

    async fn follow_session(&self, session: Session) {
        let (arrived, mut arrivals) = mpsc::unbounded_channel::<(Notification, Room)>();
        session
            .client()
            .register_notification_handler(move |notification, room, _client| {
                let arrived = arrived.clone();
                async move {
                    let _ = arrived.send((notification, room));
                }
            })
            .await;
        let mut rooms = session.rooms().rooms();
        let mut active = self.shared.window_active.subscribe();
        loop {
            tokio::select! {
                arrival = arrivals.recv() => match arrival {
                    Some((notification, room)) => self.show(&session, &notification, &room).await,
                    None => return,
                },
                changed = rooms.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let now = rooms.borrow_and_update().clone();
                    self.take_read_away(&now).await;
                }
                changed = active.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    self.take_front_away(&session).await;
                }
            }
        }
    }

    async fn show(&self, session: &Session, notification: &Notification, room: &Room) {
        let wanted: Notifications = self.shared.store.setting(NOTIFICATIONS).unwrap_or_default();
        if !wanted.enabled || self.is_in_front(session, room.room_id()) {
            return;
        }
        let Some(arrived) = content::read(notification, room).await else {
            return;
        };
        if arrived.sender == session.user_id() || !is_news(session, arrived.timestamp) {
            return;
        }
        let shown = content::compose(&arrived, room, &wanted);
        match self.shared.platform.notifier.show(shown).await {
            Ok(()) => drop(self.shown().insert(room.room_id().to_owned())),
            Err(error) => tracing::info!(%error, "no notification was shown"),
        }
    }

    /// A room that is looked at right now needs no notification.
    fn is_in_front(&self, session: &Session, room_id: &RoomId) -> bool {
        *self.shared.window_active.borrow() && session.sync().is_open(room_id)
    }

    async fn take_read_away(&self, rooms: &Rooms) {
        let unread = |room_id: &OwnedRoomId| {
            rooms
                .get(room_id)
                .is_some_and(|row| row.unread > 0 || crate::rooms::order::is_invite(row))
        };
        let read: Vec<_> = self
            .shown()
            .iter()
            .filter(|room_id| !unread(room_id))
            .cloned()
            .collect();
        for room_id in read {
            self.take_away(&room_id).await;
        }
    }

    async fn take_front_away(&self, session: &Session) {
        let front: Vec<_> = self
            .shown()
            .iter()
            .filter(|room_id| self.is_in_front(session, room_id))
            .cloned()
            .collect();
        for room_id in front {
            self.take_away(&room_id).await;
        }
    }

    async fn take_all_away(&self) {
        let all: Vec<_> = self.shown().iter().cloned().collect();
        for room_id in all {
            self.take_away(&room_id).await;
        }
    }

    async fn take_away(&self, room_id: &RoomId) {
        self.shown().remove(room_id);
        if let Err(error) = self.shared.platform.notifier.close(room_id.as_str()).await {
            tracing::info!(%error, "a notification stays");
        }
    }

    /// What the person does with notifications.
    async fn listen(self, frame: broadcast::Sender<ShellEffect>) {
        let mut events = self.shared.platform.notifier.events();
        loop {
            match events.recv().await {
                Ok(
                    NotificationEvent::Activated { tag, .. }
                    | NotificationEvent::Action { tag, .. },
                ) => {
                    if let Ok(room_id) = RoomId::parse(tag) {
                        self.shown().remove(&room_id);
                        let _ = frame.send(ShellEffect::OpenRoom(room_id));
                    }
                }
                Ok(NotificationEvent::Closed { tag }) => {
                    self.shown().retain(|room_id| room_id.as_str() != tag);
                }
                Ok(NotificationEvent::Replied { .. })
                | Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return,
            }
        }
    }

    fn shown(&self) -> std::sync::MutexGuard<'_, HashSet<OwnedRoomId>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Not part of what piled up before this run, nor of what was said before the person signed in here.
fn is_news(session: &Session, timestamp: Option<MilliSecondsSinceUnixEpoch>) -> bool {
    let caught_up = session.sync().state().borrow().caught_up;
    let age = timestamp
        .and_then(|timestamp| timestamp.to_system_time())
        .and_then(|time| time.elapsed().ok());
    caught_up || (!session.is_new() && age.is_none_or(|age| age < FRESH))
}

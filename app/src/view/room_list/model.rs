//! The view model of the list of rooms.

use std::sync::{Arc, Mutex, PoisonError};

use eyeball_im::{ObservableVector, Vector, VectorDiff};
use futures_util::Stream;
use tokio::sync::watch;

use super::{RoomListAction, RoomListEffect, RoomListState, RoomRow};
use crate::{
    core::Shared,
    rooms::{Rooms, actions, diff, order},
    session::{Session, SessionState},
    view::handle::{self, Driver, Handle},
};

type Rows = Arc<Mutex<ObservableVector<RoomRow>>>;

/// The list of rooms. Cheap to clone.
#[derive(Clone)]
pub struct RoomListViewModel {
    handle: Handle<RoomListState, RoomListAction, RoomListEffect>,
    rows: Rows,
}

impl std::ops::Deref for RoomListViewModel {
    type Target = Handle<RoomListState, RoomListAction, RoomListEffect>;

    fn deref(&self) -> &Self::Target {
        &self.handle
    }
}

impl RoomListViewModel {
    /// The rows now, and batches of changes from then on.
    pub fn rows(
        &self,
    ) -> (
        Vector<RoomRow>,
        impl Stream<Item = Vec<VectorDiff<RoomRow>>> + use<>,
    ) {
        let rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        rows.subscribe().into_values_and_batched_stream()
    }

    pub(crate) fn start(shared: &Shared) -> Self {
        let (handle, driver) = handle::pair(RoomListState {
            loading: true,
            ..RoomListState::default()
        });
        let rows = Rows::default();
        let model = Model {
            shared: shared.clone(),
            driver,
            rows: rows.clone(),
            shown: Vec::new(),
        };
        shared.tasks.detach("room-list", model.run());
        Self { handle, rows }
    }
}

struct Model {
    shared: Shared,
    driver: Driver<RoomListState, RoomListAction, RoomListEffect>,
    rows: Rows,
    /// Ids in the order shown, for [`RoomListAction::Visible`].
    shown: Vec<crate::ids::OwnedRoomId>,
}

impl Model {
    async fn run(mut self) {
        let mut sessions = self.shared.sessions.state();
        loop {
            let session = match &*sessions.borrow_and_update() {
                SessionState::Ready(session) => Some(session.clone()),
                _ => None,
            };
            let ended = match session {
                Some(session) => self.follow(session, &mut sessions).await,
                None => {
                    self.show(&Rooms::default());
                    self.wait(&mut sessions).await
                }
            };
            if ended {
                return;
            }
        }
    }

    /// Nobody is signed in: only filter and search can change. True if the program ends.
    async fn wait(&mut self, sessions: &mut watch::Receiver<SessionState>) -> bool {
        loop {
            tokio::select! {
                changed = sessions.changed() => return changed.is_err(),
                action = self.driver.actions.recv() => match action {
                    Some(action) => self.settle(&action),
                    None => return true,
                },
            }
        }
    }

    /// Shows the rooms of a session until it changes. True if the program ends.
    async fn follow(
        &mut self,
        session: Session,
        sessions: &mut watch::Receiver<SessionState>,
    ) -> bool {
        let mut rooms = session.rooms().rooms();
        let mut sync = session.sync().state();
        loop {
            let now = rooms.borrow_and_update().clone();
            let caught_up = sync.borrow_and_update().caught_up;
            self.show(&now);
            let loading = now.is_empty() && !caught_up;
            self.driver.update(|state| state.loading = loading);
            tokio::select! {
                changed = rooms.changed() => if changed.is_err() { return false },
                changed = sync.changed() => if changed.is_err() { return false },
                changed = sessions.changed() => return changed.is_err(),
                action = self.driver.actions.recv() => match action {
                    Some(action) => {
                        self.settle(&action);
                        self.act(&session, action);
                    }
                    None => return true,
                },
            }
        }
    }

    fn show(&mut self, rooms: &Rooms) {
        let (filter, search) = {
            let state = self.driver.state.borrow();
            (state.filter, state.search.clone())
        };
        let order::Selection {
            rows: wanted,
            folded,
        } = order::select(rooms.rows(), filter, &search);
        self.shown = wanted.iter().map(|row| row.room_id.clone()).collect();
        diff::apply(
            &mut self.rows.lock().unwrap_or_else(PoisonError::into_inner),
            wanted,
        );
        let invites = rooms.rows().filter(|row| order::is_invite(row)).count();
        self.driver.update(|state| {
            state.total = rooms.len();
            state.invites = invites;
            state.folded_invites = folded;
        });
    }

    fn settle(&self, action: &RoomListAction) {
        match action {
            RoomListAction::SetFilter(filter) => self.driver.update(|state| state.filter = *filter),
            RoomListAction::Search(text) => {
                self.driver.update(|state| state.search.clone_from(text))
            }
            _ => {}
        }
    }

    fn act(&self, session: &Session, action: RoomListAction) {
        if let RoomListAction::Visible { first, last } = action {
            let last = last.saturating_add(1).min(self.shown.len());
            let visible = self.shown.get(first.min(last)..last).unwrap_or_default();
            session.sync().set_visible(visible.to_vec());
            return;
        }
        let (session, effects) = (session.clone(), self.driver.effects.clone());
        self.shared.tasks.detach("room-action", async move {
            match perform(&session, action).await {
                Ok(Some(effect)) => drop(effects.send(effect)),
                Ok(None) => {}
                Err(error) => drop(effects.send(RoomListEffect::Toast(error.notice()))),
            }
        });
    }
}

async fn perform(
    session: &Session,
    action: RoomListAction,
) -> Result<Option<RoomListEffect>, actions::RoomError> {
    match action {
        RoomListAction::Accept(room_id) => {
            actions::accept(session, &room_id).await?;
            return Ok(Some(RoomListEffect::Open(room_id)));
        }
        RoomListAction::Decline {
            room_id,
            ignore_inviter,
        } => {
            actions::decline(session, &room_id, ignore_inviter).await?;
        }
        RoomListAction::DeclineAll => actions::decline_all(session).await?,
        RoomListAction::Leave(room_id) => actions::leave(session, &room_id).await?,
        RoomListAction::MarkUnread { room_id, unread } => {
            actions::mark_unread(session, &room_id, unread).await?;
        }
        RoomListAction::Favourite { room_id, on } => {
            actions::favourite(session, &room_id, on).await?;
        }
        RoomListAction::Mute { room_id, on } => actions::mute(session, &room_id, on).await?,
        RoomListAction::SetFilter(_)
        | RoomListAction::Search(_)
        | RoomListAction::Visible { .. } => {}
    }
    Ok(None)
}

//! The view model of calls: looks at the call service, names people, and hands on what is to be done.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use matrix_sdk::RoomState;
use tokio::sync::{broadcast, broadcast::error::RecvError, watch};

use super::{
    CallAction, CallEffect, CallRow, CallsState, EndedRow, Quality,
    history::{HistoryRow, LISTED},
    who,
};
use crate::{
    calls::{
        Call, CallKey, CallNews, CallOptions, Calls, CallsService, Direction, EndReason, EndedCall,
        Others, Refusal, Stage, Statistics,
    },
    core::Shared,
    ids::{OwnedRoomId, OwnedUserId, RoomId},
    notice::Notice,
    rooms::Rooms,
    session::{Session, SessionState},
    store::Store,
    view::handle::{self, Driver, Handle},
};

/// Calls. Cheap to clone.
pub type CallsViewModel = Handle<CallsState, CallAction, CallEffect>;

/// When the calls of the past were last looked at, in milliseconds since 1970.
const SEEN: &str = "calls-seen";

pub(crate) fn start(shared: &Shared, calls: &CallsService) -> CallsViewModel {
    let (handle, driver) = handle::pair(CallsState::default());
    let model = Model {
        news: calls.news(),
        calls: calls.clone(),
        sessions: shared.sessions.state(),
        store: shared.store.clone(),
        taken: BTreeSet::new(),
        heard: BTreeMap::new(),
        driver,
    };
    shared.tasks.detach("calls-view", model.run());
    handle
}

struct Model {
    driver: Driver<CallsState, CallAction, CallEffect>,
    calls: CallsService,
    news: broadcast::Receiver<CallNews>,
    sessions: watch::Receiver<SessionState>,
    store: Store,
    /// Calls that were taken here, or placed.
    taken: BTreeSet<CallKey>,
    /// What was counted last of each call, and what it said of its quality.
    heard: BTreeMap<CallKey, (Statistics, Quality)>,
}

impl Model {
    async fn run(mut self) {
        loop {
            let session = match &*self.sessions.borrow_and_update() {
                SessionState::Ready(session) => Some(session.clone()),
                _ => None,
            };
            let goes_on = match session {
                Some(session) => self.follow(&session).await,
                None => self.sessions.changed().await.is_ok(),
            };
            self.heard.clear();
            self.taken.clear();
            // What was wanted while nobody was signed in is not wanted later.
            while self.driver.actions.try_recv().is_ok() {}
            self.driver.update(|state| *state = CallsState::default());
            if !goes_on {
                return;
            }
        }
    }

    /// Shows the calls of a session until it ends; false if the program does.
    async fn follow(&mut self, session: &Session) -> bool {
        let mut calls = self.calls.calls();
        let mut rooms = session.rooms().rooms();
        let mut devices = self.calls.devices();
        let mut named = false;
        calls.mark_changed();
        devices.mark_changed();
        loop {
            tokio::select! {
                biased;
                changed = self.sessions.changed() => return changed.is_ok(),
                action = self.driver.actions.recv() => match action {
                    Some(CallAction::HistorySeen) => {
                        let rooms = rooms.borrow().clone();
                        self.see_history(session, &rooms).await;
                    }
                    Some(action) => self.act(session, action),
                    None => return false,
                },
                changed = calls.changed() => {
                    if changed.is_err() {
                        return false;
                    }
                    let now = calls.borrow_and_update().clone();
                    let rooms = rooms.borrow().clone();
                    self.show(session, &rooms, &now).await;
                }
                changed = devices.changed() => {
                    if changed.is_err() {
                        return false;
                    }
                    let now = devices.borrow_and_update().clone();
                    self.driver.update(|state| state.devices = now);
                }
                changed = rooms.changed() => {
                    if changed.is_err() {
                        return true;
                    }
                    let rooms = rooms.borrow_and_update().clone();
                    if !named && rooms.complete {
                        named = true;
                        self.list_history(session, &rooms).await;
                    }
                    let now = calls.borrow().clone();
                    if !now.is_empty() {
                        self.show(session, &rooms, &now).await;
                    }
                }
                news = self.news.recv() => match news {
                    Ok(news) => {
                        let rooms = rooms.borrow().clone();
                        self.on_news(session, &rooms, news).await;
                    }
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return false,
                },
            }
        }
    }

    async fn show(&mut self, session: &Session, rooms: &Rooms, calls: &Calls) {
        self.heard
            .retain(|key, _| calls.iter().any(|call| call.key == *key));
        let mut rows = Vec::new();
        // One that does not ring is nobody's business.
        for call in calls.iter().filter(|call| call.stage != Stage::Silent) {
            if call.stage != Stage::Ringing {
                self.taken.insert(call.key.clone());
            }
            rows.push(self.row(session, rooms, call).await);
        }
        rows.sort_by_key(place);
        self.driver.update(|state| {
            if !rows.is_empty() && state.calls.is_empty() {
                state.ended = None;
            }
            state.calls = rows;
        });
    }

    async fn row(&mut self, session: &Session, rooms: &Rooms, call: &Call) -> CallRow {
        let room = session.client().get_room(&call.key.room_id);
        CallRow {
            key: call.key.clone(),
            who: who::of(session, rooms, &call.key.room_id, call.peer.as_ref()).await,
            direction: call.direction,
            stage: call.stage,
            encrypted: room.is_some_and(|room| room.encryption_state().is_encrypted()),
            muted: call.muted,
            held: call.held,
            peer_muted: call.peer_muted,
            peer_holds: call.peer_holds,
            connected_since: call.connected_since,
            trouble: call.faults.last().cloned(),
            quality: self.quality(call),
        }
    }

    fn quality(&mut self, call: &Call) -> Quality {
        let (Some(now), Stage::Connected) = (call.statistics, call.stage) else {
            return Quality::Unknown;
        };
        let known = self.heard.get(&call.key).copied();
        let quality = match known {
            Some((before, quality)) if before == now => quality,
            Some((before, _)) => Quality::between(&before, &now),
            None => Quality::Unknown,
        };
        self.heard.insert(call.key.clone(), (now, quality));
        quality
    }

    async fn on_news(&mut self, session: &Session, rooms: &Rooms, news: CallNews) {
        match news {
            CallNews::Ended(ended) => {
                if ended.is_of_interest() {
                    self.list_history(session, rooms).await;
                }
                self.on_ended(session, rooms, *ended).await;
            }
            CallNews::Refused { why, .. } => {
                if let Some(notice) = notice(why) {
                    self.driver.effect(CallEffect::Toast(notice));
                }
            }
            CallNews::SessionEnded => {}
        }
    }

    async fn on_ended(&mut self, session: &Session, rooms: &Rooms, ended: EndedCall) {
        let taken = self.taken.remove(&ended.key)
            || ended.direction == Direction::Outgoing
            || ended.connected_for.is_some();
        let (room_id, peer) = (ended.key.room_id.clone(), ended.peer.clone());
        let goes_on = matches!(ended.reason, EndReason::Replaced(_));
        if !(taken || ended.missed) || goes_on {
            return;
        }
        let who = who::of(session, rooms, &room_id, peer.as_ref()).await;
        if !taken {
            let missed = CallEffect::Missed { room_id, peer, who };
            return self.driver.effect(missed);
        }
        self.driver.update(|state| {
            state.ended = Some(EndedRow {
                room_id,
                peer,
                who,
                direction: ended.direction,
                reason: ended.reason.clone(),
                by: ended.by,
                fault: ended.fault.clone(),
                connected_for: ended.connected_for,
            });
        });
    }

    async fn list_history(&self, session: &Session, rooms: &Rooms) {
        let logged = match self.store.logged_calls(LISTED) {
            Ok(logged) => logged,
            Err(error) => {
                tracing::warn!(%error, "the calls of the past cannot be read");
                return;
            }
        };
        let seen: u64 = self.store.setting(SEEN).unwrap_or_default();
        let mut rows = Vec::new();
        for call in &logged {
            if let Ok(room_id) = RoomId::parse(&call.room_id) {
                let peer: Option<OwnedUserId> =
                    call.peer.as_deref().and_then(|id| id.try_into().ok());
                let who = who::of(session, rooms, &room_id, peer.as_ref()).await;
                rows.push(HistoryRow::new(call, room_id, peer, who));
            }
        }
        let missed = rows.iter().filter(|row| row.missed && row.began > seen);
        let missed = missed.count();
        self.driver.update(|state| {
            state.history = Arc::new(rows);
            state.missed = missed;
        });
    }

    async fn see_history(&self, session: &Session, rooms: &Rooms) {
        let newest = self
            .driver
            .state
            .borrow()
            .history
            .first()
            .map(|row| row.began);
        if let Some(newest) = newest
            && let Err(error) = self.store.set_setting(SEEN, &newest)
        {
            tracing::warn!(%error, "missed calls are counted again");
        }
        self.list_history(session, rooms).await;
    }

    /// Calls somebody. Where they ring already, they are answered; where a call is under way, it is left alone.
    fn place(&mut self, session: &Session, room_id: OwnedRoomId, invitee: Option<OwnedUserId>) {
        let known = self.driver.state.borrow().calls.iter().find_map(|call| {
            let same = call.key.room_id == room_id;
            same.then(|| (call.key.clone(), call.stage))
        });
        match known {
            Some((call, Stage::Ringing)) => return self.calls.take(call, Others::Hold),
            Some(_) => return,
            None => {}
        }
        let room = session.client().get_room(&room_id);
        let can = room.is_some_and(|room| {
            let two = room.joined_members_count() == 2;
            room.state() == RoomState::Joined && (two || invitee.is_some())
        });
        self.driver.update(|state| state.ended = None);
        let placed = can && {
            let options = CallOptions::default();
            self.calls.place(room_id, invitee, options).is_some()
        };
        if !placed {
            self.driver.effect(CallEffect::Toast(Notice::NotAllowed));
        }
    }

    fn act(&mut self, session: &Session, action: CallAction) {
        match action {
            CallAction::Place { room_id, invitee } => self.place(session, room_id, invitee),
            CallAction::Answer { call, end_others } => {
                self.taken.insert(call.clone());
                let others = match end_others {
                    true => Others::End,
                    false => Others::Hold,
                };
                self.calls.take(call, others);
            }
            CallAction::Decline(call) => self.calls.reject(call),
            CallAction::HangUp(call) => self.calls.hang_up(call),
            CallAction::Mute(call, muted) => self.calls.mute(call, muted),
            CallAction::Hold(call, held) => self.calls.hold(call, held),
            CallAction::Dial(call, keys) => self.calls.dial(call, keys),
            CallAction::ChooseDevices(chosen) => self.calls.choose_devices(chosen),
            CallAction::CallAgain => {
                let ended = self.driver.state.borrow().ended.clone();
                if let Some(ended) = ended {
                    self.place(session, ended.room_id, ended.peer);
                }
            }
            CallAction::PutAway => self.driver.update(|state| state.ended = None),
            CallAction::HistorySeen => {}
        }
    }
}

/// The order in which calls are shown.
fn place(row: &CallRow) -> u8 {
    match row.stage {
        Stage::Ringing => 1,
        _ if row.held => 2,
        _ => 0,
    }
}

/// What the person is told about something that is not done; nothing if they see it themselves.
fn notice(why: Refusal) -> Option<Notice> {
    match why {
        Refusal::NoSuchCall | Refusal::NotNow => None,
        Refusal::PeerCannot | Refusal::NotAnswered => Some(Notice::CallCannot),
        Refusal::TooMany => Some(Notice::TooManyCalls),
    }
}
